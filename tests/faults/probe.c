// Asks sockets what tests of other kinds don't: connections that are made without waiting, several ranges at once, what
// polling tells, options, names. The argument is a port of 10.0.0.9 where someone answers; on the next one nobody does.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct address {
    const uint8_t *bytes;
    uint32_t len;
};
struct range {
    char *bytes;
    uint32_t len;
};
struct socket_address {
    uint8_t family;
    uint32_t len;
    uint8_t *data;
};
struct information {
    uint16_t flags;
    uint8_t family, type;
    uint32_t protocol, address_len;
    struct socket_address *address;
    char *name;
    uint32_t name_len;
    struct information *next;
};

CALL(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t *fd);
CALL(sock_connect) int32_t sock_connect(int32_t fd, struct address *, int32_t port);
CALL(sock_recv) int32_t sock_recv(int32_t fd, struct range *, int32_t, int32_t, uint32_t *, uint16_t *);
CALL(sock_send) int32_t sock_send(int32_t fd, struct range *, int32_t, int32_t, uint32_t *);
CALL(sock_getsockopt) int32_t sock_getsockopt(int32_t fd, int32_t, int32_t, int32_t *, uint32_t *);
CALL(sock_getaddrinfo)
int32_t sock_getaddrinfo(const char *, uint32_t, const char *, uint32_t, struct information *, struct information **, uint32_t, uint32_t *);

enum { INET4 = 1, DATAGRAM = 1, STREAM = 2, TYPE = 1, ERROR = 2, ACCEPTS = 13 };

static const uint8_t there[4] = {10, 0, 0, 9};
static struct address to = {there, 4};

static void set_flags(int fd, int flags) {
    if (__wasi_fd_fdstat_set_flags(fd, (__wasi_fdflags_t)flags))
        exit(2);
}

static int flags_of(int fd) {
    __wasi_fdstat_t stat;
    return __wasi_fd_fdstat_get(fd, &stat) ? -1 : stat.fs_flags;
}

// Waits for one thing, at most so long; prints what came of it.
static void wait_for(const char *what, int fd, int tag, uint64_t limit_ms) {
    __wasi_subscription_t wanted[2] = {{.userdata = 1}, {.userdata = 2}};
    __wasi_event_t events[2];
    size_t count = 0;
    wanted[0].u.tag = (uint8_t)tag;
    wanted[0].u.u.fd_read.file_descriptor = fd;
    wanted[1].u.tag = __WASI_EVENTTYPE_CLOCK;
    wanted[1].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    wanted[1].u.u.clock.timeout = limit_ms * 1000000;
    int errno_ = __wasi_poll_oneoff(wanted, events, 2, &count);
    printf("%s: %d, %zu event of %llu, error %d", what, errno_, count, events[0].userdata, events[0].error);
    printf(", hung up %d\n", events[0].userdata == 1 && events[0].fd_readwrite.flags & 1);
}

static int option(int fd, int name) {
    int32_t value = -1;
    uint32_t len = sizeof value;
    int32_t errno_ = sock_getsockopt(fd, 0, name, &value, &len);
    return errno_ ? -errno_ : value;
}

// A socket that does not wait, on its way to a port.
static int begin(int port) {
    int32_t fd = -1;
    sock_open(INET4, STREAM, &fd);
    set_flags(fd, __WASI_FDFLAGS_NONBLOCK);
    printf("begun: %d\n", sock_connect(fd, &to, port));
    wait_for("made", fd, __WASI_EVENTTYPE_FD_WRITE, 30000);
    printf("error: %d", option(fd, ERROR));
    printf(", then: %d\n", option(fd, ERROR));
    return fd;
}

static void names(void) {
    uint8_t data[26];
    struct socket_address address = {0, sizeof data, data};
    struct information result = {.address = &address}, hints = {.family = INET4, .type = STREAM}, *list = &result;
    uint32_t count = 0;
    // Names carry a NUL inside their length.
    int32_t errno_ = sock_getaddrinfo("10.0.0.9", 9, "http", 5, &hints, &list, 1, &count);
    printf("number: %d, %u of family %d: %d.%d.%d.%d port %d\n", errno_, count, result.family, data[2], data[3], data[4],
           data[5], data[0] * 256 + data[1]);
    printf("name: %d\n", sock_getaddrinfo("a.name", 7, "80", 3, &hints, &list, 1, &count));
    printf("service: %d\n", sock_getaddrinfo("10.0.0.9", 9, "nonsense", 9, &hints, &list, 1, &count));
}

int main(int argc, char **argv) {
    int port = argc == 2 ? atoi(argv[1]) : 0;
    begin(port + 1);
    int fd = begin(port);
    printf("type: %d, accepts: %d\n", option(fd, TYPE), option(fd, ACCEPTS));
    int32_t datagrams = -1;
    sock_open(INET4, DATAGRAM, &datagrams);
    printf("type: %d, accepts: %d\n", option(datagrams, TYPE), option(datagrams, ACCEPTS));

    // Seven bytes into ranges of two, none, four and five; what is behind them stays.
    char room[16];
    memset(room, '-', sizeof room);
    struct range ranges[4] = {{room, 2}, {room + 2, 0}, {room + 3, 4}, {room + 8, 5}};
    uint32_t got = 99;
    uint16_t flags[3] = {0xaaaa, 0xaaaa, 0xaaaa};
    printf("nothing yet: %d\n", sock_recv(fd, ranges, 4, 0, &got, &flags[1]));
    struct range word = {"now", 3};
    sock_send(fd, &word, 1, 0, &got);
    wait_for("readable", fd, __WASI_EVENTTYPE_FD_READ, 30000);
    printf("received: %d, %.16s", sock_recv(fd, ranges, 4, 0, &got, &flags[1]), room);
    printf(", %u, flags %04x %04x %04x\n", got, flags[0], flags[1], flags[2]);

    // Until nothing more fits; the other end takes it when it is told to.
    static char many[100000];
    struct range all = {many, sizeof many};
    size_t sent = 0;
    int32_t errno_;
    while ((errno_ = sock_send(fd, &all, 1, 0, &got)) == 0) {
        sent += got;
        wait_for("room", fd, __WASI_EVENTTYPE_FD_WRITE, 200);
        if (sent > 10000000)
            return 1;
    }
    printf("full: %d\n", errno_);
    fflush(stdout);
    wait_for("room again", fd, __WASI_EVENTTYPE_FD_WRITE, 30000);
    // The other end takes all and leaves.
    wait_for("left", fd, __WASI_EVENTTYPE_FD_READ, 30000);
    printf("the end: %d", sock_recv(fd, ranges, 4, 0, &got, &flags[1]));
    printf(", %u\n", got);
    printf("flags: %d", flags_of(fd));
    set_flags(fd, 0);
    printf(", then %d\n", flags_of(fd));
    names();
    return 0;
}
