//! The line between a machine and a debugger: a socket to QEMU that lasts as long as the machine, and debuggers that come and
//! go on another.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::Timespec;

use super::debug_session::{Attention, Session, is_farewell};
use super::entrance::{self, Debugger, Entrance, Ready};
use super::introduction;
use super::output::Output;
use super::packets::{Part, Splitter, framed, hex};

/// Bytes that are passed on at once.
const PART_BYTES: usize = 4096;

/// No time to wait.
const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// What a debugger sends to stop a program that runs.
const INTERRUPT: u8 = 3;

/// How long a debugger may take to hear the last words of a machine.
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(1);

/// What its user is told where a program has ended and another one will come.
const ENDED: &str =
    "the program has ended: gdb goes on with the next one (Ctrl-C: gdb is done with it)\n";

/// A machine that takes the place of the one before.
#[derive(Debug)]
pub struct Successor {
    /// Names it.
    pub machine: u64,
    /// Its end of the line.
    pub line: UnixStream,
    /// The image that it runs, with symbols: for a debugger that is there.
    pub image: Option<PathBuf>,
    /// It waits for a debugger before its program's first instruction.
    pub waits: bool,
}

/// Which machine a debugger looks at, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// How.
    pub attention: Attention,
    /// The machine that the line leads to; `None` before the first.
    pub machine: Option<u64>,
}

/// Hears of each change of the view, on the server's thread.
pub type Watcher = Box<dyn FnMut(View) + Send>;

/// Who serves a line, seen from elsewhere. When this is dropped, a debugger has heard what the machine said until then.
#[derive(Debug)]
pub struct Server {
    successors: Sender<Successor>,
    /// A byte here says that there is a successor; its end that nobody is to be served any more.
    wake: UnixStream,
    /// Its other end is closed when nobody is served any more.
    served: Mutex<Receiver<()>>,
}

impl Server {
    /// Serves `line` on a thread of its own until its machine has ended, or this is dropped. A debugger hears of a stop when the
    /// machine's `output` until then is passed on. `entrances` are where debuggers come from.
    ///
    /// # Errors
    ///
    /// The operating system refuses; then nobody is served.
    pub fn start(
        line: UnixStream,
        entrances: Vec<Entrance>,
        output: Option<Output>,
    ) -> io::Result<Self> {
        Self::begin(Some(line), entrances, output, None)
    }

    /// Serves one machine after the other, as [`Server::switch`] brings them, until this is dropped. `watcher` hears what
    /// debuggers are about.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn of_successors(entrances: Vec<Entrance>, watcher: Watcher) -> io::Result<Self> {
        Self::begin(None, entrances, None, Some(watcher))
    }

    fn begin(
        line: Option<UnixStream>,
        entrances: Vec<Entrance>,
        output: Option<Output>,
        watcher: Option<Watcher>,
    ) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        let (successors, coming) = mpsc::channel();
        let (serving, served) = mpsc::channel();
        let mut relay = Relay {
            line,
            output,
            has_successors: watcher.is_some(),
            machine: None,
            entrances,
            coming,
            woken,
            is_over: false,
            debugger: None,
            session: Session::default(),
            next: None,
            told: View::default(),
            watcher,
        };
        std::thread::spawn(move || {
            let _serving = serving;
            relay.serve();
        });
        Ok(Self {
            successors,
            wake,
            served: Mutex::new(served),
        })
    }

    /// Puts another machine in the place of the one before. A debugger that lets the program run is led there: it takes the
    /// machine for its program that has begun a new image, reads that, sets its breakpoints again, and lets the machine go.
    /// One that holds the program still keeps it until it lets that go, and is led on then. Without one, or while it looks
    /// elsewhere, a machine that waits is let go.
    pub fn switch(&self, successor: Successor) {
        // A server that is gone serves nobody.
        let _ = self.successors.send(successor);
        let _ = (&self.wake).write_all(&[0]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.wake.shutdown(Shutdown::Both);
        let served = self
            .served
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // A debugger that does not listen is left alone.
        let _ = served.recv_timeout(LAST_WORDS_PATIENCE);
    }
}

/// Passes bytes on between the machine's end of the line and one debugger at a time. What the machine says while no debugger
/// is there is dropped.
struct Relay {
    /// `None` between a machine's end and the next.
    line: Option<UnixStream>,
    output: Option<Output>,
    /// There are other machines after this one.
    has_successors: bool,
    machine: Option<u64>,
    entrances: Vec<Entrance>,
    coming: Receiver<Successor>,
    woken: UnixStream,
    /// Nobody is to be served any more.
    is_over: bool,
    debugger: Option<Debugger>,
    session: Session,
    /// A machine that came while the program stood still.
    next: Option<Successor>,
    /// What the watcher knows.
    told: View,
    watcher: Option<Watcher>,
}

