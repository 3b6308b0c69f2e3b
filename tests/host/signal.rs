//! Faults of compiled code: caught on a stack of their own, noted, and ended at the trampoline's landing.

use std::cell::Cell;
use std::ptr;
use std::sync::Once;

use super::call::{CallFrame, landing};

/// What the processor said; all zeros where nothing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Fault {
    /// SIGSEGV, SIGBUS, SIGILL or SIGFPE; 0 for none.
    pub(crate) signal: i32,
    /// Address of the instruction.
    pub(crate) instruction: u64,
    /// Address that it accessed, for SIGSEGV and SIGBUS.
    pub(crate) accessed: u64,
}

const SIGNALS: [libc::c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Bytes of the stack that handlers run on: the state of the largest vector registers fits several times.
const HANDLER_STACK_BYTES: usize = 128 << 10;

thread_local! {
    /// The call that runs on this thread; no destructor, so that a handler may read it at any time.
    static ACTIVE: Cell<*mut CallFrame> = const { Cell::new(ptr::null_mut()) };
    static HANDLER_STACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `enter` with faults caught.
///
/// # Errors
///
/// The fault that ended it.
///
/// # Safety
///
/// `enter` is the trampoline, so that it can be left at its landing.
pub(crate) unsafe fn guarded(
    frame: &mut CallFrame,
    enter: unsafe extern "C" fn(*mut CallFrame),
) -> Result<(), Fault> {
    install();
    frame.fault = Fault::default();
    let frame: *mut CallFrame = frame;
    let outer = ACTIVE.replace(frame);
    // SAFETY: the frame lives until the trampoline returns, and so it does after a fault.
    unsafe { enter(frame) };
    ACTIVE.set(outer);
    // SAFETY: the frame outlives the call; the handler is done with it.
    let fault = unsafe { (*frame).fault };
    if fault.signal == 0 {
        Ok(())
    } else {
        Err(fault)
    }
}

/// Installs the handlers once, and a stack for them on every thread.
fn install() {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        for signal in SIGNALS {
            // SAFETY: all zeros is a valid `sigaction`.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: the handler has the signature that SA_SIGINFO wants and only calls what handlers may.
            let status = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
            assert_eq!(status, 0, "a handler for signal {signal}");
        }
    });
    if !HANDLER_STACK.replace(true) {
        // Lives as long as the process: threads of a test are few.
        let stack = Box::leak(vec![0u8; HANDLER_STACK_BYTES].into_boxed_slice());
        let stack = libc::stack_t {
            ss_sp: stack.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: stack.len(),
        };
        // SAFETY: the stack is never freed.
        let status = unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        assert_eq!(status, 0, "a stack for handlers");
    }
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let frame = ACTIVE.get();
    if frame.is_null() {
        // A fault of the test itself: let it happen again without us.
        // SAFETY: resetting a disposition is allowed in a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    let context: *mut libc::ucontext_t = context.cast();
    // SAFETY: the kernel passes a valid context, and nobody else refers to it.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    // SAFETY: the kernel passes valid information.
    let info = unsafe { &*info };
    // SAFETY: the field is there for all signals that are caught.
    let accessed = unsafe { info.si_addr() } as u64;
    // SAFETY: `guarded` keeps the frame alive while it is active, and waits in the trampoline.
    let fault = unsafe { &mut (*frame).fault };
    *fault = Fault {
        signal,
        instruction: registers[libc::REG_RIP as usize] as u64,
        accessed,
    };
    registers[libc::REG_RIP as usize] = landing() as i64;
    registers[libc::REG_RBX as usize] = frame as i64;
}
