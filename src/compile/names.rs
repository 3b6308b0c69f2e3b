//! Names of symbols, and words for imports.

use std::collections::HashSet;

use mewz_abi::symbol;

use super::Import;
use super::letters::{word, words};
use super::module::{FunctionType, Global, ImportName, Item, Memory, Module, Table};

/// Every import of a module, equal ones once.
pub(super) fn imports(module: &Module<'_>) -> Vec<Import> {
    let mut seen = HashSet::new();
    module
        .imports
        .iter()
        .map(|import| Import {
            module: import.module.to_owned(),
            field: import.field.to_owned(),
            description: describe(module, import.item),
            symbol: import_symbol(module, import),
            is_function: matches!(import.item, Item::Function(_)),
        })
        .filter(|import| seen.insert(import.symbol.clone()))
        .collect()
}

/// The undefined symbol that stands for an import.
pub(super) fn import_symbol(module: &Module<'_>, import: &ImportName<'_>) -> String {
    let kind = match import.item {
        Item::Function(index) => {
            let ty = module.function_type(index);
            return text(|out| {
                symbol::write_import(
                    out,
                    import.module,
                    import.field,
                    &ty.parameter_letters,
                    &ty.result_letters,
                )
            });
        }
        Item::Table(index) => symbol::table_kind(module.tables[index as usize].index_64).to_owned(),
        Item::Memory(index) => {
            let memory = &module.memories[index as usize];
            symbol::memory_kind(memory.index_64, memory.page_bytes_log2).to_owned()
        }
        Item::Global(index) => {
            let global = &module.globals[index as usize];
            let word = if global.is_mutable {
                "Global"
            } else {
                "global"
            };
            format!("{word}.{}", module.letters(global.ty))
        }
        Item::Tag(index) => format!("tag.{}", module.payload(index).parameter_letters),
    };
    text(|out| symbol::write_import_object(out, import.module, import.field, &kind))
}

/// The symbol of an export.
pub(super) fn export_symbol(name: &str) -> String {
    text(|out| symbol::write_export(out, name))
}

/// The weak symbol that stands for a function type.
pub(super) fn type_symbol(ty: &FunctionType) -> String {
    text(|out| symbol::write_type(out, &ty.parameter_letters, &ty.result_letters))
}

/// The name of a function for people and debuggers: from the name section, else from an export or import, else a number.
pub(super) fn functions(module: &Module<'_>) -> Vec<String> {
    let mut names: Vec<Option<String>> = vec![None; module.functions.len()];
    for import in &module.imports {
        if let Item::Function(index) = import.item {
            names[index as usize] = Some(import.field.to_owned());
        }
    }
    for export in &module.exports {
        if let Item::Function(index) = export.item {
            names[index as usize].get_or_insert_with(|| export.name.to_owned());
        }
    }
    for (index, name) in &module.function_names {
        if let Some(slot) = names.get_mut(*index as usize) {
            *slot = Some((*name).to_owned());
        }
    }
    names
        .into_iter()
        .enumerate()
        .map(|(index, name)| match name {
            Some(name) if !name.is_empty() && !name.contains('\0') => name,
            _ => format!("wasm_function_{index}"),
        })
        .collect()
}

/// The name of a tag for people and debuggers: from the name section, else from an export or import, else a number.
pub(super) fn tag(module: &Module<'_>, index: u32) -> String {
    let item = Item::Tag(index);
    let imported = module.imports.iter().find(|import| import.item == item);
    let exported = module.exports.iter().find(|export| export.item == item);
    let name = module.tag_names.get(&index).copied();
    let name = name.or(imported.map(|import| import.field));
    match name.or(exported.map(|export| export.name)) {
        Some(name) if !name.is_empty() && !name.contains('\0') => name.to_owned(),
        _ => format!("wasm_tag_{index}"),
    }
}

/// The type of an entry in words.
pub(super) fn describe(module: &Module<'_>, item: Item) -> String {
    match item {
        Item::Function(index) => describe_function(module.function_type(index)),
        Item::Table(index) => describe_table(module, &module.tables[index as usize]),
        Item::Memory(index) => describe_memory(&module.memories[index as usize]),
        Item::Tag(index) => {
            let payload = words(&module.payload(index).parameter_letters);
            format!("tag ({})", payload.join(", "))
        }
        Item::Global(index) => describe_global(module, &module.globals[index as usize]),
    }
}

fn describe_function(ty: &FunctionType) -> String {
    let parameters = words(&ty.parameter_letters).join(", ");
    match words(&ty.result_letters).as_slice() {
        [] => format!("func ({parameters})"),
        [result] => format!("func ({parameters}) -> {result}"),
        results => format!("func ({parameters}) -> ({})", results.join(", ")),
    }
}

fn describe_table(module: &Module<'_>, table: &Table) -> String {
    let limits = limits(table.min, table.max);
    let index = index(table.index_64);
    let element = word(&module.letters(table.element));
    format!("table {index}{limits} {element}")
}

fn describe_memory(memory: &Memory) -> String {
    let index = index(memory.index_64);
    let limits = limits(memory.pages.0, memory.pages.1);
    match memory.page_bytes_log2 {
        16 => format!("memory {index}{limits}"),
        log2 => format!("memory {index}{limits} (pagesize {})", 1_u64 << log2),
    }
}

/// The index type in words, where it is not the usual one.
fn index(is_64: bool) -> &'static str {
    if is_64 { "i64 " } else { "" }
}

fn describe_global(module: &Module<'_>, global: &Global) -> String {
    let mutability = if global.is_mutable { "mut " } else { "" };
    format!("global {mutability}{}", word(&module.letters(global.ty)))
}

fn limits(min: u64, max: Option<u64>) -> String {
    match max {
        Some(max) => format!("{min}..{max}"),
        None => format!("{min}.."),
    }
}

fn text(write: impl FnOnce(&mut dyn std::fmt::Write) -> std::fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("a string takes all text");
    out
}
