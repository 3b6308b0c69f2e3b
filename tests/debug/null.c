/* A list whose end is missed. */
struct link {
    int value;
    struct link *next;
};

static const char message[] = "data";

static int length(const struct link *at) {
    int count = message[0] == 'd' ? 0 : 1;
    while (at->value != 0 || count < 2) {
        at = at->next;
        count++;
    }
    return count;
}

int main(void) {
    struct link last = {1, 0}, first = {1, &last}; int count = length(&first);
    return count == 2 ? 0 : 1;
}
