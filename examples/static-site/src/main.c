// A server of the files below /site: content types, ETags, ranges, a page for what is not there.
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTENER 3 // the first of `listen` in mewz.toml
#define SITE "/site"
#define CONNECTIONS_MAX 512
#define REQUEST_MAX 8192
#define PATH_MAX_BYTES 1024

// A file, kept after it was asked for once: the site is part of the image and does not change while this runs.
struct page {
    struct page *next;
    char *path;
    const char *type;
    char etag[24];
    char *bytes;
    size_t len;
};

static struct page *pages;

static const char *content_type(const char *path) {
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript"},            {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"}, {".svg", "image/svg+xml"},
        {".png", "image/png"},                 {".jpg", "image/jpeg"},
        {".webp", "image/webp"},               {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},              {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},         {".xml", "application/xml"},
    };
    const char *ending = strrchr(path, '.');
    for (size_t at = 0; ending && at < sizeof types / sizeof *types; at++)
        if (strcasecmp(ending, types[at][0]) == 0)
            return types[at][1];
    return "application/octet-stream";
}

static char *read_file(const char *path, size_t *len) {
    struct stat status;
    int fd = open(path, O_RDONLY);
    char *bytes = 0;
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (bytes = malloc((size_t)status.st_size + 1))) {
        *len = 0;
        for (ssize_t got; (got = read(fd, bytes + *len, (size_t)status.st_size - *len)) > 0;)
            *len += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

// The page of a path below the site, or 0.
static const struct page *find(const char *path) {
    for (struct page *page = pages; page; page = page->next)
        if (strcmp(page->path, path) == 0)
            return page;
    struct page *page = calloc(1, sizeof *page);
    if (!page || !(page->bytes = read_file(path, &page->len)) || !(page->path = strdup(path))) {
        if (page)
            free(page->bytes);
        free(page);
        return 0;
    }
    page->type = content_type(path);
    uint64_t hash = 0xcbf29ce484222325; // FNV-1a: the same bytes have the same tag in every build
    for (size_t at = 0; at < page->len; at++)
        hash = (hash ^ (unsigned char)page->bytes[at]) * 0x100000001b3;
    snprintf(page->etag, sizeof page->etag, "\"%016llx\"", (unsigned long long)hash);
    page->next = pages;
    return pages = page;
}

// The file that a request's target names, with `%41` and the like decoded; -1 where it leaves the site.
static int file_path(const char *target, char *path) {
    size_t used = strlen(strcpy(path, SITE));
    if (*target != '/')
        return -1;
    for (; *target && *target != '?' && *target != '#'; target++) {
        char byte = *target, digits[3] = {0};
        if (byte == '%') {
            if (!isxdigit((unsigned char)target[1]) || !isxdigit((unsigned char)target[2]))
                return -1;
            memcpy(digits, target + 1, 2);
            byte = (char)strtol(digits, 0, 16);
            target += 2;
        }
        if (byte == 0 || used + sizeof "/index.html" >= PATH_MAX_BYTES)
            return -1;
        path[used++] = byte;
    }
    path[used] = 0;
    if (strstr(path, "/../") || (used >= 3 && strcmp(path + used - 3, "/..") == 0))
        return -1;
    struct stat status;
    if (path[used - 1] == '/')
        strcpy(path + used, "index.html");
    else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        strcpy(path + used, "/index.html");
    return 0;
}

struct connection {
    size_t used; // bytes of `request`
    char request[REQUEST_MAX + 1];
};

static struct pollfd polled[1 + CONNECTIONS_MAX] = {{LISTENER, POLLIN, 0}};
static struct connection *connections[1 + CONNECTIONS_MAX];
static int count = 1;

// Sends all of it; waits for a client that reads slowly.
static int send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, 0);
        if (sent < 0)
            return -1;
        bytes += sent;
        len -= (size_t)sent;
    }
    return 0;
}

// Copies the value of a header to `value`; 0 where the head has none.
static int header(const char *head, const char *name, char *value, size_t room) {
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *begin = line + 3 + len + strspn(line + 3 + len, " \t");
            size_t bytes = strcspn(begin, "\r");
            if (bytes >= room)
                bytes = room - 1;
            memcpy(value, begin, bytes);
            value[bytes] = 0;
            return 1;
        }
    return 0;
}

// Reads `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`. 1: a part; 0: the whole, also for what is not understood,
// as RFC 9110 wants it; -1: a part that the file does not have.
static int part(const char *range, size_t len, size_t *first, size_t *end) {
    char *rest;
    if (strncmp(range, "bytes=", 6) != 0 || strchr(range, ','))
        return 0;
    range += 6;
    if (*range == '-') {
        size_t suffix = strtoul(range + 1, &rest, 10);
        if (!isdigit((unsigned char)range[1]) || *rest)
            return 0;
        *first = suffix < len ? len - suffix : 0;
        *end = len;
        return suffix > 0 && len > 0 ? 1 : -1;
    }
    if (!isdigit((unsigned char)*range))
        return 0;
    *first = strtoul(range, &rest, 10);
    if (*rest++ != '-')
        return 0;
    *end = len;
    if (*rest) {
        size_t last = strtoul(rest, &rest, 10);
        if (*rest || last < *first)
            return 0;
        if (last < len)
            *end = last + 1;
    }
    return *first < len ? 1 : -1;
}

