//! The walks of docs/debugging.md through bugs of interrupt handlers: the commands that it shows, and what they must tell.

use std::fs;

use super::built::Built;
use super::invoke::{Ended, Place, signal};
use super::{Transcript, command, crashed, source};

/// What the document has people type: the words behind `mewz`, and what they tell gdb then.
struct Shown {
    arguments: Vec<String>,
    commands: Vec<String>,
}

impl Shown {
    fn arguments(&self) -> Vec<&str> {
        self.arguments.iter().map(String::as_str).collect()
    }

    /// Runs `mewz debug` as shown, and gives gdb its commands.
    fn debug(&self, place: &Place) -> Transcript {
        let mut arguments = self.arguments();
        assert_eq!(arguments.remove(0), "debug");
        let mut all = vec!["debug", "--batch"];
        for line in &self.commands {
            all.extend(["--ex", line]);
        }
        all.extend(arguments);
        Transcript::new(&Ended::new(command(place, &all).output().unwrap()))
    }
}

/// What is shown below a heading, in its order.
fn shown(heading: &str) -> Vec<Shown> {
    let document = format!("{}/docs/debugging.md", env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(document).unwrap();
    let heading = format!("## {heading}\n");
    let (_, section) = document.split_once(&heading).expect("the document has it");
    let section = section.split("\n## ").next().unwrap();
    let mut all: Vec<Shown> = Vec::new();
    for line in section.lines().filter_map(|line| line.strip_prefix("    ")) {
        // What stands far behind a command explains it.
        let typed = line.split("  ").next().unwrap();
        if let Some(words) = typed.strip_prefix("$ mewz ") {
            all.push(Shown {
                arguments: words.split_whitespace().map(str::to_owned).collect(),
                commands: Vec::new(),
            });
        } else if let Some(told) = typed.strip_prefix("(gdb) ") {
            let session = all.last_mut().expect("something was started");
            session.commands.push(told.to_owned());
        }
    }
    all
}

#[test]
fn a_handler_that_changes_a_register_is_found() {
    let shown = shown("A handler that changes what is not its own");
    let [run, look, watch, record, replay] = &shown[..] else {
        panic!("{} things are shown", shown.len());
    };
    let built = Built::new("curve.c", &["-O1"]);
    let place = &built.place;
    fs::rename(place.path("app.wasm"), place.path("curve.wasm")).unwrap();
    // The program is wrong, and waits to be looked at.
    let (mut child, _stderr, told) = crashed(place, &run.arguments());
    assert!(
        told.contains("trap: unreachable in `compute` at curve.c:17:"),
        "{told}"
    );
    look.debug(place).assert(&[
        "#0  compute () at curve.c:17\n",
        " in main () at curve.c:24\n",
        " in enter_application ()",
        "$1 = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}\n",
        "rbx            0xffffffffffffffff  -1\n",
    ]);
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(134));
    watch.debug(place).assert(&[
        "Breakpoint 1, ",
        "compute () at curve.c:16\n",
        "Temporary breakpoint 2, answer_timer () at src/arch/interrupts.rs:",
        "#3  ",
        "compute () at curve.c:",
        "Hardware watchpoint 3: -location *(long *) $saved(\"rbx\")\n",
        "New value = -1\n",
        "#0  clobber_register () at src/entry/debugger.rs:",
        "answer_timer ()",
        "<signal handler called>\n",
        "compute () at curve.c:",
        " in main () at curve.c:24\n",
    ]);
    // One run that is recorded leads there too.
    let ended = Ended::new(command(place, &record.arguments()).output().unwrap());
    ended.assert(134, &["trap: unreachable in `compute` at curve.c:17:"]);
    replay.debug(place).assert(&[
        "Program received signal SIGILL",
        "Temporary breakpoint 1, answer_timer () at src/arch/interrupts.rs:",
        "Hardware watchpoint 2: -location *(long *) $saved(\"rbx\")\n",
        "New value = -1\n",
        "#0  clobber_register () at src/entry/debugger.rs:",
        "answer_timer ()",
        "<signal handler called>\n",
        "compute () at curve.c:",
    ]);
    place.assert_clean();
}

#[test]
fn a_handler_that_changes_memory_is_found() {
    let shown = shown("A handler that writes to the program's memory");
    let [run, watch] = &shown[..] else {
        panic!("{} things are shown", shown.len());
    };
    let place = Place::new();
    fs::copy(source("add.wat"), place.path("add.wat")).unwrap();
    // Nothing in the program writes what changes there.
    let ended = Ended::new(command(&place, &run.arguments()).output().unwrap());
    ended.assert(3, &[]);
    watch.debug(&place).assert(&[
        "Hardware watchpoint 2",
        "Old value = 1",
        "New value = -1",
        "clobber_memory ()",
        "answer_timer ()",
        "<signal handler called>",
        "in add_up ()",
        "in _start ()",
    ]);
    place.assert_clean();
}
