//! Exceptions: of the application, a named trap or a page that was not mapped yet; of the kernel, its end.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use mewz_abi::trap::TrapKind;

use super::callers::Callers;
use super::every_export;
use super::failure::{self, fail};
use super::trap::{self, Cause};
use super::{WINDOW, console, debugger};
use crate::arch::cpu::fault_address;
use crate::arch::exceptions::vector;
use crate::arch::frame::InterruptFrame;
use crate::arch::gate;
use crate::arch::vectors::SavedVectors;
use crate::memory::fault::{self, PageFault};

/// An exception is being answered: another one means that the answer itself is broken.
static IS_ANSWERING: AtomicBool = AtomicBool::new(false);

/// What an exception turns out to be.
enum Meaning {
    /// Nothing: a page that is mapped when it is touched, and now is.
    Nothing,
    /// A trap of the application.
    Trap(Cause),
    /// A bug of ours, in words.
    Failure(&'static str),
}

/// Answers an exception; `arch::exceptions` calls it.
// SAFETY: no other symbol of the kernel has this name.
#[unsafe(no_mangle)]
extern "C" fn kernel_exception(frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    let accessed = fault_address();
    if debugger::answers(frame, vectors) || frame.vector == vector::NON_MASKABLE {
        return;
    }
    if IS_ANSWERING.swap(true, Ordering::Relaxed) {
        fail(format_args!(
            "a fault while a fault was answered: {}",
            Report { frame, accessed }
        ));
    }
    match meaning(frame, accessed) {
        Meaning::Nothing => {}
        Meaning::Trap(cause) if cfg!(feature = "every-export") => {
            every_export::go_on(frame, cause.kind);
        }
        Meaning::Trap(cause) => trap::answer(frame, vectors, cause),
        Meaning::Failure(what) => {
            failure::tell(format_args!("{what}: {}", Report { frame, accessed }));
            if !debugger::retries_fault(frame, vectors) {
                console::end_after_failure();
            }
        }
    }
    IS_ANSWERING.store(false, Ordering::Relaxed);
}

fn meaning(frame: &InterruptFrame, accessed: u64) -> Meaning {
    let is_application = WINDOW.get().is_some_and(|window| window.is_text(frame.rip))
        || gate::is_application_part(frame.rip);
    match frame.vector {
        _ if !is_application => Meaning::Failure("the kernel faulted"),
        vector::PAGE_FAULT => answer_page_fault(frame, accessed),
        vector::INVALID_OPCODE | vector::DIVIDE => cause_of_trap(frame),
        _ => Meaning::Failure("compiled code faulted"),
    }
}

/// Maps the page if it is one that is mapped when it is touched; else the trap that the fault is.
fn answer_page_fault(frame: &InterruptFrame, accessed: u64) -> Meaning {
    let kind = match fault::answer(accessed, frame.error) {
        PageFault::Resolved => return Meaning::Nothing,
        PageFault::OutOfBounds => TrapKind::MemoryOutOfBounds,
        PageFault::Null => TrapKind::NullDereference,
        PageFault::StackExhausted => TrapKind::CallStackExhausted,
        PageFault::OutOfMemory => TrapKind::OutOfMemory,
        PageFault::Impossible => return Meaning::Failure("compiled code went where it never goes"),
    };
    Meaning::Trap(Cause {
        kind,
        wasm_offset: None,
        accessed,
        import: None,
    })
}

/// An instruction that traps on purpose, an import that nobody answers, or a division.
fn cause_of_trap(frame: &InterruptFrame) -> Meaning {
    let window = WINDOW.get();
    let site = window.and_then(|window| window.trap_site(frame.rip));
    if let Some(site) = site
        && let Some(kind) = TrapKind::from_number(site.kind)
    {
        return Meaning::Trap(Cause {
            kind,
            wasm_offset: Some(site.wasm_offset),
            accessed: match kind {
                TrapKind::UncaughtException => window.map_or(0, |window| window.thrown_tag()),
                _ => 0,
            },
            import: None,
        });
    }
    if let Some(name) = window.and_then(|window| window.missing_import(frame.rip)) {
        return Meaning::Trap(Cause {
            kind: TrapKind::MissingImport,
            wasm_offset: None,
            accessed: 0,
            import: Some(name),
        });
    }
    Meaning::Failure("compiled code faulted without a reason")
}

/// An exception in words.
struct Report<'a> {
    frame: &'a InterruptFrame,
    accessed: u64,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = self.frame;
        match frame.vector {
            vector::PAGE_FAULT => write!(out, "page fault at {:#x}", self.accessed)?,
            vector::DIVIDE => write!(out, "divide error")?,
            vector::INVALID_OPCODE => write!(out, "invalid opcode")?,
            vector::DOUBLE_FAULT => write!(out, "double fault")?,
            vector::MACHINE_CHECK => write!(out, "machine check")?,
            number => write!(out, "exception {number}")?,
        }
        write!(
            out,
            ", error {:#x}, rip {:#x}, rsp {:#x}, rbp {:#x}, rflags {:#x}, rax {:#x}, rbx {:#x}, rcx {:#x}, rdx {:#x}, rsi {:#x}, rdi {:#x}",
            frame.error,
            frame.rip,
            frame.rsp,
            frame.rbp,
            frame.rflags,
            frame.rax,
            frame.rbx,
            frame.rcx,
            frame.rdx,
            frame.rsi,
            frame.rdi
        )?;
        write!(out, "{}", Callers(frame.rbp))
    }
}
