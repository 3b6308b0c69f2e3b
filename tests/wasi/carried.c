// What a program finds of a folder that came along at /site, and of memory for files at /tmp, 1 MiB of it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char block[4096];

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_no_dot(const struct dirent *entry) { return entry->d_name[0] != '.'; }

// Prints all below a folder, each with its type, its size and a sum of its bytes.
static void show(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, is_no_dot, by_name);
    for (int index = 0; index < count; index++) {
        char below[256];
        struct stat found;
        snprintf(below, sizeof below, "%s/%s", path, entries[index]->d_name);
        if (lstat(below, &found) != 0) {
            printf("%s: %s\n", below, strerror(errno));
        } else if (S_ISDIR(found.st_mode)) {
            printf("%s/ links %d\n", below, (int)found.st_nlink);
            show(below);
        } else if (S_ISLNK(found.st_mode)) {
            ssize_t len = readlink(below, block, sizeof block);
            printf("%s -> %.*s\n", below, (int)len, block);
        } else {
            unsigned sum = 0;
            size_t bytes;
            FILE *file = fopen(below, "r");
            while ((bytes = fread(block, 1, sizeof block, file)) > 0)
                for (size_t at = 0; at < bytes; at++) sum = sum * 31 + (unsigned char)block[at];
            fclose(file);
            printf("%s: %lld bytes, sum %u, links %d, changed %lld\n", below, (long long)found.st_size, sum,
                   (int)found.st_nlink, (long long)found.st_mtime);
        }
        free(entries[index]);
    }
    if (count >= 0) free(entries);
}

#define TRY(call) (errno = 0, (void)(call), printf("%s: %s\n", #call, errno ? strerror(errno) : "ok"))

// Writes blocks until no more fit; returns how many.
static int fill(const char *path) {
    int blocks = 0;
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    while (write(fd, block, sizeof block) == sizeof block) blocks++;
    printf("%s is full: %s\n", path, strerror(errno));
    close(fd);
    return blocks;
}

int main(void) {
    show("/site");
    TRY(open("/site/new", O_CREAT | O_WRONLY, 0644));
    TRY(open("/site/index.html", O_WRONLY));
    TRY(mkdir("/site/folder", 0755));
    TRY(unlink("/site/index.html"));
    TRY(rename("/site/index.html", "/tmp/index.html"));
    TRY(open("/site/to-index", O_RDONLY));
    TRY(open("/site/outside", O_RDONLY));
    TRY(open("/site/missing", O_RDONLY));
    int first = fill("/tmp/first");
    TRY(truncate("/tmp/first", 4096 * 100));
    TRY(mkdir("/tmp/folder", 0755));
    int second = fill("/tmp/folder/second");
    printf("%s\n", first > 200 && first < 256 && second > first - 110 ? "as much as there is room for" : "too much or too little");
    TRY(unlink("/tmp/first"));
    TRY(unlink("/tmp/folder/second"));
    TRY(rmdir("/tmp/folder"));
    printf("%s\n", fill("/tmp/first") >= first ? "all of it once more" : "some is lost");
    return 0;
}
