//! WebAssembly bytes in, a relocatable ELF object out. Touches no file, clock, terminal or environment.
//!
//! What the object holds is written in `mewz_abi::application` and `mewz_abi::symbol`.

mod assemble;
mod codegen;
mod content;
pub mod debug;
pub mod dump;
mod dwarf;
mod entry;
mod error;
mod exceptions;
mod features;
mod header;
mod incremental;
mod initializer;
mod instantiate;
mod layout;
mod leb128;
mod letters;
mod module;
mod names;
mod object_file;
mod options;
mod pieces;
mod placed_code;
mod plan;
mod profile;
mod read;
mod relocated;
mod runtime;
mod segments;
mod signature;
mod symbol_table;
mod symbols;
mod target;
mod tasks;
mod translate;
mod unwind;
mod whole;

pub use dwarf::{WithText, is_of_library, with_text};
pub use error::CompileError;
pub use incremental::cache::{Counts, Damaged, FunctionCache};
pub use options::{DebugLevel, MemoryBase, OptLevel, Options, RegisterAllocator, TargetCpu};
pub use profile::{CountersError, Fit, Profile, ProfileError, profile};

use self::profile::RunCounts;
use crate::relocatable::Object;

/// A compiled module.
#[derive(Debug)]
pub struct Compiled {
    /// The relocatable ELF64 object.
    pub object: Vec<u8>,
    /// What the module wants and is.
    pub interface: Interface,
    /// How much of the options' profile was used, if they have one.
    pub profile_fit: Option<Fit>,
    /// Why there is no debug information although there should be: the module's can't be read.
    pub debug_problem: Option<String>,
}

/// What a module wants from outside, and whether it is a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Every import, in the order of the module, equal ones once.
    pub imports: Vec<Import>,
    /// Whether the module exports a function `_start` without parameters and results.
    pub has_start: bool,
}

impl Interface {
    fn of(module: &module::Module<'_>) -> Self {
        Self {
            imports: names::imports(module),
            has_start: module.start_export().is_some(),
        }
    }
}

/// What a module wants from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module's name, as `wasi_snapshot_preview1`.
    pub module: String,
    /// The field's name, as `fd_write`.
    pub field: String,
    /// The type in words, as `func (i32, i32) -> i32`, `memory 1..4`, `global mut i32`.
    pub description: String,
    /// The undefined symbol that stands for it in the object.
    pub symbol: String,
    /// Whether it is a function: only these can be left to trap when called.
    pub is_function: bool,
}

/// Compiles the module `wasm` (binary format).
///
/// # Errors
///
/// The module is not WebAssembly, is a component, is invalid, or uses a proposal that is not supported.
pub fn compile(wasm: &[u8], options: &Options) -> Result<Compiled, CompileError> {
    let mut module = read::module(wasm)?;
    let problem = want_locals(&mut module, options);
    let counts = RunCounts::of(&module, options);
    let assembly = tasks::run(&module, options, counts.as_ref())?;
    let object = object_file(&assembly.object)?;
    Ok(Compiled {
        object,
        interface: Interface::of(&module),
        profile_fit: counts.map(|counts| counts.fit),
        debug_problem: problem.or(assembly.debug_problem),
    })
}

/// Notes which locals debug information mentions, where it is wanted; says what is wrong with it.
fn want_locals(module: &mut module::Module<'_>, options: &Options) -> Option<String> {
    if options.debug != DebugLevel::Full {
        return None;
    }
    match dwarf::wanted(module, options.opt_level == OptLevel::None) {
        Ok(wanted) => {
            module.wanted = wanted;
            None
        }
        Err(problem) => {
            // What can't be read now can't be read later either.
            module.debug_sections.clear();
            Some(problem.to_string())
        }
    }
}

/// Writes an object as a relocatable ELF64 file.
///
/// # Errors
///
/// The format has no room for it.
pub fn object_file(object: &Object) -> Result<Vec<u8>, CompileError> {
    object_file::write(object).map_err(|error| CompileError::TooLarge(error.to_string()))
}

/// A module compiled with the help of earlier compilations.
#[derive(Debug)]
pub struct Assembled {
    /// The object: what [`compile`] gives as a file.
    pub object: Object,
    /// What the module wants and is.
    pub interface: Interface,
    /// How much was compiled.
    pub counts: Counts,
    /// Why there is no debug information although there should be: the module's can't be read.
    pub debug_problem: Option<String>,
}

/// Compiles the module `wasm` as [`compile`] does; functions whose code is in `cache` are not compiled again, others are
/// kept there.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_incremental(
    wasm: &[u8],
    options: &Options,
    cache: &mut FunctionCache,
) -> Result<Assembled, CompileError> {
    let (module, assembly, counts) = incremental::run::run(wasm, options, cache)?;
    Ok(Assembled {
        object: assembly.object,
        interface: Interface::of(&module),
        counts,
        debug_problem: assembly.debug_problem,
    })
}

/// The interface of the object that `wasm` becomes, as a header for C11 and C++17.
///
/// # Errors
///
/// As [`interface`].
pub fn header(wasm: &[u8]) -> Result<String, CompileError> {
    Ok(header::header(&read::without_bodies(wasm)?))
}

/// Reads the interface of `wasm` without looking at its functions: quick, whatever the module's size.
///
/// # Errors
///
/// As [`compile`], as far as reading goes.
pub fn interface(wasm: &[u8]) -> Result<Interface, CompileError> {
    Ok(Interface::of(&read::without_bodies(wasm)?))
}
