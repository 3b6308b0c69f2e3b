//! The part of the kernel that needs no machine: WASI, file systems and readers of what others wrote, so that their tests run on a host.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), forbid(unsafe_code))]
#![cfg_attr(test, deny(unsafe_code))]

extern crate alloc;
// Drivers, which are tried on made-up devices here, name the library from outside.
#[cfg(test)]
extern crate self as mewz_kernel;

#[path = "debug/breakpoints.rs"]
pub mod breakpoints;
#[path = "memory/frames.rs"]
pub mod frames;
pub mod fs;
#[path = "memory/guest.rs"]
pub mod guest;
#[cfg(test)]
#[path = "virtio/hostile/mod.rs"]
#[allow(unsafe_code, reason = "a device reaches the memory that it is lent")]
mod hostile;
#[path = "virtio/inbox.rs"]
pub mod inbox;
pub mod net;
#[path = "debug/packets.rs"]
pub mod packets;
#[path = "entry/settings.rs"]
pub mod settings;
#[path = "memory/walk.rs"]
pub mod walk;
pub mod wasi;
#[path = "memory/zeros.rs"]
pub mod zeros;
