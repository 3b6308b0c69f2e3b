//! The unikernel: boots, brings up its devices, calls the application and answers it.
#![no_std]
#![no_main]

extern crate alloc;

mod arch;
#[cfg(feature = "debugger")]
mod debug;
mod entry;
mod memory;
mod virtio;
