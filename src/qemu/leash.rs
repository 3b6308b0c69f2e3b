//! Child processes that can't outlive this one, however it ends.
//!
//! A parent-death signal has to be asked for by the child itself, between fork and exec, which safe Rust can't do. So the
//! child is this program again, under a hidden command: it takes the leash on, then becomes the program that is wanted.
//! The price is one exec, about a millisecond.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Resource, Rlimit, Signal};

/// The hidden command: `mewz __leash PARENT DATA_BYTES ADDRESS_BYTES PROGRAM ARGS…`.
pub const COMMAND: &str = "__leash";

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
    // Not the file's name: the file may have been replaced since this process began.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("mewz")
        .arg(COMMAND)
        .arg(std::process::id().to_string())
        .arg(limits.data_bytes.unwrap_or(u64::MAX).to_string())
        .arg(limits.address_bytes.unwrap_or(u64::MAX).to_string())
        .arg(program)
        .process_group(0);
    command
}

/// The hidden command itself: `arguments` are those behind [`COMMAND`]. Returns only where something failed.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let problem = match take_on(&mut arguments) {
        Ok(mut command) => format!(
            "cannot run {:?}: {}",
            command.get_program().to_owned(),
            command.exec()
        ),
        Err(problem) => problem,
    };
    eprintln!("mewz {COMMAND}: {problem}");
    ExitCode::from(STATUS_NOT_EXECUTED)
}

fn take_on(arguments: &mut dyn Iterator<Item = OsString>) -> Result<Command, String> {
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
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
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
