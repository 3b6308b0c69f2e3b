//! Scripted sessions of gdb on machines of their own, through `mewz debug`; each ends by itself.
//!
//! `sessions`: breakpoints, watchpoints, steps, `monitor`, registers, bad addresses, backtraces from the kernel and from an
//! interrupt into the program, a handler that writes where it should not, QEMU's own stub. `source`: C, C++ and Rust by their
//! source. `running`: Ctrl-C with interrupts on and off, noise on the line, debuggers that come and go. `crash`: signals, reports for
//! people and programs, the machine that waits. `core`: cores, and gdb's commands for the kernel's state. `editors`: a port
//! and the machine interface, what is refused, images without a stub.

mod core;
mod crash;
mod editors;
#[path = "../invoke/mod.rs"]
mod invoke;
mod noise;
mod running;
mod sessions;
mod source;
#[path = "../tools/mod.rs"]
mod tools;

use std::path::PathBuf;
use std::process::Command;

use invoke::{Ended, Place, files, wait_for};

/// A program of `tests/debug`.
fn source(name: &str) -> String {
    format!("{}/tests/debug/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// `mewz` with `arguments`, with a runtime folder of its own.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command
        .env("XDG_RUNTIME_DIR", place.path("run"))
        .env_remove("MEWZ_GDB");
    command
}

/// Runs `mewz debug --batch` with `options`, then gdb's `commands`.
fn session(options: &[&str], commands: &[&str], module: &str) -> Transcript {
    let place = Place::new();
    let mut arguments = vec!["debug", "--batch"];
    arguments.extend(options);
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    arguments.push(module);
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    place.assert_clean();
    Transcript::new(&ended)
}

/// What gdb said, and what mewz did.
struct Transcript {
    text: String,
    errors: String,
}

impl Transcript {
    fn new(ended: &Ended) -> Self {
        Self {
            text: String::from_utf8_lossy(&ended.stdout).into_owned(),
            errors: ended.stderr.clone(),
        }
    }

    /// Fails unless each of `words` is there, in this order.
    #[track_caller]
    fn assert(&self, words: &[&str]) {
        let mut rest = &self.text[..];
        for word in words {
            let Some(at) = rest.find(word) else {
                panic!(
                    "{word:?} is missing, or not in its place, in:\n{}\n--- stderr\n{}",
                    self.text, self.errors
                );
            };
            rest = &rest[at + word.len()..];
        }
        for (stream, text) in [("output", &self.text), ("errors", &self.errors)] {
            assert!(!text.contains("warning:"), "{stream}:\n{text}");
            assert!(!text.contains("corrupt stack"), "{stream}:\n{text}");
        }
    }
}

/// The socket of the one machine of a place.
fn line_socket(place: &Place) -> PathBuf {
    wait_for("the debugger's socket", || {
        files(&place.path("run"))
            .into_iter()
            .find(|file| file.file_name().is_some_and(|name| name == "line"))
    })
}

/// Commands to a machine of `mewz run --debuggable`.
fn attached(place: &Place, commands: &[&str]) -> Transcript {
    let mut arguments = vec!["debug", "--attach", "--batch"];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    Transcript::new(&Ended::new(command(place, &arguments).output().unwrap()))
}
