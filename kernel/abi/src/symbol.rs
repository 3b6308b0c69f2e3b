//! Names of symbols in objects, kernels and images.
//!
//! An import is (module, field, type), never the field alone: `wasi_snapshot_preview1$fd_write$iiii$i`. Bytes other than
//! ASCII letters, digits and `_` are written as `.hh`, two lower-case hexadecimal digits, so that a part holds no `$`.
//! Type letters: `i` i32, `I` i64, `f` f32, `F` f64, `v` v128, `p` funcref, `e` externref, `x` exnref, `y` nullexnref; the
//! last four in upper case are references that are never null. A reference to functions of a known type is `r`, or `R` where
//! it is never null, with `parameters_results_` behind it: `Rii_i_`. Instead of a long `parameters_results_` stand `h` and
//! 32 hexadecimal digits, equal for equal types. [`types`] tells where the letters of one type end.

use core::fmt::{Result, Write};

/// The descriptor of a compiled module: [`crate::application::Application`].
pub const APPLICATION: &str = "mewz_application";

/// Prefix of the System V entry of each exported function, and of each exported table, memory and global.
pub const EXPORT_PREFIX: &str = "mewz_export_";

/// Prefix of the weak symbol that stands for a function type: `mewz_type$ii$i`.
pub const TYPE_PREFIX: &str = "mewz_type";

/// `int64_t mewz_memory_grow(MemoryInstance *memory, uint64_t pages)`: the old size in pages, or -1 and nothing changed.
pub const MEMORY_GROW: &str = "mewz_memory_grow";

/// `int64_t mewz_table_grow(TableInstance *table, uint64_t elements, uint64_t value)`: the old length, or -1 and nothing
/// changed; new elements hold `value`.
pub const TABLE_GROW: &str = "mewz_table_grow";

/// `void mewz_memory_move(void *to, const void *from, uint64_t bytes)`: `memmove` on addresses that are already checked.
pub const MEMORY_MOVE: &str = "mewz_memory_move";

/// `void mewz_memory_fill(void *to, int32_t value, uint64_t bytes)`: `memset` on addresses that are already checked.
pub const MEMORY_FILL: &str = "mewz_memory_fill";

/// `void mewz_sleep(uint64_t nanoseconds)`: returns when so much time has passed, not before. An atomic wait that nobody
/// can end but its time limit calls it.
pub const SLEEP: &str = "mewz_sleep";

/// The functions that an object may need beside its imports.
pub const RUNTIME: [&str; 5] = [MEMORY_GROW, TABLE_GROW, MEMORY_MOVE, MEMORY_FILL, SLEEP];

/// The weak symbol of the [`crate::exception::Exceptions`] that all objects of a program share.
pub const EXCEPTIONS: &str = "mewz_exceptions";

/// Section of [`crate::exception::Handler`]s.
pub const HANDLER_SECTION: &str = ".mewz.handlers";

/// Section of [`crate::application::TrapSite`]s.
pub const TRAP_SECTION: &str = ".mewz.traps";

/// Section, not loaded, that maps code to the module: see `mewz::compile::debug`.
pub const ADDRESS_SECTION: &str = ".mewz.addresses";

/// Writes `text` with every byte that a C identifier can't hold as `.hh`.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_part(out: &mut dyn Write, text: &str) -> Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.write_char(char::from(byte))?;
        } else {
            write!(out, ".{byte:02x}")?;
        }
    }
    Ok(())
}

/// Writes the symbol of an imported function; `parameters` and `results` are type letters.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_import(
    out: &mut dyn Write,
    module: &str,
    field: &str,
    parameters: &str,
    results: &str,
) -> Result {
    write_part(out, module)?;
    out.write_char('$')?;
    write_part(out, field)?;
    write!(out, "${parameters}${results}")
}

/// The kind of an imported table in its symbol.
#[must_use]
pub const fn table_kind(index_64: bool) -> &'static str {
    if index_64 { "table64" } else { "table" }
}

/// The kind of an imported memory in its symbol: code that accesses it counts on the index type and on the page size.
#[must_use]
pub const fn memory_kind(index_64: bool, page_bytes_log2: u32) -> &'static str {
    match (index_64, page_bytes_log2) {
        (false, 16) => "memory",
        (true, 16) => "memory64",
        (false, _) => "memory.bytes",
        (true, _) => "memory64.bytes",
    }
}

