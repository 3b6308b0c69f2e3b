//! The functions of WASI preview 1.
#![forbid(unsafe_code)]

pub(crate) mod system;
