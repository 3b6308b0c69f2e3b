//! Segments and the task state, which holds the interrupt stacks. Source: Intel's manual, volume 3, chapters 3 and 8.

use core::arch::asm;
use core::cell::UnsafeCell;

use super::stacks;

/// Selector of the kernel's code.
pub(crate) const CODE_SELECTOR: u16 = 8;
const TASK_SELECTOR: u16 = 16;

/// Numbers of interrupt stacks: index of the task state's table plus one.
pub(crate) mod interrupt_stack {
    /// Devices and the timer.
    pub(crate) const INTERRUPT: u8 = 1;
    /// Double faults.
    pub(crate) const DOUBLE_FAULT: u8 = 2;
    /// Faults.
    pub(crate) const FAULT: u8 = 3;
    /// Interrupts that can't be masked.
    pub(crate) const NON_MASKABLE: u8 = 4;
    /// Machine checks.
    pub(crate) const MACHINE_CHECK: u8 = 5;
    /// Page faults.
    pub(crate) const PAGE_FAULT: u8 = 6;
    /// Breakpoints, single steps and debug registers.
    pub(crate) const DEBUG: u8 = 7;
}

/// The task state segment.
#[repr(C, packed(4))]
struct TaskState {
    reserved_0: u32,
    privilege_stacks: [u64; 3],
    reserved_1: u64,
    interrupt_stacks: [u64; 7],
    reserved_2: u64,
    reserved_3: u16,
    io_map_base: u16,
}

/// A table that the processor reads and that is written once, before it does.
pub(crate) struct ProcessorTable<T>(UnsafeCell<T>);

// SAFETY: written only by `set`, whose caller promises that nobody reads meanwhile.
unsafe impl<T> Sync for ProcessorTable<T> {}

impl<T> ProcessorTable<T> {
    /// A table with this content.
    pub(crate) const fn new(content: T) -> Self {
        Self(UnsafeCell::new(content))
    }

    /// Its address.
    pub(crate) fn address(&'static self) -> u64 {
        self.0.get() as u64
    }

    /// Replaces the content.
    ///
    /// # Safety
    ///
    /// The processor does not use the table yet.
    pub(crate) unsafe fn set(&'static self, content: T) {
        // SAFETY: the cell is valid for writes and, by the caller's promise, nobody reads it.
        unsafe { self.0.get().write(content) };
    }
}

static TASK_STATE: ProcessorTable<TaskState> = ProcessorTable::new(TaskState {
    reserved_0: 0,
    privilege_stacks: [0; 3],
    reserved_1: 0,
    interrupt_stacks: [0; 7],
    reserved_2: 0,
    reserved_3: 0,
    io_map_base: size_of::<TaskState>() as u16,
});

static DESCRIPTORS: ProcessorTable<[u64; 4]> = ProcessorTable::new([0; 4]);

/// What LGDT and LIDT read.
#[repr(C, packed)]
pub(crate) struct TablePointer {
    /// Bytes of the table, less one.
    pub(crate) limit: u16,
    /// Its address.
    pub(crate) base: u64,
}

/// Loads the segments and the task state.
pub(crate) fn load() {
    let state = TaskState {
        reserved_0: 0,
        privilege_stacks: [stacks::KERNEL.top(); 3],
        reserved_1: 0,
        interrupt_stacks: [
            stacks::INTERRUPT.top(),
            stacks::DOUBLE_FAULT.top(),
            stacks::FAULT.top(),
            stacks::NON_MASKABLE.top(),
            stacks::MACHINE_CHECK.top(),
            stacks::PAGE_FAULT.top(),
            stacks::DEBUG.top(),
        ],
        reserved_2: 0,
        reserved_3: 0,
        io_map_base: size_of::<TaskState>() as u16,
    };
    // SAFETY: no task register is loaded yet.
    unsafe { TASK_STATE.set(state) };
    let [task_low, task_high] = task_descriptor(TASK_STATE.address());
    // SAFETY: the boot descriptors are in force, not these.
    unsafe { DESCRIPTORS.set([0, 0x00af_9b00_0000_ffff, task_low, task_high]) };
    let pointer = TablePointer {
        limit: size_of::<[u64; 4]>() as u16 - 1,
        base: DESCRIPTORS.address(),
    };
    // SAFETY: the code descriptor equals the one in force, at the same selector; the task's is the other.
    unsafe {
        asm!(
            "lgdt [{pointer}]",
            "ltr {task:x}",
            pointer = in(reg) &raw const pointer,
            task = in(reg) TASK_SELECTOR,
            options(nostack, preserves_flags)
        );
    };
}

/// The two words of a descriptor of an available 64-bit task state at `base`.
const fn task_descriptor(base: u64) -> [u64; 2] {
    let limit = size_of::<TaskState>() as u64 - 1;
    let low = limit | (base & 0x00ff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
    [low, base >> 32]
}
