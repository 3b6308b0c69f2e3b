//! What is told of a crash: to a person in a sentence, to a program in a JSON object.

use std::collections::VecDeque;

use mewz_abi::exit::STATUS_TRAP;
use mewz_abi::record::TrapReport;
use serde_json::json;

use super::Outcome;
use super::failure::{Failure, STATUS_FAILURE};
use super::image::BootImage;
use super::kernel_calls::{self, KernelCall};
use super::trap::Crash;
use super::{emulator, words};

/// Status after a kernel's failure.
pub(super) const STATUS_KERNEL_FAILED: u8 = STATUS_FAILURE;

/// Lines of the kernel's log that are kept for a crash.
const LOG_LINES: usize = 20;

/// What a person or a program wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Telling {
    /// One JSON object.
    pub(super) is_json: bool,
    /// Registers and the last lines of the kernel's log too.
    pub(super) is_full: bool,
}

/// The last lines of the kernel's log, of every level.
#[derive(Clone, Debug, Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    /// Keeps a line.
    pub(super) fn keep(&mut self, text: &str) {
        if self.0.len() == LOG_LINES {
            self.0.pop_front();
        }
        self.0.push_back(emulator::printable(text));
    }
}

/// What the kernel told of the program or of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) trap: Option<&'a TrapReport>,
    pub(super) panic: Option<&'a str>,
    pub(super) log: &'a LastLines,
}

/// Tells it: by the sentence in the answer, which is still to be printed, or by an object that is, and then by the status.
pub(super) fn tell(told: Told<'_>, image: &BootImage<'_>, telling: Telling) -> Outcome {
    let symbols = image.with_symbols();
    if let Some(text) = told.panic {
        let calls = kernel_calls::calls(text, &symbols.unwrap_or_default(), image.module());
        return match telling.is_json {
            true => {
                words::plain(json!({
                    "kernel": emulator::printable(text),
                    "frames": calls.iter().map(KernelCall::json).collect::<Vec<_>>(),
                    "log": told.log.0,
                }));
                Ok(STATUS_KERNEL_FAILED)
            }
            false => {
                let failure = emulator::kernel_failed(text).with_status(STATUS_KERNEL_FAILED);
                let lines = calls.iter().map(ToString::to_string);
                Err(with_log(
                    lines.fold(failure, Failure::note),
                    told.log,
                    telling,
                ))
            }
        };
    }
    let status = STATUS_TRAP as u8;
    let Some(report) = told.trap else {
        return Err(Failure::new("trap").with_status(status));
    };
    let crash = Crash::new(report, image.module(), symbols.as_deref(), &image.missing);
    if telling.is_json {
        let mut object = crash.json();
        object["log"] = json!(told.log.0);
        words::plain(object);
        return Ok(status);
    }
    let registers = match telling.is_full {
        true => crash.register_lines(),
        false => Vec::new(),
    };
    let mut failure = registers.into_iter().fold(crash.failure(), Failure::note);
    if let Some(hint) = image.symbols_hint() {
        failure = failure.hint(hint);
    }
    Err(with_log(failure, told.log, telling).with_status(status))
}

/// Adds the last lines of the log where they are wanted.
fn with_log(failure: Failure, log: &LastLines, telling: Telling) -> Failure {
    if !telling.is_full || log.0.is_empty() {
        return failure;
    }
    let lines = log.0.iter().map(|line| format!("  {line}"));
    let failure = failure.note("the last lines of the kernel's log:");
    lines.fold(failure, Failure::note)
}

#[cfg(test)]
mod tests {
    use super::{LOG_LINES, LastLines};

    #[test]
    fn the_last_lines_are_kept() {
        let mut log = LastLines::default();
        for number in 0..LOG_LINES + 5 {
            log.keep(&number.to_string());
        }
        assert_eq!(log.0.len(), LOG_LINES);
        assert_eq!(log.0[0], "5");
    }
}
