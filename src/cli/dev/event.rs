//! What the loop hears of, from all its threads.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use mewz_abi::record::TrapReport;

use super::build::Outcome;
use super::control::Request;
use crate::cli::failure::Failure;
use crate::cli::trace::Call;
use crate::qemu::debug_line::View;
use crate::qemu::error::QemuError;
use crate::qemu::session::End;

/// Events that may wait; who has more to tell waits itself, a guest that floods its output too.
pub(super) const WAITING_MAX: usize = 256;

/// A way to the loop.
pub(super) type Sender = SyncSender<Event>;

/// A machine, by the order in which they were started.
pub(super) type GuestId = u64;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// The content of these files is another, they are new, or they are gone.
    Changed {
        /// Below the folder that is watched; sorted.
        paths: Vec<PathBuf>,
        /// Those of them that were not there before.
        new: BTreeSet<PathBuf>,
        /// When the first of them was noticed.
        at: Instant,
    },
    /// A warning of a thread that has no words of its own.
    Warning(String),
    /// What the build command prints, while it takes long.
    BuildOutput {
        /// The build.
        number: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A build has ended.
    Built {
        /// The build.
        number: u64,
        /// How.
        outcome: Box<Outcome>,
    },
    /// A machine tells something.
    Guest(GuestId, GuestEvent),
    /// The last connection to these machines has ended.
    Drained(u64),
    /// A key was pressed.
    Key(u8),
    /// gdb has ended, which was in the foreground.
    DebuggerLeft,
    /// The memory of a machine is in a file, as the words say, or is not.
    Core(GuestId, Result<String, Failure>),
    /// A debugger looks at something else, comes or goes.
    Debugger(View),
    /// Someone asks by the control socket; the answer goes back.
    Control(Request, std::sync::mpsc::Sender<String>),
}

/// Something that a machine tells.
#[derive(Debug)]
pub(super) enum GuestEvent {
    /// The kernel is up and waits for its program.
    Parked,
    /// The program begins; the build id of what runs.
    Started([u8; 16]),
    /// The program accepts connections at this port.
    Listening(u16),
    /// The program's output.
    Output {
        /// Standard error, not standard output.
        is_error: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A line of the kernel's log, and its level.
    Log(u8, String),
    /// The program called WASI.
    Call(Call),
    /// The program trapped.
    Trap(Box<TrapReport>),
    /// The kernel failed.
    Panic(String),
    /// The machine is gone.
    Ended(Box<Result<End, QemuError>>),
}
