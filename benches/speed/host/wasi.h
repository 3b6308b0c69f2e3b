/* The part of WASI preview 1 that the programs use. Before it is included, `WASI` begins a function's definition and
 * `fits(offset, bytes)` and `guest(offset)` find bytes of linear memory, which may begin at address 0. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

/* Errors of WASI preview 1. */
enum { ERRNO_SUCCESS = 0, ERRNO_BADF = 8, ERRNO_FAULT = 21, ERRNO_IO = 29, ERRNO_SPIPE = 70 };

/* Most buffers of one fd_write that are taken at once; the rest is left to the next call. */
#define IOVECS_MAX 16

#define IS_STANDARD(fd) ((fd) <= 2)

static uint32_t store32(uint32_t offset, uint32_t value) {
    if (!fits(offset, sizeof value)) return ERRNO_FAULT;
    memcpy(guest(offset), &value, sizeof value);
    return ERRNO_SUCCESS;
}

WASI(uint32_t, fd_write, "iiii$i", uint32_t fd, uint32_t iovecs, uint32_t count, uint32_t written) {
    struct iovec buffers[IOVECS_MAX];
    uint32_t taken = count < IOVECS_MAX ? count : IOVECS_MAX;
    if (fd != 1 && fd != 2) return ERRNO_BADF;
    if (!fits(iovecs, UINT64_C(8) * taken)) return ERRNO_FAULT;
    const uint32_t *pairs = guest(iovecs);
    for (uint32_t i = 0; i < taken; i++) {
        if (!fits(pairs[2 * i], pairs[2 * i + 1])) return ERRNO_FAULT;
        buffers[i].iov_base = guest(pairs[2 * i]);
        buffers[i].iov_len = pairs[2 * i + 1];
    }
    ssize_t bytes = writev((int)fd, buffers, (int)taken);
    return bytes < 0 ? ERRNO_IO : store32(written, (uint32_t)bytes);
}

WASI(uint32_t, fd_fdstat_get, "ii$i", uint32_t fd, uint32_t stat) {
    /* 24 bytes: a character device, no flags, all rights. */
    if (!IS_STANDARD(fd)) return ERRNO_BADF;
    if (!fits(stat, 24)) return ERRNO_FAULT;
    uint8_t *out = guest(stat);
    memset(out, 0, 8);
    out[0] = 2;
    memset(out + 8, 0xff, 16);
    return ERRNO_SUCCESS;
}

WASI(uint32_t, clock_time_get, "iIi$i", uint32_t clock, uint64_t precision, uint32_t time) {
    struct timespec now;
    (void)precision;
    if (!fits(time, 8)) return ERRNO_FAULT;
    clock_gettime(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    memcpy(guest(time), &nanoseconds, sizeof nanoseconds);
    return ERRNO_SUCCESS;
}

WASI(void, proc_exit, "i$", uint32_t status) { exit((int)status); }

/* --- Neither arguments nor an environment, neither files nor input. --- */

WASI(uint32_t, args_sizes_get, "ii$i", uint32_t count, uint32_t bytes) { return store32(count, 0) | store32(bytes, 0); }
WASI(uint32_t, args_get, "ii$i", uint32_t pointers, uint32_t bytes) { return (void)pointers, (void)bytes, ERRNO_SUCCESS; }
WASI(uint32_t, environ_sizes_get, "ii$i", uint32_t count, uint32_t bytes) { return store32(count, 0) | store32(bytes, 0); }
WASI(uint32_t, environ_get, "ii$i", uint32_t pointers, uint32_t bytes) { return (void)pointers, (void)bytes, ERRNO_SUCCESS; }
WASI(uint32_t, fd_close, "i$i", uint32_t fd) { return IS_STANDARD(fd) ? ERRNO_SUCCESS : ERRNO_BADF; }
WASI(uint32_t, fd_fdstat_set_flags, "ii$i", uint32_t fd, uint32_t flags) { return (void)fd, (void)flags, ERRNO_BADF; }
WASI(uint32_t, fd_prestat_get, "ii$i", uint32_t fd, uint32_t out) { return (void)fd, (void)out, ERRNO_BADF; }
WASI(uint32_t, fd_renumber, "ii$i", uint32_t from, uint32_t to) { return (void)from, (void)to, ERRNO_BADF; }

WASI(uint32_t, fd_prestat_dir_name, "iii$i", uint32_t fd, uint32_t path, uint32_t bytes) {
    return (void)fd, (void)path, (void)bytes, ERRNO_BADF;
}

WASI(uint32_t, fd_read, "iiii$i", uint32_t fd, uint32_t iovecs, uint32_t count, uint32_t read) {
    return (void)fd, (void)iovecs, (void)count, store32(read, 0);
}

WASI(uint32_t, fd_seek, "iIii$i", uint32_t fd, uint64_t offset, uint32_t whence, uint32_t position) {
    return (void)offset, (void)whence, (void)position, IS_STANDARD(fd) ? ERRNO_SPIPE : ERRNO_BADF;
}

WASI(uint32_t, path_open, "iiiiiIIii$i", uint32_t fd, uint32_t follow, uint32_t path, uint32_t bytes, uint32_t how,
     uint64_t rights, uint64_t inherited, uint32_t flags, uint32_t opened) {
    (void)fd, (void)follow, (void)path, (void)bytes, (void)how, (void)rights, (void)inherited, (void)flags, (void)opened;
    return ERRNO_BADF;
}
