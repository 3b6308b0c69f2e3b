//! The part of the kernel that needs no machine: WASI, file systems and readers of what others wrote, so that their tests run on a host.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), forbid(unsafe_code))]
#![cfg_attr(test, deny(unsafe_code))]

extern crate alloc;
// Drivers, which are tried on made-up devices here, name the library from outside.
#[cfg(test)]
extern crate self as mewz_kernel;

// The debugger's stub is tried on a made-up machine here.
#[cfg(test)]
#[path = "arch/made_up.rs"]
mod arch;
#[path = "debug/breakpoints.rs"]
pub mod breakpoints;
#[cfg(test)]
#[path = "debug/mod.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod debug;
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
#[cfg(test)]
#[path = "memory/made_up.rs"]
#[allow(unsafe_code, reason = "memory is reached as on the machine")]
mod memory;
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

/// How much the tests try that make up their input.
#[cfg(test)]
mod fuzz {
    /// Rounds of such a test, of which there are `usual` by default: `MEWZ_KERNEL_FUZZ=N` makes N times as many.
    pub fn rounds(usual: u64) -> u64 {
        let factor = std::env::var("MEWZ_KERNEL_FUZZ").map_or(1, |factor| factor.parse().unwrap());
        usual * factor
    }
}
