//! The object's symbol table: imports first, then what is defined; the runtime's functions as they are used.

use std::collections::HashMap;

use super::module::{Item, Module};
use super::names;
use super::symbols::SymbolId;
use crate::relocatable::{Binding, Symbol};

/// Sections in which symbols are defined, in the order of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum SectionIndex {
    /// Code.
    Text = 0,
    /// Everything that changes at run time.
    State = 1,
    /// The trap sites.
    Traps = 2,
    /// Constants that hold addresses.
    Addresses = 5,
    /// Constants that hold none.
    Bytes = 6,
    /// Large tables, zero at first.
    Zero = 7,
    /// Clauses that take exceptions.
    Handlers = 8,
}

/// The symbols, and which of them each identity is.
pub(super) struct SymbolTable {
    symbols: Vec<Symbol>,
    /// Functions by their index: nearly all relocations are of these.
    functions: Vec<Option<u32>>,
    others: HashMap<SymbolId, u32>,
}

impl SymbolTable {
    /// The table with the imports of `module`; equal ones share a symbol.
    pub(super) fn new(module: &Module<'_>) -> Self {
        let mut table = Self {
            symbols: Vec::new(),
            functions: vec![None; module.functions.len()],
            others: HashMap::new(),
        };
        let mut by_name: HashMap<String, u32> = HashMap::new();
        for import in &module.imports {
            let id = match import.item {
                Item::Function(index) => SymbolId::ImportedFunction(index),
                Item::Table(index) => SymbolId::ImportedTable(index),
                Item::Memory(index) => SymbolId::ImportedMemory(index),
                Item::Global(index) => SymbolId::ImportedGlobal(index),
                Item::Tag(index) => SymbolId::Tag(index),
            };
            let name = names::import_symbol(module, import);
            let index = match by_name.get(&name) {
                Some(index) => *index,
                None => {
                    let is_function = matches!(import.item, Item::Function(_));
                    let index = table.add(undefined(name.clone(), is_function));
                    by_name.insert(name, index);
                    index
                }
            };
            table.others.insert(id, index);
        }
        table
    }

    /// Defines a function of `size` bytes.
    pub(super) fn define_function(
        &mut self,
        id: SymbolId,
        name: String,
        place: (SectionIndex, u64),
        size: u64,
        binding: Binding,
    ) {
        let symbol = defined(name, place, size, true, binding);
        let at = self.add(symbol);
        match id {
            SymbolId::Function(index) => self.functions[index as usize] = Some(at),
            _ => _ = self.others.insert(id, at),
        }
    }

    /// Defines data of `size` bytes.
    pub(super) fn define_data(
        &mut self,
        id: impl Into<SymbolId>,
        name: String,
        place: (SectionIndex, u64),
        size: u64,
        binding: Binding,
    ) {
        let at = self.add(defined(name, place, size, false, binding));
        self.others.insert(id.into(), at);
    }

    /// Defines the start of section `section` of the object; returns the symbol's index.
    pub(super) fn define_section(&mut self, section: u32) -> u32 {
        self.add(Symbol {
            name: String::new(),
            definition: Some((section, 0)),
            size: 0,
            is_function: false,
            binding: Binding::Local,
        })
    }

    /// The index of a symbol that is imported or defined, or of a function of the runtime.
    pub(super) fn index(&mut self, id: impl Into<SymbolId>) -> u32 {
        let id = id.into();
        let known = match id {
            SymbolId::Function(index) => self.functions[index as usize],
            _ => self.others.get(&id).copied(),
        };
        if let Some(index) = known {
            return index;
        }
        let SymbolId::Runtime(function) = id else {
            unreachable!("nothing refers to {id:?} without defining it");
        };
        let index = self.add(undefined(function.symbol().to_owned(), true));
        self.others.insert(id, index);
        index
    }

    /// All symbols.
    pub(super) fn finish(self) -> Vec<Symbol> {
        self.symbols
    }

    fn add(&mut self, symbol: Symbol) -> u32 {
        self.symbols.push(symbol);
        self.symbols.len() as u32 - 1
    }
}

fn undefined(name: String, is_function: bool) -> Symbol {
    Symbol {
        name,
        definition: None,
        size: 0,
        is_function,
        binding: Binding::Global,
    }
}

fn defined(
    name: String,
    (section, offset): (SectionIndex, u64),
    size: u64,
    is_function: bool,
    binding: Binding,
) -> Symbol {
    Symbol {
        name,
        definition: Some((section as u32, offset)),
        size,
        is_function,
        binding,
    }
}
