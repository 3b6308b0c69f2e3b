//! Where output goes and input comes from: records on the virtio console, else plain text on COM1.

use core::fmt::{self, Write as _};

use mewz_abi::exit::STATUS_PANIC;
use mewz_abi::record::RecordKind;
use mewz_kernel::wasi::system::StdinRead;
use spin::Mutex;

use super::failure::{self, fail};
use super::text::Text;
use super::{WINDOW, debugger, wall_clock};
use crate::arch::power;
use crate::arch::serial::{self, Serial};
use crate::memory::{heap, physical};
use crate::virtio::console::{Console, ConsoleError, Input};

/// The virtio console, if there is one. An interrupted holder is never waited for: a trap or a failure only tries.
static CONSOLE: Mutex<Option<Console>> = Mutex::new(None);

/// How much of standard input is asked for by a program that polls before it says how much it would read.
const POLLED_BYTES: usize = 4096;

/// Levels of the log, as its records have them: the first ones matter most.
pub(super) const WARNING: u8 = 2;
pub(super) const INFORMATION: u8 = 3;
pub(super) const DEBUG: u8 = 4;
/// What ends input that is typed on COM1: Ctrl-D.
const END_OF_INPUT: u8 = 4;
/// Longest line of the log.
const LINE_BYTES: usize = 1024;

/// Makes `console` the way in and out.
pub(super) fn start_virtio(console: Console) {
    *CONSOLE.lock() = Some(console);
}

/// Whether there is a virtio console.
pub(super) fn is_virtio() -> bool {
    CONSOLE.lock().is_some()
}

/// Tells the host that the kernel is up, which answers with the time.
pub(super) fn tell_started(build_id: &[u8; 16], epoch_ns: Option<u64>) {
    wall_clock::start(epoch_ns);
    with_console(|console| console.send(RecordKind::Started, build_id));
}

/// Tells the host that the kernel is up and has no application yet; the host answers with the time.
pub(super) fn tell_parked(epoch_ns: Option<u64>) {
    wall_clock::start(epoch_ns);
    with_console(|console| console.send(RecordKind::Parked, &[]));
}

/// Tells the host that the application accepts connections at `port`.
pub(super) fn tell_listening(port: u16) {
    debugger::keep_line(
        INFORMATION,
        format_args!("the program listens on port {port}"),
    );
    with_console(|console| console.send(RecordKind::Listening, &port.to_le_bytes()));
}

/// Whether the host has said that the application window is there.
pub(super) fn is_released() -> bool {
    with_console(|console| {
        console.poll()?;
        Ok(console.is_released())
    })
    .unwrap_or(false)
}

/// Sends a record to a host that asked for it.
#[cfg(feature = "debugger")]
pub(super) fn tell(kind: RecordKind, payload: &[u8]) {
    with_console(|console| console.send(kind, payload));
}

/// Whether the host wants calls told from now on, once, where it has said something of it.
#[cfg(feature = "debugger")]
pub(super) fn take_tracing() -> Option<bool> {
    with_console(|console| {
        if console.has_news() {
            console.poll()?;
        }
        Ok(console.take_tracing())
    })
    .flatten()
}

/// Writes all of `bytes` to a stream.
pub(super) fn write(kind: RecordKind, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if with_console(|console| console.send(kind, bytes)).is_none() {
        Serial.write(bytes);
    }
}

/// Takes what is there of standard input.
pub(super) fn read(out: &mut [u8]) -> StdinRead {
    let from_console = with_console(|console| {
        Ok(match console.input(out.len())? {
            Input::Bytes(_) => StdinRead::Bytes(console.read(out)),
            Input::Empty => StdinRead::Pending,
            Input::Ended => StdinRead::End,
        })
    });
    from_console.unwrap_or_else(|| read_serial(out))
}

/// How many bytes of standard input can be read at once, `None` where it has ended.
pub(super) fn available() -> Option<usize> {
    let from_console = with_console(|console| {
        Ok(match console.input(POLLED_BYTES)? {
            Input::Bytes(count) => Some(count),
            Input::Empty => Some(0),
            Input::Ended => None,
        })
    });
    from_console.unwrap_or_else(|| (!*SERIAL_ENDED.lock()).then(serial::available))
}

/// Takes in what has come; returns whether there was something that a sleeper may wait for.
pub(super) fn take_news() -> bool {
    with_console(|console| {
        let has_news = console.has_news();
        console.poll()?;
        Ok(has_news)
    })
    .unwrap_or(false)
}

/// Whether something has come that a sleeper may wait for.
pub(super) fn has_news() -> bool {
    // COM1 brings bytes by interrupt only, and that ends a sleep by itself.
    CONSOLE.lock().as_ref().is_some_and(Console::has_news)
}

/// The host's time, once, when it has come.
pub(super) fn take_time_ns() -> Option<u64> {
    with_console(|console| {
        console.poll()?;
        Ok(console.take_time_ns())
    })
    .flatten()
}

