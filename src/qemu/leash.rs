//! Child processes that can't outlive this one, however it ends.
//!
//! A parent-death signal has to be asked for by the child itself, between fork and exec, which safe Rust can't do. So the
//! child is this program again, under a hidden command: it takes the leash on, then becomes the program that is wanted.
//! The price is one exec, about a millisecond.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use signal_hook::consts::{SIGTERM, SIGUSR2};
use signal_hook::iterator::Signals;

/// The hidden command: `mewz __leash PARENT DATA_BYTES ADDRESS_BYTES PROGRAM ARGS…`.
const COMMAND: &str = "__leash";

/// The same for a program whose own children are not to outlive this process either: the child stays beside it, and ends the
/// group.
const GROUP_COMMAND: &str = "__leash-group";

/// What the parent's death sends to a child that stays: nobody else means the group by it.
const PARENT_DIED: Signal = Signal::USR2;

/// Status of a leash that could not become its program, as in a shell.
const STATUS_NOT_EXECUTED: u8 = 127;

/// Files that a child may have open where the system lets it: QEMU has one for each connection to the program, and soft
/// limits are often 1024.
const FILES: u64 = 16384;

/// Limits of a child; `None` leaves what this process has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Most bytes of private writable memory.
    pub data_bytes: Option<u64>,
    /// Most bytes of address space.
    pub address_bytes: Option<u64>,
}

/// A command that becomes `program`, in a process group of its own; add its arguments. Spawn it on a thread that lives as
/// long as the process: the signal comes when that thread ends.
#[must_use]
pub fn command(program: &Path, limits: Limits) -> Command {
    hidden(COMMAND, program, limits)
}

/// As [`command`], with what `program` starts: as long as it runs, this process's end is that of its whole group.
#[must_use]
pub fn group_command(program: &Path) -> Command {
    hidden(GROUP_COMMAND, program, Limits::default())
}

fn hidden(name: &str, program: &Path, limits: Limits) -> Command {
    // Not the file's name: the file may have been replaced since this process began.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("mewz")
        .arg(name)
        .arg(std::process::id().to_string())
        .arg(limits.data_bytes.unwrap_or(u64::MAX).to_string())
        .arg(limits.address_bytes.unwrap_or(u64::MAX).to_string())
        .arg(program)
        .process_group(0);
    command
}

/// Runs the hidden command that `words` are, if they are one. Returns where it was one and failed, or stayed to its end.
pub fn run(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let name = words.next()?;
    let (signal, stays) = match name.to_str()? {
        COMMAND => (Signal::KILL, false),
        GROUP_COMMAND => (PARENT_DIED, true),
        _ => return None,
    };
    // Before the signal is asked for, which otherwise ends this process alone.
    if stays && let Err(problem) = watch_group() {
        return Some(fail(&format!("cannot wait for signals: {problem}")));
    }
    let problem = match take_on(&mut words, signal) {
        Ok(command) if stays => match stay(command) {
            Ok(status) => return Some(ExitCode::from(status)),
            Err(problem) => problem,
        },
        Ok(mut command) => format!(
            "cannot run {:?}: {}",
            command.get_program().to_owned(),
            command.exec()
        ),
        Err(problem) => problem,
    };
    Some(fail(&problem))
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("mewz {COMMAND}: {problem}");
    ExitCode::from(STATUS_NOT_EXECUTED)
}

/// Ends the group when the parent has died. A request to end is the program's affair, and this process ends with it.
fn watch_group() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGUSR2])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGUSR2 {
                let _ =
                    rustix::process::kill_process_group(rustix::process::getpid(), Signal::KILL);
            }
        }
    });
    Ok(())
}

/// Runs `command` in this process's group, and ends as it does.
fn stay(mut command: Command) -> Result<u8, String> {
    let status = command
        .status()
        .map_err(|problem| format!("cannot run {:?}: {problem}", command.get_program()))?;
    if let Some(signal) = status.signal() {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(STATUS_NOT_EXECUTED))
}

/// Settles limits, and that `signal` comes when the parent dies; the answer is what is to be run.
fn take_on(
    arguments: &mut dyn Iterator<Item = OsString>,
    signal: Signal,
) -> Result<Command, String> {
    let mut number = || {
        arguments
            .next()
            .as_deref()
            .and_then(OsStr::to_str)?
            .parse::<u64>()
            .ok()
    };
    let (Some(parent), Some(data_bytes), Some(address_bytes)) = (number(), number(), number())
    else {
        return Err("this command is not for people".to_owned());
    };
    let program = arguments.next().ok_or("no program is named")?;
    rustix::process::set_parent_process_death_signal(Some(signal))
        .map_err(|problem| format!("cannot ask for the parent's death signal: {problem}"))?;
    // The parent may have died before the signal was asked for; then nobody sends it.
    let parent_now = rustix::process::getppid().map_or(0, Pid::as_raw_pid);
    if u64::try_from(parent_now) != Ok(parent) {
        return Err("the parent is gone".to_owned());
    }
    limit(Resource::Data, data_bytes)?;
    limit(Resource::As, address_bytes)?;
    limit(Resource::Core, 0)?;
    raise_files();
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, bytes: u64) -> Result<(), String> {
    if bytes == u64::MAX {
        return Ok(());
    }
    let now = rustix::process::getrlimit(resource);
    let bytes = bytes
        .min(now.maximum.unwrap_or(u64::MAX))
        .min(now.current.unwrap_or(u64::MAX));
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    rustix::process::setrlimit(resource, limit)
        .map_err(|problem| format!("cannot set a limit: {problem}"))
}

/// Raises the limit of open files as far as [`FILES`].
fn raise_files() {
    let now = rustix::process::getrlimit(Resource::Nofile);
    let wanted = FILES.min(now.maximum.unwrap_or(u64::MAX));
    if now.current.is_some_and(|current| current < wanted) {
        let limit = Rlimit {
            current: Some(wanted),
            maximum: now.maximum,
        };
        // Where it fails the child has what it had.
        let _ = rustix::process::setrlimit(Resource::Nofile, limit);
    }
}
