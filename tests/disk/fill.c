// Fills the disk: a write says so in the end, what was written before is there, and there is room again when it is gone.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char bytes[50000];

int main(void) {
    int fd = open("/disk/full", O_RDWR | O_CREAT, 0644);
    memset(bytes, 'x', sizeof bytes);
    long total = 0;
    for (;;) {
        ssize_t count = write(fd, bytes, sizeof bytes);
        if (count <= 0) break;
        total += count;
    }
    printf("%s\n", strerror(errno));
    struct stat stat;
    fstat(fd, &stat);
    printf("%s %s\n", stat.st_size == total ? "all" : "not all", total > 1000000 ? "much" : "little");
    printf("%d %d\n", fsync(fd), mkdir("/disk/directory", 0755) == 0 || errno == ENOSPC);
    printf("%d\n", unlink("/disk/full"));
    // It has no name, and all its bytes.
    ssize_t count = pread(fd, bytes, 10, total - 10);
    printf("%zd %.10s\n", count, bytes);
    close(fd);
    fd = open("/disk/again", O_RDWR | O_CREAT, 0644);
    memset(bytes, 'y', sizeof bytes);
    printf("%zd\n", write(fd, bytes, sizeof bytes));
    printf("%d\n", fsync(fd));
    // Written, not synced, and the program traps: it is there all the same.
    int last = open("/disk/last", O_WRONLY | O_CREAT, 0644);
    write(last, "last words", 10);
    fflush(stdout);
    __builtin_trap();
}
