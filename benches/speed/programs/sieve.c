/* The sieve of Eratosthenes, a byte a number. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { N = 1 << 20, ROUNDS = 240 };

static uint8_t is_composite[N];

int main(void) {
    long primes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memset(is_composite, 0, sizeof is_composite);
        for (int i = 2; i * i < N; i++)
            if (!is_composite[i])
                for (int j = i * i; j < N; j += i) is_composite[j] = 1;
        for (int i = 2 + round; i < N; i++) primes += !is_composite[i];
    }
    printf("%ld\n", primes);
    return 0;
}