/// Writes a warning to the log.
pub(super) fn warn(text: fmt::Arguments<'_>) {
    debugger::keep_line(WARNING, text);
    if is_virtio() {
        log(WARNING, text);
    } else {
        let _ = writeln!(Serial, "mewz: warning: {text}");
    }
}

/// Writes a line of the log to the virtio console.
fn log(level: u8, text: fmt::Arguments<'_>) {
    let mut line = Text::<LINE_BYTES>::new();
    // A byte in UTF-8 too.
    let _ = line.write_char(char::from(level));
    let _ = line.write_fmt(text);
    write(RecordKind::Log, line.as_bytes());
}

/// Ends the machine with the application's status, when the host has got all that was written.
pub(super) fn end(status: u32) -> ! {
    if is_virtio() {
        let (used, held) = heap::bytes();
        log(
            DEBUG,
            format_args!(
                "at the end {} KiB of memory are free, and {} KiB of {} KiB of the kernel's heap in use",
                physical::free_bytes() >> 10,
                used >> 10,
                held >> 10
            ),
        );
    }
    debugger::finish();
    with_console(Console::drain);
    debugger::tell_exit(status);
    with_console(|console| {
        send_counters(console)?;
        console.send(RecordKind::Exit, &status.to_le_bytes())?;
        console.drain()
    });
    power::end(status, false, || {
        let _ = writeln!(
            Serial,
            "mewz: the program ended with status {status}, which this machine can't pass on: it stops here"
        );
    })
}

/// Tells the host of a trap, as an encoded report.
pub(super) fn tell_trap(report: &[u8], text: fmt::Arguments<'_>) {
    let told = with_console(|console| {
        console.send(RecordKind::Trap, report)?;
        console.drain()
    });
    if told.is_none() {
        let _ = writeln!(Serial, "mewz: {text}");
    }
}

/// Ends the machine after a trap.
pub(super) fn end_after_trap(status: u32) -> ! {
    debugger::finish();
    with_console(|console| {
        send_counters(console)?;
        console.send(RecordKind::Exit, &status.to_le_bytes())?;
        console.drain()
    });
    power::end(status, true, || {})
}

/// Sends what the application has counted; the machine ends after it.
fn send_counters(console: &mut Console) -> Result<(), ConsoleError> {
    // SAFETY: both callers end the machine, so the application does not run again.
    let counters = WINDOW
        .get()
        .map_or(&[][..], |window| unsafe { window.counters() });
    match counters {
        [] => Ok(()),
        counters => console.send(RecordKind::Counters, counters),
    }
}

/// Tells the host why the kernel failed, as well as that still goes.
pub(super) fn tell_failure(text: fmt::Arguments<'_>) {
    let mut line = Text::<LINE_BYTES>::new();
    let _ = line.write_fmt(text);
    let text = line.as_bytes();
    if !send_last_words(RecordKind::Panic, text) {
        Serial.write(b"mewz: ");
        Serial.write(text);
        Serial.write(b"\n");
    }
}

/// Ends the machine after [`tell_failure`].
pub(super) fn end_after_failure() -> ! {
    send_last_words(RecordKind::Exit, &STATUS_PANIC.to_le_bytes());
    power::end(STATUS_PANIC, true, || {})
}

/// Sends a record of a kernel that can't trust itself any more; returns whether that went well.
fn send_last_words(kind: RecordKind, payload: &[u8]) -> bool {
    failure::is_first()
        && CONSOLE.try_lock().is_some_and(|mut console| {
            console.as_mut().is_some_and(|console| {
                let sent = console.can_send() && console.send(kind, payload).is_ok();
                console.drain_briefly();
                sent
            })
        })
}

/// Runs `then` with the virtio console; `None` where there is none.
fn with_console<T>(then: impl FnOnce(&mut Console) -> Result<T, ConsoleError>) -> Option<T> {
    let mut console = CONSOLE.lock();
    let answer = then(console.as_mut()?);
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            drop(console);
            match error {
                ConsoleError::Record(bad) => fail(format_args!(
                    "the host sent what is no record on the console: {:02x?}",
                    bad.head
                )),
                error => fail(format_args!("the virtio console broke: {error:?}")),
            }
        }
    }
}

/// Whether Ctrl-D was typed on COM1.
static SERIAL_ENDED: Mutex<bool> = Mutex::new(false);

/// Input from COM1, where a line ends as the Enter key has it.
fn read_serial(out: &mut [u8]) -> StdinRead {
    let mut has_ended = SERIAL_ENDED.lock();
    if *has_ended {
        return StdinRead::End;
    }
    let count = serial::read(out);
    for byte in &mut out[..count] {
        if *byte == b'\r' {
            *byte = b'\n';
        }
    }
    let end = out[..count].iter().position(|byte| *byte == END_OF_INPUT);
    *has_ended = end.is_some();
    match end.unwrap_or(count) {
        0 if end.is_some() => StdinRead::End,
        0 => StdinRead::Pending,
        count => StdinRead::Bytes(count),
    }
}
