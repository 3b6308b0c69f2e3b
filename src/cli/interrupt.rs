//! Ctrl-C and its kin: whatever must not outlive this process is ended, then the process ends, at any phase.
//!
//! A thread of its own waits for the signals, since the main thread may be compiling, or waiting for a slow reader. A mistake
//! of this program itself can end it in the same way.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::failure::Failure;
use super::words;
use crate::qemu::machine::Process;
use crate::qemu::session::wish;

/// Status of a process that a signal ended, less the signal's number.
const STATUS_SIGNAL: i32 = 128;

/// Status after a panic, as Rust has it.
const STATUS_PANIC: i32 = 101;

/// Status after Ctrl-C.
const STATUS_INTERRUPTED: u8 = 130;

/// A folder is tried for at most a second.
const REMOVE_TRIES_MAX: usize = 100;
const REMOVE_PAUSE: Duration = Duration::from_millis(10);

/// More than the thread needs; less than a person's patience, should no thread be there.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Something that must not outlive this process.
#[derive(Debug)]
pub(super) enum Holding {
    /// A machine.
    Machine(Process),
    /// A session that the wish `STOP` ends in good order; its machine can't outlive this process.
    Recording(UnixStream),
    /// A build command with its children.
    ProcessGroup(Pid),
    /// A process of this process's own group.
    Process(u32),
    /// A file that is not finished.
    File(PathBuf),
    /// A folder of what only this process needs.
    Folder(PathBuf),
    /// The terminal's cursor is hidden.
    HiddenCursor,
    /// The terminal has other modes than these.
    Terminal(rustix::termios::Termios),
}

/// Keeps a [`Holding`] known while it lives.
#[derive(Debug)]
pub(super) struct Held(u64);

#[derive(Default)]
struct Registry {
    next: u64,
    holdings: Vec<(u64, Holding)>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 0,
    holdings: Vec::new(),
});

impl Registry {
    fn add(&mut self, holding: Holding) -> Held {
        let number = self.next;
        self.next += 1;
        self.holdings.push((number, holding));
        Held(number)
    }

    /// Ends all that is held.
    fn end_all(&mut self) {
        // What came last stands on what came before: a process writes into a folder.
        for (_, holding) in self.holdings.drain(..).rev() {
            match holding {
                Holding::Machine(process) => process.kill(),
                Holding::Recording(_) => {}
                Holding::ProcessGroup(group) => {
                    // It may have ended by itself.
                    let _ = rustix::process::kill_process_group(group, Signal::KILL);
                }
                Holding::Process(process) => kill(process),
                Holding::File(path) => drop(std::fs::remove_file(path)),
                Holding::Folder(path) => remove_folder(&path),
                Holding::HiddenCursor => drop(console::Term::stderr().show_cursor()),
                Holding::Terminal(modes) => {
                    let now = rustix::termios::OptionalActions::Now;
                    let _ = rustix::termios::tcsetattr(io::stdin(), now, &modes);
                }
            }
        }
    }
}

/// Makes `holding` end with this process until the answer is dropped.
pub(super) fn hold(holding: Holding) -> Held {
    registry().add(holding)
}

/// Makes something, as what it is to be held; no signal comes between the two.
pub(super) fn hold_made<T>(
    make: impl FnOnce() -> io::Result<T>,
    holding: impl FnOnce(&T) -> Holding,
) -> io::Result<(T, Held)> {
    let mut registry = registry();
    let made = make()?;
    let held = registry.add(holding(&made));
    Ok((made, held))
}

impl Drop for Held {
    fn drop(&mut self) {
        registry().holdings.retain(|(number, _)| *number != self.0);
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to wait for signals. Where that fails, they end the process at once, as they would without this.
pub(super) fn watch() {
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT];
    let ignored = ignored_signals();
    // `nohup mewz run …` stays as it was asked for.
    let wanted = wanted
        .into_iter()
        .filter(|signal| ignored & (1 << (signal - 1)) == 0);
    if let Ok(mut signals) = Signals::new(wanted) {
        std::thread::spawn(move || {
            let mut signals = signals.forever();
            if let Some(signal) = signals.find(|signal| !is_debuggers(*signal) && !is_spared()) {
                end(signal);
            }
        });
    }
}

/// Makes a panic of any thread end this process, and what must not outlive it: a loop that has lost a thread would do half
/// of its work, and not say so.
pub(super) fn end_at_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        // The thread may have failed where it holds the lock. Machines end with the process all the same.
        let _registry = (0..REMOVE_TRIES_MAX).find_map(|_| {
            let Ok(mut registry) = REGISTRY.try_lock() else {
                std::thread::sleep(REMOVE_PAUSE);
                return None;
            };
            registry.end_all();
            Some(registry)
        });
        words::hint("this is a bug of mewz: please report it, with the lines above");
        std::process::exit(STATUS_PANIC)
    }));
}

