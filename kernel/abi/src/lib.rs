//! What the compiler, the linker, the kernel and the command line agree on: names, addresses, layouts and codes.
//!
//! No dependency, no allocation, no unsafe code: both a `no_std` kernel and a host program use it.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod address;
pub mod application;
pub mod config;
pub mod exception;
pub mod exit;
pub mod observe;
pub mod pack;
pub mod record;
pub mod symbol;
pub mod trap;
