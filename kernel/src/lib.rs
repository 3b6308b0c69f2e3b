//! The part of the kernel that needs no machine: WASI and file systems, so that their tests run on a host.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod fs;
#[path = "memory/guest.rs"]
pub mod guest;
pub mod wasi;
