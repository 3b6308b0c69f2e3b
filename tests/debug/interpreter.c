/* An interpreter whose program fails with nobody to take the error. */
#include <stdio.h>
#include <stdlib.h>

struct machine {
    const unsigned char *at;
    int (*handler)(struct machine *);
    int value;
};

static int execute(struct machine *machine);

/* Gives the error to the handler. */
__attribute__((noinline))
static int throw(struct machine *machine) {
    if (machine->handler == NULL) {
        fputs("PANIC: no handler\n", stderr);
        abort();
    }
    return machine->handler(machine) + 1;
}

static int add(struct machine *machine) {
    machine->value += *machine->at++;
    return 0;
}

static int fail(struct machine *machine) {
    return throw(machine) + 1;
}

static int call(struct machine *machine) {
    struct machine inner = {machine->at + 1, machine->handler, 0};
    int failed = execute(&inner);
    machine->value += inner.value;
    return failed;
}

/* The opcodes, which are called through a table. */
static int (*const operations[])(struct machine *) = {add, call, fail};
__attribute__((noinline)) static int execute(struct machine *machine) {
    while (operations[*machine->at++](machine) == 0) {
    }
    return machine->value;
}

int main(void) {
    static const unsigned char program[] = {0, 30, 1, 0, 0, 12, 2};
    struct machine machine = {program, NULL, 0};
    int value = execute(&machine);
    printf("%d\n", value);
    return value == 42 ? 0 : 1;
}
