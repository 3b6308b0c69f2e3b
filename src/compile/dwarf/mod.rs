//! A module's DWARF to DWARF for the machine: bytes of custom sections in, sections of the object out.
//!
//! Before functions are translated, `wanted` finds which locals of which functions the DWARF mentions, so that these have a
//! place that a debugger can be told. While code is generated, `lines` reads the line tables of all `units`, and, where no types
//! and variables are wanted, `scopes` which bodies the module's compiler made part of functions. When all code is there,
//! `native` knows where each operator went, and `frames` joins these bodies with those that this compiler put there. `entries`
//! then copies what describes living code and data, and `expression` says where a value is now. Where no types and variables
//! are wanted, `brief` writes all that there is instead of `entries`; `library` says of which units lines alone will do. What
//! can't be told is left out; what is broken beyond reading is an error, which costs the debug information and nothing else.

mod brief;
mod compact;
mod entries;
mod expression;
mod files;
mod frames;
mod input;
mod library;
mod lines;
mod native;
mod output;
mod results;
mod rows;
mod said;
mod scopes;
mod sequences;
mod text;
mod units;
mod walk;
mod wanted;

use self::frames::Sources;
use self::lines::LineTables;
use self::native::Bodies;
use self::scopes::Scopes;
use self::units::Depth;
use super::module::Module;
use super::options::DebugLevel;
use super::placed_code::PlacedCode;

pub use library::is_of_library;
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

/// What is read of the module's debug information before there is code.
pub(super) struct ModuleInfo<'a> {
    tables: LineTables<'a>,
    /// Functions, where lines and frames are all that is wanted; else it depends on the code which of them matter.
    scopes: Option<Scopes>,
}

/// Reads what can be read before there is code, if `level` wants it; `None` where the module has nothing.
///
/// # Errors
///
/// The module's debug information is broken.
pub(super) fn read<'a>(
    module: &Module<'a>,
    level: DebugLevel,
) -> Result<Option<ModuleInfo<'a>>, Unusable> {
    let depth = match level {
        DebugLevel::None => return Ok(None),
        DebugLevel::Lines => Depth::Own,
        DebugLevel::Frames | DebugLevel::Full => Depth::All,
    };
    let Some(dwarf) = input::dwarf(module) else {
        return Ok(None);
    };
    let tables = LineTables::read(dwarf, Bodies::of(module), depth)?;
    let scopes = match level {
        DebugLevel::Full => None,
        _ => Some(Scopes::read(&tables, &|_| true)?),
    };
    Ok(Some(ModuleInfo { tables, scopes }))
}

/// The sections of the object's debug information, by that of the module.
///
/// # Errors
///
/// The module's debug information is broken.
pub(super) fn sections(
    code: &PlacedCode<'_, '_>,
    ModuleInfo { tables, scopes }: &ModuleInfo<'_>,
) -> Result<Vec<DebugSection>, Unusable> {
    let program = &native::Program::new(code, &tables.bodies);
    let lines = &lines::Lines::new(tables, program);
    let sources = |scopes| Sources {
        tables,
        program,
        lines,
        scopes,
    };
    if let Some(scopes) = scopes {
        return brief::convert(&sources(scopes));
    }
    let has_parts = |body: usize| match program.place_of(body) {
        Some(place) => program.is_part(body) || !program.functions()[place].parts.is_empty(),
        None => program.is_part(body),
    };
    let scopes = Scopes::read(tables, &has_parts)?;
    entries::convert(&sources(&scopes))
}
