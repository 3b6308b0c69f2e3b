// Answers requests on any number of connections over the listener at descriptor 3, each a line and as many bytes as that says:
// `G` asks for so many bytes; `P` is answered with the hash of those that come with it; `F` too, but out of a file that they
// were written to first; `T` asks for the clock; `S` ends the program.
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
#define LINE_MAX 64

struct connection {
    size_t got, start, end;
    char in[BYTES_MAX + LINE_MAX], out[BYTES_MAX];
};

static struct pollfd polled[CONNECTIONS_MAX + 1];
static struct connection *connections[CONNECTIONS_MAX + 1];

static void fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
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

// Answers the first request if it is whole.
static void answer(struct connection *one) {
    char *end = memchr(one->in, '\n', one->got < LINE_MAX ? one->got : LINE_MAX);
    char what = 0, name[32] = "";
    size_t count = 0;
    if (!end || sscanf(one->in, "%c %zu %31s", &what, &count, name) < 1 || count > BYTES_MAX)
        return;
    size_t line = (size_t)(end + 1 - one->in), body = what == 'P' || what == 'F' ? count : 0;
    if (one->got < line + body)
        return;
    one->start = 0;
    if (what == 'S')
        exit(0);
    if (what == 'G') {
        for (size_t at = 0; at < count; at++)
            one->out[at] = (char)(at * 31 + at / 251);
        one->end = count;
    } else if (what == 'T') {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        one->end = (size_t)sprintf(one->out, "%lld\n", now.tv_sec * 1000000000ll + now.tv_nsec);
    } else {
        uint64_t sum = what == 'F' ? keep(name, end + 1, count) : hash(end + 1, count);
        one->end = (size_t)sprintf(one->out, "%zu %016llx\n", count, (unsigned long long)sum);
    }
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

int main(void) {
    int count = 1;
    if (fcntl(3, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    polled[0].fd = 3;
    puts("listening");
    fflush(stdout);
    for (;;) {
        polled[0].events = count <= CONNECTIONS_MAX ? POLLIN : 0;
        if (poll(polled, count, -1) < 0)
            fail("poll");
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
