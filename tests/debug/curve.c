/* A curve's points, computed in two ways that always agree. */
enum { NUMBERS = 11, POINTS = 400000000 };

static volatile unsigned table[NUMBERS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};

/* Returns how many points were computed; stops where one is wrong. */
__attribute__((noinline))
static unsigned compute(void) {
    unsigned a = table[0], b = table[1], c = table[2], d = table[3], e = table[4], f = table[5];
    unsigned g = table[6], h = table[7], i = table[8], j = table[9], k = table[10];
    unsigned x = 1;
    for (; x < POINTS; x++) {
        unsigned kept = (((((((((a * x + b) * x + c) * x + d) * x + e) * x + f) * x + g) * x + h) * x + i) * x + j) * x + k;
        unsigned looked_up = 0;
        for (int at = 0; at < NUMBERS; at++)
            looked_up = looked_up * x + table[at];
        if (kept != looked_up)
            __builtin_trap();
    }
    return x;
}

int main(void) {
    return compute() == POINTS ? 7 : 8;
}
