//! Where everything of a module lies in the object, as code refers to it: settled before the first function is translated.

use super::profile::Counters;
use super::symbols::SymbolId;

/// A byte of a data symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The symbol.
    pub(super) data: SymbolId,
    /// Bytes from the symbol.
    pub(super) offset: u32,
}

/// Where everything lies. Vectors are indexed like those of the module.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Functions.
    pub(super) functions: Vec<FunctionPlace>,
    /// Symbols that stand for function types.
    pub(super) types: Vec<SymbolId>,
    /// Tables.
    pub(super) tables: Vec<TablePlace>,
    /// The `MemoryInstance`s.
    pub(super) memories: Vec<Place>,
    /// Values of globals; those that are constant have none.
    pub(super) globals: Vec<Option<Place>>,
    /// The `ExceptionModule`, where code deals with exceptions.
    pub(super) exceptions: Option<Place>,
    /// Element segments that operators name.
    pub(super) elements: Vec<Option<SegmentPlace>>,
    /// Data segments that operators name.
    pub(super) data: Vec<Option<SegmentPlace>>,
    /// Counters, where the code counts what runs.
    pub(super) counters: Option<CountersPlace>,
}

/// Where the counters lie.
#[derive(Clone, Debug)]
pub(super) struct CountersPlace {
    /// The first.
    pub(super) first: Place,
    /// How many there are, and which are whose.
    pub(super) counters: Counters,
}

/// Symbols of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct FunctionPlace {
    /// Code in the internal calling convention: the function itself unless nothing calls it any more, or the shim of an
    /// import that is referenced.
    pub(super) internal: Option<SymbolId>,
    /// Code in the System V convention: the undefined symbol of an import.
    pub(super) import: Option<SymbolId>,
    /// The `FunctionReference`, where one can be needed.
    pub(super) reference: Option<Place>,
}

/// Symbols of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct TablePlace {
    /// The `TableInstance`.
    pub(super) instance: Place,
    /// The first elements; an imported table has none.
    pub(super) elements: Option<Place>,
}

/// A segment that operators name.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentPlace {
    /// The bytes or references.
    pub(super) content: Place,
    /// Its current length, a u64: 0 once dropped.
    pub(super) len: Place,
}
