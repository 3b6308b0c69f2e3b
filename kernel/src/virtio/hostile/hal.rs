//! Memory that the device can reach: what it is lent is noted.

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use super::device;

/// The machine, to the virtio crate.
pub(super) struct Machine;

fn layout(pages: usize) -> Layout {
    Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE).unwrap()
}

// SAFETY: memory comes zeroed and aligned from the heap, which hands it out once.
unsafe impl Hal for Machine {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        if device::is_memory_short() {
            return (0, NonNull::dangling());
        }
        // SAFETY: a queue has at least one page.
        let memory = unsafe { alloc_zeroed(layout(pages)) };
        let memory = NonNull::new(memory).unwrap();
        (device::add_pages(memory, pages * PAGE_SIZE), memory)
    }

    unsafe fn dma_dealloc(physical: PhysAddr, memory: NonNull<u8>, pages: usize) -> i32 {
        device::remove_pages(physical);
        // SAFETY: the caller returns what `dma_alloc` gave for as many pages.
        unsafe { dealloc(memory.as_ptr(), layout(pages)) };
        0
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        panic!("these devices have no registers in memory")
    }

    unsafe fn share(buffer: NonNull<[u8]>, direction: BufferDirection) -> PhysAddr {
        device::lend(buffer, direction)
    }

    unsafe fn unshare(physical: PhysAddr, buffer: NonNull<[u8]>, _: BufferDirection) {
        device::take_back(physical, buffer);
    }
}
