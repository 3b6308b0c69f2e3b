//! What debug information costs: none, lines, frames, and all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mewz::compile::{Options, compile};
use wasmparser::{Parser, Payload};

use super::child::{self, Cost, DEBUG_LEVELS, WAYS};
use super::precedence::Precedence;
use super::table::Table;
use super::tools;

/// Rounds; each compiles each module once in each way with each level of debug information.
const ROUNDS: usize = 15;

/// Ways that are measured: those of debug builds and of releases.
const MEASURED: [&str; 3] = ["none", "function", "module"];

/// A program in Rust, with all of its library's debug information.
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
    let mut named = vec![
        (
            "rust-std, debug".to_owned(),
            rust(folder.path(), "debug", &[])?,
        ),
        (
            "rust-std, release".to_owned(),
            rust(folder.path(), "release", &["-O"])?,
        ),
        ("server.c, `-O2`".to_owned(), c(folder.path())),
        ("shapes.cpp, `-O0`".to_owned(), cpp(folder.path())?),
        ("records.zig".to_owned(), zig(folder.path())?),
    ];
    for path in modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        named.push((name.into_owned(), path.clone()));
    }
    let precedence = Precedence::take();
    let words = format!(
        "From a module's bytes to an object's with debug information of four kinds; all on all cores, at {} priority. Each \
         figure is the least of {ROUNDS} rounds in which all ran in turn, each in a process of its own. Code and DWARF are the \
         module's sections of these. `lines` has the lines of all code, and functions of the program's own sources with the \
         bodies that became part of them; `frames` those of libraries too; `full` types and variables, and code that keeps \
         these. Ratios are to no debug information, of CPU time unless elapsed time is named; memory is what comes on top of the \
         module's bytes. `rust-std` is a small program that brings along the debug information of all of its library. Target: \
         `lines` adds at most 15 % to the time elapsed.",
        precedence.name()
    );
    let levels = DEBUG_LEVELS.iter().skip(1).map(|(name, _)| *name);
    let mut head = vec!["module", "code, KB", "DWARF, KB", "optimisation"];
    for measure in ["CPU, s", "elapsed, s", "memory, MB", "object, KB"] {
        head.push(measure);
        head.extend(levels.clone());
    }
    let mut table = Table::new("Debug information", words, &head);
    for (name, path) in named {
        let wasm = fs::read(&path).map_err(|problem| format!("cannot read {path:?}: {problem}"))?;
        let (code, dwarf) = sections(&wasm)?;
        for way in WAYS.into_iter().filter(|way| MEASURED.contains(&way.name)) {
            let mut costs: [Option<Cost>; DEBUG_LEVELS.len()] = [None; _];
            for _ in 0..ROUNDS {
                for (cost, (level, _)) in costs.iter_mut().zip(DEBUG_LEVELS) {
                    let now = child::ours_with(&path, way, level)?;
                    *cost = Some(cost.map_or(now, |before| before.least(now)));
                }
            }
            let costs = costs.map(|cost| cost.expect("there is a round"));
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
                format!("{:.0}", code / 1e3),
                format!("{:.0}", dwarf / 1e3),
                way.name.to_owned(),
            ];
            let [none, more @ ..] = &costs;
            let times: [fn(&Cost) -> f64; 2] = [|cost| cost.cpu_seconds, |cost| cost.wall_seconds];
            for of in times {
                cells.push(format!("{:.3}", of(none)));
                cells.extend(
                    more.iter()
                        .map(|cost| format!("{:.2}", of(cost) / of(none))),
                );
            }
            let memory = costs.iter();
            cells.extend(memory.map(|cost| format!("{:.1}", cost.peak_bytes / 1e6)));
            cells.extend(sizes);
            table.row(cells);
        }
    }
    Ok(table)
}

/// Bytes of code and of debug information in a module.
fn sections(wasm: &[u8]) -> Result<(f64, f64), String> {
    let (mut code, mut dwarf) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|problem| problem.to_string())? {
            Payload::CodeSectionStart { size, .. } => code = size as usize,
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                dwarf += section.data().len();
            }
            _ => {}
        }
    }
    Ok((code as f64, dwarf as f64))
}

/// Builds the program in Rust.
fn rust(folder: &Path, name: &str, flags: &[&str]) -> Result<PathBuf, String> {
    let source = folder.join("words.rs");
    let wasm = folder.join(name).with_extension("wasm");
    fs::write(&source, RUST).map_err(|problem| format!("cannot write {source:?}: {problem}"))?;
    let mut compiler = tools::rust_compiler();
    build(
        compiler
            .arg("-g")
            .args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&wasm),
    )?;
    Ok(wasm)
}

/// Builds the server of another benchmark, in C.
fn c(folder: &Path) -> PathBuf {
    let wasm = folder.join("server.wasm");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/network/server.c");
    tools::build_c(source, &["-g", "-O2"], &wasm);
    wasm
}

/// Builds a program of the tests in C++.
fn cpp(folder: &Path) -> Result<PathBuf, String> {
    let wasm = folder.join("shapes.wasm");
    let mut compiler = Command::new(tools::tool("bin/clang++"));
    compiler.args(["--target=wasm32-wasi", "-fno-exceptions", "-g", "-O0"]);
    build(compiler.arg(tested("shapes.cpp")).arg("-o").arg(&wasm))?;
    Ok(wasm)
}

/// Builds a program of the tests in Zig.
fn zig(folder: &Path) -> Result<PathBuf, String> {
    let wasm = folder.join("records.wasm");
    let mut to = std::ffi::OsString::from("-femit-bin=");
    to.push(&wasm);
    let mut compiler = tools::zig_compiler();
    build(
        compiler
            .arg(tested("records.zig"))
            .arg(to)
            .current_dir(folder),
    )?;
    Ok(wasm)
}

/// A program of the tests.
fn tested(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/debug")
        .join(name)
}

fn build(compiler: &mut Command) -> Result<(), String> {
    let status = compiler.stdin(Stdio::null()).status();
    let status = status.map_err(|problem| format!("cannot start {compiler:?}: {problem}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{compiler:?} ended with {status}")),
    }
}
