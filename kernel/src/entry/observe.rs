//! What a watched program does: its calls of WASI in words, and where the processor is at each tick.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mewz_abi::observe::{
    CALL_REPORT_BYTES_MAX, CallReport, SAMPLE_LEN_MAX, SAMPLE_TIME_NS, errno_name,
};
use mewz_abi::record::RecordKind;
use mewz_kernel::guest::GuestMemory;
use mewz_kernel::settings::Settings;
use mewz_kernel::wasi::exports::{Call, PARAMETERS_MAX};
use mewz_kernel::wasi::trace;
use spin::Mutex;

use super::console::DEBUG;
use super::debugger::{self, TRACE};
use super::text::Text;
use super::{WINDOW, console};
use crate::arch::frame::InterruptFrame;
use crate::arch::{clock, interrupts};
use crate::memory::peek;

/// Calls are told to the host.
static IS_TRACING: AtomicBool = AtomicBool::new(false);

/// The call that is under way, and when it began.
static CALL: Mutex<Option<Begun>> = Mutex::new(None);

struct Begun {
    call: Call,
    arguments: Words,
    start_ns: u64,
    /// It was told that it sleeps.
    is_told: bool,
}

/// Starts what `settings` ask for.
pub(super) fn start(settings: &Settings) {
    IS_TRACING.store(settings.traces_calls, Ordering::Relaxed);
    if settings.profile_hz > 0 {
        interrupts::call_at_ticks(sample);
        interrupts::start_ticks(settings.profile_hz, clock::bus_hz());
    }
}

/// Does what the host wants of telling calls from now on. Call it between calls: one that is under way is told whole or not.
fn take_wish() {
    if let Some(is_wanted) = console::take_tracing() {
        IS_TRACING.store(is_wanted, Ordering::Relaxed);
        *CALL.lock() = None;
    }
}

/// Whether calls are put into words, for the host or for the log.
fn is_watching() -> bool {
    IS_TRACING.load(Ordering::Relaxed) || debugger::keeps_lines(DEBUG)
}

/// Leaves the call out that is under way: nobody wanted it when it began, or wants it when it ends. The machine stands still,
/// maybe in the midst of noting one.
pub(super) fn forget_call() {
    if let Some(mut call) = CALL.try_lock() {
        *call = None;
    }
}

/// A call begins.
pub(super) fn begin(call: Call, values: &[u64; PARAMETERS_MAX], memory: &dyn GuestMemory) {
    take_wish();
    if !is_watching() {
        return;
    }
    let mut arguments = Words::new();
    let _ = trace::arguments(call, values, memory, &mut arguments);
    *CALL.lock() = Some(Begun {
        call,
        arguments,
        start_ns: clock::now_ns(),
        is_told: false,
    });
    if call == Call::proc_exit {
        tell_unfinished();
    }
}

/// The call that began last goes to sleep.
pub(super) fn note_sleep() {
    send_if_due();
    tell_unfinished();
}

fn tell_unfinished() {
    if !IS_TRACING.load(Ordering::Relaxed) {
        return;
    }
    let mut call = CALL.lock();
    if let Some(begun) = call.as_mut().filter(|begun| !begun.is_told) {
        begun.is_told = true;
        tell(begun, None, 0, "");
    }
}

/// The call that began last is done.
pub(super) fn end(values: &[u64; PARAMETERS_MAX], memory: &dyn GuestMemory, errno: u32) {
    if is_watching()
        && let Some(begun) = CALL.lock().take()
    {
        let end_ns = clock::now_ns();
        let mut results = Words::new();
        if errno == 0 {
            let _ = trace::results(begun.call, values, memory, &mut results);
        }
        // All errnos have 16 bits.
        let errno = errno as u16;
        keep(&begun, errno, results.as_str());
        if IS_TRACING.load(Ordering::Relaxed) {
            tell(&begun, Some(end_ns), errno, results.as_str());
        }
    }
    send_if_due();
}

/// Keeps a call in the log, in the words of `mewz trace`.
fn keep(begun: &Begun, errno: u16, results: &str) {
    let (name, arguments) = (begun.call.name(), begun.arguments.as_str());
    match (errno, errno_name(errno)) {
        (0, _) if results.is_empty() => {
            debugger::keep_line(TRACE, format_args!("{name}({arguments}) = 0"));
        }
        (0, _) => debugger::keep_line(TRACE, format_args!("{name}({arguments}) = {results}")),
        (_, Some(failure)) => {
            debugger::keep_line(DEBUG, format_args!("{name}({arguments}) = {failure}"));
        }
        (number, None) => {
            debugger::keep_line(DEBUG, format_args!("{name}({arguments}) = errno {number}"));
        }
    }
}

