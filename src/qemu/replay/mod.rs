//! Time travel: a machine repeats a recording, and debuggers go through it in both directions.
//!
//! QEMU repeats a recording from its beginning and stops at any instruction of it by its monitor; its stub for debuggers shows the
//! machine there. Between these and the debugger stands [`Server`], which answers what moves the machine, and passes on all
//! else. Back is forwards from the beginning, in another machine: states that QEMU 7.2 saves can't be gone on from for long
//! (a device of virtio-serial sets a timer when its state is loaded that the recording does not have, and the
//! processor's thread and the monitor wait for each other now and then), and its stub hangs when a debugger asks it to go back.

mod debugger;
mod machine;
mod output;
mod points;
mod progress;
mod search;
mod stub;
mod travel;

use std::io;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use self::debugger::Debugger;
use self::machine::Machine;
pub use self::machine::{Repeated, Source};
use self::travel::Travel;
use super::entrance::Entrance;

/// What is known of a recording.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The last moment of it that is looked at; there is an instruction behind it.
    pub end: u64,
    /// Address of the code that enters the program.
    pub start_address: u64,
    /// The instruction that the program trapped at, if it did, and the signal that stands for the trap.
    pub trap: Option<(u64, u8)>,
}

/// A machine that repeats a recording, for one debugger at a time.
#[expect(
    missing_debug_implementations,
    reason = "it holds what starts machines, of which nothing is known"
)]
pub struct Server {
    travel: Travel,
    entrances: Vec<Entrance>,
}

impl Server {
    /// Brings a machine of `source` to its program's first instruction. The thread that this is called on must live as long
    /// as the server: machines are started on it, and end with it.
    ///
    /// # Errors
    ///
    /// QEMU can't be started, or does not repeat the recording.
    pub fn new(
        source: Box<dyn Source>,
        facts: Facts,
        entrances: Vec<Entrance>,
    ) -> io::Result<Self> {
        Ok(Self {
            travel: Travel::begin(Machine::new(source, facts.end)?, facts)?,
            entrances,
        })
    }

    /// Serves debuggers until the machine is gone.
    ///
    /// # Errors
    ///
    /// The machine does not answer any more.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let debugger = accept(&self.entrances)?;
            self.travel.serve(Debugger::new(debugger))?;
        }
    }
}

/// Waits for a debugger.
fn accept(entrances: &[Entrance]) -> io::Result<super::entrance::Debugger> {
    loop {
        let mut descriptors: Vec<PollFd<'_>> = entrances
            .iter()
            .map(|entrance| PollFd::from_borrowed_fd(entrance.descriptor(), PollFlags::IN))
            .collect();
        match rustix::event::poll(&mut descriptors, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(problem) => return Err(problem.into()),
        }
        let mut found = descriptors.iter();
        if let Some(place) = found.position(|found| !found.revents().is_empty()) {
            return entrances[place].accept();
        }
    }
}
