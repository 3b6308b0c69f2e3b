//! `mewz dev`.

#[path = "../invoke/mod.rs"]
mod invoke;
#[path = "../tools/mod.rs"]
mod tools;

mod ends;
mod saves;
mod serving;
mod session;
