const Slice = extern struct { base: [*]const u8, len: usize };

// WASI's own function: the standard library's way to write to a file differs from one Zig release to the next.
extern "wasi_snapshot_preview1" fn fd_write(descriptor: i32, slices: [*]const Slice, count: usize, written: *usize) u16;

pub fn main() error{CannotWrite}!void {
    const text = "Hello from mewz\n";
    const slices = [_]Slice{.{ .base = text, .len = text.len }};
    var written: usize = 0;
    if (fd_write(1, &slices, slices.len, &written) != 0) return error.CannotWrite;
}
