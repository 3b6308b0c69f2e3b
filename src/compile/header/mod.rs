//! The object's interface as a header for C and C++: what every object has, then the imports and exports of one module.

mod names;

use std::fmt::Write as _;

use mewz_abi::address::MEMORY_RESERVATION_BYTES;
use mewz_abi::application::{
    APPLICATION_MAGIC, APPLICATION_VERSION, application_flags, cpu, export_kind, memory_flags,
};
use mewz_abi::symbol::types;
use mewz_abi::trap::TrapKind;

use self::names::{Identifiers, comment};
use super::module::{FunctionType, Item, Module};
use super::names::{describe, export_symbol, import_symbol};

/// What is the same for every module: structures and runtime functions.
const FIXED: &str = include_str!("fixed.h");

/// The header of the object that `module` becomes.
pub(super) fn header(module: &Module<'_>) -> String {
    let mut text = format!(
        "/* The interface of an object that `mewz compile` made, version {APPLICATION_VERSION}: generated, do not edit. */\n"
    );
    text.push_str("#ifndef MEWZ_H\n#define MEWZ_H\n\n#include <stdint.h>\n\n");
    constants(&mut text);
    text.push('\n');
    text.push_str(FIXED);
    let mut identifiers = Identifiers::default();
    text.push_str("\n/* --- Imports: whoever links the object defines these. --- */\n");
    imports(module, &mut identifiers, &mut text);
    text.push_str(
        "\n/* --- Exports: the object defines these; call them after `instantiate`. --- */\n",
    );
    exports(module, &mut identifiers, &mut text);
    text.push_str("\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
    text
}

fn constants(text: &mut String) {
    let mut define = |name: &str, value: u64, comment: &str| {
        let _ = writeln!(text, "#define MEWZ_{name} UINT64_C({value:#x}){comment}");
    };
    define(
        "APPLICATION_MAGIC",
        APPLICATION_MAGIC,
        " /* \"mewzapp\" in memory */",
    );
    define(
        "MEMORY_RESERVATION",
        MEMORY_RESERVATION_BYTES,
        " /* address space to reserve for a memory with 32-bit indices */",
    );
    for (bit, name) in cpu::NAMES {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        define(&format!("CPU_{}", name.to_ascii_uppercase()), bit, "");
    }
    let mut define = |name: &str, value: u32| {
        let _ = writeln!(text, "#define MEWZ_{name} {value}");
    };
    define("APPLICATION_VERSION", APPLICATION_VERSION);
    define("MEMORY_INDEX_64", memory_flags::INDEX_64);
    define("APPLICATION_NULL_GUARD", application_flags::NULL_GUARD);
    define("EXPORT_FUNCTION", export_kind::FUNCTION);
    define("EXPORT_TABLE", export_kind::TABLE);
    define("EXPORT_MEMORY", export_kind::MEMORY);
    define("EXPORT_GLOBAL", export_kind::GLOBAL);
    define("EXPORT_TAG", export_kind::TAG);
    for kind in TrapKind::ALL {
        define(&trap_name(kind), kind as u32);
    }
}

/// `TRAP_INTEGER_OVERFLOW`.
fn trap_name(kind: TrapKind) -> String {
    let mut name = "TRAP".to_owned();
    for c in format!("{kind:?}").chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

fn imports(module: &Module<'_>, identifiers: &mut Identifiers, text: &mut String) {
    let mut seen = std::collections::HashSet::new();
    for import in &module.imports {
        let symbol = import_symbol(module, import);
        if !seen.insert(symbol.clone()) {
            continue;
        }
        let path = format!("{}.{}", import.module, import.field);
        let _ = writeln!(
            text,
            "\n/* {}: {} */",
            comment(&path),
            describe(module, import.item)
        );
        let name = identifiers.import(import.module, import.field);
        declare(module, import.item, &name, &symbol, text);
    }
    if module.imports.is_empty() {
        text.push_str("/* It has none. */\n");
    }
}

fn exports(module: &Module<'_>, identifiers: &mut Identifiers, text: &mut String) {
    for export in &module.exports {
        let path = comment(export.name);
        let described = describe(module, export.item);
        if is_imported(module, export.item) {
            let _ = writeln!(text, "\n/* {path}: {described}, the import itself */");
            continue;
        }
        let _ = writeln!(text, "\n/* {path}: {described} */");
        let name = identifiers.export(export.name);
        let symbol = export_symbol(export.name);
        declare(module, export.item, &name, &symbol, text);
    }
    if module.exports.is_empty() {
        text.push_str("/* It has none. */\n");
    }
}

/// Whether an export has no symbol of its own, since it is an import. Functions have an entry each.
fn is_imported(module: &Module<'_>, item: Item) -> bool {
    match item {
        Item::Function(_) => false,
        Item::Table(index) => module.tables[index as usize].is_imported,
        Item::Memory(index) => module.memories[index as usize].is_imported,
        Item::Global(index) => module.globals[index as usize].initial.is_none(),
        Item::Tag(index) => module.tags[index as usize].is_imported,
    }
}

fn declare(module: &Module<'_>, item: Item, name: &str, symbol: &str, text: &mut String) {
    let declaration = match item {
        Item::Function(index) => prototype(name, module.function_type(index)),
        Item::Table(_) => format!("extern struct mewz_table {name}"),
        Item::Memory(_) => format!("extern struct mewz_memory {name}"),
        Item::Tag(_) => format!("extern const struct mewz_tag {name}"),
        Item::Global(index) => {
            let global = &module.globals[index as usize];
            let constant = if global.is_mutable { "" } else { "const " };
            format!(
                "extern {constant}{} {name}",
                c_type(&module.letters(global.ty))
            )
        }
    };
    let _ = writeln!(text, "{declaration} MEWZ_SYMBOL(\"{symbol}\");");
}

fn prototype(name: &str, ty: &FunctionType) -> String {
    let parameters = types(&ty.parameter_letters).map(|letters| c_type(letters).to_owned());
    let mut parameters: Vec<String> = parameters.collect();
    let results: Vec<&str> = types(&ty.result_letters).collect();
    let result = match results[..] {
        [] => "void",
        [letters] => c_type(letters),
        _ => {
            parameters.push(format!("mewz_value results[{}]", results.len()));
            "void"
        }
    };
    if parameters.is_empty() {
        parameters.push("void".to_owned());
    }
    format!("{result} {name}({})", parameters.join(", "))
}

/// The C type of one type's letters; what has no other is a reference.
fn c_type(letters: &str) -> &'static str {
    match letters {
        "i" => "int32_t",
        "I" => "int64_t",
        "f" => "float",
        "F" => "double",
        "v" => "mewz_v128",
        _ => "mewz_reference",
    }
}
