//! The talk with a running machine: its output goes out, its wishes are answered, until it ends.
//!
//! One thread and one `poll`: a slow reader of the output slows the guest, and a deadline holds in every wait.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mewz_abi::observe::CallReport;
use mewz_abi::record::{HEAD_BYTES, PAYLOAD_BYTES_MAX, RecordKind, TrapReport, head};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::console::{Decoder, Piece};
use super::error::{Action as _, QemuError};
use super::machine::Running;

/// Bytes that a pipe with room takes without waiting: PIPE_BUF on Linux, a page.
const PIPE_WRITE_BYTES: usize = 4096;

/// Most bytes of standard input read at a time.
const STDIN_READ_BYTES: usize = 64 << 10;

/// Bytes kept of COM1 and of QEMU's words: the last ones, where the reason of an end is.
const TAIL_BYTES: usize = 16 << 10;

/// Where the program's streams lead on this side.
#[derive(Clone, Copy, Debug)]
pub struct Streams<'a> {
    /// Read only when the program asks.
    pub stdin: BorrowedFd<'a>,
    /// Takes standard output; without it, events do.
    pub stdout: Option<BorrowedFd<'a>>,
    /// Takes standard error; without it, events do.
    pub stderr: Option<BorrowedFd<'a>>,
    /// Where someone asks for something by a byte, which is one of [`wish`].
    pub wishes: Option<BorrowedFd<'a>>,
}

/// What a machine can be asked for while it runs.
pub mod wish {
    /// A parked kernel's application is there.
    pub const RELEASE: u8 = 1;
    /// Calls of WASI are to be told.
    pub const TRACE: u8 = 2;
    /// They are not any more.
    pub const TRACE_END: u8 = 3;
    /// The session is to end.
    pub const STOP: u8 = 4;
}

