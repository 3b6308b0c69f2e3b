//! Readers that only commands reach, for the tests that hand them broken input.

use super::project;
use super::size::measure::measure;

/// Reads the text of a project file as all commands do; `false` where it is refused.
#[must_use]
pub fn is_project(text: &str) -> bool {
    project::is_readable(text)
}

/// Measures as `mewz size` does; `false` where `elf`, or the module that it was made of, is refused.
#[must_use]
pub fn has_size(elf: &[u8], wasm: Option<&[u8]>) -> bool {
    measure(elf, wasm).is_ok()
}
