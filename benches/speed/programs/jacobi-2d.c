/* A stencil of five points on two planes, after PolyBench's kernel of that name. */
#include <stdio.h>

enum { N = 500, STEPS = 1300 };

static double a[N][N], b[N][N];

static void step(double from[N][N], double to[N][N]) {
    for (int i = 1; i < N - 1; i++)
        for (int j = 1; j < N - 1; j++)
            to[i][j] = 0.2 * (from[i][j] + from[i][j - 1] + from[i][j + 1] + from[i + 1][j] + from[i - 1][j]);
}

int main(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = ((double)i * (j + 2) + 2) / N;
            b[i][j] = ((double)i * (j + 3) + 3) / N;
        }
    for (int i = 0; i < STEPS; i++) {
        step(a, b);
        step(b, a);
    }
    double sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum += a[i][j] / (1 + i + j);
    printf("%.9f\n", sum);
    return 0;
}
