//! Single instructions of the processor.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, CpuidResult};

/// Model-specific registers, by their names in Intel's manual, volume 4.
pub(crate) mod msr {
    /// IA32_APIC_BASE.
    pub(crate) const APIC_BASE: u32 = 0x1b;
    /// IA32_FS_BASE.
    #[cfg(feature = "debugger")]
    pub(crate) const FS_BASE: u32 = 0xc000_0100;
    /// IA32_GS_BASE.
    #[cfg(feature = "debugger")]
    pub(crate) const GS_BASE: u32 = 0xc000_0101;
}

/// Bit of RFLAGS: interrupts are taken.
pub(crate) const RFLAGS_INTERRUPTS: u64 = 1 << 9;

/// Bit of RFLAGS: one instruction, then a debug exception.
#[cfg(feature = "debugger")]
pub(crate) const RFLAGS_TRAP: u64 = 1 << 8;
/// Bit of RFLAGS: no debug register stops at the next instruction.
#[cfg(feature = "debugger")]
pub(crate) const RFLAGS_RESUME: u64 = 1 << 16;

/// Reads a byte from an I/O port.
pub(crate) fn read_port_u8(port: u16) -> u8 {
    let value: u8;
    // SAFETY: reading a port touches no memory of ours; the devices of a PC tolerate it.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags));
    };
    value
}

/// Reads four bytes from an I/O port.
pub(crate) fn read_port_u32(port: u16) -> u32 {
    let value: u32;
    // SAFETY: as for a byte.
    unsafe {
        asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags));
    };
    value
}

/// Writes a byte to an I/O port.
pub(crate) fn write_port_u8(port: u16, value: u8) {
    // SAFETY: no device that is written to by port here reaches memory of ours.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags));
    };
}

/// Writes two bytes to an I/O port.
pub(crate) fn write_port_u16(port: u16, value: u16) {
    // SAFETY: as for a byte.
    unsafe {
        asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack, preserves_flags));
    };
}

/// Writes four bytes to an I/O port.
pub(crate) fn write_port_u32(port: u16, value: u32) {
    // SAFETY: as for a byte; PCI configuration moves no memory region over ours.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags));
    };
}

/// Reads a model-specific register.
///
/// # Safety
///
/// The processor has it.
pub(crate) unsafe fn read_msr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller promises that the register is there; a read changes nothing.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high,
            options(nomem, nostack, preserves_flags));
    };
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
///
/// The processor has it, and what the value changes is what all code expects.
pub(crate) unsafe fn write_msr(register: u32, value: u64) {
    // SAFETY: the caller promises it.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    };
}

/// Asks the processor about itself.
pub(crate) fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    __cpuid_count(leaf, subleaf)
}

/// The time stamp counter.
pub(crate) fn time_stamp() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: every 64-bit processor has the instruction; it changes nothing.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    };
    u64::from(high) << 32 | u64::from(low)
}

/// Faults.
#[cfg(feature = "debugger")]
pub(crate) fn undefined_instruction() {
    // SAFETY: the exception ends the machine.
    unsafe { asm!("ud2", options(nomem, nostack, preserves_flags)) };
}

