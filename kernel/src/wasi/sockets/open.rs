//! Making sockets: opening, binding, listening, accepting, connecting, and ending them.

use super::socket::{Kind, Socket};
use super::waiting::Waiting;
use super::{address, poll, wait};
use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint, Progress, SocketId};
use crate::wasi::buffers::store_u32;
use crate::wasi::descriptor::{Descriptor, Object};
use crate::wasi::types::{fdflags, rights};
use crate::wasi::{Context, Wasi};

/// Types of sockets, in WasmEdge's numbers.
const ANY: u32 = 0;
const DATAGRAM: u32 = 1;
const STREAM: u32 = 2;

/// Directions of `sock_shutdown`.
const READ: u32 = 1;
const WRITE: u32 = 2;

/// Length of a queue that nobody named.
const BACKLOG_DEFAULT: usize = 1024;

/// How long a connection may wait for the card to get an address.
const CONFIGURATION_NS: u64 = 10_000_000_000;

impl Wasi {
    pub(in crate::wasi) fn sock_open(
        &mut self,
        context: &mut Context<'_>,
        family: u32,
        kind: u32,
        opened: u32,
    ) -> Result<(), Errno> {
        context.memory.check(opened, 4)?;
        let family = address::family(family)?;
        let kind = match kind {
            ANY | STREAM => Kind::Idle(None, 0),
            DATAGRAM => Kind::Datagrams(None, None),
            _ => return Err(Errno::Inval),
        };
        let network = self.network_of(context)?;
        let descriptor = Socket::new(network, family, kind).into_descriptor(0);
        let fd = self.descriptors.insert(descriptor)?;
        store_u32(context.memory, opened, fd)
    }

    pub(in crate::wasi) fn sock_bind(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let address = address::read(context.memory, to)?;
        let port = address::port(port)?;
        let socket = self.socket(fd, 0)?.1;
        let address = Some(address).filter(|address| !address.is_unspecified());
        match socket.kind {
            Kind::Idle(_, 0) => socket.kind = Kind::Idle(address, port),
            Kind::Datagrams(None, peer) => {
                let (id, port) = socket.network.borrow_mut().open_datagrams(address, port)?;
                socket.kind = Kind::Datagrams(Some(id), peer);
                context.system.tell_listening(port);
            }
            _ => return Err(Errno::Inval),
        }
        Ok(())
    }

    pub(in crate::wasi) fn sock_listen(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        backlog: u32,
    ) -> Result<(), Errno> {
        let socket = self.socket(fd, 0)?.1;
        let backlog = usize::try_from(backlog).unwrap_or(0);
        let mut network = socket.network.borrow_mut();
        let listening = match socket.kind {
            Kind::Idle(address, port) => network.listen(address, port, backlog)?.0,
            Kind::Listener(id) => {
                network.set_backlog(id, backlog);
                id
            }
            Kind::Stream(_) => return Err(Errno::Inval),
            Kind::Datagrams(..) => return Err(Errno::Notsup),
        };
        drop(network);
        socket.kind = Kind::Listener(listening);
        Ok(())
    }

    pub(in crate::wasi) fn sock_accept(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        flags: u32,
        accepted: u32,
    ) -> Result<(), Errno> {
        context.memory.check(accepted, 4)?;
        let flags = u16::try_from(flags).map_err(|_| Errno::Inval)?;
        if flags & !fdflags::NONBLOCK != 0 {
            return Err(Errno::Inval);
        }
        self.descriptors.check_room()?;
        let (nonblocking, socket) = self.socket(fd, rights::SOCK_ACCEPT)?;
        let Kind::Listener(listener) = socket.kind else {
            return Err(Errno::Inval);
        };
        socket.attend(context.system);
        let (network, family) = (socket.network.clone(), socket.family);
        let mut waiting = Waiting::new(self, nonblocking, 0);
        let id = loop {
            let found = network.borrow_mut().accept(listener);
            match found {
                Some(id) => break id,
                None => waiting.pause(context, &network)?,
            }
        };
        let socket = Socket::new(network, family, Kind::Stream(id));
        let fd = self.descriptors.insert(socket.into_descriptor(flags))?;
        store_u32(context.memory, accepted, fd)
    }

