// Answers every datagram to port 5353 with ANSWER and what it was sent, by WasmEdge's calls.
#include <stdint.h>
#include <string.h>

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct address {
    uint8_t *bytes;
    uint32_t len;
};
struct range {
    char *bytes;
    uint32_t len;
};

CALL(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t *fd);
CALL(sock_bind) int32_t sock_bind(int32_t fd, struct address *address, int32_t port);
CALL(sock_send_to) int32_t sock_send_to(int32_t fd, struct range *, int32_t, struct address *, int32_t, int32_t, uint32_t *);
CALL(sock_recv_from_v2) int32_t sock_recv_from_v2(int32_t fd, struct range *, int32_t, struct address *, int32_t, uint32_t *port, uint32_t *, uint16_t *);

enum { INET4 = 1, DATAGRAM = 1 };

int main(void) {
    uint8_t every[4] = {0};
    struct address any = {every, 4};
    int32_t fd;
    if (sock_open(INET4, DATAGRAM, &fd) != 0 || sock_bind(fd, &any, 5353) != 0) {
        return 1;
    }
    for (;;) {
        char room[1024];
        size_t said = strlen(ANSWER);
        memcpy(room, ANSWER, said);
        struct range into = {room + said, sizeof room - said};
        uint8_t storage[128] = {0};
        struct address from = {storage, sizeof storage};
        uint32_t count, port;
        uint16_t flags;
        if (sock_recv_from_v2(fd, &into, 1, &from, 0, &port, &count, &flags) != 0) {
            return 2;
        }
        struct range all = {room, said + count};
        sock_send_to(fd, &all, 1, &from, port, 0, &count);
    }
}
