//! The kernel's heap: it grows from the machine's free memory and is reached through the direct map.

use core::alloc::Layout;

use mewz_kernel::frames::CHUNK;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::{direct, physical};

/// The least that the heap grows by.
const GROWTH_BYTES: u64 = 4 * CHUNK;
/// Room for the allocator's own notes beside what was asked for.
const NOTES_BYTES: u64 = 4096;

/// Takes memory from the machine when the heap is used up.
#[derive(Debug)]
struct FreeMemory;

// SAFETY: touches no allocator but the one it is given.
unsafe impl Source for FreeMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = (layout.size() as u64)
            .checked_add(layout.align() as u64 + NOTES_BYTES)
            .ok_or(())?;
        let bytes = needed
            .max(GROWTH_BYTES)
            .checked_next_multiple_of(CHUNK)
            .ok_or(())?;
        let start = physical::contiguous(bytes).ok_or(())?;
        // SAFETY: the memory was just taken, so nobody else has it, and the direct map shows it for good.
        unsafe { talc.claim(direct::pointer(start), bytes as usize) }
            .map(|_| ())
            .ok_or(())
    }
}

#[global_allocator]
static HEAP: TalcLock<spin::Mutex<()>, FreeMemory> = TalcLock::new(FreeMemory);
