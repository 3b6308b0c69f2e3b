//! Bytes added up: by function, section or crate.

use std::collections::BTreeMap;

use serde::Serialize;

use super::measure::{Measured, Part};

/// What bytes are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// Functions; what is none by section, in brackets, or `[not loaded]`
    Function,
    /// Sections of the object or image, and of the module
    Section,
    /// Crates of Rust, namespaces of C++, packages of Go, as far as names tell
    Crate,
}

/// Symbols, relocations, what debuggers read: nothing of it is in memory when the program runs.
const NOT_LOADED: &str = "[not loaded]";

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// What it is about.
    pub(super) name: String,
    /// The function's index in the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<u32>,
    /// Bytes in the module; `None` where there was none.
    pub(super) wasm: Option<u64>,
    /// Bytes in the object or image.
    pub(super) native: u64,
}

/// Adds up; the largest first.
pub(super) fn group(measured: Measured, by: By) -> Vec<Row> {
    let has_module = measured.parts.iter().any(|part| part.wasm != 0);
    let mut rows: BTreeMap<(String, Option<u32>), (u64, u64)> = BTreeMap::new();
    for part in measured.parts {
        let (wasm, native) = (part.wasm, part.native);
        let row = rows.entry(key(part, by)).or_default();
        row.0 += wasm;
        row.1 += native;
    }
    let rows = rows.into_iter();
    let mut rows: Vec<Row> = rows
        .map(|((name, index), (wasm, native))| Row {
            name,
            index,
            wasm: has_module.then_some(wasm),
            native,
        })
        .collect();
    rows.sort_by(|a, b| (b.native, b.wasm, &a.name).cmp(&(a.native, a.wasm, &b.name)));
    rows
}

fn key(part: Part, by: By) -> (String, Option<u32>) {
    let function = part.function.as_ref();
    match (by, function) {
        (By::Section, _) => (part.section, None),
        (_, None) if !part.is_loaded => (NOT_LOADED.to_owned(), None),
        (_, None) => (format!("[{}]", part.section), None),
        (By::Function, Some((name, index))) => (plain(name), *index),
        (By::Crate, Some((name, _))) => (crate_of(name), None),
    }
}

/// A name as a person would write it.
fn plain(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// What a function's name says that it belongs to.
fn crate_of(name: &str) -> String {
    const UNKNOWN: &str = "[no crate]";
    if let Ok(demangled) = rustc_demangle::try_demangle(name) {
        return first_crate(&format!("{demangled:#}")).to_owned();
    }
    if let Some(namespace) = cplusplus_namespace(name) {
        return namespace.to_owned();
    }
    if name.contains('$') || name.starts_with("mewz_") {
        return "[mewz]".to_owned();
    }
    // Go: `encoding/json.(*Decoder).Decode`.
    let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
    match last.split_once('.') {
        Some((package, rest)) if !package.is_empty() && !rest.is_empty() => {
            name[..path.len() + usize::from(!path.is_empty()) + package.len()].to_owned()
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// The crate in `<alloc::vec::Vec<T> as core::ops::Drop>::drop`: that of the type, or of the function.
fn first_crate(name: &str) -> &str {
    let start = name.find(|c: char| c.is_alphabetic() || c == '_');
    let rest = &name[start.unwrap_or(0)..];
    // `&mut T` and the like stand before paths.
    let rest = rest
        .strip_prefix("mut ")
        .or(rest.strip_prefix("dyn "))
        .unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    &rest[..end.unwrap_or(rest.len())]
}

/// The first name of a nested one in the Itanium ABI: `_ZN5boost4asio…`, `_ZNK3foo…`.
fn cplusplus_namespace(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("_ZN")?;
    let rest = rest.trim_start_matches(['K', 'V', 'r', 'O', 'R']);
    if rest.starts_with("St") || rest.starts_with("Sa") || rest.starts_with("Ss") {
        return Some("std");
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let len: usize = rest[..digits].parse().ok()?;
    rest.get(digits..digits.checked_add(len)?)
}

#[cfg(test)]
mod tests {
    use super::{By, Measured, Part, crate_of, group};

    #[test]
    fn names_tell_crates_namespaces_and_packages() {
        let names = [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core"),
            (
                "_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
                "alloc",
            ),
            ("_RNvCs1234_7mycrate4main", "mycrate"),
            ("_ZN3foo3barEv", "foo"),
            ("_ZNKSt6vectorIiE4sizeEv", "std"),
            ("encoding/json.(*Decoder).Decode", "encoding/json"),
            ("fmt.Println", "fmt"),
            ("mewz_export__start", "[mewz]"),
            ("malloc", "[no crate]"),
            ("", "[no crate]"),
        ];
        for (name, expected) in names {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn parts_are_added_up_the_largest_first() {
        let part = |section: &str, function: Option<&str>, native, wasm| Part {
            section: section.to_owned(),
            is_loaded: section != ".symtab",
            function: function.map(|name| (name.to_owned(), None)),
            native,
            wasm,
        };
        let measured = || Measured {
            parts: vec![
                part(".text", Some("f"), 10, 3),
                part(".text", Some("fmt.g"), 30, 9),
                part(".text", None, 2, 0),
                part(".data", None, 50, 50),
                part(".symtab", None, 1, 0),
            ],
        };
        let rows = |by| {
            let rows = group(measured(), by);
            let rows = rows.into_iter();
            rows.map(|row| (row.name, row.native, row.wasm))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            rows(By::Section),
            [
                (".data".to_owned(), 50, Some(50)),
                (".text".to_owned(), 42, Some(12)),
                (".symtab".to_owned(), 1, Some(0)),
            ]
        );
        let names: Vec<String> = rows(By::Function).into_iter().map(|row| row.0).collect();
        assert_eq!(names, ["[.data]", "fmt.g", "f", "[.text]", "[not loaded]"]);
        let names: Vec<String> = rows(By::Crate).into_iter().map(|row| row.0).collect();
        assert_eq!(
            names,
            ["[.data]", "fmt", "[no crate]", "[.text]", "[not loaded]"]
        );
    }
}
