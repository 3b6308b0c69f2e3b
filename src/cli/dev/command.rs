//! Runs a build command: its output is kept, or shown while it takes long; a newer build ends it.
//!
//! On a terminal the command has one too, a pseudo-terminal, since compilers print colours for nobody else.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::event::{Event, Sender};
use crate::cli::heap;
use crate::cli::interrupt::{Holding, hold};

/// A command that takes longer shows what it prints at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked whether a command has ended whose children keep its output open.
const LOOK: Duration = Duration::from_millis(20);

/// How long a command that is to end may take to do so by itself.
const GRACE: Duration = Duration::from_millis(200);

/// Most bytes of output that are kept: the last ones.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// Which builds are not wanted any more.
#[derive(Debug, Default)]
pub(super) struct Cancel {
    /// Builds below are cancelled.
    oldest: AtomicU64,
    /// The command under way.
    group: Mutex<Option<Pid>>,
}

impl Cancel {
    /// Cancels every build older than `number`.
    pub(super) fn before(&self, number: u64) {
        // Held, so that a command is either seen here or sees the number.
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        self.oldest.fetch_max(number, Ordering::Relaxed);
        if let Some(group) = *group {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(group, Signal::TERM);
        }
    }

    /// Whether the build `number` is cancelled.
    pub(super) fn is_cancelled(&self, number: u64) -> bool {
        number < self.oldest.load(Ordering::Relaxed)
    }

    /// Notes the command of a build; `false` where that is cancelled already.
    fn begin(&self, number: u64, group: Pid) -> bool {
        let mut slot = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(group);
        !self.is_cancelled(number)
    }

    /// Waits for a command that has ended, so that nobody can mean another by its number.
    fn finish(&self, child: &mut Child) -> io::Result<ExitStatus> {
        has_ended(child, WaitIdOptions::empty())?;
        let mut slot = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        child.wait()
    }
}

/// A command to be run.
pub(super) struct Run<'a> {
    pub(super) number: u64,
    pub(super) cancel: &'a Cancel,
    pub(super) events: &'a Sender,
}

impl Run<'_> {
    /// Runs `process` to its end; `output` gets what was not shown meanwhile.
    pub(super) fn to_end(
        &self,
        mut process: Command,
        output: &mut Vec<u8>,
    ) -> io::Result<ExitStatus> {
        let (reader, writer) = stream()?;
        heap::keep_from(&mut process);
        process.stdout(Stdio::from(writer.try_clone()?));
        process.stderr(Stdio::from(writer));
        let mut child = process.spawn()?;
        // Its copies of the writing end would keep the stream open.
        drop(process);
        let group = Pid::from_child(&child);
        let held = hold(Holding::ProcessGroup(group));
        if !self.cancel.begin(self.number, group) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        self.collect(&pieces(reader), &mut child, group, output)?;
        let status = self.cancel.finish(&mut child);
        drop(held);
        status
    }

    /// Takes what the command prints until it has ended.
    fn collect(
        &self,
        pieces: &Receiver<Vec<u8>>,
        child: &mut Child,
        group: Pid,
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = Instant::now();
        let mut cancelled_at = None;
        let mut has_shown = false;
        let mut has_ended = false;
        loop {
            match pieces.recv_timeout(LOOK) {
                Ok(piece) => output.extend(piece),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                // Children of the command may keep its output open for ever.
                Err(RecvTimeoutError::Timeout) if has_ended => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    has_ended = self::has_ended(child, WaitIdOptions::NOHANG)?;
                }
            }
            if self.cancel.is_cancelled(self.number) {
                let since: &mut Instant = cancelled_at.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    let _ = rustix::process::kill_process_group(group, Signal::KILL);
                }
            } else if has_shown || start.elapsed() > PATIENCE {
                has_shown = true;
                let event = Event::BuildOutput {
                    number: self.number,
                    bytes: std::mem::take(output),
                };
                let _ = self.events.send(event);
            }
            let excess = output.len().saturating_sub(OUTPUT_BYTES_MAX);
            output.drain(..excess);
        }
    }
}

/// Waits until `child` has ended, or only looks; its status is kept for [`Child::wait`].
fn has_ended(child: &Child, how: WaitIdOptions) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how;
    let status = rustix::process::waitid(WaitId::Pid(Pid::from_child(child)), options)?;
    Ok(status.is_some())
}

/// What comes out of `reader`, until its end.
fn pieces(mut reader: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        // A pseudo-terminal that nobody has open any more answers with an error.
        while let Ok(len @ 1..) = reader.read(&mut piece) {
            if sender.send(piece[..len].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Both ends of what takes a command's output.
fn stream() -> io::Result<(File, OwnedFd)> {
    let stderr = io::stderr();
    if !stderr.is_terminal() || !console::colors_enabled_stderr() {
        let (reader, writer) = io::pipe()?;
        return Ok((File::from(OwnedFd::from(reader)), writer.into()));
    }
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    let mut modes = tcgetattr(&theirs)?;
    // Lines come as they were written: the terminal of this process does the rest.
    modes.output_modes.remove(OutputModes::OPOST);
    tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    if let Ok(size) = tcgetwinsize(&stderr) {
        tcsetwinsize(&theirs, size)?;
    }
    Ok((File::from(ours), theirs))
}
