//! Whether the functions that a session is to stop in are there, before a machine starts for it.

use std::collections::BTreeSet;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use crate::cli::failure::Failure;
use crate::cli::nearest::nearest;

/// Sections that hold names of functions which have no symbol, since they became part of others.
const NAME_SECTIONS: [&str; 2] = [".debug_str", ".debug_info"];

/// Fails where a place is the name of a function that `image`, an ELF with symbols, does not have. All else is left to gdb.
pub(super) fn check(places: &[String], image: &[u8]) -> Result<(), Failure> {
    let names: Vec<&String> = places.iter().filter(|place| is_name(place)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let Ok(image) = object::File::parse(image) else {
        return Ok(());
    };
    let mut functions = BTreeSet::new();
    for symbol in image.symbols() {
        if symbol.kind() == SymbolKind::Text
            && let Ok(name) = symbol.name()
        {
            let demangled = format!("{:#}", rustc_demangle::demangle(name));
            functions.insert(last_part(&demangled).to_owned());
            functions.insert(demangled);
            functions.insert(name.to_owned());
        }
    }
    for name in names {
        let is_there = functions.contains(name.as_str()) || has_debug_name(&image, last_part(name));
        if !is_there {
            let failure = Failure::usage(format!("there is no function `{name}` to stop in"));
            let known = functions.iter().map(String::as_str);
            return Err(match nearest(name, known) {
                Some(near) => failure.hint(format!("there is `{near}`")),
                None => failure.hint("`FILE:LINE` and `*ADDRESS` are places too"),
            });
        }
    }
    Ok(())
}

/// Whether it is a name, and no line, address or anything else that gdb understands.
fn is_name(place: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | ':');
    place.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '$'))
        && place.chars().all(is_letter)
        && !place.replace("::", "").contains(':')
}

/// The name without its path.
fn last_part(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Whether the debug information knows the name.
fn has_debug_name(image: &object::File<'_>, name: &str) -> bool {
    let mut wanted = name.as_bytes().to_vec();
    wanted.push(0);
    let mut sections = image
        .sections()
        .filter(|section| NAME_SECTIONS.iter().any(|name| section.name() == Ok(name)));
    sections.any(|section| {
        let bytes = section.uncompressed_data().unwrap_or_default();
        memchr::memmem::find(&bytes, &wanted).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::{is_name, last_part};

    #[test]
    fn names_are_told_from_places() {
        for name in ["main", "a::b::c", "_start", "$f"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["main.c:7", "*0x10", "7", "main if x > 1", "-line 5", "a:7"] {
            assert!(!is_name(other), "{other}");
        }
        assert_eq!(last_part("a::b"), "b");
        assert_eq!(last_part("b"), "b");
    }
}
