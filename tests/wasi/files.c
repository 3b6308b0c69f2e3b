// Files: reading, writing, positions, sizes, times, flags, rights, descriptors.
#include "probe.h"

static uint8_t buffer[64];
static size_t count;
static __wasi_filesize_t position;
static __wasi_filestat_t stat;
static __wasi_fdstat_t fdstat;

static __wasi_errno_t read_at(__wasi_fd_t fd, size_t len) {
    memset(buffer, '.', sizeof buffer);
    __wasi_iovec_t part = {buffer, len};
    return __wasi_fd_read(fd, &part, 1, &count);
}

static __wasi_errno_t pread_at(__wasi_fd_t fd, size_t len, uint64_t offset) {
    memset(buffer, '.', sizeof buffer);
    __wasi_iovec_t part = {buffer, len};
    return __wasi_fd_pread(fd, &part, 1, offset, &count);
}

static __wasi_errno_t pwrite_at(__wasi_fd_t fd, const char *text, uint64_t offset) {
    __wasi_ciovec_t part = {(const uint8_t *)text, strlen(text)};
    return __wasi_fd_pwrite(fd, &part, 1, offset, &count);
}

static void show_buffer(void) {
    printf("%zu bytes: ", count);
    for (size_t index = 0; index < 12; index++) putchar(buffer[index] ? buffer[index] : '0');
    putchar('\n');
}

