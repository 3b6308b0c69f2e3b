//! The kernel's heap: it grows from the machine's free memory and is reached through the direct map.
//!
//! Small requests come from Rust code that can't be refused anything: a failure there ends the kernel. So the last of the
//! memory is kept for them, and large requests, which all ask in a way that may fail, are refused before it is touched.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering};

use mewz_kernel::frames::CHUNK;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::{direct, physical};

/// The least that the heap grows by, while there is that much.
const GROWTH_BYTES: u64 = 4 * CHUNK;
/// Room for the allocator's own notes beside what was asked for.
const NOTES_BYTES: u64 = 4096;
/// A request of so many bytes may be refused; `mewz_kernel::wasi` asks for as many to learn that memory is short.
const LARGE_BYTES: usize = 4096;
/// What large requests leave to small ones: more than one call of the application takes of those.
const SMALL_RESERVE_BYTES: u64 = 256 << 10;

/// Takes memory from the machine when the heap is used up.
#[derive(Debug)]
struct FreeMemory;

// SAFETY: touches no allocator but the one it is given.
unsafe impl Source for FreeMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = (layout.size() as u64)
            .checked_add(layout.align() as u64 + NOTES_BYTES)
            .and_then(|needed| needed.checked_next_multiple_of(CHUNK))
            .ok_or(())?;
        let wanted = [needed.max(GROWTH_BYTES), needed];
        let (start, bytes) = wanted
            .into_iter()
            .find_map(|bytes| Some((physical::contiguous(bytes)?, bytes)))
            .ok_or(())?;
        // SAFETY: the memory was just taken, so nobody else has it, and the direct map shows it for good.
        unsafe { talc.claim(direct::pointer(start), bytes as usize) }.ok_or(())?;
        HELD_BYTES.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Bytes that the heap has taken from the machine, and those of them that are in use.
static HELD_BYTES: AtomicU64 = AtomicU64::new(0);
static USED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Bytes of the heap that are in use, and that it has.
pub(crate) fn bytes() -> (u64, u64) {
    (
        USED_BYTES.load(Ordering::Relaxed),
        HELD_BYTES.load(Ordering::Relaxed),
    )
}

static MEMORY: TalcLock<spin::Mutex<()>, FreeMemory> = TalcLock::new(FreeMemory);

/// The heap.
struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// Whether `more` bytes, asked for at once, can be had.
fn may_have(more: usize) -> bool {
    if more < LARGE_BYTES {
        return true;
    }
    let held = HELD_BYTES.load(Ordering::Relaxed);
    let left = held.saturating_sub(USED_BYTES.load(Ordering::Relaxed)) + physical::chunk_bytes();
    (more as u64).saturating_add(SMALL_RESERVE_BYTES) <= left
}

// SAFETY: every call is handed on to an allocator that keeps the rules, or refused.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size()) {
            return null_mut();
        }
        // SAFETY: the caller keeps the rules of this function, which are the same.
        let memory = unsafe { MEMORY.alloc(layout) };
        if !memory.is_null() {
            USED_BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        USED_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as for `alloc`.
        unsafe { MEMORY.dealloc(memory, layout) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if bytes > layout.size() && !may_have(bytes) {
            return null_mut();
        }
        // SAFETY: as for `alloc`.
        let moved = unsafe { MEMORY.realloc(memory, layout, bytes) };
        if !moved.is_null() {
            USED_BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
            USED_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        }
        moved
    }
}
