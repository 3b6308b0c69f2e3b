// Paths: what each call says to names that are odd, missing, of the wrong kind, or lead out of the folder.
#include "probe.h"

#define CREAT __WASI_OFLAGS_CREAT
#define DIRECTORY __WASI_OFLAGS_DIRECTORY
#define EXCL __WASI_OFLAGS_EXCL
#define TRUNC __WASI_OFLAGS_TRUNC

static __wasi_filestat_t stat;
static uint8_t buffer[256];
static size_t used;

static __wasi_errno_t rmdir_at(const char *path) { return __wasi_path_remove_directory(ROOT, path); }
static __wasi_errno_t mkdir_at(const char *path) { return __wasi_path_create_directory(ROOT, path); }
static __wasi_errno_t unlink_at(const char *path) { return __wasi_path_unlink_file(ROOT, path); }
static __wasi_errno_t symlink_at(const char *to, const char *path) { return __wasi_path_symlink(to, ROOT, path); }
static __wasi_errno_t rename_at(const char *from, const char *to) { return __wasi_path_rename(ROOT, from, ROOT, to); }
static __wasi_errno_t link_at(const char *from, const char *to) { return __wasi_path_link(ROOT, 0, from, ROOT, to); }
static __wasi_errno_t readlink_at(const char *path) { return __wasi_path_readlink(ROOT, path, buffer, sizeof buffer, &used); }
static __wasi_errno_t stat_at(const char *path) { return __wasi_path_filestat_get(ROOT, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, &stat); }
static __wasi_errno_t lstat_at(const char *path) { return __wasi_path_filestat_get(ROOT, 0, path, &stat); }

