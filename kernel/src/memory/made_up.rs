//! Made-up memory for tests on a host: page tables of a few pages, and what they lead to. Touching anything else is a panic.

#[path = "peek.rs"]
pub(crate) mod peek;

use std::cell::RefCell;
use std::collections::HashMap;

use mewz_abi::address::{DIRECT_MAP_BASE, KERNEL_BASE, PAGE_BYTES};

/// Bytes of memory.
pub(crate) const MEMORY_BYTES: usize = 64 * PAGE_BYTES as usize;

/// What is mapped: first address, first physical address, pages.
pub(crate) const MAPPED: [(u64, u64, u64); 5] = [
    (0, 0x8000, 16),
    (0x2_0000, 0x3000, 1),
    (KERNEL_BASE + 0x10_0000, 0x2_0000, 8),
    (DIRECT_MAP_BASE, 0, 64),
    // The last of all, behind which addresses begin again.
    (0u64.wrapping_sub(PAGE_BYTES), 0x1000, 1),
];

/// The registers of a device, which nobody may touch.
const DEVICE: u64 = DIRECT_MAP_BASE + 0xfec0_0000;

/// Bits of an entry: it leads somewhere; to a device.
const PRESENT: u64 = 1;
const UNCACHED: u64 = 1 << 4;

struct Memory {
    bytes: &'static mut [u8; MEMORY_BYTES],
    /// Entries of page tables by their address, which is no memory's: a debugger that writes can't break them.
    entries: HashMap<u64, u64>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory {
        bytes: Box::leak(Box::new([0; MEMORY_BYTES])),
        entries: tables(),
    });
}

fn tables() -> HashMap<u64, u64> {
    const FIRST_TABLE: u64 = 0x1000_0000;
    let mut entries = HashMap::new();
    let mut next = FIRST_TABLE;
    let pages = MAPPED.iter().flat_map(|(start, physical, count)| {
        (0..*count).map(move |page| (start + page * PAGE_BYTES, physical + page * PAGE_BYTES))
    });
    let device = (DEVICE, (DEVICE - DIRECT_MAP_BASE) | UNCACHED);
    for (address, target) in pages.chain([device]) {
        let mut table = root();
        for level in (2..=4).rev() {
            let slot = table + 8 * (address >> (12 + 9 * (level - 1)) & 511);
            let entry = entries.entry(slot).or_insert_with(|| {
                next += PAGE_BYTES;
                next | PRESENT
            });
            table = *entry & !0xfff;
        }
        entries.insert(table + 8 * (address >> 12 & 511), target | PRESENT);
    }
    entries
}

fn root() -> u64 {
    0x1000
}

/// Fills the memory.
pub(crate) fn fill(content: &[u8; MEMORY_BYTES]) {
    MEMORY.with_borrow_mut(|memory| memory.bytes.copy_from_slice(content));
}

/// Shows the memory.
pub(crate) fn look<T>(then: impl FnOnce(&[u8; MEMORY_BYTES]) -> T) -> T {
    MEMORY.with_borrow(|memory| then(memory.bytes))
}

mod paging {
    use mewz_kernel::walk::{Target, walk};

    pub(super) fn look_up(address: u64) -> Option<Target> {
        super::MEMORY.with_borrow(|memory| {
            walk(super::root(), address, |entry| {
                memory.entries.get(&entry).copied().unwrap_or(0)
            })
        })
    }
}

mod direct {
    fn place(start: u64, len: usize) -> *mut u8 {
        let start = start as usize;
        assert!(
            start < super::MEMORY_BYTES && len <= super::MEMORY_BYTES - start,
            "{len} bytes at {start:#x} are no memory"
        );
        super::MEMORY.with_borrow_mut(|memory| memory.bytes[start..].as_mut_ptr())
    }

    /// # Safety
    ///
    /// Nobody writes to them while the slice lives.
    pub(super) unsafe fn bytes<'a>(start: u64, len: usize) -> &'a [u8] {
        // SAFETY: the bytes are there for ever; the caller promises that they stay as they are.
        unsafe { core::slice::from_raw_parts(place(start, len), len) }
    }

    /// # Safety
    ///
    /// Nobody else reaches them while the slice lives.
    pub(super) unsafe fn bytes_mut<'a>(start: u64, len: usize) -> &'a mut [u8] {
        // SAFETY: the bytes are there for ever; the caller promises that nobody else reaches them.
        unsafe { core::slice::from_raw_parts_mut(place(start, len), len) }
    }
}
