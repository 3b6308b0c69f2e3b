// A server of HTTP that answers every request with `answer-` and a number, one connection after the other, on the listener
// at descriptor 3. The number is a constant of one function: saves change it there, in the module itself.
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// More than 27 bits, so that it has five bytes whatever it is. `application.rs` knows it.
#define FIRST 0x20000000

// Code that is there for its size; `ballast.c` is generated.
unsigned ballast(unsigned);

// Nobody else knows the number: callers must not conclude it from the function.
__attribute__((noinline)) unsigned version(void) {
    volatile unsigned number = FIRST;
    return number;
}

int main(void) {
    struct pollfd listener = {.fd = 3, .events = POLLRDNORM};
    // Never true, as only people know.
    if (version() == 1) {
        printf("%u\n", ballast(version()));
    }
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        if (poll(&listener, 1, -1) < 0) {
            perror("poll");
            return 1;
        }
        int client = accept(3, NULL, NULL);
        if (client < 0) {
            continue;
        }
        char request[4096];
        size_t length = 0;
        for (;;) {
            struct pollfd readable = {.fd = client, .events = POLLRDNORM};
            poll(&readable, 1, -1);
            ssize_t came = read(client, request + length, sizeof request - 1 - length);
            if (came <= 0) {
                break;
            }
            length += came;
            request[length] = 0;
            if (strstr(request, "\r\n\r\n")) {
                char answer[200];
                int size = snprintf(answer, sizeof answer,
                                    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nanswer-%05u",
                                    version() - FIRST);
                write(client, answer, size);
                break;
            }
        }
        close(client);
    }
}
