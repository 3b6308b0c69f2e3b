//! What a test harness prints, read as it comes: which test is at work, which passed, why others failed.

use console::Style;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    Passed,
    Failed,
    Ignored,
}

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
    pub(super) filtered_out: usize,
}

/// A test that failed, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) text: String,
}

/// What one run has printed so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    state: State,
    /// Whether this run goes on with what another began: its heading is not for people.
    goes_on: bool,
    line: Vec<u8>,
    /// Bytes of `line` that were shown before it was whole.
    shown: usize,
    /// The test at work, and the last line that came since it began.
    running: Option<(String, String)>,
    pub(super) counts: Counts,
    pub(super) failed: Vec<Failed>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of a harness has come.
    #[default]
    Before,
    Tests,
    /// What failed tests wrote.
    Failures,
    /// Their names once more, and the result.
    End,
}

impl Output {
    /// Reads the first run of a binary, or one that goes on with it.
    pub(super) fn new(goes_on: bool) -> Self {
        Self {
            goes_on,
            ..Self::default()
        }
    }

    /// Whether a harness has begun.
    pub(super) fn is_harness(&self) -> bool {
        self.state != State::Before
    }

    /// Whether the harness has come to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::End
    }

    /// Takes a piece, and hands on what is for people.
    pub(super) fn take(&mut self, piece: &[u8], show: &mut dyn FnMut(&str)) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(part);
            if part.ends_with(b"\n") {
                self.line.pop();
                let line = std::mem::take(&mut self.line);
                self.whole_line(&String::from_utf8_lossy(&line), show);
                self.shown = 0;
            }
        }
        // The test at work, before it is done.
        if self.state == State::Tests {
            let line = String::from_utf8_lossy(&self.line).into_owned();
            if self.shown == 0 && test_of(&line).is_some() {
                show(&line);
                self.shown = line.len();
            }
        }
    }

    /// The test that was at work when the output ended, and the part of its line that was not shown.
    pub(super) fn interrupted(&mut self, show: &mut dyn FnMut(&str)) -> Option<String> {
        if self.state != State::Tests {
            return None;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        show(line.get(self.shown..).unwrap_or_default());
        if let Some((name, _)) = test_of(&line) {
            self.settle();
            self.running = Some((name.to_owned(), String::new()));
        }
        let (name, _) = self.running.take()?;
        self.counts.failed += 1;
        Some(name)
    }

    fn whole_line(&mut self, line: &str, show: &mut dyn FnMut(&str)) {
        let heading = |line: &str| line.starts_with("running ") && line.contains(" test");
        match self.state {
            State::Before if heading(line) => {
                self.state = State::Tests;
                if !self.goes_on {
                    show(&format!("{line}\n"));
                }
            }
            State::Before => {
                if !self.goes_on {
                    show(&format!("{line}\n"));
                }
            }
            State::Tests if line == "failures:" => {
                self.settle();
                self.state = State::Failures;
            }
            State::Failures if line == "failures:" => self.state = State::End,
            State::Failures => self.failure_line(line),
            State::Tests | State::End if line.starts_with("test result: ") => {
                self.settle();
                self.state = State::End;
                self.counts.filtered_out = filtered_out(line);
            }
            State::Tests => self.test_line(line, show),
            State::End => {}
        }
    }

    fn test_line(&mut self, line: &str, show: &mut dyn FnMut(&str)) {
        let rest = line.get(self.shown..).unwrap_or_default();
        // A blank line stands before the result, which is ours to print.
        if !line.is_empty() {
            show(&painted(rest));
        }
        match test_of(line) {
            Some((name, rest)) => {
                self.settle();
                match result_of(rest) {
                    Some(result) => self.count(result),
                    None => self.running = Some((name.to_owned(), rest.to_owned())),
                }
            }
            None if line.is_empty() => {}
            None => {
                if let Some((_, last)) = &mut self.running {
                    line.clone_into(last);
                }
            }
        }
    }

    /// A test that wrote something has ended as its last line says.
    fn settle(&mut self) {
        if let Some((_, last)) = self.running.take() {
            let result = if last.ends_with("FAILED") {
                Result::Failed
            } else {
                Result::Passed
            };
            self.count(result);
        }
    }

    fn count(&mut self, result: Result) {
        match result {
            Result::Passed => self.counts.passed += 1,
            Result::Failed => self.counts.failed += 1,
            Result::Ignored => self.counts.ignored += 1,
        }
    }

    fn failure_line(&mut self, line: &str) {
        let begins = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"));
        match (begins, self.failed.last_mut()) {
            (Some(name), _) => self.failed.push(Failed {
                name: name.to_owned(),
                text: String::new(),
            }),
            (None, Some(failed)) => {
                failed.text += line;
                failed.text.push('\n');
            }
            (None, None) => {}
        }
    }
}

