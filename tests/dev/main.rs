//! `mewz dev`.

#[path = "../invoke/mod.rs"]
mod invoke;
#[path = "../tools/mod.rs"]
mod tools;

mod ends;
mod saves;
mod screen;
mod serving;
mod session;
mod terminal;
