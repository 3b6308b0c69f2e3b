//! What debug information costs: none, lines, and all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mewz::compile::{Options, compile};

use super::child::{self, Cost, DEBUG_LEVELS, WAYS};
use super::precedence::Precedence;
use super::table::Table;
use super::tools;

/// Rounds; each compiles each module once in each way with each level of debug information.
const ROUNDS: usize = 5;

/// Ways that are measured: those of debug builds and of releases.
const MEASURED: [&str; 3] = ["none", "function", "module"];

/// A program in Rust, in a debug build, with all of its library's debug information.
const RUST: &str = "
use std::collections::HashMap;
fn main() {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in std::env::args() {
        *counts.entry(word).or_default() += 1;
    }
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort();
    println!(\"{all:?}\");
}
";

pub(crate) fn measure(modules: &[PathBuf]) -> Result<Table, String> {
    let folder = tempfile::tempdir().map_err(|problem| problem.to_string())?;
    let mut named = vec![("rust-std".to_owned(), rust(folder.path())?)];
    for path in modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        named.push((name.into_owned(), path.clone()));
    }
    let precedence = Precedence::take();
    let words = format!(
        "CPU time from a module's bytes to an object's with debug information of three kinds; all on all cores, at {} \
         priority. Each figure is the least of {ROUNDS} rounds in which all ran in turn, each in a process of its own. `lines` \
         has lines, functions and the bodies that became part of them; `full` types and variables too, and code that keeps \
         these. `rust-std` is a small program in a debug build. Target: `lines` adds at most 15 %.",
        precedence.name()
    );
    let head = [
        "module",
        "size, KB",
        "optimisation",
        "none, s",
        "lines, s",
        "ratio",
        "full, s",
        "ratio",
        "object, KB",
        "with lines",
        "full",
    ];
    let mut table = Table::new("Debug information", words, &head);
    for (name, path) in named {
        let wasm = fs::read(&path).map_err(|problem| format!("cannot read {path:?}: {problem}"))?;
        for way in WAYS.into_iter().filter(|way| MEASURED.contains(&way.name)) {
            let mut costs: [Option<Cost>; DEBUG_LEVELS.len()] = [None; _];
            for _ in 0..ROUNDS {
                for (cost, (level, _)) in costs.iter_mut().zip(DEBUG_LEVELS) {
                    let now = child::ours_with(&path, way, level)?;
                    *cost = Some(cost.map_or(now, |before| before.least(now)));
                }
            }
            let seconds = costs.map(|cost| cost.map_or(f64::NAN, |cost| cost.cpu_seconds));
            let mut sizes = Vec::new();
            for (_, debug) in DEBUG_LEVELS {
                let options = Options {
                    opt_level: way.ours.0,
                    register_allocator: way.ours.1,
                    debug,
                    ..Options::default()
                };
                let compiled = compile(&wasm, &options).map_err(|problem| problem.to_string())?;
                sizes.push(format!("{:.0}", compiled.object.len() as f64 / 1e3));
            }
            let mut cells = vec![
                name.clone(),
                format!("{:.0}", wasm.len() as f64 / 1e3),
                way.name.to_owned(),
                format!("{:.3}", seconds[0]),
            ];
            for more in &seconds[1..] {
                cells.push(format!("{more:.3}"));
                cells.push(format!("{:.2}", more / seconds[0]));
            }
            cells.extend(sizes);
            table.row(cells);
        }
    }
    Ok(table)
}

/// Builds the program in Rust.
fn rust(folder: &Path) -> Result<PathBuf, String> {
    let source = folder.join("words.rs");
    let wasm = folder.join("words.wasm");
    fs::write(&source, RUST).map_err(|problem| format!("cannot write {source:?}: {problem}"))?;
    let status = tools::rust_compiler()
        .arg("-g")
        .arg(&source)
        .arg("-o")
        .arg(&wasm)
        .stdin(Stdio::null())
        .status()
        .map_err(|problem| format!("cannot start the Rust compiler: {problem}"))?;
    if !status.success() {
        return Err(format!("the Rust compiler ended with {status}"));
    }
    Ok(wasm)
}
