//! Sessions on C, C++ and text: lines, functions, variables.

use std::collections::BTreeSet;
use std::fs;

use super::built::Built;
use super::invoke::{Ended, Place};
use super::{Transcript, command, source};

#[test]
fn c_is_debugged_by_its_source() {
    let built = Built::new("list.c", &["-O0"]);
    let commands = [
        "break list.c:22",
        "continue",
        "bt",
        "info args",
        "info scope divide",
        "up",
        "info locals",
        "info address sum",
        "p *first->next",
        "p first->next->next->value",
        "p nodes[1].name",
        "p table",
        "p &counter == &counter",
        "p counter",
        "ptype first",
        "p argc",
        "set var sum = 31",
        "down",
        "set var a = 32",
        "finish",
        "continue",
    ];
    built.session(&[], &commands).assert(&[
        "Breakpoint 1 at 0x",
        "file list.c, line 22.",
        "Breakpoint 1, divide (a=30, b=3) at list.c:22",
        "#0  divide (a=30, b=3) at list.c:22",
        "in main (argc=1, argv=0x",
        ") at list.c:49",
        "a = 30\nb = 3\n",
        "Symbol a is a complex DWARF expression:",
        "DW_OP_fbreg",
        "Symbol b is a complex",
        "#1 ",
        "nodes = {{value = 0, next = 0x",
        "name = \"node\\000\\000\\000\"}, {value = 10, ",
        "first = 0x",
        "sum = 30\n",
        "Symbol \"sum\" is a complex",
        "$1 = {value = 10, next = 0x",
        "$2 = 20\n",
        "$3 = \"node\\000\\000\\000\"\n",
        "$4 = {1, 2, 3, 4}\n",
        "$5 = 1\n",
        "$6 = 33\n",
        "type = struct node {\n    int value;\n    struct node *next;\n    char name[8];\n} *\n",
        "$7 = 1\n",
        "Value returned is $8 = 10\n",
        "exited with code 07]",
    ]);
}

#[test]
fn a_variable_is_set_and_what_follows_obeys() {
    let built = Built::new("list.c", &["-O0"]);
    let commands = [
        "start",
        "print divide(1, 0)",
        "run",
        "break divide",
        "continue",
        "print kind(10)",
        "set var b = 5",
        "continue",
        "run",
    ];
    let transcript = built.session(&[], &commands);
    transcript.assert(&[
        "Temporary breakpoint 1, main (",
        "divide (a=30, b=3) at list.c:22",
        "$1 = 11\n",
        "exited with code 010]",
    ]);
    for (words, is_there) in [
        ("while in a function called from GDB", true),
        ("the program has begun: `continue` goes on", true),
        ("the program has ended, and its machine", true),
        // What is called returns to a breakpoint on the stack.
        ("faulted", false),
    ] {
        let errors = &transcript.errors;
        assert_eq!(errors.contains(words), is_there, "{words}: {errors}");
    }
}

#[test]
fn the_source_is_gone_through_line_by_line() {
    let built = Built::new("list.c", &["-O0"]);
    let commands = [
        "break main",
        "continue",
        "step",
        "bt",
        "next",
        "next",
        "finish",
        "next",
        "next",
        "next",
        "next",
        "step",
        "info frame",
        // The kernel has functions of that name.
        "tbreak kind",
        "info breakpoints 2",
        "continue",
        "continue",
    ];
    let transcript = built.session(&[], &commands);
    assert!(
        !transcript.text.contains(" y   0xffffffff8"),
        "{}",
        transcript.text
    );
    transcript.assert(&[
        "main (argc=1, argv=0x",
        "at list.c:43\n43\t",
        "build (nodes=0x",
        "count=3) at list.c:14\n14\t",
        "#0  build (nodes=0x",
        "#1  0x",
        " in main (argc=1, argv=0x",
        "15\t        nodes[i].value = i * 10;\n",
        "16\t        nodes[i].next",
        "main (argc=1, argv=0x",
        "at list.c:43\n",
        "Value returned is $1 = (struct node *) 0x",
        "44\t    int sum = 0;\n",
        "45\t    for",
        "46\t        sum",
        "45\t    for",
        "46\t        sum",
        "Temporary breakpoint 2 at 0x",
        "Only the program's count",
        " n   0xffffffff8",
        " y   0xffffffffa",
        "Temporary breakpoint 2",
        "kind (value=",
        "exited with code 07]",
    ]);
}

