//! The interrupt table and the stubs behind it.
//!
//! Every interrupt and exception runs on a stack of its own (see `segments`), saves all registers, vector ones too,
//! and lifts no guard: SMAP is in force in handlers. The cargo feature `without-interrupt-protection`, for the test that
//! shows what saving is for, leaves the vector registers out for devices and the timer.

use core::arch::{asm, global_asm};

use super::cpu::behind_sleep;
use super::frame::InterruptFrame;
use super::segments::{CODE_SELECTOR, ProcessorTable, TablePointer, interrupt_stack};
use super::vectors::SavedVectors;
use super::{interrupts, processor};

/// Vectors of exceptions that are named here. Source: Intel's manual, volume 3, table 6-1.
pub(crate) mod vector {
    /// Division: by zero, or the quotient does not fit.
    pub(crate) const DIVIDE: u64 = 0;
    /// A debug register's or a single step's.
    pub(crate) const DEBUG: u64 = 1;
    /// An interrupt that can't be masked.
    pub(crate) const NON_MASKABLE: u64 = 2;
    /// `int3`.
    pub(crate) const BREAKPOINT: u64 = 3;
    /// `ud2` and instructions that the processor does not know.
    pub(crate) const INVALID_OPCODE: u64 = 6;
    /// A double fault.
    pub(crate) const DOUBLE_FAULT: u64 = 8;
    /// A page fault.
    pub(crate) const PAGE_FAULT: u64 = 14;
    /// A machine check.
    pub(crate) const MACHINE_CHECK: u64 = 18;
}

/// Vectors that have a stub: 32 exceptions, then the global system interrupts, then the timer.
pub(crate) const VECTORS: usize = 32 + interrupts::LINES + 1;
/// Vector of the first global system interrupt.
pub(crate) const FIRST_LINE_VECTOR: u64 = 32;
/// Vector of the timer.
pub(crate) const TIMER_VECTOR: u64 = VECTORS as u64 - 1;
/// Vector of interrupts that went away before they were taken; no end of interrupt for them.
pub(crate) const SPURIOUS_VECTOR: u64 = 255;
/// Bytes between the stubs.
const STUB_BYTES: u64 = 32;

/// Whether a return address leads back to where interrupts and exceptions arrive: the frame behind it then holds, in the
/// place of a return address, the instruction that was interrupted.
pub(crate) fn is_interruption(return_address: u64) -> bool {
    let start = (&raw const interrupt_common) as u64;
    let end = (&raw const interrupt_common_end) as u64;
    (start..end).contains(&return_address)
}

unsafe extern "C" {
    /// Answers an exception; stands in `entry`, above this room.
    safe fn kernel_exception(frame: &mut InterruptFrame, vectors: &mut SavedVectors);
    /// First stub.
    static exception_stubs: u8;
    /// Stub of [`SPURIOUS_VECTOR`].
    static spurious_stub: u8;
    /// What the stubs lead to.
    static interrupt_common: u8;
    /// The first byte behind it.
    static interrupt_common_end: u8;
}

const SAVES_VECTORS_OF_DEVICES: bool = !cfg!(feature = "without-interrupt-protection");

global_asm!(
    r#"
    .text
    .balign {stub_bytes}
    .globl exception_stubs
exception_stubs:
    .set mewz_vector, 0
    .rept {vectors}
    .balign {stub_bytes}
    .cfi_startproc
    .cfi_signal_frame
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    // The processor pushes an error code for 8, 10 to 14, 17, 21, 29 and 30.
    .if (mewz_vector == 8) || (mewz_vector == 10) || (mewz_vector == 11) || (mewz_vector == 12) || (mewz_vector == 13) || (mewz_vector == 14) || (mewz_vector == 17) || (mewz_vector == 21) || (mewz_vector == 29) || (mewz_vector == 30)
    .cfi_def_cfa rsp, 48
    .else
    .cfi_def_cfa rsp, 40
    push 0
    .cfi_adjust_cfa_offset 8
    .endif
    push mewz_vector
    .cfi_adjust_cfa_offset 8
    jmp interrupt_common
    .cfi_endproc
    .set mewz_vector, mewz_vector + 1
    .endr

    .globl spurious_stub
spurious_stub:
    iretq

    .balign 16
    .globl interrupt_common
    .type interrupt_common, @function
interrupt_common:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    push rax
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rax, 0
    push rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    push rcx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rcx, 0
    push rdx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rdx, 0
    push rsi
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rsi, 0
    push rdi
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rdi, 0
    push rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    push r8
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r8, 0
    push r9
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r9, 0
    push r10
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r10, 0
    push r11
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r11, 0
    push r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    push r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    push r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    push r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    cld
    "#,
    super::smap_guard!(),
    r#"
    mov rbx, rsp
    .cfi_def_cfa_register rbx
    mov rdi, rsp
    // A frame as a call's, for who follows frame pointers.
    push qword ptr [rbx + {rip_offset}]
    push rbp
    mov rbp, rsp

    .if {saves_vectors_of_devices} == 0
    cmp qword ptr [rbx + 120], {first_line_vector}
    jae 4f
    .endif

    cmp byte ptr [rip + {has_extended_state}], 0
    jne 2f
    sub rsp, 512
    and rsp, -64
    fxsave64 [rsp]
    mov rsi, rsp
    call {interrupt}
    fxrstor64 [rsp]
    jmp 5f

2:  sub rsp, [rip + {extended_state_bytes}]
    and rsp, -64
    xor eax, eax
    mov [rsp + 512], rax            // XRSTOR refuses a header that is not clear
    mov [rsp + 520], rax
    mov [rsp + 528], rax
    mov [rsp + 536], rax
    mov [rsp + 544], rax
    mov [rsp + 552], rax
    mov [rsp + 560], rax
    mov [rsp + 568], rax
    mov eax, -1
    mov edx, -1
    xsave64 [rsp]
    mov rsi, rsp
    call {interrupt}
    mov eax, -1
    mov edx, -1
    xrstor64 [rsp]
    jmp 5f

4:  and rsp, -16
    xor esi, esi
    call {interrupt}

5:  mov rsp, rbx
    .cfi_def_cfa_register rsp
    pop r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore r15
    pop r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore r14
    pop r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore r13
    pop r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore r12
    pop r11
    .cfi_adjust_cfa_offset -8
    pop r10
    .cfi_adjust_cfa_offset -8
    pop r9
    .cfi_adjust_cfa_offset -8
    pop r8
    .cfi_adjust_cfa_offset -8
    pop rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbp
    pop rdi
    .cfi_adjust_cfa_offset -8
    pop rsi
    .cfi_adjust_cfa_offset -8
    pop rdx
    .cfi_adjust_cfa_offset -8
    pop rcx
    .cfi_adjust_cfa_offset -8
    pop rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    pop rax
    .cfi_adjust_cfa_offset -8
    add rsp, 16
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size interrupt_common, . - interrupt_common
    .globl interrupt_common_end
interrupt_common_end:
    "#,
    stub_bytes = const STUB_BYTES,
    vectors = const VECTORS,
    first_line_vector = const FIRST_LINE_VECTOR,
    rip_offset = const core::mem::offset_of!(InterruptFrame, rip),
    saves_vectors_of_devices = const SAVES_VECTORS_OF_DEVICES as u32,
    has_extended_state = sym processor::HAS_EXTENDED_STATE,
    extended_state_bytes = sym processor::EXTENDED_STATE_BYTES,
    interrupt = sym interrupt,
);

