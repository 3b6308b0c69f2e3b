//! Physical memory as the direct map shows it.

use mewz_abi::address::{DIRECT_MAP_BASE, KERNEL_BASE};

/// The pointer to physical address `address`.
pub(crate) const fn pointer<T>(address: u64) -> *mut T {
    (DIRECT_MAP_BASE + address) as *mut T
}

/// The physical address behind an address of the direct map or of the kernel's image.
pub(crate) const fn physical(address: u64) -> u64 {
    if address >= KERNEL_BASE {
        address - KERNEL_BASE
    } else {
        address - DIRECT_MAP_BASE
    }
}

/// The bytes at physical address `start`.
///
/// # Safety
///
/// They are memory, mapped, and nobody writes to them while the slice lives.
pub(crate) unsafe fn bytes<'a>(start: u64, len: usize) -> &'a [u8] {
    // SAFETY: the caller promises that they can be read and stay as they are.
    unsafe { core::slice::from_raw_parts(pointer(start), len) }
}

/// The bytes at physical address `start`, to be written.
///
/// # Safety
///
/// They are memory, mapped, and nobody else reaches them while the slice lives.
pub(crate) unsafe fn bytes_mut<'a>(start: u64, len: usize) -> &'a mut [u8] {
    // SAFETY: the caller promises that nobody else reaches them.
    unsafe { core::slice::from_raw_parts_mut(pointer(start), len) }
}
