#include <stdio.h>
#include <string.h>

struct node {
    int value;
    struct node *next;
    char name[8];
};

static int table[4] = {1, 2, 3, 4};
int counter;

static struct node *build(struct node *nodes, int count) {
    for (int i = 0; i < count; i++) {
        nodes[i].value = i * 10;
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : 0;
        strcpy(nodes[i].name, "node");
    }
    return nodes;
}

int divide(int a, int b) { return a / b; }

static int kind(int value) {
    switch (value) {
    case 0:
        return 1;
    case 10:
        value += 1;
        break;
    default:
        while (value > 3) {
            if (value == 5)
                break;
            value--;
        }
    }
    return value;
}

int main(int argc, char **argv) {
    struct node nodes[3];
    struct node *first = build(nodes, 3);
    int sum = 0;
    for (struct node *at = first; at; at = at->next)
        sum += at->value + 0 * kind(at->value);
    counter = sum + table[2];
    printf("%s %d\n", argc > 0 ? "ran" : argv[0], counter);
    return divide(sum, 3) == 10 ? 7 : 8;
}
