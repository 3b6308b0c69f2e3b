// A server of HTTP that answers every request with ANSWER, one at a time, on the listener that it finds open.
// What it is asked for: `/` the answer, `/close` the answer and the end of the connection, `/page` and `/chunked` the answer
// as HTML, `/trap` its own end.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef ANSWER
#define ANSWER "one"
#endif

#define CONNECTIONS 64

static struct pollfd polled[1 + CONNECTIONS];
static char requests[1 + CONNECTIONS][4096];
static size_t lengths[1 + CONNECTIONS];

static void leave(int at, int *count) {
    close(polled[at].fd);
    *count -= 1;
    polled[at] = polled[*count];
    lengths[at] = lengths[*count];
    memcpy(requests[at], requests[*count], lengths[at]);
}

// Answers what has come whole; returns whether the connection goes on.
static int answer(int at) {
    char *request = requests[at];
    request[lengths[at]] = 0;
    if (!strstr(request, "\r\n\r\n")) {
        return lengths[at] + 1 < sizeof requests[at];
    }
    if (strncmp(request, "GET /trap", 9) == 0) {
        __builtin_trap();
    }
    int closes = strncmp(request, "GET /close", 10) == 0 || strstr(request, "Connection: close");
    char response[256];
    int length;
    if (strncmp(request, "GET /page", 9) == 0) {
        length = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                          "Content-Length: %zu\r\n\r\n<p>%s", strlen(ANSWER) + 3, ANSWER);
    } else if (strncmp(request, "GET /chunked", 12) == 0) {
        length = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", strlen(ANSWER), ANSWER);
    } else {
        length = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s",
                          strlen(ANSWER), closes ? "Connection: close\r\n" : "", ANSWER);
    }
    lengths[at] = 0;
    return write(polled[at].fd, response, length) == length && !closes;
}

int main(void) {
#ifdef TRAPS
    __builtin_trap();
#endif
    printf("serving " ANSWER "\n");
    fflush(stdout);
    polled[0] = (struct pollfd){.fd = 3, .events = POLLRDNORM};
    int count = 1;
    for (;;) {
        if (poll(polled, count, -1) < 0) {
            perror("poll");
            return 1;
        }
        for (int at = count - 1; at > 0; at--) {
            if (!polled[at].revents) {
                continue;
            }
            ssize_t came = read(polled[at].fd, requests[at] + lengths[at], sizeof requests[at] - 1 - lengths[at]);
            if (came > 0) {
                lengths[at] += came;
            }
            if (came <= 0 || !answer(at)) {
                leave(at, &count);
            }
        }
        if (polled[0].revents && count <= CONNECTIONS) {
            int client = accept(3, NULL, NULL);
            if (client >= 0) {
                polled[count] = (struct pollfd){.fd = client, .events = POLLRDNORM};
                lengths[count] = 0;
                count += 1;
            }
        }
    }
}
