// Writes numbered records to files of the current directory, and says which outlive a power cut by then. What is there
// at the start is looked at first; anything but the first part of what was ever written ends the program with status 1.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char record[6000];

// A record is its number, its length, and bytes that follow from both.
static size_t make_record(unsigned number) {
    unsigned length = 8 + number * 2654435761u % 5000;
    if (number % 3 == 0) length = 8 + number % 50;
    memcpy(record, &number, 4);
    memcpy(record + 4, &length, 4);
    for (unsigned at = 8; at < length; at++) record[at] = (unsigned char)(number + at * 7);
    return length;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// The number behind the last whole record of the log.
static unsigned read_log(FILE *log) {
    unsigned number = 0;
    static unsigned char found[sizeof record];
    for (;;) {
        size_t length = make_record(number);
        size_t count = fread(found, 1, length, log);
        if (memcmp(found, record, count) != 0) fail("a record of the log is not as it was written");
        if (count < length) return number;
        number++;
    }
}

static void sync_all(int fd, const char *what) {
    if (fsync(fd) != 0) fail(what);
}

int main(int count, char **arguments) {
    unsigned last = count > 1 ? (unsigned)atoi(arguments[1]) : ~0u;
    int fd = open("log", O_RDWR | O_CREAT | O_APPEND, 0644);
    if (fd < 0) fail("log");
    FILE *log = fopen("log", "r");
    if (log == NULL) fail("log");
    unsigned number = read_log(log);
    fclose(log);
    // The state is written aside and takes the old one's place: one of both is there, whole.
    unsigned state = 0;
    FILE *file = fopen("state", "r");
    if (file != NULL) {
        if (fscanf(file, "the state is %u\n", &state) != 1) fail("state");
        fclose(file);
    }
    printf("found %u %u\n", number, state);
    fflush(stdout);
    // A record that was cut off goes.
    off_t length = 0;
    for (unsigned before = 0; before < number; before++) length += (off_t)make_record(before);
    if (ftruncate(fd, length) != 0) fail("ftruncate");
    for (; number < last; number++) {
        size_t length = make_record(number);
        if (write(fd, record, length) != (ssize_t)length) fail("write");
        if (number % 4 == 0) {
            char name[20];
            snprintf(name, sizeof name, "extra%u", number % 32);
            // Files that nobody makes sure of, and that come and go.
            if (number % 8 == 0) {
                int extra = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
                if (extra < 0 || write(extra, record, length) < 0) fail(name);
                close(extra);
            } else if (unlink(name) != 0 && access(name, F_OK) == 0) {
                fail("unlink");
            }
        }
        sync_all(fd, "fsync");
        if (number % 5 == 0) {
            file = fopen("new state", "w");
            if (file == NULL) fail("new state");
            fprintf(file, "the state is %u\n", number);
            fflush(file);
            sync_all(fileno(file), "fsync of the state");
            fclose(file);
            if (rename("new state", "state") != 0) fail("rename");
            int directory = open(".", O_RDONLY | O_DIRECTORY);
            sync_all(directory, "fsync of the directory");
            close(directory);
            state = number;
        }
        printf("sure of %u %u\n", number + 1, state);
        fflush(stdout);
    }
    return 0;
}
