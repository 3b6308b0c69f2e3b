/* What a program does with files, in the folder `/data` that the test mounts with `input.txt` and `kept/` inside.
 *
 * Usage: files PART; PART names one of the functions at the end. Leaves files behind that the test compares.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Prints what an operation returned, and the error's name where it failed. */
static long report(const char *what, long result)
{
    if (result < 0)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: %ld\n", what, result);
    return result;
}

/* As report, for operations whose error number differs between engines. */
static void report_refusal(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? "refused" : "done");
}

static void describe(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        printf("%s: %s\n", path, strerror(errno));
        return;
    }
    printf("%s: %s, ", path, S_ISDIR(status.st_mode) ? "folder" : S_ISREG(status.st_mode) ? "file" : "other");
    if (S_ISREG(status.st_mode))
        printf("%lld bytes, %d links, ", (long long)status.st_size, (int)status.st_nlink);
    long age = (long)(time(NULL) - status.st_mtim.tv_sec);
    printf("modified just now: %d\n", age > -100 && age < 1000);
}

static void print_file(const char *path)
{
    char buffer[512];
    int file = open(path, O_RDONLY);
    if (report(path, file < 0 ? -1 : 0) < 0)
        return;
    ssize_t len;
    while ((len = read(file, buffer, sizeof buffer)) > 0)
        fwrite(buffer, 1, (size_t)len, stdout);
    printf("|\n");
    close(file);
}

static void write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text) || close(file) < 0)
        report(path, -1);
}

/* Descriptors: reading, writing, seeking, truncating. */
static int descriptors(void)
{
    char buffer[64] = {0};
    int file = open("/data/descriptor.txt", O_RDWR | O_CREAT | O_EXCL, 0644);
    report("create", file < 0 ? -1 : 0);
    report("create again", open("/data/descriptor.txt", O_RDWR | O_CREAT | O_EXCL, 0644));
    report("write", write(file, "0123456789abcdef", 16));
    report("position", lseek(file, 0, SEEK_CUR));
    report("seek", lseek(file, 4, SEEK_SET));
    report("read", read(file, buffer, 5));
    printf("read [%s]\n", buffer);
    report("seek back", lseek(file, -2, SEEK_CUR));
    report("overwrite", write(file, "XY", 2));
    report("seek to the end", lseek(file, -3, SEEK_END));
    report("seek before the start", lseek(file, -100, SEEK_CUR));
    report("position after that", lseek(file, 0, SEEK_CUR));
    report("positioned read", pread(file, buffer, 6, 6));
    printf("read [%.6s]\n", buffer);
    report("positioned write", pwrite(file, "pp", 2, 12));
    report("position unchanged", lseek(file, 0, SEEK_CUR));
    report("truncate up", ftruncate(file, 24));
    report("seek far", lseek(file, 40, SEEK_SET));
    report("write after a hole", write(file, "end", 3));
    report("truncate down", ftruncate(file, 41));
    report("read at the end", read(file, buffer, 8));
    struct stat status;
    report("status", fstat(file, &status));
    printf("size %lld\n", (long long)status.st_size);
    report("sync", fsync(file));
    report("data sync", fdatasync(file));
    report("close", close(file));
    report("close again", close(file));

    file = open("/data/descriptor.txt", O_WRONLY | O_APPEND);
    report("append", write(file, "tail", 4));
    report("read of a file open for writing", read(file, buffer, 1));
    close(file);
    file = open("/data/descriptor.txt", O_RDONLY);
    report("write to a file open for reading", write(file, "x", 1));
    report_refusal("truncate of a file open for reading", ftruncate(file, 0));
    close(file);
    int flags = open("/data/descriptor.txt", O_WRONLY | O_TRUNC);
    report("emptied", lseek(flags, 0, SEEK_END));
    report("write", write(flags, "once more\n", 10));
    close(flags);
    describe("/data/descriptor.txt");
    return 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void list(const char *path)
{
    static char names[1000][260];
    DIR *folder = opendir(path);
    if (!folder) {
        report(path, -1);
        return;
    }
    int count = 0, folders = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) && count < 1000) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        strcpy(names[count++], entry->d_name);
        folders += entry->d_type == DT_DIR;
    }
    closedir(folder);
    qsort(names, count, sizeof names[0], compare_names);
    printf("%s: %d names, %d folders\n", path, count, folders);
    for (int i = 0; i < count; i++)
        if (i < 8 || i % 50 == 0)
            printf("  %s\n", names[i]);
}

