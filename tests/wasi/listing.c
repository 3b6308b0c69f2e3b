// Directories: many entries, listed with buffers of many sizes, with cookies kept, while entries go and come.
#include "probe.h"

#define FILES 300

static uint8_t buffer[8192];
static char seen[FILES];

// Lists `fd` from the start with a buffer of `size` bytes; returns how many of the files were seen once.
static int list(__wasi_fd_t fd, size_t size) {
    memset(seen, 0, sizeof seen);
    __wasi_dircookie_t cookie = 0;
    int files = 0;
    for (;;) {
        size_t used;
        if (__wasi_fd_readdir(fd, buffer, size, cookie, &used) != 0) return -1;
        size_t at = 0;
        while (at + sizeof(__wasi_dirent_t) <= used) {
            __wasi_dirent_t entry;
            memcpy(&entry, buffer + at, sizeof entry);
            if (at + sizeof entry + entry.d_namlen > used) break;
            char *text = (char *)buffer + at + sizeof entry;
            if (entry.d_namlen == 3 && text[0] >= '0' && text[0] <= '9') {
                int number = (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0';
                if (entry.d_type != __WASI_FILETYPE_REGULAR_FILE) return -2;
                if (seen[number]++) return -3;
                files++;
            }
            at += sizeof entry + entry.d_namlen;
            cookie = entry.d_next;
        }
        if (used < size) return files;
        if (at == 0) return -4;
    }
}

int main(void) {
    SHOW(__wasi_path_create_directory(ROOT, "many"));
    char path[16];
    for (int index = 0; index < FILES; index++) {
        snprintf(path, sizeof path, "many/%03d", index);
        make_file(path, path);
    }
    SHOW(__wasi_path_open(ROOT, 0, "many", __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0, 0, &opened));
    __wasi_fd_t many = opened;
    static const size_t sizes[] = {40, 64, 100, 1000, 4096, 8192};
    for (int index = 0; index < 6; index++) printf("%zu: %d\n", sizes[index], list(many, sizes[index]));
    for (int index = 0; index < FILES; index += 2) {
        snprintf(path, sizeof path, "many/%03d", index);
        if (__wasi_path_unlink_file(ROOT, path) != 0) puts("cannot unlink");
    }
    printf("%d\n", list(many, 512));
    make_file("many/000", "again");
    printf("%d\n", list(many, 512));
    for (int index = 0; index < FILES; index++) {
        snprintf(path, sizeof path, "many/%03d", index);
        if (index == 0 || index % 2) {
            if (__wasi_path_unlink_file(ROOT, path) != 0) puts("cannot unlink");
        }
    }
    printf("%d\n", list(many, 512));
    SHOW(__wasi_path_remove_directory(ROOT, "many"));
    return 0;
}
