//! A module as the later steps see it: index spaces, types and segments; bodies and segment bytes stay in the file.

use std::collections::HashMap;

use cranelift_codegen::ir::{Type, types};
use wasmparser::{FunctionBody, ValType};

use super::dwarf::Wanted;
use super::initializer::Initializer;
use super::letters::letters;
use super::relocated::Relocated;

/// A validated module.
#[derive(Default)]
pub(super) struct Module<'a> {
    /// Function types, by type index.
    pub(super) types: Vec<FunctionType>,
    /// Imports in the order of the module.
    pub(super) imports: Vec<ImportName<'a>>,
    /// All functions, imported ones first.
    pub(super) functions: Vec<Function>,
    /// How many of `functions` are imported.
    pub(super) functions_imported: u32,
    /// Bodies of the functions that are defined here.
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// All tables, imported ones first.
    pub(super) tables: Vec<Table>,
    /// All memories, imported ones first.
    pub(super) memories: Vec<Memory>,
    /// All globals, imported ones first.
    pub(super) globals: Vec<Global>,
    /// All tags, imported ones first.
    pub(super) tags: Vec<Tag>,
    /// What the bodies do with exceptions.
    pub(super) exceptions: ExceptionUse,
    /// Exports in the order of the module.
    pub(super) exports: Vec<Export<'a>>,
    /// The start function.
    pub(super) start: Option<u32>,
    /// Element segments.
    pub(super) elements: Vec<ElementSegment>,
    /// Data segments.
    pub(super) data: Vec<DataSegment<'a>>,
    /// Where the content of the code section begins.
    pub(super) code_offset: u32,
    /// Constants in bodies that the module's linker put there.
    pub(super) relocated: Relocated,
    /// The global that points to the end of the stack that the compiler keeps in memory 0, if it named one.
    pub(super) stack_pointer: Option<u32>,
    /// Custom sections with debug information: names and content.
    pub(super) debug_sections: Vec<(&'a str, &'a [u8])>,
    /// Locals that debug information mentions, where it is wanted.
    pub(super) wanted: Wanted,
    /// Names of functions, from the name section.
    pub(super) function_names: HashMap<u32, &'a str>,
    /// Names of tags, from the name section.
    pub(super) tag_names: HashMap<u32, &'a str>,
}

