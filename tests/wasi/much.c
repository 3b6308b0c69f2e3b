// What a program finds of a large folder at /site: how many files, how many bytes, and a sum over all of them in order.
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t block[1 << 13];
static uint64_t files, bytes, sum;

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_no_dot(const struct dirent *entry) { return entry->d_name[0] != '.'; }

// Adds words; the last of a file is filled up with zeros.
static void add(const char *path) {
    int fd = open(path, O_RDONLY);
    ssize_t count;
    files++;
    while ((count = read(fd, block, sizeof block)) > 0) {
        bytes += count;
        memset((char *)block + count, 0, (8 - count % 8) % 8);
        for (ssize_t word = 0; word < (count + 7) / 8; word++) sum = sum * 31 + block[word];
    }
    close(fd);
    if (count < 0) perror(path);
}

static void walk(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, is_no_dot, by_name);
    for (int index = 0; index < count; index++) {
        char below[256];
        snprintf(below, sizeof below, "%s/%s", path, entries[index]->d_name);
        if (entries[index]->d_type == DT_DIR)
            walk(below);
        else
            add(below);
        free(entries[index]);
    }
    if (count >= 0) free(entries);
}

int main(void) {
    walk("/site");
    printf("%llu files, %llu bytes, sum %llx\n", (unsigned long long)files, (unsigned long long)bytes,
           (unsigned long long)sum);
}
