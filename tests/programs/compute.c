/* What a program can do without files: arguments, environment, standard streams, numbers, memory, clocks.
 *
 * Usage: compute PART [ARGUMENT]..., where PART names one of the functions at the end. What can differ between two runs
 * (times, random bytes) is printed as a fact about it that can't.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const void *bytes, size_t len, uint64_t hash)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return hash;
}

static const uint64_t hash_start = 14695981039346656037u;

/* xorshift64*: the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static int compare_strings(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int arguments(int count, char **values)
{
    for (int i = 0; i < count; i++)
        printf("argument %d: [%s] %zu bytes\n", i, values[i], strlen(values[i]));
    int len = 0;
    while (environ[len])
        len++;
    char **sorted = malloc((len + 1) * sizeof *sorted);
    memcpy(sorted, environ, len * sizeof *sorted);
    qsort(sorted, len, sizeof *sorted, compare_strings);
    for (int i = 0; i < len; i++)
        printf("environment: [%s]\n", sorted[i]);
    const char *missing = getenv("MEWZ_TEST_MISSING");
    printf("missing variable: %s\n", missing ? missing : "(null)");
    free(sorted);
    return 0;
}

static int input(int count, char **values)
{
    (void)count, (void)values;
    char buffer[4001];
    uint64_t hash = hash_start;
    size_t bytes = 0, lines = 0, len;
    while ((len = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
        hash = hash_of(buffer, len, hash);
        bytes += len;
        for (size_t i = 0; i < len; i++)
            lines += buffer[i] == '\n';
    }
    printf("%zu bytes, %zu lines, hash %016" PRIx64 ", end %d, error %d\n", bytes, lines, hash, !!feof(stdin),
           !!ferror(stdin));
    return 0;
}

/* Both streams, binary, in pieces of many sizes. */
static int output(int count, char **values)
{
    size_t total = count > 0 ? strtoul(values[0], NULL, 10) : 1000;
    uint64_t state = 42;
    static unsigned char block[70000];
    for (size_t written = 0; written < total;) {
        size_t len = next_random(&state) % sizeof block;
        if (len > total - written)
            len = total - written;
        for (size_t i = 0; i < len; i++)
            block[i] = (unsigned char)next_random(&state);
        if (fwrite(block, 1, len, stdout) != len)
            return 1;
        written += len;
    }
    for (int i = 0; i < 2000; i++)
        fprintf(stderr, "line %d of standard error, %x\n", i, i * 2654435761u);
    return fflush(stdout) ? 1 : 0;
}

static int integers(int count, char **values)
{
    (void)count, (void)values;
    uint64_t state = 7;
    uint64_t hash = hash_start;
    for (int i = 0; i < 20000; i++) {
        uint64_t a = next_random(&state), b = next_random(&state) >> (i % 64);
        int64_t c = (int64_t)a, d = (int64_t)(b | 1);
        uint64_t results[] = {
            a * b,
            a / (b | 1),
            a % (b | 1),
            (uint64_t)(d == -1 ? 0 : c / d),
            (uint64_t)(d == -1 ? 0 : c % d),
            a << (b & 63),
            (uint64_t)(c >> (b & 63)),
            a >> (b & 63),
            (a << 13 | a >> 51),
            (uint64_t)__builtin_popcountll(a),
            (uint64_t)__builtin_clzll(a | 1),
            (uint64_t)__builtin_ctzll(a | (uint64_t)1 << 63),
            (uint64_t)(int8_t)a + (uint64_t)(int16_t)b + (uint64_t)(int32_t)a,
            (uint64_t)((unsigned __int128)a * b >> 64),
            a < b,
            c < d,
        };
        hash = hash_of(results, sizeof results, hash);
        if (i % 4000 == 0)
            printf("%" PRIu64 " * %" PRIu64 " = %" PRIu64 ", / %" PRId64 "\n", a, b, results[0], results[3]);
    }
    printf("hash %016" PRIx64 "\n", hash);
    return 0;
}

