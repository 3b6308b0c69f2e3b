/* Host of an object of `mewz compile`: linear memory at the address that the object was compiled for, MEMORY_BASE. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mewz.h"
#include "timing.h"

#define WASI(result, name, type, ...)                                                   \
    result name(__VA_ARGS__) MEWZ_SYMBOL("wasi_snapshot_preview1$" #name "$" type);     \
    result name(__VA_ARGS__)

static int fits(uint32_t offset, uint64_t bytes) { return offset + bytes <= mewz_application.memories[0]->bytes; }

static void *guest(uint32_t offset) { return mewz_application.memories[0]->base + offset; }

#include "wasi.h"

int64_t mewz_memory_grow(struct mewz_memory *grown, uint64_t pages) {
    uint64_t old = grown->bytes;
    if (pages > (grown->bytes_max - old) >> grown->page_bytes_log2) return -1;
    uint64_t bytes = pages << grown->page_bytes_log2;
    if (bytes != 0 && mprotect(grown->base + old, bytes, PROT_READ | PROT_WRITE) != 0) return -1;
    grown->bytes = old + bytes;
    return (int64_t)(old >> grown->page_bytes_log2);
}

int64_t mewz_table_grow(struct mewz_table *table, uint64_t elements, mewz_reference value) {
    uint64_t old = table->len;
    if (elements > table->capacity - old) return -1;
    for (uint64_t i = 0; i < elements; i++) table->elements[old + i] = value;
    table->len = old + elements;
    return (int64_t)old;
}

void mewz_memory_move(void *to, const void *from, uint64_t bytes) { memmove(to, from, bytes); }

void mewz_memory_fill(void *to, int32_t value, uint64_t bytes) { memset(to, value, bytes); }

/* Leaves what the program counted in the file that MEWZ_COUNTERS names. */
static int leave_counters(void) {
    const char *name = getenv("MEWZ_COUNTERS");
    size_t len = mewz_application.counters_len;
    if (name == NULL || len == 0) return 1;
    FILE *file = fopen(name, "wb");
    return file != NULL && fwrite(mewz_application.counters, 8, len, file) == len && fclose(file) == 0;
}

int main(void) {
    if (mewz_application.start == NULL || mewz_application.memories_len != 1) {
        fprintf(stderr, "not a program with one memory\n");
        return 1;
    }
    struct mewz_memory *memory = mewz_application.memories[0];
    void *base = mmap((void *)MEMORY_BASE, MEWZ_MEMORY_RESERVATION, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (base != (void *)MEMORY_BASE || mprotect(base, memory->bytes, PROT_READ | PROT_WRITE) != 0) {
        perror("no address space for linear memory");
        return 1;
    }
    memory->base = base;
    mewz_application.instantiate();
    double start = cpu_seconds();
    mewz_application.start();
    report(start);
    return !leave_counters();
}
