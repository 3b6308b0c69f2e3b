/* Host of what wasm2c made of a module. */
#include <unistd.h>

#include "program.h"
#include "timing.h"

static wasm_rt_memory_t *memory;

static int fits(uint32_t offset, uint64_t bytes) { return offset + bytes <= memory->size; }

static void *guest(uint32_t offset) { return memory->data + offset; }

#define WASI(result, name, type, ...)                                                                   \
    result Z_wasi_snapshot_preview1Z_##name(struct Z_wasi_snapshot_preview1_instance_t *self, __VA_ARGS__); \
    result Z_wasi_snapshot_preview1Z_##name(struct Z_wasi_snapshot_preview1_instance_t *self, __VA_ARGS__)

#include "wasi.h"

int main(void) {
    static Z_program_instance_t program;
    wasm_rt_init();
    Z_program_init_module();
    Z_program_instantiate(&program, NULL);
    memory = Z_programZ_memory(&program);
    double start = cpu_seconds();
    Z_programZ__start(&program);
    report(start);
    return 0;
}
