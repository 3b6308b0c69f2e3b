//! Longer queues in front of forwarded ports.
//!
//! QEMU's user network listens with room for one connection that it has not taken yet (`listen(s, 1)` in libslirp). Of many
//! who connect at once Linux drops all but two, who try again after one, two, four seconds: 200 took 97 s. The length of a
//! queue can be set again, by whoever has the socket; a parent may take its child's (`pidfd_getfd`, Linux 5.6). Where that is
//! forbidden, as in some containers, the queue stays short.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::sockopt::socket_acceptconn;
use rustix::process::PidfdGetfdFlags;

/// Connections that may wait until QEMU takes them. Linux lowers it to `net.core.somaxconn`, 4096 by default.
const CONNECTIONS: i32 = 4096;

/// Makes room in front of the TCP `ports` of 127.0.0.1 that the child `pid`, which has not been waited for, listens on.
pub(super) fn lengthen(child: BorrowedFd<'_>, pid: u32, ports: &[u16]) {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return;
    };
    for entry in entries.flatten() {
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let (true, Some(number)) = (is_socket, number)
            && let Ok(socket) =
                rustix::process::pidfd_getfd(child, number, PidfdGetfdFlags::empty())
            && is_listener(&socket, ports)
        {
            // Where it fails the queue stays short.
            let _ = rustix::net::listen(&socket, CONNECTIONS);
        }
    }
}

fn is_listener(socket: &OwnedFd, ports: &[u16]) -> bool {
    let address = rustix::net::getsockname(socket)
        .ok()
        .and_then(|address| SocketAddr::try_from(address).ok());
    let is_forwarded =
        |address: SocketAddr| address.ip().is_loopback() && ports.contains(&address.port());
    address.is_some_and(is_forwarded) && socket_acceptconn(socket).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};
    use std::os::fd::AsFd as _;

    use rustix::net::{AddressFamily, SocketType};
    use rustix::process::{PidfdFlags, getpid, pidfd_open};

    use super::lengthen;

    #[test]
    fn more_may_wait() {
        let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        rustix::net::bind(&listener, &any).unwrap();
        rustix::net::listen(&listener, 1).unwrap();
        let address = rustix::net::getsockname(&listener).unwrap();
        let address = SocketAddr::try_from(address).unwrap();
        let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
        lengthen(this.as_fd(), std::process::id(), &[address.port()]);
        // With the queue of 1 the third would wait for a second and more.
        let begun = std::time::Instant::now();
        let waiting: Vec<_> = (0..100)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        assert_eq!(waiting.len(), 100);
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }
}
