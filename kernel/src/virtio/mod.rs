//! Devices of the machine monitor: the console, the ways to host folders, disks and network cards.

#[cfg(feature = "disks")]
pub(crate) mod block;
mod buffers;
pub(crate) mod console;
pub(crate) mod find;
pub(crate) mod hal;
pub(crate) mod net;
pub(crate) mod ninep;
pub(crate) mod pci;
pub(crate) mod wait;
