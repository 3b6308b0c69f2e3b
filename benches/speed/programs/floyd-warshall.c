/* Shortest paths between all pairs, after PolyBench's kernel of that name. */
#include <stdio.h>

enum { N = 850 };

static int paths[N][N];

int main(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) paths[i][j] = (i + j) % 13 == 0 || (i + j) % 7 == 0 ? 999 : i * j % 7 + 1;
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                int through = paths[i][k] + paths[k][j];
                paths[i][j] = paths[i][j] < through ? paths[i][j] : through;
            }
    long sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum += (long)paths[i][j] * ((i ^ j) & 15);
    printf("%ld\n", sum);
    return 0;
}
