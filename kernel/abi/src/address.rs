//! Where things lie in the guest: one address space, x86-64, four-level paging.

/// Bytes of a page of the processor.
pub const PAGE_BYTES: u64 = 4096;

/// Bytes of a WebAssembly page; linear memory is mapped this much at a time.
pub const WASM_PAGE_BYTES: u64 = 65536;

/// Address of linear memory 0: a pointer of the module is a pointer of the machine.
pub const MEMORY_BASE: u64 = 0;

/// Bytes reserved from [`MEMORY_BASE`] on: a 32-bit index plus a 32-bit offset plus the widest access
/// can't leave them, so no access needs a bounds check.
pub const MEMORY_RESERVATION_BYTES: u64 = (8 << 30) + WASM_PAGE_BYTES;

/// Address space for each linear memory with a 32-bit index: a power of two that holds a reservation. Memories lie one
/// behind the other from [`MEMORY_BASE`] on.
pub const MEMORY_ROOM_BYTES: u64 = 16 << 30;

/// Address space for each linear memory with a 64-bit index: more than a machine has.
pub const MEMORY64_ROOM_BYTES: u64 = 1 << 40;

/// First address that is no linear memory's: the end of the lower half.
pub const MEMORIES_END: u64 = 1 << 47;

/// First address of the application's stack region; its lowest page is a guard and never mapped.
pub const STACK_BASE: u64 = 0xffff_a000_0000_0000;

/// Bytes of the application's stack, mapped lazily, guard page not counted.
pub const STACK_BYTES: u64 = 8 << 20;

/// First address of the map of all physical memory.
pub const DIRECT_MAP_BASE: u64 = 0xffff_8000_0000_0000;

/// Virtual address of physical address 0 in the kernel's own mapping: kernel virtual = physical + this.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// Physical address at which the kernel is loaded.
pub const KERNEL_PHYSICAL: u64 = 0x10_0000;

/// First physical address after the kernel, its `.bss` included; the linker script asserts it.
pub const KERNEL_PHYSICAL_END: u64 = WINDOW_PHYSICAL;

/// First virtual address of the application window.
pub const WINDOW_BASE: u64 = 0xffff_ffff_a000_0000;

/// Physical address at which the application window is loaded.
pub const WINDOW_PHYSICAL: u64 = 0x40_0000;

/// Most bytes that a window can span: up to the end of the address space, less a page.
pub const WINDOW_BYTES_MAX: u64 = 0x5fff_0000;

const _: () =
    assert!(WINDOW_BASE.is_multiple_of(PAGE_BYTES) && WINDOW_PHYSICAL.is_multiple_of(PAGE_BYTES));
const _: () = assert!(MEMORY_ROOM_BYTES >= MEMORY_RESERVATION_BYTES);
const _: () = assert!(WINDOW_BASE.checked_add(WINDOW_BYTES_MAX).is_some());
