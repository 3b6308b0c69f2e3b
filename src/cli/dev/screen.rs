//! What people and programs see of the loop: lines on a terminal, plain lines elsewhere, or JSON.
//!
//! Standard output has the program's own output (or, with `--json`, one object a line); all else is standard error.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use console::Style;
use serde_json::{Value, json};

use super::build::Times;
use super::event::GuestId;
use crate::cli::emulator;
use crate::cli::failure::Failure;
use crate::cli::trace::Call;
use crate::cli::words;
use crate::compile::Counts;

/// A line that does not end is shown as far as it goes when it has grown to so many bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Lines that are kept for who asks by the control socket.
const HISTORY_LINES: usize = 500;

/// How the loop speaks.
#[derive(Debug)]
pub(super) struct Screen {
    /// One object a line, on standard output.
    json: bool,
    /// The program's lines get a prefix.
    has_prefix: bool,
    /// Standard error is a terminal.
    is_terminal: bool,
    /// The screen is cleared at each save.
    clears: bool,
    /// The terminal is told when a build fails or works again.
    notifies: bool,
    /// Lines that have not ended, of standard output and standard error.
    partial: HashMap<(GuestId, bool), Vec<u8>>,
    /// The last lines that were shown.
    history: std::collections::VecDeque<String>,
    /// Lines since the terminal was left to another; `None` while it is ours.
    held: Option<usize>,
}

/// Who says something, and when it began to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) id: GuestId,
    /// The build that it runs.
    pub(super) number: u64,
    /// Its place among several that run the same.
    pub(super) instance: Option<usize>,
    pub(super) began: Instant,
}

/// How a save came to run.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) number: u64,
    pub(super) files: Vec<PathBuf>,
    pub(super) times: Times,
    pub(super) counts: Counts,
    /// What started the program, and how long that took: `boot` or `swap`.
    pub(super) start: (&'static str, Duration),
    /// From the program's start to its first wait for a connection.
    pub(super) ready: Option<Duration>,
    /// From the first notice of the save to here.
    pub(super) total: Duration,
}

