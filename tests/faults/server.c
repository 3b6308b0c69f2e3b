// Serves one connection after another over the listener at descriptor 3, by calls that wait. The first line of a connection
// says what to do; what the calls gave is printed. With arguments it does that one thing and ends.
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct address {
    const uint8_t *bytes;
    uint32_t len;
};

CALL(sock_open) int32_t sock_open(int32_t family, int32_t type, int32_t *fd);
CALL(sock_connect) int32_t sock_connect(int32_t fd, struct address *address, int32_t port);

static uint8_t bytes[2 << 20];

static uint64_t hash_more(uint64_t hash, const uint8_t *from, size_t count) {
    for (size_t at = 0; at < count; at++)
        hash = (hash ^ from[at]) * 0x100000001b3;
    return hash;
}

static void tell(const char *what, ssize_t result) {
    if (result < 0)
        printf("%s: error %d\n", what, errno);
    else
        printf("%s: %zd\n", what, result);
}

// Sends so many bytes with one call.
static void give(int fd, size_t count) {
    for (size_t at = 0; at < count; at++)
        bytes[at] = (uint8_t)(at * 31 + at / 251);
    tell("gave", write(fd, bytes, count));
    tell("gave more", write(fd, bytes, 1));
    tell("gave more", write(fd, bytes, 1));
}

// Reads to the end and answers with the hash.
static void take(int fd) {
    uint64_t hash = 0xcbf29ce484222325;
    size_t count = 0;
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        hash = hash_more(hash, bytes, (size_t)got);
        count += (size_t)got;
    }
    tell("took", got);
    char answer[64];
    int len = snprintf(answer, sizeof answer, "%zu %016llx\n", count, (unsigned long long)hash);
    tell("answered", write(fd, answer, (size_t)len));
}

// Reads until something goes wrong, and tries on.
static void suffer(int fd) {
    tell("suffered", read(fd, bytes, sizeof bytes));
    tell("read on", read(fd, bytes, sizeof bytes));
    tell("wrote", write(fd, bytes, 1));
}

// Says all that it has, then listens to the end.
static void half(int fd) {
    tell("said", write(fd, "goodbye", 7));
    tell("shut", shutdown(fd, SHUT_WR));
    tell("said after it", write(fd, "x", 1));
    ssize_t got, count = 0;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        count += got;
    tell("heard", got < 0 ? got : count);
}

// Leaves with bytes unread.
static void leave(int fd) {
    struct pollfd one = {fd, POLLIN, 0};
    tell("polled", poll(&one, 1, -1));
}

// Connects to an address of 4 or 16 bytes in hexadecimal digits, and a port.
static void reach(const char *digits, const char *port) {
    uint8_t octets[16];
    struct address address = {octets, (uint32_t)strlen(digits) / 2};
    for (uint32_t at = 0; at < address.len; at++) {
        char pair[3] = {digits[2 * at], digits[2 * at + 1], 0};
        octets[at] = (uint8_t)strtoul(pair, 0, 16);
    }
    int32_t fd = -1;
    int32_t opened = sock_open(address.len == 4 ? 1 : 2, 2, &fd);
    printf("reach: %d %d\n", opened, sock_connect(fd, &address, atoi(port)));
    if (opened == 0)
        close(fd);
}

// Returns whether that was all.
static int obey(int fd, const char *what, const char *first, const char *second) {
    if (!strcmp(what, "give"))
        give(fd, strtoul(first, 0, 10));
    else if (!strcmp(what, "take"))
        take(fd);
    else if (!strcmp(what, "suffer"))
        suffer(fd);
    else if (!strcmp(what, "half"))
        half(fd);
    else if (!strcmp(what, "leave"))
        leave(fd);
    else if (!strcmp(what, "reach"))
        reach(first, second);
    if (!strcmp(what, "last")) {
        give(fd, strtoul(first, 0, 10));
        // Without a word of goodbye.
        exit(0);
    }
    return !strcmp(what, "stop");
}

int main(int argc, char **argv) {
    setvbuf(stdout, 0, _IOLBF, 0);
    if (argc == 4)
        return obey(-1, argv[1], argv[2], argv[3]);
    puts("listening");
    for (;;) {
        int fd = accept(3, 0, 0);
        if (fd < 0) {
            tell("accepted", -1);
            return 1;
        }
        char line[128], what[16] = "", first[64] = "", second[16] = "";
        size_t len = 0;
        while (len < sizeof line - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
            len++;
        line[len] = 0;
        sscanf(line, "%15s %63s %15s", what, first, second);
        int is_over = obey(fd, what, first, second);
        tell("closed", close(fd));
        if (is_over)
            return 0;
    }
}
