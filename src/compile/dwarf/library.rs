//! Which sources are a library's: what a compiler brings along or fetches, and not the program's own.

use gimli::Unit;
use memchr::memmem;

use super::input::Slice;

/// What is in the paths of libraries, each part behind the one before.
const PATHS: [&[&str]; 9] = [
    &["/rustc/"],
    // Builds of distributions.
    &["/usr/src/rustc-"],
    &["/rustc-", "/library/"],
    &["/.rustup/"],
    &["/.cargo/registry/"],
    &["/wasi-libc/"],
    &["/libc-bottom-half/"],
    &["/libc-top-half/"],
    &["/compiler-rt/lib/builtins/"],
];

/// Whether the sources at `path` are a library's.
#[must_use]
pub fn is_of_library(path: &[u8]) -> bool {
    PATHS.iter().any(|parts| {
        let behind = parts.iter().try_fold(path, |rest, part| {
            let at = memmem::find(rest, part.as_bytes())?;
            // The slash that ends one may begin the next.
            rest.get(at + part.len() - 1..)
        });
        behind.is_some()
    })
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
        assert!(is_of_library(
            b"/builddir/rustc-1.90.0-src/library/core/src/fmt/mod.rs"
        ));
        assert!(!is_of_library(b"src/main.rs"));
        assert!(!is_of_library(b"/projects/rustc-demangle/src/library.rs"));
    }
}