impl Module<'_> {
    /// The type of function `index`.
    pub(super) fn function_type(&self, index: u32) -> &FunctionType {
        &self.types[self.functions[index as usize].type_index as usize]
    }

    /// The function that is exported as `_start`, if it takes and gives nothing.
    pub(super) fn start_export(&self) -> Option<u32> {
        self.exports.iter().find_map(|export| match export.item {
            Item::Function(index) if export.name == "_start" => {
                let ty = self.function_type(index);
                (ty.parameters.is_empty() && ty.results.is_empty()).then_some(index)
            }
            _ => None,
        })
    }

    /// Whether the module's compiler puts nothing into the first page of memory 0: it keeps a stack there that begins above,
    /// and data goes behind it alone. Where no data is anywhere, variables that begin as zeros may be there: nothing tells. Where
    /// the stack's last bytes lie there, running out of it shows so. Nor does its library: wasi-libc's `accept` reads and writes
    /// through the pointers that POSIX lets callers leave null.
    pub(super) fn leaves_null_alone(&self) -> bool {
        let page = mewz_abi::address::PAGE_BYTES;
        let value = |initializer: &Initializer| match initializer {
            Initializer::Bits(bits) => Some(*bits as u64),
            _ => None,
        };
        let begins_above = |index: u32| {
            let global = self.globals.get(index as usize)?;
            Some(global.is_mutable && value(global.initial.as_ref()?)? > page)
        };
        let mut starts = self.data.iter().filter_map(|segment| match &segment.mode {
            SegmentMode::Active { target: 0, offset } if !segment.bytes.is_empty() => {
                Some(value(offset))
            }
            _ => None,
        });
        // Linkers put variables that begin as zeros behind all other data.
        let first = starts.try_fold(u64::MAX, |first, start| Some(first.min(start?)));
        let is_behind = first.is_some_and(|first| (page..u64::MAX).contains(&first));
        let memory = self.memories.first();
        memory.is_some_and(|memory| !memory.is_imported && memory.has_guard())
            && self.stack_pointer.and_then(begins_above) == Some(true)
            && is_behind
            && !self.may_have_libc_accept()
    }

    /// Whether wasi-libc's `accept` may be among the functions; without names nobody knows.
    fn may_have_libc_accept(&self) -> bool {
        let mut imports = self.imports.iter();
        let mut names = self.function_names.values();
        imports.any(|import| import.field == "sock_accept")
            && (names.len() == 0 || names.any(|name| matches!(*name, "accept" | "accept4")))
    }

    /// The types of what exceptions with tag `index` carry.
    pub(super) fn payload(&self, index: u32) -> &FunctionType {
        &self.types[self.tags[index as usize].type_index as usize]
    }

    /// Whether code deals with exceptions.
    pub(super) fn has_exceptions(&self) -> bool {
        self.exceptions.throws || self.exceptions.catches
    }

    /// Whether exceptions may pass: code deals with them, or calls other modules and is called by them.
    pub(super) fn takes_part_in_exceptions(&self) -> bool {
        let is_foreign = |import: &ImportName<'_>| {
            matches!(import.item, Item::Function(_) | Item::Table(_))
                && !import.module.starts_with("wasi_")
        };
        let is_entry = |export: &Export<'_>| {
            matches!(export.item, Item::Function(_) | Item::Table(_)) && export.name != "_start"
        };
        self.has_exceptions()
            || (self.imports.iter().any(is_foreign) && self.exports.iter().any(is_entry))
    }

    /// Letters of a value type.
    pub(super) fn letters(&self, ty: ValType) -> String {
        letters(ty, &self.types)
    }

    /// Whether function `index` comes from outside.
    pub(super) fn is_imported(&self, index: u32) -> bool {
        index < self.functions_imported
    }
}

/// A function type, with the types of the code generator beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FunctionType {
    /// Letters of the parameters, as in `mewz_abi::symbol`.
    pub(super) parameter_letters: String,
    /// Letters of the results.
    pub(super) result_letters: String,
    /// What the parameters are to the code generator.
    pub(super) parameters: Vec<Type>,
    /// What the results are to the code generator.
    pub(super) results: Vec<Type>,
}

impl FunctionType {
    /// The type with these parameters and results, which comes behind `types`.
    pub(super) fn new(parameters: &[ValType], results: &[ValType], types: &[Self]) -> Self {
        Self {
            parameter_letters: parameters.iter().map(|ty| letters(*ty, types)).collect(),
            result_letters: results.iter().map(|ty| letters(*ty, types)).collect(),
            parameters: parameters.iter().map(|ty| code_type(*ty)).collect(),
            results: results.iter().map(|ty| code_type(*ty)).collect(),
        }
    }
}

/// What a value type is to the code generator. Vectors are sixteen bytes wherever their lanes are not known; references are
/// addresses.
pub(super) fn code_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => types::I32,
        ValType::I64 | ValType::Ref(_) => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::V128 => types::I8X16,
    }
}

/// Where an import comes from, and what it is.
pub(super) struct ImportName<'a> {
    /// The module's name.
    pub(super) module: &'a str,
    /// The field's name.
    pub(super) field: &'a str,
    /// Which entry of which index space it is.
    pub(super) item: Item,
}

