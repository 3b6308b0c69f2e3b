//! mewz beside wasmtime on the same modules, at the same level of optimisation.

use std::fs;
use std::path::{Path, PathBuf};

use super::child::{self, Cost, WAYS, Way};
use super::precedence::Precedence;
use super::shapes;
use super::table::Table;

/// Rounds; each compiles each module once in each way by each engine.
const ROUNDS: usize = 4;

/// Programs that the benchmark of speed builds.
const PROGRAMS: [&str; 4] = ["brotli", "lua", "quickjs", "sqlite"];

/// Shapes of modules that need no compiler, with their counts.
const MADE: [(&str, usize); 2] = [("functions", 20_000), ("`if` after `if`", 3_000)];

/// A row to be.
struct Row {
    module: String,
    bytes: usize,
    path: PathBuf,
    way: Way,
    ours: Option<Cost>,
    theirs: Option<Cost>,
}

pub(crate) fn measure(modules: &[PathBuf]) -> Result<Table, String> {
    let folder = tempfile::tempdir().map_err(|problem| problem.to_string())?;
    let mut named: Vec<(String, PathBuf)> = Vec::new();
    for (name, count) in MADE {
        named.push((
            format!("{count} x {name}"),
            made(folder.path(), name, count)?,
        ));
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/speed");
    for name in PROGRAMS {
        let path = built.join(name).join("program.wasm");
        if path.exists() {
            named.push((name.to_owned(), path));
        } else {
            eprintln!("{name} is left out: `cargo bench --bench speed -- {name}` builds it");
        }
    }
    for path in modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        named.push((name.into_owned(), path.clone()));
    }
    let mut rows = Vec::new();
    for (module, path) in named {
        let bytes = fs::metadata(&path)
            .map_err(|problem| format!("cannot read {path:?}: {problem}"))?
            .len() as usize;
        rows.extend(WAYS.map(|way| Row {
            module: module.clone(),
            bytes,
            path: path.clone(),
            way,
            ours: None,
            theirs: None,
        }));
    }
    let precedence = Precedence::take();
    for round in 1..=ROUNDS {
        eprintln!("Round {round} of {ROUNDS}");
        for row in &mut rows {
            let cost = child::ours(&row.path, row.way)?;
            row.ours = Some(row.ours.map_or(cost, |before| before.least(cost)));
            if let Some(theirs) = row.way.theirs {
                let cost = child::theirs(&row.path, theirs)?;
                row.theirs = Some(row.theirs.map_or(cost, |before| before.least(cost)));
            }
        }
    }
    Ok(table(&rows, precedence.name()))
}

fn made(folder: &Path, name: &str, count: usize) -> Result<PathBuf, String> {
    let shape = shapes::SHAPES.iter().find(|shape| shape.name == name);
    let shape = shape.ok_or_else(|| format!("no shape has {name}"))?;
    let wasm = wat::parse_str((shape.text)(count)).map_err(|problem| problem.to_string())?;
    let path = folder.join(format!("{count}.wasm"));
    fs::write(&path, wasm).map_err(|problem| format!("cannot write {path:?}: {problem}"))?;
    Ok(path)
}

fn table(rows: &[Row], priority: &str) -> Table {
    let words = format!(
        "From a module's bytes to an object's, and to a wasmtime `Module`; both on all cores, at {priority} priority. Each \
         figure is the least of {ROUNDS} rounds in which both compiled in turn, each in a process of its own. Memory is what \
         comes on top of the module's bytes. mewz's `none` and `function` beside wasmtime's `none` and `speed`; wasmtime has \
         no peer to `module`, which inlines, so its `speed` stands there. Target: at most 1.00 of wasmtime in each ratio."
    );
    let head = [
        "module",
        "size, KB",
        "optimisation",
        "CPU, s",
        "wasmtime",
        "ratio",
        "elapsed, s",
        "wasmtime",
        "ratio",
        "memory, MB",
        "wasmtime",
        "ratio",
    ];
    let mut table = Table::new("Compilation", words, &head);
    for row in rows {
        let speed = rows
            .iter()
            .find(|other| other.path == row.path && other.way.name == "function");
        let (Some(ours), Some(theirs)) =
            (row.ours, row.theirs.or(speed.and_then(|row| row.theirs)))
        else {
            continue;
        };
        let mut cells = vec![
            row.module.clone(),
            format!("{:.0}", row.bytes as f64 / 1e3),
            row.way.name.to_owned(),
        ];
        let mut compare = |ours: f64, theirs: f64, digits: usize| {
            cells.push(format!("{ours:.digits$}"));
            cells.push(format!("{theirs:.digits$}"));
            cells.push(format!("{:.2}", ours / theirs));
        };
        compare(ours.cpu_seconds, theirs.cpu_seconds, 3);
        compare(ours.wall_seconds, theirs.wall_seconds, 3);
        compare(ours.peak_bytes / 1e6, theirs.peak_bytes / 1e6, 1);
        table.row(cells);
    }
    table
}
