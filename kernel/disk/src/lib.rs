//! Files on a disk that outlive the machine: redoxfs over a device of blocks, in the order that makes it crash-safe.
//!
//! The kernel mounts it on virtio-blk, the command line on an image's file. Every change is one transaction, or none: after
//! a power cut the disk holds what some first part of the changes left, and all of them up to the last [`Disk::sync`].
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

extern crate alloc;

mod change;
mod check;
mod content;
mod device;
mod directory;
mod disk;
mod error;
mod format;
mod name;
mod order;
#[cfg(test)]
mod tests;

pub use check::{Finding, Report, probe};
pub use device::{BLOCK_BYTES, Device, DeviceError};
pub use disk::{Attributes, Disk, Entry, Kind, Options, ROOT, Space};
pub use error::Error;
pub use format::{DISK_BYTES_MAX, DISK_BYTES_MIN, format};
pub use name::NAME_BYTES_MAX;
