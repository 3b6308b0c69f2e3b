//! File systems: host folders through 9p, files in memory, folders that came along, persistent disks.
#![forbid(unsafe_code)]

pub mod channel;
#[cfg(feature = "disks")]
pub mod disk;
pub mod errno;
pub mod name;
pub mod ninep;
pub mod node;
pub mod packed;
pub mod temporary;
