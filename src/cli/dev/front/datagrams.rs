//! Datagrams: each client has a socket of its own towards a machine, so that what comes back finds its way.
//!
//! A client's next datagram goes to the machines that serve now; what older ones still answer reaches it too.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventData, EventFlags};

use super::ADDRESS;
use super::port::FrontPort;

/// Clients that are known at a time; the one that was silent for longest makes room.
const SESSIONS_MAX: usize = 1024;

/// A client that was silent for so long is forgotten.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// So long an old machine is kept for an answer.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// No datagram is larger. Source: RFC 768, the length field.
const DATAGRAM_BYTES_MAX: usize = 1 << 16;

/// Datagrams that are moved before others have their turn.
const BURST: usize = 64;

/// All clients that sent datagrams.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    sessions: HashMap<u64, Session>,
    /// The newest session of a client at a port.
    newest: HashMap<(usize, SocketAddr), u64>,
    next_id: u64,
}

/// A client and a machine.
#[derive(Debug)]
struct Session {
    port: usize,
    client: SocketAddr,
    /// Connected to the machine.
    machine: UdpSocket,
    crew: u64,
    /// When a datagram passed last.
    moved_at: Instant,
    /// When the client asked, and was not answered since.
    asked_at: Option<Instant>,
}

/// Where a new client's datagrams go: the machines' number and the address.
pub(super) type Route = (u64, SocketAddrV4);

impl Datagrams {
    /// Passes on what clients send to `ports[port]`. `route` tells where to; without one, datagrams are lost. Answers are
    /// told by `poll` under `numbers` and the session's own.
    pub(super) fn pass_up(
        &mut self,
        ports: &[FrontPort],
        port: usize,
        (poll, numbers): (&OwnedFd, u64),
        mut route: impl FnMut() -> Option<Route>,
    ) {
        let Some(socket) = ports.get(port).and_then(FrontPort::datagrams) else {
            return;
        };
        let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
        for _ in 0..BURST {
            let Ok((len, client)) = socket.recv_from(&mut bytes) else {
                return;
            };
            let Some(route) = route() else { continue };
            let Ok(session) = self.session((port, client), route, poll, numbers) else {
                continue;
            };
            session.moved_at = Instant::now();
            session.asked_at = Some(session.moved_at);
            // Lost datagrams are lost: the client knows that they may be.
            let _ = session.machine.send(&bytes[..len]);
        }
    }

    /// Passes on what a machine answers.
    pub(super) fn pass_down(&mut self, ports: &[FrontPort], id: u64) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(socket) = ports.get(session.port).and_then(FrontPort::datagrams) else {
            return;
        };
        let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
        for _ in 0..BURST {
            // A machine that is gone is an error, told once.
            let Ok(len) = session.machine.recv(&mut bytes) else {
                return;
            };
            session.moved_at = Instant::now();
            session.asked_at = None;
            let _ = socket.send_to(&bytes[..len], session.client);
        }
    }

    /// Machines that may still answer.
    pub(super) fn awaited(&self) -> HashSet<u64> {
        let is_awaited = |session: &&Session| {
            session
                .asked_at
                .is_some_and(|asked| asked.elapsed() < ANSWER_MAX)
        };
        let awaited = self.sessions.values().filter(is_awaited);
        awaited.map(|session| session.crew).collect()
    }

    /// Forgets the clients of the machines `crew`.
    pub(super) fn end(&mut self, crew: u64) {
        self.forget(|session| session.crew == crew);
    }

    /// Forgets clients that are silent.
    pub(super) fn sweep(&mut self) {
        self.forget(|session| session.moved_at.elapsed() > SILENCE_MAX);
    }

    fn forget(&mut self, is_over: impl Fn(&Session) -> bool) {
        self.sessions.retain(|_, session| !is_over(session));
        let sessions = &self.sessions;
        self.newest.retain(|_, id| sessions.contains_key(id));
    }

    fn session(
        &mut self,
        key: (usize, SocketAddr),
        (crew, address): Route,
        poll: &OwnedFd,
        numbers: u64,
    ) -> io::Result<&mut Session> {
        let known = self.newest.get(&key).copied();
        let known = known.filter(|id| {
            self.sessions
                .get(id)
                .is_some_and(|known| known.crew == crew)
        });
        let id = match known {
            Some(id) => id,
            None => {
                self.make_room();
                // QEMU answers nobody on this host but this address.
                let machine = UdpSocket::bind((ADDRESS, 0))?;
                machine.connect(address)?;
                machine.set_nonblocking(true)?;
                let id = self.next_id;
                self.next_id += 1;
                epoll::add(
                    poll,
                    &machine,
                    EventData::new_u64(numbers + id),
                    EventFlags::IN,
                )?;
                let session = Session {
                    port: key.0,
                    client: key.1,
                    machine,
                    crew,
                    moved_at: Instant::now(),
                    asked_at: None,
                };
                self.sessions.insert(id, session);
                self.newest.insert(key, id);
                id
            }
        };
        self.sessions
            .get_mut(&id)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn make_room(&mut self) {
        if self.sessions.len() < SESSIONS_MAX {
            return;
        }
        let oldest = self.sessions.values().map(|session| session.moved_at).min();
        self.forget(|session| Some(session.moved_at) == oldest);
    }
}
