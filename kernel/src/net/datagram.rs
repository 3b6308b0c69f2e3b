//! Sockets of datagrams: UDP.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{self, PacketBuffer, PacketMetadata, RecvError, SendError, UdpMetadata};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use super::network::{Network, SocketId, send_all, set_of};
use super::sorted::SortedMap;
use super::watch::{Watch, Woken};
use crate::fs::errno::Errno;

/// Datagrams that a socket holds, each way.
const DATAGRAMS_MAX: usize = 64;

/// Bytes of the longest datagram that fits in a frame, over IPv4: RFC 768 and RFC 791 headers taken off 1500 bytes.
const DATAGRAM_BYTES_MAX: usize = 1472;

struct Datagram {
    set: SocketSet<'static>,
    handle: SocketHandle,
    buffer_bytes: usize,
    watch: Watch,
}

impl Datagram {
    fn socket(&self) -> &udp::Socket<'static> {
        self.set.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut udp::Socket<'static> {
        self.set.get_mut(self.handle)
    }
}

/// Sockets of datagrams.
#[derive(Default)]
pub(super) struct Datagrams {
    sockets: SortedMap<SocketId, Datagram>,
    ports: SortedMap<u16, SocketId>,
    /// Those that have something to send, and when: in microseconds.
    sending: SortedMap<SocketId, i64>,
}

impl Datagrams {
    /// The set of the socket on `port`, for a datagram that came; tells who watches.
    pub(super) fn of_port(
        &mut self,
        port: u16,
        woken: &mut Woken,
    ) -> Option<&mut SocketSet<'static>> {
        let id = *self.ports.get(port)?;
        let datagram = self.sockets.get_mut(id)?;
        datagram.watch.tell(woken);
        Some(&mut datagram.set)
    }

    /// Who watches a socket.
    pub(super) fn watch(&mut self, id: SocketId) -> Option<&mut Watch> {
        Some(&mut self.sockets.get_mut(id)?.watch)
    }

    /// When the next of them has something to send, in microseconds.
    pub(super) fn due(&self) -> Option<i64> {
        self.sending.values().min().copied()
    }

    /// Lets those that wait for a place on the link try again.
    pub(super) fn hurry(&mut self) {
        self.sending.values_mut().for_each(|due| *due = 0);
    }
}

impl Network {
    /// A socket for datagrams on `port`, or on one that is chosen where that is 0; returns the socket and its port.
    ///
    /// # Errors
    ///
    /// `Addrinuse`, `Addrnotavail`, `Nobufs`.
    pub fn open_datagrams(
        &mut self,
        address: Option<IpAddress>,
        port: u16,
    ) -> Result<(SocketId, u16), Errno> {
        if let Some(address) = address
            && !self.interface.has_ip_addr(address)
        {
            return Err(Errno::Addrnotavail);
        }
        let is_free = |network: &Self, port| !network.datagrams.ports.contains(port);
        let port = match port {
            0 => self.choose_port(is_free).ok_or(Errno::Addrinuse)?,
            port if is_free(self, port) => port,
            _ => return Err(Errno::Addrinuse),
        };
        let (buffer_bytes, [receive, send]) = self.take_buffers().ok_or(Errno::Nobufs)?;
        let metadata = || alloc::vec![PacketMetadata::EMPTY; DATAGRAMS_MAX];
        let mut socket = udp::Socket::new(
            PacketBuffer::new(metadata(), receive),
            PacketBuffer::new(metadata(), send),
        );
        let endpoint = IpListenEndpoint {
            addr: address,
            port,
        };
        if socket.bind(endpoint).is_err() {
            self.budget_bytes += 2 * buffer_bytes;
            return Err(Errno::Addrnotavail);
        }
        let (set, handle) = set_of(socket);
        let id = self.new_id();
        let datagram = Datagram {
            set,
            handle,
            buffer_bytes,
            watch: Watch::default(),
        };
        let inserted = self.datagrams.ports.insert(port, id);
        let inserted = inserted.and_then(|()| self.datagrams.sockets.insert(id, datagram));
        if inserted.is_err() {
            self.datagrams.ports.remove(port);
            self.budget_bytes += 2 * buffer_bytes;
        }
        inserted.map(|()| (id, port))
    }

