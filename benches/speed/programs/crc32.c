/* CRC-32 by a table of 256 entries, a byte at a time. */
#include <stdint.h>
#include <stdio.h>

enum { BYTES = 1 << 20, ROUNDS = 160 };

static uint32_t table[256];
static uint8_t data[BYTES];

static void make_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++) remainder = remainder >> 1 ^ (remainder & 1 ? 0xedb88320u : 0);
        table[byte] = remainder;
    }
}

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t count) {
    crc = ~crc;
    for (size_t i = 0; i < count; i++) crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    return ~crc;
}

int main(void) {
    uint32_t state = 1, crc = 0;
    make_table();
    for (int i = 0; i < BYTES; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (uint8_t)(state >> 24);
    }
    for (int round = 0; round < ROUNDS; round++) crc = crc32(crc, data, BYTES);
    printf("%08x\n", crc);
    return 0;
}
