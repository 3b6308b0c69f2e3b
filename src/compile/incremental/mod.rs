//! Code that is kept from one compilation to the next: what a function's code depends on, and the store of pieces.
//!
//! A body is read into a digest in which every index is replaced by the place at which it first occurs, and into the list
//! of what these places stand for. The key is the digest together with all that the code depends on of each thing in the
//! list. So a function may move, and what it refers to may move: its key and its code stay, and its relocations are bound
//! to whatever the list says this time.

pub(super) mod binding;
pub(super) mod cache;
mod encoding;
mod key;
pub(super) mod reading;
pub(super) mod run;
