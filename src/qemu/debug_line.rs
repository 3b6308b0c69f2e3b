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

/// What a debugger sends that waits for a packet, or got a broken one.
const RESEND: u8 = b'-';

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

/// What a debugger is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// There is none, or it has not said a word yet.
    #[default]
    Nobody,
    /// It lets the program run, and waits for its next stop.
    Running,
    /// It holds the program still.
    Still,
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
        let session = &mut self.session;
        if body.starts_with(b"qSupported") {
            session.greeting = Some(body.to_vec());
        } else if body == b"QStartNoAckMode" {
            session.is_quiet = true;
        } else if body.first() == Some(&b'D') && self.line.is_some() {
            session.is_leaving = true;
        } else if matches!(body.first(), Some(b'D' | b'k')) || body.starts_with(b"vKill") {
            session.greeting = None;
        }
        let goes_on =
            matches!(body.first(), Some(b'c' | b's' | b'C' | b'S')) || body.starts_with(b"vCont;");
        session.is_awaited |= goes_on;
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

/// Whether it answers a debugger that leaves.
fn is_farewell(part: &Part) -> bool {
    matches!(part, Part::Packet { body, .. } if body == b"OK" || body.first() == Some(&b'E'))
}

/// What is known of a debugger's session.
#[derive(Default)]
struct Session {
    from_debugger: Splitter,
    from_machine: Splitter,
    /// The packet by which it began; `None` before, and when the debugger has let the program go for good.
    greeting: Option<Vec<u8>>,
    /// The debugger has let the program go for good, and waits for the answer: until then it is there, or its machine might be
    /// ended before it has answered.
    is_leaving: bool,
    /// Packets are not acknowledged any more.
    is_quiet: bool,
    /// The program runs, and the debugger waits for its next stop.
    is_awaited: bool,
    /// The debugger's last packet, while there is no answer to it and packets are acknowledged.
    open: Option<Vec<u8>>,
    /// How the program ended, which the debugger does not know.
    end: Option<Vec<u8>>,
}

impl Session {
    /// Whether the debugger asks once more for what the machine has not answered yet. gdb does so every two seconds at first,
    /// which a machine that has only just begun may need; bytes don't get lost here, so the machine would answer twice, and
    /// gdb would take the second answer for that to its next question.
    fn repeats_itself(&mut self, part: &Part) -> bool {
        match part {
            Part::Other(bytes) => self.open.is_some() && bytes.iter().all(|byte| *byte == RESEND),
            Part::Packet { raw, .. } if self.open.as_ref() == Some(raw) => true,
            Part::Packet { raw, .. } => {
                self.open = (!self.is_quiet).then(|| raw.clone());
                false
            }
        }
    }

    /// Whether the machine answers what was asked before this debugger came: a session begins with the answer to its greeting.
    fn is_of_another(&self, part: &Part) -> bool {
        let greets = |raw: &Vec<u8>| raw.starts_with(b"$qSupported");
        let is_greeting = |body: &[u8]| body.starts_with(b"PacketSize=");
        matches!(part, Part::Packet { body, .. } if !is_greeting(body))
            && self.open.as_ref().is_some_and(greets)
    }

    fn note_answer(&mut self, part: &Part) {
        let is_answer = match part {
            // It did not understand, and waits for the same packet.
            Part::Other(bytes) => bytes.contains(&RESEND),
            // What a program that runs says is none.
            Part::Packet { body, .. } => !(self.is_awaited && body.first() == Some(&b'O')),
        };
        if is_answer {
            self.open = None;
        }
    }

    /// The debugger has let the program go, and knows that.
    fn leave(&mut self) {
        self.is_leaving = false;
        self.greeting = None;
    }

