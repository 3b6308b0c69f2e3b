/* Host of a native program, whose `main` is compiled under another name. */
#include "timing.h"

#undef main

int program_main(void);

int main(void) {
    double start = cpu_seconds();
    int status = program_main();
    report(start);
    return status;
}
