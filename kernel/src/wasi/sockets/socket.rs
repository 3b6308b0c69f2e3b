//! What a descriptor of a socket stands for.

use alloc::rc::Rc;
use core::cell::RefCell;

use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint, Network, SocketId};
use crate::wasi::descriptor::{Descriptor, Object};
use crate::wasi::system::System;
use crate::wasi::types::rights;

/// The network, which every socket reaches.
pub type SharedNetwork = Rc<RefCell<Network>>;

/// Bytes that a socket of datagrams says it takes at once.
const DATAGRAM_BYTES: usize = 1472;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasi) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: IpAddress) -> Self {
        match address {
            IpAddress::Ipv4(_) => Family::V4,
            IpAddress::Ipv6(_) => Family::V6,
        }
    }

    pub(super) fn address_bytes(self) -> u32 {
        match self {
            Family::V4 => 4,
            Family::V6 => 16,
        }
    }

    pub(super) fn unspecified(self) -> IpAddress {
        match self {
            Family::V4 => IpAddress::v4(0, 0, 0, 0),
            Family::V6 => IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0),
        }
    }
}

/// What a socket has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasi) enum Kind {
    /// For a connection, neither made nor waited for. The address and port that it was bound to; port 0 is none.
    Idle(Option<IpAddress>, u16),
    Listener(SocketId),
    Stream(SocketId),
    /// For datagrams; open from the first use on. The other end, where it was connected to one.
    Datagrams(Option<SocketId>, Option<IpEndpoint>),
}

/// One end of a transfer: what receiving and sending need of a socket, so that they don't hold the table of descriptors
/// while they wait.
pub(in crate::wasi) struct End {
    pub(super) network: SharedNetwork,
    pub(super) id: SocketId,
    pub(super) is_of_datagrams: bool,
    /// Where datagrams go.
    pub(super) to: Option<IpEndpoint>,
    pub(super) nonblocking: bool,
    /// 0 is for ever.
    pub(super) timeout_ns: u64,
}

/// A socket; dropping it closes it.
pub(in crate::wasi) struct Socket {
    pub(in crate::wasi) network: SharedNetwork,
    pub(in crate::wasi) family: Family,
    pub(in crate::wasi) kind: Kind,
    /// How long receiving and sending may take, in nanoseconds; 0 is for ever.
    pub(super) receive_timeout_ns: u64,
    pub(super) send_timeout_ns: u64,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut network = self.network.borrow_mut();
        match self.kind {
            Kind::Idle(..) | Kind::Datagrams(None, _) => {}
            Kind::Listener(id) => network.close_listener(id),
            Kind::Stream(id) => network.close_connection(id),
            Kind::Datagrams(Some(id), _) => network.close_datagrams(id),
        }
    }
}

impl Socket {
    pub(in crate::wasi) fn new(network: SharedNetwork, family: Family, kind: Kind) -> Self {
        Self {
            network,
            family,
            kind,
            receive_timeout_ns: 0,
            send_timeout_ns: 0,
        }
    }

    /// A descriptor for it, with `flags` of `fdflags`.
    pub(in crate::wasi) fn into_descriptor(self, flags: u16) -> Descriptor {
        Descriptor {
            object: Object::Socket(self),
            rights: rights::SOCKET,
            inheriting: rights::SOCKET,
            flags,
        }
    }

    pub(in crate::wasi) fn is_stream(&self) -> bool {
        !matches!(self.kind, Kind::Datagrams(..))
    }

    /// Its end that receives.
    ///
    /// # Errors
    ///
    /// `Notconn` where it is no connection; those of opening a socket of datagrams.
    pub(in crate::wasi) fn receiver(&mut self, nonblocking: bool) -> Result<End, Errno> {
        self.end(nonblocking, self.receive_timeout_ns, None)
    }

    /// Its end that sends; datagrams go `to` there, or where it is connected to.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::receiver`]; `Destaddrreq` where datagrams have no way to go.
    pub(in crate::wasi) fn sender(
        &mut self,
        nonblocking: bool,
        to: Option<IpEndpoint>,
    ) -> Result<End, Errno> {
        let to = match self.kind {
            Kind::Datagrams(_, peer) => Some(to.or(peer).ok_or(Errno::Destaddrreq)?),
            _ => None,
        };
        self.end(nonblocking, self.send_timeout_ns, to)
    }