    fn attention(&self) -> Attention {
        match (&self.greeting, self.is_awaited) {
            (None, _) => Attention::Nobody,
            (Some(_), true) => Attention::Running,
            (Some(_), false) => Attention::Still,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::{Attention, ENDED, Server, Successor, View};
    use crate::qemu::entrance::Entrance;
    use crate::qemu::output::Output;
    use crate::qemu::packets::{framed, hex};

    /// Nothing that is waited for takes longer.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn debuggers_come_and_go_and_the_line_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let entrances = vec![
            Entrance::Unix(UnixListener::bind(&path).unwrap()),
            Entrance::Tcp(tcp),
        ];
        let (mut machine, line) = UnixStream::pair().unwrap();
        let server = Server::start(line, entrances, None).unwrap();
        // Nobody is there: dropped.
        machine.write_all(b"early").unwrap();
        for _ in 0..2 {
            let mut debugger = UnixStream::connect(&path).unwrap();
            talk(&mut machine, &mut debugger);
        }
        let mut debugger = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        talk(&mut machine, &mut debugger);
        drop((machine, server));
        assert_eq!(debugger.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_machines_last_words_are_heard() {
        for _ in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("line");
            let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
            let (mut machine, line) = UnixStream::pair().unwrap();
            let server = Server::start(line, entrances, None).unwrap();
            let mut debugger = UnixStream::connect(&path).unwrap();
            talk(&mut machine, &mut debugger);
            machine.write_all(b"bye").unwrap();
            drop((machine, server));
            debugger.set_nonblocking(true).unwrap();
            let mut words = [0; 3];
            debugger.read_exact(&mut words).unwrap();
            assert_eq!(&words, b"bye");
        }
    }

    /// A line that goes from machine to machine, with a debugger on it.
    struct Led {
        server: Server,
        debugger: UnixStream,
        views: Receiver<View>,
        _folder: tempfile::TempDir,
    }

    impl Led {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("line");
            let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
            let (sender, views) = channel();
            let watcher = Box::new(move |view| sender.send(view).unwrap_or(()));
            Self {
                server: Server::of_successors(entrances, watcher).unwrap(),
                debugger: patient(UnixStream::connect(&path).unwrap()),
                views,
                _folder: folder,
            }
        }

        /// Brings a machine; its end of the line.
        fn bring(&self, machine: u64, waits: bool) -> UnixStream {
            let (theirs, line) = UnixStream::pair().unwrap();
            self.server.switch(Successor {
                machine,
                line,
                image: Some(format!("/{machine}").into()),
                waits,
            });
            patient(theirs)
        }

        #[track_caller]
        fn expect_view(&self, attention: Attention, machine: u64) {
            let wanted = View {
                attention,
                machine: Some(machine),
            };
            while self.views.recv_timeout(PATIENCE).unwrap() != wanted {}
        }

        /// Begins a session with `machine`, and lets the program run.
        fn begin(&mut self, machine: &mut UnixStream) {
            say(&mut self.debugger, "qSupported:a");
            expect(machine, "$qSupported:a#");
            say(machine, "PacketSize=800");
            expect(&mut self.debugger, "$PacketSize=800;exec-events+#");
            say(&mut self.debugger, "QStartNoAckMode");
            expect(machine, "$QStartNoAckMode#");
            say(machine, "OK");
            expect(&mut self.debugger, "$OK#");
            self.go_on(machine);
        }

        fn go_on(&mut self, machine: &mut UnixStream) {
            say(&mut self.debugger, "vCont;c:1");
            expect(machine, "$vCont;c:1#");
        }
    }

    #[test]
    fn a_debugger_that_leaves_is_there_until_it_is_answered() {
        for answers in [true, false] {
            let mut led = Led::new();
            let mut first = led.bring(1, false);
            led.begin(&mut first);
            led.expect_view(Attention::Running, 1);
            say(&mut first, "T05thread:1;");
            expect(&mut led.debugger, "$T05thread:1;#");
            led.expect_view(Attention::Still, 1);
            say(&mut led.debugger, "D");
            expect(&mut first, "$D#");
            // Whoever ends machines that nobody looks at any more does not end this one yet.
            std::thread::sleep(Duration::from_millis(50));
            assert!(led.views.try_recv().is_err());
            match answers {
                true => say(&mut first, "OK"),
                false => drop(first),
            }
            expect(&mut led.debugger, "$OK#");
            led.expect_view(Attention::Nobody, 1);
        }
    }

    fn patient(stream: UnixStream) -> UnixStream {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn say(to: &mut UnixStream, body: &str) {
        to.write_all(&framed(body.as_bytes())).unwrap();
    }

    /// Reads up to a packet's end, its checksum too; fails unless that is what is expected.
    #[track_caller]
    fn expect(from: &mut UnixStream, expected: &str) {
        let mut text = String::new();
        while !text.ends_with('#') {
            let mut byte = [0];
            from.read_exact(&mut byte).unwrap();
            text.push(char::from(byte[0]));
        }
        from.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(text, expected);
    }

    /// Answers as a stub does that is told to let go.
    #[track_caller]
    fn expect_to_be_let_go(machine: &mut UnixStream) {
        expect(machine, "+$D#");
        say(machine, "OK");
    }

    /// Answers as a stub does that meets a debugger.
    #[track_caller]
    fn expect_introduction(machine: &mut UnixStream) {
        for (asked, answer) in [
            ("+$qSupported:a#", "PacketSize=800"),
            ("+$QStartNoAckMode#", "OK"),
            ("+$?#", "T05thread:1;"),
        ] {
            expect(machine, asked);
            say(machine, answer);
        }
    }

    #[test]
    fn a_stop_is_told_behind_what_the_program_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
        let (mut machine, line) = UnixStream::pair().unwrap();
        let (mut guest, mut console) = UnixStream::pair().unwrap();
        let output = Output::new(&console, &Arc::default()).unwrap();
        let _server = Server::start(line, entrances, Some(output)).unwrap();
        let mut debugger = UnixStream::connect(&path).unwrap();
        say(&mut debugger, "vCont;c:1");
        expect(&mut machine, "$vCont;c:1#");
        guest.write_all(b"hello").unwrap();
        say(&mut machine, "T05thread:1;");
        debugger
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        assert!(debugger.read(&mut [0]).is_err());
        console.read_exact(&mut [0; 5]).unwrap();
        let mut debugger = patient(debugger);
        expect(&mut debugger, "$T05thread:1;#");
    }

