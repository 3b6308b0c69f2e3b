//! Compares compiled code with wasmtime on generated modules: results, traps, globals, tables, memories.
//!
//! By hand, with any range of seeds (`docs/fuzzing.md`): `MEWZ_FUZZ=1..1000000 cargo test --release --test fuzz`.

#[path = "../host/mod.rs"]
#[allow(dead_code, reason = "the specification suite needs more of it")]
mod host;
#[path = "../../fuzz/src/observe.rs"]
mod observe;
mod settings;
mod stream;
mod subject;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use settings::Settings;
use stream::{Case, Source};

/// The seeds of an ordinary run: about a minute on two cores.
const SEEDS: std::ops::Range<u64> = 1..6000;

/// Differences after which it is time to look at them.
const DIFFERENCES_MAX: usize = 50;

#[test]
fn generated_modules_do_what_they_do_under_wasmtime() {
    // One thread for all: handing the functions of a small module to others takes longer than compiling them.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(compare_all);
}

fn compare_all() {
    let source = Source::new().expect("wasmtime and the generator");
    let asked = std::env::var("MEWZ_FUZZ").ok();
    let differences = match asked.as_deref().map(|text| (text, text.rsplit_once('='))) {
        None => run(&source, SEEDS),
        // A module in a file, after it was cut down by hand: FILE=SEED.
        Some((_, Some((file, seed)))) => {
            let seed = seed.parse().expect("MEWZ_FUZZ is FIRST..END or FILE=SEED");
            let stream = source.module(Path::new(file), seed);
            stream.and_then(|mut stream| {
                let case = stream.next().ok_or("no case")?;
                println!("{:?}", case.expected);
                Ok(compare(&case).into_iter().collect())
            })
        }
        Some((text, None)) => run(&source, range(text).expect("MEWZ_FUZZ is FIRST..END")),
    };
    let differences = differences.expect("a stream of cases");
    assert!(
        differences.is_empty(),
        "modules that differ are in target/fuzz/found:\n{}",
        differences.join("\n")
    );
}

fn range(text: &str) -> Option<std::ops::Range<u64>> {
    let (first, end) = text.split_once("..")?;
    Some(first.parse().ok()?..end.parse().ok()?)
}

/// Compares all `seeds`; answers with a line for each difference.
fn run(source: &Source, seeds: std::ops::Range<u64>) -> Result<Vec<String>, Box<dyn Error>> {
    let mut differences = Vec::new();
    let mut modules = 0u64;
    let mut refused = 0u64;
    let start = Instant::now();
    let mut next = seeds.start;
    while next < seeds.end {
        let mut stream = source.seeds(next, seeds.end - next)?;
        while let Some(case) = stream.next() {
            next = case.seed + 1;
            if case.wasm.is_empty() {
                continue;
            }
            modules += 1;
            refused += u64::from(case.expected.is_err());
            if let Some(difference) = compare(&case) {
                let line = format!("seed {}: {difference}", case.seed);
                println!("{line}");
                keep(&case)?;
                differences.push(line);
            }
            if modules.is_multiple_of(1000) {
                let seconds = start.elapsed().as_secs();
                println!(
                    "to seed {next}: {modules} modules, {refused} refused by wasmtime, {} differences, {seconds} s",
                    differences.len()
                );
            }
            if differences.len() >= DIFFERENCES_MAX {
                return Ok(differences);
            }
        }
        if next < seeds.end {
            println!("seed {next}: wasmtime's process ended");
            next += 1;
        }
    }
    println!(
        "{modules} modules, {refused} refused by wasmtime, {} differences",
        differences.len()
    );
    Ok(differences)
}

/// The first difference between what wasmtime and mewz do, in words.
fn compare(case: &Case) -> Option<String> {
    let settings = Settings::of(case.seed);
    let found = subject::observe(&case.wasm, &case.calls, &settings);
    let difference = match (&case.expected, &found) {
        (Ok(expected), Ok(found)) => first_difference(expected, found)?,
        (Ok(_), Err(error)) => error.clone(),
        (Err(error), Ok(_)) => format!("wasmtime refuses the module: {error}"),
        (Err(_), Err(_)) => return None,
    };
    Some(format!("{difference} ({settings:?})"))
}

fn first_difference(expected: &str, found: &str) -> Option<String> {
    for (expected, found) in expected.lines().zip(found.lines()) {
        let is_exhausted = |line: &str| line.ends_with("trap call stack exhausted");
        if is_exhausted(expected) || is_exhausted(found) {
            // How deep a stack is, is nobody's contract.
            return None;
        }
        if expected != found {
            return Some(format!("mewz:{found}\n    wasmtime:{expected}\n   "));
        }
    }
    let (expected, found) = (expected.lines().count(), found.lines().count());
    (expected != found).then(|| format!("{found} lines, and {expected} under wasmtime"))
}

fn keep(case: &Case) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz/found");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("{}.wasm", case.seed)), &case.wasm)
}
