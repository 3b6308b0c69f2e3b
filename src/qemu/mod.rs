//! One QEMU process: its arguments, console, end.
//!
//! [`machine`] says what to start and starts it with the words of `arguments`, [`session`] talks with it until it ends, [`console`] reads its byte
//! stream, [`leash`] makes sure that it never outlives this process.

pub mod accelerator;
mod arguments;
mod backlog;
pub mod by_hand;
pub mod config;
pub mod console;
pub mod debug_line;
pub mod debug_session;
pub mod entrance;
pub mod error;
mod introduction;
pub mod leash;
pub mod machine;
pub mod monitor;
mod nudge;
pub mod output;
mod packets;
pub mod program;
pub mod recording;
pub mod replay;
pub mod session;
