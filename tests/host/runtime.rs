//! The functions that an object needs beside its imports.

use std::ptr;

use mewz_abi::application::{MemoryInstance, TableInstance};
use mewz_abi::symbol;

use super::map::{Access, open};

/// Bytes that a memory of a test may have: what a reservation holds before its guard.
pub(crate) const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Elements that a table of a test may have: more is answered like a lack of memory.
const TABLE_LEN_MAX: u64 = 10_000_000;

/// Their symbols and addresses.
pub(crate) fn functions() -> [(&'static str, u64); 5] {
    [
        (symbol::MEMORY_GROW, memory_grow as *const () as u64),
        (symbol::TABLE_GROW, table_grow as *const () as u64),
        (symbol::MEMORY_MOVE, memory_move as *const () as u64),
        (symbol::MEMORY_FILL, memory_fill as *const () as u64),
        (symbol::SLEEP, sleep as *const () as u64),
    ]
}

extern "C" fn memory_grow(memory: *mut MemoryInstance, pages: u64) -> i64 {
    // SAFETY: compiled code passes one of its memories, which lives as long as the object.
    let memory = unsafe { &mut *memory };
    let old = memory.bytes;
    let grown = pages
        .checked_shl(memory.page_bytes_log2)
        .filter(|bytes| bytes >> memory.page_bytes_log2 == pages)
        .and_then(|bytes| bytes.checked_add(old))
        .filter(|bytes| *bytes <= memory.bytes_max.min(MEMORY_BYTES_MAX));
    let Some(grown) = grown else { return -1 };
    if open(memory.base + old, memory.base + grown, Access::Write).is_err() {
        return -1;
    }
    memory.bytes = grown;
    (old >> memory.page_bytes_log2) as i64
}

extern "C" fn table_grow(table: *mut TableInstance, elements: u64, value: u64) -> i64 {
    // SAFETY: compiled code passes one of its tables, which lives as long as the object.
    let table = unsafe { &mut *table };
    let old = table.len;
    let grown = old.checked_add(elements);
    let Some(grown) = grown.filter(|len| *len <= table.len_max.min(TABLE_LEN_MAX)) else {
        return -1;
    };
    if grown > table.capacity {
        let capacity = (2 * grown) as usize;
        // Never freed: a test's tables are small, and compiled code may hold the address.
        let moved = Box::leak(vec![0u64; capacity].into_boxed_slice());
        let from = table.elements as *const u64;
        // SAFETY: the table holds `old` elements, and the new array has room for more.
        unsafe { ptr::copy_nonoverlapping(from, moved.as_mut_ptr(), old as usize) };
        table.elements = moved.as_mut_ptr() as u64;
        table.capacity = capacity as u64;
    }
    for at in old..grown {
        let element = (table.elements as *mut u64).wrapping_add(at as usize);
        // SAFETY: `at` is below the capacity.
        unsafe { element.write(value) };
    }
    table.len = grown;
    old as i64
}

extern "C" fn memory_move(to: *mut u8, from: *const u8, bytes: u64) {
    // Address 0 may be a byte of linear memory, which Rust's own functions would refuse.
    // SAFETY: compiled code has checked both ranges.
    unsafe { libc::memmove(to.cast(), from.cast(), bytes as usize) };
}

extern "C" fn memory_fill(to: *mut u8, value: i32, bytes: u64) {
    // SAFETY: compiled code has checked the range.
    unsafe { libc::memset(to.cast(), value, bytes as usize) };
}

extern "C" fn sleep(nanoseconds: u64) {
    std::thread::sleep(std::time::Duration::from_nanos(nanoseconds));
}
