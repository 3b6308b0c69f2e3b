//! The page tables: four levels, one address space. Source: Intel's manual, volume 3, chapter 4.

use core::sync::atomic::{AtomicU64, Ordering};

use mewz_abi::address::{DIRECT_MAP_BASE, KERNEL_BASE, PAGE_BYTES, WINDOW_BASE, WINDOW_PHYSICAL};
use mewz_kernel::walk::{Target, walk};

use super::start_information::PhysicalRange;
use super::{direct, physical};
use crate::arch::cpu::{page_table_root, set_page_table_root};
use crate::arch::processor::Processor;
use crate::arch::stacks;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
/// Bits of an entry that are an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const LARGE_BYTES: u64 = 2 << 20;
const HUGE_BYTES: u64 = 1 << 30;
const FOUR_GIB: u64 = 4 << 30;

/// [`NO_EXECUTE`], or 0 on a processor that has no such bit.
static NO_EXECUTE_MASK: AtomicU64 = AtomicU64::new(0);

/// No page is left for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfPages;

/// Who may do what with a page. No page is both writable and executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The kernel and the application's code: read.
    ReadOnly,
    /// The kernel and the application's code: read and execute.
    Execute,
    /// The kernel and the application's code: read and write.
    ReadWrite,
    /// Only code that lifts SMAP: read and write.
    Application,
}

impl Access {
    fn bits(self) -> u64 {
        let no_execute = NO_EXECUTE_MASK.load(Ordering::Relaxed);
        let common = PRESENT | ACCESSED | DIRTY;
        match self {
            Access::ReadOnly => common | GLOBAL | no_execute,
            Access::Execute => common | GLOBAL,
            Access::ReadWrite => common | GLOBAL | WRITABLE | no_execute,
            Access::Application => common | WRITABLE | USER | no_execute,
        }
    }
}

/// The segments of the application window, as virtual addresses.
pub(crate) struct WindowBounds {
    pub(crate) read_only_end: u64,
    pub(crate) text_start: u64,
    pub(crate) text_end: u64,
    pub(crate) data_start: u64,
    pub(crate) zero_end: u64,
}

unsafe extern "C" {
    static kernel_image_start: u8;
    static text_end: u8;
    static rodata_end: u8;
    static kernel_image_end: u8;
}

/// Physical address of the first byte after the kernel's image.
pub(crate) fn kernel_physical_end() -> u64 {
    (&raw const kernel_image_end) as u64 - KERNEL_BASE
}

/// Makes the page tables of the kernel and puts them in force.
///
/// # Errors
///
/// The machine has too little memory for them.
pub(crate) fn start(
    processor: Processor,
    memory: &[PhysicalRange],
    window: Option<&WindowBounds>,
) -> Result<(), OutOfPages> {
    if processor.has_no_execute() {
        NO_EXECUTE_MASK.store(NO_EXECUTE, Ordering::Relaxed);
    }
    let root = new_table()?;
    map_all_memory(root, memory, processor.has_huge_pages())?;
    map_kernel(root)?;
    if let Some(window) = window {
        map_window_of(root, window)?;
    }
    // SAFETY: the tables map the kernel where it runs, its stack and all memory where the direct map shows it.
    unsafe { set_page_table_root(root) };
    Ok(())
}

/// Maps a window that came after the page tables were made.
///
/// # Errors
///
/// No page is left for a table.
pub(crate) fn map_window(window: &WindowBounds) -> Result<(), OutOfPages> {
    map_window_of(page_table_root(), window)
}

fn map_window_of(root: u64, window: &WindowBounds) -> Result<(), OutOfPages> {
    let physical = |address: u64| address - WINDOW_BASE + WINDOW_PHYSICAL;
    let segments = [
        (WINDOW_BASE, window.read_only_end, Access::ReadOnly),
        (window.text_start, window.text_end, Access::Execute),
        (window.data_start, window.zero_end, Access::ReadWrite),
    ];
    for (start, end, access) in segments {
        for page in (start..end).step_by(PAGE_BYTES as usize) {
            map_page_of(root, page, physical(page), access)?;
        }
    }
    Ok(())
}

/// Maps `count` pages from `address` on to the physical addresses from `physical` on.
///
/// # Safety
///
/// Nothing of the kernel lies at `address`; nobody reaches the physical memory by another way but the one who calls.
///
/// # Errors
///
/// No page is left for a table; some of the pages may be mapped.
pub(crate) unsafe fn map(
    address: u64,
    physical: u64,
    count: u64,
    access: Access,
) -> Result<(), OutOfPages> {
    for page in 0..count {
        let offset = page * PAGE_BYTES;
        map_page_of(
            page_table_root(),
            address + offset,
            physical + offset,
            access,
        )?;
    }
    Ok(())
}

/// Lets the direct map show device registers; returns their virtual address, `None` where no page is left for a table.
pub(crate) fn map_device(physical: u64, bytes: u64) -> Option<u64> {
    let end = physical.checked_add(bytes)?;
    let bits = Access::ReadWrite.bits() | UNCACHED | LARGE;
    for page in (physical / LARGE_BYTES * LARGE_BYTES..end).step_by(LARGE_BYTES as usize) {
        if translate(DIRECT_MAP_BASE + page).is_none() {
            let entry = entry(page_table_root(), DIRECT_MAP_BASE + page, 2).ok()?;
            set(entry, page | bits);
        }
    }
    Some(DIRECT_MAP_BASE + physical)
}