/// The frame pointer of the caller.
#[inline(always)]
pub(crate) fn frame_pointer() -> u64 {
    let value: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The address whose access faulted last.
pub(crate) fn fault_address() -> u64 {
    let value: u64;
    // SAFETY: reading CR2 changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The physical address of the root of the page tables.
pub(crate) fn page_table_root() -> u64 {
    let value: u64;
    // SAFETY: reading CR3 changes nothing.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value & !0xfff
}

/// Makes the page tables at `root` the ones in force.
///
/// # Safety
///
/// They map all that is running and all that is reachable by references.
pub(crate) unsafe fn set_page_table_root(root: u64) {
    // SAFETY: the caller promises it.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
}

/// Control register 0.
#[cfg(feature = "debugger")]
pub(crate) fn control0() -> u64 {
    let value: u64;
    // SAFETY: reading CR0 changes nothing.
    unsafe { asm!("mov {}, cr0", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The bases of the segments FS and GS.
#[cfg(feature = "debugger")]
pub(crate) fn segment_bases() -> [u64; 2] {
    // SAFETY: every 64-bit processor has the registers.
    [msr::FS_BASE, msr::GS_BASE].map(|register| unsafe { read_msr(register) })
}

// A function without lines: a debugger shows its name and looks for no source of the kernel's.
#[cfg(feature = "debugger")]
core::arch::global_asm!(
    ".text",
    ".type waiting_for_debugger, @function",
    "waiting_for_debugger:",
    ".cfi_startproc",
    "int3",
    "ret",
    ".cfi_endproc",
    ".size waiting_for_debugger, . - waiting_for_debugger",
);

/// Hands over to the debugger. Call it only where one answers breakpoints.
#[cfg(feature = "debugger")]
pub(crate) fn breakpoint() {
    // SAFETY: the function keeps all registers, as the exception's stub does; there is no red zone below the stack pointer.
    unsafe { asm!("call waiting_for_debugger", options(preserves_flags)) };
}

/// Control register 4.
pub(crate) fn control4() -> u64 {
    let value: u64;
    // SAFETY: reading CR4 changes nothing.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Sets control register 4.
///
/// # Safety
///
/// The processor has each feature that is named, and all code is ready for it.
pub(crate) unsafe fn set_control4(value: u64) {
    // SAFETY: the caller promises it.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Sets extended control register 0: which register sets XSAVE and the operating system handle.
///
/// # Safety
///
/// CR4.OSXSAVE is set and the processor has each of them.
pub(crate) unsafe fn set_extended_control0(value: u64) {
    // SAFETY: the caller promises it.
    unsafe {
        asm!("xsetbv", in("ecx") 0, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nomem, nostack, preserves_flags));
    };
}

/// Whether interrupts are taken.
pub(crate) fn are_interrupts_enabled() -> bool {
    let flags: u64;
    // SAFETY: reads a register by way of the stack.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & RFLAGS_INTERRUPTS != 0
}

/// Takes interrupts from now on.
pub(crate) fn enable_interrupts() {
    // SAFETY: the handlers stand before anyone calls this; they keep every register.
    unsafe { asm!("sti", options(nostack)) };
}

/// Takes no interrupts from now on.
pub(crate) fn disable_interrupts() {
    // SAFETY: only delays interrupts.
    unsafe { asm!("cli", options(nostack)) };
}

core::arch::global_asm!(
    r#"
    .text
    .globl sleep_until_interrupt
    .type sleep_until_interrupt, @function
sleep_until_interrupt:
    .cfi_startproc
    sti
    .globl sleep_halt
sleep_halt:
    hlt
    ret
    .cfi_endproc
    .size sleep_until_interrupt, . - sleep_until_interrupt
    "#
);

unsafe extern "C" {
    /// Takes interrupts and sleeps until one comes; none is taken between the two, so a caller that has disabled interrupts
    /// and then looked for work misses none: `sti` takes effect after the next instruction (Intel's manual, volume 2, "STI").
    /// What can't be masked, and a debugger, may come between; then [`behind_sleep`] says where to go on.
    pub(crate) safe fn sleep_until_interrupt();
    /// The instruction that sleeps.
    static sleep_halt: u8;
}

/// Where code goes on that something which can't be masked interrupted at `rip`, if not there.
///
/// Right before the processor sleeps, interrupts are held off for that one instruction. They are not any more when it is come
/// back to: one that waits would be answered before it, and nobody would wake the processor for what that one brought.
pub(crate) fn behind_sleep(rip: u64) -> Option<u64> {
    /// Bytes of `hlt`.
    const HALT_BYTES: u64 = 1;
    (rip == (&raw const sleep_halt) as u64).then_some(rip + HALT_BYTES)
}

/// Stops the processor for good.
pub(crate) fn halt_forever() -> ! {
    loop {
        // SAFETY: without interrupts nothing runs after it, which is what the caller wants.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
