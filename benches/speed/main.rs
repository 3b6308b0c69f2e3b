//! `cargo bench --bench speed`: how fast compiled code is, beside wasmtime, wasm2c and clang on the same sources.
//!
//! Every program runs under every engine in each of several rounds; its figure is the least CPU time. All must print the
//! same. A run of everything writes its table into `docs/benchmarks.md`. `scripts/test-tools` installs the engines.
//!
//! Words on the command line choose programs; `--engines a,b` chooses engines, `mewz-profile` too, which no table of
//! everything has. `--rounds N` sets their count, `--quick` takes two rounds without wasm2c. `--save NAME` keeps what mewz
//! made of the programs, and `--with NAME` runs it beside today's.

mod build;
#[path = "../figures/document.rs"]
#[expect(dead_code, reason = "other benchmarks need more of it")]
mod document;
mod engine;
mod measure;
mod packages;
#[path = "../figures/precedence.rs"]
mod precedence;
#[path = "../figures/processor.rs"]
mod processor;
mod program;
mod report;
mod settings;
mod workshop;

use std::process::ExitCode;

use precedence::Precedence;
use settings::Settings;
use workshop::Workshop;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let settings = Settings::from_words(std::env::args().skip(1))?;
    let workshop = Workshop::new()?;
    let packages = packages::fetch(&workshop)?;
    let built = build::all(&workshop, &packages, &settings)?;
    if let Some(name) = &settings.save {
        build::save(&workshop, &settings, name)?;
    }
    let precedence = Precedence::take();
    let results = measure::all(&workshop, &built, &settings)?;
    let text = report::text(&workshop, &results, &settings, &precedence)?;
    println!("{}", document::marked("speed", &text));
    if settings.is_whole() {
        document::write("speed", &text)?;
    }
    Ok(())
}