impl Relay {
    fn serve(&mut self) {
        while !self.is_over && (self.line.is_some() || self.has_successors) {
            self.tell_view();
            let Ok(ready) = self.wait(None) else {
                return;
            };
            if ready.woken {
                // The line that was found ready may be another's now.
                self.look_for_successor();
                continue;
            }
            if ready.line {
                self.hear_machine();
            }
            if let Some(entrance) = ready.entrance {
                self.debugger = self.entrances[entrance].accept().ok();
                self.session = Session::default();
            } else if ready.debugger {
                self.hear_debugger();
            }
        }
        while self.wait(Some(&NOW)).is_ok_and(|ready| ready.line) {
            self.hear_machine();
        }
    }

    fn hear_machine(&mut self) {
        let mut part = [0; PART_BYTES];
        let Some(line) = &mut self.line else {
            return;
        };
        match line.read(&mut part) {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
            Ok(len @ 1..) => self.pass_on_from_machine(&part[..len]),
            Ok(0) | Err(_) => {
                self.line = None;
                if self.session.is_leaving {
                    // A machine that is gone has let go of everything.
                    self.tell(&framed(b"OK"));
                    self.session.leave();
                }
            }
        }
    }

    fn hear_debugger(&mut self) {
        let mut part = [0; PART_BYTES];
        let Some(debugger) = &self.debugger else {
            return;
        };
        match debugger.read(&mut part) {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
            Ok(len @ 1..) => self.pass_on_from_debugger(&part[..len]),
            Ok(0) | Err(_) => self.lose_debugger(),
        }
    }

    fn tell_view(&mut self) {
        let view = View {
            attention: match &self.debugger {
                Some(_) => self.session.attention(),
                None => Attention::Nobody,
            },
            machine: self.machine,
        };
        if view != self.told
            && let Some(watcher) = &mut self.watcher
        {
            self.told = view;
            watcher(view);
        }
    }

    fn pass_on_from_machine(&mut self, bytes: &[u8]) {
        for part in self.session.from_machine.push(bytes) {
            if self.session.is_of_another(&part) {
                continue;
            }
            self.session.note_answer(&part);
            let has_left = self.session.is_leaving && is_farewell(&part);
            let bytes = match part {
                Part::Other(bytes) => bytes,
                // The debugger is told that a program may begin a new image.
                Part::Packet { body, .. } if body.starts_with(b"PacketSize=") => {
                    framed(&[&body[..], b";exec-events+"].concat())
                }
                Part::Packet { raw, body } => {
                    let is_end = matches!(body.first(), Some(b'W' | b'X'));
                    if is_end && self.has_successors && self.session.is_awaited {
                        // The next program is the debugger's too, so this end is none for it.
                        self.session.end = Some(raw);
                        self.say(ENDED);
                        continue;
                    }
                    if is_end {
                        self.session.greeting = None;
                    }
                    let is_stop = is_end || matches!(body.first(), Some(b'T' | b'S'));
                    if is_stop && self.session.is_awaited {
                        self.session.is_awaited = false;
                        if let Some(output) = &self.output {
                            output.wait_passed_on();
                        }
                    }
                    raw
                }
            };
            self.tell(&bytes);
            if has_left {
                self.session.leave();
            }
        }
    }

    fn pass_on_from_debugger(&mut self, bytes: &[u8]) {
        for part in self.session.from_debugger.push(bytes) {
            if self.session.repeats_itself(&part) {
                continue;
            }
            let raw = match part {
                Part::Other(bytes) => {
                    if bytes.contains(&INTERRUPT) && self.session.is_awaited && !self.has_program()
                    {
                        self.tell_end();
                        continue;
                    }
                    bytes
                }
                Part::Packet { raw, body } => {
                    if self.answers(&body) {
                        continue;
                    }
                    raw
                }
            };
            let is_gone = self
                .line
                .as_mut()
                .is_some_and(|line| line.write_all(&raw).is_err());
            if is_gone {
                self.line = None;
                self.refuse();
            }
        }
    }

    /// Whether there is a program that has not ended.
    fn has_program(&self) -> bool {
        self.line.is_some() && self.session.end.is_none()
    }

