//! Which sources are a library's: what a compiler brings along or fetches, and not the program's own.

use gimli::Unit;
use memchr::memmem;

use super::input::Slice;

/// Parts of the paths of libraries.
const PATHS: [&str; 7] = [
    "/rustc/",
    // Debian's own build.
    "/usr/src/rustc-",
    "/.rustup/",
    "/.cargo/registry/",
    "/wasi-libc/",
    "/libc-bottom-half/",
    "/libc-top-half/",
];

/// Whether the sources at `path` are a library's.
#[must_use]
pub fn is_of_library(path: &[u8]) -> bool {
    let mut parts = PATHS.iter();
    parts.any(|part| memmem::find(path, part.as_bytes()).is_some())
}

/// Whether `unit` was made of sources of a library.
pub(super) fn is_library(unit: &Unit<Slice<'_>>) -> bool {
    let [folder, name] = [&unit.comp_dir, &unit.name].map(|part| match part {
        Some(part) => part.slice(),
        None => &[],
    });
    is_of_library(&[folder, b"/", name].concat())
}

#[cfg(test)]
mod tests {
    use super::is_of_library;

    #[test]
    fn libraries_are_known_by_their_paths() {
        assert!(is_of_library(b"/rustc/abc/library/std/src/panicking.rs"));
        assert!(is_of_library(b"./libc-top-half/musl/src/stdio/puts.c"));
        assert!(!is_of_library(b"src/main.rs"));
    }
}
