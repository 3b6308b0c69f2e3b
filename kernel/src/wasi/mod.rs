//! The functions of WASI preview 1.
#![forbid(unsafe_code)]
#![allow(
    clippy::too_many_arguments,
    reason = "a call has the parameters that preview 1 gives it"
)]

mod buffers;
mod clocks;
mod describe;
mod descriptor;
mod directories;
pub mod exports;
mod files;
mod interest;
mod path;
mod paths;
mod poll;
mod process;
#[cfg(any(test, feature = "debugger"))]
pub mod rehearsal;
mod sockets;
pub mod system;
#[cfg(test)]
mod tests;
pub mod trace;
mod types;

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::fs::errno::Errno;
use crate::fs::node::Node;
use crate::guest::GuestMemory;
use descriptor::{Descriptor, Object, Table};
pub use sockets::SharedNetwork;
use system::{Stream, System};
use types::rights;

/// What a call reaches beyond WASI's own state: the application's memory and the machine.
pub struct Context<'a> {
    /// Linear memory 0.
    pub memory: &'a mut dyn GuestMemory,
    /// Clocks, console, entropy, end.
    pub system: &'a mut dyn System,
}

/// A folder that the application finds open, from descriptor 3 on in order.
pub struct Mount {
    /// Its path as the application sees it.
    pub path: Vec<u8>,
    /// The folder.
    pub root: Rc<dyn Node>,
}

/// What the application is started with.
#[derive(Default)]
pub struct Settings {
    /// Its arguments, the program's name first; none holds a NUL.
    pub arguments: Vec<Vec<u8>>,
    /// Its environment, `NAME=value` each; none holds a NUL.
    pub environment: Vec<Vec<u8>>,
    /// Its folders.
    pub mounts: Vec<Mount>,
    /// Whether standard input, output and error are a terminal on the host: `isatty` in the application.
    pub terminals: [bool; 3],
    /// The network, where the machine has a card.
    pub network: Option<SharedNetwork>,
    /// Ports that the application finds listeners for, from descriptor 3 on, in front of its folders.
    pub listeners: Vec<u16>,
}

/// All that WASI knows of the application.
pub struct Wasi {
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    terminals: [bool; 3],
    descriptors: Table,
    network: Option<SharedNetwork>,
    /// What was waited for last.
    interest: interest::Interest,
    /// The application wanted a network, and the log says that there is none.
    has_told_of_network: bool,
}

impl Wasi {
    /// The state of an application that has not run yet.
    ///
    /// # Errors
    ///
    /// `Mfile` or `Nomem` where the mounts are too many; `Netdown` or `Addrinuse` where a listener can't be had.
    pub fn new(settings: Settings) -> Result<Self, Errno> {
        let mut descriptors = Table::default();
        let standard = |object, rights| Descriptor {
            object,
            rights,
            inheriting: 0,
            flags: 0,
        };
        descriptors.insert(standard(Object::Stdin, rights::INPUT))?;
        for stream in [Stream::Stdout, Stream::Stderr] {
            descriptors.insert(standard(Object::Output(stream), rights::OUTPUT))?;
        }
        for port in settings.listeners {
            let network = settings.network.as_ref().ok_or(Errno::Netdown)?;
            descriptors.insert(sockets::listener(network, port)?)?;
        }
        for mount in settings.mounts {
            descriptors.insert(Descriptor::preopen(mount.root, mount.path))?;
        }
        Ok(Self {
            arguments: settings.arguments,
            environment: settings.environment,
            terminals: settings.terminals,
            descriptors,
            network: settings.network,
            interest: interest::Interest::default(),
            has_told_of_network: false,
        })
    }
}
