/* Fannkuch: permutations of a small array and its flips. */
#include <stdio.h>

enum { N = 10 };

int main(void) {
    int permutation[N], flipped[N], counts[N];
    int flips_max = 0, checksum = 0, rotations = N;
    long index = 0;
    for (int i = 0; i < N; i++) permutation[i] = i;
    for (;;) {
        for (; rotations != 1; rotations--) counts[rotations - 1] = rotations;
        for (int i = 0; i < N; i++) flipped[i] = permutation[i];
        int flips = 0;
        for (int first = flipped[0]; first != 0; first = flipped[0]) {
            for (int low = 0, high = first; low < high; low++, high--) {
                int kept = flipped[low];
                flipped[low] = flipped[high];
                flipped[high] = kept;
            }
            flips++;
        }
        if (flips > flips_max) flips_max = flips;
        checksum += index % 2 == 0 ? flips : -flips;
        for (;; rotations++) {
            if (rotations == N) {
                printf("%d\nflips: %d\n", checksum, flips_max);
                return 0;
            }
            int first = permutation[0];
            for (int i = 0; i < rotations; i++) permutation[i] = permutation[i + 1];
            permutation[rotations] = first;
            if (--counts[rotations] > 0) break;
        }
        index++;
    }
}
