//! The functions of WASI preview 1.
#![forbid(unsafe_code)]

pub mod exports;
mod sockets;
pub mod system;

use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::fs::node::Node;
use crate::guest::GuestMemory;
use system::System;

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
}

/// All that WASI knows of the application.
pub struct Wasi {
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    /// Calls that were answered with ENOSYS and told to the log.
    told: BTreeSet<&'static str>,
}

impl Wasi {
    /// The state of an application that has not run yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            arguments: settings.arguments,
            environment: settings.environment,
            told: BTreeSet::new(),
        }
    }
}
