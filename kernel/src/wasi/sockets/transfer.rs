//! Bytes in and out of sockets.

use alloc::vec::Vec;

use super::socket::{Kind, Socket};
use super::{address, wait};
use crate::fs::errno::Errno;
use crate::net::{IpEndpoint, Received, SocketId};
use crate::wasi::buffers::{Ranges, Scatter, store_u32};
use crate::wasi::descriptor::Object;
use crate::wasi::types::{fdflags, rights};
use crate::wasi::{Context, Wasi};

/// Most bytes that are moved at once.
const STAGE_BYTES_MAX: usize = 64 << 10;

/// Flags of receiving.
const PEEK: u32 = 1;
const WAITALL: u32 = 2;
/// Flag of what was received: there was more of the datagram.
const TRUNCATED: u16 = 1;

/// What was received: bytes, flags, who sent it.
type Arrived = (u32, u16, Option<IpEndpoint>);

impl Wasi {
    pub(in crate::wasi) fn sock_recv(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        flags: u32,
        received: u32,
        received_flags: u32,
    ) -> Result<(), Errno> {
        let results = (received, received_flags);
        self.receive_to(context, fd, (iovecs, count), flags, results, None, None)
    }

    pub(in crate::wasi) fn sock_recv_from(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        from: u32,
        flags: u32,
        received: u32,
        received_flags: u32,
    ) -> Result<(), Errno> {
        let results = (received, received_flags);
        self.receive_to(
            context,
            fd,
            (iovecs, count),
            flags,
            results,
            Some(from),
            None,
        )
    }

    pub(in crate::wasi) fn sock_recv_from_v2(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        from: u32,
        flags: u32,
        port: u32,
        received: u32,
        received_flags: u32,
    ) -> Result<(), Errno> {
        let results = (received, received_flags);
        let ranges = (iovecs, count);
        self.receive_to(context, fd, ranges, flags, results, Some(from), Some(port))
    }

    pub(in crate::wasi) fn sock_send(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        flags: u32,
        sent: u32,
    ) -> Result<(), Errno> {
        self.send_from(context, fd, (iovecs, count), flags, None, sent)
    }

    pub(in crate::wasi) fn sock_send_to(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        to: u32,
        port: u32,
        flags: u32,
        sent: u32,
    ) -> Result<(), Errno> {
        let to = IpEndpoint::new(address::read(context.memory, to)?, address::port(port)?);
        self.send_from(context, fd, (iovecs, count), flags, Some(to), sent)
    }

    /// Receives into the application's ranges, and stores how many bytes came, their flags, and where it is wanted who sent
    /// them: the address, the port.
    fn receive_to(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        (iovecs, count): (u32, u32),
        flags: u32,
        (received, received_flags): (u32, u32),
        from: Option<u32>,
        port: Option<u32>,
    ) -> Result<(), Errno> {
        if flags & !(PEEK | WAITALL) != 0 {
            return Err(Errno::Inval);
        }
        let descriptor = self.descriptors.with(fd, rights::FD_READ)?;
        let nonblocking = descriptor.has_flag(fdflags::NONBLOCK);
        let Object::Socket(socket) = &mut descriptor.object else {
            return Err(Errno::Notsock);
        };
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(received, 4)?;
        context.memory.check(received_flags, 2)?;
        for (at, bytes) in [(from, 8), (port, 4)] {
            if let Some(at) = at {
                context.memory.check(at, bytes)?;
            }
        }
        let (bytes, out_flags, peer) = receive(context, socket, &ranges, flags, nonblocking)?;
        if let Some(peer) = peer {
            if let Some(from) = from {
                address::store(context.memory, from, peer.addr)?;
            }
            if let Some(port) = port {
                store_u32(context.memory, port, peer.port.into())?;
            }
        }
        let out_flags = out_flags.to_le_bytes();
        context.memory.write(received_flags, &out_flags)?;
        store_u32(context.memory, received, bytes)
    }

    fn send_from(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        (iovecs, count): (u32, u32),
        flags: u32,
        to: Option<IpEndpoint>,
        sent: u32,
    ) -> Result<(), Errno> {
        if flags != 0 {
            return Err(Errno::Inval);
        }
        let descriptor = self.descriptors.with(fd, rights::FD_WRITE)?;
        let nonblocking = descriptor.has_flag(fdflags::NONBLOCK);
        let Object::Socket(socket) = &mut descriptor.object else {
            return Err(Errno::Notsock);
        };
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(sent, 4)?;
        let bytes = send(context, socket, &ranges, to, nonblocking)?;
        store_u32(context.memory, sent, bytes)
    }
}

