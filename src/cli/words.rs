//! Words to people, on standard error; data never comes this way.
//!
//! A standard error that nobody reads any more is no failure: what can't be written is dropped.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use console::Style;

use crate::compile::Counts;

/// Most characters of a name that comes from a file; some tools write long ones.
const NAME_LEN_MAX: usize = 240;

/// Prints `error: …`.
pub(super) fn error(text: impl Display) {
    labelled("error:", &Style::new().for_stderr().red().bold(), text);
}

/// Prints `warning: …`.
pub(super) fn warning(text: impl Display) {
    labelled("warning:", &Style::new().for_stderr().yellow().bold(), text);
}

/// Prints `hint: …`.
pub(super) fn hint(text: impl Display) {
    labelled("hint:", &Style::new().for_stderr().cyan(), text);
}

/// Prints that a file is there: `Built app.elf (1.2 MiB) in 0.4 s`.
pub(super) fn made(verb: &str, file: &Path, bytes: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let size = indicatif::HumanBytes(bytes as u64);
    plain(format_args!(
        "{verb} `{}` ({size}) in {seconds:.1} s",
        file.display()
    ));
}

/// Prints how much was compiled.
pub(super) fn compiled(counts: Option<Counts>) {
    let Some(Counts {
        functions,
        compiled,
        ..
    }) = counts
    else {
        return plain("Compiled nothing: the image was there");
    };
    plain(format_args!(
        "Compiled {compiled} of {functions} functions, {} were there",
        functions - compiled
    ));
}

/// Prints a line, or several.
pub(super) fn plain(text: impl Display) {
    print("", &text.to_string());
}

/// A name that comes from a file, in a form that is fit for a line: a terminal must not obey it, nor be flooded by it.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    let is_fit = |c: char| !c.is_control();
    if name.len() <= NAME_LEN_MAX && name.chars().all(is_fit) {
        return name.into();
    }
    let mut short: String = name
        .chars()
        .take(NAME_LEN_MAX)
        .map(|c| if is_fit(c) { c } else { '\u{fffd}' })
        .collect();
    if name.chars().nth(NAME_LEN_MAX).is_some() {
        short.push('…');
    }
    short.into()
}

fn labelled(label: &str, style: &Style, text: impl Display) {
    print(&format!("{} ", style.apply_to(label)), &text.to_string());
}

fn print(label: &str, text: &str) {
    // One write a line, so that lines of several writers do not mix. Paths and messages may hold what a terminal obeys.
    let text = text.replace(
        |c: char| c.is_control() && !matches!(c, '\n' | '\t'),
        "\u{fffd}",
    );
    let line = format!("{label}{text}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A word as a shell takes it.
pub(super) fn quoted(word: impl AsRef<OsStr>) -> String {
    let text = word.as_ref().to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{name, quoted};

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("microvm,acpi=off"), "microvm,acpi=off");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn names_are_fit_for_a_line() {
        assert_eq!(name("env.read"), "env.read");
        assert_eq!(name("é\n\x1b[31m"), "é\u{fffd}\u{fffd}[31m");
        let long = "é".repeat(99_000);
        assert_eq!(name(&long).chars().count(), 241);
        assert!(name(&long).ends_with('…'));
    }
}