impl Screen {
    pub(super) fn new(json: bool, clears: bool, notifies: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            json,
            has_prefix: !json && std::io::stdout().is_terminal(),
            is_terminal: is_terminal && !json,
            clears,
            notifies,
            partial: HashMap::new(),
            history: std::collections::VecDeque::new(),
            held: None,
        }
    }

    /// Takes other choices.
    pub(super) fn choose(&mut self, clears: bool, notifies: bool) {
        self.clears = clears;
        self.notifies = notifies;
    }

    /// The last lines that were shown.
    pub(super) fn history(&self) -> impl Iterator<Item = &str> {
        self.history.iter().map(String::as_str)
    }

    /// Leaves the terminal to another: what is said meanwhile is only remembered.
    pub(super) fn hold(&mut self) {
        self.held = Some(0);
    }

    /// Says what was not said while the terminal was another's, as far as it is remembered.
    pub(super) fn release(&mut self) {
        let Some(count) = self.held.take() else {
            return;
        };
        let first = self.history.len().saturating_sub(count);
        for line in self.history.range(first..) {
            words::plain(line);
        }
    }

    /// Whether people are spoken to.
    fn is_heard(&self) -> bool {
        !self.json && self.held.is_none()
    }

    /// Prints a line for people.
    pub(super) fn say(&mut self, text: &str) {
        self.remember(text);
        if self.is_heard() {
            words::plain(text);
        }
    }

    /// Prints a line about a save, the number in front.
    pub(super) fn tell(&mut self, number: u64, text: &str) {
        self.remember(&format!("#{number} {text}"));
        if self.is_heard() {
            let number = style().bold().apply_to(format!("#{number}"));
            print(&format!("{number} {text}\n"));
        }
    }

    /// Prints a warning.
    pub(super) fn warn(&mut self, text: &str) {
        self.remember(text);
        if self.json {
            self.object(&json!({ "event": "warning", "text": text }));
        } else if self.is_heard() {
            words::warning(text);
        }
    }

    /// A save was noticed.
    pub(super) fn change(&mut self, number: u64, files: &[PathBuf]) {
        if self.clears {
            self.clear();
        }
        self.object(&json!({
            "event": "change", "number": number, "files": paths(files),
        }));
    }

    /// A part of the work for a save is done.
    pub(super) fn phase(&mut self, number: u64, phase: &str, took: Duration) {
        self.object(&json!({
            "event": "phase", "number": number, "phase": phase, "ms": milliseconds(took),
        }));
    }

    /// Prints what a build command has printed.
    pub(super) fn build_output(&mut self, number: u64, bytes: &[u8]) {
        if self.json {
            let text = plain(bytes);
            self.object(
                &json!({ "event": "log", "number": number, "stream": "build", "text": text }),
            );
        } else if self.is_heard() {
            let _ = std::io::stderr().write_all(bytes);
        }
    }

    /// A save runs.
    pub(super) fn ready(&mut self, status: &Status) {
        self.object(&json!({
            "event": "ready",
            "number": status.number,
            "files": paths(&status.files),
            "build_ms": status.times.build.map(milliseconds),
            "compile_ms": milliseconds(status.times.compile),
            "link_ms": milliseconds(status.times.link),
            "start": status.start.0,
            "start_ms": milliseconds(status.start.1),
            "ready_ms": status.ready.map(milliseconds),
            "total_ms": milliseconds(status.total),
            "functions": status.counts.functions,
            "functions_compiled": status.counts.compiled,
        }));
        let line = status.line();
        self.tell(status.number, &line);
    }

    /// Prints why there is no new program, or why one has ended.
    pub(super) fn failure(&mut self, event: &str, number: u64, failure: &Failure) {
        self.remember(&failure.text());
        if self.json {
            let text = failure.text();
            self.object(&json!({ "event": event, "number": number, "text": text }));
        } else if self.is_heard() {
            failure.report();
        }
    }

    /// The memory of a program that crashed is in a file.
    pub(super) fn core(&mut self, path: &Path, text: &str) {
        self.object(&json!({ "event": "core", "path": path.display().to_string() }));
        self.say(text);
    }

    /// A program has ended by itself.
    pub(super) fn exit(&mut self, number: u64, status: u32, after: Duration) {
        self.object(&json!({
            "event": "exit", "number": number, "status": status, "ms": milliseconds(after),
        }));
        let text = format!("ended with status {status} after {}", time(after));
        let text = if status == 0 {
            style().green().apply_to(text)
        } else {
            style().yellow().apply_to(text)
        };
        self.tell(number, &text.to_string());
    }

    /// Prints a line of the kernel's log.
    pub(super) fn log(&mut self, speaker: Speaker, level: u8, text: &str) {
        let text = emulator::printable(text);
        self.remember(&text);
        if self.json {
            self.object(&json!({
                "event": "log", "number": speaker.number, "stream": "kernel", "level": level, "text": text,
            }));
        } else if self.is_heard() && level == 1 {
            words::error(format_args!("kernel: {text}"));
        } else if self.is_heard() {
            words::plain(format_args!("kernel: {text}"));
        }
    }

    /// Prints what a program has written.
    pub(super) fn output(&mut self, speaker: Speaker, is_error: bool, bytes: &[u8]) {
        if !self.json && !self.has_prefix {
            write_to(is_error, bytes);
        }
        let key = (speaker.id, is_error);
        let mut waiting = self.partial.remove(&key).unwrap_or_default();
        waiting.extend(bytes);
        let mut rest = &waiting[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line(speaker, is_error, &rest[..end]);
            rest = &rest[end + 1..];
        }
        if rest.len() > LINE_BYTES_MAX {
            self.line(speaker, is_error, rest);
        } else if !rest.is_empty() {
            self.partial.insert(key, rest.to_vec());
        }
    }

    /// Shows a call of WASI.
    pub(super) fn call(&mut self, speaker: Speaker, call: &Call) {
        if self.json {
            let mut object = call.object();
            object["event"] = "call".into();
            object["number"] = speaker.number.into();
            object["instance"] = speaker.instance.into();
            self.object(&object);
            return;
        }
        let text = call.text(&style().red());
        self.remember(&text);
        if self.is_heard() && self.has_prefix {
            let prefix = prefix(speaker, "sys", &style().cyan());
            write_to(false, format!("{prefix}{text}\n").as_bytes());
        } else if self.is_heard() {
            words::plain(text);
        }
    }

    /// Shows what has not ended, of a program that has.
    pub(super) fn flush(&mut self, speaker: Speaker) {
        for is_error in [false, true] {
            if let Some(line) = self.partial.remove(&(speaker.id, is_error)) {
                self.line(speaker, is_error, &line);
            }
        }
    }

    fn line(&mut self, speaker: Speaker, is_error: bool, line: &[u8]) {
        self.remember(&String::from_utf8_lossy(line));
        if self.json {
            let stream = if is_error { "stderr" } else { "stdout" };
            let text = String::from_utf8_lossy(line);
            self.object(&json!({
                "event": "log",
                "number": speaker.number,
                "instance": speaker.instance,
                "stream": stream,
                "ms": milliseconds(speaker.began.elapsed()),
                "text": text,
            }));
        } else if self.has_prefix && self.is_heard() {
            let prefix = match is_error {
                true => prefix(speaker, "err", &style().yellow()),
                false => prefix(speaker, "out", &style().dim()),
            };
            let mut bytes = prefix.into_bytes();
            bytes.extend(line);
            bytes.push(b'\n');
            write_to(false, &bytes);
        }
    }

    /// Clears a terminal, with what has scrolled out of sight.
    pub(super) fn clear(&mut self) {
        if self.is_terminal && self.is_heard() {
            print("\x1b[2J\x1b[3J\x1b[H");
        }
    }

    /// Rings, and sends a notice that terminals show on the desktop. Source: OSC 9 of iTerm2, and others since.
    pub(super) fn notify(&mut self, text: &str) {
        if self.notifies && self.is_terminal && self.is_heard() {
            print(&format!("\x07\x1b]9;mewz: {text}\x1b\\"));
        }
    }

    fn remember(&mut self, text: &str) {
        for line in text.lines() {
            if self.history.len() == HISTORY_LINES {
                self.history.pop_front();
            }
            let line = console::strip_ansi_codes(line).into_owned();
            self.history.push_back(line);
            self.held = self.held.map(|count| count + 1);
        }
    }

    fn object(&self, object: &Value) {
        if self.json {
            write_to(false, format!("{object}\n").as_bytes());
        }
    }
}

