// Makes the calls of preview 1 that standard input lists, and prints what each answers, so that engines and file systems
// can be compared. One call a line: its name, then words. A slot (0 to 7) holds a descriptor; `b` is the folder of the
// sequence. `@` stands for no bytes.
#include <stdlib.h>

#include "probe.h"

#define SLOTS 8
#define CLOSED 7777
#define TEXT_MAX 70000
// Times before this one were set by the sequence; later ones are the clock's.
#define CLOCK_START 1000000000000000000ull

static __wasi_fd_t slots[SLOTS], base;
static char line[8192], *rest;
static uint8_t buffer[TEXT_MAX];

static char *word(void) {
    char *found = strtok_r(NULL, " \n", &rest);
    if (!found) return "";
    return strcmp(found, "@") == 0 ? "" : found;
}

static uint64_t number(void) { return strtoull(word(), NULL, 0); }

static __wasi_fd_t slot(void) {
    char *name = word();
    return name[0] == 'b' ? base : slots[(name[0] - '0') % SLOTS];
}

static void show_bytes(size_t count) {
    // What repeats itself is long: a sum will do.
    if (count > 48) {
        unsigned sum = 0;
        for (size_t at = 0; at < count; at++) sum = sum * 31 + buffer[at];
        printf(" %zu bytes, sum %u", count, sum);
        return;
    }
    printf(" \"");
    for (size_t at = 0; at < count; at++) putchar(buffer[at] ? buffer[at] : '.');
    printf("\"");
}

static void show_time(const char *name, uint64_t time) {
    if (time < CLOCK_START)
        printf(" %s %llu", name, (unsigned long long)time);
    else
        printf(" %s now", name);
}

static void show_stat(const __wasi_filestat_t *stat) {
    printf(" type %d links %llu", stat->filetype, (unsigned long long)stat->nlink);
    // How large a directory is, and when it was read last, is the file system's own business.
    if (stat->filetype != __WASI_FILETYPE_DIRECTORY) printf(" size %llu", (unsigned long long)stat->size);
    if (stat->filetype == __WASI_FILETYPE_REGULAR_FILE) {
        show_time("read", stat->atim);
        show_time("written", stat->mtim);
    }
}

// Fills the buffer with the words behind a count: `300*ab` is ab 300 times.
static size_t text(void) {
    char *source = word(), *star = strchr(source, '*');
    size_t times = 1, len, count = 0;
    if (star) times = strtoul(source, NULL, 10), source = star + 1;
    len = strlen(source);
    for (size_t at = 0; at < times && count + len <= TEXT_MAX; at++, count += len) memcpy(buffer + count, source, len);
    return count;
}

