// Divides by zero, two calls deep.
#include <stdio.h>

int quotient;

__attribute__((noinline))
int divide(int a, int b) { return a / b; }

__attribute__((noinline))
int work(int n) {
    return divide(42, n);
}

int main(int argc, char **argv) {
    (void)argv;
    quotient = work(argc - 1);
    printf("%d\n", quotient);
    return 0;
}
