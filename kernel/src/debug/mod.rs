//! The stub that a debugger talks to: on COM2, in the remote serial protocol, while the machine stands still.
//!
//! A byte on the line is an interrupt that can't be masked, so nothing that the kernel does keeps a debugger out; noise is
//! dropped by [`mewz_kernel::packets`] and costs a running program nothing but the interrupt. While the machine stands still
//! no breakpoint is in place, memory is read by the page tables, nothing is allocated and no lock of the kernel is taken: the
//! stub meets no fault and no breakpoint of its own.

#![forbid(unsafe_code)]

mod registers;
mod session;
mod target;

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

use spin::Mutex;

use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;
use crate::arch::{cpu, debug_line};
use session::{Going, Stop, Stub};

/// Answers a command of the debugger's user in words.
pub(crate) type Monitor = fn(command: &[u8], out: &mut dyn fmt::Write);

/// The stub; `None` on a machine without the line. Held while the machine stands still, so it is only ever tried: what
/// finds it held has interrupted the stub itself.
static STUB: Mutex<Option<Stub>> = Mutex::new(None);

/// Numbers of signals, as the protocol has them. Source: GDB's `signals.def`.
pub(crate) mod signal {
    pub(crate) const INTERRUPT: u8 = 2;
    pub(crate) const ILLEGAL_INSTRUCTION: u8 = 4;
    pub(crate) const TRAP: u8 = 5;
    pub(crate) const ABORT: u8 = 6;
    pub(crate) const ARITHMETIC: u8 = 8;
    pub(crate) const BUS: u8 = 10;
    pub(crate) const SEGMENT: u8 = 11;
}

/// What the stub is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// A crash waits for a debugger where none is there.
    pub(crate) waits_at_crash: bool,
    /// The machine is the debugger's: it ends with it.
    pub(crate) ends_with_debugger: bool,
}

/// Whether a crash is the end for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The machine ends.
    End,
    /// The instruction is tried once more: someone has changed something, or wants to see it again.
    Retry,
}

/// Brings the stub up; it answers from [`listen`] on. Returns `false` where the machine has no line for it.
pub(crate) fn start(manner: Manner, monitor: Monitor) -> bool {
    let is_there = debug_line::start();
    if is_there {
        *STUB.lock() = Some(Stub::new(manner, monitor));
    }
    is_there
}

/// Lets a debugger come at any time.
pub(crate) fn listen() {
    if with_stub(|_| ()).is_some() {
        debug_line::enable_interrupts();
    }
}

/// Waits for a debugger, which sees the machine stopped here by signal `number`.
pub(crate) fn wait(number: u8) {
    if with_stub(|_| ()).is_some() {
        WAITS_BY.store(number, Ordering::Relaxed);
        cpu::breakpoint();
    }
}

/// The signal by which the next breakpoint that is nobody's waits for a debugger; 0 is none.
static WAITS_BY: AtomicU8 = AtomicU8::new(0);

/// Answers the debugger's line.
pub(crate) fn answer_line(frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    with_stub(|stub| stub.listen(frame, vectors));
}

/// Answers a debug exception: a single step, or a debug register.
pub(crate) fn answer_debug(frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    with_stub(|stub| stub.answer_debug(frame, vectors));
}

/// Answers `int3`. Returns `false` where it is none of ours.
pub(crate) fn answer_breakpoint(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    let signal = WAITS_BY.swap(0, Ordering::Relaxed);
    with_stub(|stub| stub.answer_breakpoint(frame, vectors, signal)).unwrap_or(false)
}

/// Answers a fault of what has gone where nothing is executed. Returns `false` unless a breakpoint is there.
pub(crate) fn answer_fetch(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    with_stub(|stub| stub.answer_fetch(frame, vectors)).unwrap_or(false)
}

/// Whether a crash would be shown to someone, now or later.
pub(crate) fn is_wanted() -> bool {
    STUB.try_lock()
        .is_some_and(|stub| stub.as_ref().is_some_and(Stub::is_wanted))
}

/// Shows a crash to the debugger, if there is one or one is waited for.
pub(crate) fn answer_crash(
    frame: &mut InterruptFrame,
    vectors: &mut SavedVectors,
    signal: u8,
) -> Afterwards {
    let going = with_stub(|stub| {
        if !stub.is_wanted() {
            return Going::Ended;
        }
        stub.stop(frame, vectors, Stop::crash(signal))
    });
    match going {
        Some(Going::On) => Afterwards::Retry,
        _ => Afterwards::End,
    }
}

/// Tells the debugger that the program has ended.
pub(crate) fn tell_exit(status: u8) {
    with_stub(|stub| stub.tell_exit(status));
}

fn with_stub<T>(then: impl FnOnce(&mut Stub) -> T) -> Option<T> {
    let mut stub = STUB.try_lock()?;
    stub.as_mut().map(then)
}
