//! The part of the kernel that needs no machine: WASI, file systems and readers of what others wrote, so that their tests run on a host.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[path = "debug/breakpoints.rs"]
pub mod breakpoints;
#[path = "memory/frames.rs"]
pub mod frames;
pub mod fs;
#[path = "memory/guest.rs"]
pub mod guest;
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
