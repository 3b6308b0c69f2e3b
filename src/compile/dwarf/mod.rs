//! A module's DWARF to DWARF for the machine: bytes of custom sections in, sections of the object out.
//!
//! Before functions are translated, `wanted` finds which locals of which functions the DWARF mentions, so that these
//! have a place that a debugger can be told. When all code is there, `native` knows where each operator went, `lines` writes
//! the line tables, `entries` copies what describes living code and data, and `expression` says where a value is now. `scopes`
//! reads which bodies the module's compiler made part of functions, `frames` joins these with those that this one did. Where
//! lines are enough, `brief` writes all that there is instead of `entries`. What can't be told is left out; what is broken beyond reading is an error, which costs the debug information and nothing else.

mod brief;
mod compact;
mod entries;
mod expression;
mod files;
mod frames;
mod input;
mod lines;
mod native;
mod output;
mod results;
mod rows;
mod said;
mod scopes;
mod sequences;
mod text;
mod walk;
mod wanted;

use self::frames::Sources;
use self::scopes::{Interest, Scopes};
use super::codegen::Task;
use super::layout::Layout;
use super::module::Module;
use super::options::DebugLevel;
use super::pieces::Piece;

pub(super) use native::{LocalPlace, Places, Storage, places, slot_key};
pub(super) use output::{DebugSection, DebugTarget};
pub use text::{WithText, with_text};
pub(super) use wanted::{Wanted, WantedLocals, wanted};

/// Why a module's DWARF could not be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable(String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<gimli::Error> for Unusable {
    fn from(error: gimli::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<gimli::write::ConvertError> for Unusable {
    fn from(error: gimli::write::ConvertError) -> Self {
        Self(error.to_string())
    }
}

impl From<gimli::write::Error> for Unusable {
    fn from(error: gimli::write::Error) -> Self {
        Self(error.to_string())
    }
}

/// What the object's debug information is made of.
pub(super) struct Parts<'a> {
    /// The module.
    pub(super) module: &'a Module<'a>,
    /// Where its data lies.
    pub(super) layout: &'a Layout,
    /// What was compiled.
    pub(super) tasks: &'a [Task<'a>],
    /// The code of each task.
    pub(super) pieces: &'a [Piece],
    /// Where each task's code lies in the code section.
    pub(super) starts: &'a [u64],
}

/// The sections of the object's debug information, of what `level` wants; none where the module has none.
///
/// # Errors
///
/// The module's debug information is broken.
pub(super) fn sections(
    parts: &Parts<'_>,
    level: DebugLevel,
) -> Result<Vec<DebugSection>, Unusable> {
    let Some(dwarf) = input::dwarf(parts.module) else {
        return Ok(Vec::new());
    };
    let program = native::Program::new(parts);
    let lines = lines::Lines::read(&dwarf, &program)?;
    let interest = match level {
        DebugLevel::Full => Interest::WithParts,
        DebugLevel::Lines | DebugLevel::None => Interest::All,
    };
    let scopes = Scopes::read(&dwarf, &program, &lines, interest)?;
    let sources = Sources {
        dwarf: &dwarf,
        program: &program,
        lines: &lines,
        scopes: &scopes,
    };
    match level {
        DebugLevel::Full => entries::convert(&sources),
        DebugLevel::Lines | DebugLevel::None => brief::convert(&sources),
    }
}
