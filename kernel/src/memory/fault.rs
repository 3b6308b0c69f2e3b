//! What a page fault of the application means.

use mewz_abi::address::KERNEL_BASE;

use super::{linear, stack};

/// What a page fault of the application means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFault {
    /// Nothing: the page was not mapped yet, and is now.
    Resolved,
    /// An access outside linear memory.
    OutOfBounds,
    /// An access at the first addresses, where the program has nothing.
    Null,
    /// The stack is used up.
    StackExhausted,
    /// The machine has no memory left to back the page.
    OutOfMemory,
    /// Compiled code never goes there: a bug of ours.
    Impossible,
}

/// Bit of a page fault's error code: the page was there, the access was not allowed.
const PROTECTION: u64 = 1;

/// Answers a page fault of the application at `address` with the processor's `error` code.
pub(crate) fn answer(address: u64, error: u64) -> PageFault {
    if address >= KERNEL_BASE || error & PROTECTION != 0 {
        return PageFault::Impossible;
    }
    match stack::touch(address) {
        stack::Touch::Mapped => return PageFault::Resolved,
        stack::Touch::Exhausted => return PageFault::StackExhausted,
        stack::Touch::OutOfMemory => return PageFault::OutOfMemory,
        stack::Touch::Elsewhere => {}
    }
    match linear::touch(address) {
        linear::Touch::Mapped => PageFault::Resolved,
        linear::Touch::OutOfMemory => PageFault::OutOfMemory,
        linear::Touch::Null => PageFault::Null,
        linear::Touch::Outside if address >> 47 == 0 => PageFault::OutOfBounds,
        linear::Touch::Outside => PageFault::Impossible,
    }
}
