//! The part of `docs/benchmarks.md` that is written here.

use std::fs;
use std::process::Command;

use super::processor;
use super::table::Table;

const BEGIN: &str = "<!-- compile: written by `cargo bench --bench compile` -->";
const END: &str = "<!-- end of compile -->";

/// The head of the part: where and when its figures were taken.
pub(crate) fn heading() -> Result<String, String> {
    let date = processor::said_by(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "{BEGIN}\n\nThe next two tables were taken on {date} on {processors} x {}; load average before: {load}.\n",
        processor::name()
    ))
}

/// Adds a table, and prints it.
pub(crate) fn add(text: &mut String, table: &Table) {
    let table = table.to_string();
    println!("{table}");
    text.push('\n');
    text.push_str(&table);
}

/// Puts the part in its place in the document, or at its end.
pub(crate) fn write(text: &str) -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
    let mut document =
        fs::read_to_string(path).map_err(|problem| format!("cannot read {path}: {problem}"))?;
    let text = format!("{text}\n{END}");
    match (document.find(BEGIN), document.find(END)) {
        (Some(begin), Some(end)) => document.replace_range(begin..end + END.len(), &text),
        _ => document.push_str(&format!("\n{text}\n")),
    }
    fs::write(path, document).map_err(|problem| format!("cannot write {path}: {problem}"))?;
    println!("Wrote {path}");
    Ok(())
}
