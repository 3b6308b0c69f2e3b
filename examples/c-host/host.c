/* Runs an object of `mewz compile` on Linux: reserves memory, answers imports, names traps. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* `mewz compile --emit header` writes it. */
#include "application.h"

/* Errors of WASI preview 1. */
enum { ERRNO_SUCCESS = 0, ERRNO_BADF = 8, ERRNO_FAULT = 21, ERRNO_INVAL = 28, ERRNO_IO = 29 };

/* Most buffers of one fd_write that are taken at once; the rest is left to the next call. */
#define IOVECS_MAX 16

/* Most bytes of a memory: what a reservation holds before its guard. */
#define MEMORY_BYTES_MAX (UINT64_C(4) << 30)

static struct mewz_memory *memory(void) { return mewz_application.memories[0]; }

/* The bytes of linear memory at `offset`, or null where `bytes` of them are not there. */
static void *guest(uint32_t offset, uint64_t bytes) {
    return offset + bytes <= memory()->bytes ? memory()->base + offset : NULL;
}

/* --- Imports, by the names and types of the header. One that the module does not have is an unused function. --- */

int32_t wasi_snapshot_preview1_fd_write(int32_t fd, int32_t iovecs, int32_t count, int32_t written) {
    struct iovec buffers[IOVECS_MAX];
    uint32_t taken = (uint32_t)count < IOVECS_MAX ? (uint32_t)count : IOVECS_MAX;
    const uint32_t *pairs = guest((uint32_t)iovecs, UINT64_C(8) * taken);
    uint32_t *out = guest((uint32_t)written, 4);
    if (fd != 1 && fd != 2) return ERRNO_BADF;
    if (pairs == NULL || out == NULL) return ERRNO_FAULT;
    for (uint32_t i = 0; i < taken; i++) {
        buffers[i].iov_base = guest(pairs[2 * i], pairs[2 * i + 1]);
        buffers[i].iov_len = pairs[2 * i + 1];
        if (buffers[i].iov_base == NULL) return ERRNO_FAULT;
    }
    ssize_t bytes = writev(fd, buffers, (int)taken);
    if (bytes < 0) return ERRNO_IO;
    *out = (uint32_t)bytes;
    return ERRNO_SUCCESS;
}

void wasi_snapshot_preview1_proc_exit(int32_t status) { exit(status); }

int32_t wasi_snapshot_preview1_fd_close(int32_t fd) { return fd >= 0 && fd <= 2 ? ERRNO_SUCCESS : ERRNO_BADF; }

int32_t wasi_snapshot_preview1_fd_seek(int32_t fd, int64_t offset, int32_t whence, int32_t position) {
    (void)offset, (void)whence, (void)position;
    return fd >= 0 && fd <= 2 ? ERRNO_INVAL : ERRNO_BADF;
}

int32_t wasi_snapshot_preview1_fd_fdstat_get(int32_t fd, int32_t stat) {
    /* 24 bytes: a character device, no flags, all rights. */
    uint8_t *out = guest((uint32_t)stat, 24);
    if (fd < 0 || fd > 2) return ERRNO_BADF;
    if (out == NULL) return ERRNO_FAULT;
    memset(out, 0, 8);
    out[0] = 2;
    memset(out + 8, 0xff, 16);
    return ERRNO_SUCCESS;
}

/* --- What every object may need. --- */

int64_t mewz_memory_grow(struct mewz_memory *grown, uint64_t pages) {
    uint64_t old = grown->bytes;
    uint64_t max = grown->bytes_max < MEMORY_BYTES_MAX ? grown->bytes_max : MEMORY_BYTES_MAX;
    if (pages > (max - old) >> grown->page_bytes_log2) return -1;
    uint64_t bytes = pages << grown->page_bytes_log2;
    /* From the start: a memory with small pages may end anywhere. */
    if (bytes != 0 && mprotect(grown->base, old + bytes, PROT_READ | PROT_WRITE) != 0) return -1;
    grown->bytes = old + bytes;
    return (int64_t)(old >> grown->page_bytes_log2);
}

int64_t mewz_table_grow(struct mewz_table *table, uint64_t elements, mewz_reference value) {
    uint64_t old = table->len;
    if (elements > table->len_max - old) return -1;
    if (old + elements > table->capacity) {
        uint64_t capacity = 2 * (old + elements);
        /* The first array is part of the object, so nothing is freed. */
        uint64_t *moved = calloc(capacity, sizeof *moved);
        if (moved == NULL) return -1;
        memcpy(moved, table->elements, old * sizeof *moved);
        table->elements = moved;
        table->capacity = capacity;
    }
    for (uint64_t i = 0; i < elements; i++) table->elements[old + i] = value;
    table->len = old + elements;
    return (int64_t)old;
}

