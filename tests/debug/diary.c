// Keeps a number on a disk, one more each time, and as many lines as there were times; reads back what it has written.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char lines[64 << 10];

static void done(int number, size_t bytes) {
    printf("time %d, %zu bytes\n", number, bytes);
}

int main(void) {
    int number = 0;
    FILE *file = fopen("/disk/number", "r");
    if (file) {
        if (fscanf(file, "%d", &number) != 1)
            return 2;
        fclose(file);
    }
    number++;
    file = fopen("/disk/number", "w");
    if (!file || fprintf(file, "%d\n", number) < 0 || fflush(file) || fsync(fileno(file)) || fclose(file))
        return 3;
    int fd = open("/disk/lines", O_RDWR | O_CREAT | O_APPEND, 0600);
    for (int line = 0; line < 300; line++)
        if (dprintf(fd, "time %d, line %d\n", number, line) < 0 || (line % 100 == 0 && fsync(fd)))
            return 4;
    if (fsync(fd) || lseek(fd, 0, SEEK_SET))
        return 5;
    ssize_t bytes = 0, got;
    while ((got = read(fd, lines + bytes, sizeof lines - (size_t)bytes)) > 0)
        bytes += got;
    close(fd);
    done(number, (size_t)bytes);
    return 0;
}