/// Something that the machine tells beside output.
#[derive(Debug)]
pub enum Event<'a> {
    /// The kernel is up.
    Started {
        /// The build id of what it runs.
        build_id: &'a [u8],
    },
    /// A parked kernel is up, and waits for its application.
    Parked,
    /// The program accepts connections at this port.
    Listening(u16),
    /// Bytes of standard output, or of standard error, where no stream takes them.
    Output {
        /// Of standard error.
        is_error: bool,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A line of the kernel's log.
    Log {
        /// 1 error … 5 trace.
        level: u8,
        /// The line.
        text: &'a str,
    },
    /// The program trapped.
    Trap(&'a TrapReport),
    /// The kernel failed.
    Panic(&'a str),
    /// The next bytes of what the program has counted.
    Counters(&'a [u8]),
    /// A call of WASI began, or ended.
    Call(CallReport<'a>),
    /// The next bytes of a stream of samples (`mewz_abi::observe::next_sample`).
    Samples(&'a [u8]),
}

/// When patience ends; `None` is never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadlines {
    /// The machine must have ended.
    pub end: Option<Instant>,
    /// The kernel must be up.
    pub start: Option<Instant>,
    /// The program must accept connections at this port, or at any, so long after its own start.
    pub ready: Option<(Option<u16>, Duration)>,
}

/// How a session ended. QEMU is gone in every case.
#[derive(Debug)]
pub enum End {
    /// The program ended with this status.
    Exited(u32),
    /// The deadline for the end came first.
    TimedOut,
    /// The deadline for the kernel's first word came first.
    NotStarted,
    /// The time was over in which the program should have accepted connections.
    NotReady,
    /// Someone asked for the end.
    Stopped,
    /// Nobody reads the program's standard output any more.
    OutputClosed,
    /// QEMU ended without a word from the kernel.
    Died(Death),
}

/// What is known of a QEMU that ended without a word from the kernel.
#[derive(Debug)]
pub struct Death {
    /// How the process ended.
    pub status: ExitStatus,
    /// Whether the kernel had come up.
    pub had_started: bool,
    /// The last that QEMU said.
    pub words: String,
    /// The last that came out of COM1.
    pub serial: String,
}

/// Talks with `running` until it ends or one of `deadlines` comes.
///
/// # Errors
///
/// Garbage on the console, or output that can't be written for other reasons than a reader that left. QEMU is ended.
pub fn talk(
    running: &mut Running,
    streams: Streams<'_>,
    deadlines: Deadlines,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<End, QemuError> {
    let mut session = Session {
        stdout: streams
            .stdout
            .map(|stream| Sink::new(stream, "standard output")),
        stderr: streams
            .stderr
            .map(|stream| Sink::new(stream, "standard error")),
        stdin: streams.stdin,
        wishes: streams.wishes,
        is_stopped: false,
        stdin_wanted: None,
        to_guest: Vec::new(),
        deadlines,
        had_started: false,
        ready_by: None,
        is_up: false,
        on_event,
    };
    let end = session.run(running);
    running.end_recording();
    // After the last record there is nothing that QEMU could still do for anyone.
    running.process().kill();
    end
}

struct Session<'a> {
    stdout: Option<Sink<'a>>,
    stderr: Option<Sink<'a>>,
    stdin: BorrowedFd<'a>,
    /// Until nobody can ask any more.
    wishes: Option<BorrowedFd<'a>>,
    /// The end was asked for.
    is_stopped: bool,
    /// Most bytes of standard input that the guest waits for.
    stdin_wanted: Option<usize>,
    /// Records that the console has not yet taken.
    to_guest: Vec<u8>,
    deadlines: Deadlines,
    had_started: bool,
    /// When the program must accept connections; `None` while it has not begun, and once it does.
    ready_by: Option<Instant>,
    /// The kernel has said something: QEMU is past its own start.
    is_up: bool,
    on_event: &'a mut dyn FnMut(Event<'_>),
}

/// What can be waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Console,
    Serial,
    Words,
    Stdin,
    Wishes,
    End,
}

/// Why nothing more is to be read from the console.
enum Receipt {
    Ended(End),
    Closed,
}

/// What a wait found.
struct Ready {
    console: bool,
    serial: bool,
    words: bool,
    stdin: bool,
    wishes: bool,
    end: bool,
}

impl Session<'_> {
    fn run(&mut self, running: &mut Running) -> Result<End, QemuError> {
        let mut decoder = Decoder::default();
        let mut serial = Tail::default();
        let mut words = Tail::default();
        loop {
            let Some(ready) = self.wait(running, &serial, &words)? else {
                return Ok(self.late());
            };
            if ready.serial {
                serial.fill(&mut running.serial)?;
            }
            if ready.words {
                words.fill(&mut running.words)?;
            }
            if ready.stdin {
                self.read_stdin()?;
            }
            if ready.wishes {
                self.read_wishes();
                if self.is_stopped {
                    return Ok(End::Stopped);
                }
            }
            self.send(running)?;
            if (ready.console || ready.end)
                && let Some(end) = self.receive(running, &mut decoder, ready.end)?
            {
                return match end {
                    Receipt::Ended(end) => Ok(end),
                    Receipt::Closed => self.bury(running, serial, words),
                };
            }
        }
    }

    /// Takes what the console holds: one read of it, or after QEMU's end all that is left.
    fn receive(
        &mut self,
        running: &Running,
        decoder: &mut Decoder,
        has_ended: bool,
    ) -> Result<Option<Receipt>, QemuError> {
        let _reading = running
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            match decoder.fill(|out| (&running.console).read(out)) {
                Ok(0) => return Ok(Some(Receipt::Closed)),
                Ok(_) => {}
                Err(problem) => match problem.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => return Ok(has_ended.then_some(Receipt::Closed)),
                    // QEMU died with bytes of ours unread.
                    io::ErrorKind::ConnectionReset => return Ok(Some(Receipt::Closed)),
                    _ => return Err(problem).action("read the console"),
                },
            }
            let was_up = self.is_up;
            let end = self.decode(decoder)?;
            if self.is_up && !was_up {
                running.lengthen_queues();
            }
            if let Some(end) = end {
                return Ok(Some(Receipt::Ended(end)));
            }
            self.send(running)?;
            if !has_ended {
                return Ok(None);
            }
        }
    }

    /// How a wait ended that took too long.
    fn late(&self) -> End {
        let is_over = |end: Instant| end <= Instant::now();
        if self.ready_by.is_some_and(is_over) {
            return End::NotReady;
        }
        if self.is_up || self.deadlines.end.is_some_and(is_over) {
            End::TimedOut
        } else {
            End::NotStarted
        }
    }

    /// QEMU has ended, or closed the console, without a word from the kernel.
    fn bury(
        &mut self,
        running: &mut Running,
        mut serial: Tail,
        mut words: Tail,
    ) -> Result<End, QemuError> {
        let process = running.process();
        if running.end.is_some() && !self.wait_for_end(running)? {
            // The console is closed, the process is not: nothing can be said to it any more.
            process.kill();
        }
        let status = process.wait()?;
        serial.fill(&mut running.serial)?;
        words.fill(&mut running.words)?;
        Ok(End::Died(Death {
            status,
            had_started: self.had_started,
            words: words.text(),
            serial: serial.text(),
        }))
    }

    /// Gives QEMU a second to end once its console is closed.
    fn wait_for_end(&self, running: &Running) -> Result<bool, QemuError> {
        let Some(end) = &running.end else {
            return Ok(true);
        };
        let mut descriptors = [PollFd::new(end, PollFlags::IN)];
        poll(
            &mut descriptors,
            Some(Instant::now() + Duration::from_secs(1)),
        )
    }

    /// Waits until something is to be done; `None` when the deadline comes first.
    fn wait(
        &self,
        running: &Running,
        serial: &Tail,
        words: &Tail,
    ) -> Result<Option<Ready>, QemuError> {
        let console_flags = if self.to_guest.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        };
        let mut sources = vec![(Source::Console, running.console.as_fd(), console_flags)];
        let mut listen = |source, descriptor| sources.push((source, descriptor, PollFlags::IN));
        // A stream that has ended would report so again and again.
        if !serial.has_ended {
            listen(Source::Serial, running.serial.as_fd());
        }
        if !words.has_ended {
            listen(Source::Words, running.words.as_fd());
        }
        if self.stdin_wanted.is_some() && self.to_guest.is_empty() {
            listen(Source::Stdin, self.stdin);
        }
        if let Some(wishes) = self.wishes {
            listen(Source::Wishes, wishes);
        }
        if let Some(end) = &running.end {
            listen(Source::End, end.as_fd());
        }
        let mut descriptors: Vec<PollFd<'_>> = sources
            .iter()
            .map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
            .collect();
        let start = self.deadlines.start.filter(|_| !self.is_up);
        let others = start.into_iter().chain(self.ready_by);
        let deadline = self.deadlines.end.into_iter().chain(others).min();
        if !poll(&mut descriptors, deadline)? {
            return Ok(None);
        }
        let is_ready = |wanted: Source| {
            let mut answers = sources.iter().zip(&descriptors);
            answers.any(|((source, ..), answer)| *source == wanted && !answer.revents().is_empty())
        };
        Ok(Some(Ready {
            console: is_ready(Source::Console),
            serial: is_ready(Source::Serial),
            words: is_ready(Source::Words),
            stdin: is_ready(Source::Stdin),
            wishes: is_ready(Source::Wishes),
            end: is_ready(Source::End),
        }))
    }

    /// Handles every record that has come; says how it ended when it did.
    fn decode(&mut self, decoder: &mut Decoder) -> Result<Option<End>, QemuError> {
        while let Some(Piece { kind, bytes }) = decoder.next_piece()? {
            match kind {
                RecordKind::Stdout => match self.pass_on(false, bytes)? {
                    Written::All => {}
                    Written::TimedOut => return Ok(Some(End::TimedOut)),
                    Written::Closed => return Ok(Some(End::OutputClosed)),
                },
                RecordKind::Stderr => {
                    if matches!(self.pass_on(true, bytes)?, Written::TimedOut) {
                        return Ok(Some(End::TimedOut));
                    }
                }
                RecordKind::Parked => {
                    self.is_up = true;
                    (self.on_event)(Event::Parked);
                    self.queue(RecordKind::Time, &epoch_ns().to_le_bytes());
                }
                RecordKind::Listening => {
                    let port = bytes.first_chunk().copied().map_or(0, u16::from_le_bytes);
                    if self
                        .deadlines
                        .ready
                        .is_some_and(|(wanted, _)| wanted.is_none_or(|wanted| wanted == port))
                    {
                        self.ready_by = None;
                    }
                    (self.on_event)(Event::Listening(port));
                }
                RecordKind::StdinRequest => {
                    let wanted = number(bytes).map_or(STDIN_READ_BYTES, |wanted| wanted as usize);
                    self.stdin_wanted = Some(wanted.clamp(1, STDIN_READ_BYTES));
                }
                RecordKind::Started => {
                    self.had_started = true;
                    self.is_up = true;
                    let patience = self.deadlines.ready.map(|(_, patience)| patience);
                    self.ready_by =
                        patience.and_then(|patience| Instant::now().checked_add(patience));
                    (self.on_event)(Event::Started { build_id: bytes });
                    self.queue(RecordKind::Time, &epoch_ns().to_le_bytes());
                }
                RecordKind::Log => {
                    let (level, text) = bytes.split_first().unwrap_or((&3, &[]));
                    let text = String::from_utf8_lossy(text);
                    (self.on_event)(Event::Log {
                        level: *level,
                        text: text.trim_end(),
                    });
                }
                RecordKind::Trap => {
                    if let Some(report) = TrapReport::decode(bytes) {
                        (self.on_event)(Event::Trap(&report));
                    }
                }
                RecordKind::Panic => (self.on_event)(Event::Panic(&String::from_utf8_lossy(bytes))),
                RecordKind::Counters => (self.on_event)(Event::Counters(bytes)),
                RecordKind::Call => {
                    if let Some(report) = CallReport::decode(bytes) {
                        (self.on_event)(Event::Call(report));
                    }
                }
                RecordKind::Samples => (self.on_event)(Event::Samples(bytes)),
                RecordKind::Exit => {
                    // A record too short to hold a status is no success.
                    return Ok(Some(End::Exited(number(bytes).unwrap_or(1))));
                }
                RecordKind::Stdin
                | RecordKind::StdinEnd
                | RecordKind::Time
                | RecordKind::Release
                | RecordKind::Trace
                | RecordKind::TraceEnd => {
                    unreachable!("the decoder refuses records of the host")
                }
            }
        }
        Ok(None)
    }

    /// Hands output to its stream, or shows it as an event.
    fn pass_on(&mut self, is_error: bool, bytes: &[u8]) -> Result<Written, QemuError> {
        let sink = if is_error {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        match sink {
            Some(sink) => sink.write(bytes, self.deadlines.end),
            None => {
                (self.on_event)(Event::Output { is_error, bytes });
                Ok(Written::All)
            }
        }
    }

    fn read_stdin(&mut self) -> Result<(), QemuError> {
        let Some(wanted) = self.stdin_wanted else {
            return Ok(());
        };
        let mut bytes = vec![0; wanted];
        match rustix::io::read(self.stdin, &mut bytes[..]) {
            Ok(0) => self.queue(RecordKind::StdinEnd, &[]),
            Ok(len) => self.queue(RecordKind::Stdin, &bytes[..len]),
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            // A folder, a terminal that is gone: for the program the input has ended.
            Err(_) => self.queue(RecordKind::StdinEnd, &[]),
        }
        self.stdin_wanted = None;
        Ok(())
    }

    fn read_wishes(&mut self) {
        let Some(wishes) = self.wishes else { return };
        let mut bytes = [0; 16];
        let len = match rustix::io::read(wishes, &mut bytes) {
            Ok(len @ 1..) => len,
            Err(Errno::INTR | Errno::AGAIN) => return,
            // Who asked is gone.
            Ok(0) | Err(_) => {
                self.wishes = None;
                return;
            }
        };
        for byte in &bytes[..len] {
            match *byte {
                wish::RELEASE => self.queue(RecordKind::Release, &[]),
                wish::TRACE => self.queue(RecordKind::Trace, &[]),
                wish::TRACE_END => self.queue(RecordKind::TraceEnd, &[]),
                wish::STOP => self.is_stopped = true,
                _ => {}
            }
        }
    }

    fn queue(&mut self, kind: RecordKind, payload: &[u8]) {
        const { assert!(STDIN_READ_BYTES <= PAYLOAD_BYTES_MAX && HEAD_BYTES == 8) };
        self.to_guest.extend(head(kind, payload.len() as u32));
        self.to_guest.extend(payload);
    }

    /// Sends what the console takes now.
    fn send(&mut self, running: &Running) -> Result<(), QemuError> {
        while !self.to_guest.is_empty() {
            match (&running.console).write(&self.to_guest) {
                Ok(len) => drop(self.to_guest.drain(..len)),
                Err(problem) => match problem.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => {}
                    // The reading side notices the end.
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                        self.to_guest.clear();
                    }
                    _ => return Err(problem).action("write to the console"),
                },
            }
        }
        Ok(())
    }
}

