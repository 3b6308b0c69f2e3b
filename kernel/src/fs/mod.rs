//! File systems: host folders through 9p.
#![forbid(unsafe_code)]

pub mod channel;
pub mod errno;
pub mod ninep;
pub mod node;
