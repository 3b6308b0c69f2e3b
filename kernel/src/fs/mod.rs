//! File systems: host folders through 9p, files in memory.
#![forbid(unsafe_code)]

pub mod channel;
pub mod errno;
pub mod name;
pub mod ninep;
pub mod node;
pub mod temporary;
