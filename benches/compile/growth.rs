//! How time and memory grow with what a module has many of.

use std::fs;

use super::child::{self, Cost, WAYS};
use super::precedence::Precedence;
use super::shapes::{SHAPES, Shape};
use super::table::Table;

/// Sizes of each module.
const SIZES: [usize; 4] = [1, 2, 4, 8];

/// Runs of each size.
const RUNS: usize = 2;

pub(crate) fn measure() -> Result<Table, String> {
    let way = WAYS
        .into_iter()
        .find(|way| way.name == "function")
        .ok_or("the default way is one of those")?;
    let folder = tempfile::tempdir().map_err(|problem| problem.to_string())?;
    let path = folder.path().join("module.wasm");
    let precedence = Precedence::take();
    let words = format!(
        "CPU time in ms and memory in MB for modules that have one thing once, twice, four and eight times as often; least of \
         {RUNS} runs, at {} priority. Rows without a plural of the module's parts are one function. Growth is what eight times \
         the count takes, by what once takes: 8 is in proportion. A function beyond 131,072 operators, 12,000 blocks, 64 loops \
         in loops or 4,000 values alive at once is compiled without optimisation, so that growth below 8 is common. \
         `tests/growth.rs` holds both from growing with a square.",
        precedence.name()
    );
    let head = [
        "many",
        "count at 1",
        "time at 1",
        "2",
        "4",
        "8",
        "growth",
        "memory at 1",
        "2",
        "4",
        "8",
    ];
    let mut table = Table::new("Growth", words, &head);
    for shape in &SHAPES {
        let mut costs: Vec<Cost> = Vec::new();
        for size in SIZES {
            fs::write(&path, wasm(shape, size)?).map_err(|problem| problem.to_string())?;
            let mut least = child::ours(&path, way)?;
            for _ in 1..RUNS {
                least = least.least(child::ours(&path, way)?);
            }
            costs.push(least);
        }
        let mut cells = vec![shape.name.to_owned(), shape.count.to_string()];
        cells.extend(
            costs
                .iter()
                .map(|cost| format!("{:.1}", cost.cpu_seconds * 1e3)),
        );
        let (first, last) = (costs[0], costs[SIZES.len() - 1]);
        cells.push(format!("{:.1}", last.cpu_seconds / first.cpu_seconds));
        cells.extend(
            costs
                .iter()
                .map(|cost| format!("{:.1}", cost.peak_bytes / 1e6)),
        );
        eprintln!("{}", cells.join(" | "));
        table.row(cells);
    }
    Ok(table)
}

fn wasm(shape: &Shape, size: usize) -> Result<Vec<u8>, String> {
    let text = (shape.text)(shape.count * size);
    wat::parse_str(text).map_err(|problem| format!("{}: {problem}", shape.name))
}