    /// The port that it is on, and its address if it is bound to one.
    #[must_use]
    pub fn datagrams_endpoint(&self, id: SocketId) -> Option<(Option<IpAddress>, u16)> {
        let endpoint = self.datagrams.sockets.get(id)?.socket().endpoint();
        Some((endpoint.addr, endpoint.port))
    }

    /// Sends `bytes` as one datagram; `false` while there is no room.
    ///
    /// # Errors
    ///
    /// `Msgsize`: it does not fit in a frame; `Netunreach`; `Nobufs`.
    pub fn send_datagram(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        to: IpEndpoint,
    ) -> Result<bool, Errno> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(Errno::Msgsize);
        }
        if to.addr.is_unspecified() {
            return Err(Errno::Addrnotavail);
        }
        let source = self.interface.get_source_address(&to.addr);
        // Who is on no link and behind no way out would be waited for for ever, and so what is sent after this.
        let is_lost = to.addr.is_unicast() && !self.is_reachable(to.addr);
        if is_lost || source.is_none_or(|source| source.is_unspecified()) {
            return Err(Errno::Netunreach);
        }
        let datagram = self.datagrams.sockets.get_mut(id).ok_or(Errno::Badf)?;
        // First, as it may fail: one that has nothing to send is taken off the list again.
        self.datagrams.sending.insert(id, 0)?;
        match datagram.socket_mut().send_slice(bytes, to) {
            Ok(()) => Ok(true),
            Err(SendError::BufferFull) => Ok(false),
            Err(SendError::Unaddressable) => Err(Errno::Addrnotavail),
        }
    }

    /// Receives the oldest datagram into `out`: what of it fits, its length, and who sent it; with `peek` it stays.
    /// `None` where there is none.
    pub fn receive_datagram(
        &mut self,
        id: SocketId,
        out: &mut [u8],
        peek: bool,
    ) -> Option<(usize, usize, IpEndpoint)> {
        let socket = self.datagrams.sockets.get_mut(id)?.socket_mut();
        let (bytes, metadata): (&[u8], UdpMetadata) = if peek {
            let (bytes, metadata) = socket.peek().ok()?;
            (bytes, *metadata)
        } else {
            let received: Result<_, RecvError> = socket.recv();
            received.ok()?
        };
        let count = bytes.len().min(out.len());
        out[..count].copy_from_slice(&bytes[..count]);
        Some((count, bytes.len(), metadata.endpoint))
    }

    /// Bytes of the oldest datagram, if there is one.
    pub fn datagram_receivable(&mut self, id: SocketId) -> Option<usize> {
        let socket = self.datagrams.sockets.get_mut(id)?.socket_mut();
        socket.peek().ok().map(|(bytes, _)| bytes.len())
    }

    /// Whether a datagram can be sent at once.
    #[must_use]
    pub fn is_datagram_sendable(&self, id: SocketId) -> bool {
        let datagram = self.datagrams.sockets.get(id);
        datagram.is_some_and(|datagram| datagram.socket().can_send())
    }

    /// Ends the socket; what was not sent yet is lost.
    pub fn close_datagrams(&mut self, id: SocketId) {
        if let Some(datagram) = self.datagrams.sockets.remove(id) {
            self.budget_bytes += 2 * datagram.buffer_bytes;
        }
        self.datagrams.ports.retain(|_, other| *other != id);
        self.datagrams.sending.remove(id);
    }

    /// Sends the datagrams that are due; tells whether there were any.
    pub(super) fn serve_datagrams(&mut self, now: Instant) -> bool {
        if self
            .datagrams
            .due()
            .is_none_or(|due| due > now.total_micros())
        {
            return false;
        }
        let Datagrams {
            sockets, sending, ..
        } = &mut self.datagrams;
        sending.retain(|id, due| {
            let Some(datagram) = sockets.get_mut(id) else {
                return false;
            };
            let sent = send_all(&mut self.interface, &mut *self.card, &mut datagram.set, now);
            // Where the card is full, or someone's place on the link is looked for, it is tried again.
            *due = sent.due.map_or(0, |next| next.total_micros());
            datagram.watch.tell(&mut self.woken);
            sent.due.is_some()
        });
        true
    }
}
