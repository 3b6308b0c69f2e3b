//! A client of 9P2000.L, the protocol by which QEMU shows host folders to its guest.
//!
//! Sources: <https://github.com/chaos/diod/blob/master/protocol.md> for the messages, Linux's `include/net/9p/9p.h` for
//! the numbers. Replies are taken as hostile: lengths, counts and types are checked, nothing in them can make us panic.

mod attributes;
mod errors;
mod fid;
mod file;
mod nameless;
mod node;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

use alloc::boxed::Box;
use alloc::rc::Rc;

use super::channel::Channel;
use super::errno::Errno;
use super::node::Node;

/// Settings of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Refuse every change with `Rofs`, before the server is asked.
    pub read_only: bool,
    /// Names the file system among all that are mounted: [`Node::file_system`].
    pub number: u64,
}

/// Opens a session on `channel` and returns the root of what its server shows.
///
/// # Errors
///
/// `Notsup` if the server does not speak 9P2000.L, `Io` if it does not answer or answers nonsense, else what it says.
pub fn mount(channel: Box<dyn Channel>, options: MountOptions) -> Result<Rc<dyn Node>, Errno> {
    node::attach(session::Session::open(channel, options)?)
}