    pub(in crate::wasi) fn sock_accept_wasmedge(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        accepted: u32,
    ) -> Result<(), Errno> {
        self.sock_accept(context, fd, 0, accepted)
    }

    pub(in crate::wasi) fn sock_connect(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let to = IpEndpoint::new(address::read(context.memory, to)?, address::port(port)?);
        let (nonblocking, socket) = self.socket(fd, 0)?;
        let network = socket.network.clone();
        poll(context, &network);
        let id = match socket.kind {
            Kind::Datagrams(id, _) => {
                socket.kind = Kind::Datagrams(id, Some(to));
                return Ok(());
            }
            Kind::Listener(_) => return Err(Errno::Isconn),
            Kind::Stream(id) => {
                let progress = network.borrow_mut().progress(id);
                return Err(match progress {
                    Progress::Waiting => Errno::Already,
                    Progress::Open => Errno::Isconn,
                    Progress::Failed(errno) => errno,
                });
            }
            Kind::Idle(_, port) => {
                let end_ns = context
                    .system
                    .monotonic_ns()
                    .saturating_add(CONFIGURATION_NS);
                while !network.borrow().is_configured(to.addr)
                    && context.system.monotonic_ns() < end_ns
                {
                    wait(self, context, &network, Some(end_ns));
                }
                network.borrow_mut().connect(port, to)?
            }
        };
        self.socket(fd, 0)?.1.kind = Kind::Stream(id);
        poll(context, &network);
        loop {
            let progress = network.borrow_mut().progress(id);
            match progress {
                Progress::Open => return Ok(()),
                Progress::Failed(errno) => return Err(errno),
                Progress::Waiting if nonblocking => return Err(Errno::Inprogress),
                Progress::Waiting => wait(self, context, &network, None),
            }
        }
    }

    pub(in crate::wasi) fn sock_shutdown(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        how: u32,
    ) -> Result<(), Errno> {
        let socket = self.socket(fd, rights::SOCK_SHUTDOWN)?.1;
        if how == 0 || how & !(READ | WRITE) != 0 {
            return Err(Errno::Inval);
        }
        // Libraries shut listeners down when they drop them.
        if let Kind::Listener(_) = socket.kind {
            return Ok(());
        }
        let id = socket.stream()?;
        let network = socket.network.clone();
        poll(context, &network);
        let done = network
            .borrow_mut()
            .shut_down(id, how & READ != 0, how & WRITE != 0);
        poll(context, &network);
        done
    }

    /// The socket `fd`, if it has the right `needed`, and whether its calls may not wait.
    pub(super) fn socket(&mut self, fd: u32, needed: u64) -> Result<(bool, &mut Socket), Errno> {
        let descriptor: &mut Descriptor = self.descriptors.get(fd)?;
        let nonblocking = descriptor.has_flag(fdflags::NONBLOCK);
        if !matches!(descriptor.object, Object::Socket(_)) {
            return Err(Errno::Notsock);
        }
        descriptor.need(needed)?;
        match &mut descriptor.object {
            Object::Socket(socket) => Ok((nonblocking, socket)),
            _ => Err(Errno::Notsock),
        }
    }
}

/// A listener on `port` that the application finds open; its address is every one.
///
/// # Errors
///
/// `Addrinuse`.
pub(in crate::wasi) fn listener(
    network: &super::SharedNetwork,
    port: u16,
) -> Result<Descriptor, Errno> {
    let every: Option<IpAddress> = None;
    let (id, _): (SocketId, u16) = network.borrow_mut().listen(every, port, BACKLOG_DEFAULT)?;
    let socket = Socket::new(network.clone(), super::Family::V4, Kind::Listener(id));
    Ok(socket.into_descriptor(0))
}
