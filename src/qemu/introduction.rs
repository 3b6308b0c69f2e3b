//! What is said to a machine's stub in a debugger's name: the words by which a session begins, and those by which it ends.
//!
//! Source: "Packets" and "General Query Packets", GDB's manual, appendix E.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::packets::{Part, Splitter, framed};

/// How long a machine may take to its first answer: its kernel may still be coming up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A first question that was not answered is asked again after so long: a kernel that comes up may have missed it.
const REPEAT: Duration = Duration::from_millis(500);

/// How long a machine may take to let go; one that answers does so in far less.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are read at once.
const PART_BYTES: usize = 4096;

/// Begins a session with a machine that knows nothing of it, as the debugger began it, by `greeting`, with the one before.
/// The machine stands still then.
///
/// # Errors
///
/// The machine is gone, or does not answer.
pub(super) fn introduce(
    line: &UnixStream,
    greeting: Option<&[u8]>,
    is_quiet: bool,
) -> io::Result<()> {
    let mut talk = Talk::new(line);
    let greeting = greeting.unwrap_or(b"qSupported");
    // What was said to another debugger may still be on the line, so each answer is known by its first bytes.
    talk.ask(greeting, &[b"PacketSize="], PATIENCE)?;
    if is_quiet {
        talk.ask(b"QStartNoAckMode", &[b"OK"], PATIENCE)?;
    }
    talk.ask(b"?", &[b"T", b"S"], PATIENCE)?;
    line.set_read_timeout(None)
}

/// Lets a machine go on for good, without breakpoints; one that runs is stopped for that.
///
/// # Errors
///
/// As [`introduce`].
pub(super) fn let_go(line: &UnixStream) -> io::Result<()> {
    Talk::new(line).ask(b"D", &[b"OK"], LEAVE_PATIENCE)?;
    line.set_read_timeout(None)
}

/// A talk with a machine, packet by packet.
struct Talk<'a> {
    line: &'a UnixStream,
    splitter: Splitter,
    /// The machine has answered: nothing is lost from now on, and what is asked twice is answered twice.
    is_up: bool,
}

impl<'a> Talk<'a> {
    fn new(line: &'a UnixStream) -> Self {
        Self {
            line,
            splitter: Splitter::default(),
            is_up: false,
        }
    }

    /// Sends `packet` until an answer comes that begins with one of `wanted`; others are dropped.
    fn ask(&mut self, packet: &[u8], wanted: &[&[u8]], patience: Duration) -> io::Result<()> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            // An acknowledgment of what was answered before, and the byte that is lost on a line which is not up yet.
            let mut line = self.line;
            line.write_all(&[b"+", &framed(packet)[..]].concat())?;
            let until = match self.is_up {
                true => end,
                false => (Instant::now() + REPEAT).min(end),
            };
            if self.hear(wanted, until)? {
                self.is_up = true;
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Whether a wanted answer comes until `end`.
    fn hear(&mut self, wanted: &[&[u8]], end: Instant) -> io::Result<bool> {
        let mut part = [0; PART_BYTES];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.line.set_read_timeout(Some(left))?;
            let mut line = self.line;
            let len = match line.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(problem) => match problem.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(false),
                    _ => return Err(problem),
                },
            };
            let is_wanted = |body: &[u8]| wanted.iter().any(|start| body.starts_with(start));
            let parts = self.splitter.push(&part[..len]);
            let mut bodies = parts.iter().filter_map(|part| match part {
                Part::Packet { body, .. } => Some(&body[..]),
                Part::Other(_) => None,
            });
            if bodies.any(is_wanted) {
                return Ok(true);
            }
        }
    }
}
