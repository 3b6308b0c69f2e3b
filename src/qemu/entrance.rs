//! Where debuggers come from, and the wait for what they and the machine say.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// Where debuggers come from.
#[derive(Debug)]
pub enum Entrance {
    /// A socket file.
    Unix(UnixListener),
    /// A port.
    Tcp(TcpListener),
}

impl Entrance {
    pub(super) fn accept(&self) -> io::Result<Debugger> {
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

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Entrance::Unix(listener) => listener.as_fd(),
            Entrance::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// A debugger's end of the line.
pub(super) enum Debugger {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Debugger {
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Debugger::Unix(stream) => stream.as_fd(),
            Debugger::Tcp(stream) => stream.as_fd(),
        }
    }

    pub(super) fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Debugger::Unix(stream) => { stream }.read(out),
            Debugger::Tcp(stream) => { stream }.read(out),
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Debugger::Unix(stream) => { stream }.write_all(bytes),
            Debugger::Tcp(stream) => { stream }.write_all(bytes),
        }
    }
}

/// What a wait found.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) line: bool,
    pub(super) woken: bool,
    pub(super) debugger: bool,
    /// The entrance that a debugger waits at.
    pub(super) entrance: Option<usize>,
}

/// Waits until one of them has something to say, or the time is over, if there is an end to it.
pub(super) fn wait(
    line: Option<&UnixStream>,
    woken: &UnixStream,
    entrances: &[Entrance],
    debugger: Option<&Debugger>,
    timeout: Option<&Timespec>,
) -> io::Result<Ready> {
    let others = line.into_iter().chain([woken]).map(AsFd::as_fd);
    // The next debugger waits its turn.
    let debuggers: Vec<BorrowedFd<'_>> = match debugger {
        Some(debugger) => vec![debugger.descriptor()],
        None => entrances.iter().map(Entrance::descriptor).collect(),
    };
    let mut descriptors: Vec<PollFd<'_>> = others
        .chain(debuggers)
        .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut descriptors, timeout) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Ready::default()),
        Err(problem) => return Err(problem.into()),
    }
    let mut found = descriptors.iter().map(|found| !found.revents().is_empty());
    let mut next = |is_there: bool| is_there && found.next().unwrap_or(false);
    let mut ready = Ready {
        line: next(line.is_some()),
        woken: next(true),
        ..Ready::default()
    };
    match debugger {
        Some(_) => ready.debugger = next(true),
        None => ready.entrance = (0..entrances.len()).find(|_| next(true)),
    }
    Ok(ready)
}
