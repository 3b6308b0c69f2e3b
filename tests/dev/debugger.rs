//! gdb and the loop: it comes to a program that serves or has crashed, holds it while others serve, and goes on to the next.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::invoke::{Ended, PATIENCE, Place, free_port, signal, wait_for};
use crate::serving::ask;
use crate::session::{Loop, builds, project};
use crate::terminal::sleeping;
use crate::tools;

/// A project whose server is built from `server.c` here, with debug information; and its port.
fn server_project() -> (Place, u16) {
    let port = free_port();
    let place = Place::new();
    let compiler = tools::c_compiler();
    let words = [compiler.get_program()]
        .into_iter()
        .chain(compiler.get_args());
    let command: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    place.write(
        "mewz.toml",
        format!(
            "mewz = 1\n[build]\ncommand = \"{} -g -O0 server.c -o out.wasm\"\nwasm = \"out.wasm\"\n\
             [run]\nports = [\"{port}:8080\"]\nlisten = [8080]\n",
            command.join(" ")
        ),
    );
    place.write("server.c", source("one", ""));
    (place, port)
}

/// The server with its answer, and with `more` in front of what answers.
fn source(answer: &str, more: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dev/server.c");
    let text = fs::read_to_string(path).unwrap();
    let text = text.replace(
        "#define ANSWER \"one\"",
        &format!("#define ANSWER \"{answer}\""),
    );
    // The kernel has functions of that name too.
    let text = text.replace("answer(int at)", "respond(int at)");
    let text = text.replace("!answer(at)", "!respond(at)");
    text.replace("// Answers what", &format!("{more}// Answers what"))
}

/// The number of the first line of `text` that holds `word`.
fn line_of(text: &str, word: &str) -> usize {
    1 + text.lines().position(|line| line.contains(word)).unwrap()
}

/// gdb, through `mewz debug --attach`, and what it says.
struct Gdb {
    child: Child,
    stdin: ChildStdin,
    pieces: Receiver<String>,
    text: String,
    /// So much of the text was looked at.
    seen: usize,
}

impl Gdb {
    fn attach(place: &Place, more: &[&str]) -> Self {
        let arguments = ["debug", "--attach", "--ex", "set width 0"];
        let mut command = place.command(&[&arguments, more].concat());
        command.env_remove("MEWZ_GDB").stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, pieces) = channel();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        let of_errors = sender.clone();
        thread::spawn(move || pass_on(stdout, &sender));
        thread::spawn(move || pass_on(stderr, &of_errors));
        let mut gdb = Self {
            stdin: child.stdin.take().unwrap(),
            child,
            pieces,
            text: String::new(),
            seen: 0,
        };
        gdb.expect("(gdb)");
        gdb
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Waits until gdb has said `words`, behind what was waited for before.
    #[track_caller]
    fn expect(&mut self, words: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text[self.seen..].find(words) {
                self.seen += at + words.len();
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.text += &piece,
                Err(problem) => panic!("{problem}: no {words:?} in what follows:\n{}", self.text),
            }
        }
    }

    /// Fails unless `words` came before what was waited for last.
    #[track_caller]
    fn expect_before(&self, words: &str) {
        let text = &self.text[..self.seen];
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }

    /// Lets gdb end; all that it said.
    fn end(mut self, line: &str) -> String {
        // One that was killed hears nothing.
        let _ = writeln!(self.stdin, "{line}");
        drop(self.stdin);
        while let Ok(piece) = self.pieces.recv_timeout(PATIENCE) {
            self.text += &piece;
        }
        wait_for("gdb's end", || self.child.try_wait().unwrap());
        self.text
    }
}

fn pass_on(mut stream: impl std::io::Read, sender: &std::sync::mpsc::Sender<String>) {
    let mut part = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut part) {
        let text = String::from_utf8_lossy(&part[..len]).into_owned();
        if sender.send(text).is_err() {
            return;
        }
    }
}

