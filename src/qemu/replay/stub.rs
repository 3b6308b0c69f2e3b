//! QEMU's own stub for debuggers, as one who asks it.
//!
//! Source: remote serial protocol, GDB's manual, appendix E.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::qemu::packets::{Part, Splitter, framed};

/// How long an answer may take that needs no instruction to run: a page fault of the host, at worst.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are read at once.
const PART_BYTES: usize = 4096;

/// The stub of a machine.
#[derive(Debug)]
pub(super) struct Stub {
    line: UnixStream,
    splitter: Splitter,
    /// Packets that nobody has taken yet.
    waiting: VecDeque<Vec<u8>>,
}

impl Stub {
    /// That at the other end of `line`.
    pub(super) fn new(line: UnixStream) -> io::Result<Self> {
        line.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            line,
            splitter: Splitter::default(),
            waiting: VecDeque::new(),
        })
    }

    /// The answer to a packet, without its frame.
    pub(super) fn ask(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        self.send(body)?;
        self.packet()
    }

    /// Sends a packet that is answered when the machine stops, if at all.
    pub(super) fn send(&mut self, body: &[u8]) -> io::Result<()> {
        self.line
            .write_all(&framed(body))
            .map_err(|problem| silent(&problem))
    }

    /// The next packet; waits for it.
    pub(super) fn packet(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(packet) = self.waiting.pop_front() {
                return Ok(packet);
            }
            self.read()?;
        }
    }

    /// Whether a packet can be had without waiting for more bytes.
    pub(super) fn has_packet(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Reads what has come; waits where nothing has.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let mut part = [0; PART_BYTES];
        let len = match self.line.read(&mut part) {
            Ok(0) => return Err(silent(&io::ErrorKind::UnexpectedEof.into())),
            Ok(len) => len,
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(problem) => return Err(silent(&problem)),
        };
        for part in self.splitter.push(&part[..len]) {
            if let Part::Packet { body, .. } = part {
                self.line
                    .write_all(b"+")
                    .map_err(|problem| silent(&problem))?;
                self.waiting.push_back(body);
            }
        }
        Ok(())
    }
}

/// Why a machine does not answer. Of a kind of its own: a debugger that is gone is no failure, and a machine is.
fn silent(problem: &io::Error) -> io::Error {
    io::Error::other(format!("QEMU does not answer its debugger: {problem}"))
}

impl AsFd for Stub {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}
