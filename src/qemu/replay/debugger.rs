//! The debugger's end of the conversation.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::qemu::entrance::Debugger as Peer;
use crate::qemu::packets::{Part, Splitter, framed, hex};

/// What a debugger sends to interrupt a program that runs.
const INTERRUPT: u8 = 3;

/// Bytes that are read at once.
const PART_BYTES: usize = 4096;

/// A debugger that is there.
pub(super) struct Debugger {
    peer: Peer,
    splitter: Splitter,
    /// Packets that have come and are to be answered.
    waiting: VecDeque<Vec<u8>>,
    has_interrupted: bool,
}

impl Debugger {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            splitter: Splitter::default(),
            waiting: VecDeque::new(),
            has_interrupted: false,
        }
    }

    /// The next packet without its frame; waits for it. `None` where the debugger is gone.
    pub(super) fn packet(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(packet) = self.waiting.pop_front() {
                return Ok(Some(packet));
            }
            if !self.read()? {
                return Ok(None);
            }
            // Nothing runs that could be interrupted.
            self.has_interrupted = false;
        }
    }

    /// Reads what has come; whether the debugger wants what runs to stop, or is gone.
    pub(super) fn interrupts(&mut self) -> bool {
        let is_there = self.read().unwrap_or(false);
        std::mem::take(&mut self.has_interrupted) || !is_there
    }

    /// Sends a packet.
    pub(super) fn send(&mut self, body: &[u8]) -> io::Result<()> {
        self.peer.write(&framed(body))
    }

    /// Sends words for its user; it has asked for something and has no answer yet.
    pub(super) fn tell(&mut self, words: &str) -> io::Result<()> {
        self.send(format!("O{}", hex(words.as_bytes())).as_bytes())
    }

    /// Reads once; `false` where the debugger is gone.
    fn read(&mut self) -> io::Result<bool> {
        let mut part = [0; PART_BYTES];
        let len = match self.peer.read(&mut part) {
            Ok(len) => len,
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(problem) => return Err(problem),
        };
        for part in self.splitter.push(&part[..len]) {
            match part {
                Part::Other(bytes) => self.has_interrupted |= bytes.contains(&INTERRUPT),
                Part::Packet { body, .. } => {
                    self.peer.write(b"+")?;
                    self.waiting.push_back(body);
                }
            }
        }
        Ok(len > 0)
    }
}

impl AsFd for Debugger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.peer.descriptor()
    }
}
