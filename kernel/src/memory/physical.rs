//! The machine's free physical memory.

use mewz_kernel::frames::{CHUNK, Frames};
use spin::Mutex;

/// Memory that is not given to the application, so that the kernel can still work when it has taken all else.
const KERNEL_RESERVE_BYTES: u64 = 512 << 10;

/// Locked for a few instructions at a time, never in an interrupt; page faults come only from the application.
static FRAMES: Mutex<Frames> = Mutex::new(Frames::new());

/// Makes `frames` the machine's free memory.
pub(crate) fn start(frames: Frames) {
    *FRAMES.lock() = frames;
}

/// Adds what was kept for a window and is not needed: the whole pages of `start..end`, which nobody else has.
pub(crate) fn add(start: u64, end: u64) {
    FRAMES.lock().add(start, end);
}

/// Takes a page for the kernel; what it holds is not defined.
pub(crate) fn page() -> Option<u64> {
    FRAMES.lock().page()
}

/// Takes `bytes` that lie side by side for the kernel.
pub(crate) fn contiguous(bytes: u64) -> Option<u64> {
    FRAMES.lock().contiguous(bytes)
}

/// Takes a chunk of 64 KiB for the application.
pub(crate) fn application_chunk() -> Option<u64> {
    let mut frames = FRAMES.lock();
    if frames.chunk_bytes() < KERNEL_RESERVE_BYTES + CHUNK {
        return None;
    }
    frames.chunk()
}

/// Bytes that the application could still be given.
pub(crate) fn free_bytes() -> u64 {
    chunk_bytes().saturating_sub(KERNEL_RESERVE_BYTES)
}

/// Bytes that can be taken as chunks.
pub(crate) fn chunk_bytes() -> u64 {
    FRAMES.lock().chunk_bytes()
}

/// As [`free_bytes`], without waiting: `None` while the memory is being changed.
#[cfg(feature = "debugger")]
pub(crate) fn try_free_bytes() -> Option<u64> {
    let bytes = FRAMES.try_lock()?.chunk_bytes();
    Some(bytes.saturating_sub(KERNEL_RESERVE_BYTES))
}
