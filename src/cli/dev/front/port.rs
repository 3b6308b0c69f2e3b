//! The ports themselves: opened before anything starts, so that one that is in use is told in words.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use super::{ADDRESS, Published};
use crate::cli::failure::Failure;
use crate::cli::taken_port::not_opened;
use crate::cli::values::PortPair;

/// A port of this host, and the port of the program that it leads to.
#[derive(Debug)]
pub(crate) struct FrontPort {
    socket: Socket,
    /// How it is told.
    pub(crate) published: Published,
}

/// What is open there.
#[derive(Debug)]
enum Socket {
    Streams(TcpListener),
    Datagrams(UdpSocket),
}

impl Socket {
    fn open(port: u16, is_udp: bool) -> io::Result<Self> {
        Ok(if is_udp {
            Socket::Datagrams(UdpSocket::bind((ADDRESS, port))?)
        } else {
            Socket::Streams(TcpListener::bind((ADDRESS, port))?)
        })
    }

    fn port(&self) -> io::Result<u16> {
        let address = match self {
            Socket::Streams(listener) => listener.local_addr(),
            Socket::Datagrams(socket) => socket.local_addr(),
        };
        Ok(address?.port())
    }
}

impl FrontPort {
    pub(super) fn listener(&self) -> Option<&TcpListener> {
        match &self.socket {
            Socket::Streams(listener) => Some(listener),
            Socket::Datagrams(_) => None,
        }
    }

    pub(super) fn datagrams(&self) -> Option<&UdpSocket> {
        match &self.socket {
            Socket::Streams(_) => None,
            Socket::Datagrams(socket) => Some(socket),
        }
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match &self.socket {
            Socket::Streams(listener) => listener.set_nonblocking(true),
            Socket::Datagrams(socket) => socket.set_nonblocking(true),
        }
    }
}

impl AsFd for FrontPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Streams(listener) => listener.as_fd(),
            Socket::Datagrams(socket) => socket.as_fd(),
        }
    }
}

/// Opens the ports of `pairs`.
pub(crate) fn open(pairs: &[PortPair]) -> Result<Vec<FrontPort>, Failure> {
    let opened = pairs.iter().map(|pair| {
        let wanted = pair.host.unwrap_or(0);
        let failed = |problem: io::Error| not_opened(wanted, pair.is_udp, &problem);
        let socket = Socket::open(wanted, pair.is_udp).map_err(failed)?;
        let published = Published {
            host: socket.port().map_err(failed)?,
            guest: pair.guest,
            is_udp: pair.is_udp,
        };
        Ok(FrontPort { socket, published })
    });
    opened.collect()
}

#[cfg(test)]
mod tests {
    use super::{Socket, open};
    use crate::cli::values::PortPair;

    #[test]
    fn who_holds_a_port_is_known() {
        for is_udp in [false, true] {
            let pair = |host| PortPair {
                host,
                guest: 80,
                is_udp,
            };
            let taken = Socket::open(0, is_udp).unwrap();
            let port = taken.port().unwrap();
            let id = std::process::id();
            let failure = open(&[pair(Some(port))]).unwrap_err();
            let words = failure.text();
            assert!(words.contains(&format!("process {id}")), "{words}");
            assert!(words.contains("is free"), "{words}");
            assert_eq!(failure.status(), 2);
            assert_ne!(open(&[pair(None)]).unwrap()[0].published.host, 0);
        }
    }
}
