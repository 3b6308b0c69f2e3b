/* A mix like CoreMark's: linked lists, small matrices, a state machine, and a checksum over all. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct item {
    struct item *next;
    int16_t key, index;
};

enum { ITEMS = 300, SIDE = 18, ITERATIONS = 20000 };

static struct item items[ITEMS];
static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
static int32_t product[SIDE][SIDE];

static uint16_t crc16(uint16_t crc, uint32_t value) {
    for (int bit = 0; bit < 16; bit++, value >>= 1) crc = crc >> 1 ^ ((crc ^ value) & 1 ? 0xa001 : 0);
    return crc;
}

static int by_key(const struct item *a, const struct item *b) { return a->key - b->key; }
static int by_index(const struct item *a, const struct item *b) { return a->index - b->index; }

static struct item *sort(struct item *list, int (*compare)(const struct item *, const struct item *)) {
    for (int run = 1;; run *= 2) {
        struct item *from = list, *tail = NULL;
        int merges = 0;
        list = NULL;
        while (from != NULL) {
            struct item *other = from;
            int lefts = 0, rights = run;
            merges++;
            while (lefts < run && other != NULL) lefts++, other = other->next;
            while (lefts > 0 || (rights > 0 && other != NULL)) {
                struct item *taken;
                if (lefts > 0 && (rights == 0 || other == NULL || compare(from, other) <= 0))
                    taken = from, from = from->next, lefts--;
                else
                    taken = other, other = other->next, rights--;
                if (tail != NULL) tail->next = taken;
                else list = taken;
                tail = taken;
            }
            from = other;
        }
        tail->next = NULL;
        if (merges <= 1) return list;
    }
}

static struct item *reverse(struct item *list) {
    struct item *done = NULL;
    while (list != NULL) {
        struct item *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static uint16_t matrices(uint16_t crc, int16_t seed) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) right[i][j] = (int16_t)(right[i][j] + seed);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++) sum += left[i][k] * right[k][j];
            product[i][j] = sum;
        }
    int32_t clipped = 0, before = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t bits = product[i][j] >> 2 & 0x7f;
            clipped += bits > before ? 10 : 1;
            before = bits;
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) right[i][j] = (int16_t)(right[i][j] - seed);
    return crc16(crc, (uint32_t)clipped);
}

static uint16_t numbers(uint16_t crc, const char *text) {
    enum { START, SIGN, DIGITS, POINT, EXPONENT, WRONG, STATES };
    uint32_t counts[STATES] = {0};
    int state = START;
    for (; *text != 0; text++) {
        if (*text == ',') {
            counts[state]++;
            state = START;
            continue;
        }
        int is_digit = *text >= '0' && *text <= '9';
        switch (state) {
        case START: state = is_digit ? DIGITS : *text == '+' || *text == '-' ? SIGN : *text == '.' ? POINT : WRONG; break;
        case SIGN: state = is_digit ? DIGITS : *text == '.' ? POINT : WRONG; break;
        case DIGITS: state = is_digit ? DIGITS : *text == '.' ? POINT : WRONG; break;
        case POINT: state = is_digit ? POINT : *text == 'e' || *text == 'E' ? EXPONENT : WRONG; break;
        case EXPONENT: state = is_digit || *text == '-' ? EXPONENT : WRONG; break;
        }
    }
    for (int i = 0; i < STATES; i++) crc = crc16(crc, counts[i]);
    return crc;
}

int main(void) {
    static char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,"
                         "-T.T++Tq,1T3.4e4z,34.0e-T^,";
    uint16_t crc = 0;
    for (int i = 0; i < ITEMS; i++) {
        items[i].key = (int16_t)(i * 7919 % 4001);
        items[i].index = (int16_t)i;
        items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) left[i][j] = (int16_t)(i * j + 1), right[i][j] = (int16_t)(i - j);
    struct item *list = items;
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        list = sort(list, by_key);
        crc = crc16(crc, (uint32_t)list->key);
        list = sort(reverse(list), by_index);
        for (const struct item *at = list; at != NULL; at = at->next)
            if ((at->index & 31) == 0) crc = crc16(crc, (uint32_t)at->key);
        list->key = (int16_t)(iteration * 31 % 4001);
        crc = matrices(crc, (int16_t)(iteration & 63));
        for (int i = 0; i < 4; i++) crc = numbers(crc, text + i);
        text[iteration % 16] ^= (char)(iteration & 1);
        if (text[iteration % 16] == 0) text[iteration % 16] = '1';
    }
    printf("%04x\n", crc);
    return 0;
}
