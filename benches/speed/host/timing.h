/* What a host tells the benchmark: CPU time of the program alone, start-up left out. */
#ifndef TIMING_H
#define TIMING_H

#include <stdio.h>
#include <time.h>

static inline double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The last line of standard error. */
static inline void report(double start) {
    double seconds = cpu_seconds() - start;
    fflush(stdout);
    fprintf(stderr, "cpu %.6f\n", seconds);
}

#endif
