/* --- What every object has and needs. Code follows the System V calling convention at every boundary. A function with
 * two or more results takes, after its parameters, an array of values that it fills in order. --- */

/* Gives a C name the symbol that stands in the object. */
#define MEWZ_SYMBOL(name) __asm__(name)

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t mewz_v128 __attribute__((vector_size(16)));

/* A reference: 0 is null. */
typedef uint64_t mewz_reference;

/* A result of a function with several. */
typedef union mewz_value {
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
    mewz_v128 v128;
    mewz_reference reference;
} mewz_value;

/* A linear memory. Before `instantiate` set `base`, and make `bytes` bytes there accessible. */
struct mewz_memory {
    uint8_t *base;
    uint64_t bytes;     /* valid now */
    uint64_t bytes_max; /* as declared */
    uint32_t flags;     /* MEWZ_MEMORY_... */
    uint32_t page_bytes_log2;
};

/* A table; each element is 8 bytes, 0 is null. */
struct mewz_table {
    mewz_reference *elements;
    uint64_t len;
    uint64_t len_max;
    uint64_t capacity; /* elements that fit without moving them */
};

/* What a function reference points to; only compiled code calls `code`. */
struct mewz_function_reference {
    const void *code;
    const void *type_identity; /* equal for equal types */
};

/* An export: the address of a function, a struct mewz_table, a struct mewz_memory or a global's value. */
struct mewz_export {
    const char *name; /* UTF-8, not terminated */
    uint32_t name_len;
    uint32_t kind;    /* MEWZ_EXPORT_... */
    const char *type; /* letters: i (i32), I (i64), f (f32), F (f64), v (v128), p (funcref), e (externref), more for
                       * other references; `parameters$results` for functions; not terminated */
    uint64_t type_len;
    void *address;
};

/* An instruction that traps on purpose; `code_offset` counts from `text_start`, `wasm_offset` in the module's file. */
struct mewz_trap_site {
    uint32_t code_offset;
    uint32_t wasm_offset;
    uint32_t kind; /* MEWZ_TRAP_... */
};

/* A tag of exceptions: its address is its identity. */
struct mewz_tag {
    const void *type_identity;
    uint64_t index;
};

/* An exception; what it carries follows, at multiples of the values' sizes. */
struct mewz_exception {
    const struct mewz_tag *tag;
    void *owner;
    uint64_t state;
    struct mewz_exception *next;
};

/* Exceptions of all objects of the program, which need no help to unwind. */
struct mewz_exceptions {
    void *first;
    const struct mewz_exception *thrown; /* the last one, which is the cause of the trap "uncaught exception" */
};

/* The descriptor of a compiled module. */
struct mewz_application {
    uint64_t magic;            /* MEWZ_APPLICATION_MAGIC */
    uint32_t version;          /* MEWZ_APPLICATION_VERSION */
    uint32_t flags;            /* MEWZ_APPLICATION_... */
    uint64_t cpu_features;     /* MEWZ_CPU_..., which the processor must have */
    void (*instantiate)(void); /* call once, after the memories are there; it may trap */
    void (*start)(void);       /* the export `_start`, or null */
    struct mewz_memory *const *memories; /* imported ones first */
    uint64_t memories_len;
    struct mewz_table *const *tables; /* imported ones first */
    uint64_t tables_len;
    const struct mewz_export *exports;
    uint64_t exports_len;
    const struct mewz_trap_site *traps; /* ascending by code_offset */
    uint64_t traps_len;
    const uint8_t *text_start;
    const uint8_t *text_end;
    struct mewz_exceptions *exceptions; /* null where the module knows of no exceptions */
    uint64_t *counters; /* where what runs is counted, else null */
    uint64_t counters_len;
};

extern const struct mewz_application mewz_application;

/* What an object may need beside its imports: whoever links it defines these. */

/* The old size in pages, or -1 and nothing changed. */
int64_t mewz_memory_grow(struct mewz_memory *memory, uint64_t pages);

/* The old length, or -1 and nothing changed; new elements hold `value`. */
int64_t mewz_table_grow(struct mewz_table *table, uint64_t elements, mewz_reference value);

/* memmove and memset on addresses that are already checked. */
void mewz_memory_move(void *to, const void *from, uint64_t bytes);
void mewz_memory_fill(void *to, int32_t value, uint64_t bytes);

/* Returns when so much time has passed: an atomic wait that nobody ends but its time limit. */
void mewz_sleep(uint64_t nanoseconds);
