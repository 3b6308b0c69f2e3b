//! QEMU as people meet it: found or not, too old or not, and what it says when it fails.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use super::cache::Cache;
use super::failure::Failure;
use super::packages::{Package, install_command};
use crate::qemu::error::QemuError;
use crate::qemu::program::{self, DEFAULT_PROGRAM};
use crate::qemu::session::Death;

/// Lines of QEMU's or the kernel's words that a failure shows.
const WORDS_LINES_MAX: usize = 12;

/// Finds QEMU and makes sure that it is new enough.
pub(super) fn locate(name: Option<&Path>, cache: Option<&Cache>) -> Result<PathBuf, Failure> {
    let search_path = std::env::var_os("PATH");
    let name = name.unwrap_or(Path::new(DEFAULT_PROGRAM));
    let file = program::find(name, search_path.as_deref()).map_err(unusable)?;
    // Its version is asked once: the answer takes as long as half a boot.
    let key = identity(&file);
    if !cache
        .zip(key.as_ref())
        .is_some_and(|(cache, key)| cache.knows(key))
    {
        program::version(&file).map_err(unusable)?;
        if let Some((cache, key)) = cache.zip(key.as_ref()) {
            cache.learn(key);
        }
    }
    Ok(file)
}

/// What tells this file of QEMU from others; `None` where there is none.
pub(super) fn identity(program: &Path) -> Option<blake3::Hash> {
    let file = std::fs::metadata(program).ok()?;
    let mut text = format!(
        "qemu {} {} {}.{} ",
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec()
    );
    let _ = write!(text, "{}", program.display());
    Some(blake3::hash(text.as_bytes()))
}

fn unusable(problem: QemuError) -> Failure {
    let what = match &problem {
        QemuError::Missing(_) => "QEMU is not installed, or not where it is looked for",
        QemuError::TooOld { .. } => "QEMU is too old",
        _ => "QEMU cannot be used",
    };
    Failure::new(what)
        .cause(&problem)
        .hint(install_hint())
        .hint("`--qemu FILE` or MEWZ_QEMU names another one")
}

fn install_hint() -> String {
    match install_command(Package::Qemu) {
        Some(command) => format!("`{command}` installs it"),
        None => "install QEMU 7.0 or newer for x86-64 (`qemu-system-x86_64`)".to_owned(),
    }
}

/// The sentence for a machine that could not be started or understood.
pub(super) fn not_run(problem: &QemuError) -> Failure {
    match problem {
        QemuError::NoKvm(_) => Failure::new("the accelerator `kvm` cannot be used")
            .cause(problem)
            .hint("`--accel auto` takes it where it can be used, and TCG elsewhere"),
        QemuError::TooManyMounts { .. } => Failure::usage("too many folders")
            .cause(problem)
            .hint("mount a folder that holds them, or take `--machine q35`"),
        QemuError::Garbage(_) => Failure::new("the machine cannot be understood")
            .cause(problem)
            .hint("this is a bug of mewz, or what runs is not its kernel"),
        QemuError::Output { .. } => Failure::new("the program's output is lost").cause(problem),
        _ => Failure::new("the machine cannot be run").cause(problem),
    }
}

/// The sentence for a QEMU that ended without a word from the kernel.
pub(super) fn died(death: &Death) -> Failure {
    let failure = match death.status.signal() {
        Some(signal) => {
            let failure =
                Failure::new("QEMU was killed").cause(format!("signal {}", signal_name(signal)));
            if signal == 9 {
                failure.hint("somebody ended it, or the host ran out of memory")
            } else {
                failure
            }
        }
        None if death.had_started => Failure::new("the machine ended before the program did")
            .cause(format!("QEMU ended with status {}", status(death))),
        None => Failure::new("the machine did not start")
            .cause(format!("QEMU ended with status {}", status(death))),
    };
    let failure = said(failure, "QEMU says", &death.words);
    let failure = said(failure, "the kernel says", &death.serial);
    match hint(&death.words) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The sentence for a kernel that gave up, with `text` as its reason.
pub(super) fn kernel_failed(text: &str) -> Failure {
    const KNOWN: [(&str, &str); 2] = [
        ("give it more", "`--memory SIZE` gives the machine more"),
        (
            "compiled for a processor",
            "`--target-cpu x86-64-v2` asks for less of the processor",
        ),
    ];
    let hint = KNOWN.iter().find(|(known, _)| text.contains(known));
    Failure::new("the kernel cannot run the program")
        .cause(printable(text))
        .hint(hint.map_or(
            "this is a bug of mewz, not of the program: please report it",
            |(_, hint)| hint,
        ))
}

fn status(death: &Death) -> String {
    death
        .status
        .code()
        .map_or("unknown".to_owned(), |code| code.to_string())
}

fn said(failure: Failure, who: &str, text: &str) -> Failure {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    match &lines[lines.len().saturating_sub(WORDS_LINES_MAX)..] {
        [] => failure,
        [line] => failure.cause(format!("{who}: {}", printable(line))),
        lines => {
            let lines: String = lines
                .iter()
                .map(|line| format!("\n    {}", printable(line)))
                .collect();
            failure.cause(format!("{who}:{lines}"))
        }
    }
}

/// A line without control characters: a terminal must not obey what a machine says.
pub(super) fn printable(line: &str) -> String {
    line.trim_end()
        .chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

fn signal_name(number: i32) -> String {
    match number {
        4 => "SIGILL".to_owned(),
        6 => "SIGABRT".to_owned(),
        7 => "SIGBUS".to_owned(),
        9 => "SIGKILL".to_owned(),
        11 => "SIGSEGV".to_owned(),
        15 => "SIGTERM".to_owned(),
        24 => "SIGXCPU".to_owned(),
        _ => number.to_string(),
    }
}

/// What to do about QEMU's own complaints, where they are known.
fn hint(words: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 8] = [
        (
            "cannot set up guest memory",
            "the host has not that much memory: take a smaller `--memory`",
        ),
        (
            "Cannot allocate memory",
            "the host has not that much memory: take a smaller `--memory`",
        ),
        ("KVM kernel module", "`--accel tcg` does without KVM"),
        ("failed to initialize kvm", "`--accel tcg` does without KVM"),
        (
            "unsupported machine type",
            "this QEMU lacks the machine: try `--machine q35`, or another QEMU",
        ),
        (
            "There is no option group 'fsdev'",
            "this QEMU is built without 9p: install a full one for `--dir`",
        ),
        (
            "-fsdev: invalid option",
            "this QEMU is built without 9p: install a full one for `--dir`",
        ),
        (
            "is not a valid device model name",
            "this QEMU is built without a device that mewz needs: install a full one",
        ),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| words.contains(known))
        .map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\n"), "a\u{fffd}[31mb");
    }
}
