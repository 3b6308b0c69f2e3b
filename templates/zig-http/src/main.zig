//! An HTTP server: one loop over a number of connections, which stay open between requests.
const std = @import("std");

/// The first of `listen` in mewz.toml.
const listener = 3;
const connections_max = 128;
const request_bytes_max = 8192;

const Request = struct { method: []const u8, path: []const u8 };
const Answer = struct { status: []const u8, body: []const u8 };

/// Your application: the status and the body that answer one request; `room` is for a body that is made.
fn handle(request: Request, room: []u8) !Answer {
    if (!std.mem.eql(u8, request.path, "/"))
        return .{ .status = "404 Not Found", .body = "There is nothing here\n" };
    const body = try std.fmt.bufPrint(room, "Hello from mewz\nYou sent a {s}\n", .{request.method});
    return .{ .status = "200 OK", .body = body };
}

const Connection = struct {
    descriptor: i32,
    /// Bytes of `bytes` that came and are not answered yet.
    used: usize = 0,
    /// Bytes of a body that nobody reads.
    to_skip: usize = 0,
    bytes: [request_bytes_max]u8 = undefined,

    /// Takes what came, and answers each whole request in it; an error ends the connection.
    fn serve(self: *Connection) !void {
        self.used += try read(self.descriptor, self.bytes[self.used..]);
        while (true) {
            self.skip();
            const head_end = std.mem.indexOf(u8, self.bytes[0..self.used], "\r\n\r\n") orelse
                return if (self.used < request_bytes_max) {} else error.LongHead;
            var body_bytes: usize = 0;
            const request = parse(self.bytes[0..head_end], &body_bytes) catch |problem| {
                try self.respond(.{ .status = "400 Bad Request", .body = "This is no request that I know\n" });
                return problem;
            };
            var room: [request_bytes_max]u8 = undefined;
            try self.respond(try handle(request, &room));
            self.to_skip = head_end + 4 + body_bytes;
        }
    }

    fn skip(self: *Connection) void {
        const skipped = @min(self.to_skip, self.used);
        std.mem.copyForwards(u8, &self.bytes, self.bytes[skipped..self.used]);
        self.used -= skipped;
        self.to_skip -= skipped;
    }

    fn respond(self: *Connection, answer: Answer) !void {
        var room: [256]u8 = undefined;
        const format = "HTTP/1.1 {s}\r\nContent-Type: text/plain\r\nContent-Length: {d}\r\n\r\n";
        const head = try std.fmt.bufPrint(&room, format, .{ answer.status, answer.body.len });
        try writeAll(self.descriptor, &.{ .of(head), .of(answer.body) });
    }
};

/// The request that a head holds, and how many bytes of body follow.
fn parse(head: []const u8, body_bytes: *usize) !Request {
    var lines = std.mem.splitSequence(u8, head, "\r\n");
    var words = std.mem.splitScalar(u8, lines.first(), ' ');
    const request = Request{ .method = words.first(), .path = words.next() orelse return error.BadRequest };
    while (lines.next()) |line| {
        const colon = std.mem.indexOfScalar(u8, line, ':') orelse return error.BadRequest;
        if (std.ascii.eqlIgnoreCase(line[0..colon], "content-length"))
            body_bytes.* = try std.fmt.parseInt(u32, std.mem.trim(u8, line[colon + 1 ..], " "), 10);
        if (std.ascii.eqlIgnoreCase(line[0..colon], "transfer-encoding")) return error.BadRequest;
    }
    return request;
}

var connections: [connections_max]Connection = undefined;
var subscriptions: [1 + connections_max]wasi.Subscription = undefined;
var events: [1 + connections_max]wasi.Event = undefined;

pub fn main() !void {
    try writeAll(1, &.{.of("listening\n")});
    var count: usize = 0;
    while (true) {
        subscriptions[0] = .{ .userdata = connections_max, .descriptor = listener };
        for (connections[0..count], subscriptions[1 .. 1 + count], 0..) |*connection, *subscription, at|
            subscription.* = .{ .userdata = at, .descriptor = connection.descriptor };
        var event_count: usize = 0;
        try check(wasi.poll_oneoff(&subscriptions, &events, 1 + count, &event_count));
        // From the last to the first: whatever takes the place of one that is dropped has had its turn.
        std.mem.sort(wasi.Event, events[0..event_count], {}, wasi.Event.isBefore);
        var has_news = false;
        for (events[0..event_count]) |event| {
            if (event.userdata == connections_max) {
                has_news = true;
                continue;
            }
            const at: usize = @intCast(event.userdata);
            connections[at].serve() catch {
                _ = wasi.fd_close(connections[at].descriptor);
                count -= 1;
                if (at < count) connections[at] = connections[count];
            };
        }
        var descriptor: i32 = 0;
        if (!has_news or wasi.sock_accept(listener, 0, &descriptor) != 0) continue;
        if (count < connections_max) {
            connections[count] = .{ .descriptor = descriptor };
            count += 1;
        } else {
            _ = wasi.fd_close(descriptor);
        }
    }
}

/// Reads at least one byte.
fn read(descriptor: i32, room: []u8) !usize {
    var count: usize = 0;
    try check(wasi.fd_read(descriptor, &.{.of(room)}, 1, &count));
    return if (count == 0) error.EndOfStream else count;
}

/// Writes all of it; waits for a client that reads slowly.
fn writeAll(descriptor: i32, slices: []const wasi.Slice) !void {
    var count: usize = 0;
    // A descriptor that blocks takes all.
    try check(wasi.fd_write(descriptor, slices.ptr, slices.len, &count));
}

fn check(errno: u16) error{Refused}!void {
    if (errno != 0) return error.Refused;
}

/// WASI's own functions: the standard library's way to sockets differs from one Zig release to the next.
const wasi = struct {
    const Slice = extern struct {
        base: [*]const u8,
        len: usize,

        fn of(bytes: []const u8) Slice {
            return .{ .base = bytes.ptr, .len = bytes.len };
        }
    };

    const Subscription = extern struct {
        userdata: u64,
        /// That there is something to read.
        kind: u8 = 1,
        descriptor: i32 align(8),
        rest: [28]u8 = @splat(0),
    };

    const Event = extern struct {
        userdata: u64,
        errno: u16,
        kind: u8,
        bytes: u64,
        flags: u16,

        fn isBefore(_: void, one: Event, other: Event) bool {
            return one.userdata > other.userdata;
        }
    };

    extern "wasi_snapshot_preview1" fn fd_close(descriptor: i32) u16;
    extern "wasi_snapshot_preview1" fn fd_read(descriptor: i32, slices: [*]const Slice, count: usize, read: *usize) u16;
    extern "wasi_snapshot_preview1" fn fd_write(descriptor: i32, slices: [*]const Slice, count: usize, written: *usize) u16;
    extern "wasi_snapshot_preview1" fn sock_accept(descriptor: i32, flags: u16, accepted: *i32) u16;
    extern "wasi_snapshot_preview1" fn poll_oneoff(in: [*]const Subscription, out: [*]Event, count: usize, events: *usize) u16;
};
