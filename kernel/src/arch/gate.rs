//! The way between kernel and application: SMAP, stacks, frames.
//!
//! The application runs on its own stack with SMAP lifted. Each call of it into the kernel goes through a stub that takes
//! the arguments along, puts SMAP in force and switches to the kernel's stack, right below the frames of the kernel code
//! that entered the application. The chain of frame pointers leads through both stacks.

use core::arch::global_asm;
use core::cell::UnsafeCell;

/// Most arguments of a call into the kernel, all integers.
pub(crate) const ARGUMENTS_MAX: usize = 9;

/// What a call into the kernel leads to: its arguments, of which those beyond the import's own hold nothing, and the
/// number that its stub passes along.
pub(crate) type Call = extern "C" fn(arguments: &[u64; ARGUMENTS_MAX], number: u32) -> u64;

/// Bytes above the application's first frame that a stub may read.
pub(crate) const HEADROOM_BYTES: u64 = 64;

/// The kernel's stack pointer while the application runs.
#[repr(transparent)]
struct KernelStack(UnsafeCell<u64>);

// SAFETY: only the assembly below reaches it, on one processor, never from an interrupt.
unsafe impl Sync for KernelStack {}

static KERNEL_STACK: KernelStack = KernelStack(UnsafeCell::new(0));

unsafe extern "C" {
    /// Calls the application's `function` on the stack whose top is `stack_top`.
    ///
    /// # Safety
    ///
    /// `function` is code of the application in the System V convention without parameters and results, `stack_top` the
    /// 16-byte aligned end of a stack that page faults map. Not nested.
    fn enter_application(function: u64, stack_top: u64);
    /// Calls `function` on the kernel's stack as calls of the application do.
    ///
    /// # Safety
    ///
    /// The application has been entered, and whoever calls runs on another stack and in no call of it.
    fn run_on_kernel_stack(function: extern "C" fn());
    static application_text_start: u8;
    static application_text_end: u8;
}

/// Calls a function of the application on its stack.
///
/// # Safety
///
/// As for the assembly: `function` is code of the application in the System V convention, without parameters and results,
/// `stack_end` the 16-byte aligned end of a stack that page faults map. Not nested.
pub(crate) unsafe fn run(function: u64, stack_end: u64) {
    // SAFETY: the caller promises it.
    unsafe { enter_application(function, stack_end - HEADROOM_BYTES) };
}

/// Makes the application's call end where `frame` was taken, as if its function had returned.
pub(crate) fn leave(frame: &mut super::frame::InterruptFrame) {
    const DIRECTION: u64 = 1 << 10;
    /// From the saved stack pointer up to the frame pointer of `enter_application`.
    const SAVED_BYTES: u64 = 48;
    unsafe extern "C" {
        static application_left: u8;
    }
    // SAFETY: the application was entered, so the word is that of `enter_application`, and nothing enters it meanwhile.
    let kernel_stack = unsafe { *KERNEL_STACK.0.get() };
    frame.rip = (&raw const application_left) as u64;
    frame.rsp = kernel_stack;
    frame.rbp = kernel_stack + SAVED_BYTES;
    frame.rflags &= !DIRECTION;
}

/// Calls `function` on the kernel's stack, from a handler that runs on one of its own.
///
/// # Safety
///
/// The application has been entered and trapped, not within a call into the kernel.
pub(crate) unsafe fn call_on_kernel_stack(function: extern "C" fn()) {
    // SAFETY: the caller promises it.
    unsafe { run_on_kernel_stack(function) };
}

/// Whether `address` is code of the kernel that runs as part of the application.
pub(crate) fn is_application_part(address: u64) -> bool {
    let start = (&raw const application_text_start) as u64;
    let end = (&raw const application_text_end) as u64;
    (start..end).contains(&address)
}

global_asm!(
    r#"
    .section .text.application, "ax", @progbits
    .globl enter_application
    .type enter_application, @function
enter_application:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    push rbx
    .cfi_offset rbx, -24
    push r12
    .cfi_offset r12, -32
    push r13
    .cfi_offset r13, -40
    push r14
    .cfi_offset r14, -48
    push r15
    .cfi_offset r15, -56
    sub rsp, 8
    mov [rip + {kernel_stack}], rsp
    mov rsp, rsi
    "#,
    super::smap_lift!(),
    r#"
    call rdi
    .globl application_left
application_left:
    "#,
    super::smap_guard!(),
    r#"
    lea rsp, [rbp - 40]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size enter_application, . - enter_application

    // From a stub: a frame is made, RAX holds the call, R11D its number. For a debugger the stub is its caller, and the
    // two are on different stacks: `signal_frame` says that addresses need not ascend.
    .globl application_call
    .type application_call, @function
application_call:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rbp, 0
    .cfi_same_value rbp
    mov rsp, [rip + {kernel_stack}]
    sub rsp, 8
    push [rbp + 32]
    push [rbp + 24]
    push [rbp + 16]
    push r9
    push r8
    push rcx
    push rdx
    push rsi
    push rdi
    "#,
    super::smap_guard!(),
    r#"
    mov rdi, rsp
    mov esi, r11d
    call rax
    "#,
    super::smap_lift!(),
    r#"
    mov rsp, rbp
    .cfi_def_cfa rsp, 16
    .cfi_offset rip, -8
    .cfi_offset rbp, -16
    pop rbp
    .cfi_def_cfa rsp, 8
    .cfi_same_value rbp
    ret
    .cfi_endproc
    .size application_call, . - application_call
    .text

    .globl run_on_kernel_stack
    .type run_on_kernel_stack, @function
run_on_kernel_stack:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    mov rsp, [rip + {kernel_stack}]
    call rdi
    mov rsp, rbp
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size run_on_kernel_stack, . - run_on_kernel_stack
    "#,
    kernel_stack = sym KERNEL_STACK,
);

/// Makes a symbol that the application can call: `call_stub!("module$field$ii$i", function, number)`, where `function` is a
/// [`Call`] and `number` a constant that it is given.
macro_rules! call_stub {
    ($symbol:expr, $call:path, $number:expr) => {
        core::arch::global_asm!(
            ".section .text.application, \"ax\", @progbits",
            ".balign 16",
            concat!(".globl \"", $symbol, "\""),
            concat!(".type \"", $symbol, "\", @function"),
            concat!("\"", $symbol, "\":"),
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "lea rax, [rip + {call}]",
            "mov r11d, {number}",
            // The address that a debugger takes for the return address; nothing returns to it.
            "lea r10, [rip + 2f]",
            "push r10",
            "jmp application_call",
            "2: ud2",
            ".cfi_endproc",
            concat!(".size \"", $symbol, "\", . - \"", $symbol, "\""),
            ".text",
            call = sym $call,
            number = const $number,
        );
        const _: $crate::arch::gate::Call = $call;
    };
}
pub(crate) use call_stub;
