// An HTTP server: one loop over any number of connections, which stay open between requests.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENER 3 // the first of `listen` in mewz.toml
#define CONNECTIONS_MAX 256
#define REQUEST_MAX 8192

struct connection {
    size_t used;     // bytes of `request`
    size_t to_skip;  // of a body that nobody reads
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

static int respond(int fd, const char *status, const char *body) {
    char head[256];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                       status, strlen(body));
    return send_all(fd, head, (size_t)len) < 0 ? -1 : send_all(fd, body, strlen(body));
}

// Your application: answers one request.
static int handle(int fd, const char *method, const char *path) {
    char body[512];
    if (strcmp(path, "/") != 0)
        return respond(fd, "404 Not Found", "There is nothing here\n");
    snprintf(body, sizeof body, "Hello from mewz\nYou sent a %s\n", method);
    return respond(fd, "200 OK", body);
}

// The value of a header in the lines of a request's head; 0 where it has none.
static const char *header(const char *head, const char *name) {
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 1;
    return 0;
}

// Takes what came, answers each whole request in it; -1 ends the connection.
static int serve(int fd, struct connection *one) {
    ssize_t got = recv(fd, one->request + one->used, REQUEST_MAX - one->used, 0);
    if (got <= 0)
        return -1;
    one->used += (size_t)got;
    for (;;) {
        size_t skipped = one->to_skip < one->used ? one->to_skip : one->used;
        memmove(one->request, one->request + skipped, one->used - skipped);
        one->used -= skipped;
        one->to_skip -= skipped;
        one->request[one->used] = 0;
        char *end = strstr(one->request, "\r\n\r\n");
        if (!end)
            return one->used < REQUEST_MAX ? 0 : -1;
        end[2] = 0;
        const char *length = header(one->request, "Content-Length");
        char method[16], path[1024];
        if (sscanf(one->request, "%15s %1023s", method, path) != 2 || header(one->request, "Transfer-Encoding"))
            return respond(fd, "400 Bad Request", "This is no request that I know\n"), -1;
        one->to_skip = (size_t)(end - one->request) + 4 + (length ? strtoul(length, 0, 10) : 0);
        if (handle(fd, method, path) < 0)
            return -1;
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
