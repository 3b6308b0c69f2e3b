// A server by WasmEdge's calls alone: sends its arguments to the first who connects to port 8080, and ends with status 3.
#include <stdint.h>
#include <stdio.h>
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
CALL(sock_bind) int32_t sock_bind(int32_t fd, struct address *address, int32_t port);
CALL(sock_listen) int32_t sock_listen(int32_t fd, int32_t backlog);
CALL(sock_accept) int32_t sock_accept(int32_t fd, int32_t *accepted);
CALL(sock_send) int32_t sock_send(int32_t fd, struct range *, int32_t, int32_t, uint32_t *);
CALL(sock_recv) int32_t sock_recv(int32_t fd, struct range *, int32_t, int32_t, uint32_t *, uint16_t *);
CALL(sock_shutdown) int32_t sock_shutdown(int32_t fd, int32_t how);

enum { INET4 = 1, STREAM = 2, WRITE = 2 };

int main(int argc, char **argv) {
    static const uint8_t any[4];
    struct address everywhere = {any, 4};
    int32_t fd, connection;
    int32_t failed = sock_open(INET4, STREAM, &fd);
    if (!failed) failed = sock_bind(fd, &everywhere, 8080);
    if (!failed) failed = sock_listen(fd, 8);
    printf("listening: %d\n", failed);
    fflush(stdout);
    if (failed || sock_accept(fd, &connection)) return 1;
    for (int at = 1; at < argc; at++) {
        struct range parts[2] = {{argv[at], strlen(argv[at])}, {"\n", 1}};
        uint32_t sent;
        if (sock_send(connection, parts, 2, 0, &sent)) return 1;
    }
    if (sock_shutdown(connection, WRITE)) return 1;
    // The machine ends with the program: what is on its way must have arrived before.
    char room[16];
    struct range into = {room, sizeof room};
    uint32_t count;
    uint16_t flags;
    if (sock_recv(connection, &into, 1, 0, &count, &flags) || count) return 1;
    return 3;
}
