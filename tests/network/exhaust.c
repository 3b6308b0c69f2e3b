// Takes sockets until there are none left, in every way that there is; says how many there were of each, and goes on.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct address {
    const uint8_t *bytes;
    uint32_t len;
};

CALL(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t *fd);
CALL(sock_bind) int32_t sock_bind(int32_t fd, struct address *address, int32_t port);
CALL(sock_listen) int32_t sock_listen(int32_t fd, int32_t backlog);
CALL(sock_connect) int32_t sock_connect(int32_t fd, struct address *address, int32_t port);

enum { INET4 = 1, DATAGRAM = 1, STREAM = 2, INPROGRESS = 26 };

static const uint8_t any[4], silent[4] = {10, 0, 2, 77};
static struct address everywhere = {any, 4}, nobody = {silent, 4};

// The errno of using the socket, 0 where that went well.
static int bind_datagrams(int fd) { return sock_bind(fd, &everywhere, 0); }

static int connect_stream(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int failed = sock_connect(fd, &nobody, 9);
    return failed == INPROGRESS ? 0 : failed;
}

static int listen_somewhere(int fd) { return sock_listen(fd, 8); }

// Opens and uses sockets until that fails, closes them all.
static void exhaust(const char *what, int type, int (*use)(int)) {
    int first = -1, last = -1, count = 0, failed = 0;
    for (;;) {
        int fd;
        failed = sock_open(INET4, type, &fd);
        if (failed) break;
        if (first < 0) first = fd;
        last = fd;
        failed = use(fd);
        if (failed) break;
        count++;
    }
    for (int fd = first; fd <= last; fd++) close(fd);
    printf("%s: %d, then errno %d\n", what, count, failed);

}

int main(void) {
    for (int round = 0; round < 2; round++) {
        exhaust("datagrams", DATAGRAM, bind_datagrams);
        exhaust("connections", STREAM, connect_stream);
        exhaust("listeners", STREAM, listen_somewhere);
    }
    // Files know the same end.
    int count = 0;
    while (open("/t/file", O_CREAT | O_RDWR, 0600) >= 0) count++;
    perror("files");
    // Memory is there for what programs do next.
    close(100);
    char *bytes = malloc(1 << 20);
    FILE *file = fopen("/t/file", "w");
    if (!bytes || !file || fprintf(file, "%s", "on") != 2 || fclose(file)) return 1;
    printf("files: %d\nwent on\n", count);
    return 0;
}