    #[test]
    fn what_is_asked_again_is_answered_once() {
        let mut led = Led::new();
        let mut machine = led.bring(1, false);
        let again = [&framed(b"qSupported:a")[..], b"-"].concat();
        led.debugger.write_all(&again.repeat(3)).unwrap();
        expect(&mut machine, "$qSupported:a#");
        // What the one before had asked is none of its own.
        say(&mut machine, "OK");
        say(&mut machine, "PacketSize=800");
        expect(&mut led.debugger, "$PacketSize=800;exec-events+#");
        // Neither of them came a second time.
        say(&mut led.debugger, "vMustReplyEmpty");
        expect(&mut machine, "$vMustReplyEmpty#");
        say(&mut machine, "");
        expect(&mut led.debugger, "$#");
        // The same question may be asked again, and a broken answer asked for.
        led.debugger.write_all(b"-").unwrap();
        say(&mut led.debugger, "vMustReplyEmpty");
        expect(&mut machine, "-$vMustReplyEmpty#");
    }

    #[test]
    fn a_debugger_that_lets_the_program_run_is_led_to_the_next() {
        let mut led = Led::new();
        let mut first = led.bring(1, false);
        led.begin(&mut first);
        led.expect_view(Attention::Running, 1);
        let mut second = led.bring(2, true);
        expect_to_be_let_go(&mut first);
        expect_introduction(&mut second);
        expect(&mut led.debugger, "$T05exec:2f32;#");
        led.expect_view(Attention::Still, 2);
        say(&mut led.debugger, "g");
        expect(&mut second, "$g#");
        // One that is killed leaves nothing behind.
        drop(led.debugger);
        expect_to_be_let_go(&mut second);
    }

    #[test]
    fn a_debugger_keeps_the_program_that_it_holds_still() {
        let mut led = Led::new();
        let mut first = led.bring(1, false);
        led.begin(&mut first);
        say(&mut first, "T05thread:1;");
        expect(&mut led.debugger, "$T05thread:1;#");
        led.expect_view(Attention::Still, 1);
        // Meanwhile others come; those that wait for a debugger wait in vain.
        let mut second = led.bring(2, true);
        expect_to_be_let_go(&mut second);
        let mut third = led.bring(3, false);
        say(&mut led.debugger, "m0,1");
        expect(&mut first, "$m0,1#");
        say(&mut first, "00");
        expect(&mut led.debugger, "$00#");
        say(&mut led.debugger, "vCont;c:1");
        expect_to_be_let_go(&mut first);
        expect_introduction(&mut third);
        expect(&mut led.debugger, "$T05exec:2f33;#");
        led.go_on(&mut third);
        led.expect_view(Attention::Running, 3);
    }

    #[test]
    fn the_end_of_a_program_is_none_for_its_debugger() {
        let mut led = Led::new();
        let mut first = led.bring(1, false);
        led.begin(&mut first);
        say(&mut first, "W07");
        drop(first);
        let words = format!("$O{}#", hex(ENDED.as_bytes()));
        expect(&mut led.debugger, &words);
        let mut second = led.bring(2, false);
        expect_introduction(&mut second);
        expect(&mut led.debugger, "$T05exec:2f32;#");
        // Without a machine it is told so, and asked for by Ctrl-C it hears of the end.
        drop(second);
        say(&mut led.debugger, "g");
        expect(&mut led.debugger, "$E01#");
        say(&mut led.debugger, "vCont;c:1");
        expect(&mut led.debugger, &words);
        led.debugger.write_all(&[3]).unwrap();
        expect(&mut led.debugger, "$X09#");
    }

    fn talk(machine: &mut UnixStream, debugger: &mut (impl std::io::Read + std::io::Write)) {
        let mut answer = [0; 4];
        debugger.write_all(b"ping").unwrap();
        machine.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ping");
        machine.write_all(b"pong").unwrap();
        debugger.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"pong");
    }
}
