/* Each way to crash that has a line of its own, by the first argument's first letter. */
#include <stdlib.h>

static volatile int zero;

__attribute__((noinline))
static int divide(int a, int b) {
    return a / b;
}

__attribute__((noinline))
static int load(const volatile char *at) {
    return *at;
}

__attribute__((noinline))
static int recurse(int depth) {
    volatile char room[64] = {0};
    return recurse(depth + 1) + room[depth & 63];
}

__attribute__((noinline))
static void stop(void) {
    __builtin_trap();
}

int main(int argc, char **argv) {
    switch (argc > 1 ? argv[1][0] : 0) {
    case 'd':
        return divide(42, zero);
    case 'l':
        return load((char *)-16);
    case 'r':
        return recurse(0);
    case 'u':
        stop();
    }
    return 0;
}
