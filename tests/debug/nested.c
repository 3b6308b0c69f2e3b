/* Bodies in bodies: the C compiler makes `halve` part of `portion`, and mewz makes `portion` part of `deal`. */

static inline __attribute__((always_inline)) int halve(int sum, int by) {
  return sum / by;
}

static __attribute__((noinline)) int portion(int sum, int by) {
  return halve(sum + by, by) + 1;
}

static __attribute__((noinline)) int deal(const int *sums, int by) {
  int all = 0;
  for (int at = 0; at < 3; at++) {
    all += portion(sums[at], by);
  }
  return all;
}

int main(int argc, char **argv) {
  int sums[3] = {argv != 0, 20, 30};
  return deal(sums, argc - 1);
}
