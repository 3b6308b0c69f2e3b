//! Values of Zig for a debugger to show.

extern "wasi_snapshot_preview1" fn proc_exit(status: u32) noreturn;

const Shape = union(enum) { circle: u32, square: u32 };

const Record = struct {
    name: []const u8,
    count: u32,
    shape: Shape,
    next: ?*const Record,
};

fn area(shape: Shape) u32 {
    return switch (shape) {
        .circle => |radius| 3 * radius * radius,
        .square => |side| side * side,
    };
}

fn total(records: []const Record, limit: u32) !u32 {
    var sum: u32 = 0;
    for (records) |record| {
        const part = record.count + area(record.shape);
        sum += part;
    }
    if (sum > limit) return error.TooMuch;
    return sum;
}

var calls: u32 = 0;

pub fn main() void {
    var records: [2]Record = undefined;
    records[0] = .{ .name = "pen", .count = 3, .shape = .{ .circle = 1 }, .next = null };
    records[1] = .{ .name = "cup", .count = 4, .shape = .{ .square = 2 }, .next = &records[0] };
    calls += 1;
    const sum = total(&records, 100) catch 0;
    proc_exit(if (sum == 14) 7 else 8);
}
