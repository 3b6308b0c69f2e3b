//! How a machine ends: the debug-exit device and the statuses it carries.

/// Port of QEMU's `isa-debug-exit`: `-device isa-debug-exit,iobase=0x501,iosize=4`. A write of `v` ends QEMU with status
/// `2 v + 1`, of which the host sees the low eight bits.
pub const DEBUG_EXIT_PORT: u16 = 0x501;

/// Status of a program that trapped, and of one that called `abort`: 128 + SIGABRT.
pub const STATUS_TRAP: u32 = 134;

/// Status of a kernel that panicked or met an exception in its own code. Seven bits, so that debug-exit can carry it.
pub const STATUS_PANIC: u32 = 70;

/// Status of a machine that a debugger ended: SIGKILL. No record tells of it, only debug-exit.
pub const STATUS_KILLED: u32 = 9;

/// What the kernel writes to debug-exit for `status`: 7 bits reach the host, so a status that would lose all its set bits
/// becomes 1. The whole status goes out as a record before.
#[must_use]
pub const fn debug_exit_value(status: u32) -> u32 {
    let value = status & 0x7f;
    if value == 0 && status != 0 { 1 } else { value }
}
