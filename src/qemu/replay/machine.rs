//! A machine that repeats a recording, by its stub for debuggers and its monitor together: it knows how many instructions
//! have run, goes to any number of them, and runs to the next stop.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::debugger::Debugger;
use super::output::Output;
use super::points::{Point, Points};
use super::progress::Progress;
use super::search::{Stop, Timeline};
use super::stub::Stub;
use crate::qemu::machine::Running;
use crate::qemu::monitor::Monitor;

/// How often a machine that runs is asked how far it is. It is a nudge too: where the program waits, QEMU's main loop sleeps
/// as long as it did when the recording was made unless something wakes it.
const NUDGE: Duration = Duration::from_millis(1);

/// How long a machine may take to its next instruction. One that does not do what it did when the recording was made waits for
/// ever for an event that the recording has: after it was stopped where that changes what a device does.
const STALL: Duration = Duration::from_secs(3);

/// What a machine says that a debugger, or the monitor, has stopped: SIGINT.
const STOPPED_FROM_OUTSIDE: &[u8] = b"T02";

/// Starts machines that repeat one and the same recording.
pub trait Source: Send {
    /// Starts one; it waits before its first instruction.
    ///
    /// # Errors
    ///
    /// The operating system refuses; then nothing runs.
    fn start(&mut self) -> io::Result<Repeated>;
}

/// A machine that repeats a recording, and waits before its first instruction. It ends when this is dropped.
#[derive(Debug)]
pub struct Repeated {
    /// The machine; the lines below are its.
    pub running: Running,
    /// The line to QEMU's stub.
    pub line: UnixStream,
    /// The monitor.
    pub monitor: Monitor,
    /// What its program writes.
    pub console: File,
}

/// A machine that goes both ways. There is no way back in one of QEMU's, so another begins anew.
pub(super) struct Machine {
    source: Box<dyn Source>,
    /// One that waits at the beginning; starting it takes longer than most of what it has to repeat.
    spare: Option<Repeated>,
    running: Running,
    stub: Stub,
    monitor: Monitor,
    output: Output,
    now: u64,
    /// What is told of a movement that takes long.
    progress: Progress,
    /// Breakpoints and watchpoints that are wanted.
    pub(super) points: Points,
    /// Those that QEMU has.
    set: Vec<Point>,
    /// The one processor, as the stub names it.
    thread: String,
    /// Who may interrupt what takes long.
    pub(super) debugger: Option<Debugger>,
}

impl Machine {
    /// A machine of `source`, before its first instruction.
    pub(super) fn new(mut source: Box<dyn Source>, end: u64) -> io::Result<Self> {
        let mut first = source.start()?;
        let mut stub = Stub::new(first.line)?;
        let told = stub
            .ask(b"?")
            .map_err(|problem| explained(problem, &mut first.running))?;
        let thread = thread(&told);
        let spare = Some(source.start()?);
        Ok(Self {
            source,
            spare,
            running: first.running,
            stub,
            monitor: first.monitor,
            output: Output::new(first.console),
            now: 0,
            progress: Progress::new(end),
            points: Points::default(),
            set: Vec::new(),
            thread,
            debugger: None,
        })
    }

    /// Begins anew.
    fn begin(&mut self) -> io::Result<()> {
        let next = match self.spare.take() {
            Some(spare) => spare,
            None => self.source.start()?,
        };
        self.running = next.running;
        self.monitor = next.monitor;
        self.output.begin(next.console);
        self.stub = Stub::new(next.line)?;
        self.stub.ask(b"?")?;
        self.now = 0;
        self.set.clear();
        self.spare = Some(self.source.start()?);
        Ok(())
    }

    /// Why the machine has failed, by what QEMU said.
    pub(super) fn explain(&mut self, problem: io::Error) -> io::Error {
        explained(problem, &mut self.running)
    }

    /// The debugger waits from now on.
    pub(super) fn set_out(&mut self) {
        self.progress.set_out();
    }

    /// The answer of QEMU's stub to a packet that moves nothing.
    pub(super) fn ask(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        self.stub.ask(body)
    }

    /// The processor, as the stub names it.
    pub(super) fn thread(&self) -> &str {
        &self.thread
    }

