//! The line between a machine and a debugger: a socket to QEMU that lasts as long as the machine, and debuggers that come and
//! go on another.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::packets::{Part, Splitter, framed, hex};

/// Bytes that are passed on at once.
const PART_BYTES: usize = 4096;

/// How long a machine may take to its first answer: its kernel may still be coming up.
const INTRODUCTION_PATIENCE: Duration = Duration::from_secs(20);

/// Where debuggers come from.
#[derive(Debug)]
pub enum Entrance {
    /// A socket file.
    Unix(UnixListener),
    /// A port.
    Tcp(TcpListener),
}

impl Entrance {
    fn accept(&self) -> io::Result<Debugger> {
        Ok(match self {
            Entrance::Unix(listener) => Debugger::Unix(listener.accept()?.0),
            Entrance::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // Packets are short and each is waited for.
                stream.set_nodelay(true)?;
                Debugger::Tcp(stream)
            }
        })
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Entrance::Unix(listener) => listener.as_fd(),
            Entrance::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// A debugger's end of the line.
enum Debugger {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Debugger {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Debugger::Unix(stream) => stream.as_fd(),
            Debugger::Tcp(stream) => stream.as_fd(),
        }
    }

    fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Debugger::Unix(stream) => { stream }.read(out),
            Debugger::Tcp(stream) => { stream }.read(out),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Debugger::Unix(stream) => { stream }.write_all(bytes),
            Debugger::Tcp(stream) => { stream }.write_all(bytes),
        }
    }
}

/// A machine that takes the place of the one before.
#[derive(Debug)]
pub struct Successor {
    /// Its end of the line. The machine waits for a debugger, or does when one comes.
    pub line: UnixStream,
    /// The image that it runs, with symbols: for a debugger that is there.
    pub image: Option<PathBuf>,
}

/// Who serves a line, seen from elsewhere.
#[derive(Debug)]
pub struct Server {
    successors: Sender<Successor>,
    /// A byte here says that there is a successor; its end that there will be none.
    wake: UnixStream,
    is_attached: Arc<AtomicBool>,
}

impl Server {
    /// Serves `line` on a thread of its own until its machine has ended and, where it `has_successors`, this is dropped: then
    /// there need be no machine yet. `entrances` are where debuggers come from.
    ///
    /// # Errors
    ///
    /// The operating system refuses; then nobody is served.
    pub fn start(
        line: Option<UnixStream>,
        entrances: Vec<Entrance>,
        has_successors: bool,
    ) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        let (successors, coming) = mpsc::channel();
        let is_attached = Arc::new(AtomicBool::new(false));
        let mut relay = Relay {
            line,
            entrances,
            coming,
            woken: has_successors.then_some(woken),
            debugger: None,
            session: Session::default(),
            is_attached: Arc::clone(&is_attached),
        };
        std::thread::spawn(move || relay.serve());
        Ok(Self {
            successors,
            wake,
            is_attached,
        })
    }

    /// Whether a debugger is there.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.is_attached.load(Ordering::Relaxed)
    }

    /// Puts another machine in the place of the one before. A debugger that is there takes it for its program that has begun a
    /// new image: it reads that, sets its breakpoints again, and lets the machine go.
    pub fn switch(&self, successor: Successor) {
        // A server that is gone serves nobody.
        let _ = self.successors.send(successor);
        let _ = (&self.wake).write_all(&[0]);
    }
}

/// Passes bytes on between the machine's end of the line and one debugger at a time. What the machine says while no debugger
/// is there is dropped.
struct Relay {
    /// `None` between a machine's end and the next.
    line: Option<UnixStream>,
    entrances: Vec<Entrance>,
    coming: Receiver<Successor>,
    /// `None` where no machine comes any more.
    woken: Option<UnixStream>,
    debugger: Option<Debugger>,
    session: Session,
    is_attached: Arc<AtomicBool>,
}

/// What is known of a debugger's session.
#[derive(Default)]
struct Session {
    from_debugger: Splitter,
    from_machine: Splitter,
    /// The packet by which it began.
    greeting: Option<Vec<u8>>,
    /// Packets are not acknowledged any more.
    is_quiet: bool,
    /// The program runs, and the debugger waits for its next stop.
    is_awaited: bool,
    /// The image of a machine that came while the program stood still.
    unheard: Option<PathBuf>,
}

impl Relay {
    fn serve(&mut self) {
        let mut part = [0; PART_BYTES];
        while self.line.is_some() || self.woken.is_some() {
            let Ok(ready) = self.wait() else {
                return;
            };
            if ready.woken {
                // The line that was found ready may be another's now.
                self.look_for_successor();
                continue;
            }
            if ready.line
                && let Some(line) = &mut self.line
            {
                match line.read(&mut part) {
                    Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                    Ok(len @ 1..) => self.pass_on_from_machine(&part[..len]),
                    Ok(0) | Err(_) => self.line = None,
                }
            }
            if let Some(entrance) = ready.entrance {
                self.debugger = self.entrances[entrance].accept().ok();
                self.session = Session::default();
            } else if ready.debugger
                && let Some(debugger) = &self.debugger
            {
                match debugger.read(&mut part) {
                    Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                    Ok(len @ 1..) => self.pass_on_from_debugger(&part[..len]),
                    Ok(0) | Err(_) => self.debugger = None,
                }
            }
            let is_attached = self.debugger.is_some();
            self.is_attached.store(is_attached, Ordering::Relaxed);
        }
    }