static int floats(int count, char **values)
{
    (void)count, (void)values;
    static const double inputs[] = {0.0, -0.0, 0.1, 0.5, -0.5, 1.5, 2.5, -3.7, 1e-310, 1e300, 12345.678, 4503599627370497.5};
    uint64_t hash = hash_start;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        double x = inputs[i];
        printf("%.17g: sqrt %.17g sin %.17g exp %.17g floor %g ceil %g trunc %g rint %g\n", x, sqrt(fabs(x)), sin(x),
               exp(x < 700 ? x : 1), floor(x), ceil(x), trunc(x), rint(x));
        for (size_t j = 0; j < sizeof inputs / sizeof *inputs; j++) {
            double y = inputs[j];
            double results[] = {x + y, x - y, x * y, fmin(x, y), fmax(x, y), copysign(x, y), fmod(x, y + 1),
                                pow(fabs(x), 0.3), atan2(x, y), (double)(float)x, hypot(x / 2, y / 2)};
            for (size_t k = 0; k < sizeof results / sizeof *results; k++)
                if (results[k] == results[k])
                    hash = hash_of(&results[k], sizeof(double), hash);
        }
    }
    printf("infinity %g, nan is %s, 1/3 float %.9g, integers %d %u %lld\n", 1 / inputs[0] > 1e308 ? INFINITY : 0,
           isnan(NAN) ? "nan" : "a number", 1.0f / 3, (int)-3.99, (unsigned)4e9, (long long)-9.2e18);
    printf("parsed %.17g %.17g %.17g\n", strtod("3.14159265358979323846", NULL), strtod("0x1.8p-3", NULL),
           strtod("-1e-320", NULL));
    /* Four independent chains: what a vectorising compiler turns into lanes. */
    static float lanes[4096];
    for (int i = 0; i < 4096; i++)
        lanes[i] = (float)(i % 37) * 0.25f - 3;
    for (int round = 0; round < 50; round++)
        for (int i = 0; i < 4096; i++)
            lanes[i] = lanes[i] * 0.875f + (float)((i * round) & 15);
    int32_t sums[8] = {0};
    for (int i = 0; i < 4096; i++)
        sums[i & 7] += (int32_t)lanes[i];
    for (int i = 0; i < 8; i++)
        printf("lane %d: %" PRId32 "\n", i, sums[i]);
    printf("hash %016" PRIx64 "\n", hash);
    return 0;
}

/* Grows the heap well over the first pages, in pieces that are checked, freed and taken again. */
static int memory(int count, char **values)
{
    (void)count, (void)values;
    enum { pieces = 300 };
    static unsigned char *piece[pieces];
    static size_t len[pieces];
    uint64_t state = 3;
    uint64_t hash = hash_start;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < pieces; i++) {
            len[i] = 1 + next_random(&state) % 120000;
            piece[i] = malloc(len[i]);
            if (!piece[i]) {
                printf("no memory for piece %d\n", i);
                return 1;
            }
            memset(piece[i], i + round, len[i]);
        }
        for (int i = 0; i < pieces; i++) {
            for (size_t j = 0; j < len[i]; j++)
                if (piece[i][j] != (unsigned char)(i + round)) {
                    printf("piece %d was overwritten\n", i);
                    return 1;
                }
            if (i % 3 == 0) {
                piece[i] = realloc(piece[i], len[i] * 2);
                memmove(piece[i] + len[i] / 2, piece[i], len[i]);
            }
            hash = hash_of(piece[i], len[i], hash);
            free(piece[i]);
        }
    }
    unsigned char *zeros = calloc(9000000, 1);
    unsigned all = 0;
    for (int i = 0; i < 9000000; i++)
        all |= zeros[i];
    printf("hash %016" PRIx64 ", zeros %u\n", hash, all);
    free(zeros);
    return 0;
}

typedef uint64_t (*step)(uint64_t, int);

static uint64_t descend_left(uint64_t value, int depth);
static uint64_t descend_right(uint64_t value, int depth);

/* Called through memory, so that no compiler turns the recursion into a loop. */
static step volatile steps[2] = {descend_left, descend_right};

