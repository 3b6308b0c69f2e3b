//! What became of a module, for people: machine code and intermediate code as text that explains itself.

mod assembly;
mod flow;
mod input;
mod operators;
mod paint;
mod selection;

use std::io;

pub use assembly::assembly;
pub use selection::Selection;

use super::error::CompileError;

/// How text looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Whether it has colours, as terminals take them.
    pub is_colored: bool,
    /// Whether machine code has its bytes beside it.
    pub has_bytes: bool,
}

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The module can't be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The module or the object can't be read back.
    #[error("cannot read it back: {0}")]
    Unreadable(String),
    /// No function has this name or index.
    #[error("no function is called `{0}`")]
    NoFunction(String, Option<String>),
    /// The text could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}
