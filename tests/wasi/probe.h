// Prints the errno of calls of preview 1, one line a call, so that engines can be compared.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

#define ROOT 3

static __wasi_errno_t last;

static const char *name(__wasi_errno_t errno_value) {
    switch (errno_value) {
    case 0: return "ok";
    case __WASI_ERRNO_ACCES: return "ACCES";
    case __WASI_ERRNO_AGAIN: return "AGAIN";
    case __WASI_ERRNO_BADF: return "BADF";
    case __WASI_ERRNO_BUSY: return "BUSY";
    case __WASI_ERRNO_EXIST: return "EXIST";
    case __WASI_ERRNO_FAULT: return "FAULT";
    case __WASI_ERRNO_FBIG: return "FBIG";
    case __WASI_ERRNO_ILSEQ: return "ILSEQ";
    case __WASI_ERRNO_INVAL: return "INVAL";
    case __WASI_ERRNO_IO: return "IO";
    case __WASI_ERRNO_ISDIR: return "ISDIR";
    case __WASI_ERRNO_LOOP: return "LOOP";
    case __WASI_ERRNO_NAMETOOLONG: return "NAMETOOLONG";
    case __WASI_ERRNO_NOENT: return "NOENT";
    case __WASI_ERRNO_NOSYS: return "NOSYS";
    case __WASI_ERRNO_NOTDIR: return "NOTDIR";
    case __WASI_ERRNO_NOTEMPTY: return "NOTEMPTY";
    case __WASI_ERRNO_NOTSOCK: return "NOTSOCK";
    case __WASI_ERRNO_NOTSUP: return "NOTSUP";
    case __WASI_ERRNO_OVERFLOW: return "OVERFLOW";
    case __WASI_ERRNO_PERM: return "PERM";
    case __WASI_ERRNO_ROFS: return "ROFS";
    case __WASI_ERRNO_SPIPE: return "SPIPE";
    case __WASI_ERRNO_XDEV: return "XDEV";
    // Engines do not agree on which of the two a path gets that leads out of its folder.
    case __WASI_ERRNO_NOTCAPABLE: return "PERM";
    default: return "?";
    }
}

// Prints what was called, and how it ended.
#define SHOW(call) (last = (call), printf("%s: %s\n", #call, name(last)), last)

#define READ __WASI_RIGHTS_FD_READ
#define WRITE __WASI_RIGHTS_FD_WRITE
#define ALL (~(uint64_t)0 >> 34)
#define FILE_RIGHTS                                                                                  \
    (READ | WRITE | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL | __WASI_RIGHTS_FD_FILESTAT_GET |  \
     __WASI_RIGHTS_FD_FILESTAT_SET_SIZE | __WASI_RIGHTS_FD_FILESTAT_SET_TIMES |                      \
     __WASI_RIGHTS_FD_FDSTAT_SET_FLAGS | __WASI_RIGHTS_FD_SYNC | __WASI_RIGHTS_FD_DATASYNC |         \
     __WASI_RIGHTS_FD_ADVISE | __WASI_RIGHTS_FD_ALLOCATE | __WASI_RIGHTS_POLL_FD_READWRITE)

static __wasi_fd_t opened;

// Opens `path` below the first folder; follows a link at its end.
static __wasi_errno_t open_at(const char *path, int oflags, uint64_t rights, int fdflags) {
    return __wasi_path_open(ROOT, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, oflags, rights, 0, fdflags,
                            &opened);
}

// Opens and closes.
__attribute__((unused)) static __wasi_errno_t try_open(const char *path, int oflags, uint64_t rights) {
    __wasi_errno_t result = open_at(path, oflags, rights, 0);
    if (result == 0) result = __wasi_fd_close(opened);
    return result;
}

__attribute__((unused)) static __wasi_errno_t try_open_link(const char *path, int oflags, uint64_t rights) {
    __wasi_errno_t result = __wasi_path_open(ROOT, 0, path, oflags, rights, 0, 0, &opened);
    if (result == 0) result = __wasi_fd_close(opened);
    return result;
}

static __wasi_errno_t write_text(__wasi_fd_t fd, const char *text, size_t *count) {
    __wasi_ciovec_t part = {(const uint8_t *)text, strlen(text)};
    return __wasi_fd_write(fd, &part, 1, count);
}

__attribute__((unused)) static void make_file(const char *path, const char *text) {
    size_t count;
    if (open_at(path, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_TRUNC, FILE_RIGHTS, 0) != 0 ||
        write_text(opened, text, &count) != 0 || count != strlen(text))
        printf("cannot make %s\n", path);
    if (__wasi_fd_close(opened) != 0) printf("cannot close %s\n", path);
}
