// Several folders: found by number, kept apart, and one of them not to be changed.
#include "probe.h"

static __wasi_filestat_t stat;

static __wasi_errno_t open_in(__wasi_fd_t folder, const char *path, int oflags, uint64_t rights) {
    return __wasi_path_open(folder, 0, path, oflags, rights, 0, 0, &opened);
}

int main(void) {
    puts("-- folders");
    __wasi_prestat_t prestat;
    __wasi_fd_t fd;
    for (fd = ROOT; __wasi_fd_prestat_get(fd, &prestat) == 0; fd++) {
        char path[32] = "";
        if (__wasi_fd_prestat_dir_name(fd, (uint8_t *)path, prestat.u.dir.pr_name_len) != 0) puts("no name");
        printf("%s\n", path);
    }
    printf("%d folders\n", fd - ROOT);

    puts("-- apart");
    size_t count;
    SHOW(open_in(3, "f", __WASI_OFLAGS_CREAT, FILE_RIGHTS));
    SHOW(write_text(opened, "first", &count));
    SHOW(__wasi_fd_close(opened));
    SHOW(__wasi_path_filestat_get(4, 0, "f", &stat));
    SHOW(open_in(4, "f", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, FILE_RIGHTS));
    SHOW(__wasi_fd_close(opened));
    SHOW(__wasi_path_filestat_get(3, 0, "f", &stat));
    printf("size %llu\n", stat.size);
    SHOW(__wasi_path_rename(3, "f", 4, "g"));
    SHOW(__wasi_path_link(3, 0, "f", 4, "g"));
    SHOW(__wasi_path_rename(3, "f", 5, "g"));

    puts("-- not to be changed");
    char text[16] = "";
    __wasi_iovec_t part = {(uint8_t *)text, 5};
    SHOW(open_in(5, "fixed/f", 0, FILE_RIGHTS & ~WRITE));
    SHOW(__wasi_fd_read(opened, &part, 1, &count));
    printf("%s\n", text);
    SHOW(__wasi_fd_filestat_set_times(opened, 0, 0, __WASI_FSTFLAGS_MTIM_NOW));
    SHOW(__wasi_fd_close(opened));
    SHOW(open_in(5, "fixed/f", __WASI_OFLAGS_CREAT, READ));
    SHOW(__wasi_fd_close(opened));
    SHOW(open_in(5, "fixed/f", 0, READ | WRITE));
    SHOW(open_in(5, "fixed/f", __WASI_OFLAGS_TRUNC, READ));
    SHOW(open_in(5, "new", __WASI_OFLAGS_CREAT, READ | WRITE));
    SHOW(__wasi_path_create_directory(5, "new"));
    SHOW(__wasi_path_remove_directory(5, "fixed"));
    SHOW(__wasi_path_unlink_file(5, "fixed/f"));
    SHOW(__wasi_path_rename(5, "fixed/f", 5, "g"));
    SHOW(__wasi_path_link(5, 0, "fixed/f", 5, "g"));
    SHOW(__wasi_path_symlink("fixed/f", 5, "g"));
    SHOW(__wasi_path_filestat_set_times(5, 0, "fixed/f", 0, 0, __WASI_FSTFLAGS_MTIM_NOW));
    SHOW(__wasi_path_unlink_file(3, "f"));
    SHOW(__wasi_path_unlink_file(4, "f"));
    return 0;
}