int main(void) {
    puts("-- directories");
    SHOW(mkdir_at("d"));
    SHOW(mkdir_at("d"));
    SHOW(mkdir_at("d/e/"));
    SHOW(mkdir_at("missing/e"));
    SHOW(mkdir_at("."));
    SHOW(mkdir_at(""));
    SHOW(mkdir_at("d/e/."));

    puts("-- files");
    make_file("d/f", "hello");
    SHOW(try_open("d/f", 0, READ));
    SHOW(try_open("./d//.///f", 0, READ));
    SHOW(try_open("d/e/../f", 0, READ));
    SHOW(try_open("d/../d/f", 0, READ));
    SHOW(try_open("missing/../d/f", 0, READ));
    SHOW(try_open("d/f/../f", 0, READ));
    SHOW(try_open("missing", 0, READ));
    SHOW(try_open("d/f/x", 0, READ));
    SHOW(try_open("", 0, READ));

    puts("-- out of the folder");
    SHOW(try_open("..", DIRECTORY, READ));
    SHOW(try_open("../x", 0, READ));
    SHOW(try_open("d/../../x", 0, READ));
    SHOW(try_open("/d/f", 0, READ));
    SHOW(try_open("/", 0, READ));
    SHOW(stat_at(".."));
    SHOW(mkdir_at("../x"));
    SHOW(rename_at("d/f", "../f"));
    SHOW(rename_at("d/f", "/f"));
    SHOW(unlink_at("/etc/passwd"));
    SHOW(unlink_at(".."));
    SHOW(rmdir_at("d/../../d"));
    SHOW(symlink_at("/etc/passwd", "absolute"));
    SHOW(symlink_at("../../etc/passwd", "outside"));
    SHOW(stat_at("outside"));
    SHOW(try_open("outside", 0, READ));
    SHOW(lstat_at("outside"));
    SHOW(unlink_at("outside"));

    puts("-- slashes at the end");
    SHOW(try_open("d/", 0, READ));
    SHOW(try_open("d/f/", 0, READ));
    SHOW(try_open("new/", CREAT, FILE_RIGHTS));
    SHOW(stat_at("d/f/"));
    SHOW(stat_at("d/"));
    SHOW(stat_at("d/."));
    SHOW(unlink_at("d/f/"));
    SHOW(unlink_at("d/"));
    SHOW(rename_at("d/f/", "g"));
    SHOW(rename_at("d/f", "g/"));
    SHOW(link_at("d/f", "g/"));
    SHOW(symlink_at("d/f", "g/"));

    puts("-- opening");
    SHOW(try_open("d", 0, READ));
    SHOW(try_open("d", DIRECTORY, READ));
    SHOW(try_open("d", 0, READ | WRITE));
    SHOW(try_open("d", DIRECTORY, READ | WRITE));
    SHOW(try_open("d", CREAT, READ));
    SHOW(try_open("d", CREAT | EXCL, READ));
    SHOW(try_open("d", TRUNC, READ | WRITE));
    SHOW(try_open("d/f", DIRECTORY, READ));
    SHOW(try_open("d/f", CREAT | EXCL, FILE_RIGHTS));
    SHOW(try_open("d/f", CREAT, FILE_RIGHTS));
    SHOW(try_open("d/f", EXCL, READ));
    SHOW(try_open("x", CREAT | DIRECTORY, READ));
    SHOW(try_open("x", EXCL | DIRECTORY, READ));
    SHOW(try_open("x", TRUNC | DIRECTORY, READ));
    SHOW(try_open("missing/x", CREAT, FILE_RIGHTS));
    SHOW(try_open(".", CREAT | EXCL, READ));
    SHOW(try_open("d/f", 0, 0));
    SHOW(try_open("d", 0, 0));
    SHOW(__wasi_path_open(0, 0, "d/f", 0, READ, 0, 0, &opened));
    SHOW(__wasi_path_open(77, 0, "d/f", 0, READ, 0, 0, &opened));
    SHOW(stat_at("d/f"));
    printf("size %llu\n", stat.size);
    SHOW(try_open("d/f", TRUNC, FILE_RIGHTS));
    SHOW(stat_at("d/f"));
    printf("size %llu, type %d, links %llu\n", stat.size, stat.filetype, stat.nlink);

    puts("-- links");
    SHOW(symlink_at("d/f", "l"));
    SHOW(symlink_at("d/f", "l"));
    SHOW(symlink_at("", "m"));
    SHOW(symlink_at("d", "ld"));
    SHOW(symlink_at("loop", "loop"));
    SHOW(symlink_at("missing", "dangling"));
    SHOW(symlink_at("../d/f", "d/up"));
    SHOW(readlink_at("l"));
    printf("%.*s\n", (int)used, buffer);
    SHOW(__wasi_path_readlink(ROOT, "l", buffer, 2, &used));
    printf("%zu\n", used);
    SHOW(readlink_at("d/f"));
    SHOW(readlink_at("d"));
    SHOW(readlink_at("missing"));
    SHOW(try_open("l", 0, READ));
    SHOW(try_open_link("l", 0, READ));
    SHOW(try_open_link("ld", 0, READ));
    SHOW(try_open_link("ld", DIRECTORY, READ));
    SHOW(try_open_link("ld/", 0, READ));
    SHOW(try_open_link("ld/f", 0, READ));
    SHOW(try_open("ld", DIRECTORY, READ));
    SHOW(try_open("d/up", 0, READ));
    SHOW(try_open("loop", 0, READ));
    SHOW(try_open("loop/x", 0, READ));
    SHOW(stat_at("loop"));
    SHOW(try_open("dangling", 0, READ));
    SHOW(try_open("dangling", CREAT | EXCL, FILE_RIGHTS));
    SHOW(try_open("dangling", CREAT, FILE_RIGHTS));
    SHOW(stat_at("missing"));
    SHOW(unlink_at("missing"));
    SHOW(lstat_at("l"));
    printf("type %d\n", stat.filetype);
    SHOW(stat_at("l"));
    printf("type %d\n", stat.filetype);
    SHOW(lstat_at("ld/"));
    printf("type %d\n", stat.filetype);
    SHOW(rmdir_at("ld"));
    SHOW(mkdir_at("dangling"));
    SHOW(link_at("d/f", "hard"));
    SHOW(link_at("d/f", "hard"));
    SHOW(link_at("d", "hard-d"));
    SHOW(link_at("missing", "x"));
    SHOW(link_at("l", "hard-l"));
    SHOW(lstat_at("hard-l"));
    printf("type %d\n", stat.filetype);
    SHOW(stat_at("hard"));
    printf("links %llu\n", stat.nlink);

    puts("-- renaming");
    make_file("a", "a");
    make_file("b", "bb");
    SHOW(rename_at("a", "b"));
    SHOW(stat_at("b"));
    printf("size %llu\n", stat.size);
    SHOW(rename_at("missing", "x"));
    SHOW(rename_at("b", "d"));
    SHOW(rename_at("d", "b"));
    SHOW(rename_at("d", "d/e/inside"));
    SHOW(mkdir_at("empty"));
    SHOW(rename_at("empty", "d"));
    SHOW(rename_at("empty/", "moved/"));
    SHOW(rename_at("moved", "moved"));
    SHOW(rename_at(".", "x"));
    SHOW(rename_at("b", "."));

    puts("-- taking away");
    SHOW(unlink_at("d"));
    SHOW(unlink_at("missing"));
    SHOW(unlink_at("."));
    SHOW(unlink_at(""));
    SHOW(rmdir_at("d"));
    SHOW(rmdir_at("b"));
    SHOW(rmdir_at("missing"));
    SHOW(rmdir_at("."));
    SHOW(rmdir_at("moved/."));
    SHOW(rmdir_at("moved"));
    SHOW(rmdir_at("d/e"));
    for (const char *const *path = (const char *const[]){"d/f", "d/up", "l", "ld", "loop", "dangling", "missing", "hard", "hard-l", "b", 0}; *path; path++)
        printf("%s %s\n", *path, name(unlink_at(*path)));
    SHOW(rmdir_at("d"));

    puts("-- names");
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[255] = 0;
    SHOW(mkdir_at(long_name));
    SHOW(rmdir_at(long_name));
    long_name[255] = 'n';
    long_name[256] = 0;
    SHOW(mkdir_at(long_name));
    SHOW(mkdir_at("\xff\xfe"));
    SHOW(mkdir_at("grün 文"));
    SHOW(rmdir_at("grün 文"));
    char deep[1300] = "";
    for (int index = 0; index < 60; index++) {
        strcat(deep, "a-rather-long-name/");
        if (mkdir_at(deep) != 0) puts("cannot go deeper");
    }
    SHOW(stat_at(deep));
    for (int index = 60; index > 0; index--) {
        deep[index * 19 - 1] = 0;
        if (rmdir_at(deep) != 0) puts("cannot come back");
    }
    return 0;
}
