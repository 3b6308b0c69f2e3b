/* Brotli: compresses a text that looks like one at two qualities, and expands it again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brotli/decode.h>
#include <brotli/encode.h>

enum { BYTES = 1 << 20 };

static uint8_t text[BYTES], back[BYTES];

static void write_text(void) {
    static const char *const stems[] = {"mem", "tab", "func", "mod", "page", "vir", "ker", "load", "stor", "call", "bran", "str"};
    static const char *const ends[] = {"ory", "le", "tion", "ule", "s", "tual", "nel", "ing", "age", "ed", "ch", "eam"};
    uint32_t state = 99;
    size_t filled = 0;
    while (filled < BYTES) {
        char word[32];
        state = state * 1664525 + 1013904223;
        /* Small numbers are more frequent. */
        uint32_t stem = (state >> 24) * (state >> 16 & 255) * 12 >> 16, end = (state >> 8 & 255) * 12 >> 8;
        int count = snprintf(word, sizeof word, "%s%s%s", stems[stem], ends[end], (state & 0xf000) == 0 ? ".\n" : " ");
        for (int i = 0; i < count && filled < BYTES; i++) text[filled++] = (uint8_t)word[i];
    }
}

int main(void) {
    size_t capacity = BrotliEncoderMaxCompressedSize(BYTES);
    uint8_t *packed = malloc(capacity);
    if (packed == NULL) return 1;
    write_text();
    for (int quality = 5; quality <= 9; quality += 4) {
        size_t packed_bytes = capacity, bytes = BYTES;
        if (!BrotliEncoderCompress(quality, 20, BROTLI_MODE_TEXT, BYTES, text, &packed_bytes, packed)) return 1;
        for (int i = 0; i < 12; i++) {
            bytes = BYTES;
            if (BrotliDecoderDecompress(packed_bytes, packed, &bytes, back) != BROTLI_DECODER_RESULT_SUCCESS) return 1;
        }
        if (bytes != BYTES || memcmp(text, back, BYTES) != 0) return 1;
        printf("quality %d: %lu bytes\n", quality, (unsigned long)packed_bytes);
    }
    free(packed);
    return 0;
}