#[test]
fn a_variable_is_watched_by_its_name() {
    let built = Built::new("list.c", &["-O0"]);
    let commands = [
        "break main",
        // The very instruction that a breakpoint is at writes what is watched, the first of a loop in one line too.
        "tbreak build",
        "continue",
        "continue",
        "set var i = 5",
        "watch -l i",
        "continue",
        "delete 3",
        "next",
        "watch counter",
        "continue",
        "bt",
        "watch sum",
        "continue",
        "delete",
        "continue",
    ];
    built.session(&[], &commands).assert(&[
        "Hardware watchpoint 3: -location i\n",
        "Hardware watchpoint 3: -location i\n",
        "Old value = 5\nNew value = 0\n",
        "Hardware watchpoint 4: counter\n",
        "Hardware watchpoint 4: counter\n",
        "Old value = 0\nNew value = 33\n",
        "main (argc=1, argv=0x",
        ") at list.c:48\n",
        "#0  main (argc=1",
        "Hardware watchpoint 5: sum\n",
        "exited with code 07]",
    ]);
}

#[test]
fn an_interrupt_shows_the_programs_variables() {
    let built = Built::new("list.c", &["-O0"]);
    let options = ["--kernel-arg", "timer_hz=1000", "--break", "build"];
    let commands = [
        "break answer_timer",
        "continue",
        "bt",
        "frame function main",
        "p nodes[0].value >= 0",
        "delete",
        "continue",
    ];
    built.session(&options, &commands).assert(&[
        "build (nodes=0x",
        "answer_timer",
        "<signal handler called>",
        " in main (argc=1, argv=0x",
        "at list.c:4",
        "$1 = ",
        "exited with code 07]",
    ]);
}

#[test]
fn optimised_code_tells_what_is_in_registers() {
    let built = Built::new("list.c", &["-O2", "-fno-inline", "-gdwarf-5"]);
    let commands = [
        "break build",
        "continue",
        "bt",
        // The frame is there, and what is in it.
        "p (long)$pc > (long)&build",
        "info args",
        "finish",
        "continue",
    ];
    built.session(&[], &commands).assert(&[
        "build (",
        "nodes=0x",
        "count=3) at list.c:1",
        "in main (argc=",
        "$1 = 1\n",
        "count = 3\n",
        "Value returned is $2 = (struct node *) 0x",
        "exited with code 07]",
    ]);
}

#[test]
fn cpp_is_debugged_by_its_source() {
    // Types stand in units of their own.
    let flags = ["-O0", "-gdwarf-5", "-fdebug-types-section"];
    let built = Built::new("shapes.cpp", &flags);
    let commands = [
        "break shapes::Pair::area",
        "continue",
        "bt",
        "next",
        "info locals",
        "p *this",
        "p this->side",
        "up",
        "p shape",
        "finish",
        "delete",
        "tbreak shapes::largest<int>",
        "continue",
        "info args",
        "continue",
    ];
    built.session(&[], &commands).assert(&[
        "shapes::Pair::area (this=0x",
        ") at shapes.cpp:19",
        "in measure (shape=...) at shapes.cpp:36",
        "in main () at shapes.cpp:43",
        "product = 12\n",
        "$1 = {<shapes::Shape> = {_vptr$Shape = 0x",
        "side = 3}, other = 4}\n",
        "$2 = 3\n",
        "side = 3}\n",
        "shapes::largest<int> (a=@0x",
        ": 25, b=@0x",
        ": 12) at shapes.cpp:28",
        "exited with code 07]",
    ]);
}

