//! The line between a machine and a debugger: a socket to QEMU that lasts as long as the machine, and debuggers that come and
//! go on another.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

/// Bytes that are passed on at once.
const PART_BYTES: usize = 4096;

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

/// Passes bytes on between the machine's end of the line and one debugger at a time, until the machine ends. What the machine
/// says while no debugger is there is dropped.
pub fn serve(mut line: UnixStream, entrances: &[Entrance]) {
    let mut debugger: Option<Debugger> = None;
    let mut part = [0; PART_BYTES];
    loop {
        let Ok(ready) = wait(&line, entrances, debugger.as_ref()) else {
            return;
        };
        if ready.line {
            match line.read(&mut part) {
                Ok(0) => return,
                Ok(len) => {
                    let is_gone = debugger
                        .as_ref()
                        .is_some_and(|debugger| debugger.write(&part[..len]).is_err());
                    if is_gone {
                        debugger = None;
                    }
                }
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
        if let Some(entrance) = ready.entrance {
            debugger = entrances[entrance].accept().ok();
        } else if ready.debugger
            && let Some(there) = &debugger
        {
            match there.read(&mut part) {
                Ok(0) => debugger = None,
                Ok(len) if line.write_all(&part[..len]).is_err() => return,
                Ok(_) => {}
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => debugger = None,
            }
        }
    }
}

/// What a wait found.
#[derive(Default)]
struct Ready {
    line: bool,
    debugger: bool,
    /// The entrance that a debugger waits at.
    entrance: Option<usize>,
}

fn wait(
    line: &UnixStream,
    entrances: &[Entrance],
    debugger: Option<&Debugger>,
) -> io::Result<Ready> {
    let mut descriptors = vec![PollFd::new(line, PollFlags::IN)];
    match debugger {
        // The next one waits its turn.
        Some(debugger) => descriptors.push(PollFd::from_borrowed_fd(
            debugger.descriptor(),
            PollFlags::IN,
        )),
        None => descriptors.extend(
            entrances
                .iter()
                .map(|entrance| PollFd::from_borrowed_fd(entrance.descriptor(), PollFlags::IN)),
        ),
    }
    match rustix::event::poll(&mut descriptors, None) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Ready::default()),
        Err(problem) => return Err(problem.into()),
    }
    let is_ready = |at: usize| !descriptors[at].revents().is_empty();
    let mut others = 1..descriptors.len();
    Ok(match debugger {
        Some(_) => Ready {
            line: is_ready(0),
            debugger: is_ready(1),
            entrance: None,
        },
        None => Ready {
            line: is_ready(0),
            debugger: false,
            entrance: others.find(|at| is_ready(*at)).map(|at| at - 1),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::{Entrance, serve};

    #[test]
    fn debuggers_come_and_go_and_the_line_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let entrances = [
            Entrance::Unix(UnixListener::bind(&path).unwrap()),
            Entrance::Tcp(tcp),
        ];
        let (mut machine, line) = UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || serve(line, &entrances));
        // Nobody is there: dropped.
        machine.write_all(b"early").unwrap();
        for _ in 0..2 {
            let mut debugger = UnixStream::connect(&path).unwrap();
            talk(&mut machine, &mut debugger);
        }
        let mut debugger = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        talk(&mut machine, &mut debugger);
        drop(machine);
        assert_eq!(debugger.read(&mut [0]).unwrap(), 0);
        server.join().unwrap();
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