    /// Notes what a packet of the debugger means, and answers it where the machine can't.
    fn answers(&mut self, body: &[u8]) -> bool {
        let goes_on = self.session.note_wish(body, self.line.is_some());
        if goes_on && let Some(next) = self.next.take() {
            self.acknowledge();
            self.lead_to(next);
            return true;
        }
        if self.line.is_none() {
            match goes_on {
                // The next machine's first stop is the answer to what lets the program go.
                true => {
                    self.acknowledge();
                    self.say(ENDED);
                }
                false => self.refuse(),
            }
        }
        self.line.is_none()
    }

    /// Answers a packet that no machine can.
    fn refuse(&mut self) {
        self.acknowledge();
        self.tell(&framed(b"E01"));
    }

    fn acknowledge(&mut self) {
        if !self.session.is_quiet {
            self.tell(b"+");
        }
    }

    /// Tells the debugger's user something while the program runs.
    fn say(&mut self, text: &str) {
        let text = hex(text.as_bytes());
        self.tell(&framed(format!("O{text}").as_bytes()));
    }

    /// Tells the debugger that the program has ended, which was kept from it.
    fn tell_end(&mut self) {
        let end = self.session.end.take();
        self.session.is_awaited = false;
        self.session.greeting = None;
        // Without a word it was killed, by signal 9.
        self.tell(&end.unwrap_or_else(|| framed(b"X09")));
    }

    fn tell(&mut self, bytes: &[u8]) {
        let is_gone = self
            .debugger
            .as_ref()
            .is_some_and(|debugger| debugger.write(bytes).is_err());
        if is_gone {
            self.lose_debugger();
        }
    }

    /// The debugger is gone. One that went without a word leaves no breakpoint, and no program that stands still.
    fn lose_debugger(&mut self) {
        self.debugger = None;
        if self.session.greeting.take().is_some()
            && let Some(line) = &self.line
        {
            // A machine that does not answer has nothing in it that could be let go.
            let _ = introduction::let_go(line);
        }
        self.session.from_machine = Splitter::default();
        if let Some(next) = self.next.take() {
            self.take(next);
        }
    }

    /// Takes the last of the machines that have come.
    fn look_for_successor(&mut self) {
        let mut bytes = [0; 64];
        self.is_over = matches!(self.woken.read(&mut bytes), Ok(0) | Err(_));
        let Some(mut successor) = self.coming.try_iter().last() else {
            return;
        };
        let attention = match &self.debugger {
            Some(_) => self.session.attention(),
            None => Attention::Nobody,
        };
        if attention == Attention::Running {
            self.lead_to(successor);
            return;
        }
        if std::mem::take(&mut successor.waits) {
            let _ = introduction::let_go(&successor.line);
        }
        match attention {
            Attention::Still => self.next = Some(successor),
            _ => self.take(successor),
        }
    }

    /// Leads to the machine, whose debugger, if one comes, knows what it runs.
    fn take(&mut self, successor: Successor) {
        self.session.from_machine = Splitter::default();
        self.machine = Some(successor.machine);
        self.line = Some(successor.line);
    }

    /// Leads the debugger that is there to the machine.
    fn lead_to(&mut self, successor: Successor) {
        // The one before goes on without breakpoints: someone may wait for its answers.
        if let Some(line) = &self.line
            && self.session.end.is_none()
        {
            let _ = introduction::let_go(line);
        }
        let greeting = self.session.greeting.as_deref();
        let is_quiet = self.session.is_quiet;
        let introduced = introduction::introduce(&successor.line, greeting, is_quiet);
        let image = successor.image.clone();
        self.session.end = None;
        self.take(successor);
        // A machine that does not answer, or of which nobody knows what it runs, is no use to a debugger.
        match (introduced, image) {
            (Ok(()), Some(image)) => self.tell_new_image(&image),
            (Ok(()), None) => self.lose_debugger(),
            (Err(_), _) => self.debugger = None,
        }
    }

    /// Tells the debugger that the program has begun the image.
    fn tell_new_image(&mut self, image: &Path) {
        self.session.is_awaited = false;
        let image = hex(image.as_os_str().as_bytes());
        self.tell(&framed(format!("T05exec:{image};").as_bytes()));
    }

    fn wait(&self, timeout: Option<&Timespec>) -> io::Result<Ready> {
        entrance::wait(
            self.line.as_ref(),
            &self.woken,
            &self.entrances,
            self.debugger.as_ref(),
            timeout,
        )
    }
}

#[cfg(test)]
mod tests;