/// Asks the server, and waits for the answer elsewhere.
fn asked(port: u16) -> JoinHandle<(u16, String)> {
    thread::spawn(move || ask(port, "/close"))
}

/// Session 22 of the sessions that a debugger has to hold: a save under gdb.
#[test]
fn gdb_goes_from_program_to_program_with_its_breakpoints() {
    let (place, port) = server_project();
    let mut dev = Loop::start(place, &[]);
    dev.next("ready");
    assert_eq!(ask(port, "/close").1, "one");

    // It comes while the program waits for connections.
    let mut gdb = Gdb::attach(&dev.place, &[]);
    // What runs was not built for a debugger, and has its lines all the same.
    let line = line_of(&source("one", ""), "char *request = requests[at];");
    gdb.say("break respond");
    gdb.expect(&format!("file server.c, line {line}."));
    gdb.say("break main");
    gdb.expect("Breakpoint 2 at ");
    gdb.say("continue");
    gdb.expect("Continuing.");
    wait_for("gdb to go on", || {
        (dev.ask("status")["debugger"] == "running").then_some(())
    });

    // The next program is stopped at its first line, with lines and variables; the one before serves on without breakpoints.
    let two = source("two", "// A line more.\n");
    dev.place.write("server.c", &two);
    gdb.expect("is executing new program: ");
    gdb.expect("Breakpoint 2, main () at server.c:");
    assert_eq!(ask(port, "/close").1, "one");
    gdb.say("bt");
    gdb.expect("#0  main () at server.c:");
    gdb.say("continue");
    dev.next("ready");

    // Its requests hit the breakpoint where that is now.
    let answer = asked(port);
    let line = line_of(&two, "char *request = requests[at];");
    gdb.expect(&format!("Breakpoint 1, respond (at=1) at server.c:{line}"));
    gdb.say("print at + 41");
    gdb.expect("= 42");

    // A breakpoint at a line stays there, whatever the line becomes.
    let fixed = line_of(&two, "lengths[at] = 0;");
    gdb.say(&format!("break server.c:{fixed}"));
    gdb.expect("Breakpoint 3 at 0x");

    // It holds that one still: the next one serves meanwhile, and gdb comes to it when it goes on.
    dev.place.write("server.c", source("three", ""));
    let ready = dev.next("ready");
    assert_eq!(ready["number"], 3);
    assert_eq!(ask(port, "/close").1, "three");
    gdb.say("print at + 42");
    gdb.expect("= 43");
    assert_eq!(dev.ask("status")["debugger"], "still");
    gdb.say("continue");
    gdb.expect("is executing new program: ");
    // Its request was answered by the old program, or again by the new one, and none was lost.
    wait_for("gdb to go on", || {
        (dev.ask("status")["debugger"] == "running" || answer.is_finished()).then_some(())
    });
    let third = asked(port);
    let line = line_of(&source("three", ""), "char *request = requests[at];");
    gdb.expect(&format!("Breakpoint 1, respond (at=1) at server.c:{line}"));
    gdb.say("continue");
    gdb.expect(&format!("Breakpoint 3, respond (at=1) at server.c:{fixed}"));
    gdb.expect("return write(polled[at].fd, response, length)");
    gdb.say("delete");
    gdb.say("detach");
    gdb.expect("detached]");
    assert_eq!(third.join().unwrap().1, "three");
    let (status, body) = answer.join().unwrap();
    assert!(
        status == 200 && ["two", "three"].contains(&&*body),
        "{body}"
    );
    let text = gdb.end("quit");
    assert!(!text.contains("warning:"), "{text}");

    // The program goes on, and so does the loop.
    assert_eq!(ask(port, "/close").1, "three");
    dev.place.write("server.c", source("four", ""));
    dev.next("ready");
    assert_eq!(ask(port, "/close").1, "four");
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn gdb_comes_to_a_program_that_crashed_and_goes_without_a_word() {
    let (place, port) = server_project();
    let mut dev = Loop::start(place, &["--reload", "reboot"]);
    dev.next("ready");
    assert_eq!(ask(port, "/trap").0, 503);
    let trap = dev.next("trap");
    let text = trap["text"].as_str().unwrap();
    // With its lines of source.
    for words in ["`respond` at server.c:", "__builtin_trap();"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let mut gdb = Gdb::attach(&dev.place, &[]);
    gdb.say("bt");
    gdb.expect("respond () at server.c:");
    gdb.expect("main () at server.c:");
    // Another one has to wait its turn, and is told so.
    let second = dev.ask("debug");
    assert_eq!(second["busy"], true, "{second}");
    // The save that mends it serves, while gdb looks at the one that crashed.
    dev.place.write("server.c", source("two", ""));
    dev.next("ready");
    assert_eq!(ask(port, "/close").1, "two");
    gdb.say("info threads");
    gdb.expect("respond () at server.c:");
    gdb.say("break respond");
    gdb.expect("Breakpoint 1 at ");
    gdb.say("continue");
    gdb.expect("is executing new program: ");
    wait_for("gdb to go on", || {
        (dev.ask("status")["debugger"] == "running").then_some(())
    });
    dev.place.write("server.c", source("three", ""));
    gdb.expect("is executing new program: ");
    dev.next("ready");
    let answer = asked(port);
    gdb.expect("Breakpoint 1, respond (at=1) at server.c:");
    // Killed, it leaves neither a breakpoint nor a program that stands still.
    let id = dev.place.process("/gdb");
    signal("KILL", id);
    assert_eq!(answer.join().unwrap().1, "three");
    assert_eq!(ask(port, "/close").1, "three");
    gdb.end("quit");
    assert_eq!(dev.stop("INT"), Some(130));
}

/// Runs gdb itself with `commands`, as an editor does, on the image that is where editors look; what it says.
fn gdb(place: &Place, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-ex", "set sysroot"]);
    gdb.arg(place.path(".mewz/made.elf"));
    gdb.args(commands.iter().flat_map(|command| ["-ex", command]));
    let output = gdb.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_editor_comes_by_a_port_and_the_program_goes_on() {
    let place = project("");
    place.write("source.wat", sleeping());
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "asleep");
    let arguments = ["debug", "--attach", "--listen", "127.0.0.1:0"];
    let mut door = dev.place.command(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(door.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let words = "waiting for a debugger on ";
    let address = line
        .strip_prefix(words)
        .and_then(|rest| rest.split(": ").next());
    let target = format!("target remote {}", address.expect(&line));
    // As often as it likes, and on what runs then.
    for (text, function) in [("asleep", "poll"), ("AWAKE!", "slumber")] {
        let source = sleeping().replace("asleep", text);
        let source = source.replace("$poll ", &format!("${function} "));
        dev.place.write("source.wat", source);
        if text != "asleep" {
            assert_eq!(dev.next_line(), text);
        }
        // An editor reads the symbols before it comes, so those of another program are there a moment later.
        let call = format!("in {function} ()");
        let said = wait_for("the program in gdb", || {
            let said = gdb(&dev.place, &[&target, "bt", "x/s 16", "detach"]);
            (said.contains(text) && said.contains(&call)).then_some(said)
        });
        assert!(
            said.contains("in _start ()") && said.contains("detached]"),
            "{said}"
        );
    }
    assert_eq!(dev.ask("status")["serving"], 2);
    gdb(&dev.place, &[&target, "kill"]);
    let told = dev.next("trap");
    assert_eq!(told["number"], 2);
    assert_eq!(told["text"], "error: a debugger ended the program\n");
    signal("INT", door.id());
    door.wait().unwrap();
    assert_eq!(dev.stop("INT"), Some(130));
}

/// What gdb prints of a number that a test keeps in the program's memory; the machine is the one that `arguments` lead to.
fn kept_number(place: &Place, arguments: &[&str]) -> String {
    let lines = ["set language c", "print *(int*)4096", "detach"];
    let mut whole = vec!["debug", "--batch"];
    whole.extend(lines.iter().flat_map(|line| ["--ex", line]));
    whole.extend(arguments);
    let output = place.command(&whole).env_remove("MEWZ_GDB").output();
    let ended = Ended::new(output.unwrap());
    let text = String::from_utf8(ended.stdout).unwrap();
    let number = text.lines().find_map(|line| line.strip_prefix("$1 = "));
    number
        .unwrap_or_else(|| panic!("{text}{}", ended.stderr))
        .to_owned()
}

#[test]
fn of_several_machines_the_one_that_is_named_is_debugged() {
    let place = project("[run]\nmemory = \"32MiB\"\n");
    place.write("source.wat", sleeping());
    let mut dev = Loop::start(place, &["--instances", "2", "--reload", "reboot"]);
    for _ in 0..2 {
        assert_eq!(dev.next_line(), "asleep");
    }
    assert_eq!(dev.ask("status")["instances"], 2);
    let second = ["--attach", "--instance", "2"];
    let mut gdb = Gdb::attach(&dev.place, &second[1..]);
    gdb.expect_before("machine 2 of 2");
    gdb.say("break _start");
    gdb.expect("Breakpoint 1 at ");
    gdb.say("continue");
    wait_for("gdb to go on", || {
        (dev.ask("status")["debugger"] == "running").then_some(())
    });
    // A save leads it on to the second one of those that run the next program.
    dev.place
        .write("source.wat", sleeping().replace("asleep", "AWAKE!"));
    gdb.expect("is executing new program: ");
    gdb.expect("Breakpoint 1, ");
    assert_eq!(dev.next_line(), "AWAKE!", "the first one goes on");
    // Nobody is connected to them, so none of a new program has begun before all of the old one had ended.
    assert_eq!(dev.place.machines().len(), 2);
    let busy = dev.ask("debug 1");
    assert_eq!((&busy["busy"], &busy["machine"]), (&true.into(), &2.into()));
    for line in [
        "set language c",
        "set var *(int*)4096 = 77",
        "delete",
        "detach",
    ] {
        gdb.say(line);
    }
    gdb.expect("detached]");
    gdb.end("quit");
    assert_eq!(dev.next_line(), "AWAKE!", "the second one too");

    // Who comes again finds each of them as it is; without a choice the first.
    assert_eq!(kept_number(&dev.place, &second), "77");
    assert_eq!(kept_number(&dev.place, &["--attach"]), "0");
    for (machine, number) in [("1", "0"), ("2", "77")] {
        let file = format!("--core={machine}.core");
        let arguments = ["debug", "--attach", "--instance", machine, &file];
        let written = dev.place.run(&arguments);
        written.assert(0, &["Wrote `", &format!("machine {machine} of 2")]);
        assert_eq!(kept_number(&dev.place, &[&file[7..]]), number);
    }
    // Files in the project's folder as they are, they are no saves.
    assert_eq!(builds(&dev.place), 2);
    let third = dev.place.run(&["debug", "--attach", "--instance", "3"]);
    third.assert(1, &["there is no machine 3", "are 1 to 2"]);

    // Of a program that crashed there is the one machine that did.
    let crashing = "(module (func $fails unreachable) (func (export \"_start\") (call $fails)))";
    dev.place.write("source.wat", crashing);
    dev.next("trap");
    let way = dev.ask("debug");
    let at = way["machine"].as_u64().unwrap();
    assert_eq!(way["number"], 3);
    let other = dev.ask(&format!("debug {}", 3 - at));
    let words = format!("the program crashed in machine {at}");
    assert!(other["error"].as_str().unwrap().contains(&words), "{other}");
    assert_eq!(dev.stop("INT"), Some(130));
}