/* Folders: making, listing, renaming, removing. */
static int folders(void)
{
    report("make", mkdir("/data/made", 0755));
    report("make again", mkdir("/data/made", 0755));
    report("make without parent", mkdir("/data/no/such", 0755));
    report("make inside", mkdir("/data/made/inner", 0755));
    char path[300];
    for (int i = 0; i < 400; i++) {
        snprintf(path, sizeof path, "/data/made/inner/entry %03d with a rather long name, \xc3\xbcml\xc3\xa4ut", i);
        write_file(path, path + 17);
    }
    list("/data/made/inner");
    list("/data/made");
    list("/data/input.txt");
    list("/data/missing");
    report("remove a folder that has entries", rmdir("/data/made/inner"));
    report("unlink a folder", unlink("/data/made/inner") < 0 ? -1 : 0);
    for (int i = 0; i < 400; i += 2) {
        snprintf(path, sizeof path, "/data/made/inner/entry %03d with a rather long name, \xc3\xbcml\xc3\xa4ut", i);
        if (unlink(path) < 0)
            report(path, -1);
    }
    list("/data/made/inner");
    report("rename a folder", rename("/data/made/inner", "/data/renamed"));
    describe("/data/made/inner");
    describe("/data/renamed");
    report("remove", rmdir("/data/made"));
    report("remove again", rmdir("/data/made"));
    report("remove a file as a folder", rmdir("/data/input.txt"));

    char name[260];
    memset(name, 'n', sizeof name);
    name[255] = 0;
    snprintf(path, sizeof path, "/data/%s", name);
    write_file(path, "the longest name\n");
    describe("/data/kept");
    list("/data");
    return 0;
}

/* Names: renaming, unlinking, linking, leaving the folder. */
static int names(void)
{
    write_file("/data/one", "first\n");
    write_file("/data/two", "second\n");
    report("rename", rename("/data/one", "/data/three"));
    report("rename of a missing file", rename("/data/one", "/data/four"));
    report("rename over a file", rename("/data/three", "/data/two"));
    print_file("/data/two");
    report("rename into a folder", rename("/data/two", "/data/kept/two"));
    print_file("/data/kept/two");
    report_refusal("rename a file over a folder", rename("/data/kept/two", "/data/kept"));
    report("link", link("/data/kept/two", "/data/linked"));
    describe("/data/linked");
    report("unlink", unlink("/data/kept/two"));
    report("unlink again", unlink("/data/kept/two"));
    print_file("/data/linked");
    report("symbolic link", symlink("linked", "/data/symbolic"));
    char target[64] = {0};
    report("read it", readlink("/data/symbolic", target, sizeof target - 1));
    printf("target [%s]\n", target);
    print_file("/data/symbolic");
    report("read a file as a link", readlink("/data/linked", target, sizeof target - 1));
    struct stat status;
    report("its own status", lstat("/data/symbolic", &status));
    printf("a link: %d\n", S_ISLNK(status.st_mode));
    report("open without following", open("/data/symbolic", O_RDONLY | O_NOFOLLOW));
    report("a file's inside", open("/data/linked/inside", O_RDONLY));
    report("a file as a folder", open("/data/linked", O_RDONLY | O_DIRECTORY));
    report("a folder for writing", open("/data/kept", O_WRONLY));
    report("a missing file", open("/data/missing", O_RDWR));
    report_refusal("an empty name", open("", O_RDONLY));
    print_file("/data/./kept/../input.txt");
    print_file("/data//kept//a.txt");

    report_refusal("out by dots", open("/data/../../etc/passwd", O_RDONLY));
    report_refusal("out by dots inside", open("/data/kept/../../etc/passwd", O_RDONLY));
    report_refusal("outside", open("/etc/passwd", O_RDONLY));
    report_refusal("link out", symlink("/etc/passwd", "/data/out") < 0 ? -1 : open("/data/out", O_RDONLY));
    report_refusal("relative link out", symlink("../../../../etc/passwd", "/data/kept/out") < 0
                                            ? -1
                                            : open("/data/kept/out", O_RDONLY));
    unlink("/data/out");
    unlink("/data/kept/out");

    int file = open("/data/unlinked", O_RDWR | O_CREAT, 0644);
    report("write", write(file, "still here", 10));
    report("unlink while open", unlink("/data/unlinked"));
    report("read after that", pread(file, target, 10, 0));
    close(file);
    return 0;
}