/// Writes the symbol of an imported table, memory or global: `module$field$kind`, where `kind` is that of [`table_kind`] or
/// [`memory_kind`], or `global.` and the letters of the type, upper-case `G` for mutable: `global.i`, `Global.i`; of a
/// tag, `tag.` and the letters of its payload.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_import_object(out: &mut dyn Write, module: &str, field: &str, kind: &str) -> Result {
    write_part(out, module)?;
    out.write_char('$')?;
    write_part(out, field)?;
    write!(out, "${kind}")
}

/// Writes the symbol of an export named `name`.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_export(out: &mut dyn Write, name: &str) -> Result {
    out.write_str(EXPORT_PREFIX)?;
    write_part(out, name)
}

/// The types in `letters`, one by one, each with all its letters.
pub fn types(letters: &str) -> impl Iterator<Item = &str> {
    let mut rest = letters;
    core::iter::from_fn(move || {
        let (first, after) = rest.split_at_checked(type_len(rest))?;
        rest = after;
        (!first.is_empty()).then_some(first)
    })
}

/// Bytes of the first type in `letters`.
fn type_len(letters: &str) -> usize {
    let mut open = 0_usize;
    let mut bytes = letters.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'r' | b'R' => open += 2,
            b'_' => open = open.saturating_sub(1),
            b'h' => {
                open = open.saturating_sub(2);
                bytes.nth(HASH_DIGITS - 1);
                if open == 0 {
                    return letters.len().min(at + 1 + HASH_DIGITS);
                }
            }
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    letters.len()
}

/// Hexadecimal digits of the hash that stands for a long function type.
pub const HASH_DIGITS: usize = 32;

/// Writes the weak symbol of a function type.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_type(out: &mut dyn Write, parameters: &str, results: &str) -> Result {
    write!(out, "{TYPE_PREFIX}${parameters}${results}")
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::string::String;

    use super::{types, write_export, write_import, write_import_object, write_type};

    fn written(write: impl FnOnce(&mut String) -> core::fmt::Result) -> String {
        let mut text = String::new();
        write(&mut text).unwrap();
        text
    }

    #[test]
    fn imports_are_named_by_module_field_and_type() {
        let import =
            written(|out| write_import(out, "wasi_snapshot_preview1", "fd_write", "iiii", "i"));
        assert_eq!(import, "wasi_snapshot_preview1$fd_write$iiii$i");
        let memory = written(|out| write_import_object(out, "env", "memory", "memory"));
        assert_eq!(memory, "env$memory$memory");
    }

    #[test]
    fn letters_are_told_apart() {
        let split = |letters| types(letters).collect::<alloc::vec::Vec<_>>();
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split("iPx"), ["i", "P", "x"]);
        assert_eq!(split("ri_I_v"), ["ri_I_", "v"]);
        assert_eq!(split("R__rRiE_i_f_p_e"), ["R__", "rRiE_i_f_p_", "e"]);
        let hash = "0123456789abcdef0123456789abcdef";
        let hashed = alloc::format!("rh{hash}Rrh{hash}_i_I");
        assert_eq!(
            split(&hashed),
            [&hashed[..34], &hashed[34..hashed.len() - 1], "I"]
        );
    }

    #[test]
    fn letters_that_end_too_early_are_one_type() {
        for letters in ["r", "ri", "rh01", "Ri_"] {
            assert_eq!(types(letters).collect::<alloc::vec::Vec<_>>(), [letters]);
        }
    }

    #[test]
    fn no_two_imports_share_a_symbol() {
        let names = ["", "a", "a.b", "a$b", "a.24b", "ä", "a b", "$"];
        let mut symbols: alloc::vec::Vec<String> = names
            .iter()
            .flat_map(|module| {
                names.map(|field| written(|out| write_import(out, module, field, "", "")))
            })
            .collect();
        symbols.sort();
        symbols.dedup();
        assert_eq!(symbols.len(), names.len() * names.len());
    }

    #[test]
    fn exports_and_types_have_prefixes() {
        assert_eq!(written(|out| write_export(out, "a-b")), "mewz_export_a.2db");
        assert_eq!(written(|out| write_type(out, "iI", "f")), "mewz_type$iI$f");
    }
}
