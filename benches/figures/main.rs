//! `cargo bench --bench figures`: measures boot, idling, sizes and recompilation, and writes the table in `docs/benchmarks.md`.
//!
//! Each figure that has a peer is taken beside it in the same run. Words on the command line choose parts of the table and
//! leave the file as it is; one that ends in `.wasm` is a module for the part `incremental`.

mod boot;
mod guest;
mod idle;
mod incremental;
mod machine;
mod precedence;
mod processor;
mod sizes;
mod table;

use std::process::ExitCode;

use table::Table;

/// A part of the table: its name on the command line, and what measures it.
type Part = (&'static str, fn() -> Result<Table, String>);

const PARTS: [Part; 4] = [
    ("boot", boot::measure),
    ("idle", idle::measure),
    ("sizes", sizes::measure),
    ("incremental", incremental::measure),
];

fn main() -> ExitCode {
    // `cargo bench` adds flags for the built-in harness.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    match measure(&chosen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn measure(chosen: &[String]) -> Result<(), String> {
    let mut text = machine::heading()?;
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            let part = part()?.to_string();
            println!("{part}");
            text.push('\n');
            text.push_str(&part);
        }
    }
    if chosen.is_empty() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
        // What other benchmarks write stays.
        let before = std::fs::read_to_string(path).unwrap_or_default();
        if let Some(begin) = before.find("<!-- ") {
            text.push('\n');
            text.push_str(&before[begin..]);
        }
        std::fs::write(path, text).map_err(|problem| format!("cannot write {path}: {problem}"))?;
        println!("Wrote {path}");
    }
    Ok(())
}
