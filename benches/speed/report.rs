//! The table: times, ratios and their geometric means.

use std::fmt::Write as _;
use std::process::Command;

use mewz::compile::OptLevel;

use super::build::{memory_base, target_cpu};
use super::engine::Engine;
use super::measure::Times;
use super::precedence::Precedence;
use super::processor;
use super::settings::Settings;
use super::workshop::{Workshop, output, read, tool};

/// The most of wasmtime's time that the programs may take, as a geometric mean, and any one of them.
const TARGET: f64 = 0.90;
const TARGET_OF_ONE: f64 = 1.05;

const MEWZ: Engine = Engine::Mewz(OptLevel::Module);
const MEWZ_FUNCTION: Engine = Engine::Mewz(OptLevel::Function);

/// A column of ratios: its head, whose time, and against whose.
type Ratio = (String, Engine, Engine);

/// The part of the document.
pub(crate) fn text(
    workshop: &Workshop,
    results: &[Times],
    settings: &Settings,
    precedence: &Precedence,
) -> Result<String, String> {
    let mut text = format!(
        "## Speed of compiled code\n\n{}\n\n",
        words(workshop, settings, precedence)?
    );
    let ratios: Vec<Ratio> = ratios(settings);
    let mut head: Vec<String> = vec!["program".to_owned()];
    head.extend(settings.engines.iter().map(Engine::name));
    head.extend(ratios.iter().map(|(name, ..)| name.clone()));
    row(&mut text, &head);
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for times in results {
        let mut cells = vec![times.program.name.to_owned()];
        for engine in &settings.engines {
            cells.push(cell(times.of(engine).map(|seconds| seconds * 1e3), 0));
        }
        for (_, one, other) in &ratios {
            let ratio = ratio(times, one, other);
            let text = cell(ratio, 2);
            let is_over = *other == Engine::Wasmtime
                && *one == MEWZ
                && ratio.is_some_and(|ratio| ratio > TARGET_OF_ONE);
            cells.push(if is_over { format!("**{text}**") } else { text });
        }
        row(&mut text, &cells);
    }
    let mut cells = vec!["geometric mean".to_owned()];
    cells.extend(settings.engines.iter().map(|_| String::new()));
    for (_, one, other) in &ratios {
        let mean = mean(results, one, other);
        if *other == Engine::Wasmtime && *one == MEWZ && mean.is_some_and(|mean| mean > TARGET) {
            eprintln!("warning: the mean is above the target, {TARGET:.2} of wasmtime");
        }
        cells.push(cell(mean, 3));
    }
    row(&mut text, &cells);
    Ok(text)
}

fn words(
    workshop: &Workshop,
    settings: &Settings,
    precedence: &Precedence,
) -> Result<String, String> {
    let date = processor::said_by(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let clang = first_line(Command::new(tool("bin/clang")).arg("--version"))?;
    let wasm2c = first_line(Command::new("wasm2c").arg("--version")).unwrap_or_default();
    let wasmtime = first_line(Command::new(tool("python/bin/python")).args([
        "-c",
        "from importlib.metadata import version; print(version('wasmtime'))",
    ]))?;
    let bytes: usize = settings
        .programs
        .iter()
        .map(|program| Ok(read(&workshop.file(program.name, "program.wasm"))?.len()))
        .sum::<Result<usize, String>>()?;
    Ok(format!(
        "CPU time in ms, on the host itself, start-up left out: the least of {} rounds in which each engine ran each program, at \
         {} priority. \
         All engines printed the same. Taken on {date} on {}. The programs are C, compiled once natively (`clang -O2`) and \
         once to WebAssembly ({:.1} MB in all, `-O2`, no vectors), by {clang}. wasm2c {wasm2c} and the same clang at `-O2`. \
         wasmtime {wasmtime}, code compiled ahead of time for this processor with its own settings. mewz for `{:?}`, linear \
         memory at {:#x}: the whole module optimised (`mewz`), and each function by itself (`mewz-function`). \
         `benches/speed/programs` holds the programs; SQLite, Brotli, Lua and QuickJS are those that crates of these names \
         bundle. Targets: a mean of at most {TARGET:.2} of wasmtime's time, none over {TARGET_OF_ONE:.2} (bold).",
        settings.rounds,
        precedence.name(),
        processor::name(),
        bytes as f64 / 1e6,
        target_cpu(),
        memory_base(),
    ))
}

fn first_line(command: &mut Command) -> Result<String, String> {
    let said = output(command)?.stdout;
    let said = String::from_utf8_lossy(&said);
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

fn ratios(settings: &Settings) -> Vec<Ratio> {
    let mut ratios: Vec<Ratio> = vec![
        ("mewz / wasmtime".to_owned(), MEWZ, Engine::Wasmtime),
        (
            "mewz-function / wasmtime".to_owned(),
            MEWZ_FUNCTION,
            Engine::Wasmtime,
        ),
        ("mewz-profile / mewz".to_owned(), Engine::Profiled, MEWZ),
        ("mewz / wasm2c".to_owned(), MEWZ, Engine::Wasm2c),
        ("mewz / clang".to_owned(), MEWZ, Engine::Native),
    ];
    for engine in &settings.engines {
        if let Engine::Saved(_) = engine {
            ratios.push((format!("mewz / {}", engine.name()), MEWZ, engine.clone()));
        }
    }
    ratios.retain(|(_, one, other)| {
        settings.engines.contains(one) && settings.engines.contains(other)
    });
    ratios
}

fn ratio(times: &Times, one: &Engine, other: &Engine) -> Option<f64> {
    Some(times.of(one)? / times.of(other)?)
}

/// The geometric mean of a ratio, over the programs that have it.
fn mean(results: &[Times], one: &Engine, other: &Engine) -> Option<f64> {
    let logarithms: Vec<f64> = results
        .iter()
        .filter_map(|times| Some(ratio(times, one, other)?.ln()))
        .collect();
    let count = logarithms.len() as f64;
    (count > 0.0).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

fn row(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
