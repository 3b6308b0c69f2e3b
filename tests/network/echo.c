// An echo server over the listener at descriptor 3, for any number of connections at once: what comes on a connection goes
// back on it, until the other end closes. `stop` on a connection ends the program.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 400
#define BYTES_MAX 65536

struct connection {
    size_t start, end;
    int has_ended;
    char bytes[BYTES_MAX];
};

static struct pollfd polled[CONNECTIONS_MAX + 1];
static struct connection *connections[CONNECTIONS_MAX + 1];

static void fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

int main(void) {
    int count = 1;
    if (fcntl(3, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    polled[0].fd = 3;
    polled[0].events = POLLIN;
    puts("listening");
    fflush(stdout);
    for (;;) {
        if (poll(polled, count, -1) < 0)
            fail("poll");
        if (polled[0].revents & POLLIN && count <= CONNECTIONS_MAX) {
            int fd = accept(3, 0, 0);
            if (fd < 0 && errno != EAGAIN)
                fail("accept");
            if (fd >= 0) {
                if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                    fail("fcntl of a connection");
                polled[count].fd = fd;
                polled[count].events = POLLIN;
                polled[count].revents = 0;
                connections[count] = calloc(1, sizeof(struct connection));
                count++;
            }
        }
        for (int at = 1; at < count; at++) {
            struct connection *one = connections[at];
            int is_over = 0;
            if (polled[at].revents & POLLIN && one->start == one->end && !one->has_ended) {
                ssize_t got = recv(polled[at].fd, one->bytes, BYTES_MAX, 0);
                one->start = 0;
                one->end = got > 0 ? (size_t)got : 0;
                one->has_ended = got == 0;
                is_over = got < 0 && errno != EAGAIN;
                if (got == 4 && !memcmp(one->bytes, "stop", 4))
                    return 0;
            }
            while (!is_over && one->start < one->end) {
                ssize_t put = send(polled[at].fd, one->bytes + one->start, one->end - one->start, 0);
                if (put < 0 && errno == EAGAIN)
                    break;
                is_over = put < 0;
                if (put > 0)
                    one->start += (size_t)put;
            }
            polled[at].events = one->start < one->end ? POLLOUT : POLLIN;
            if (is_over || (one->has_ended && one->start == one->end)) {
                close(polled[at].fd);
                free(one);
                count--;
                polled[at] = polled[count];
                connections[at] = connections[count];
                at--;
            }
        }
    }
}
