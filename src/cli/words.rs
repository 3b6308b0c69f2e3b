//! Words to people, on standard error; data never comes this way.
//!
//! A standard error that nobody reads any more is no failure: what can't be written is dropped.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use console::Style;

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

/// Prints a line as it is.
pub(super) fn plain(text: impl Display) {
    // One write a line, so that lines of several writers do not mix.
    let line = format!("{text}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn labelled(label: &str, style: &Style, text: impl Display) {
    plain(format_args!("{} {text}", style.apply_to(label)));
}
