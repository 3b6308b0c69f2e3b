/* A state machine over text: a switch a byte, as in lexers. */
#include <stdint.h>
#include <stdio.h>

enum { BYTES = 1 << 20, ROUNDS = 60 };

static uint8_t text[BYTES];

int main(void) {
    static const char alphabet[] = "abc xyz 0123 +-*/ (\"q\") \n;;{}_#";
    uint32_t seed = 3, tokens[8] = {0};
    for (int i = 0; i < BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (uint8_t)alphabet[seed >> 27];
    }
    for (int round = 0; round < ROUNDS; round++) {
        int state = 0;
        for (int i = 0; i < BYTES; i++) {
            uint8_t c = text[i];
            switch (state) {
            case 0:
                switch (c) {
                case ' ': case '\n': break;
                case '"': state = 2; break;
                case '#': state = 3; break;
                case '+': case '-': case '*': case '/': tokens[0]++; break;
                case '(': case '{': tokens[1]++; break;
                case ')': case '}': tokens[2]++; break;
                case ';': tokens[3]++; break;
                case '0': case '1': case '2': case '3': state = 4; break;
                default: state = 1;
                }
                break;
            case 1:
                if (c < '0' || c == ';' || c == '{' || c == '}') tokens[4]++, state = 0;
                break;
            case 2:
                if (c == '"') tokens[5]++, state = 0;
                break;
            case 3:
                if (c == '\n') tokens[6]++, state = 0;
                break;
            case 4:
                if (c < '0' || c > '9') tokens[7]++, state = 0;
                break;
            }
        }
        text[round * 100] = '"';
    }
    for (int i = 0; i < 8; i++) printf("%u ", tokens[i]);
    printf("\n");
    return 0;
}