/// Ends everything that is held, then the process. The lock is kept: nothing new is begun meanwhile.
fn end(signal: i32) -> ! {
    let mut registry = registry();
    registry.end_all();
    let status = match CRASHED.load(Ordering::Relaxed) {
        0 => STATUS_SIGNAL + signal,
        status => i32::from(status),
    };
    std::process::exit(status)
}

/// The status of a program that has crashed, and whose machine only waits; 0 without.
static CRASHED: AtomicU8 = AtomicU8::new(0);

/// Lets a signal end this process with `status` from now on: the program has come to its end.
pub(super) fn program_crashed(status: u8) {
    CRASHED.store(status, Ordering::Relaxed);
}

/// Ends a process, which may have ended by itself.
pub(super) fn kill(process: u32) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

/// Ctrl-C is a debugger's: it stops the program.
static IS_LEFT_TO_DEBUGGER: AtomicBool = AtomicBool::new(false);

/// Leaves Ctrl-C to the debugger in the foreground from now on.
pub(super) fn leave_to_debugger() {
    IS_LEFT_TO_DEBUGGER.store(true, Ordering::Relaxed);
}

/// The debugger has ended, and this process goes on: Ctrl-C means what it did.
pub(super) fn take_back() {
    IS_LEFT_TO_DEBUGGER.store(false, Ordering::Relaxed);
}

fn is_debuggers(signal: i32) -> bool {
    signal == SIGINT && IS_LEFT_TO_DEBUGGER.load(Ordering::Relaxed)
}

/// The next signal ends machines alone.
static IS_SPARED: AtomicBool = AtomicBool::new(false);
/// One has.
static HAS_SPARED: AtomicBool = AtomicBool::new(false);

/// Lets the next signal end the machines alone, so that this process can tell what it knows of them; the one after ends all.
pub(super) fn spare_once() {
    IS_SPARED.store(true, Ordering::Relaxed);
}

/// Whether a signal ended machines alone; then this process is to end with the answer.
pub(super) fn spared() -> Option<u8> {
    HAS_SPARED
        .load(Ordering::Relaxed)
        .then_some(STATUS_INTERRUPTED)
}

fn is_spared() -> bool {
    let machines: Vec<Process> = registry()
        .holdings
        .iter()
        .filter_map(|(_, holding)| match holding {
            Holding::Machine(process) => Some(process.clone()),
            _ => None,
        })
        .collect();
    let recordings: Vec<UnixStream> = registry()
        .holdings
        .iter()
        .filter_map(|(_, holding)| match holding {
            Holding::Recording(wishes) => wishes.try_clone().ok(),
            _ => None,
        })
        .collect();
    // Without a machine there is nothing to tell yet.
    let is_idle = machines.is_empty() && recordings.is_empty();
    if is_idle || !IS_SPARED.swap(false, Ordering::Relaxed) {
        return false;
    }
    HAS_SPARED.store(true, Ordering::Relaxed);
    for mut wishes in recordings {
        // A session that has ended needs no stop.
        let _ = wishes.write_all(&[wish::STOP]);
    }
    for machine in machines {
        machine.kill();
    }
    true
}

/// A process that was just ended may still be making its last file: tries again until the folder is gone.
fn remove_folder(path: &Path) {
    for _ in 0..REMOVE_TRIES_MAX {
        match std::fs::remove_dir_all(path) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                std::thread::sleep(REMOVE_PAUSE);
            }
            _ => return,
        }
    }
}

/// Runs `work`, which is short, to its end before a signal may end the process.
pub(super) fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _registry = registry();
    work()
}

/// Returns, unless a signal is just ending this process: what ends together with it is nothing to tell of.
pub(super) fn go_on() {
    drop(registry());
}

/// What a prompt does when it was ended by Ctrl-C: leaves the process to the thread that waits for signals.
pub(super) fn await_end() -> Failure {
    std::thread::sleep(END_WITHIN);
    Failure::new("interrupted").with_status(STATUS_INTERRUPTED)
}

/// The set of signals that this process was started to ignore; bit n is signal n + 1.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0)
}
