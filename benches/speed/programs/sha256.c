/* SHA-256: rotations and additions. Source: FIPS 180-4. */
#include <stdint.h>
#include <stdio.h>

enum { BLOCKS = 1 << 14, ROUNDS = 72 };

static uint32_t constants[64], state[8];
static uint8_t data[BLOCKS * 64];

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void block(const uint8_t *bytes) {
    uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 16; i++, bytes += 4)
        w[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/* The first 32 bits of the fractional parts of the roots of the first primes. */
static void make_constants(void) {
    int count = 0;
    for (int candidate = 2; count < 64; candidate++) {
        int is_prime = 1;
        for (int divisor = 2; divisor * divisor <= candidate; divisor++) is_prime &= candidate % divisor != 0;
        if (!is_prime) continue;
        /* The integer cube root of candidate * 2^96 would not fit: the root is found bit by bit in 128 bits. */
        uint64_t root = 0;
        for (int bit = 35; bit >= 0; bit--) {
            uint64_t next = root | UINT64_C(1) << bit;
            if ((unsigned __int128)next * next * next <= (unsigned __int128)candidate << 96) root = next;
        }
        constants[count] = (uint32_t)root;
        if (count < 8) {
            uint64_t square = 0;
            for (int bit = 35; bit >= 0; bit--) {
                uint64_t next = square | UINT64_C(1) << bit;
                if ((unsigned __int128)next * next <= (unsigned __int128)candidate << 64) square = next;
            }
            state[count] = (uint32_t)square;
        }
        count++;
    }
}

int main(void) {
    make_constants();
    for (int i = 0; i < BLOCKS * 64; i++) data[i] = (uint8_t)(i * 7 + (i >> 8));
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < BLOCKS; i++) block(data + i * 64);
    for (int i = 0; i < 8; i++) printf("%08x", state[i]);
    printf("\n");
    return 0;
}
