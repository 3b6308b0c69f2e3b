/* Quicksort and heapsort of integers, and the library's sort by a comparison function. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 400000, ROUNDS = 3 };

static int32_t values[N], copy[N];

static void quicksort(int32_t *low, int32_t *high) {
    while (high - low > 12) {
        int32_t pivot = low[(high - low) / 2], *left = low, *right = high - 1;
        for (;; left++, right--) {
            while (*left < pivot) left++;
            while (*right > pivot) right--;
            if (left >= right) break;
            int32_t kept = *left;
            *left = *right;
            *right = kept;
        }
        quicksort(low, left);
        low = left;
    }
    for (int32_t *at = low + 1; at < high; at++) {
        int32_t value = *at, *to = at;
        for (; to > low && to[-1] > value; to--) *to = to[-1];
        *to = value;
    }
}

static void sink(int32_t *heap, int root, int count) {
    int32_t value = heap[root];
    for (int child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= value) break;
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = value;
}

static void heapsort_(int32_t *heap, int count) {
    for (int root = count / 2 - 1; root >= 0; root--) sink(heap, root, count);
    for (int last = count - 1; last > 0; last--) {
        int32_t kept = heap[0];
        heap[0] = heap[last];
        heap[last] = kept;
        sink(heap, 0, last);
    }
}

static int compare(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t fill(uint32_t state) {
    for (int i = 0; i < N; i++) {
        state = state * 1664525 + 1013904223;
        values[i] = copy[i] = (int32_t)(state ^ state >> 15);
    }
    return state;
}

int main(void) {
    uint32_t state = 42, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        state = fill(state);
        quicksort(values, values + N);
        heapsort_(copy, N);
        for (int i = 0; i < N; i++) {
            if (values[i] != copy[i]) return 1;
            sum = sum * 31 + (uint32_t)values[i];
        }
    }
    state = fill(state);
    qsort(values, N, sizeof *values, compare);
    for (int i = 0; i < N; i++) sum = sum * 31 + (uint32_t)values[i];
    printf("%08x\n", sum);
    return 0;
}
