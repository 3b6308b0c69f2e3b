//! `cargo bench --bench reload`: from a save to the first answer of the new program, for `mewz dev` and its peers.
//!
//! `-- --saves N` is how many saves each gets, 100 where nobody says otherwise (peers get a third); `--write` puts the table
//! into `docs/benchmarks.md`.

mod answer;
mod application;
#[path = "../figures/document.rs"]
mod document;
mod peer;
#[path = "../figures/processor.rs"]
mod processor;
mod save;
#[path = "../figures/table.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod table;

use std::process::ExitCode;

use application::Application;
use peer::Peer;
use save::Figures;
use table::Table;

/// Saves where nobody says otherwise.
const SAVES: usize = 100;

fn main() -> ExitCode {
    match measure(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[String]) -> Result<(), String> {
    let saves = match words.iter().position(|word| word == "--saves") {
        Some(at) => words.get(at + 1).and_then(|word| word.parse().ok()),
        None => Some(SAVES),
    };
    let saves: usize = saves
        .filter(|saves| *saves > 0)
        .ok_or("--saves needs a number")?;
    let heading = document::heading("next table was")?;
    let application = Application::build()?;
    let mut table = Table::new(
        "Reloading",
        format!(
            "From the moment before a file is saved (a new one takes its place) until a request that began afterwards has the \
             new answer; clients ask again as soon as they have an answer. What a language's own build takes is left out: \
             mewz and wasmtime are given `benches/reload/server.c`, {:.2} MB of WebAssembly in {} functions, of which a save \
             changes one; Vite and wrangler a source of one line. `link to answer` counts from the message that the \
             window is linked, by `mewz dev --json`. A request waits for a connection, too. Under TCG. Target of `park`: 50 ms \
             in the middle, 120 ms for 95 of 100, 15 ms from link to answer.",
            application.bytes() as f64 / 1e6,
            application.functions,
        ),
        &[
            "server",
            "saves",
            "median, ms",
            "p95, ms",
            "most, ms",
            "link to answer, median, ms",
            "p95, ms",
            "functions compiled",
            "failed requests",
            "longest wait of a request, ms",
        ],
    );
    let mut medians = Vec::new();
    for peer in peer::all() {
        eprintln!("{}", peer.name);
        match run(&peer, &application, saves) {
            Ok(figures) => {
                medians.push((peer.name.clone(), figures.answer.middle()));
                table.row(figures.cells(&peer.name));
            }
            // A peer that can't be had leaves the others.
            Err(problem) if peer.is_optional => eprintln!("Left out: {}: {problem}", peer.name),
            Err(problem) => return Err(format!("{}: {problem}", peer.name)),
        }
    }
    let text = format!("{heading}\n{table}");
    println!("{text}");
    if let Some((first, least)) = medians.first() {
        for (name, median) in &medians[1..] {
            println!(
                "{name} takes {:.1} times as long as {first}",
                median / least
            );
        }
    }
    if words.iter().any(|word| word == "--write") {
        document::write("reload", &text)?;
    }
    Ok(())
}

fn run(peer: &Peer, application: &Application, saves: usize) -> Result<Figures, String> {
    let saves = if peer.is_optional {
        saves.div_ceil(3)
    } else {
        saves
    };
    save::measure(peer, application, saves)
}