static uint64_t descend_left(uint64_t value, int depth)
{
    if (depth == 0)
        return value;
    return steps[value & 1](value * 6364136223846793005u + 1, depth - 1) + (uint64_t)depth;
}

static uint64_t descend_right(uint64_t value, int depth)
{
    if (depth == 0)
        return value;
    return steps[value >> 7 & 1](value ^ value >> 29, depth - 1) * 31;
}

static int recursion(int count, char **values)
{
    int depth = count > 0 ? atoi(values[0]) : 1000;
    printf("depth %d: %016" PRIx64 "\n", depth, steps[0](99, depth));
    return 0;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        return -1;
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int clocks(int count, char **values)
{
    (void)count, (void)values;
    /* Each reading of the wall clock between two of the other: a program may be held up between any two readings. */
    double start = seconds(CLOCK_MONOTONIC), wall_start = seconds(CLOCK_REALTIME), started = seconds(CLOCK_MONOTONIC);
    double last = start;
    int backward = 0;
    for (int i = 0; i < 1000; i++) {
        double now = seconds(CLOCK_MONOTONIC);
        backward += now < last;
        last = now;
    }
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 120000000};
    int slept = nanosleep(&pause, NULL);
    double ending = seconds(CLOCK_MONOTONIC), wall = seconds(CLOCK_REALTIME) - wall_start;
    double elapsed = seconds(CLOCK_MONOTONIC) - start;
    printf("backward steps %d, nanosleep %d, slept long enough: %d, not too long: %d\n", backward, slept,
           elapsed >= 0.12, elapsed < 20);
    printf("both clocks agree: %d, wall clock is of this century: %d\n",
           wall > ending - started - 0.1 && wall < elapsed + 0.1, wall_start > 1.7e9 && wall_start < 4.2e9);
    struct timespec resolution;
    printf("resolution: %d, under 10 ms: %d\n", clock_getres(CLOCK_MONOTONIC, &resolution),
           resolution.tv_sec == 0 && resolution.tv_nsec < 10000000);
    time_t moment = 1000000000;
    char text[64];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime(&moment));
    printf("a moment: %s\n", text);
    return 0;
}

static int random_bytes(int count, char **values)
{
    (void)count, (void)values;
    unsigned char first[256], second[256];
    int failed = getentropy(first, sizeof first) | getentropy(second, sizeof second);
    int ones = 0;
    for (int i = 0; i < 256; i++)
        ones += __builtin_popcount(first[i]);
    printf("failed %d, equal %d, about half are ones: %d\n", failed, !memcmp(first, second, 256),
           ones > 800 && ones < 1250);
    return 0;
}

static int failures(int count, char **values)
{
    (void)count, (void)values;
    char byte;
    printf("read of a closed descriptor: %zd", read(77, &byte, 1));
    printf(" %s\n", strerror(errno));
    printf("write to a closed descriptor: %zd", write(77, &byte, 1));
    printf(" %s\n", strerror(errno));
    printf("close of it: %d", close(77));
    printf(" %s\n", strerror(errno));
    printf("missing file: %d", fopen("/nowhere/at/all", "r") != NULL);
    printf(" errno set: %d\n", errno != 0);
    printf("seek on a pipe or terminal fails: %d\n", lseek(0, 0, SEEK_CUR) == -1);
    perror("compute");
    return 3;
}

static void say_farewell(void)
{
    printf("at exit\n");
}

static int leave(int count, char **values)
{
    atexit(say_farewell);
    printf("leaving without a newline");
    exit(count > 0 ? atoi(values[0]) : 0);
}

int main(int count, char **values)
{
    static const struct {
        const char *name;
        int (*run)(int, char **);
    } parts[] = {
        {"arguments", arguments}, {"input", input},         {"output", output}, {"integers", integers},
        {"floats", floats},       {"memory", memory},       {"clocks", clocks}, {"random", random_bytes},
        {"failures", failures},   {"recursion", recursion}, {"leave", leave},
    };
    for (size_t i = 0; count > 1 && i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(values[1], parts[i].name))
            return parts[i].run(count - 2, values + 2);
    fprintf(stderr, "compute: no such part\n");
    return 2;
}
