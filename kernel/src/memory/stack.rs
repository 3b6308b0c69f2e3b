//! The application's stack: a guard page, then pages that are mapped when they are touched.

use mewz_abi::address::{PAGE_BYTES, STACK_BASE, STACK_BYTES};
use mewz_kernel::frames::CHUNK;

use super::paging::{Access, map, translate};
use super::{direct, physical};

/// First address that can be mapped.
const START: u64 = STACK_BASE + PAGE_BYTES;
/// First address after the stack.
pub(crate) const END: u64 = START + STACK_BYTES;
/// Addresses below the stack that a function with a large frame may reach before anything stops it.
const REACH_BYTES: u64 = 4 << 30;

const _: () = assert!(STACK_BASE.is_multiple_of(CHUNK));

/// What a fault near the stack turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// A page of the stack; it is mapped now.
    Mapped,
    /// Below the stack: too many calls.
    Exhausted,
    /// A page of the stack, and nothing is left to back it.
    OutOfMemory,
    /// Nowhere near.
    Elsewhere,
}

/// Maps what the stack has at `address`.
pub(super) fn touch(address: u64) -> Touch {
    if (STACK_BASE - REACH_BYTES..START).contains(&address) {
        return Touch::Exhausted;
    }
    if !(START..END).contains(&address) {
        return Touch::Elsewhere;
    }
    let start = (address / CHUNK * CHUNK).max(START);
    let end = (address / CHUNK * CHUNK + CHUNK).min(END);
    let Some(chunk) = physical::application_chunk() else {
        return Touch::OutOfMemory;
    };
    // SAFETY: the chunk was just taken, and the direct map shows it.
    unsafe { direct::bytes_mut(chunk, CHUNK as usize) }.fill(0);
    // SAFETY: the addresses are the stack's, and the chunk is nobody else's.
    match unsafe {
        map(
            start,
            chunk,
            (end - start) / PAGE_BYTES,
            Access::Application,
        )
    } {
        Ok(()) => Touch::Mapped,
        Err(_) => Touch::OutOfMemory,
    }
}

/// Reads the word at `address`, if it lies in the stack and is mapped.
pub(crate) fn word(address: u64) -> Option<u64> {
    if !address.is_multiple_of(8) || !(START..=END - 8).contains(&address) {
        return None;
    }
    let physical = translate(address)?;
    // SAFETY: the stack maps plain memory, which the direct map shows; the application does not run.
    Some(unsafe { direct::pointer::<u64>(physical).read() })
}
