//! Options of sockets, in WasmEdge's numbers.

use super::poll;
use super::socket::{Kind, Socket};
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;
use crate::wasi::buffers::{read_bytes, store_u32};
use crate::wasi::{Context, Wasi};

/// The one level of options.
const SOCKET: u32 = 0;

mod name {
    pub(super) const REUSEADDR: u32 = 0;
    pub(super) const TYPE: u32 = 1;
    pub(super) const ERROR: u32 = 2;
    pub(super) const DONTROUTE: u32 = 3;
    pub(super) const BROADCAST: u32 = 4;
    pub(super) const SNDBUF: u32 = 5;
    pub(super) const RCVBUF: u32 = 6;
    pub(super) const KEEPALIVE: u32 = 7;
    pub(super) const OOBINLINE: u32 = 8;
    pub(super) const LINGER: u32 = 9;
    pub(super) const RCVLOWAT: u32 = 10;
    pub(super) const RCVTIMEO: u32 = 11;
    pub(super) const SNDTIMEO: u32 = 12;
    pub(super) const ACCEPTCONN: u32 = 13;
}

/// Bytes of a span of time: seconds (i64), microseconds (i64).
const SPAN_BYTES: u32 = 16;
const SECOND_NS: u64 = 1_000_000_000;

/// Types as `TYPE` tells them.
const DATAGRAM: u32 = 1;
const STREAM: u32 = 2;

impl Wasi {
    pub(in crate::wasi) fn sock_getsockopt(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        level: u32,
        option: u32,
        value: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let socket = self.socket(fd, 0)?.1;
        if level != SOCKET {
            return Err(Errno::Noprotoopt);
        }
        let mut room = [0; 4];
        context.memory.read(len, &mut room)?;
        let room = u32::from_le_bytes(room);
        let wanted = match option {
            name::RCVTIMEO | name::SNDTIMEO => SPAN_BYTES,
            _ => 4,
        };
        if room < wanted {
            return Err(Errno::Inval);
        }
        context.memory.check(value, wanted)?;
        poll(context, &socket.network);
        let number = match option {
            name::TYPE if socket.is_stream() => STREAM,
            name::TYPE => DATAGRAM,
            name::ERROR => error(socket).map_or(0, |errno| errno.number().into()),
            name::ACCEPTCONN => matches!(socket.kind, Kind::Listener(_)).into(),
            name::REUSEADDR => 1,
            name::SNDBUF | name::RCVBUF => 64 << 10,
            name::RCVLOWAT => 1,
            name::DONTROUTE
            | name::BROADCAST
            | name::KEEPALIVE
            | name::OOBINLINE
            | name::LINGER => 0,
            name::RCVTIMEO => {
                return store_span(context.memory, (value, len), socket.receive_timeout_ns);
            }
            name::SNDTIMEO => {
                return store_span(context.memory, (value, len), socket.send_timeout_ns);
            }
            _ => return Err(Errno::Noprotoopt),
        };
        store_u32(context.memory, value, number)?;
        store_u32(context.memory, len, wanted)
    }

    pub(in crate::wasi) fn sock_setsockopt(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        level: u32,
        option: u32,
        value: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let socket = self.socket(fd, 0)?.1;
        if level != SOCKET {
            return Err(Errno::Noprotoopt);
        }
        match option {
            name::RCVTIMEO => socket.receive_timeout_ns = span(context.memory, value, len)?,
            name::SNDTIMEO => socket.send_timeout_ns = span(context.memory, value, len)?,
            // Hints that nothing here depends on: an address can be used again at once, buffers grow with memory.
            name::REUSEADDR
            | name::BROADCAST
            | name::SNDBUF
            | name::RCVBUF
            | name::KEEPALIVE
            | name::OOBINLINE
            | name::LINGER
            | name::DONTROUTE
            | name::RCVLOWAT => {
                context.memory.check(value, len)?;
            }
            _ => return Err(Errno::Noprotoopt),
        }
        Ok(())
    }
}

/// Takes why the socket failed.
fn error(socket: &Socket) -> Option<Errno> {
    let Kind::Stream(id) = socket.kind else {
        return None;
    };
    socket.network.borrow_mut().take_error(id)
}

fn span(memory: &dyn GuestMemory, at: u32, len: u32) -> Result<u64, Errno> {
    if len != SPAN_BYTES {
        return Err(Errno::Inval);
    }
    let bytes = read_bytes(memory, at, len, SPAN_BYTES)?;
    let word = |at: usize| {
        bytes[at..]
            .first_chunk()
            .map_or(0, |word| i64::from_le_bytes(*word))
    };
    let [seconds, micros] = [word(0), word(8)].map(u64::try_from);
    let (Ok(seconds), Ok(micros)) = (seconds, micros) else {
        return Err(Errno::Inval);
    };
    let ns = seconds.saturating_mul(SECOND_NS);
    Ok(ns.saturating_add(micros.saturating_mul(1000)))
}

fn store_span(
    memory: &mut dyn GuestMemory,
    (value, len): (u32, u32),
    ns: u64,
) -> Result<(), Errno> {
    let mut bytes = [0; SPAN_BYTES as usize];
    bytes[..8].copy_from_slice(&(ns / SECOND_NS).to_le_bytes());
    bytes[8..].copy_from_slice(&(ns % SECOND_NS / 1000).to_le_bytes());
    memory.write(value, &bytes)?;
    store_u32(memory, len, SPAN_BYTES)
}