int main(void) {
    puts("-- reading and writing");
    SHOW(open_at("f", __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0));
    __wasi_fd_t f = opened;
    SHOW(write_text(f, "hello world", &count));
    SHOW(__wasi_fd_tell(f, &position));
    printf("at %llu\n", position);
    SHOW(read_at(f, 10));
    show_buffer();
    SHOW(__wasi_fd_seek(f, 0, __WASI_WHENCE_SET, &position));
    SHOW(read_at(f, 5));
    show_buffer();
    SHOW(read_at(f, 50));
    show_buffer();
    SHOW(read_at(f, 50));
    show_buffer();
    SHOW(read_at(f, 0));
    SHOW(pread_at(f, 5, 6));
    show_buffer();
    SHOW(pread_at(f, 5, 600));
    show_buffer();
    SHOW(pwrite_at(f, "W", 6));
    SHOW(pwrite_at(f, "end", 14));
    SHOW(pread_at(f, 12, 5));
    show_buffer();

    puts("-- positions");
    SHOW(__wasi_fd_seek(f, -3, __WASI_WHENCE_END, &position));
    printf("at %llu\n", position);
    SHOW(__wasi_fd_seek(f, 2, __WASI_WHENCE_CUR, &position));
    printf("at %llu\n", position);
    SHOW(__wasi_fd_seek(f, 100, __WASI_WHENCE_CUR, &position));
    printf("at %llu\n", position);
    SHOW(read_at(f, 5));
    show_buffer();
    SHOW(__wasi_fd_seek(f, -1, __WASI_WHENCE_SET, &position));
    SHOW(__wasi_fd_seek(f, -1000, __WASI_WHENCE_CUR, &position));

    puts("-- sizes");
    SHOW(__wasi_fd_filestat_set_size(f, 4));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("size %llu type %d\n", stat.size, stat.filetype);
    SHOW(__wasi_fd_filestat_set_size(f, 8));
    SHOW(pread_at(f, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_filestat_set_size(f, (uint64_t)-1));
    SHOW(__wasi_fd_advise(f, 0, 4, __WASI_ADVICE_WILLNEED));
    SHOW(__wasi_fd_sync(f));
    SHOW(__wasi_fd_datasync(f));

    puts("-- times");
    SHOW(__wasi_fd_filestat_set_times(f, 1000000007, 2000000009, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("%llu %llu\n", stat.atim, stat.mtim);
    SHOW(__wasi_fd_filestat_set_times(f, 5, 5, __WASI_FSTFLAGS_MTIM));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("%llu %llu\n", stat.atim, stat.mtim);
    SHOW(__wasi_fd_filestat_set_times(f, 5, 5, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW));
    SHOW(__wasi_path_filestat_set_times(ROOT, 0, "f", 9000000000, 0, __WASI_FSTFLAGS_ATIM));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("%llu %llu\n", stat.atim, stat.mtim);
    SHOW(__wasi_path_filestat_set_times(ROOT, 0, "f", 0, 0, __WASI_FSTFLAGS_MTIM_NOW));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("later: %d\n", stat.mtim > 1700000000000000000);

    puts("-- appending");
    SHOW(open_at("log", __WASI_OFLAGS_CREAT, FILE_RIGHTS, __WASI_FDFLAGS_APPEND));
    __wasi_fd_t append = opened;
    SHOW(write_text(append, "one", &count));
    SHOW(__wasi_fd_seek(append, 0, __WASI_WHENCE_SET, &position));
    SHOW(write_text(append, "two", &count));
    SHOW(pread_at(append, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_fdstat_get(append, &fdstat));
    printf("flags %d\n", fdstat.fs_flags);
    SHOW(__wasi_fd_fdstat_set_flags(append, 0));
    SHOW(__wasi_fd_fdstat_get(append, &fdstat));
    printf("flags %d\n", fdstat.fs_flags);
    SHOW(__wasi_fd_seek(append, 0, __WASI_WHENCE_SET, &position));
    SHOW(write_text(append, "ONE", &count));
    SHOW(pread_at(append, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_fdstat_set_flags(append, __WASI_FDFLAGS_APPEND | __WASI_FDFLAGS_NONBLOCK));
    SHOW(__wasi_fd_fdstat_get(append, &fdstat));
    printf("flags %d\n", fdstat.fs_flags);
    SHOW(__wasi_fd_close(append));

    puts("-- without a name");
    SHOW(open_at("u", __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0));
    __wasi_fd_t unlinked = opened;
    SHOW(write_text(unlinked, "unlinked", &count));
    SHOW(__wasi_path_unlink_file(ROOT, "u"));
    SHOW(__wasi_fd_filestat_get(unlinked, &stat));
    printf("size %llu links %llu\n", stat.size, stat.nlink);
    SHOW(pwrite_at(unlinked, "longer", 6));
    SHOW(pread_at(unlinked, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_filestat_set_size(unlinked, 3));
    SHOW(pread_at(unlinked, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_filestat_set_size(unlinked, 5));
    SHOW(__wasi_fd_seek(unlinked, 0, __WASI_WHENCE_END, &position));
    printf("at %llu\n", position);
    SHOW(write_text(unlinked, "end", &count));
    SHOW(pread_at(unlinked, 12, 0));
    show_buffer();
    SHOW(__wasi_fd_sync(unlinked));
    SHOW(__wasi_fd_close(unlinked));
    puts("-- replaced");
    SHOW(open_at("r", __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0));
    __wasi_fd_t replaced = opened;
    SHOW(write_text(replaced, "the old one", &count));
    SHOW(__wasi_path_rename(ROOT, "f", ROOT, "r"));
    SHOW(__wasi_fd_filestat_get(replaced, &stat));
    printf("size %llu links %llu\n", stat.size, stat.nlink);
    SHOW(__wasi_fd_filestat_set_size(replaced, 7));
    SHOW(__wasi_fd_filestat_set_size(f, 6));
    SHOW(__wasi_fd_filestat_get(f, &stat));
    printf("size %llu links %llu\n", stat.size, stat.nlink);
    SHOW(pread_at(replaced, 12, 0));
    show_buffer();
    SHOW(__wasi_path_rename(ROOT, "r", ROOT, "f"));
    SHOW(__wasi_fd_close(replaced));

    puts("-- without the right");
    SHOW(open_at("f", 0, READ | __WASI_RIGHTS_FD_SEEK, 0));
    SHOW(write_text(opened, "x", &count));
    SHOW(pwrite_at(opened, "x", 0));
    SHOW(__wasi_fd_close(opened));
    SHOW(open_at("f", 0, WRITE | __WASI_RIGHTS_FD_SEEK, 0));
    SHOW(read_at(opened, 1));
    SHOW(pread_at(opened, 1, 0));
    SHOW(__wasi_fd_close(opened));

    puts("-- descriptors");
    SHOW(__wasi_fd_close(f));
    SHOW(__wasi_fd_close(f));
    SHOW(read_at(f, 1));
    SHOW(write_text(f, "x", &count));
    SHOW(__wasi_fd_tell(f, &position));
    SHOW(__wasi_fd_close(-1));
    SHOW(__wasi_fd_close(0x7fffffff));
    SHOW(__wasi_fd_fdstat_get(-1, &fdstat));
    SHOW(__wasi_fd_filestat_get(1000, &stat));
    SHOW(open_at("f", 0, FILE_RIGHTS, 0));
    __wasi_fd_t one = opened;
    SHOW(open_at("log", 0, FILE_RIGHTS, 0));
    __wasi_fd_t two = opened;
    SHOW(__wasi_fd_renumber(two, one));
    SHOW(read_at(one, 6));
    show_buffer();
    SHOW(read_at(two, 6));
    SHOW(__wasi_fd_renumber(two, one));
    SHOW(__wasi_fd_renumber(one, 500));
    SHOW(__wasi_fd_renumber(one, one));
    SHOW(__wasi_fd_close(one));

    puts("-- directories");
    SHOW(read_at(ROOT, 1));
    SHOW(write_text(ROOT, "x", &count));
    SHOW(pread_at(ROOT, 1, 0));
    SHOW(__wasi_fd_seek(ROOT, 0, __WASI_WHENCE_SET, &position));
    SHOW(__wasi_fd_tell(ROOT, &position));
    SHOW(__wasi_fd_filestat_set_size(ROOT, 0));
    SHOW(__wasi_fd_filestat_get(ROOT, &stat));
    printf("type %d\n", stat.filetype);
    SHOW(__wasi_fd_fdstat_get(ROOT, &fdstat));
    printf("type %d\n", fdstat.fs_filetype);
    SHOW(__wasi_fd_advise(ROOT, 0, 0, 0));

    puts("-- standard streams");
    SHOW(__wasi_fd_seek(1, 0, __WASI_WHENCE_SET, &position));
    SHOW(__wasi_fd_tell(0, &position));
    SHOW(__wasi_fd_filestat_get(1, &stat));
    SHOW(__wasi_fd_fdstat_get(1, &fdstat));
    printf("writes %d\n", (fdstat.fs_rights_base & WRITE) != 0);
    SHOW(read_at(1, 1));
    SHOW(write_text(0, "x", &count));
    SHOW(write_text(1, "", &count));
    SHOW(pwrite_at(1, "x", 0));
    SHOW(pread_at(0, 1, 0));
    SHOW(__wasi_fd_filestat_set_size(1, 0));
    __wasi_prestat_t prestat;
    SHOW(__wasi_fd_prestat_get(1, &prestat));
    SHOW(__wasi_fd_prestat_get(ROOT, &prestat));
    printf("%d %zu\n", prestat.tag, prestat.u.dir.pr_name_len);
    SHOW(__wasi_fd_prestat_get(4, &prestat));
    SHOW(__wasi_fd_prestat_dir_name(ROOT, buffer, 0));
    SHOW(__wasi_fd_prestat_dir_name(ROOT, buffer, 1));

    puts("-- closing the streams");
    SHOW(__wasi_fd_close(0));
    SHOW(read_at(0, 1));
    SHOW(__wasi_path_unlink_file(ROOT, "f"));
    SHOW(__wasi_path_unlink_file(ROOT, "log"));
    return 0;
}
