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
    hear_rest(frame, vectors);
}

/// Takes what is on the line. Of what comes while the stub is at work the interrupt finds it locked, and the line interrupts
/// again only when it has been read to its end: so whoever has unlocked the stub looks once more.
fn hear_rest(frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    while debug_line::has_byte() {
        if with_stub(|stub| stub.listen(frame, vectors)).is_none() {
            return;
        }
    }
}

/// Answers a debug exception: a single step, or a debug register.
pub(crate) fn answer_debug(frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    with_stub(|stub| stub.answer_debug(frame, vectors));
    hear_rest(frame, vectors);
}

/// Answers `int3`. Returns `false` where it is none of ours.
pub(crate) fn answer_breakpoint(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    let signal = WAITS_BY.swap(0, Ordering::Relaxed);
    let answer = with_stub(|stub| stub.answer_breakpoint(frame, vectors, signal));
    hear_rest(frame, vectors);
    answer.unwrap_or(false)
}

/// Answers a fault of what has gone where nothing is executed. Returns `false` unless a breakpoint is there.
pub(crate) fn answer_fetch(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    let answer = with_stub(|stub| stub.answer_fetch(frame, vectors));
    hear_rest(frame, vectors);
    answer.unwrap_or(false)
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
        Some(Going::On) => {
            hear_rest(frame, vectors);
            Afterwards::Retry
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch as machine;
    use crate::memory::{MAPPED, MEMORY_BYTES, fill};
    use mewz_kernel::packets;

    const MANNER: Manner = Manner {
        waits_at_crash: false,
        ends_with_debugger: false,
    };

    type Answer = fn(&mut InterruptFrame, &mut SavedVectors);

    fn interrupted_at(rip: u64) -> InterruptFrame {
        InterruptFrame {
            r15_to_r8: [0; 8],
            rbp: 0,
            rdi: 0,
            rsi: 0,
            rdx: 0,
            rcx: 0,
            rbx: 0,
            rax: 0,
            vector: 3,
            error: 0,
            rip,
            cs: 8,
            rflags: 0x202,
            rsp: 0,
            ss: 16,
        }
    }

    /// Its debugger was heard between the instruction and its handler, and is gone.
    #[test]
    fn a_breakpoint_that_was_taken_out_when_it_was_met_is_as_if_it_had_not_been() {
        let mut vectors = SavedVectors([0; 512]);
        let (start, _, _) = MAPPED[2];
        for (byte, is_ours) in [(0x90, true), (0xcc, false)] {
            machine::begin();
            fill(&[byte; MEMORY_BYTES]);
            let mut frame = interrupted_at(start + 1);
            let mut stub = Stub::new(MANNER, |_, _| ());
            assert_eq!(stub.answer_breakpoint(&mut frame, &mut vectors, 0), is_ours);
            assert_eq!(frame.rip, start + u64::from(!is_ours));
        }
    }

    /// The interrupt of a byte finds the stub at work, and there is no other for it.
    #[test]
    fn what_comes_while_the_stub_is_at_work_is_heard_behind_it() {
        let mut frame = interrupted_at(MAPPED[2].0);
        let mut vectors = SavedVectors([0; 512]);
        let mut words = Vec::new();
        for body in [&b"qSupported:swbreak+"[..], b"D"] {
            packets::frame(body, &mut |byte| words.push(byte));
        }
        fill(&[0xcc; MEMORY_BYTES]);
        assert!(start(MANNER, |_, _| ()));
        let answers: [(&str, Answer); 3] = [
            ("a step", answer_debug),
            ("a breakpoint", |frame, vectors| {
                answer_breakpoint(frame, vectors);
            }),
            ("a fetch", |frame, vectors| {
                answer_fetch(frame, vectors);
            }),
        ];
        for (what, answer) in answers {
            machine::begin();
            {
                let _at_work = STUB.lock();
                machine::begin_event(0, &words);
                answer_line(&mut frame, &mut vectors);
                assert!(machine::take_output().is_empty());
            }
            answer(&mut frame, &mut vectors);
            let output = machine::take_output();
            let output = output.escape_ascii().to_string();
            assert!(output.contains("PacketSize="), "{what}: {output}");
            assert!(output.ends_with("$OK#9a"), "{what}: {output}");
        }
    }
}
