/* What an object of `mewz compile` holds and needs, for C. The truth is kernel/abi/src/{application,symbol,trap}.rs.
 *
 * Code follows the System V calling convention at every boundary. An import is an undefined symbol named by module, field
 * and type, `module$field$parameters$results`, with the letters i (i32), I (i64), f (f32), F (f64), v (v128), p (funcref)
 * and e (externref); MEWZ_SYMBOL gives a C function such a name. */
#ifndef MEWZ_H
#define MEWZ_H

#include <stdint.h>

#define MEWZ_SYMBOL(name) __asm__(name)

#define MEWZ_APPLICATION_MAGIC UINT64_C(0x007070617a77656d) /* "mewzapp" in memory */
#define MEWZ_APPLICATION_VERSION 1

/* Bytes to reserve for a memory with 32-bit indices: no access can leave them, so none is checked. */
#define MEWZ_MEMORY_RESERVATION ((UINT64_C(8) << 30) + 65536)

/* A linear memory. Set `base` and make `bytes` bytes there accessible before `instantiate`. */
struct mewz_memory {
    uint8_t *base;
    uint64_t bytes;
    uint64_t bytes_max;
    uint32_t flags;
    uint32_t page_bytes_log2;
};

/* A table; each element is 8 bytes, 0 is null. */
struct mewz_table {
    uint64_t *elements;
    uint64_t len;
    uint64_t len_max;
    uint64_t capacity;
};

/* An export: a function, a table, a memory or the value of a global (kinds 0 to 3). */
struct mewz_export {
    const char *name; /* UTF-8, not terminated */
    uint32_t name_len;
    uint32_t kind;
    const char *type; /* letters, not terminated */
    uint64_t type_len;
    void *address;
};

/* An instruction that traps on purpose; `code_offset` counts from `text_start`. */
struct mewz_trap_site {
    uint32_t code_offset;
    uint32_t wasm_offset;
    uint32_t kind;
};

enum mewz_trap_kind {
    MEWZ_TRAP_UNREACHABLE = 1,
    MEWZ_TRAP_MEMORY_OUT_OF_BOUNDS = 2,
    MEWZ_TRAP_INTEGER_DIVIDE_BY_ZERO = 3,
    MEWZ_TRAP_INTEGER_OVERFLOW = 4,
    MEWZ_TRAP_INVALID_CONVERSION_TO_INTEGER = 5,
    MEWZ_TRAP_INDIRECT_CALL_TO_NULL = 6,
    MEWZ_TRAP_INDIRECT_CALL_TYPE_MISMATCH = 7,
    MEWZ_TRAP_TABLE_OUT_OF_BOUNDS = 8,
    MEWZ_TRAP_CALL_STACK_EXHAUSTED = 9,
    MEWZ_TRAP_MISSING_IMPORT = 10,
    MEWZ_TRAP_NULL_REFERENCE = 11,
    MEWZ_TRAP_OUT_OF_MEMORY = 12
};

/* The descriptor of a compiled module. */
struct mewz_application {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
    uint64_t cpu_features;
    void (*instantiate)(void); /* call once, after the memories are there; it may trap */
    void (*start)(void);       /* the export `_start`, or null */
    struct mewz_memory **memories;
    uint64_t memories_len;
    struct mewz_table **tables;
    uint64_t tables_len;
    const struct mewz_export *exports;
    uint64_t exports_len;
    const struct mewz_trap_site *traps; /* ascending by code_offset */
    uint64_t traps_len;
    const uint8_t *text_start;
    const uint8_t *text_end;
};

extern const struct mewz_application mewz_application;

/* What every object may need. */

/* The old size in pages, or -1 and nothing changed. */
int64_t mewz_memory_grow(struct mewz_memory *memory, uint64_t pages);

/* The old length, or -1 and nothing changed; new elements hold `value`. */
int64_t mewz_table_grow(struct mewz_table *table, uint64_t elements, uint64_t value);

/* memmove and memset on addresses that are already checked. */
void mewz_memory_move(void *to, const void *from, uint64_t bytes);
void mewz_memory_fill(void *to, int32_t value, uint64_t bytes);

#endif