    fn end(
        &mut self,
        nonblocking: bool,
        timeout_ns: u64,
        to: Option<IpEndpoint>,
    ) -> Result<End, Errno> {
        let is_of_datagrams = !self.is_stream();
        Ok(End {
            id: if is_of_datagrams {
                self.datagrams()?
            } else {
                self.stream()?
            },
            network: self.network.clone(),
            is_of_datagrams,
            to,
            nonblocking,
            timeout_ns,
        })
    }

    /// The connection that it is.
    pub(super) fn stream(&self) -> Result<SocketId, Errno> {
        match self.kind {
            Kind::Stream(id) => Ok(id),
            Kind::Idle(..) | Kind::Listener(_) => Err(Errno::Notconn),
            Kind::Datagrams(..) => Err(Errno::Prototype),
        }
    }

    /// The socket of datagrams, opened where it was not.
    pub(super) fn datagrams(&mut self) -> Result<SocketId, Errno> {
        match self.kind {
            Kind::Datagrams(Some(id), _) => Ok(id),
            Kind::Datagrams(None, peer) => {
                let (id, _) = self.network.borrow_mut().open_datagrams(None, 0)?;
                self.kind = Kind::Datagrams(Some(id), peer);
                Ok(id)
            }
            _ => Err(Errno::Prototype),
        }
    }

    /// The end that is here and the one that is there, as far as there are any.
    pub(super) fn ends(&self) -> (IpEndpoint, Option<IpEndpoint>) {
        let network = self.network.borrow();
        let nowhere = self.family.unspecified();
        let here =
            |address: Option<IpAddress>, port| IpEndpoint::new(address.unwrap_or(nowhere), port);
        match self.kind {
            Kind::Idle(address, port) => (here(address, port), None),
            Kind::Listener(id) => {
                let (address, port) = network.listener_endpoint(id).unwrap_or((None, 0));
                (here(address, port), None)
            }
            Kind::Stream(id) => match network.ends(id) {
                Some((local, remote)) => (local, Some(remote)),
                None => (here(None, 0), None),
            },
            Kind::Datagrams(id, peer) => {
                let bound = id.and_then(|id| network.datagrams_endpoint(id));
                let (address, port) = bound.unwrap_or((None, 0));
                (here(address, port), peer)
            }
        }
    }

    /// Tells once that the application asks this listener for a connection.
    pub(in crate::wasi) fn attend(&self, system: &mut dyn System) {
        let Kind::Listener(id) = self.kind else {
            return;
        };
        let port = self.network.borrow_mut().attend(id);
        if let Some(port) = port {
            system.tell_listening(port);
        }
    }

    /// Whether the network can tell when it may have become ready. What it is by then it stays.
    pub(in crate::wasi) fn can_be_watched(&self) -> bool {
        !matches!(self.kind, Kind::Idle(..) | Kind::Datagrams(None, _))
    }

    /// Lets the network tell `number`, once, when it may have become ready.
    pub(in crate::wasi) fn watch(&self, number: u32) {
        let mut network = self.network.borrow_mut();
        match self.kind {
            Kind::Idle(..) | Kind::Datagrams(None, _) => {}
            Kind::Listener(id) => network.watch_listener(id, number),
            Kind::Stream(id) => network.watch_connection(id, number),
            Kind::Datagrams(Some(id), _) => network.watch_datagrams(id, number),
        }
    }

    /// Bytes that can be received, or connections accepted, and whether nothing more will come; `None` while it would wait.
    pub(in crate::wasi) fn readable(&self) -> Option<(usize, bool)> {
        let mut network = self.network.borrow_mut();
        match self.kind {
            Kind::Idle(..) | Kind::Datagrams(None, _) => None,
            Kind::Listener(id) => match network.acceptable(id) {
                0 => None,
                count => Some((count, false)),
            },
            Kind::Stream(id) => network.receivable(id),
            Kind::Datagrams(Some(id), _) => {
                let bytes = network.datagram_receivable(id)?;
                Some((bytes, false))
            }
        }
    }

    /// Bytes that can be sent, and whether nothing can ever again; `None` while it would wait.
    pub(in crate::wasi) fn writable(&self) -> Option<(usize, bool)> {
        let network = self.network.borrow();
        match self.kind {
            Kind::Idle(..) | Kind::Listener(_) => None,
            Kind::Stream(id) => network.sendable(id).map(|bytes| (bytes, bytes == 0)),
            Kind::Datagrams(None, _) => Some((DATAGRAM_BYTES, false)),
            Kind::Datagrams(Some(id), _) => network
                .is_datagram_sendable(id)
                .then_some((DATAGRAM_BYTES, false)),
        }
    }
}