impl Status {
    /// `src/main.rs  build 312 ms · compile 18 ms (3/412 functions) · link 4 ms · swap 1 ms · ready 6 ms`.
    fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(build) = self.times.build {
            parts.push(format!("build {}", time(build)));
        }
        parts.push(format!(
            "compile {} ({}/{} functions)",
            time(self.times.compile),
            self.counts.compiled,
            self.counts.functions
        ));
        parts.push(format!("link {}", time(self.times.link)));
        parts.push(format!("{} {}", self.start.0, time(self.start.1)));
        if let Some(ready) = self.ready {
            parts.push(format!("ready {}", time(ready)));
        }
        let parts = parts.join(" · ");
        match named(&self.files) {
            files if files.is_empty() => parts,
            files => format!("{}  {parts}", style().cyan().apply_to(files)),
        }
    }
}

/// What stands before a line of a program: its build, its time, and what the line is.
fn prefix(speaker: Speaker, name: &str, style: &Style) -> String {
    let mut prefix = format!("#{}", speaker.number);
    if let Some(instance) = speaker.instance {
        let _ = write!(prefix, ".{}", instance + 1);
    }
    let seconds = speaker.began.elapsed().as_secs_f64();
    let _ = write!(prefix, " {seconds:8.3}s {name} │ ");
    style.apply_to(prefix).to_string()
}

/// The first file and how many more, as a line has it.
pub(super) fn named(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [one] => words::name(&one.display().to_string()).into_owned(),
        [first, rest @ ..] => {
            let first = first.display().to_string();
            format!("{} +{}", words::name(&first), rest.len())
        }
    }
}

/// The bytes of a terminal as text without colours and what was overwritten.
pub(super) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = console::strip_ansi_codes(&text);
    let lines = text.lines().map(|line| {
        line.rsplit('\r')
            .find(|part| !part.is_empty())
            .unwrap_or("")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A time in a unit that fits.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0..0.010 => format!("{:.1} ms", seconds * 1e3),
        0.010..1.0 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn paths(files: &[PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

fn style() -> Style {
    Style::new().for_stderr()
}

fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A reader that went away is no reason to end the loop.
fn write_to(is_error: bool, bytes: &[u8]) {
    let _ = if is_error {
        std::io::stderr().write_all(bytes)
    } else {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush())
    };
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{Status, named, plain, time};
    use crate::cli::dev::build::Times;
    use crate::compile::Counts;

    #[test]
    fn a_save_is_one_line() {
        let milliseconds = Duration::from_millis;
        let status = Status {
            number: 7,
            files: vec![PathBuf::from("src/main.rs")],
            times: Times {
                build: Some(milliseconds(312)),
                compile: milliseconds(18),
                link: milliseconds(4),
            },
            counts: Counts {
                functions: 412,
                compiled: 3,
                profile_fit: None,
            },
            start: ("swap", milliseconds(1)),
            ready: Some(milliseconds(6)),
            total: milliseconds(400),
        };
        assert_eq!(
            console::strip_ansi_codes(&status.line()),
            "src/main.rs  build 312 ms · compile 18 ms (3/412 functions) · link 4.0 ms · swap 1.0 ms · ready 6.0 ms"
        );
    }

    #[test]
    fn times_and_files_are_short() {
        assert_eq!(time(Duration::from_micros(1234)), "1.2 ms");
        assert_eq!(time(Duration::from_millis(2345)), "2.3 s");
        let files = ["a", "b", "c"].map(PathBuf::from);
        assert_eq!(named(&files), "a +2");
        assert_eq!(named(&[]), "");
    }

    #[test]
    fn what_a_compiler_painted_becomes_text() {
        let painted = b"\x1b[31merror\x1b[0m: no\r\n 10%\r 99%\r\nend";
        assert_eq!(plain(painted), "error: no\n 99%\nend");
    }
}
