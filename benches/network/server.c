// An HTTP server of one thread that waits by poll, for WASI and for a host: what the benchmark `network` drives.
//
//     GET /            a few bytes
//     GET /bytes/N     N bytes, N at most 1 GiB
//     POST /anything   takes the body, and tells how long it was
//     GET /stop        ends the program
//
// With WASI the listener is descriptor 3; on a host the first argument is the port, of 127.0.0.1.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#ifndef __wasi__
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#endif

#define CONNECTIONS_MAX 3000
#define HEAD_MAX 4096
#define PIECE 65536

struct connection {
    size_t head_bytes;            // of a request, in `head`
    unsigned long long body_left; // of it, to come
    unsigned long long body_bytes;
    int has_body, closes;
    const char *out; // what is to be sent: first this, then `filler_left` bytes of filler
    size_t out_bytes;
    unsigned long long filler_left;
    char head[HEAD_MAX + 1];
    char answer[256];
};

static struct pollfd polled[CONNECTIONS_MAX + 1];
static struct connection *connections[CONNECTIONS_MAX + 1];
static char filler[PIECE], sink[PIECE];
static int has_to_stop;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void answer(struct connection *one, const char *status, unsigned long long filler_bytes, const char *text) {
    int bytes = snprintf(one->answer, sizeof one->answer, "HTTP/1.1 %s\r\nContent-Length: %llu\r\n%s\r\n%s", status,
                         filler_bytes ? filler_bytes : (unsigned long long)strlen(text),
                         one->closes ? "Connection: close\r\n" : "", text);
    one->out = one->answer;
    one->out_bytes = (size_t)bytes;
    one->filler_left = filler_bytes;
}

// The value of a header of the request, or null.
static const char *header(const char *head, const char *name) {
    size_t bytes = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, bytes) && line[2 + bytes] == ':')
            return line + 2 + bytes + 1 + (line[2 + bytes + 1] == ' ');
    return 0;
}

// Begins with the request at the front of `head`, if it is there whole; returns its length or 0.
static size_t begin(struct connection *one) {
    one->head[one->head_bytes] = 0;
    char *end = strstr(one->head, "\r\n\r\n");
    if (!end) {
        if (one->head_bytes == HEAD_MAX) {
            one->closes = 1;
            answer(one, "431 Too Large", 0, "");
            return one->head_bytes;
        }
        return 0;
    }
    char kept = end[2];
    end[2] = 0;
    const char *connection = header(one->head, "connection");
    one->closes = connection && !strncasecmp(connection, "close", 5);
    if (!strncmp(one->head, "POST ", 5)) {
        const char *length = header(one->head, "content-length");
        one->body_bytes = one->body_left = length ? strtoull(length, 0, 10) : 0;
        one->has_body = 1;
    } else if (!strncmp(one->head, "GET /bytes/", 11)) {
        unsigned long long bytes = strtoull(one->head + 11, 0, 10);
        answer(one, "200 OK", bytes > 1u << 30 ? 1u << 30 : bytes, "");
    } else if (!strncmp(one->head, "GET /stop", 9)) {
        has_to_stop = 1;
        one->closes = 1;
        answer(one, "200 OK", 0, "stopped\n");
    } else {
        answer(one, "200 OK", 0, "hello, world\n");
    }
    end[2] = kept;
    return (size_t)(end + 4 - one->head);
}

// Sends what is to be sent; 0 while there is more, -1 when the connection is over, 1 when all is sent.
static int send_out(int fd, struct connection *one) {
    while (one->out_bytes || one->filler_left) {
        if (!one->out_bytes) {
            one->out = filler;
            one->out_bytes = one->filler_left < PIECE ? (size_t)one->filler_left : PIECE;
            one->filler_left -= one->out_bytes;
        }
        ssize_t sent = send(fd, one->out, one->out_bytes, 0);
        if (sent < 0)
            return errno == EAGAIN ? 0 : -1;
        one->out += sent;
        one->out_bytes -= (size_t)sent;
    }
    return 1;
}

// Goes on as far as the connection lets it; returns whether it is over.
static int serve(struct pollfd *at, struct connection *one) {
    for (;;) {
        int sent = send_out(at->fd, one);
        at->events = sent == 0 ? POLLOUT : POLLIN;
        if (sent <= 0)
            return sent < 0;
        if (one->closes && !one->has_body && one->out)
            return 1;
        one->out = 0;
        if (!one->has_body) {
            size_t bytes = begin(one);
            if (bytes) {
                one->head_bytes -= bytes;
                memmove(one->head, one->head + bytes, one->head_bytes);
            } else {
                ssize_t got = recv(at->fd, one->head + one->head_bytes, HEAD_MAX - one->head_bytes, 0);
                if (got <= 0)
                    return got == 0 || errno != EAGAIN;
                one->head_bytes += (size_t)got;
            }
            continue;
        }
        size_t here = one->body_left < one->head_bytes ? (size_t)one->body_left : one->head_bytes;
        if (here) {
            one->head_bytes -= here;
            memmove(one->head, one->head + here, one->head_bytes);
            one->body_left -= here;
        } else if (one->body_left) {
            ssize_t got = recv(at->fd, sink, one->body_left < PIECE ? (size_t)one->body_left : PIECE, 0);
            if (got <= 0)
                return got == 0 || errno != EAGAIN;
            one->body_left -= (size_t)got;
        }
        if (!one->body_left) {
            char text[32];
            snprintf(text, sizeof text, "%llu\n", one->body_bytes);
            one->has_body = 0;
            answer(one, "200 OK", 0, text);
        }
    }
}

static int listener(int argc, char **argv) {
#ifdef __wasi__
    (void)argc, (void)argv;
    return 3;
#else
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 8080));
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096))
        fail("listen");
    return fd;
#endif
}

int main(int argc, char **argv) {
    int count = 1;
    polled[0].fd = listener(argc, argv);
    polled[0].events = POLLIN;
    if (fcntl(polled[0].fd, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    memset(filler, 'x', sizeof filler);
    puts("listening");
    fflush(stdout);
    while (!has_to_stop) {
        if (poll(polled, (nfds_t)count, -1) < 0)
            fail("poll");
        while (polled[0].revents & POLLIN && count <= CONNECTIONS_MAX) {
            int fd = accept(polled[0].fd, 0, 0);
            if (fd < 0) {
                if (errno != EAGAIN)
                    fail("accept");
                break;
            }
            if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                fail("fcntl of a connection");
#ifndef __wasi__
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#endif
            polled[count] = (struct pollfd){.fd = fd, .events = POLLIN, .revents = POLLIN};
            connections[count] = calloc(1, sizeof(struct connection));
            if (!connections[count])
                fail("calloc");
            count++;
        }
        // From the last on: one that is over gives its place to the last, which has been looked at.
        for (int at = count - 1; at >= 1; at--) {
            if (!polled[at].revents)
                continue;
            polled[at].revents = 0;
            if (serve(&polled[at], connections[at])) {
                close(polled[at].fd);
                free(connections[at]);
                count--;
                polled[at] = polled[count];
                connections[at] = connections[count];
            }
        }
    }
    return 0;
}
