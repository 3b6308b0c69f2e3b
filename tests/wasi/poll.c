// Waiting, clocks and directories that are listed.
#include "probe.h"

static __wasi_subscription_t subscriptions[8];
static __wasi_event_t events[8];
static size_t count;

static void clock_at(int index, __wasi_clockid_t clock, uint64_t timeout, int flags) {
    memset(&subscriptions[index], 0, sizeof subscriptions[index]);
    subscriptions[index].userdata = 100 + index;
    subscriptions[index].u.tag = __WASI_EVENTTYPE_CLOCK;
    subscriptions[index].u.u.clock.id = clock;
    subscriptions[index].u.u.clock.timeout = timeout;
    subscriptions[index].u.u.clock.flags = flags;
}

static void descriptor_at(int index, int tag, __wasi_fd_t fd) {
    memset(&subscriptions[index], 0, sizeof subscriptions[index]);
    subscriptions[index].userdata = 100 + index;
    subscriptions[index].u.tag = tag;
    subscriptions[index].u.u.fd_read.file_descriptor = fd;
}

static void show_events(void) {
    for (size_t index = 0; index < count; index++)
        printf("%llu %s type %d\n", events[index].userdata, name(events[index].error), events[index].type);
}

static uint64_t now(__wasi_clockid_t clock) {
    __wasi_timestamp_t time;
    if (__wasi_clock_time_get(clock, 1, &time) != 0) puts("no time");
    return time;
}

#define MS 1000000ull
#define POLL(n) SHOW(__wasi_poll_oneoff(subscriptions, events, n, &count))

int main(void) {
    puts("-- clocks");
    POLL(0);
    uint64_t start = now(__WASI_CLOCKID_MONOTONIC);
    clock_at(0, __WASI_CLOCKID_MONOTONIC, 30 * MS, 0);
    POLL(1);
    show_events();
    uint64_t slept = now(__WASI_CLOCKID_MONOTONIC) - start;
    printf("slept enough: %d, not too long: %d\n", slept >= 30 * MS, slept < 2000 * MS);
    start = now(__WASI_CLOCKID_REALTIME);
    printf("after 2023: %d\n", start > 1700000000000 * MS);
    clock_at(0, __WASI_CLOCKID_REALTIME, start + 20 * MS, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
    clock_at(1, __WASI_CLOCKID_MONOTONIC, 60000 * MS, 0);
    POLL(2);
    show_events();
    printf("slept enough: %d\n", now(__WASI_CLOCKID_REALTIME) - start >= 20 * MS);
    clock_at(0, __WASI_CLOCKID_MONOTONIC, 1, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
    POLL(1);
    show_events();
    __wasi_timestamp_t resolution = 0;
    SHOW(__wasi_clock_res_get(__WASI_CLOCKID_MONOTONIC, &resolution));
    printf("there is a resolution: %d\n", resolution > 0);

    puts("-- descriptors");
    make_file("f", "content");
    SHOW(open_at("f", 0, FILE_RIGHTS, 0));
    descriptor_at(0, __WASI_EVENTTYPE_FD_READ, opened);
    POLL(1);
    show_events();
    descriptor_at(0, __WASI_EVENTTYPE_FD_WRITE, opened);
    descriptor_at(1, __WASI_EVENTTYPE_FD_WRITE, 1);
    clock_at(2, __WASI_CLOCKID_MONOTONIC, 60000 * MS, 0);
    POLL(3);
    show_events();
    puts("-- input");
    descriptor_at(0, __WASI_EVENTTYPE_FD_READ, 0);
    clock_at(1, __WASI_CLOCKID_MONOTONIC, 60000 * MS, 0);
    POLL(2);
    show_events();
    char line[16];
    __wasi_iovec_t part = {(uint8_t *)line, sizeof line};
    SHOW(__wasi_fd_read(0, &part, 1, &count));
    printf("%.*s", (int)count, line);
    SHOW(__wasi_fd_read(0, &part, 1, &count));
    printf("%zu\n", count);
    SHOW(__wasi_fd_close(opened));
    SHOW(__wasi_path_unlink_file(ROOT, "f"));
    return 0;
}
