/* The Mandelbrot set: floating point without memory. */
#include <stdio.h>

enum { WIDTH = 1200, HEIGHT = 900, STEPS_MAX = 300 };

int main(void) {
    long sum = 0;
    for (int row = 0; row < HEIGHT; row++) {
        for (int column = 0; column < WIDTH; column++) {
            double x0 = 3.0 * column / WIDTH - 2.2, y0 = 2.4 * row / HEIGHT - 1.2;
            double x = 0, y = 0;
            int steps = 0;
            while (x * x + y * y <= 4.0 && steps < STEPS_MAX) {
                double next = x * x - y * y + x0;
                y = 2 * x * y + y0;
                x = next;
                steps++;
            }
            sum += steps;
        }
    }
    printf("%ld\n", sum);
    return 0;
}
