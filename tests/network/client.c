// Reaches others by WasmEdge's calls. Arguments: a port of the host where someone answers what it is sent with `-` in front,
// one where nobody does, and one where datagrams are answered in the same way. Prints what each attempt gave.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct address {
    const uint8_t *bytes;
    uint32_t len;
};
struct range {
    const char *bytes;
    uint32_t len;
};

CALL(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t *fd);
CALL(sock_connect) int32_t sock_connect(int32_t fd, struct address *address, int32_t port);
CALL(sock_bind) int32_t sock_bind(int32_t fd, struct address *address, int32_t port);
CALL(sock_listen) int32_t sock_listen(int32_t fd, int32_t backlog);
CALL(sock_recv) int32_t sock_recv(int32_t fd, struct range *, int32_t, int32_t, uint32_t *, uint16_t *);
CALL(sock_send) int32_t sock_send(int32_t fd, struct range *, int32_t, int32_t, uint32_t *);
CALL(sock_send_to) int32_t sock_send_to(int32_t fd, struct range *, int32_t, struct address *, int32_t, int32_t, uint32_t *);
CALL(sock_recv_from) int32_t sock_recv_from(int32_t fd, struct range *, int32_t, struct address *, int32_t, uint32_t *, uint16_t *);
CALL(sock_shutdown) int32_t sock_shutdown(int32_t fd, int32_t how);
CALL(sock_getpeeraddr) int32_t sock_getpeeraddr(int32_t fd, struct address *, uint32_t *, uint32_t *);
CALL(sock_getlocaladdr) int32_t sock_getlocaladdr(int32_t fd, struct address *, uint32_t *, uint32_t *);
CALL(sock_getsockopt) int32_t sock_getsockopt(int32_t fd, int32_t, int32_t, int32_t *, uint32_t *);
CALL(sock_setsockopt) int32_t sock_setsockopt(int32_t fd, int32_t, int32_t, int64_t *, uint32_t);

enum { INET4 = 1, DATAGRAM = 1, STREAM = 2, WRITE = 2, TYPE = 1, RECEIVE_TIMEOUT = 11, ACCEPTS = 13 };

static const uint8_t host[4] = {10, 0, 2, 2};
static struct address to_host = {host, 4};

static int open_socket(int type) {
    int32_t fd = -1;
    int errno_ = sock_open(INET4, type, &fd);
    if (errno_)
        printf("open: %d\n", errno_);
    return fd;
}

int main(int argc, char **argv) {
    char room[64];
    struct range hello = {"hello", 5}, into = {room, sizeof room};
    uint32_t count = 0, kind = 0, port = 0;
    uint16_t flags = 0;
    uint8_t bytes[16] = {0};
    struct address end = {bytes, sizeof bytes};
    if (argc != 4)
        return 2;

    int fd = open_socket(STREAM);
    printf("send before connecting: %d\n", sock_send(fd, &hello, 1, 0, &count));
    printf("connect: %d\n", sock_connect(fd, &to_host, atoi(argv[1])));
    printf("connect again: %d\n", sock_connect(fd, &to_host, atoi(argv[1])));
    printf("peer: %d", sock_getpeeraddr(fd, &end, &kind, &port));
    printf(" version %u, %u.%u.%u.%u, %s\n", kind, bytes[0], bytes[1], bytes[2], bytes[3],
           (int)port == atoi(argv[1]) ? "that port" : "another port");
    printf("local: %d", sock_getlocaladdr(fd, &end, &kind, &port));
    printf(" %u.%u.%u.%u, %s\n", bytes[0], bytes[1], bytes[2], bytes[3], port ? "a port" : "no port");
    printf("send: %d", sock_send(fd, &hello, 1, 0, &count));
    printf(" %u\n", count);
    printf("shutdown: %d\n", sock_shutdown(fd, WRITE));
    printf("send after it: %d\n", sock_send(fd, &hello, 1, 0, &count));
    printf("receive: %d", sock_recv(fd, &into, 1, 2, &count, &flags));
    printf(" %.*s\n", (int)count, room);
    printf("receive at the end: %d", sock_recv(fd, &into, 1, 0, &count, &flags));
    printf(" %u\n", count);

    fd = open_socket(STREAM);
    printf("refused: %d\n", sock_connect(fd, &to_host, atoi(argv[2])));

    fd = open_socket(DATAGRAM);
    int64_t span[2] = {5, 0};
    printf("timeout: %d\n", sock_setsockopt(fd, 0, RECEIVE_TIMEOUT, span, 16));
    printf("send to: %d\n", sock_send_to(fd, &hello, 1, &to_host, atoi(argv[3]), 0, &count));
    printf("receive from: %d", sock_recv_from(fd, &into, 1, &end, 0, &count, &flags));
    printf(" %.*s from %u.%u.%u.%u\n", (int)count, room, bytes[0], bytes[1], bytes[2], bytes[3]);
    span[0] = 0;
    span[1] = 20000;
    sock_setsockopt(fd, 0, RECEIVE_TIMEOUT, span, 16);
    printf("receive nothing: %d\n", sock_recv_from(fd, &into, 1, &end, 0, &count, &flags));

    static const uint8_t every[4] = {0};
    struct address any = {every, 4};
    fd = open_socket(STREAM);
    printf("bind: %d\n", sock_bind(fd, &any, 80));
    printf("listen: %d\n", sock_listen(fd, 5));
    int32_t value = 0;
    uint32_t len = sizeof value;
    printf("accepts: %d", sock_getsockopt(fd, 0, ACCEPTS, &value, &len));
    printf(" %d\n", value);
    fd = open_socket(STREAM);
    sock_bind(fd, &any, 80);
    printf("listen at the same port: %d\n", sock_listen(fd, 5));
    printf("no socket: %d\n", sock_listen(1, 5));
    printf("no descriptor: %d\n", sock_listen(99, 5));
    return 0;
}
