//! The kernel's own stacks, each above a page that is never mapped.

use core::cell::UnsafeCell;

use mewz_abi::address::PAGE_BYTES;

/// Bytes of a guard page.
const GUARD_BYTES: usize = PAGE_BYTES as usize;

/// A stack: a guard page, then `BYTES` of room.
#[repr(C, align(4096))]
pub(crate) struct Stack<const BYTES: usize> {
    guard: [u8; GUARD_BYTES],
    room: UnsafeCell<[u8; BYTES]>,
}

// SAFETY: nobody reaches the room through a reference; the processor does, one owner at a time.
unsafe impl<const BYTES: usize> Sync for Stack<BYTES> {}

impl<const BYTES: usize> Stack<BYTES> {
    /// Bytes from the start of the structure to the top of the stack.
    const TOP: usize = GUARD_BYTES + BYTES;

    const fn new() -> Self {
        Self {
            guard: [0; GUARD_BYTES],
            room: UnsafeCell::new([0; BYTES]),
        }
    }

    /// The address above the first byte that is pushed.
    pub(crate) fn top(&'static self) -> u64 {
        (&raw const *self) as u64 + Self::TOP as u64
    }

    /// The addresses of what can be pushed.
    fn room(&'static self) -> core::ops::Range<u64> {
        self.guard() + GUARD_BYTES as u64..self.top()
    }

    /// The address of the guard page.
    fn guard(&'static self) -> u64 {
        self.guard.as_ptr() as u64
    }
}

/// Bytes of the stack where the kernel starts and answers calls: the file system of disks has many blocks on it at once.
const KERNEL_BYTES: usize = if cfg!(feature = "disks") {
    512 << 10
} else {
    128 << 10
};
/// Where the kernel starts and answers calls.
pub(crate) static KERNEL: Stack<KERNEL_BYTES> = Stack::new();
/// Bytes from [`KERNEL`] to its top, for the boot code.
pub(super) const KERNEL_TOP_OFFSET: usize = Stack::<KERNEL_BYTES>::TOP;
/// Interrupts of devices and the timer.
pub(crate) static INTERRUPT: Stack<{ 16 << 10 }> = Stack::new();
/// Double faults: whatever went wrong, this stack is whole.
pub(crate) static DOUBLE_FAULT: Stack<{ 16 << 10 }> = Stack::new();
/// Breakpoints, single steps and debug registers: they come while other exceptions are answered.
pub(crate) static DEBUG: Stack<{ 32 << 10 }> = Stack::new();
/// The faults that have no stack of their own.
pub(crate) static FAULT: Stack<{ 32 << 10 }> = Stack::new();
/// Interrupts that can't be masked: the debugger's line is one.
pub(crate) static NON_MASKABLE: Stack<{ 32 << 10 }> = Stack::new();
/// Machine checks.
pub(crate) static MACHINE_CHECK: Stack<{ 16 << 10 }> = Stack::new();
/// Page faults.
pub(crate) static PAGE_FAULT: Stack<{ 32 << 10 }> = Stack::new();

/// The word at `address`, if that lies in one of the kernel's stacks.
pub(crate) fn kernel_word(address: u64) -> Option<u64> {
    let rooms = [
        KERNEL.room(),
        INTERRUPT.room(),
        DOUBLE_FAULT.room(),
        DEBUG.room(),
        FAULT.room(),
        NON_MASKABLE.room(),
        MACHINE_CHECK.room(),
        PAGE_FAULT.room(),
    ];
    if !address.is_multiple_of(8) || !rooms.iter().any(|room| room.contains(&address)) {
        return None;
    }
    // SAFETY: stacks are mapped from their guard page up, and whoever asks reads frames below its own.
    Some(unsafe { (address as *const u64).read_volatile() })
}

/// The addresses of all guard pages.
pub(crate) fn guards() -> [u64; 8] {
    [
        KERNEL.guard(),
        INTERRUPT.guard(),
        DOUBLE_FAULT.guard(),
        FAULT.guard(),
        NON_MASKABLE.guard(),
        MACHINE_CHECK.guard(),
        PAGE_FAULT.guard(),
        DEBUG.guard(),
    ]
}
