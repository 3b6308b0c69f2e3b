//! mewz: compiles WebAssembly ahead of time, links it with a small kernel and boots the result under QEMU.
#![forbid(unsafe_code)]

pub mod cli;
pub mod compile;
pub mod link;
pub mod qemu;
pub mod relocatable;
