/* A compressor by back references, with a hash of the last places, and its inverse. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BYTES = 1 << 20, HASH_LOG2 = 14, MATCH_MIN = 4, ROUNDS = 45 };

static uint8_t text[BYTES], packed[2 * BYTES], unpacked[BYTES + 300];
static uint32_t last[1 << HASH_LOG2];

static uint32_t hash(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word * 2654435761u >> (32 - HASH_LOG2);
}

static size_t pack(const uint8_t *from, size_t count, uint8_t *to) {
    size_t out = 0, literals = 0;
    memset(last, 0, sizeof last);
    for (size_t at = 0; at < count;) {
        size_t length = 0, distance = 0;
        if (at + MATCH_MIN <= count) {
            uint32_t *slot = &last[hash(from + at)];
            size_t candidate = *slot;
            *slot = (uint32_t)at;
            if (candidate < at && at - candidate < 65536) {
                while (length < 258 && at + length < count && from[candidate + length] == from[at + length]) length++;
                distance = at - candidate;
            }
        }
        if (length >= MATCH_MIN || literals == 127) {
            to[out++] = (uint8_t)literals;
            memcpy(to + out, from + at - literals, literals);
            out += literals;
            literals = 0;
            if (length < MATCH_MIN) length = 0;
            to[out++] = (uint8_t)(length != 0 ? length - MATCH_MIN + 1 : 0);
            if (length != 0) {
                to[out++] = (uint8_t)distance;
                to[out++] = (uint8_t)(distance >> 8);
                at += length;
            }
        } else {
            literals++;
            at++;
        }
    }
    to[out++] = (uint8_t)literals;
    memcpy(to + out, from + count - literals, literals);
    return out + literals;
}

static size_t unpack(const uint8_t *from, size_t count, uint8_t *to) {
    size_t out = 0;
    for (size_t at = 0; at < count;) {
        size_t literals = from[at++];
        memcpy(to + out, from + at, literals);
        out += literals;
        at += literals;
        if (at >= count) break;
        size_t length = from[at++];
        if (length != 0) {
            size_t distance = from[at] | (size_t)from[at + 1] << 8;
            at += 2;
            for (length += MATCH_MIN - 1; length != 0; length--, out++) to[out] = to[out - distance];
        }
    }
    return out;
}

int main(void) {
    static const char *const words[] = {"kernel ", "the ", "memory ", "of ", "a ", "module ", "table\n", "and ", "page "};
    uint32_t state = 7;
    size_t filled = 0, bytes = 0;
    while (filled < BYTES) {
        state = state * 1664525 + 1013904223;
        const char *word = words[(state >> 20) % 9];
        for (; *word != 0 && filled < BYTES; word++) text[filled++] = (uint8_t)*word;
        if ((state >> 12) % 7 == 0 && filled < BYTES) text[filled++] = (uint8_t)(state >> 24);
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = pack(text, BYTES, packed);
        if (unpack(packed, count, unpacked) != BYTES || memcmp(text, unpacked, BYTES) != 0) return 1;
        bytes += count;
        text[round * 1000] ^= 0x55;
    }
    printf("%lu bytes\n", (unsigned long)bytes);
    return 0;
}
