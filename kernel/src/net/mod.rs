//! The network: one card, TCP, UDP and name resolution over IPv4 and IPv6.
//!
//! The stack is smoltcp's. Each socket is kept in a set of its own, and frames are looked at before the stack takes them:
//! so a frame costs the same whether there is one connection or a thousand, a listener needs memory only for connections
//! that someone asked for, and timers are kept in order of their time.
#![forbid(unsafe_code)]

mod card;
mod checksum;
mod datagram;
mod frame;
mod listener;
mod network;
mod resolve;
mod router;
mod segments;
mod settings;
mod sorted;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod watch;
#[cfg(any(test, feature = "debugger"))]
pub(crate) mod wire;

pub use card::{Card, FRAME_BYTES_MAX};
pub use network::{Network, SocketId};
pub use resolve::Answer;
pub use settings::{AddressConfig, Settings};
pub use smoltcp::wire::{IpAddress, IpEndpoint};
pub use stream::{Progress, Received};
