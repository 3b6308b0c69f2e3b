//! `cargo bench --bench compile`: how much time and memory compiling takes, beside wasmtime, and how both grow.
//!
//! Writes its tables into `docs/benchmarks.md`. Words that end in `.wasm` are modules to compile beside those that are made
//! here; the words `beside`, `debug` and `growth` choose a table, print it and leave the file as it is, but for that of
//! `debug --write`. Peers come from
//! `scripts/test-tools`, programs from `cargo bench --bench speed`.

mod beside;
mod child;
mod debug;
#[path = "../figures/document.rs"]
mod document;
mod growth;
#[path = "../figures/precedence.rs"]
mod precedence;
#[path = "../figures/processor.rs"]
mod processor;
mod shapes;
#[path = "../figures/table.rs"]
#[expect(dead_code, reason = "other benchmarks need more of it")]
mod table;

#[path = "../../tests/tools/mod.rs"]
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use table::Table;

fn main() -> ExitCode {
    // `cargo bench` adds flags for the built-in harness.
    let words = std::env::args().skip(1);
    let words: Vec<String> = words.filter(|word| !word.starts_with("--bench")).collect();
    let outcome = match words.split_first() {
        Some((word, rest)) if word == child::WORD => child::run(rest),
        _ => measure(&words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[String]) -> Result<(), String> {
    let (modules, parts): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.ends_with(".wasm"));
    let modules: Vec<PathBuf> = modules.into_iter().map(PathBuf::from).collect();
    let is_chosen = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let mut text = document::heading("next two tables were")?;
    if is_chosen("beside") {
        add(&mut text, &beside::measure(&modules)?);
    }
    if is_chosen("growth") {
        add(&mut text, &growth::measure()?);
    }
    if parts.is_empty() {
        document::write("compile", &text)?;
    }
    if is_chosen("debug") {
        let mut text = document::heading("next table was")?;
        add(&mut text, &debug::measure(&modules)?);
        if parts.is_empty() || parts.iter().any(|word| *word == "--write") {
            document::write("compile -- debug", &text)?;
        }
    }
    Ok(())
}

/// Adds a table, and prints it.
fn add(text: &mut String, table: &Table) {
    let table = table.to_string();
    println!("{table}");
    text.push('\n');
    text.push_str(&table);
}
