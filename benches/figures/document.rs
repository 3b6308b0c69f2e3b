//! `docs/benchmarks.md`, of which each bench writes the part between two marks with its name.

use std::fs;
use std::process::Command;

use super::processor;

/// When and on what the `tables` of a part, as `next two tables were`, are taken; to be asked before they are.
pub(crate) fn heading(tables: &str) -> Result<String, String> {
    let date = processor::said_by(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "The {tables} taken on {date} on {processors} x {}; load average before: {load}.\n",
        processor::name()
    ))
}

/// The part of the bench `name` between its marks.
pub(crate) fn marked(name: &str, text: &str) -> String {
    format!("{}\n\n{text}\n{}", begin(name), end(name))
}

/// Puts the part of the bench `name` in its place in the document, or at its end.
pub(crate) fn write(name: &str, text: &str) -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
    let mut document =
        fs::read_to_string(path).map_err(|problem| format!("cannot read {path}: {problem}"))?;
    let (text, last) = (marked(name, text), end(name));
    match (document.find(&begin(name)), document.find(&last)) {
        (Some(begin), Some(end)) => document.replace_range(begin..end + last.len(), &text),
        _ => document.push_str(&format!("\n{text}\n")),
    }
    fs::write(path, document).map_err(|problem| format!("cannot write {path}: {problem}"))?;
    println!("Wrote {path}");
    Ok(())
}

fn begin(name: &str) -> String {
    format!("<!-- {name}: written by `cargo bench --bench {name}` -->")
}

fn end(name: &str) -> String {
    format!("<!-- end of {name} -->")
}