/// Tells a debugger of the call that is under way, where it was noted. The machine stands still.
pub(super) fn tell_call(out: &mut dyn fmt::Write) -> fmt::Result {
    match CALL.try_lock().as_deref() {
        Some(Some(begun)) => {
            let (name, arguments) = (begun.call.name(), begun.arguments.as_str());
            writeln!(out, "{name}({arguments}) …")
        }
        _ => Ok(()),
    }
}

fn tell(begun: &Begun, end_ns: Option<u64>, errno: u16, results: &str) {
    let report = CallReport {
        start_ns: begun.start_ns,
        end_ns,
        errno,
        name: begun.call.name(),
        arguments: begun.arguments.as_str(),
        results,
    };
    let mut bytes = [0; CALL_REPORT_BYTES_MAX];
    let len = report.encode(&mut bytes);
    console::tell(RecordKind::Call, &bytes[..len]);
}

/// Words of one call: its arguments, or its results.
type Words = Text<{ CALL_REPORT_BYTES_MAX / 2 }>;

/// Words of samples that are kept before they are sent: some seconds' worth.
const KEPT_WORDS: usize = 64 << 10;

/// From so many on they are sent as soon as that can be, and when the last were sent so long ago: a host that ends the machine
/// misses little.
const MANY_WORDS: usize = KEPT_WORDS / 2;
const KEPT_NS: u64 = 200_000_000;

/// Samples as they are sent. Whoever reads or writes them keeps interrupts off.
static SAMPLES: Mutex<Samples> = Mutex::new(Samples {
    words: [[0; 4]; KEPT_WORDS],
    len: 0,
    sent_ns: 0,
});

/// Samples that found no room.
static LOST: AtomicU32 = AtomicU32::new(0);

struct Samples {
    words: [[u8; 4]; KEPT_WORDS],
    len: usize,
    sent_ns: u64,
}

impl Samples {
    /// Adds words; returns `false`, and nothing has changed, where they find no room.
    fn add(&mut self, words: &[u32]) -> bool {
        let Some(room) = self.words.get_mut(self.len..self.len + words.len()) else {
            return false;
        };
        for (slot, word) in room.iter_mut().zip(words) {
            *slot = word.to_le_bytes();
        }
        self.len += words.len();
        true
    }

    fn are_due(&self) -> bool {
        self.len > MANY_WORDS
            || self.len > 0 && clock::now_ns().saturating_sub(self.sent_ns) > KEPT_NS
    }
}

/// What the timer's handler does at each tick.
fn sample(frame: &mut InterruptFrame) {
    let mut words = [0; 2 + SAMPLE_LEN_MAX];
    let mut len = 2;
    if !interrupts::was_asleep() {
        let mut add = |address: u64| {
            let slot = words.get_mut(len);
            let has_room = slot.is_some();
            if let Some(slot) = slot {
                *slot = address as u32;
                len += 1;
            }
            has_room
        };
        add(frame.rip);
        let mut base = frame.rbp;
        while let Some((next, caller)) = caller(base) {
            if next == base || !add(caller) {
                break;
            }
            base = next;
        }
    }
    words[0] = (len - 2) as u32;
    words[1] = (clock::now_ns() / SAMPLE_TIME_NS) as u32;
    let mut samples = SAMPLES.lock();
    if !samples.add(&words[..len]) {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
    let are_due = samples.are_due();
    drop(samples);
    // The kernel, which has the console, is not interrupted while the application runs.
    if are_due && WINDOW.get().is_some_and(|window| window.is_text(frame.rip)) {
        send();
    }
}

/// The next frame and the return address of the frame at `base`; `None` where there is none.
fn caller(base: u64) -> Option<(u64, u64)> {
    let mut bytes = [0; 16];
    if base == 0 || peek::read(base, &mut bytes) < bytes.len() {
        return None;
    }
    let (next, caller) = bytes.split_first_chunk::<8>()?;
    let caller = u64::from_le_bytes(*caller.first_chunk()?);
    // Nothing else is code.
    (caller >> 32 == u64::from(u32::MAX)).then_some((u64::from_le_bytes(*next), caller))
}

fn send_if_due() {
    if interrupts::without(|| SAMPLES.lock().are_due()) {
        send();
    }
}

/// Sends what is kept, with interrupts off: what comes meanwhile would be of the sending.
fn send() {
    interrupts::without(|| {
        let mut samples = SAMPLES.lock();
        let len = core::mem::take(&mut samples.len);
        samples.sent_ns = clock::now_ns();
        if len > 0 {
            console::tell(RecordKind::Samples, samples.words[..len].as_flattened());
        }
    });
}

/// The program ends: sends the rest, and says so where something is missing.
pub(super) fn finish() {
    send();
    let lost = LOST.swap(0, Ordering::Relaxed);
    if lost > 0 {
        console::warn(format_args!("{lost} samples of the profile found no room"));
    }
}
