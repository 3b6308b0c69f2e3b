//! Runs compiled modules inside the test's process: an operating system in miniature.
//!
//! Objects are placed in mapped memory by `mewz::link::place`, linear memories are reserved with their guard, calls go
//! through a System V trampoline onto a stack with a guard page, and a signal handler turns faults into traps.

pub(crate) mod call;
pub(crate) mod instance;
pub(crate) mod letters;
pub(crate) mod map;
pub(crate) mod runtime;
pub(crate) mod signal;
pub(crate) mod store;
pub(crate) mod types;
pub(crate) mod value;
