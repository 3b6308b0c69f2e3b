//! The ports themselves: opened before anything starts, so that one that is in use is told in words.

use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use super::{ADDRESS, Published};
use crate::cli::failure::{Failure, STATUS_USAGE};
use crate::cli::values::PortPair;
use crate::cli::words;

/// Ports above one that is in use which are tried.
const NEIGHBOURS: u16 = 64;

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

fn not_opened(port: u16, is_udp: bool, problem: &io::Error) -> Failure {
    let failure = Failure::new(format!("port {port} of this host cannot be used"));
    match problem.kind() {
        io::ErrorKind::AddrInUse => {
            let failure = match holder(port, is_udp) {
                Some((id, name)) => {
                    failure.cause(format!("`{}` (process {id}) uses it", words::name(&name)))
                }
                None => failure.cause("another program uses it"),
            };
            let free = (port..=port.saturating_add(NEIGHBOURS))
                .find(|port| Socket::open(*port, is_udp).is_ok());
            match free {
                Some(free) => failure.hint(format!("port {free} is free; so is any with `auto`")),
                None => failure.hint("`auto` takes any that is free"),
            }
            .with_status(STATUS_USAGE)
        }
        io::ErrorKind::PermissionDenied => failure
            .cause(problem)
            .hint("ports below 1024 belong to the system: take a higher one"),
        _ => failure.cause(problem),
    }
}

/// The process that has `port`, as far as this user may know: its id and name.
fn holder(port: u16, is_udp: bool) -> Option<(u32, String)> {
    let (tables, state) = match is_udp {
        true => (["/proc/net/udp", "/proc/net/udp6"], UNCONNECTED),
        false => (["/proc/net/tcp", "/proc/net/tcp6"], LISTEN),
    };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| holders(&table, port, state))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.find_map(|id: u32| {
        let files = fs::read_dir(format!("/proc/{id}/fd")).ok()?;
        let is_it = |file: fs::DirEntry| {
            let to = fs::read_link(file.path()).unwrap_or_default();
            inodes.iter().any(|inode| to.as_os_str() == inode.as_str())
        };
        if !files.flatten().any(is_it) {
            return None;
        }
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        Some((id, name.trim().to_owned()))
    })
}

/// States of sockets in those tables. Source: proc_net_tcp.txt of the kernel.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// Inodes of the sockets that have `port` in `state`.
fn holders(table: &str, port: u16, state: &str) -> Vec<String> {
    let holder = |line: &str| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        let is_port = local.ends_with(&format!(":{port:04X}"));
        let is_state = words.nth(1)? == state;
        (is_port && is_state).then(|| words.nth(5).map(str::to_owned))?
    };
    table.lines().skip(1).filter_map(holder).collect()
}

#[cfg(test)]
mod tests {
    use super::{Socket, holder, open};
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
            let (id, _) = holder(port, is_udp).unwrap();
            assert_eq!(id, std::process::id());
            let failure = open(&[pair(Some(port))]).unwrap_err();
            let words = failure.text();
            assert!(words.contains(&format!("process {id}")), "{words}");
            assert!(words.contains("is free"), "{words}");
            assert_eq!(failure.status(), 2);
            assert_ne!(open(&[pair(None)]).unwrap()[0].published.host, 0);
        }
    }
}
