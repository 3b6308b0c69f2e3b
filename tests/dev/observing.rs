//! What the loop tells of a program beside its output: its calls of WASI when they are wanted, and its memory after a crash.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::invoke::{self, Ended, wait_for};
use crate::screen::Terminal;
use crate::session::{Loop, printing, project};

/// A program that sleeps for 20 ms, over and over.
fn ticking() -> String {
    let text = fs::read_to_string(invoke::program("doze.wat")).unwrap();
    let sleep = "(call $poll (i64.const 3000000000) (i32.const 1))";
    let sleeps = "(loop $on (call $poll (i64.const 20000000) (i32.const 1)) (br $on))";
    assert!(text.contains(sleep));
    text.replace(sleep, sleeps)
}

#[test]
fn calls_are_told_while_they_are_wanted() {
    let place = project("");
    place.write("source.wat", ticking());
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "asleep");
    assert_eq!(dev.ask("status")["tracing"], false);
    // In a machine that runs.
    assert_eq!(dev.ask("trace")["tracing"], true);
    let call = dev.next("call");
    assert_eq!(
        (&call["number"], &call["call"]),
        (&1.into(), &"poll_oneoff".into())
    );
    assert_eq!(call["arguments"], "[clock 1 +20000000 ns]");
    // In the next ones from their first call on: one that was booted, and one that waited.
    for number in [2, 3] {
        wait_for("a machine that waits", || {
            (number == 2 || dev.ask("status")["waiting"] == 1).then_some(())
        });
        dev.place.write(
            "source.wat",
            ticking().replace("asleep\\n", &format!("as{number}eep\\n")),
        );
        let first = loop {
            let call = dev.next("call");
            if call["number"] == number {
                break call;
            }
        };
        assert_eq!(first["call"], "poll_oneoff", "{first}");
        let write = loop {
            let call = dev.next("call");
            if call["call"] == "fd_write" {
                break call;
            }
        };
        assert_eq!(write["arguments"], format!("1, \"as{number}eep\\n\"[7]"));
        assert_eq!(
            (&write["results"], &write["errno"]),
            (&"7".into(), &"SUCCESS".into())
        );
        assert!(write["start_ns"].as_u64() < write["end_ns"].as_u64());
    }
    assert_eq!(dev.ask("untrace")["tracing"], false);
    // Those on their way come, and no more.
    let rest = dev.rest();
    assert!(rest.len() < 100, "{} more", rest.len());
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_key_tells_calls_and_tells_them_no_more() {
    let place = project("");
    place.write("source.wat", ticking());
    let mut command = place.command(&["dev", "--instances", "2"]);
    command.env_remove("CI");
    let mut terminal = Terminal::start(command);
    terminal.wait_for("asleep", 2);
    terminal.press("w");
    terminal.wait_for("calls of WASI are told (w: no more)", 1);
    // Of both machines, and of those of the next program too; each line says whose it is.
    let call = "sys │ poll_oneoff([clock 1 +20000000 ns]) …";
    let told = |machine: &str| {
        wait_for(machine, || {
            let text = terminal.text();
            let mut lines = text.lines();
            let is_it = |line: &str| line.starts_with(machine) && line.contains(call);
            lines.any(is_it).then_some(())
        });
    };
    told("#1.1 ");
    told("#1.2 ");
    place.write("source.wat", ticking().replace("asleep\\n", "ASLEEP\\n"));
    told("#2.1 ");
    told("#2.2 ");
    terminal.press("w");
    terminal.wait_for("calls of WASI are told no more", 1);
    // Those on their way come, and no more.
    let calls = || terminal.bytes().matches("sys │ ").count();
    wait_for("the end of calls", || {
        let before = calls();
        thread::sleep(Duration::from_millis(300));
        (calls() == before).then_some(())
    });
    terminal.press("q");
    assert_eq!(terminal.wait().code(), Some(0));
    place.assert_clean();
}

#[test]
fn a_crash_leaves_its_core() {
    let place = project("[debug]\ncore = true\n[run]\nmemory = \"32MiB\"\n");
    let crashing = "(module (memory (export \"memory\") 1)\n(func $fails (i32.store (i32.const 64) (i32.const 1234)) unreachable)\n\
                    (func (export \"_start\") (call $fails)))";
    place.write("source.wat", crashing);
    let mut dev = Loop::start(place, &[]);
    dev.next("trap");
    let core = dev.next("core");
    let path = dev.place.path(".mewz/made.core");
    assert_eq!(core["path"], path.canonicalize().unwrap().to_str().unwrap());
    let open = |place: &invoke::Place| {
        let mut arguments = vec!["debug", "--batch", ".mewz/made.core"];
        for line in ["bt", "set language c", "p *(int*)64"] {
            arguments.extend(["--ex", line]);
        }
        let ended = Ended::new(
            place
                .command(&arguments)
                .env_remove("MEWZ_GDB")
                .output()
                .unwrap(),
        );
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(
            text.contains("in fails ()") && text.contains("= 1234"),
            "{text}{}",
            ended.stderr
        );
    };
    open(&dev.place);
    fs::remove_file(&path).unwrap();
    // A save does not wait for the core, nor take it away.
    dev.place.write(
        "source.wat",
        crashing.replace("unreachable", "(unreachable)"),
    );
    dev.next("trap");
    dev.place.write("source.wat", printing("mended"));
    assert_eq!(dev.next_line(), "mended");
    wait_for("the core", || path.exists().then_some(()));
    open(&dev.place);
    assert_eq!(dev.ask("status")["crashed"], serde_json::Value::Null);
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_single_run_leaves_its_core_too() {
    let place = project("[debug]\ncore = true\n[run]\nmemory = \"32MiB\"\n");
    place.write(
        "source.wat",
        "(module (func (export \"_start\") unreachable))",
    );
    let ended = place.run(&["dev", "--once"]);
    ended.assert(134, &["trap: unreachable", "Wrote `", "made.core"]);
    assert!(place.path(".mewz/made.core").exists());
    place.assert_clean();
}
