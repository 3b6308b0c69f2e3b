//! What became of a module, for people: machine code and intermediate code as text that explains itself.

mod assembly;
mod flow;
mod input;
mod intermediate;
mod operators;
mod paint;
mod selection;

use std::fmt::Write as _;
use std::io;

pub use assembly::assembly;
pub use intermediate::intermediate;
pub use selection::Selection;

use mewz_abi::symbol::EXPORT_PREFIX;

use self::operators::Operators;
use self::paint::Paint;
use self::selection::plain;
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

/// Lines that say what function it is, and how large its code: `size`, in words.
fn head(
    name: &str,
    wasm_index: Option<u32>,
    size: &str,
    operators: &Operators,
    paint: Paint,
) -> String {
    let mut head = match (wasm_index, name.strip_prefix(EXPORT_PREFIX)) {
        (Some(index), _) => format!("; function {index} `{}`, {size}", plain(name)),
        (None, Some(export)) => format!("; System V entry of the export `{export}`, {size}"),
        (None, None) => format!("; `{name}`, made by mewz, {size}"),
    };
    if let Some(index) = wasm_index
        && let Some(body) = operators.body(index)
    {
        let _ = write!(
            head,
            ", of {} bytes at wasm {:#x}..{:#x}\n; {})",
            body.end - body.start,
            body.start,
            body.end,
            operators.head(index).trim_end()
        );
    }
    let lines = head.lines();
    lines
        .map(|line| format!("{}\n", paint.comment(paint::name(line))))
        .collect()
}
