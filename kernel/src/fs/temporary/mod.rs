//! Files that live in the machine's memory and are gone with it: what Linux calls tmpfs.
//!
//! Behaviour, errors included, is that of Linux. All of it counts against a limit, so that files can't take what the kernel
//! and the application need; beyond the limit, and where memory is short, the answer is `Nospc`.

mod content;
mod directory;
mod file;
mod node;
mod store;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::rc::Rc;

use super::node::Node;

/// Settings of a file system in memory.
pub struct TemporaryOptions {
    /// Names the file system among all that are mounted: [`Node::file_system`].
    pub number: u64,
    /// Most bytes that content, names and what is kept about them may take.
    pub bytes_max: u64,
    /// Nanoseconds since 1970.
    pub clock: Box<dyn Fn() -> u64>,
}

/// Makes an empty file system; returns its root.
#[must_use]
pub fn mount(options: TemporaryOptions) -> Rc<dyn Node> {
    node::Inode::root(Rc::new(store::Store::new(options)))
}
