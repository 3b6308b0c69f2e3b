//! One file's sizes as a table or as JSON.

use std::path::Path;

use serde::Serialize;

use super::groups::{By, Row};
use crate::cli::failure::Failure;
use crate::cli::words;

/// Width of a column of bytes.
pub(super) const BYTES_WIDTH: usize = 11;

/// What `--json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    file: String,
    by: By,
    wasm: Option<u64>,
    native: u64,
    rows: &'a [Row],
}

/// The table, with at most `top` lines of `rows` where that is not 0.
pub(super) fn text(by: By, rows: &[Row], top: usize) -> String {
    let native: u64 = rows.iter().map(|row| row.native).sum();
    let wasm: Option<u64> = rows.iter().map(|row| row.wasm).sum();
    let column = |bytes: Option<u64>| match (wasm, bytes) {
        (None, _) => String::new(),
        (_, bytes) => format!("{:>BYTES_WIDTH$}", bytes.unwrap_or(0)),
    };
    let line = |name: &str, wasm: Option<u64>, bytes: u64| {
        let share = 100.0 * bytes as f64 / native.max(1) as f64;
        let wasm = column(wasm);
        format!("{wasm}{bytes:>BYTES_WIDTH$}  {share:>5.1} %  {name}\n")
    };
    let head = if wasm.is_some() {
        format!("{:>BYTES_WIDTH$}", "wasm")
    } else {
        String::new()
    };
    let mut text = format!(
        "{head}{:>BYTES_WIDTH$}  {:>7}  {}\n",
        "native",
        "",
        title(by)
    );
    let shown = shown(rows.len(), top);
    for row in &rows[..shown] {
        text.push_str(&line(&words::name(&row.name), row.wasm, row.native));
    }
    let rest = &rows[shown..];
    if !rest.is_empty() {
        let bytes = rest.iter().map(|row| row.native).sum();
        let wasm = rest.iter().map(|row| row.wasm).sum();
        text.push_str(&line(&format!("and {} more", rest.len()), wasm, bytes));
    }
    text + &line("in all", wasm, native)
}

/// How many of `len` lines are shown.
pub(super) fn shown(len: usize, top: usize) -> usize {
    match top {
        0 => len,
        // A line that says how many more there are is no shorter than the one line it stands for.
        _ if len == top + 1 => len,
        _ => len.min(top),
    }
}

/// What the lines are about.
pub(super) fn title(by: By) -> &'static str {
    match by {
        By::Function => "function",
        By::Section => "section",
        By::Crate => "crate",
    }
}

/// All lines.
pub(super) fn json(file: &Path, by: By, rows: &[Row]) -> Result<String, Failure> {
    printed(&Listing {
        file: file.display().to_string(),
        by,
        wasm: rows.iter().map(|row| row.wasm).sum(),
        native: rows.iter().map(|row| row.native).sum(),
        rows,
    })
}

/// A value as indented JSON.
pub(super) fn printed(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|problem| Failure::new("cannot write the table").cause(problem))
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::cli::size::groups::{By, Row};

    fn row(name: &str, wasm: Option<u64>, native: u64) -> Row {
        Row {
            name: name.to_owned(),
            index: None,
            wasm,
            native,
        }
    }

    #[test]
    fn a_module_has_a_column_of_its_own() {
        let rows = [row("f", Some(10), 75), row("g", Some(5), 25)];
        assert_eq!(
            text(By::Function, &rows, 0),
            "       wasm     native           function\n\
             \u{20}        10         75   75.0 %  f\n\
             \u{20}         5         25   25.0 %  g\n\
             \u{20}        15        100  100.0 %  in all\n"
        );
    }

    #[test]
    fn what_is_not_shown_is_one_line() {
        let rows: Vec<Row> = (0..5).map(|_| row("f", None, 10)).collect();
        let text = text(By::Section, &rows, 2);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(
            text.contains("         30   60.0 %  and 3 more\n"),
            "{text}"
        );
    }
}
