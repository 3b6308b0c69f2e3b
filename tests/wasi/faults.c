// Arguments that mean nothing: wasmtime ends the program on some of these, here each is an errno.
#include "probe.h"

static uint8_t buffer[64];
static size_t count;
static __wasi_filesize_t position;
static __wasi_timestamp_t timestamp;
static __wasi_filestat_t stat;

static void *far(unsigned address) {
    void *volatile pointer = (void *)address;
    return pointer;
}

int main(void) {
    SHOW(open_at("f", __WASI_OFLAGS_CREAT, FILE_RIGHTS, 0));
    __wasi_fd_t f = opened;
    SHOW(write_text(f, "content", &count));
    puts("-- addresses");
    __wasi_iovec_t outside[2] = {{buffer, 2}, {far(0xfffffff0), 0x20}};
    __wasi_iovec_t upper[2] = {{buffer, 2}, {far(0x80000000), 0x80000000}};
    SHOW(__wasi_fd_pread(f, outside, 2, 0, &count));
    SHOW(__wasi_fd_pread(f, upper, 2, 0, &count));
    SHOW(__wasi_fd_read(f, far(0xfffffff8), 2, &count));
    SHOW(__wasi_fd_read(f, outside, 0x20000001, &count));
    SHOW(__wasi_fd_read(f, outside, 1, far(0xfffffffe)));
    SHOW(__wasi_fd_write(1, (__wasi_ciovec_t *)outside, 2, &count));
    SHOW(__wasi_random_get(far(0xffff0000), 0x20000));
    SHOW(__wasi_random_get(far(0x7fffffff), 1));
    SHOW(__wasi_clock_time_get(0, 0, far(0xfffffff9)));
    SHOW(__wasi_fd_filestat_get(f, far(0xffffffff)));
    SHOW(__wasi_args_get(far(0xffffff00), buffer));
    SHOW(__wasi_poll_oneoff(far(0xffffff00), far(0x1000), 1000, &count));
    SHOW(__wasi_fd_readdir(ROOT, far(0xffffff00), 0x1000, 0, &count));
    puts("-- numbers");
    SHOW(__wasi_fd_seek(f, 0, 7, &position));
    SHOW(__wasi_fd_advise(f, 0, 1, 9));
    SHOW(__wasi_fd_fdstat_set_flags(f, 0x4000));
    SHOW(__wasi_clock_time_get(9, 0, &timestamp));
    SHOW(__wasi_clock_res_get(9, &timestamp));
    SHOW(__wasi_fd_filestat_set_times(f, 0, 0, 0x30));
    SHOW(__wasi_path_filestat_get(ROOT, 2, "f", &stat));
    SHOW(__wasi_fd_tell(f, &position));
    printf("at %llu\n", position);
    SHOW(__wasi_fd_close(f));
    SHOW(__wasi_path_unlink_file(ROOT, "f"));
    return 0;
}
