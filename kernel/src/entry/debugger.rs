//! The debugger's stub among the rest of the kernel: when it is asked, and what its user can ask.

use core::fmt;

use mewz_abi::trap::TrapKind;
use mewz_kernel::settings::{Debugger, Settings};

use super::console;
use crate::arch::exceptions::{InterruptFrame, vector};
use crate::arch::vectors::SavedVectors;
use crate::debug::{self, Afterwards, signal};
use crate::memory::{heap, linear, physical};

/// Brings the stub up.
pub(super) fn start(settings: &Settings) {
    let waits = settings.debugger != Debugger::Never;
    if !debug::start(waits, answer_command) && waits {
        console::warn(format_args!(
            "the machine has no second serial line: nothing waits for a debugger"
        ));
    }
}

/// Waits for a debugger where that is asked for.
pub(super) fn wait(settings: &Settings) {
    if settings.debugger == Debugger::AtStart {
        debug::wait(signal::TRAP);
    }
}

/// Answers an exception that is a debugger's affair; returns whether it was.
pub(super) fn answers(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    match frame.vector {
        vector::NON_MASKABLE => debug::answer_line(frame, vectors),
        vector::DEBUG => debug::answer_debug(frame, vectors),
        vector::BREAKPOINT => return debug::answer_breakpoint(frame, vectors),
        _ => return false,
    }
    true
}

/// Shows a trap to a debugger; returns whether it wants the instruction tried once more.
pub(super) fn retries_trap(
    frame: &mut InterruptFrame,
    vectors: &mut SavedVectors,
    kind: TrapKind,
) -> bool {
    debug::answer_crash(frame, vectors, signal_of_trap(kind)) == Afterwards::Retry
}

/// Shows a fault to a debugger; returns whether it wants the instruction tried once more.
pub(super) fn retries_fault(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    let signal = match frame.vector {
        vector::DIVIDE => signal::ARITHMETIC,
        vector::INVALID_OPCODE => signal::ILLEGAL_INSTRUCTION,
        vector::MACHINE_CHECK => signal::BUS,
        _ => signal::SEGMENT,
    };
    debug::answer_crash(frame, vectors, signal) == Afterwards::Retry
}

/// Shows a debugger that the kernel has failed.
pub(super) fn stop_here() {
    if debug::is_wanted() {
        debug::wait(signal::ABORT);
    }
}

/// Tells a debugger that the program has ended.
pub(super) fn tell_exit(status: u32) {
    debug::tell_exit(status.to_le_bytes()[0]);
}

/// The signal that a program of another system would have got.
fn signal_of_trap(kind: TrapKind) -> u8 {
    match kind {
        TrapKind::MemoryOutOfBounds
        | TrapKind::TableOutOfBounds
        | TrapKind::IndirectCallToNull
        | TrapKind::NullReference
        | TrapKind::CallStackExhausted => signal::SEGMENT,
        TrapKind::IntegerDivideByZero
        | TrapKind::IntegerOverflow
        | TrapKind::InvalidConversionToInteger => signal::ARITHMETIC,
        TrapKind::OutOfMemory | TrapKind::UnalignedAtomic => signal::BUS,
        TrapKind::MissingImport => signal::SYSTEM_CALL,
        TrapKind::UncaughtException => signal::ABORT,
        TrapKind::Unreachable
        | TrapKind::IndirectCallTypeMismatch
        | TrapKind::SharedMemoryExpected
        | TrapKind::EndlessWait => signal::ILLEGAL_INSTRUCTION,
    }
}

/// A command: its name, what it tells, and how.
type Command = (
    &'static str,
    &'static str,
    fn(&mut dyn fmt::Write) -> fmt::Result,
);

const COMMANDS: [Command; 2] = [
    ("heap", "the kernel's heap", tell_heap),
    (
        "memory",
        "the program's memories, and what is free",
        tell_memory,
    ),
];

/// Answers `monitor COMMAND`. The machine stands still, maybe in the middle of anything: no lock is waited for.
fn answer_command(command: &[u8], out: &mut dyn fmt::Write) {
    let known = COMMANDS
        .iter()
        .find(|(name, ..)| name.as_bytes() == command);
    let _ = match known {
        Some((_, _, tell)) => tell(out),
        None => tell_commands(out),
    };
}

fn tell_commands(out: &mut dyn fmt::Write) -> fmt::Result {
    let mut commands = COMMANDS.iter();
    commands.try_for_each(|(name, what, _)| writeln!(out, "monitor {name:8} {what}"))
}

fn tell_heap(out: &mut dyn fmt::Write) -> fmt::Result {
    let (used, held) = heap::bytes();
    writeln!(out, "{used} bytes in use of {held}")
}

fn tell_memory(out: &mut dyn fmt::Write) -> fmt::Result {
    match linear::try_describe(out) {
        Some(told) => told?,
        None => writeln!(out, "the memories are being changed right now")?,
    }
    match physical::try_free_bytes() {
        Some(bytes) => writeln!(out, "{bytes} bytes are free for the program"),
        None => writeln!(out, "the free memory is being changed right now"),
    }
}