    fn pass_on_from_machine(&mut self, bytes: &[u8]) {
        for part in self.session.from_machine.push(bytes) {
            let bytes = match part {
                Part::Other(bytes) => bytes,
                // The debugger is told that a program may begin a new image.
                Part::Packet { body, .. } if body.starts_with(b"PacketSize=") => {
                    framed(&[&body[..], b";exec-events+"].concat())
                }
                Part::Packet { raw, body } => {
                    if matches!(body.first(), Some(b'T' | b'S' | b'W' | b'X')) {
                        self.session.is_awaited = false;
                    }
                    raw
                }
            };
            self.tell(&bytes);
        }
    }

    fn pass_on_from_debugger(&mut self, bytes: &[u8]) {
        for part in self.session.from_debugger.push(bytes) {
            let raw = match part {
                Part::Other(bytes) => bytes,
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

    /// Notes what a packet of the debugger means, and answers it where the machine can't.
    fn answers(&mut self, body: &[u8]) -> bool {
        let session = &mut self.session;
        if body.starts_with(b"qSupported") {
            session.greeting = Some(body.to_vec());
        } else if body == b"QStartNoAckMode" {
            session.is_quiet = true;
        }
        let goes_on =
            matches!(body.first(), Some(b'c' | b's' | b'C' | b'S')) || body.starts_with(b"vCont;");
        let unheard = match goes_on {
            true => session.unheard.take(),
            false => None,
        };
        session.is_awaited |= goes_on;
        if let Some(image) = unheard {
            self.acknowledge();
            self.tell_new_image(&image);
            return true;
        }
        // The next machine's first stop is the answer to what lets the program go.
        if self.line.is_none() && !goes_on {
            self.refuse();
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

    /// Tells the debugger that the program has begun the image.
    fn tell_new_image(&mut self, image: &Path) {
        self.session.is_awaited = false;
        let image = hex(image.as_os_str().as_bytes());
        self.tell(&framed(format!("T05exec:{image};").as_bytes()));
    }

    fn tell(&mut self, bytes: &[u8]) {
        let is_gone = self
            .debugger
            .as_ref()
            .is_some_and(|debugger| debugger.write(bytes).is_err());
        if is_gone {
            self.debugger = None;
        }
    }

    /// Takes the last of the machines that have come.
    fn look_for_successor(&mut self) {
        let mut bytes = [0; 64];
        let is_over = self
            .woken
            .as_mut()
            .is_none_or(|woken| matches!(woken.read(&mut bytes), Ok(0) | Err(_)));
        let last = self.coming.try_iter().last();
        if is_over {
            self.woken = None;
        }
        let Some(Successor { line, image }) = last else {
            return;
        };
        self.session.from_machine = Splitter::default();
        let has_begun = self.debugger.is_some() && self.session.greeting.is_some();
        if has_begun && self.session.introduce(&line).is_err() {
            // A machine that does not answer is no use to a debugger.
            self.debugger = None;
        }
        self.line = Some(line);
        if self.debugger.is_some()
            && has_begun
            && let Some(image) = image
        {
            match self.session.is_awaited {
                true => self.tell_new_image(&image),
                false => self.session.unheard = Some(image),
            }
        }
    }

    fn wait(&self) -> io::Result<Ready> {
        wait(
            self.line.as_ref(),
            self.woken.as_ref(),
            &self.entrances,
            self.debugger.as_ref(),
        )
    }
}

impl Session {
    /// Begins the session with a machine that knows nothing of it, as the debugger began it with the one before.
    fn introduce(&self, mut line: &UnixStream) -> io::Result<()> {
        line.set_read_timeout(Some(INTRODUCTION_PATIENCE))?;
        let mut splitter = Splitter::default();
        let greeting = self.greeting.as_deref().unwrap_or(b"qSupported");
        let mut packets = vec![greeting];
        if self.is_quiet {
            packets.push(b"QStartNoAckMode");
        }
        packets.push(b"?");
        for (at, packet) in packets.iter().enumerate() {
            line.write_all(&framed(packet))?;
            ask(&mut line, &mut splitter)?;
            // The one that ends acknowledgments is acknowledged itself.
            if !self.is_quiet || at < 2 {
                line.write_all(b"+")?;
            }
        }
        line.set_read_timeout(None)
    }
}

/// Waits for the answer to a packet.
fn ask(line: &mut &UnixStream, splitter: &mut Splitter) -> io::Result<Vec<u8>> {
    let mut part = [0; PART_BYTES];
    loop {
        let len = line.read(&mut part)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for part in splitter.push(&part[..len]) {
            if let Part::Packet { body, .. } = part {
                return Ok(body);
            }
        }
    }
}

/// What a wait found.
#[derive(Default)]
struct Ready {
    line: bool,
    woken: bool,
    debugger: bool,
    /// The entrance that a debugger waits at.
    entrance: Option<usize>,
}

fn wait(
    line: Option<&UnixStream>,
    woken: Option<&UnixStream>,
    entrances: &[Entrance],
    debugger: Option<&Debugger>,
) -> io::Result<Ready> {
    let others = line.iter().chain(&woken).map(|stream| stream.as_fd());
    // The next debugger waits its turn.
    let debuggers: Vec<BorrowedFd<'_>> = match debugger {
        Some(debugger) => vec![debugger.descriptor()],
        None => entrances.iter().map(Entrance::descriptor).collect(),
    };
    let mut descriptors: Vec<PollFd<'_>> = others
        .chain(debuggers)
        .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut descriptors, None) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Ready::default()),
        Err(problem) => return Err(problem.into()),
    }
    let mut found = descriptors.iter().map(|found| !found.revents().is_empty());
    let mut next = |is_there: bool| is_there && found.next().unwrap_or(false);
    let mut ready = Ready {
        line: next(line.is_some()),
        woken: next(woken.is_some()),
        ..Ready::default()
    };
    match debugger {
        Some(_) => ready.debugger = next(true),
        None => ready.entrance = (0..entrances.len()).find(|_| next(true)),
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Duration;

    use super::{Entrance, Server, Successor};
    use crate::qemu::packets::framed;

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
        let server = Server::start(Some(line), entrances, false).unwrap();
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
    fn a_debugger_is_led_from_one_machine_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
        let (mut machine, line) = UnixStream::pair().unwrap();
        let server = Server::start(Some(line), entrances, true).unwrap();
        let mut debugger = UnixStream::connect(&path).unwrap();
        let patience = Some(Duration::from_secs(60));
        debugger.set_read_timeout(patience).unwrap();
        let pass = |from: &mut UnixStream, to: &mut UnixStream, body: &str, expected: &str| {
            from.write_all(&framed(body.as_bytes())).unwrap();
            let mut bytes = vec![0; expected.len() + 4];
            to.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            to.read_exact(&mut bytes).unwrap();
            assert_eq!(
                String::from_utf8(bytes[1..=expected.len()].to_vec()).unwrap(),
                expected
            );
        };
        pass(&mut debugger, &mut machine, "qSupported:a", "qSupported:a");
        let answer = "PacketSize=800;exec-events+";
        pass(&mut machine, &mut debugger, "PacketSize=800", answer);
        pass(
            &mut debugger,
            &mut machine,
            "QStartNoAckMode",
            "QStartNoAckMode",
        );
        pass(&mut machine, &mut debugger, "OK", "OK");
        pass(&mut debugger, &mut machine, "vCont;c:1", "vCont;c:1");
        assert!(server.is_attached());
        let (mut next, line) = UnixStream::pair().unwrap();
        let image = Some("/i".into());
        server.switch(Successor { line, image });
        drop(machine);
        for (asked, answer) in [
            ("$qSupported:a#", "PacketSize=800"),
            ("+$QStartNoAckMode#", "OK"),
            ("+$?#", "T05thread:1;"),
        ] {
            let mut bytes = vec![0; asked.len() + 2];
            next.read_exact(&mut bytes).unwrap();
            assert!(bytes.starts_with(asked.as_bytes()), "{bytes:?}");
            next.write_all(&framed(answer.as_bytes())).unwrap();
        }
        let mut bytes = [0; 17];
        debugger.read_exact(&mut bytes).unwrap();
        assert!(bytes.starts_with(b"$T05exec:2f69;#"), "{bytes:?}");
        pass(&mut debugger, &mut next, "g", "g");
        // The next one comes while the program stands still: the debugger hears of it when it lets that go.
        let (mut last, line) = UnixStream::pair().unwrap();
        let image = Some("/j".into());
        server.switch(Successor { line, image });
        for answer in ["PacketSize=800", "OK", "T05thread:1;"] {
            let mut byte = [0];
            while byte != *b"#" {
                last.read_exact(&mut byte).unwrap();
            }
            last.write_all(&framed(answer.as_bytes())).unwrap();
        }
        drop(next);
        let mut rest = [0; 2];
        last.read_exact(&mut rest).unwrap();
        pass(&mut debugger, &mut last, "m0,1", "m0,1");
        pass(&mut last, &mut debugger, "00", "00");
        debugger.write_all(&framed(b"vCont;c:1")).unwrap();
        debugger.read_exact(&mut bytes).unwrap();
        assert!(bytes.starts_with(b"$T05exec:2f6a;#"), "{bytes:?}");
        // Without a machine it is told so.
        drop(last);
        pass(
            &mut debugger.try_clone().unwrap(),
            &mut debugger,
            "g",
            "E01",
        );
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