    /// Where the processor is.
    pub(super) fn instruction_pointer(&mut self) -> io::Result<u64> {
        // Register 16 of gdb's x86-64.
        const OFFSET: usize = 16 * 16;
        let registers = self.stub.ask(b"g")?;
        let digits = registers.get(OFFSET..OFFSET + 16);
        let word =
            digits.and_then(|digits| u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        word.map(u64::swap_bytes)
            .ok_or_else(|| io::Error::other("QEMU does not tell its registers"))
    }

    /// Where the page of the program's `address` is in the machine's memory.
    pub(super) fn physical(&mut self, address: u64) -> Option<u64> {
        self.monitor.physical(address).ok().flatten()
    }

    /// Gives QEMU these points, and takes away what it has beyond them.
    fn set_points(&mut self, wanted: Vec<Point>) -> io::Result<()> {
        let set = std::mem::take(&mut self.set);
        for point in set.iter().filter(|point| !wanted.contains(point)) {
            self.order(&point.packet('z'))?;
        }
        for point in wanted.iter().filter(|point| !set.contains(point)) {
            self.order(&point.packet('Z'))?;
        }
        self.set = wanted;
        Ok(())
    }

    fn order(&mut self, packet: &str) -> io::Result<()> {
        match &self.stub.ask(packet.as_bytes())?[..] {
            b"OK" => Ok(()),
            answer => Err(io::Error::other(format!(
                "QEMU answers `{packet}` with `{}`",
                String::from_utf8_lossy(answer)
            ))),
        }
    }

    /// Runs to `limit`, or to a stop before it.
    fn run(&mut self, limit: u64) -> io::Result<Option<Stop>> {
        if limit <= self.now {
            return Ok(None);
        }
        self.monitored(|monitor| monitor.stop_at(limit))?;
        self.stub.send(b"c")?;
        let told = self.await_stop()?;
        if told == OUTSIDE {
            return Ok(None);
        }
        self.monitored(Monitor::stop_nowhere)?;
        Ok(Some(self.points.stop(&told)))
    }

    /// Asks the monitor. Its failures are the machine's, and of another kind than those of a debugger that is gone.
    fn monitored<T>(&mut self, ask: impl FnOnce(&mut Monitor) -> io::Result<T>) -> io::Result<T> {
        ask(&mut self.monitor).map_err(|problem| {
            io::Error::other(format!("QEMU's monitor does not answer: {problem}"))
        })
    }

    /// Notes what stands where writes are watched.
    fn look_at_values(&mut self) -> io::Result<()> {
        for number in 0..self.points.len() {
            if let Some(packet) = self.points.value_packet(number) {
                let value = self.stub.ask(packet.as_bytes())?;
                self.points.is_changed(number, value);
            }
        }
        Ok(())
    }

    /// Whether `stop` is a write of what stood there before, which debuggers would only look at and go on from: going back,
    /// that is a search for each.
    fn is_same_value(&mut self, stop: Option<Stop>) -> io::Result<bool> {
        if let Some(Stop::Watchpoint(number)) = stop
            && let Some(packet) = self.points.value_packet(number)
        {
            let value = self.stub.ask(packet.as_bytes())?;
            return Ok(!self.points.is_changed(number, value));
        }
        Ok(false)
    }

    /// Waits until the machine stands; what is said of it behind its thread. Fails where the debugger interrupts.
    fn await_stop(&mut self) -> io::Result<String> {
        let mut is_interrupted = false;
        let mut seen = (self.now, Instant::now());
        while !self.stub.has_packet() {
            let debugger = self.debugger.as_ref().filter(|_| !is_interrupted);
            let mut descriptors = vec![PollFd::new(&self.stub, PollFlags::IN)];
            descriptors.extend(
                debugger.map(|debugger| PollFd::from_borrowed_fd(debugger.as_fd(), PollFlags::IN)),
            );
            let look = Timespec {
                tv_sec: 0,
                tv_nsec: NUDGE.subsec_nanos().into(),
            };
            match rustix::event::poll(&mut descriptors, Some(&look)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(problem) => return Err(problem.into()),
            }
            let has_come = |place: usize| {
                descriptors
                    .get(place)
                    .is_some_and(|found| !found.revents().is_empty())
            };
            let (from_stub, from_debugger) = (has_come(0), has_come(1));
            if from_stub {
                self.stub.read()?;
            }
            if from_debugger
                && let Some(debugger) = &mut self.debugger
                && debugger.interrupts()
            {
                is_interrupted = true;
                self.monitored(Monitor::stop)?;
            }
            if !from_stub {
                let now = self.monitored(Monitor::instructions)?;
                self.output.pass_on()?;
                if now != seen.0 {
                    seen = (now, Instant::now());
                } else if seen.1.elapsed() > STALL && !is_interrupted {
                    // Only another one gets further.
                    self.now = u64::MAX;
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("QEMU does not go on from instruction {now} of the recording"),
                    ));
                }
                if let Some(debugger) = &mut self.debugger
                    && let Some(words) = self.progress.words(now)
                {
                    debugger.tell(&words)?;
                }
            }
        }
        let packet = self.stub.packet()?;
        self.now = self.monitored(Monitor::instructions)?;
        self.output.pass_on()?;
        if is_interrupted {
            self.monitored(Monitor::stop_nowhere)?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        let text = String::from_utf8_lossy(&packet);
        let reason = text.split_once(';').map_or("", |(_, reason)| reason);
        Ok(match packet.starts_with(STOPPED_FROM_OUTSIDE) {
            true => OUTSIDE.to_owned(),
            false => reason.to_owned(),
        })
    }
}

/// Stands for a stop that no point is the reason of.
const OUTSIDE: &str = "outside";

impl Timeline for Machine {
    fn now(&self) -> u64 {
        self.now
    }

    fn go_to(&mut self, moment: u64) -> io::Result<()> {
        if moment < self.now {
            self.begin()?;
        }
        self.set_points(Vec::new())?;
        self.run(moment).map(drop)
    }

    fn run_to(&mut self, limit: u64) -> io::Result<Option<Stop>> {
        self.set_points(self.points.all())?;
        self.look_at_values()?;
        loop {
            let stop = self.run(limit)?;
            if !self.is_same_value(stop)? {
                return Ok(stop);
            }
        }
    }

    fn step(&mut self) -> io::Result<Option<Stop>> {
        self.set_points(self.points.watchpoints())?;
        self.look_at_values()?;
        self.stub.send(b"s")?;
        let told = self.await_stop()?;
        let stop = Some(self.points.stop(&told)).filter(|stop| *stop != Stop::Breakpoint);
        Ok(if self.is_same_value(stop)? {
            None
        } else {
            stop
        })
    }
}

/// What QEMU said before it stopped to answer, if it said anything.
fn explained(problem: io::Error, running: &mut Running) -> io::Error {
    match &running.words()[..] {
        "" => problem,
        words => io::Error::other(format!("QEMU says: {words}")),
    }
}

/// The processor that a stop is told of.
fn thread(told: &[u8]) -> String {
    let told = String::from_utf8_lossy(told);
    let (_, behind) = told.split_once("thread:").unwrap_or_default();
    behind.split(';').next().unwrap_or_default().to_owned()
}
