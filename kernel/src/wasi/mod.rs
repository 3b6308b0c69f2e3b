//! The functions of WASI preview 1.

pub(crate) mod system;
