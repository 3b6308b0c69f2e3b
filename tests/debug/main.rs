//! Scripted sessions of gdb on machines of their own, through `mewz debug`; each ends by itself.
//!
//! What is wanted of a debugger, and where it is tried:
//!
//! | what | test |
//! |---|---|
//! | 1 breakpoint at a line, backtrace, variables | `source::c_is_debugged_by_its_source` |
//! | 2 pointers, arrays, texts, no warning | the same; `Transcript::assert` finds warnings everywhere |
//! | 3 values of Rust | `languages::rust_is_debugged_by_its_source`, `values_of_rusts_library_are_shown` |
//! | 4 variables of Zig | `languages::zig_is_debugged_by_its_source` |
//! | 5 a breakpoint in the timer's handler | `sessions::a_backtrace_in_an_interrupt…`, `source::an_interrupt_shows…` |
//! | 6 watchpoints, old and new value | `source::a_variable_is_watched_by_its_name`, `sessions::a_program_is_stopped…` |
//! | 7 a variable set changes the outcome | `source::a_variable_is_set_and_what_follows_obeys` |
//! | 8 next, step, finish | `source::the_source_is_gone_through_line_by_line` |
//! | 9, 10 Ctrl-C, with interrupts off too | `running::ctrl_c_stops_a_loop_with_interrupts_on_and_off` |
//! | 11 traps by their signals and lines | `crash::each_crash_has_its_signal_and_its_line`, `source::a_null_pointer_stops_at_its_line` |
//! | 12 addresses where nothing is | `sessions::a_program_is_stopped…` |
//! | 13 noise on the line | `noise`, `running::noise_is_nothing…`; the stub alone: `fuzz_stub` of the kernel's tests |
//! | 14 a crash that waits, attach, detach, attach | `crash::a_crash_is_told_at_once_and_waits` |
//! | 15 `monitor`, system and vector registers | `sessions::a_program_is_stopped…` |
//! | 16 a report within 100 ms | `crash::a_crash_is_told_within_a_tenth_of_a_second` |
//! | 17 cores | `core` |
//! | 18 the machine interface | `editors::an_editor_comes_by_a_port` |
//! | 19 back to the last write | `travel`, `packets` |
//! | 20 a handler that clobbers a register | `walk::a_handler_that_changes_a_register_is_found` |
//! | 21 images without a stub | `editors::images_carry_the_stub_only_where_it_is_asked_for`, `tests/debug_file.rs` |
//! | 22 gdb goes from program to program | `tests/dev`: `debugger::gdb_goes_from_program_to_program_with_its_breakpoints` |
//! | bodies that became part of functions | `frames` |
//! | what a server that waits has open | `running::a_server_that_waits_shows_its_sockets` |
//!
//! `scripts/repeat` runs them all many times.

mod built;
mod core;
mod crash;
mod editors;
mod frames;
#[path = "../invoke/mod.rs"]
mod invoke;
mod languages;
mod limits;
mod noise;
mod packets;
mod running;
mod sessions;
mod source;
#[path = "../tools/mod.rs"]
mod tools;
mod travel;
mod walk;

use std::io::{BufRead, BufReader};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command};

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

/// A process that is gone when its test has failed.
struct Kept(Child);

impl Deref for Kept {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // One that was waited for is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a `mewz debug --listen` waits for a debugger, by what it says first.
#[track_caller]
fn told_address(stderr: &mut impl BufRead) -> String {
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    line.split_once("on 127.0.0.1:")
        .and_then(|(_, rest)| rest.split_once(':'))
        .map(|(port, _)| format!("127.0.0.1:{port}"))
        .unwrap_or_else(|| panic!("no address in {line:?}"))
}

/// A `mewz` with a machine that has crashed and waits for a debugger, and what was told until then.
#[track_caller]
fn crashed(place: &Place, arguments: &[&str]) -> (Kept, BufReader<ChildStderr>, String) {
    let mut child = Kept(command(place, arguments).spawn().unwrap());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("the machine waits") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    (child, stderr, told)
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

/// What gdb says at either end of a recording, before version 16 and since then.
const ENDS_OF_HISTORY: [&str; 2] = [
    "No more reverse-execution history.",
    "Reached end of recorded history; stopping.",
];

impl Transcript {
    fn new(ended: &Ended) -> Self {
        let [before, since] = ENDS_OF_HISTORY;
        Self {
            text: String::from_utf8_lossy(&ended.stdout).replace(since, before),
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
            // Newer versions of gdb have that word before a file that is not here, as those of libraries and the kernel.
            let mut lines = text.lines();
            let is_warned = lines.any(|line| {
                line.contains("warning:") && !line.ends_with("No such file or directory")
            });
            assert!(!is_warned, "{stream}:\n{text}");
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

/// Looks at a core.
fn opened(place: &Place, core: &str, commands: &[&str]) -> Transcript {
    let mut arguments = vec!["debug", "--batch"];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    arguments.push(core);
    Transcript::new(&Ended::new(command(place, &arguments).output().unwrap()))
}
