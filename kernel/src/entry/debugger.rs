//! The debugger's stub among the rest of the kernel: when it is asked, and what its user can ask.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use mewz_abi::trap::TrapKind;
use mewz_kernel::guest::GuestMemory;
use mewz_kernel::settings::{Clobbered, Debugger, Failing, Settings};
use mewz_kernel::wasi::Wasi;
use mewz_kernel::wasi::exports::{Call, PARAMETERS_MAX};
use spin::Mutex;

use super::{WINDOW, calls, console, observe};
use crate::arch::exceptions::{self, vector};
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;
use crate::arch::{cpu, interrupts};
use crate::debug::{self, Afterwards, Manner, signal};
use crate::memory::{heap, linear, peek, physical};

/// Brings the stub up; `is_early`: there is no program yet, or it waits for a debugger, which is to find it at its beginning.
pub(super) fn start(settings: &Settings, is_early: bool) {
    let waits_at_crash = settings.debugger != Debugger::Never;
    let manner = Manner {
        waits_at_crash,
        ends_with_debugger: settings.debugger == Debugger::AtStart,
    };
    if !debug::start(manner, answer_command) && waits_at_crash {
        console::warn(format_args!(
            "the machine has no second serial line: nothing waits for a debugger"
        ));
    }
    match settings.clobber {
        Some(Clobbered::Memory(address)) => {
            CLOBBERED.store(address, Ordering::Relaxed);
            interrupts::call_at_ticks(clobber_memory);
        }
        Some(Clobbered::Register) => interrupts::call_at_ticks(clobber_register),
        None => {}
    }
    match settings.failing {
        Some(Failing::Fault) => interrupts::call_at_ticks(fault),
        Some(Failing::Panic) => interrupts::call_at_ticks(break_promise),
        None => {}
    }
    // One that is waited for finds the program at its beginning, and nothing before.
    if settings.debugger != Debugger::AtStart && !is_early {
        debug::listen();
    }
}

/// Where [`clobber_memory`] writes.
static CLOBBERED: AtomicU64 = AtomicU64::new(0);
/// Ticks of the timer.
static TICKS: AtomicU64 = AtomicU64::new(0);
/// One tick of so many destroys something.
const CLOBBERING_TICK: u64 = 1000;

/// The bug that a test has a debugger find: a handler that now and then writes to the program's memory.
fn clobber_memory(_: &mut InterruptFrame) {
    if is_bad_tick() {
        peek::write(CLOBBERED.load(Ordering::Relaxed), &u32::MAX.to_le_bytes());
    }
}

/// Another one: a handler that now and then gives a register back to the program as it was not.
fn clobber_register(frame: &mut InterruptFrame) {
    // The kernel's own registers would end the machine in ways that no test can tell beforehand.
    let is_program = WINDOW.get().is_some_and(|window| window.is_text(frame.rip));
    if is_program && is_bad_tick() {
        frame.rbx = u64::MAX;
    }
}

/// A handler that now and then faults.
fn fault(_: &mut InterruptFrame) {
    if is_bad_tick() {
        cpu::undefined_instruction();
    }
}

/// A handler that now and then panics.
fn break_promise(_: &mut InterruptFrame) {
    assert!(!is_bad_tick(), "this tick is a bad one");
}

fn is_bad_tick() -> bool {
    TICKS.fetch_add(1, Ordering::Relaxed) % CLOBBERING_TICK == CLOBBERING_TICK - 1
}

/// Waits for a debugger where that is asked for: by the settings, or by the program's window (`waits`).
pub(super) fn wait(settings: &Settings, waits: bool) {
    if waits || settings.debugger == Debugger::AtStart {
        debug::wait(signal::TRAP);
    }
    debug::listen();
}

/// Of a page fault's error code: the page was to be executed. Source: Intel's manual, volume 3, section 4.7.
const FETCH_ERROR: u64 = 1 << 4;

/// Answers an exception that is a debugger's affair; returns whether it was.
pub(super) fn answers(frame: &mut InterruptFrame, vectors: &mut SavedVectors) -> bool {
    match frame.vector {
        vector::NON_MASKABLE => debug::answer_line(frame, vectors),
        vector::DEBUG => debug::answer_debug(frame, vectors),
        vector::BREAKPOINT => return debug::answer_breakpoint(frame, vectors),
        vector::PAGE_FAULT if frame.error & FETCH_ERROR != 0 => {
            return debug::answer_fetch(frame, vectors);
        }
        _ => return false,
    }
    true
}

/// Keeps the kernel's state for a core of the trap that is to be told.
pub(super) fn keep_for_core() {
    // Nothing of the kernel is amiss, so a core may have its state in words.
    if debug::is_wanted() {
        keep_state();
    }
}

