// Tells what it gets from outside: arguments, environment, a file, input, the time, random numbers.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int done(void) { return 7; }

static void show(FILE *file) {
    char line[64] = "";
    if (!file || !fgets(line, sizeof line, file))
        exit(1);
    printf("%s", line);
}

int main(int argc, char **argv) {
    char line[64] = "";
    unsigned random = 0;
    printf("%s, %s\n", argv[argc - 1], getenv("WORD"));
    show(fopen("/data/file", "r"));
    if (!fgets(line, sizeof line, stdin) || getentropy(&random, sizeof random))
        return 1;
    printf("%s%u at %lld\n", line, random, (long long)time(0));
    return done();
}