/* Standard input and output of C on files. */
static int streams(void)
{
    char line[200];
    FILE *file = fopen("/data/input.txt", "r");
    for (int i = 1; file && fgets(line, sizeof line, file); i++)
        printf("%d: %s", i, line);
    if (file) {
        printf("position %ld\n", ftell(file));
        fseek(file, 6, SEEK_SET);
        ungetc('!', file);
        int first = getc(file);
        printf("%c%c\n", first, getc(file));
        fclose(file);
    }
    file = fopen("/data/stream.txt", "w+");
    if (!file) {
        perror("stream.txt");
        return 1;
    }
    for (int i = 0; i < 20000; i++)
        fprintf(file, "%d %x\n", i, (unsigned)i * (unsigned)i);
    rewind(file);
    unsigned sum = 0;
    int number;
    unsigned square;
    while (fscanf(file, "%d %x", &number, &square) == 2)
        sum += (unsigned)number ^ square;
    printf("sum %u, end %d\n", sum, !!feof(file));
    fclose(file);
    file = fopen("/data/stream.txt", "a+");
    fprintf(file, "appended\n");
    fseek(file, -9, SEEK_END);
    printf("%s", fgets(line, sizeof line, file));
    fclose(file);
    file = fopen("/data/stream.txt", "r+");
    fputs("replaced", file);
    fclose(file);
    printf("missing: %s\n", fopen("/data/none", "r") ? "opened" : strerror(errno));
    report("remove", remove("/data/kept/a.txt"));
    report("remove again", remove("/data/kept/a.txt"));
    return 0;
}

/* A file of some megabytes, written in odd pieces and read back in others. */
static int large(void)
{
    static unsigned char block[100003];
    int file = open("/data/large.bin", O_RDWR | O_CREAT, 0644);
    uint64_t state = 1, written = 0;
    for (int i = 0; i < 50; i++) {
        size_t len = sizeof block - (size_t)(i * 997);
        for (size_t j = 0; j < len; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            block[j] = (unsigned char)(state >> 56);
        }
        for (size_t at = 0; at < len;) {
            ssize_t step = write(file, block + at, len - at);
            if (step <= 0)
                return (int)report("write", -1) & 1;
            at += (size_t)step;
        }
        written += len;
    }
    lseek(file, 0, SEEK_SET);
    uint64_t hash = 14695981039346656037u, bytes = 0;
    ssize_t len;
    while ((len = read(file, block, 77777)) > 0) {
        for (ssize_t j = 0; j < len; j++)
            hash = (hash ^ block[j]) * 1099511628211u;
        bytes += (uint64_t)len;
    }
    printf("%" PRIu64 " written, %" PRIu64 " read, hash %016" PRIx64 "\n", written, bytes, hash);
    close(file);
    return 0;
}

/* Times of files, set and read back. */
static int times(void)
{
    write_file("/data/timed", "tick\n");
    describe("/data/timed");
    struct timespec moments[2] = {{.tv_sec = 1000000000, .tv_nsec = 5000}, {.tv_sec = 1234567890, .tv_nsec = 123456000}};
    report("set by name", utimensat(AT_FDCWD, "/data/timed", moments, 0));
    struct stat status;
    report("status", stat("/data/timed", &status));
    printf("accessed %lld.%09ld modified %lld.%09ld\n", (long long)status.st_atim.tv_sec, status.st_atim.tv_nsec,
           (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    int file = open("/data/timed", O_RDWR);
    moments[0].tv_nsec = UTIME_OMIT;
    moments[1].tv_sec = 1300000000;
    report("set by descriptor", futimens(file, moments));
    report("status", fstat(file, &status));
    printf("accessed %lld modified %lld.%09ld\n", (long long)status.st_atim.tv_sec, (long long)status.st_mtim.tv_sec,
           status.st_mtim.tv_nsec);
    close(file);
    return 0;
}

/* The same folder, mounted so that nothing in it can be changed. */
static int read_only(void)
{
    print_file("/data/input.txt");
    list("/data");
    report_refusal("create", open("/data/new", O_WRONLY | O_CREAT, 0644));
    report_refusal("open for writing", open("/data/input.txt", O_WRONLY));
    report_refusal("empty", open("/data/input.txt", O_WRONLY | O_TRUNC));
    report_refusal("unlink", unlink("/data/input.txt"));
    report_refusal("make", mkdir("/data/new", 0755));
    report_refusal("remove", rmdir("/data/kept"));
    report_refusal("rename", rename("/data/input.txt", "/data/output.txt"));
    report_refusal("link", link("/data/input.txt", "/data/output.txt"));
    report_refusal("symbolic link", symlink("input.txt", "/data/output.txt"));
    struct timespec moments[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
    report_refusal("set times", utimensat(AT_FDCWD, "/data/input.txt", moments, 0));
    return 0;
}

int main(int count, char **values)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } parts[] = {
        {"descriptors", descriptors}, {"folders", folders}, {"names", names},
        {"streams", streams},         {"large", large},     {"times", times},
        {"read-only", read_only},
    };
    for (size_t i = 0; count > 1 && i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(values[1], parts[i].name))
            return parts[i].run();
    fprintf(stderr, "files: no such part\n");
    return 2;
}
