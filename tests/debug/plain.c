/* Needs no library. */
struct point {
    int x, y;
    struct point *next;
};

enum kind { NONE, SOME };

static struct point points[2];
enum kind last = NONE;

static inline int scaled(const struct point *point, int by) { return point->x * by + point->y; }

int divide(int a, int b) {
    int sum = 0;
    points[0].next = &points[1];
    for (struct point *at = points; at; at = at->next) {
        int product = scaled(at, a);
        sum += product;
    }
    last = sum > b ? SOME : NONE;
    return sum / b;
}
