/* Calls through tables of function pointers, as objects have them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct shape;

struct methods {
    uint32_t (*area)(const struct shape *);
    void (*grow)(struct shape *, uint32_t);
};

struct shape {
    const struct methods *methods;
    uint32_t width, height;
};

static uint32_t area_of_square(const struct shape *s) { return s->width * s->width; }
static uint32_t area_of_rectangle(const struct shape *s) { return s->width * s->height; }
static uint32_t area_of_triangle(const struct shape *s) { return s->width * s->height / 2; }
static void grow_both(struct shape *s, uint32_t by) { s->width += by, s->height += by; }
static void grow_width(struct shape *s, uint32_t by) { s->width += by; }

static const struct methods kinds[] = {
    {area_of_square, grow_width}, {area_of_rectangle, grow_both}, {area_of_triangle, grow_both}, {area_of_rectangle, grow_width}};

int main(void) {
    enum { SHAPES = 1000, ROUNDS = 110000 };
    struct shape *shapes = calloc(SHAPES, sizeof *shapes);
    uint32_t sum = 0;
    if (shapes == NULL) return 1;
    for (uint32_t i = 0; i < SHAPES; i++) shapes[i] = (struct shape){&kinds[i * 7 / 3 % 4], i, i + 1};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SHAPES; i++) {
            struct shape *shape = &shapes[i];
            sum += shape->methods->area(shape);
            if ((round & 3) == 0) shape->methods->grow(shape, round & 5);
        }
    }
    printf("%08x\n", sum);
    free(shapes);
    return 0;
}