fn number(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().copied().map(u32::from_le_bytes)
}

fn epoch_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// Waits until one of `descriptors` is ready (true) or `deadline` comes (false).
fn poll(descriptors: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<bool, QemuError> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match rustix::event::poll(descriptors, timeout.as_ref()) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(problem) => return Err(problem).action("wait for the machine"),
        }
    }
}

enum Written {
    All,
    Closed,
    TimedOut,
}

/// A stream of ours that takes the program's output.
struct Sink<'a> {
    descriptor: BorrowedFd<'a>,
    name: &'static str,
    /// Bytes that a write may offer without waiting for long.
    write_bytes: usize,
    is_closed: bool,
}

impl<'a> Sink<'a> {
    fn new(descriptor: BorrowedFd<'a>, name: &'static str) -> Self {
        let is_file = rustix::fs::fstat(descriptor)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self {
            descriptor,
            name,
            write_bytes: if is_file {
                usize::MAX
            } else {
                PIPE_WRITE_BYTES
            },
            is_closed: false,
        }
    }

    /// Writes all of `bytes`. Never waits in a write: that could hold up the deadline.
    fn write(&mut self, mut bytes: &[u8], deadline: Option<Instant>) -> Result<Written, QemuError> {
        if self.is_closed {
            return Ok(Written::Closed);
        }
        while !bytes.is_empty() {
            let mut descriptors = [PollFd::from_borrowed_fd(self.descriptor, PollFlags::OUT)];
            if !poll(&mut descriptors, deadline)? {
                return Ok(Written::TimedOut);
            }
            let offer = bytes.len().min(self.write_bytes);
            match rustix::io::write(self.descriptor, &bytes[..offer]) {
                Ok(len) => bytes = &bytes[len..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::PIPE) => {
                    self.is_closed = true;
                    return Ok(Written::Closed);
                }
                Err(problem) => {
                    return Err(QemuError::Output {
                        stream: self.name,
                        source: problem.into(),
                    });
                }
            }
        }
        Ok(Written::All)
    }
}

/// The last bytes of a stream.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Tail {
    /// Takes what is there; `stream` does not block.
    fn fill(&mut self, stream: &mut dyn io::Read) -> Result<(), QemuError> {
        let mut part = [0; 4096];
        while !self.has_ended {
            match stream.read(&mut part) {
                Ok(0) => self.has_ended = true,
                Ok(len) => {
                    self.bytes.extend(&part[..len]);
                    let excess = self.bytes.len().saturating_sub(TAIL_BYTES);
                    self.bytes.drain(..excess);
                }
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => break,
                Err(problem) => return Err(problem).action("read QEMU's pipes"),
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim().to_owned()
    }
}
