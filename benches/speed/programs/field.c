/* Multiplication modulo 2^255 - 19 in limbs of 51 bits, as curve cryptography has it: products of 64 by 64 bits. */
#include <stdint.h>
#include <stdio.h>

typedef unsigned __int128 wide;

enum { LIMBS = 5, STEPS = 8000000 };

static const uint64_t MASK = (UINT64_C(1) << 51) - 1;

static void multiply(uint64_t out[LIMBS], const uint64_t a[LIMBS], const uint64_t b[LIMBS]) {
    wide sums[LIMBS];
    for (int i = 0; i < LIMBS; i++) {
        sums[i] = 0;
        for (int j = 0; j < LIMBS; j++) sums[i] += (wide)a[j] * b[(i + LIMBS - j) % LIMBS] * (j > i ? 19 : 1);
    }
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        sums[i] += carry;
        out[i] = (uint64_t)sums[i] & MASK;
        carry = (uint64_t)(sums[i] >> 51);
    }
    out[0] += carry * 19;
}

int main(void) {
    uint64_t x[LIMBS] = {1, 2, 3, 4, 5}, y[LIMBS] = {77, 666, 5555, 44444, 333333};
    for (int i = 0; i < STEPS; i++) {
        multiply(x, x, y);
        multiply(y, y, x);
    }
    for (int i = 0; i < LIMBS; i++) printf("%llx ", (unsigned long long)x[i]);
    printf("\n");
    return 0;
}
