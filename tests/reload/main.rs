//! `mewz dev` over many reloads: requests that go on all the while, memory, and how much an edit compiles.
//!
//! Each test has a short form, which is what runs where nobody says otherwise, and a whole one: `MEWZ_RELOADS=50` for the
//! load, `MEWZ_RELOADS=500` for memory.

#[path = "../client/mod.rs"]
mod client;
mod edits;
#[path = "../invoke/mod.rs"]
mod invoke;
mod load;
mod memory;
mod server;
mod session;
#[path = "../tools/mod.rs"]
mod tools;
mod under_load;

/// Reloads of the whole form of a test, if that is asked for.
fn reloads() -> Option<usize> {
    let number = std::env::var("MEWZ_RELOADS").ok()?;
    Some(number.parse().expect("MEWZ_RELOADS is a number"))
}