/// Stops once at each line that the compiler's own tables name, for programs that come to all of theirs.
#[track_caller]
fn assert_every_line_stops(name: &str) {
    let flags: &[&str] = if name.ends_with(".rs") { &[] } else { &["-O0"] };
    let built = Built::new(name, flags);
    let lines = built.lines(name);
    assert!(lines.len() > 10, "{lines:?}");
    let mut commands: Vec<String> = lines
        .iter()
        .map(|line| format!("tbreak {name}:{line}"))
        .collect();
    commands.extend(lines.iter().map(|_| "continue".to_owned()));
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let transcript = built.session(&[], &commands);
    let text = &transcript.text;
    let stops: BTreeSet<u64> = lines
        .iter()
        .copied()
        .filter(|line| {
            let stop = format!(" at {name}:{line}\n");
            let mut told = text.lines().zip(text.lines().skip(1));
            text.contains(&stop) || told.any(|(at, _)| at.ends_with(stop.trim_end()))
        })
        .collect();
    let missing: Vec<_> = lines.difference(&stops).collect();
    assert!(
        missing.is_empty(),
        "no stop at {missing:?} in:\n{text}\n{}",
        transcript.errors
    );
}

#[test]
fn every_line_of_a_c_program_stops() {
    assert_every_line_stops("list.c");
}

#[test]
fn every_line_of_a_cpp_program_stops() {
    assert_every_line_stops("shapes.cpp");
}

#[test]
fn every_line_of_a_rust_program_stops() {
    assert_every_line_stops("items.rs");
}

#[test]
fn a_null_pointer_stops_at_its_line() {
    let flags = ["-O0", "-Wl,--stack-first"];
    let built = Built::new("null.c", &flags);
    let commands = ["continue", "p *at", "info args", "up", "continue"];
    let transcript = built.session(&[], &commands);
    transcript.assert(&[
        "Program received signal SIGSEGV, Segmentation fault.",
        "length (at=0x0) at null.c:11\n11\t",
        "at = 0x0\n",
        "in main () at null.c:19\n",
        "Program terminated with signal SIGSEGV",
    ]);
    let words = "trap: null pointer dereference in `length` at null.c:11:";
    assert!(transcript.errors.contains(words), "{}", transcript.errors);
    assert!(
        transcript
            .errors
            .contains("Cannot access memory at address 0x0")
    );
    // Whoever does not debug gets what the specification says.
    let ended = Ended::new(
        command(&built.place, &["run", "app.wasm"])
            .output()
            .unwrap(),
    );
    assert!(!ended.stderr.contains("trap"), "{}", ended.stderr);
    // Where the compiler put data there, it is the program's.
    let built = Built::new("null.c", &["-O0"]);
    let transcript = built.session(&[], &["continue"]);
    assert!(!transcript.errors.contains("trap"), "{}", transcript.errors);
}

#[test]
fn any_module_is_stepped_through_by_its_text() {
    let place = Place::new();
    fs::copy(source("count.wat"), place.path("count.wat")).unwrap();
    let mut arguments = vec!["debug", "--batch", "--wat"];
    let commands = [
        "break divide",
        "continue",
        "bt",
        "info args",
        "step",
        "continue",
    ];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    arguments.push("count.wat");
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    place.assert_clean();
    let text = fs::read_to_string(place.path(".mewz/count.wat")).unwrap();
    let line_of = |words: &str| 1 + text.lines().position(|line| line.contains(words)).unwrap();
    let division = format!("{}\t", line_of("i32.div"));
    Transcript::new(&ended).assert(&[
        "Breakpoint 1, divide (",
        " at count.wat:",
        "#0  divide (a=42, b=0) at count.wat:",
        " in _start () at count.wat:",
        "SIGFPE",
        " at count.wat:",
        &division,
    ]);
}
