//! Bytes in and out of sockets.

use super::socket::{End, Family};
use super::waiting::Waiting;
use super::{SharedNetwork, address, poll};
use crate::fs::errno::Errno;
use crate::net::{IpEndpoint, Received, SocketId};
use crate::wasi::buffers::{Ranges, Scatter, stage, store_u32};
use crate::wasi::types::rights;
use crate::wasi::{Context, Wasi};

/// Flags of receiving.
const PEEK: u32 = 1;
const WAITALL: u32 = 2;
/// Flag of what was received: there was more of the datagram.
const TRUNCATED: u16 = 1;

/// What is taken out at once that the other end should know of: half of the largest buffer.
const WINDOW_BYTES: usize = 32 << 10;

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
        let (nonblocking, socket) = self.socket(fd, rights::FD_READ)?;
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(received, 4)?;
        context.memory.check(received_flags, 2)?;
        if let Some(port) = port {
            context.memory.check(port, 4)?;
        }
        if let Some(from) = from {
            // What has been received can't be given back.
            let peer = socket.ends().1;
            let family = peer.map_or(socket.family, |peer| Family::of(peer.addr));
            address::check_room(context.memory, from, family.address_bytes())?;
        }
        let end = socket.receiver(nonblocking)?;
        let (bytes, out_flags, peer) = receive(self, context, &end, &ranges, flags)?;
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
        let (nonblocking, socket) = self.socket(fd, rights::FD_WRITE)?;
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(sent, 4)?;
        let end = socket.sender(nonblocking, to)?;
        let bytes = send(self, context, &end, &ranges)?;
        store_u32(context.memory, sent, bytes)
    }
}

/// Receives into `ranges`.
///
/// # Errors
///
/// `Again` where nothing is there and it may not wait, or waited long enough; else why the connection failed.
pub(in crate::wasi) fn receive(
    wasi: &Wasi,
    context: &mut Context<'_>,
    end: &End,
    ranges: &Ranges,
    flags: u32,
) -> Result<Arrived, Errno> {
    let network = &end.network;
    let mut waiting = Waiting::new(wasi, end.nonblocking, end.timeout_ns);
    let peek = flags & PEEK != 0;
    let id = end.id;
    if end.is_of_datagrams {
        let mut stage = stage(ranges.bytes.max(1))?;
        loop {
            let arrived = network.borrow_mut().receive_datagram(id, &mut stage, peek);
            if let Some((count, len, from)) = arrived {
                let count = count.min(ranges.bytes);
                Scatter::new(ranges).store(context.memory, &stage[..count])?;
                let flags = if len > count { TRUNCATED } else { 0 };
                return Ok((count as u32, flags, Some(from)));
            }
            waiting.pause(context, network)?;
        }
    }
    if ranges.bytes == 0 {
        return Ok((0, 0, None));
    }
    let wants_all = flags & WAITALL != 0 && !peek;
    let mut scatter = Scatter::new(ranges);
    let mut done = 0;
    loop {
        let received = if peek {
            peek_at(context, network, id, ranges)
        } else {
            let mut stored = Ok(());
            let mut store = |bytes: &[u8]| {
                if stored.is_ok() {
                    stored = scatter.store(context.memory, bytes);
                }
            };
            let room = ranges.bytes - done;
            let received = network.borrow_mut().receive_into(id, room, &mut store);
            stored?;
            received
        };
        match received {
            Ok(Received::Bytes(count)) => {
                done += count;
                if done == ranges.bytes || !wants_all {
                    break;
                }
            }
            Ok(Received::End) => break,
            Ok(Received::Nothing) => match waiting.pause(context, network) {
                Err(Errno::Again) if done > 0 => break,
                paused => paused?,
            },
            Err(errno) if done > 0 => {
                network.borrow_mut().keep_error(id, errno);
                break;
            }
            Err(errno) => return Err(errno),
        }
    }
    // Where much was taken out the other end may send more; else that is told with what is sent next.
    if done >= WINDOW_BYTES {
        poll(context, network);
    }
    let peer = network.borrow().ends(id).map(|(_, remote)| remote);
    Ok((done as u32, 0, peer))
}

/// Stores what is there without taking it out.
fn peek_at(
    context: &mut Context<'_>,
    network: &SharedNetwork,
    id: SocketId,
    ranges: &Ranges,
) -> Result<Received, Errno> {
    let mut stage = stage(ranges.bytes)?;
    let received = network.borrow_mut().receive(id, &mut stage, true)?;
    if let Received::Bytes(count) = received {
        Scatter::new(ranges).store(context.memory, &stage[..count])?;
    }
    Ok(received)
}

/// Sends the bytes of `ranges`, where it may wait all of them; returns how many.
///
/// # Errors
///
/// `Again` where there is no room and it may not wait, or waited long enough; else why the connection failed.
pub(in crate::wasi) fn send(
    wasi: &Wasi,
    context: &mut Context<'_>,
    end: &End,
    ranges: &Ranges,
) -> Result<u32, Errno> {
    let network = &end.network;
    let mut waiting = Waiting::new(wasi, end.nonblocking, end.timeout_ns);
    let id = end.id;
    if end.is_of_datagrams {
        let to = end.to.ok_or(Errno::Destaddrreq)?;
        let mut stage = stage(ranges.bytes)?;
        if stage.len() < ranges.bytes {
            return Err(Errno::Msgsize);
        }
        ranges.gather(context.memory, 0, &mut stage)?;
        while !network.borrow_mut().send_datagram(id, &stage, to)? {
            waiting.pause(context, network)?;
        }
        poll(context, network);
        return Ok(ranges.bytes as u32);
    }
    let mut done = 0;
    while done < ranges.bytes {
        let mut gathered = Ok(());
        let mut at = done;
        let mut fill = |room: &mut [u8]| match ranges.gather(context.memory, at, room) {
            Ok(count) => at += count,
            Err(errno) => gathered = Err(errno),
        };
        let left = ranges.bytes - done;
        let sent = network.borrow_mut().send_from(id, left, &mut fill);
        gathered?;
        let step = match sent {
            Ok(0) => waiting.pause(context, network),
            Ok(count) => {
                done += count;
                // It leaves at once.
                poll(context, network);
                Ok(())
            }
            Err(errno) => Err(errno),
        };
        match step {
            Ok(()) => {}
            Err(errno) if done > 0 => {
                network.borrow_mut().keep_error(id, errno);
                break;
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(done as u32)
}