/// Receives into `ranges`.
///
/// # Errors
///
/// `Again` where nothing is there and it may not wait, or waited long enough; else why the connection failed.
pub(in crate::wasi) fn receive(
    context: &mut Context<'_>,
    socket: &mut Socket,
    ranges: &Ranges,
    flags: u32,
    nonblocking: bool,
) -> Result<Arrived, Errno> {
    let network = socket.network.clone();
    let deadline_ns = deadline(context, socket.receive_timeout_ns);
    network.borrow_mut().poll(context.system.monotonic_ns());
    let peek = flags & PEEK != 0;
    if !socket.is_stream() {
        let id = socket.datagrams()?;
        let mut stage = stage(ranges.bytes.max(1))?;
        loop {
            let arrived = network.borrow_mut().receive_datagram(id, &mut stage, peek);
            if let Some((count, len, from)) = arrived {
                let count = count.min(ranges.bytes);
                Scatter::new(ranges).store(context.memory, &stage[..count])?;
                let flags = if len > count { TRUNCATED } else { 0 };
                return Ok((count as u32, flags, Some(from)));
            }
            pause(context, socket, nonblocking, deadline_ns)?;
        }
    }
    let id = socket.stream()?;
    if ranges.bytes == 0 {
        return Ok((0, 0, None));
    }
    let wants_all = flags & WAITALL != 0 && !peek;
    let mut stage = stage(ranges.bytes)?;
    let mut scatter = Scatter::new(ranges);
    let mut done = 0;
    loop {
        let room = stage.len().min(ranges.bytes - done);
        let received = network.borrow_mut().receive(id, &mut stage[..room], peek);
        match received {
            Ok(Received::Bytes(count)) => {
                scatter.store(context.memory, &stage[..count])?;
                done += count;
                if done == ranges.bytes || peek || (!wants_all && count < room) {
                    break;
                }
            }
            Ok(Received::End) => break,
            Ok(Received::Nothing) if done > 0 && !wants_all => break,
            Ok(Received::Nothing) => match pause(context, socket, nonblocking, deadline_ns) {
                Err(Errno::Again) if done > 0 => break,
                paused => paused?,
            },
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    // What was taken out may let the other end send more.
    network.borrow_mut().poll(context.system.monotonic_ns());
    let peer = network.borrow().ends(id).map(|(_, remote)| remote);
    Ok((done as u32, 0, peer))
}

/// Sends the bytes of `ranges`, where it may wait all of them; returns how many.
///
/// # Errors
///
/// `Again` where there is no room and it may not wait, or waited long enough; else why the connection failed.
pub(in crate::wasi) fn send(
    context: &mut Context<'_>,
    socket: &mut Socket,
    ranges: &Ranges,
    to: Option<IpEndpoint>,
    nonblocking: bool,
) -> Result<u32, Errno> {
    let network = socket.network.clone();
    let deadline_ns = deadline(context, socket.send_timeout_ns);
    network.borrow_mut().poll(context.system.monotonic_ns());
    if let Kind::Datagrams(_, peer) = socket.kind {
        let to = to.or(peer).ok_or(Errno::Destaddrreq)?;
        let id = socket.datagrams()?;
        let mut stage = stage(ranges.bytes)?;
        if stage.len() < ranges.bytes {
            return Err(Errno::Msgsize);
        }
        ranges.gather(context.memory, 0, &mut stage)?;
        while !network.borrow_mut().send_datagram(id, &stage, to)? {
            pause(context, socket, nonblocking, deadline_ns)?;
        }
        network.borrow_mut().poll(context.system.monotonic_ns());
        return Ok(ranges.bytes as u32);
    }
    let id = socket.stream()?;
    let mut stage = stage(ranges.bytes)?;
    let mut done = 0;
    while done < ranges.bytes {
        let count = ranges.gather(context.memory, done, &mut stage)?;
        match send_some(
            context,
            socket,
            id,
            &stage[..count],
            nonblocking,
            deadline_ns,
        ) {
            Ok(sent) => done += sent,
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(done as u32)
}

/// Sends what fits of `bytes`, at least one, and lets it go out.
fn send_some(
    context: &mut Context<'_>,
    socket: &Socket,
    id: SocketId,
    bytes: &[u8],
    nonblocking: bool,
    deadline_ns: Option<u64>,
) -> Result<usize, Errno> {
    loop {
        let sent = socket.network.borrow_mut().send(id, bytes)?;
        if sent > 0 {
            let now_ns = context.system.monotonic_ns();
            socket.network.borrow_mut().poll(now_ns);
            return Ok(sent);
        }
        pause(context, socket, nonblocking, deadline_ns)?;
    }
}

/// Waits for something to come, where that is allowed.
fn pause(
    context: &mut Context<'_>,
    socket: &Socket,
    nonblocking: bool,
    deadline_ns: Option<u64>,
) -> Result<(), Errno> {
    let is_late = deadline_ns.is_some_and(|deadline| deadline <= context.system.monotonic_ns());
    if nonblocking || is_late {
        return Err(Errno::Again);
    }
    wait(context, &socket.network, deadline_ns);
    Ok(())
}

fn deadline(context: &Context<'_>, timeout_ns: u64) -> Option<u64> {
    (timeout_ns > 0).then(|| context.system.monotonic_ns().saturating_add(timeout_ns))
}

fn stage(bytes: usize) -> Result<Vec<u8>, Errno> {
    let bytes = bytes.min(STAGE_BYTES_MAX);
    let mut stage = Vec::new();
    stage.try_reserve_exact(bytes).map_err(|_| Errno::Nomem)?;
    stage.resize(bytes, 0);
    Ok(stage)
}