void mewz_memory_move(void *to, const void *from, uint64_t bytes) { memmove(to, from, bytes); }

void mewz_memory_fill(void *to, int32_t value, uint64_t bytes) { memset(to, value, bytes); }

void mewz_sleep(uint64_t nanoseconds) {
    struct timespec left = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    while (nanosleep(&left, &left) != 0) {}
}

/* --- Traps: the table names those on purpose, the address that was accessed the others. --- */

static uint32_t trap_kind(uint64_t instruction, uint64_t accessed) {
    uint64_t text = (uint64_t)mewz_application.text_start;
    for (uint64_t i = 0; i < mewz_application.traps_len; i++)
        if (text + mewz_application.traps[i].code_offset == instruction) return mewz_application.traps[i].kind;
    for (uint64_t i = 0; i < mewz_application.memories_len; i++)
        if (accessed - (uint64_t)mewz_application.memories[i]->base < MEWZ_MEMORY_RESERVATION)
            return MEWZ_TRAP_MEMORY_OUT_OF_BOUNDS;
    return MEWZ_TRAP_CALL_STACK_EXHAUSTED;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    static const char *const names[] = {
        [MEWZ_TRAP_UNREACHABLE] = "unreachable",
        [MEWZ_TRAP_MEMORY_OUT_OF_BOUNDS] = "out of bounds memory access",
        [MEWZ_TRAP_INTEGER_DIVIDE_BY_ZERO] = "integer divide by zero",
        [MEWZ_TRAP_INTEGER_OVERFLOW] = "integer overflow",
        [MEWZ_TRAP_INVALID_CONVERSION_TO_INTEGER] = "invalid conversion to integer",
        [MEWZ_TRAP_INDIRECT_CALL_TO_NULL] = "indirect call to null",
        [MEWZ_TRAP_INDIRECT_CALL_TYPE_MISMATCH] = "indirect call type mismatch",
        [MEWZ_TRAP_TABLE_OUT_OF_BOUNDS] = "out of bounds table access",
        [MEWZ_TRAP_CALL_STACK_EXHAUSTED] = "call stack exhausted",
        [MEWZ_TRAP_MISSING_IMPORT] = "missing import",
        [MEWZ_TRAP_NULL_REFERENCE] = "null reference",
        [MEWZ_TRAP_OUT_OF_MEMORY] = "out of memory",
        [MEWZ_TRAP_UNCAUGHT_EXCEPTION] = "uncaught exception",
        [MEWZ_TRAP_UNALIGNED_ATOMIC] = "unaligned atomic",
        [MEWZ_TRAP_SHARED_MEMORY_EXPECTED] = "expected shared memory",
        [MEWZ_TRAP_ENDLESS_WAIT] = "wait without end",
    };
    uint64_t instruction = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    const uint8_t *at = (const uint8_t *)instruction;
    if (at < mewz_application.text_start || at >= mewz_application.text_end) {
        /* A fault of this file's own: let it happen again without us. */
        signal(number, SIG_DFL);
        return;
    }
    const char *name = names[trap_kind(instruction, (uint64_t)info->si_addr)];
    (void)!write(2, "trap: ", 6);
    (void)!write(2, name, strlen(name));
    (void)!write(2, "\n", 1);
    _exit(134);
}

static void catch_traps(void) {
    static uint8_t stack[64 << 10];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

/* Reserves address space for each memory and opens its first pages. */
static void reserve_memories(void) {
    for (uint64_t i = 0; i < mewz_application.memories_len; i++) {
        struct mewz_memory *reserved = mewz_application.memories[i];
        if (reserved->bytes > MEMORY_BYTES_MAX) {
            fprintf(stderr, "memory %llu is too large for this host\n", (unsigned long long)i);
            exit(1);
        }
        void *base = mmap(NULL, MEWZ_MEMORY_RESERVATION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED) {
            perror("no address space for linear memory");
            exit(1);
        }
        reserved->base = base;
        if (reserved->bytes != 0 && mprotect(base, reserved->bytes, PROT_READ | PROT_WRITE) != 0) {
            perror("no memory for linear memory");
            exit(1);
        }
    }
}

int main(void) {
    if (mewz_application.magic != MEWZ_APPLICATION_MAGIC || mewz_application.version != MEWZ_APPLICATION_VERSION) {
        fprintf(stderr, "the object is of another version of mewz\n");
        return 1;
    }
    if (mewz_application.start == NULL) {
        fprintf(stderr, "the module exports no function `_start`\n");
        return 1;
    }
    catch_traps();
    reserve_memories();
    mewz_application.instantiate();
    mewz_application.start();
    return 0;
}