/// The name of the test that a line begins to tell of, and what follows.
fn test_of(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.strip_suffix(" - should panic").unwrap_or(name), rest))
}

fn result_of(rest: &str) -> Option<Result> {
    match rest.split([',', ' ']).next()? {
        "ok" => Some(Result::Passed),
        "FAILED" => Some(Result::Failed),
        "ignored" => Some(Result::Ignored),
        _ => None,
    }
}

/// The end of a test's line in the colour of its result.
fn painted(rest: &str) -> String {
    let at = rest.rfind(' ').map_or(0, |at| at + 1);
    let (before, word) = rest.split_at(at);
    let style = match word {
        "ok" => Style::new().green(),
        "FAILED" => Style::new().red(),
        "ignored" => Style::new().yellow(),
        _ => return format!("{rest}\n"),
    };
    format!("{before}{}\n", style.apply_to(word))
}

fn filtered_out(line: &str) -> usize {
    let number = line
        .split("; ")
        .find_map(|part| part.split_once(" filtered out"));
    number
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Counts, Failed, Output};

    fn read(output: &mut Output, text: &str) -> String {
        let mut shown = String::new();
        // In pieces of one byte: nothing depends on where a pipe cuts.
        for byte in text.as_bytes() {
            output.take(&[*byte], &mut |text| shown += text);
        }
        console::strip_ansi_codes(&shown).into_owned()
    }

    #[test]
    fn a_run_that_ends_is_counted() {
        let mut output = Output::new(false);
        let shown = read(
            &mut output,
            "\nrunning 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c - should panic ... ignored, slow\n\nfailures:\n\n\
             ---- b stdout ----\nError: x\n\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 1 ignored; 0 \
             measured; 7 filtered out; finished in 0.1s\n\n",
        );
        assert_eq!(
            shown,
            "\nrunning 3 tests\ntest a ... ok\ntest b ... FAILED\ntest c - should panic ... ignored, slow\n"
        );
        assert!(output.is_whole());
        let counts = Counts {
            passed: 1,
            failed: 1,
            ignored: 1,
            filtered_out: 7,
        };
        assert_eq!(output.counts, counts);
        let failed = Failed {
            name: "b".to_owned(),
            text: "Error: x\n\n\n".to_owned(),
        };
        assert_eq!(output.failed, [failed]);
        assert_eq!(output.interrupted(&mut |_| {}), None);
    }

    #[test]
    fn the_test_at_work_is_known_when_the_machine_ends() {
        let mut output = Output::new(true);
        let shown = read(
            &mut output,
            "\nrunning 2 tests\ntest a ... ok\ntest m::b ... ",
        );
        assert_eq!(shown, "test a ... ok\ntest m::b ... ");
        assert_eq!(output.interrupted(&mut |_| {}).unwrap(), "m::b");
        assert_eq!((output.counts.passed, output.counts.failed), (1, 1));
    }

    #[test]
    fn output_of_tests_between_the_lines_changes_no_result() {
        let mut output = Output::new(false);
        let shown = read(
            &mut output,
            "running 3 tests\ntest a ... hello\nworld\nok\ntest b ... x\ntest c ... y\nz",
        );
        assert!(shown.ends_with("test a ... hello\nworld\nok\ntest b ... x\ntest c ... y\n"));
        let mut rest = String::new();
        let name = output.interrupted(&mut |text| rest += text);
        assert_eq!((name.as_deref(), &rest[..]), (Some("c"), "z"));
        assert_eq!((output.counts.passed, output.counts.failed), (2, 1));
    }

    #[test]
    fn what_has_no_harness_is_shown_as_it_is() {
        let mut output = Output::new(false);
        assert_eq!(read(&mut output, "1..2\nok 1\n"), "1..2\nok 1\n");
        assert!(!output.is_harness());
    }
}
