//! File systems: host folders through 9p.
#![forbid(unsafe_code)]
