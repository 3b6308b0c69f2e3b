//! `mewz explain`: a crash on the console of a plain QEMU, with functions and lines.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use mewz_abi::record::{BACKTRACE_LEN_MAX, REGISTER_NAMES, TrapReport};
use mewz_abi::trap::TrapKind;

use super::Outcome;
use super::debug_file::{self, BuildId};
use super::failure::Failure;
use super::kernel_calls;
use super::module::{Module, unreadable};
use super::trap::Crash;
use super::{emulator, words};

/// How the kernel begins a line of its own on a serial console.
const MARK: &str = "mewz: ";

/// How it begins what it tells of a trap.
const TRAP: &str = "trap: ";

/// How it begins a line of a call that led to it.
const CALL: &str = "called from 0x";

/// Tell a crash in an image's console log with functions and lines
///
/// An image that QEMU boots without mewz tells of a crash in addresses alone. This tells it as `mewz run` does, by the debug file
/// that `mewz build --release` left, or by the image's own symbols.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz explain app.elf console.log
  journalctl -u app | mewz explain app.elf")]
pub(super) struct ExplainArguments {
    /// The image that wrote it, or its debug file
    image: PathBuf,
    /// The log [default: standard input]
    log: Option<PathBuf>,
}

/// Tells every crash in the log.
pub(super) fn run(arguments: ExplainArguments) -> Outcome {
    let path = &arguments.image;
    let image = std::fs::read(path).map_err(|problem| unreadable(path, &problem))?;
    let id = BuildId::of(&image).ok_or_else(|| {
        Failure::new(format!("`{}` is no image", path.display()))
            .hint("name what `mewz build` wrote, or its debug file")
    })?;
    let symbols = debug_file::symbols(path, &id, image).ok_or_else(|| {
        Failure::new(format!(
            "nothing is known of the code of `{}`",
            path.display()
        ))
        .hint(debug_file::hint(&id))
    })?;
    let mut log = Vec::new();
    match &arguments.log {
        Some(log_path) => {
            log = std::fs::read(log_path).map_err(|problem| {
                Failure::new(format!("cannot read `{}`", log_path.display())).cause(problem)
            })?;
        }
        None => {
            std::io::stdin()
                .read_to_end(&mut log)
                .map_err(|problem| Failure::new("cannot read standard input").cause(problem))?;
        }
    }
    let module = Module::of_image(path);
    let log = String::from_utf8_lossy(&log);
    let mut told = String::new();
    for lines in crashes(&log) {
        let text = match trap_report(&lines) {
            Some((report, cause)) => Crash::new(&report, &module, Some(&symbols), &[])
                .with_cause(cause)
                .failure()
                .text(),
            None => {
                let text = lines.join("\n");
                let calls = kernel_calls::calls(&text, &symbols, &module).into_iter();
                if calls.len() == 0 {
                    continue;
                }
                let failure = Failure::new(emulator::printable(lines[0]));
                calls
                    .map(|call| call.to_string())
                    .fold(failure, Failure::note)
                    .text()
            }
        };
        told.push_str(&text);
    }
    if told.is_empty() {
        return Err(Failure::new("the log tells of no crash").hint(
            "the kernel's lines begin with `mewz: `, and those of the calls that led there follow",
        ));
    }
    match std::io::stdout().write_all(told.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot print").cause(problem))
        }
        _ => Ok(0),
    }
}

/// The crashes that `log` tells of: each a line of the kernel without its mark, and the calls behind it. What a journal puts before
/// lines is passed over.
fn crashes(log: &str) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for line in log.lines() {
        let line = line.trim_end();
        if let Some((_, own)) = line.split_once(MARK) {
            all.push(vec![own]);
        } else if let Some(at) = line.find(CALL).or_else(|| line.find("interrupting 0x"))
            && let Some(last) = all.last_mut()
        {
            last.push(&line[at..]);
        }
    }
    all
}

/// What `lines` tell of a trap, and its cause in words; `None` where they tell of something else.
fn trap_report(lines: &[&str]) -> Option<(TrapReport, String)> {
    let (first, calls) = lines.split_first()?;
    let (cause, places) = first.strip_prefix(TRAP)?.split_once(", instruction 0x")?;
    let (cause, wasm_offset) = match cause.split_once(" at wasm offset 0x") {
        Some((cause, offset)) => (cause, hexadecimal(offset)?.try_into().ok()?),
        None => (cause, u32::MAX),
    };
    let name = cause.split(" `").next().unwrap_or(cause);
    let kind = TrapKind::ALL.into_iter().find(|kind| kind.name() == name)?;
    let accessed = places.split_once(", address 0x");
    let mut report = TrapReport {
        kind: kind as u32,
        wasm_offset,
        instruction: hexadecimal(places)?,
        accessed: accessed
            .and_then(|(_, text)| hexadecimal(text))
            .unwrap_or(0),
        registers: [0; REGISTER_NAMES.len()],
        backtrace: [0; BACKTRACE_LEN_MAX],
        backtrace_len: 0,
    };
    let addresses = calls
        .iter()
        .filter_map(|line| hexadecimal(line.strip_prefix(CALL)?));
    for (slot, address) in report.backtrace.iter_mut().zip(addresses) {
        *slot = address;
        report.backtrace_len += 1;
    }
    Some((report, words::name(cause).into_owned()))
}

/// The number that `text` begins with.
fn hexadecimal(text: &str) -> Option<u64> {
    let end = text.find(|digit: char| !digit.is_ascii_hexdigit());
    u64::from_str_radix(&text[..end.unwrap_or(text.len())], 16).ok()
}

#[cfg(test)]
mod tests {
    use mewz_abi::trap::TrapKind;

    use super::{crashes, trap_report};

    #[test]
    fn a_trap_is_read_as_the_kernel_writes_it() {
        let log = "hello\r\n\
                   10:00 host mewz: trap: missing import `env.f` at wasm offset 0x20, instruction 0xffffffffa0001000\r\n\
                   10:00 host   called from 0xffffffffa0001010\n\
                   bye\n\
                   mewz: trap: out of bounds memory access, instruction 0xa0, address 0x10\n";
        let crashes = crashes(log);
        assert_eq!(crashes.len(), 2);
        let (report, cause) = trap_report(&crashes[0]).unwrap();
        assert_eq!(cause, "missing import `env.f`");
        assert_eq!(report.kind, TrapKind::MissingImport as u32);
        assert_eq!(
            (report.wasm_offset, report.instruction),
            (0x20, 0xffff_ffff_a000_1000)
        );
        assert_eq!(
            report.backtrace[..report.backtrace_len],
            [0xffff_ffff_a000_1010]
        );
        let (report, _) = trap_report(&crashes[1]).unwrap();
        assert_eq!((report.wasm_offset, report.accessed), (u32::MAX, 0x10));
    }

    #[test]
    fn what_is_no_trap_is_none() {
        for line in [
            "",
            "trap: ",
            "trap: hunger, instruction 0x1",
            "trap: unreachable, instruction 0xzz",
        ] {
            assert!(trap_report(&[line]).is_none(), "{line}");
        }
        assert!(crashes("called from 0x1").is_empty());
    }
}