/// Takes back what is mapped from `start` to `end`: whole entries of the topmost table.
pub(super) fn forget(start: u64, end: u64) {
    const ENTRY_BYTES: u64 = 1 << 39;
    let root = page_table_root();
    for address in (start..end).step_by(ENTRY_BYTES as usize) {
        set(slot(root, address, 4), 0);
    }
    // SAFETY: the tables are those in force; loading them again makes the processor forget what was taken out.
    unsafe { set_page_table_root(root) };
}

/// The physical address behind `address`, `None` where nothing is mapped.
pub(crate) fn translate(address: u64) -> Option<u64> {
    look_up(address).map(|target| target.physical)
}

/// Where `address` leads, `None` where nothing is mapped.
pub(crate) fn look_up(address: u64) -> Option<Target> {
    walk(page_table_root(), address, |entry| {
        get(direct::pointer(entry))
    })
}

/// Maps all that is addressed below 4 GiB and all memory above it at the direct map.
fn map_all_memory(root: u64, memory: &[PhysicalRange], has_huge: bool) -> Result<(), OutOfPages> {
    let is_memory = |start: u64, bytes: u64| {
        memory
            .iter()
            .any(|range| range.start < start + bytes && range.end > start)
    };
    let is_all_memory = |start: u64, bytes: u64| {
        memory
            .iter()
            .any(|range| range.start <= start && range.end >= start + bytes)
    };
    let end = memory
        .iter()
        .map(|range| range.end)
        .max()
        .unwrap_or(0)
        .max(FOUR_GIB);
    for huge in (0..end).step_by(HUGE_BYTES as usize) {
        let is_plain = is_all_memory(huge, HUGE_BYTES) || !is_memory(huge, HUGE_BYTES);
        if has_huge && is_plain {
            let entry = entry(root, DIRECT_MAP_BASE + huge, 3)?;
            set(entry, huge | direct_bits(is_memory(huge, HUGE_BYTES)));
            continue;
        }
        for large in (huge..huge + HUGE_BYTES).step_by(LARGE_BYTES as usize) {
            let entry = entry(root, DIRECT_MAP_BASE + large, 2)?;
            set(entry, large | direct_bits(is_memory(large, LARGE_BYTES)));
        }
    }
    Ok(())
}

/// Bits of a large page of the direct map.
fn direct_bits(is_memory: bool) -> u64 {
    Access::ReadWrite.bits() | LARGE | if is_memory { 0 } else { UNCACHED }
}

/// Maps the kernel's image, less the guard pages of its stacks.
fn map_kernel(root: u64) -> Result<(), OutOfPages> {
    let start = (&raw const kernel_image_start) as u64;
    let text = (&raw const text_end) as u64;
    let read_only = (&raw const rodata_end) as u64;
    let end = (&raw const kernel_image_end) as u64;
    let guards = stacks::guards();
    for page in (start..end).step_by(PAGE_BYTES as usize) {
        let access = match page {
            page if page < text => Access::Execute,
            page if page < read_only => Access::ReadOnly,
            page if guards.contains(&page) => continue,
            _ => Access::ReadWrite,
        };
        map_page_of(root, page, page - KERNEL_BASE, access)?;
    }
    Ok(())
}

fn map_page_of(root: u64, address: u64, physical: u64, access: Access) -> Result<(), OutOfPages> {
    set(entry(root, address, 1)?, physical | access.bits());
    Ok(())
}

/// The entry for `address` at `level`; makes the tables above it.
fn entry(root: u64, address: u64, level: u32) -> Result<*mut u64, OutOfPages> {
    let mut table = root;
    for above in (level + 1..=4).rev() {
        let slot = slot(table, address, above);
        let value = get(slot);
        table = if value & PRESENT == 0 {
            let new = new_table()?;
            // What a page allows is said in its last entry alone.
            set(slot, new | PRESENT | WRITABLE | USER | ACCESSED);
            new
        } else {
            value & ADDRESS
        };
    }
    Ok(slot(table, address, level))
}

/// The place of the entry for `address` in a table of `level`.
fn slot(table: u64, address: u64, level: u32) -> *mut u64 {
    let index = address >> (12 + 9 * (level - 1)) & 511;
    direct::pointer(table + 8 * index)
}

fn get(slot: *mut u64) -> u64 {
    // SAFETY: `slot` lies in a page table, which the direct map shows and which nobody holds a reference to.
    unsafe { slot.read_volatile() }
}

fn set(slot: *mut u64, value: u64) {
    // SAFETY: `slot` lies in a page table, which the direct map shows and which nobody holds a reference to.
    unsafe { slot.write_volatile(value) };
}

/// A table without entries.
fn new_table() -> Result<u64, OutOfPages> {
    let page = physical::page().ok_or(OutOfPages)?;
    // SAFETY: the page was just taken, and the direct map shows it.
    unsafe { direct::bytes_mut(page, PAGE_BYTES as usize) }.fill(0);
    Ok(page)
}
