// An HTTP server on any number of connections over the listener at descriptor 3. `GET /N` is answered with N bytes, `POST` with
// the hash of those that come with it, `PUT` too, but out of the file that they were written to first; `GET /time` with the
// clocks, and `GET /stop` with the end of the program.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define BYTES_MAX 65536
#define HEAD_MAX 256
// Longest wait for a request, where one has an end.
#define WAIT_MS 100

struct connection {
    size_t got, start, end;
    char in[BYTES_MAX + HEAD_MAX], out[BYTES_MAX + HEAD_MAX];
};

static struct pollfd polled[CONNECTIONS_MAX + 1];
static struct connection *connections[CONNECTIONS_MAX + 1];

static void fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now_ns(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now))
        fail("clock_gettime");
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static uint64_t hash(const char *bytes, size_t count) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t at = 0; at < count; at++)
        hash = (hash ^ (uint8_t)bytes[at]) * 0x100000001b3;
    return hash;
}

// Writes a file so that it stays, and reads it again.
static uint64_t keep(const char *path, const char *bytes, size_t count) {
    static char again[BYTES_MAX];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        fail(path);
    if (write(fd, bytes, count) != (ssize_t)count || fsync(fd))
        fail("write");
    if (lseek(fd, 0, SEEK_SET) || read(fd, again, sizeof again) != (ssize_t)count)
        fail("read");
    if (close(fd))
        fail("close");
    return hash(again, count);
}

// The length of the request's head, whose text goes to `head`, or 0 where it is not all there.
static size_t take_head(const struct connection *one, char head[HEAD_MAX + 1]) {
    size_t len = one->got < HEAD_MAX ? one->got : HEAD_MAX;
    memcpy(head, one->in, len);
    head[len] = 0;
    char *end = strstr(head, "\r\n\r\n");
    return end ? (size_t)(end + 4 - head) : 0;
}

// Answers the first request if it is whole.
static void answer(struct connection *one) {
    char head[HEAD_MAX + 1], method[8], path[32], text[128];
    size_t line = take_head(one, head), body = 0, count;
    if (!line || sscanf(head, "%7s %31s", method, path) != 2)
        return;
    char *length = strstr(head, "Content-Length: ");
    if (length && (sscanf(length, "Content-Length: %zu", &body) != 1 || body > BYTES_MAX))
        exit(2);
    if (one->got < line + body)
        return;
    if (!strcmp(path, "/stop"))
        exit(0);
    int is_bytes = 0;
    if (!strcmp(path, "/time")) {
        long long before = now_ns(CLOCK_MONOTONIC), wall = now_ns(CLOCK_REALTIME), after = now_ns(CLOCK_MONOTONIC);
        count = (size_t)sprintf(text, "%lld %lld %lld\n", before, wall, after);
    } else if (!strcmp(method, "GET")) {
        is_bytes = 1;
        count = strtoul(path + 1, 0, 10);
        if (count > BYTES_MAX)
            exit(2);
    } else {
        char *bytes = one->in + line;
        uint64_t sum = strcmp(method, "PUT") ? hash(bytes, body) : keep(path, bytes, body);
        count = (size_t)sprintf(text, "%zu %016llx\n", body, (unsigned long long)sum);
    }
    one->start = 0;
    one->end = (size_t)sprintf(one->out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", count);
    for (size_t at = 0; at < count; at++)
        one->out[one->end++] = is_bytes ? (char)(at * 31 + at / 251) : text[at];
    one->got -= line + body;
    memmove(one->in, one->in + line + body, one->got);
}

// Moves what can be moved; returns whether the connection is over.
static int serve(struct connection *one, int fd, int revents) {
    if (revents & (POLLIN | POLLHUP | POLLERR) && one->got < sizeof one->in) {
        ssize_t got = recv(fd, one->in + one->got, sizeof one->in - one->got, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return 1;
        one->got += got > 0 ? (size_t)got : 0;
    }
    for (;;) {
        if (one->start == one->end)
            one->start = one->end = 0, answer(one);
        if (one->start == one->end)
            return 0;
        ssize_t put = send(fd, one->out + one->start, one->end - one->start, 0);
        if (put < 0)
            return errno != EAGAIN;
        one->start += (size_t)put;
    }
}

// Waits for requests, every eighth time not for ever; a wait that ends with none has lasted as long as it should.
static void wait_for_requests(int count) {
    static unsigned waits;
    long long begun = now_ns(CLOCK_MONOTONIC);
    int ready = poll(polled, count, ++waits % 8 ? -1 : WAIT_MS);
    long long waited = now_ns(CLOCK_MONOTONIC) - begun;
    if (ready < 0)
        fail("poll");
    if (waited < 0 || (ready == 0 && waited < WAIT_MS * 1000000ll)) {
        printf("poll: waited %lld ns\n", waited);
        exit(1);
    }
}

int main(void) {
    int count = 1;
    if (fcntl(3, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    polled[0].fd = 3;
    puts("listening");
    fflush(stdout);
    for (;;) {
        polled[0].events = count <= CONNECTIONS_MAX ? POLLIN : 0;
        wait_for_requests(count);
        for (int at = count - 1; at > 0; at--) {
            struct connection *one = connections[at];
            if (polled[at].revents && serve(one, polled[at].fd, polled[at].revents)) {
                close(polled[at].fd);
                free(one);
                count--;
                polled[at] = polled[count];
                connections[at] = connections[count];
            } else {
                polled[at].events = one->start < one->end ? POLLOUT : POLLIN;
            }
        }
        int fd = polled[0].revents & POLLIN && count <= CONNECTIONS_MAX ? accept(3, 0, 0) : -1;
        if (fd < 0)
            continue;
        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
            fail("fcntl of a connection");
        polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
        connections[count] = calloc(1, sizeof(struct connection));
        count++;
    }
}
