//! Zeros, to be shown where nothing was ever written.

/// A page of zeros, one for all who need some.
pub static ZEROS: [u8; 4096] = [0; 4096];