/// An entry of an index space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A function.
    Function(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// A function, imported or defined.
#[derive(Default)]
pub(super) struct Function {
    /// Index into [`Module::types`].
    pub(super) type_index: u32,
    /// Whether a reference to it can be made: it stands in an element segment, an initialiser or an export.
    pub(super) is_referenced: bool,
}

/// A table, imported or defined.
pub(super) struct Table {
    /// Type of the elements.
    pub(super) element: ValType,
    /// Least length.
    pub(super) min: u64,
    /// Most length, where the module gives one.
    pub(super) max: Option<u64>,
    /// What its elements are at first, where that is not null.
    pub(super) initial: Option<Initializer>,
    /// Whether indices are i64.
    pub(super) index_64: bool,
    /// Whether it comes from outside.
    pub(super) is_imported: bool,
    /// Whether it is exported.
    pub(super) is_exported: bool,
    /// Whether an operator grows it.
    pub(super) is_grown: bool,
    /// Whether an operator changes elements; known where all bodies are validated, as for [`OptLevel::Module`].
    ///
    /// [`OptLevel::Module`]: super::options::OptLevel::Module
    pub(super) is_written: bool,
}

impl Table {
    /// Whether length and place of the elements never change and nobody else sees them.
    pub(super) fn is_fixed(&self) -> bool {
        !self.is_imported && !self.is_exported && !self.is_grown
    }

    /// Whether nothing changes it after instantiation.
    pub(super) fn is_constant(&self) -> bool {
        self.is_fixed() && !self.is_written
    }
}

/// A tag of exceptions, imported or defined.
pub(super) struct Tag {
    /// Index into [`Module::types`]; the parameters are the payload.
    pub(super) type_index: u32,
    /// Whether it comes from outside.
    pub(super) is_imported: bool,
}

/// What the bodies of a module do with exceptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExceptionUse {
    /// Whether any throws.
    pub(super) throws: bool,
    /// Whether any has clauses that take exceptions.
    pub(super) catches: bool,
}

/// A memory, imported or defined. Sizes are in bytes, those that 64 bits can't hold as the most that they can.
pub(super) struct Memory {
    /// Least size.
    pub(super) min_bytes: u64,
    /// Most size; without one in the module, what an index can address.
    pub(super) max_bytes: u64,
    /// Whether indices are i64.
    pub(super) index_64: bool,
    /// Logarithm of the page size, base 2.
    pub(super) page_bytes_log2: u32,
    /// Whether other threads may share it, if there were any.
    pub(super) is_shared: bool,
    /// The limits as the module gives them, in pages.
    pub(super) pages: (u64, Option<u64>),
    /// Whether it comes from outside.
    pub(super) is_imported: bool,
}

impl Memory {
    /// Whether an access that is out of bounds faults by itself: no index and offset leave the reservation, and its valid
    /// part ends with a page of the processor.
    pub(super) fn has_guard(&self) -> bool {
        !self.index_64 && 1 << self.page_bytes_log2 >= mewz_abi::address::PAGE_BYTES
    }
}

/// A global, imported or defined.
pub(super) struct Global {
    /// Type of the value.
    pub(super) ty: ValType,
    /// Whether it can be set.
    pub(super) is_mutable: bool,
    /// The first value; `None` for an imported one.
    pub(super) initial: Option<Initializer>,
    /// Whether it is exported.
    pub(super) is_exported: bool,
}

impl Global {
    /// The value, where it is known when compiling and never changes.
    pub(super) fn constant(&self) -> Option<&Initializer> {
        self.initial
            .as_ref()
            .filter(|initial| !self.is_mutable && initial.is_constant())
    }
}

/// An export.
pub(super) struct Export<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// What is exported.
    pub(super) item: Item,
}

/// How a segment is used.
pub(super) enum SegmentMode {
    /// Copied to a table or memory at instantiation.
    Active {
        /// Index of the table or memory.
        target: u32,
        /// First element or byte there.
        offset: Initializer,
    },
    /// Copied by operators.
    Passive,
    /// Only declares references (element segments).
    Declared,
}

/// An element segment.
pub(super) struct ElementSegment {
    /// How it is used.
    pub(super) mode: SegmentMode,
    /// The references.
    pub(super) items: Vec<Initializer>,
    /// Whether an operator names it.
    pub(super) is_used: bool,
}

/// A data segment.
pub(super) struct DataSegment<'a> {
    /// How it is used.
    pub(super) mode: SegmentMode,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// Whether an operator names it.
    pub(super) is_used: bool,
}
