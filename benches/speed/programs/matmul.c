/* A product of matrices, row by column. */
#include <stdio.h>

enum { N = 360 };

static double a[N][N], b[N][N], c[N][N];

int main(void) {
    double trace = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * j % 17) / 16.0;
            b[i][j] = (i + 3 * j) % 13 / 8.0;
        }
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
        for (int i = 0; i < N; i++) {
            trace += c[i][i];
            a[i][round] += 0.5;
        }
    }
    printf("%.6f\n", trace);
    return 0;
}