static int respond(int fd, const char *status, const char *more, const struct page *page, size_t first, size_t end,
                   int wants_body) {
    char head[512];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nETag: %s\r\nAccept-Ranges: bytes\r\n"
                       "%s\r\n",
                       status, page->type, end - first, page->etag, more);
    if (send_all(fd, head, (size_t)len) < 0)
        return -1;
    return wants_body ? send_all(fd, page->bytes + first, end - first) : 0;
}

// Answers one request; -1 ends the connection.
static int handle(int fd, const char *head) {
    static const char refused[] = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    static const char nonsense[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char method[16], target[PATH_MAX_BYTES], path[PATH_MAX_BYTES], value[256], more[96] = "";
    if (sscanf(head, "%15s %1023s HTTP/1.", method, target) != 2)
        return send_all(fd, nonsense, sizeof nonsense - 1), -1;
    int is_head = strcmp(method, "HEAD") == 0;
    // What has a body is refused with its connection, so that nobody takes the body for a request.
    if (!is_head && strcmp(method, "GET") != 0)
        return send_all(fd, refused, sizeof refused - 1), -1;
    const struct page *page = file_path(target, path) == 0 ? find(path) : 0;
    if (!page) {
        page = find(SITE "/404.html");
        return page ? respond(fd, "404 Not Found", "", page, 0, page->len, !is_head)
                    : send_all(fd, missing, sizeof missing - 1);
    }
    if (header(head, "If-None-Match", value, sizeof value) && (strcmp(value, "*") == 0 || strstr(value, page->etag))) {
        int len = snprintf(more, sizeof more, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n", page->etag);
        return send_all(fd, more, (size_t)len);
    }
    size_t first = 0, end = page->len;
    int wanted = !is_head && header(head, "Range", value, sizeof value) ? part(value, page->len, &first, &end) : 0;
    // `If-Range` asks for the part of exactly these bytes, else for the whole.
    if (wanted != 0 && header(head, "If-Range", value, sizeof value) && strcmp(value, page->etag) != 0)
        wanted = 0;
    if (wanted < 0) {
        snprintf(more, sizeof more, "Content-Range: bytes */%zu\r\n", page->len);
        return respond(fd, "416 Range Not Satisfiable", more, page, 0, 0, 0);
    }
    if (wanted > 0) {
        snprintf(more, sizeof more, "Content-Range: bytes %zu-%zu/%zu\r\n", first, end - 1, page->len);
        return respond(fd, "206 Partial Content", more, page, first, end, 1);
    }
    return respond(fd, "200 OK", "Cache-Control: no-cache\r\n", page, 0, page->len, !is_head);
}

// Takes what came, answers each whole request in it; -1 ends the connection.
static int serve(int fd, struct connection *one) {
    ssize_t got = recv(fd, one->request + one->used, REQUEST_MAX - one->used, 0);
    if (got <= 0)
        return -1;
    one->used += (size_t)got;
    for (;;) {
        one->request[one->used] = 0;
        char *end = strstr(one->request, "\r\n\r\n");
        if (!end)
            return one->used < REQUEST_MAX ? 0 : -1;
        end[2] = 0;
        if (handle(fd, one->request) < 0)
            return -1;
        size_t answered = (size_t)(end - one->request) + 4;
        memmove(one->request, one->request + answered, one->used - answered);
        one->used -= answered;
    }
}

static void add(void) {
    int fd = accept(LISTENER, 0, 0);
    if (fd < 0)
        return;
    struct connection *one = count <= CONNECTIONS_MAX ? calloc(1, sizeof *one) : 0;
    if (!one) {
        close(fd);
        return;
    }
    polled[count] = (struct pollfd){fd, POLLIN, 0};
    connections[count++] = one;
}

static void drop(int at) {
    close(polled[at].fd);
    free(connections[at]);
    count--;
    polled[at] = polled[count];
    connections[at] = connections[count];
}

int main(void) {
    puts("listening");
    fflush(stdout);
    for (;;) {
        if (poll(polled, (nfds_t)count, -1) < 0) {
            perror("poll");
            return 1;
        }
        // From the last to the first: whatever takes the place of one that is dropped has had its turn.
        for (int at = count - 1; at > 0; at--)
            if (polled[at].revents && serve(polled[at].fd, connections[at]) < 0)
                drop(at);
        if (polled[0].revents)
            add();
    }
}
