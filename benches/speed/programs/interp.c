/* An interpreter of a small register machine: loads, a switch, stores. */
#include <stdint.h>
#include <stdio.h>

enum operation { LOAD, ADD, SUB, MUL, XOR, SHIFT, LESS, JUMP_IF, STORE, FETCH, MOVE, STOP };

struct instruction {
    uint8_t operation, a, b, c;
    int32_t constant;
};

static int32_t memory[1024];

static int32_t run(const struct instruction *program) {
    int32_t registers[16] = {0};
    for (const struct instruction *at = program;; at++) {
        int32_t *a = &registers[at->a & 15];
        const int32_t b = registers[at->b & 15], c = registers[at->c & 15];
        switch (at->operation) {
        case LOAD: *a = at->constant; break;
        case ADD: *a = (int32_t)((uint32_t)b + (uint32_t)c); break;
        case SUB: *a = (int32_t)((uint32_t)b - (uint32_t)c); break;
        case MUL: *a = (int32_t)((uint32_t)b * (uint32_t)c); break;
        case XOR: *a = b ^ c; break;
        case SHIFT: *a = (int32_t)((uint32_t)b >> (at->constant & 31)); break;
        case LESS: *a = b < c; break;
        case JUMP_IF: if (*a) at = program + at->constant - 1; break;
        case STORE: memory[b & 1023] = c; break;
        case FETCH: *a = memory[b & 1023]; break;
        case MOVE: *a = b; break;
        case STOP: return *a;
        }
    }
}

int main(void) {
    static const struct instruction program[] = {
        {LOAD, 0, 0, 0, 0},          /* i */
        {LOAD, 1, 0, 0, 22000000},    /* limit */
        {LOAD, 2, 0, 0, 1},          /* one */
        {LOAD, 3, 0, 0, 0x9e3779b1}, /* factor */
        {MUL, 4, 0, 3, 0},           /* 4: loop */
        {SHIFT, 5, 4, 0, 15},
        {XOR, 4, 4, 5, 0},
        {FETCH, 6, 4, 0, 0},
        {ADD, 6, 6, 4, 0},
        {STORE, 0, 5, 6, 0},
        {SUB, 7, 7, 6, 0},
        {MOVE, 8, 7, 0, 0},
        {ADD, 0, 0, 2, 0},
        {LESS, 9, 0, 1, 0},
        {JUMP_IF, 9, 0, 0, 4},
        {STOP, 8, 0, 0, 0},
    };
    printf("%d\n", run(program));
    return 0;
}