/// How often each vector was taken.
#[cfg(feature = "debugger")]
static COUNTS: [core::sync::atomic::AtomicU32; VECTORS] =
    [const { core::sync::atomic::AtomicU32::new(0) }; VECTORS];

/// The vectors that were taken, and how often.
#[cfg(feature = "debugger")]
pub(crate) fn counts() -> impl Iterator<Item = (u64, u32)> {
    let counts = COUNTS.iter().enumerate();
    let counts = counts.map(|(vector, count)| {
        let count = count.load(core::sync::atomic::Ordering::Relaxed);
        (vector as u64, count)
    });
    counts.filter(|(_, count)| *count > 0)
}

/// Where every stub arrives.
extern "C" fn interrupt(frame: &mut InterruptFrame, mut vectors: SavedVectors) {
    #[cfg(feature = "debugger")]
    if let Some(count) = COUNTS.get(frame.vector as usize) {
        count.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }
    if frame.vector == TIMER_VECTOR {
        interrupts::answer_timer(frame);
    } else if let Some(line) = frame.vector.checked_sub(FIRST_LINE_VECTOR) {
        interrupts::answer_line(line as usize);
    } else {
        kernel_exception(frame, &mut vectors);
        if let Some(behind) = behind_sleep(frame.rip) {
            frame.rip = behind;
        }
    }
}

/// A gate of the interrupt table.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate([u64; 2]);

impl Gate {
    /// Runs `handler` with interrupts off on interrupt stack `stack` (0: the interrupted one).
    const fn new(handler: u64, stack: u8) -> Self {
        const PRESENT_INTERRUPT_GATE: u64 = 0x8e << 40;
        Self([
            (handler & 0xffff)
                | (CODE_SELECTOR as u64) << 16
                | (stack as u64) << 32
                | PRESENT_INTERRUPT_GATE
                | (handler >> 16 & 0xffff) << 48,
            handler >> 32,
        ])
    }
}

static TABLE: ProcessorTable<[Gate; 256]> = ProcessorTable::new([Gate([0; 2]); 256]);

/// Loads the interrupt table.
pub(crate) fn load() {
    let first = (&raw const exception_stubs) as u64;
    let mut gates = [Gate([0; 2]); 256];
    for (vector, gate) in gates.iter_mut().enumerate().take(VECTORS) {
        *gate = Gate::new(first + vector as u64 * STUB_BYTES, stack_of(vector as u64));
    }
    gates[SPURIOUS_VECTOR as usize] = Gate::new(
        (&raw const spurious_stub) as u64,
        interrupt_stack::INTERRUPT,
    );
    // SAFETY: no interrupt table is loaded yet.
    unsafe { TABLE.set(gates) };
    let pointer = TablePointer {
        limit: size_of::<[Gate; 256]>() as u16 - 1,
        base: TABLE.address(),
    };
    // SAFETY: every gate leads to a stub that keeps all registers.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack, preserves_flags)) };
}

/// The interrupt stack for a vector.
fn stack_of(number: u64) -> u8 {
    match number {
        vector::NON_MASKABLE => interrupt_stack::NON_MASKABLE,
        vector::DEBUG | vector::BREAKPOINT => interrupt_stack::DEBUG,
        vector::DOUBLE_FAULT => interrupt_stack::DOUBLE_FAULT,
        vector::PAGE_FAULT => interrupt_stack::PAGE_FAULT,
        vector::MACHINE_CHECK => interrupt_stack::MACHINE_CHECK,
        0..FIRST_LINE_VECTOR => interrupt_stack::FAULT,
        _ => interrupt_stack::INTERRUPT,
    }
}