/// Shows a trap to a debugger; returns whether it wants the instruction tried once more.
pub(super) fn retries_trap(
    frame: &mut InterruptFrame,
    vectors: &mut SavedVectors,
    kind: TrapKind,
) -> bool {
    let afterwards = debug::answer_crash(frame, vectors, kind.signal());
    forget_state();
    afterwards == Afterwards::Retry
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

/// A command: its name, what it tells, and how.
type Command = (
    &'static str,
    &'static str,
    fn(&mut dyn fmt::Write) -> fmt::Result,
);

const COMMANDS: [Command; 7] = [
    ("fds", "the program's descriptors", tell_descriptors),
    ("heap", "the kernel's heap", tell_heap),
    (
        "irq",
        "interrupts and exceptions by vector",
        tell_interrupts,
    ),
    (
        "log",
        "the last lines of the log; `log LEVEL` says which are kept",
        tell_log,
    ),
    (
        "memory",
        "the program's memories, and what is free",
        tell_memory,
    ),
    ("sockets", "the program's sockets", tell_sockets),
    ("wasi", "calls of WASI by name", tell_calls),
];

/// Answers `monitor COMMAND`. The machine stands still, maybe in the middle of anything: no lock is waited for.
fn answer_command(command: &[u8], out: &mut dyn fmt::Write) {
    let known = COMMANDS
        .iter()
        .find(|(name, ..)| name.as_bytes() == command);
    let _ = match (known, command) {
        (Some((_, _, tell)), _) => tell(out),
        // For gdb's `mewz core`.
        (None, b"keep") => {
            keep_state();
            Ok(())
        }
        (None, b"forget") => {
            forget_state();
            Ok(())
        }
        (None, _) => match command.strip_prefix(b"log ").map(log_level) {
            Some(Some(level)) => set_log_level(level, out),
            Some(None) => tell_log_levels(out),
            None => tell_commands(out),
        },
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

/// The calls of WASI so far, by number.
static CALLS: [AtomicU64; Call::ALL.len()] = [const { AtomicU64::new(0) }; Call::ALL.len()];
/// A call of WASI is under way.
static IS_IN_CALL: AtomicBool = AtomicBool::new(false);

/// Notes that a call of WASI begins.
pub(super) fn enter_call(call: Call, arguments: &[u64; PARAMETERS_MAX], memory: &dyn GuestMemory) {
    IS_IN_CALL.store(true, Ordering::Relaxed);
    if let Some(count) = CALLS.get(call as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    observe::begin(call, arguments, memory);
}

/// Notes that it is done.
pub(super) fn leave_call(arguments: &[u64; PARAMETERS_MAX], memory: &dyn GuestMemory, errno: u32) {
    observe::end(arguments, memory, errno);
    IS_IN_CALL.store(false, Ordering::Relaxed);
}

/// Notes that it waits for something.
pub(super) fn note_sleep() {
    observe::note_sleep();
}

/// Sleeps, in a call, while a debugger may look at `wasi`.
pub(super) fn show_while(wasi: &Wasi, sleep: impl FnOnce()) {
    calls::show_while(wasi, sleep);
}

/// Sends what is not yet sent of a program that ends.
pub(super) fn finish() {
    observe::finish();
}

/// Starts to watch the program, where that is asked for.
pub(super) fn watch(settings: &Settings) {
    observe::start(settings);
}

/// Whether a call of WASI is under way.
pub(super) fn is_in_call() -> bool {
    IS_IN_CALL.load(Ordering::Relaxed)
}

fn tell_calls(out: &mut dyn fmt::Write) -> fmt::Result {
    for (call, count) in Call::ALL.iter().zip(&CALLS) {
        let count = count.load(Ordering::Relaxed);
        if count > 0 {
            writeln!(out, "{count:8} {}", call.name())?;
        }
    }
    Ok(())
}

/// What is said where a call is under way and does not sleep.
const IN_CALL: &str = "a call of WASI may be changing this right now: step out of it first";

fn tell_descriptors(out: &mut dyn fmt::Write) -> fmt::Result {
    let told = calls::look(|wasi| wasi.describe_descriptors(out));
    told.unwrap_or_else(|| writeln!(out, "{IN_CALL}"))
}

fn tell_sockets(out: &mut dyn fmt::Write) -> fmt::Result {
    let told = calls::look(|wasi| wasi.describe_sockets(out));
    told.unwrap_or_else(|| writeln!(out, "{IN_CALL}"))
}

fn tell_interrupts(out: &mut dyn fmt::Write) -> fmt::Result {
    for (vector, count) in exceptions::counts() {
        let what = match vector {
            vector::NON_MASKABLE => "debugger",
            vector::PAGE_FAULT => "page fault",
            exceptions::TIMER_VECTOR => "timer",
            exceptions::FIRST_LINE_VECTOR.. => "device",
            _ => "exception",
        };
        writeln!(out, "{vector:4} {count:8} {what}")?;
    }
    Ok(())
}

/// Bytes of the log that are kept.
const LOG_BYTES: usize = 4096;

/// The last lines of the log. Locked by whoever writes one, so a debugger only tries.
static LOG: Mutex<Log> = Mutex::new(Log);

/// What [`LOG`] locks: a core's reader finds it by this name, count first.
static LOG_TEXT: LastBytes<LOG_BYTES> = LastBytes::new();

/// The last bytes of a text: byte `n` of it is at `n` modulo the length.
#[repr(C)]
struct LastBytes<const N: usize> {
    written: AtomicU64,
    bytes: [AtomicU8; N],
}

impl<const N: usize> LastBytes<N> {
    const fn new() -> Self {
        Self {
            written: AtomicU64::new(0),
            bytes: [const { AtomicU8::new(0) }; N],
        }
    }

    fn byte(&self, number: u64) -> &AtomicU8 {
        &self.bytes[number as usize % N]
    }

    fn push(&self, byte: u8) {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.byte(number).store(byte, Ordering::Relaxed);
    }
}

/// The right to write to [`LOG_TEXT`].
struct Log;

impl fmt::Write for Log {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            LOG_TEXT.push(byte);
        }
        Ok(())
    }
}

/// Names of the log's levels, and what each keeps.
const LOG_LEVELS: [(&str, u8, &str); 5] = [
    ("error", 1, "nothing"),
    ("warn", console::WARNING, "warnings"),
    (
        "info",
        console::INFORMATION,
        "warnings, and ports that are listened on",
    ),
    (
        "debug",
        console::DEBUG,
        "these, and calls of WASI that fail",
    ),
    ("trace", TRACE, "these, and all calls of WASI"),
];
/// The level of lines that come most often.
pub(super) const TRACE: u8 = 5;

/// Lines up to this level are kept.
static LOG_LEVEL: AtomicU8 = AtomicU8::new(console::WARNING);

/// Whether lines of the level are kept.
pub(super) fn keeps_lines(level: u8) -> bool {
    level <= LOG_LEVEL.load(Ordering::Relaxed)
}

/// Keeps a line of the log.
pub(super) fn keep_line(level: u8, line: fmt::Arguments<'_>) {
    if keeps_lines(level)
        && let Some(mut log) = LOG.try_lock()
    {
        let _ = writeln!(log, "{line}");
    }
}

/// The level of this name.
fn log_level(name: &[u8]) -> Option<u8> {
    let name = name.trim_ascii();
    let mut levels = LOG_LEVELS.iter();
    let found = levels.find(|(own, ..)| own.as_bytes() == name);
    found.map(|(_, level, _)| *level)
}

fn set_log_level(level: u8, out: &mut dyn fmt::Write) -> fmt::Result {
    LOG_LEVEL.store(level, Ordering::Relaxed);
    observe::forget_call();
    tell_log_level(out)
}

fn tell_log_level(out: &mut dyn fmt::Write) -> fmt::Result {
    let level = LOG_LEVEL.load(Ordering::Relaxed);
    let mut levels = LOG_LEVELS.iter();
    match levels.find(|(_, own, _)| *own == level) {
        Some((name, _, what)) => writeln!(out, "(level {name} keeps {what})"),
        None => Ok(()),
    }
}

fn tell_log_levels(out: &mut dyn fmt::Write) -> fmt::Result {
    let mut levels = LOG_LEVELS.iter();
    levels.try_for_each(|(name, _, what)| writeln!(out, "monitor log {name:5} keeps {what}"))
}

fn tell_log(out: &mut dyn fmt::Write) -> fmt::Result {
    let Some(_log) = LOG.try_lock() else {
        return writeln!(out, "a line is being written right now");
    };
    let written = LOG_TEXT.written.load(Ordering::Relaxed);
    for number in written.saturating_sub(LOG_BYTES as u64)..written {
        let byte = LOG_TEXT.byte(number).load(Ordering::Relaxed);
        out.write_char(char::from(byte))?;
    }
    observe::tell_call(out)?;
    tell_log_level(out)
}

/// Bytes of the kernel's state in words that are kept: some hundred descriptors'.
const STATE_BYTES: usize = 32 << 10;

/// The kernel's state in words while a core may be written, which tells of the machine when that is gone. Its reader finds it
/// by this name, count first; each command's words are behind a line with `= ` and its name.
static STATE_TEXT: LastBytes<STATE_BYTES> = LastBytes::new();

/// What a core's reader can't make of the memory itself.
const KEPT_COMMANDS: [&str; 3] = ["fds", "heap", "sockets"];

/// Writes to [`STATE_TEXT`]; what does not fit is cut off.
struct State;

impl fmt::Write for State {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if STATE_TEXT.written.load(Ordering::Relaxed) >= STATE_BYTES as u64 {
                return Err(fmt::Error);
            }
            STATE_TEXT.push(byte);
        }
        Ok(())
    }
}

/// Keeps the kernel's state as it is now in words.
fn keep_state() {
    forget_state();
    for (name, _, tell) in &COMMANDS {
        if KEPT_COMMANDS.contains(name) {
            let _ = writeln!(State, "= {name}").and_then(|()| tell(&mut State));
        }
    }
}

/// What was kept is true no more.
fn forget_state() {
    STATE_TEXT.written.store(0, Ordering::Relaxed);
}
