/* Binary trees: allocation, pointers, recursion. */
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node *left, *right;
};

static struct node *grow(int depth) {
    struct node *node = malloc(sizeof *node);
    if (node == NULL) abort();
    node->left = depth > 0 ? grow(depth - 1) : NULL;
    node->right = depth > 0 ? grow(depth - 1) : NULL;
    return node;
}

static int count(const struct node *node) {
    return node->left == NULL ? 1 : 1 + count(node->left) + count(node->right);
}

static void fell(struct node *node) {
    if (node->left != NULL) {
        fell(node->left);
        fell(node->right);
    }
    free(node);
}

int main(void) {
    enum { DEPTH_MAX = 16 };
    struct node *lasting = grow(DEPTH_MAX);
    for (int depth = 4; depth <= DEPTH_MAX; depth += 4) {
        long nodes = 0;
        for (int tree = 0; tree < 1 << (DEPTH_MAX - depth + 5); tree++) {
            struct node *root = grow(depth);
            nodes += count(root);
            fell(root);
        }
        printf("depth %d: %ld nodes\n", depth, nodes);
    }
    printf("lasting: %d nodes\n", count(lasting));
    fell(lasting);
    return 0;
}
