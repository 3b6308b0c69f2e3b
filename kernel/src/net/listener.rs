//! Listeners: connections are made when someone asks for one, as many as the backlog allows.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use smoltcp::socket::tcp;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use super::network::{Network, SocketId};
use super::stream::{Connection, Phase};
use super::watch::Watch;
use crate::fs::errno::Errno;

/// Longest queue of connections that nobody has accepted.
const BACKLOG_MAX: usize = 4096;

/// A port that connections can be made to.
pub(super) struct Listener {
    /// The address that it is reached by; `None` is every one.
    pub(super) address: Option<IpAddress>,
    pub(super) port: u16,
    backlog: usize,
    /// Connections that are not complete.
    pub(super) half_open: usize,
    /// Connections that can be accepted, the oldest first.
    pub(super) ready: VecDeque<SocketId>,
    /// The application has asked for a connection.
    is_attended: bool,
    pub(super) watch: Watch,
}

impl Network {
    /// Listens on `port`, or on one that is chosen where that is 0; returns the socket and its port.
    ///
    /// # Errors
    ///
    /// `Addrinuse`, `Addrnotavail`, `Nobufs`.
    pub fn listen(
        &mut self,
        address: Option<IpAddress>,
        port: u16,
        backlog: usize,
    ) -> Result<(SocketId, u16), Errno> {
        if let Some(address) = address
            && !self.interface.has_ip_addr(address)
        {
            return Err(Errno::Addrnotavail);
        }
        let is_free = |network: &Self, port| {
            let mut listeners = network.listeners.values();
            !listeners.any(|other| {
                let overlaps = match (other.address, address) {
                    (Some(one), Some(two)) => one == two,
                    _ => true,
                };
                other.port == port && overlaps
            })
        };
        let port = match port {
            0 => self.choose_port(is_free).ok_or(Errno::Addrinuse)?,
            port if is_free(self, port) => port,
            _ => return Err(Errno::Addrinuse),
        };
        let id = self.new_id();
        let listener = Listener {
            address,
            port,
            backlog: backlog.clamp(1, BACKLOG_MAX),
            half_open: 0,
            ready: VecDeque::new(),
            is_attended: false,
            watch: Watch::default(),
        };
        self.listeners.insert(id, listener)?;
        Ok((id, port))
    }

    /// Changes how many connections may wait.
    pub fn set_backlog(&mut self, listener: SocketId, backlog: usize) {
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.backlog = backlog.clamp(1, BACKLOG_MAX);
        }
    }

    /// The address that it is reached by, `None` for every one, and its port.
    #[must_use]
    pub fn listener_endpoint(&self, listener: SocketId) -> Option<(Option<IpAddress>, u16)> {
        let listener = self.listeners.get(listener)?;
        Some((listener.address, listener.port))
    }

    /// Connections that can be accepted.
    #[must_use]
    pub fn acceptable(&self, listener: SocketId) -> usize {
        self.listeners
            .get(listener)
            .map_or(0, |listener| listener.ready.len())
    }

    /// Notes that the application asks for a connection; the port, where it is the first time.
    pub fn attend(&mut self, listener: SocketId) -> Option<u16> {
        let listener = self.listeners.get_mut(listener)?;
        let was_attended = core::mem::replace(&mut listener.is_attended, true);
        (!was_attended).then_some(listener.port)
    }

    /// Takes the oldest connection that is complete.
    pub fn accept(&mut self, listener: SocketId) -> Option<SocketId> {
        let id = self.listeners.get_mut(listener)?.ready.pop_front()?;
        if let Some(connection) = self.connections.get_mut(id) {
            connection.listener = None;
        }
        Some(id)
    }

    /// Ends a listener and the connections that nobody has accepted.
    pub fn close_listener(&mut self, listener: SocketId) {
        self.listeners.remove(listener);
        let waiting = |connection: &&mut Box<Connection>| connection.listener == Some(listener);
        for connection in self.connections.values_mut().filter(waiting) {
            connection.listener = None;
            connection.is_orphan = true;
            connection.socket_mut().abort();
            connection.touch(&mut self.touched);
        }
    }

    /// Makes a connection for someone who asks for one; `None` where nobody listens.
    ///
    /// # Errors
    ///
    /// `Again`: too many wait, or memory is short.
    pub(super) fn begin_accepting(
        &mut self,
        local: IpEndpoint,
        remote: IpEndpoint,
    ) -> Result<Option<SocketId>, Errno> {
        let found = self.listeners.iter_mut().find(|(_, listener)| {
            listener.port == local.port
                && listener.address.is_none_or(|address| address == local.addr)
        });
        let Some((listener_id, listener)) = found else {
            return Ok(None);
        };
        if listener.half_open + listener.ready.len() >= listener.backlog {
            return Err(Errno::Again);
        }
        let mut connection = self.new_connection(Phase::Passive).ok_or(Errno::Again)?;
        let endpoint = IpListenEndpoint {
            addr: Some(local.addr),
            port: local.port,
        };
        let listening: Result<(), tcp::ListenError> = connection.socket_mut().listen(endpoint);
        if listening.is_err() {
            self.budget_bytes += 2 * connection.buffer_bytes;
            return Err(Errno::Again);
        }
        connection.listener = Some(listener_id);
        let id = connection.id;
        self.insert(connection, (local, remote))
            .map_err(|_| Errno::Again)?;
        if let Some(listener) = self.listeners.get_mut(listener_id) {
            listener.half_open += 1;
        }
        Ok(Some(id))
    }
}
