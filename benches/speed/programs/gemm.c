/* C = alpha A B + beta C, by rows, after PolyBench's kernel of that name. */
#include <stdio.h>

enum { NI = 320, NJ = 360, NK = 400, ROUNDS = 28 };

static double a[NI][NK], b[NK][NJ], c[NI][NJ];

int main(void) {
    for (int i = 0; i < NI; i++)
        for (int k = 0; k < NK; k++) a[i][k] = (i * k + 1) % NI / (double)NI;
    for (int k = 0; k < NK; k++)
        for (int j = 0; j < NJ; j++) b[k][j] = (k * j + 2) % NJ / (double)NJ;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < NI; i++) {
            for (int j = 0; j < NJ; j++) c[i][j] *= 0.75;
            for (int k = 0; k < NK; k++)
                for (int j = 0; j < NJ; j++) c[i][j] += 1.5 * a[i][k] * b[k][j];
        }
    double sum = 0;
    for (int i = 0; i < NI; i++)
        for (int j = 0; j < NJ; j++) sum += c[i][j] * (i ^ j);
    printf("%.6f\n", sum);
    return 0;
}
