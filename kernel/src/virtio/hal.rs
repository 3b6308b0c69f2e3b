//! What the virtio crate needs of the machine: memory that devices can reach. The heap and the kernel's image lie side by
//! side in physical memory too, so every buffer of the kernel is one range to a device.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

use mewz_abi::address::PAGE_BYTES;
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use crate::memory::{direct, paging};

/// The machine, to the virtio crate.
pub(crate) struct Machine;

fn layout(pages: usize) -> Layout {
    let page = PAGE_BYTES as usize;
    Layout::from_size_align(pages * page, page).expect("queues are small")
}

// SAFETY: memory comes zeroed and aligned from the heap, which hands it out once; addresses are translated exactly.
unsafe impl Hal for Machine {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // SAFETY: a queue has at least one page.
        let memory = unsafe { alloc_zeroed(layout(pages)) };
        match NonNull::new(memory) {
            Some(memory) => (direct::physical(memory.as_ptr() as u64), memory),
            // 0 tells the crate that there is none.
            None => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, memory: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: the caller returns what `dma_alloc` gave for as many pages.
        unsafe { dealloc(memory.as_ptr(), layout(pages)) };
        0
    }

    unsafe fn mmio_phys_to_virt(physical: PhysAddr, bytes: usize) -> NonNull<u8> {
        let address =
            paging::map_device(physical, bytes as u64).expect("no page is left to map a device");
        NonNull::new(address as *mut u8).expect("the direct map does not begin at 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        direct::physical(buffer.cast::<u8>().as_ptr() as u64)
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
