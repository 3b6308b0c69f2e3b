//! The calls, as an application makes them: numbers in, an errno out, and what lies in its memory after that.

mod calls;
mod files;
mod fuzz;
mod limits;
mod machine;
mod paths;
mod poll;
mod process;
mod table;