static int compare(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

// Reads all entries through a buffer of some bytes; prints them in order of their names.
static __wasi_errno_t list(__wasi_fd_t fd, size_t room) {
    static char *names[512], entry[300];
    size_t count = 0, used;
    uint64_t cookie = 0;
    __wasi_errno_t result;
    do {
        size_t at = 0;
        result = __wasi_fd_readdir(fd, buffer, room, cookie, &used);
        if (result != 0) break;
        while (at + sizeof(__wasi_dirent_t) <= used) {
            __wasi_dirent_t head;
            memcpy(&head, buffer + at, sizeof head);
            at += sizeof head;
            if (at + head.d_namlen > used) break;
            cookie = head.d_next;
            snprintf(entry, sizeof entry, "%.*s:%d", (int)head.d_namlen, buffer + at, head.d_type);
            if (count < 512) names[count++] = strdup(entry);
            at += head.d_namlen;
        }
    } while (used == room);
    qsort(names, count, sizeof *names, compare);
    for (size_t at = 0; at < count; at++) {
        printf(" %s", names[at]);
        free(names[at]);
    }
    return result;
}

// Closes what a slot holds, if anything.
static void empty(int at) {
    if (slots[at] != CLOSED && __wasi_fd_close(slots[at]) != 0) printf(" can't be closed");
    slots[at] = CLOSED;
}

static __wasi_errno_t call(const char *name) {
    __wasi_fd_t fd = 0, other;
    __wasi_errno_t result;
    __wasi_filestat_t stat;
    __wasi_fdstat_t fdstat;
    __wasi_ciovec_t from;
    __wasi_iovec_t to;
    size_t count = 0;
    char *path, *second;
    uint64_t offset, first_time, second_time;
#define IS(text) (strcmp(name, text) == 0)
    if (IS("begin")) {
        path = word();
        result = __wasi_path_create_directory(ROOT, path);
        if (result == 0)
            result = __wasi_path_open(ROOT, 0, path, __WASI_OFLAGS_DIRECTORY, ALL & ~WRITE, ALL, 0, &base);
        return result;
    }
    if (IS("end")) {
        for (int at = 0; at < SLOTS; at++) empty(at);
        return __wasi_fd_close(base);
    }
    if (IS("open")) {
        int to_slot = atoi(word());
        fd = slot();
        path = word();
        int lookup = number(), oflags = number();
        uint64_t rights = number();
        int fdflags = number();
        empty(to_slot);
        result = __wasi_path_open(fd, lookup, path, oflags, rights, ALL, fdflags, &other);
        if (result == 0) slots[to_slot] = other;
        return result;
    }
    if (IS("close")) {
        int from_slot = atoi(word());
        result = __wasi_fd_close(slots[from_slot]);
        slots[from_slot] = CLOSED;
        return result;
    }
    if (IS("renumber")) {
        int from_slot = atoi(word()), to_slot = atoi(word());
        result = __wasi_fd_renumber(slots[from_slot], slots[to_slot]);
        if (result == 0 && from_slot != to_slot) slots[from_slot] = CLOSED;
        return result;
    }
    if (IS("mkdir")) return fd = slot(), __wasi_path_create_directory(fd, word());
    if (IS("rmdir")) return fd = slot(), __wasi_path_remove_directory(fd, word());
    if (IS("unlink")) return fd = slot(), __wasi_path_unlink_file(fd, word());
    if (IS("rename")) return fd = slot(), path = word(), other = slot(), __wasi_path_rename(fd, path, other, word());
    if (IS("symlink")) return path = word(), fd = slot(), __wasi_path_symlink(path, fd, word());
    if (IS("link")) {
        fd = slot(), path = word();
        int lookup = number();
        other = slot(), second = word();
        return __wasi_path_link(fd, lookup, path, other, second);
    }
    if (IS("readlink")) {
        fd = slot(), path = word();
        result = __wasi_path_readlink(fd, path, buffer, number(), &count);
        if (result == 0) show_bytes(count);
        return result;
    }
    if (IS("write")) {
        fd = slot(), from.buf = buffer, from.buf_len = text();
        result = __wasi_fd_write(fd, &from, 1, &count);
        if (result == 0) printf(" %zu", count);
        return result;
    }
    if (IS("pwrite")) {
        fd = slot(), offset = number(), from.buf = buffer, from.buf_len = text();
        result = __wasi_fd_pwrite(fd, &from, 1, offset, &count);
        if (result == 0) printf(" %zu", count);
        return result;
    }
    if (IS("read")) {
        fd = slot(), to.buf = buffer, to.buf_len = number();
        result = __wasi_fd_read(fd, &to, 1, &count);
        if (result == 0) show_bytes(count);
        return result;
    }
    if (IS("pread")) {
        fd = slot(), offset = number(), to.buf = buffer, to.buf_len = number();
        result = __wasi_fd_pread(fd, &to, 1, offset, &count);
        if (result == 0) show_bytes(count);
        return result;
    }
    if (IS("seek")) {
        fd = slot();
        long long by = atoll(word());
        __wasi_filesize_t position;
        result = __wasi_fd_seek(fd, by, (uint8_t)number(), &position);
        if (result == 0) printf(" %llu", (unsigned long long)position);
        return result;
    }
    if (IS("tell")) {
        __wasi_filesize_t position;
        result = __wasi_fd_tell(slot(), &position);
        if (result == 0) printf(" %llu", (unsigned long long)position);
        return result;
    }
    if (IS("size")) return fd = slot(), __wasi_fd_filestat_set_size(fd, number());
    if (IS("allocate")) return fd = slot(), offset = number(), __wasi_fd_allocate(fd, offset, number());
    if (IS("advise")) {
        fd = slot(), offset = number();
        uint64_t len = number();
        return __wasi_fd_advise(fd, offset, len, (uint8_t)number());
    }
    if (IS("sync")) return __wasi_fd_sync(slot());
    if (IS("datasync")) return __wasi_fd_datasync(slot());
    if (IS("stat")) {
        result = __wasi_fd_filestat_get(slot(), &stat);
        if (result == 0) show_stat(&stat);
        return result;
    }
    if (IS("pathstat")) {
        fd = slot(), path = word();
        result = __wasi_path_filestat_get(fd, number(), path, &stat);
        if (result == 0) show_stat(&stat);
        return result;
    }
    if (IS("times")) {
        fd = slot(), first_time = number(), second_time = number();
        return __wasi_fd_filestat_set_times(fd, first_time, second_time, number());
    }
    if (IS("pathtimes")) {
        fd = slot(), path = word();
        int lookup = number();
        first_time = number(), second_time = number();
        return __wasi_path_filestat_set_times(fd, lookup, path, first_time, second_time, number());
    }
    if (IS("list")) return fd = slot(), list(fd, number());
    if (IS("fdstat")) {
        result = __wasi_fd_fdstat_get(slot(), &fdstat);
        if (result == 0) printf(" type %d", fdstat.fs_filetype);
        if (result == 0 && fdstat.fs_filetype != __WASI_FILETYPE_DIRECTORY) printf(" flags %d", fdstat.fs_flags);
        return result;
    }
    if (IS("rights")) {
        result = __wasi_fd_fdstat_get(slot(), &fdstat);
        if (result == 0)
            printf(" %llx %llx", (unsigned long long)fdstat.fs_rights_base, (unsigned long long)fdstat.fs_rights_inheriting);
        return result;
    }
    if (IS("setflags")) return fd = slot(), __wasi_fd_fdstat_set_flags(fd, number());
    if (IS("setrights")) return fd = slot(), offset = number(), __wasi_fd_fdstat_set_rights(fd, offset, number());
    printf(" no such call");
    return 0;
}

int main(void) {
    for (int at = 0; at < SLOTS; at++) slots[at] = CLOSED;
    while (fgets(line, sizeof line, stdin)) {
        char copy[200];
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        char *command = strtok_r(line, " \n", &rest);
        if (!command) continue;
        printf("%s ->", copy);
        last = call(command);
        printf(" %s\n", last == __WASI_ERRNO_NOSPC ? "NOSPC" : name(last));
    }
    return 0;
}
