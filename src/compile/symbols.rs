//! Symbols while a module is compiled: what code and data refer to before anything has an address.

use super::runtime::RuntimeFunction;

/// Something that gets an address when the object is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SymbolId {
    /// Code of function `index` in the internal calling convention: the function, or the shim of an import.
    Function(u32),
    /// The undefined System V symbol of imported function `index`.
    ImportedFunction(u32),
    /// The undefined symbol of an imported table.
    ImportedTable(u32),
    /// The undefined symbol of an imported memory.
    ImportedMemory(u32),
    /// The undefined symbol of an imported global.
    ImportedGlobal(u32),
    /// A tag: data of the object, or an undefined symbol.
    Tag(u32),
    /// The weak symbol that stands for a function type, by the first index of an equal type.
    Type(u32),
    /// The System V entry of the export with this number.
    Entry(u32),
    /// A function that takes some steps of instantiation.
    InstantiatePart(u32),
    /// A function of the runtime.
    Runtime(RuntimeFunction),
    /// One of which there is one.
    Single(Single),
    /// Not an address: the value of a slot of the function, see `relocated`.
    Constant(u32),
}

/// Symbols of which there is one in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Single {
    /// Everything that changes at run time: globals, instances, tables.
    State,
    /// Large tables, zero at first.
    Zero,
    /// Constants that hold addresses.
    Addresses,
    /// Constants that hold none.
    Bytes,
    /// The first byte of the code section.
    Text,
    /// The trap sites.
    Traps,
    /// The descriptor.
    Application,
    /// All of instantiation.
    Instantiate,
    /// The weak symbol of the list of modules that deal with exceptions.
    Exceptions,
    /// The clauses that take exceptions.
    Handlers,
    /// One of the functions that every object with exceptions has.
    Throw,
    /// As above.
    Land,
    /// As above.
    NewException,
    /// As above.
    CollectExceptions,
    /// As above.
    ScanForExceptions,
}

impl Single {
    const ALL: [Single; 15] = [
        Single::State,
        Single::Zero,
        Single::Addresses,
        Single::Bytes,
        Single::Text,
        Single::Traps,
        Single::Application,
        Single::Instantiate,
        Single::Exceptions,
        Single::Handlers,
        Single::Throw,
        Single::Land,
        Single::NewException,
        Single::CollectExceptions,
        Single::ScanForExceptions,
    ];
}

impl SymbolId {
    /// As two numbers: namespace and index of a name in the intermediate code, or what a file holds.
    pub(super) fn numbers(self) -> (u32, u32) {
        match self {
            SymbolId::Function(index) => (0, index),
            SymbolId::ImportedFunction(index) => (1, index),
            SymbolId::ImportedTable(index) => (2, index),
            SymbolId::ImportedMemory(index) => (3, index),
            SymbolId::ImportedGlobal(index) => (4, index),
            SymbolId::Type(index) => (5, index),
            SymbolId::Entry(index) => (6, index),
            SymbolId::InstantiatePart(index) => (7, index),
            SymbolId::Runtime(function) => (8, function as u32),
            SymbolId::Single(single) => (9, single as u32),
            SymbolId::Tag(index) => (10, index),
            SymbolId::Constant(slot) => (11, slot),
        }
    }

    /// The symbol with these numbers.
    pub(super) fn from_numbers(namespace: u32, index: u32) -> Option<Self> {
        Some(match namespace {
            0 => SymbolId::Function(index),
            1 => SymbolId::ImportedFunction(index),
            2 => SymbolId::ImportedTable(index),
            3 => SymbolId::ImportedMemory(index),
            4 => SymbolId::ImportedGlobal(index),
            5 => SymbolId::Type(index),
            6 => SymbolId::Entry(index),
            7 => SymbolId::InstantiatePart(index),
            8 => SymbolId::Runtime(RuntimeFunction::from_number(index)?),
            9 => SymbolId::Single(*Single::ALL.get(index as usize)?),
            10 => SymbolId::Tag(index),
            11 => SymbolId::Constant(index),
            _ => return None,
        })
    }
}

impl From<Single> for SymbolId {
    fn from(single: Single) -> Self {
        SymbolId::Single(single)
    }
}
