//! Scripted sessions of gdb on machines of their own, through `mewz debug`; each ends by itself.

#[path = "../invoke/mod.rs"]
mod invoke;
#[path = "../tools/mod.rs"]
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use invoke::{Ended, PATIENCE, Place, files, program, signal, wait_for};
use tools::c_compiler;

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

#[test]
fn a_program_is_stopped_looked_at_and_ends_by_its_trap() {
    let commands = [
        "set language c",
        "bt",
        "break say",
        "continue",
        "break count",
        "continue",
        "watch *(int*)64",
        "continue",
        "continue",
        "info watchpoints",
        "delete",
        "stepi",
        "x/s 32",
        "p $fs_base",
        "p $cr3 != 0",
        "p $xmm0.uint128",
        "x/2x 0x700000000",
        "p *(int*)0xffff8000fec00000",
        "p *(int*)0x1000000000000",
        "p *(int*)64",
        "monitor heap",
        "monitor memory",
        "monitor fds",
        "monitor wasi",
        "monitor irq",
        "monitor sockets",
        "monitor log",
        "monitor",
        "continue",
        "bt",
        "continue",
    ];
    let transcript = session(&[], &commands, &source("count.wat"));
    transcript.assert(&[
        "in waiting_for_debugger ()",
        "in kernel_start ()",
        "in boot_high_half ()",
        "Breakpoint 1,",
        "in say ()",
        "hello",
        "in count ()",
        "Hardware watchpoint",
        "Old value = 0",
        "New value = 1",
        "in count ()",
        "Old value = 1",
        "New value = 2",
        "hw watchpoint",
        "in count ()",
        "\"hello\\n\"",
        "= 0",
        "= 1",
        "= ",
        "= 2",
        "Program received signal SIGFPE, Arithmetic exception.",
        "in divide ()",
        "in divide ()",
        "in _start ()",
        "in enter_application ()",
        "in kernel_start ()",
        "Program terminated with signal SIGFPE, Arithmetic exception.",
    ]);
    for address in ["0x700000000", "0xffff8000fec00000", "0x1000000000000"] {
        let words = format!("Cannot access memory at address {address}");
        assert!(
            transcript.text.contains(&words) || transcript.errors.contains(&words),
            "{}\n{}",
            transcript.text,
            transcript.errors
        );
    }
    for words in [
        "bytes in use of",
        "memory 0 at 0x0: 65536 bytes",
        "   0 standard input",
        "       1 fd_write",
        " debugger",
        "none",
        "monitor irq ",
        "trap: integer divide by zero in `divide`",
    ] {
        assert!(transcript.errors.contains(words), "{}", transcript.errors);
    }
}

#[test]
fn a_backtrace_in_the_kernel_goes_on_in_the_program() {
    let commands = ["break fd_write", "continue", "bt", "delete", "continue"];
    session(&[], &commands, &source("count.wat")).assert(&[
        "fd_write ()",
        "answer ()",
        "<signal handler called>",
        "in wasi_snapshot_preview1$fd_write$iiii$i ()",
        "in say ()",
        "in _start ()",
        "in enter_application ()",
        "in kernel_start ()",
        "in boot_high_half ()",
    ]);
}

#[test]
fn a_backtrace_in_an_interrupt_goes_on_in_the_program() {
    let commands = ["break answer_timer", "continue", "bt", "delete", "continue"];
    let options = ["--kernel-arg", "timer_hz=1000", "--break", "count"];
    session(&options, &commands, &source("count.wat")).assert(&[
        "in count ()",
        "answer_timer ()",
        "<signal handler called>",
        "in _start ()",
        "in enter_application ()",
        "in boot_high_half ()",
        "SIGFPE",
    ]);
}

#[test]
fn every_machine_waits_before_the_first_instruction() {
    for machine in ["microvm", "q35", "pc"] {
        let commands = ["bt", "continue", "kill"];
        session(
            &["--machine", machine, "--break", "say"],
            &commands,
            &source("count.wat"),
        )
        .assert(&[
            "in waiting_for_debugger ()",
            "Breakpoint 1, ",
            "in _start ()",
            "in boot_high_half ()",
            "SIGFPE",
            "killed]",
        ]);
    }
}

#[test]
fn a_fault_of_the_kernel_is_shown_and_told() {
    let commands = [
        "break fd_write",
        "continue",
        "set var $pc = 0",
        "continue",
        "p $pc",
        "continue",
    ];
    let transcript = session(&[], &commands, &source("count.wat"));
    transcript.assert(&[
        "Program received signal SIGSEGV, Segmentation fault.",
        "Program terminated with signal SIGSEGV",
    ]);
    for words in [
        "the kernel faulted: page fault at 0x0",
        "in `application_call`",
    ] {
        assert!(transcript.errors.contains(words), "{}", transcript.errors);
    }
}

/// The walk of docs/debugging.md: nothing in the program writes what changes there, since a handler of the kernel does.
#[test]
fn a_handler_that_changes_a_programs_memory_is_found() {
    let broken = [
        "--kernel-arg",
        "timer_hz=5000",
        "--kernel-arg",
        "clobber=64",
    ];
    let place = Place::new();
    let mut arguments = vec!["run", "--debuggable"];
    arguments.extend(broken);
    let module = source("add.wat");
    arguments.push(&module);
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    ended.assert(3, &[]);
    let commands = [
        "set language c",
        "watch *(int*)64",
        "continue",
        "bt",
        "delete",
        "continue",
    ];
    let mut options = vec!["--break", "add_up"];
    options.extend(broken);
    session(&options, &commands, &module).assert(&[
        "Hardware watchpoint 2",
        "Old value = 1",
        "New value = -1",
        "clobber ()",
        "answer_timer ()",
        "<signal handler called>",
        "in add_up ()",
        "in _start ()",
        "exited with code 03]",
    ]);
}

#[test]
fn a_changed_variable_changes_the_outcome() {
    let commands = ["set language c", "set var *(int*)100 = 6", "continue"];
    session(&["--break", "count"], &commands, &source("count.wat"))
        .assert(&["Breakpoint 1, ", "exited with code 07]"]);
}

#[test]
fn each_crash_has_its_signal() {
    let traps = [
        ("unreachable", "SIGILL, Illegal instruction"),
        ("load", "SIGSEGV, Segmentation fault"),
        ("recursion", "SIGSEGV, Segmentation fault"),
        ("missing-import", "SIGSYS, Bad system call"),
    ];
    std::thread::scope(|scope| {
        for (name, words) in traps {
            scope.spawn(move || {
                let module = format!("{}/tests/traps/{name}.wat", env!("CARGO_MANIFEST_DIR"));
                let place = Place::new();
                let arguments = [
                    "debug", "--batch", "--ex", "continue", "--ex", "bt 3", &module,
                ];
                let ended = Ended::new(command(&place, &arguments).output().unwrap());
                let text = String::from_utf8_lossy(&ended.stdout).into_owned();
                let received = format!("Program received signal {words}.");
                assert!(text.contains(&received), "{name}:\n{text}{}", ended.stderr);
                assert!(text.contains("#1 "), "{name}:\n{text}");
            });
        }
    });
}

/// Starts `mewz debug` on a program that spins, and waits until it does.
fn spinning(place: &Place, commands: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    // gdb tells when the program goes on, after a moment and on a thread of its own: until then Ctrl-C is for gdb itself, and
    // while Python runs for that.
    let told = "python import os, threading; gdb.events.cont.connect(\
                lambda _: threading.Timer(0.5, os.write, (1, b'going on\\n')).start())";
    let mut arguments = vec!["debug", "--batch", "--ex", told];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    let module = source("spin.wat");
    arguments.push(&module);
    let mut child = command(place, &arguments).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !(text.contains("spinning\n") && text.contains("going on\n")) {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
    }
    (child, stdout)
}

/// Reads lines until `wanted` comes; all of them.
fn read_until(stream: &mut impl std::io::BufRead, wanted: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(wanted) {
        let len = stream.read_line(&mut text).unwrap();
        assert_ne!(len, 0, "the stream has ended: {text}");
    }
    text
}

#[test]
fn ctrl_c_stops_a_loop_with_interrupts_on_and_off() {
    let place = Place::new();
    let commands = [
        "set language c",
        "continue",
        "bt",
        // Interrupts off.
        "set var $eflags = $eflags & ~0x200",
        "continue",
        "p $eflags",
        "set var *(int*)64 = 1",
        "continue",
    ];
    let (mut child, mut stdout) = spinning(&place, &commands);
    let gdb = place.process("/gdb");
    // As a terminal does: to all in the foreground.
    let interrupt = || {
        signal("INT", child.id());
        signal("INT", gdb);
    };
    interrupt();
    let mut text = read_until(&mut stdout, "going on\n");
    interrupt();
    stdout.read_to_string(&mut text).unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}{errors}");
    Transcript { text, errors }.assert(&[
        "Program received signal SIGINT, Interrupt.",
        "in spin ()",
        "in _start ()",
        "Program received signal SIGINT, Interrupt.",
        "$1 = [",
        "exited with code 07]",
    ]);
    place.assert_clean();
}

/// The socket of the one machine of a place.
fn line_socket(place: &Place) -> PathBuf {
    wait_for("the debugger's socket", || {
        files(&place.path("run"))
            .into_iter()
            .find(|file| file.file_name().is_some_and(|name| name == "line"))
    })
}

fn attached(place: &Place, commands: &[&str]) -> Transcript {
    let mut arguments = vec!["debug", "--attach", "--batch"];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    Transcript::new(&Ended::new(command(place, &arguments).output().unwrap()))
}

#[test]
fn noise_is_nothing_and_debuggers_come_and_go() {
    let place = Place::new();
    let module = source("spin.wat");
    let mut child = command(&place, &["run", "--debuggable", &module])
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "spinning\n");
    let noise: Vec<u8> = (0..=255)
        .cycle()
        .take(5000)
        .chain(*b"$q+$-#\x03$")
        .collect();
    UnixStream::connect(line_socket(&place))
        .unwrap()
        .write_all(&noise)
        .unwrap();
    attached(&place, &["bt", "break *$pc", "continue", "detach"]).assert(&[
        "in spin ()",
        "in _start ()",
        "Breakpoint 1, ",
        "detached]",
    ]);
    // A debugger that is killed says no word.
    let mut gone = UnixStream::connect(line_socket(&place)).unwrap();
    gone.write_all(b"+$qSupported:xmlRegisters=i386#0f$c#63")
        .unwrap();
    drop(gone);
    attached(
        &place,
        &["set language c", "set var *(int*)64 = 1", "detach"],
    )
    .assert(&["in spin ()", "detached]"]);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    place.assert_clean();
}

#[test]
fn a_crash_is_told_at_once_and_waits() {
    let place = Place::new();
    let module = source("count.wat");
    let mut child = command(&place, &["run", "--debuggable", &module])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("the machine waits") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    assert!(
        told.contains("integer divide by zero in `divide`"),
        "{told}"
    );
    for _ in 0..2 {
        attached(&place, &["p $_", "bt", "detach"]).assert(&[
            "in divide ()",
            "in _start ()",
            "detached]",
        ]);
    }
    assert!(child.try_wait().unwrap().is_none());
    // Passed on, the signal ends the program as it would have.
    attached(&place, &["continue"]).assert(&["Program terminated with signal SIGFPE"]);
    assert_eq!(child.wait().unwrap().code(), Some(134));
    place.assert_clean();
}

#[test]
fn a_waiting_machine_ends_with_its_mewz() {
    let place = Place::new();
    let module = source("count.wat");
    let mut child = command(&place, &["run", "--debuggable", &module])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("the machine waits") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    place.assert_clean();
}

#[test]
fn an_editor_comes_by_a_port() {
    let place = Place::new();
    let module = place.path("count.wat");
    fs::copy(source("count.wat"), &module).unwrap();
    let arguments = ["debug", "--listen", "127.0.0.1:0", module.to_str().unwrap()];
    let mut child = command(&place, &arguments).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line
        .split_once("on 127.0.0.1:")
        .and_then(|(_, rest)| rest.split_once(':'))
        .map(|(port, _)| format!("127.0.0.1:{port}"))
        .unwrap_or_else(|| panic!("no address in {line:?}"));
    let symbols = place.path(".mewz/count.elf");
    let text = mi_session(
        &symbols,
        &[
            &format!("-target-select remote {address}"),
            "-break-insert divide",
            "-exec-continue",
            "-stack-list-frames",
            "-data-list-register-names",
            "-data-read-memory-bytes 32 5",
            "-gdb-set language c",
            "-data-evaluate-expression \"*(int*)64\"",
            "-exec-continue",
            "-gdb-exit",
        ],
    );
    for words in [
        "^connected",
        "^done,bkpt={number=\"1\"",
        "reason=\"breakpoint-hit\"",
        "func=\"divide\"",
        "\"cr4\"",
        "contents=\"68656c6c6f\"",
        "^done,value=\"10\"",
        "signal-name=\"SIGFPE\"",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    // The debugger left without a word about the crash: nobody retries, and nobody waits.
    signal("INT", child.id());
    child.wait().unwrap();
    place.assert_clean();
}

/// What gdb says to the commands of an editor, each given when the one before is answered.
fn mi_session(symbols: &Path, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb")
        .args(["-nx", "-q", "-i=mi"])
        .arg(symbols)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gdb.stdin.take().unwrap();
    let mut output = BufReader::new(gdb.stdout.take().unwrap());
    let mut text = String::new();
    let start = Instant::now();
    for line in commands {
        writeln!(input, "{line}").unwrap();
        let wanted = match *line {
            "-exec-continue" => "*stopped",
            "-gdb-exit" => "^exit",
            _ => "^",
        };
        loop {
            let mut answer = String::new();
            let len = output.read_line(&mut answer).unwrap();
            text.push_str(&answer);
            if len == 0 || answer.starts_with(wanted) {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{text}");
        }
    }
    gdb.wait().unwrap();
    text
}

#[test]
fn qemu_shows_the_kernels_first_instructions() {
    let commands = [
        "p/x $rip",
        "hbreak kernel_start",
        "continue",
        "bt",
        "delete",
        "continue",
    ];
    session(&["--stub", "qemu"], &commands, &program("hello.wat")).assert(&[
        "= 0xfff0",
        "kernel_start",
        "in boot_high_half ()",
        "hello from wat",
    ]);
}

#[test]
fn what_is_not_there_is_told() {
    let place = Place::new();
    let ended = |arguments: &[&str]| Ended::new(command(&place, arguments).output().unwrap());
    ended(&["debug", "--attach"]).assert(1, &["no machine to attach to", "--debuggable"]);
    ended(&["debug", "--gdb", "/nonexistent/gdb", &program("hello.wat")])
        .assert(1, &["gdb is not installed", "apt-get install gdb"]);
    ended(&["debug", "--listen", "0.0.0.0:1", &program("hello.wat")])
        .assert(2, &["only this host"]);
    let old = place.script("old-gdb", "echo 'GNU gdb (Debian 13.1-3) 13.1'");
    let arguments = [
        "debug",
        "--dap",
        "--gdb",
        old.to_str().unwrap(),
        &program("hello.wat"),
    ];
    ended(&arguments).assert(1, &["gdb 13", "14 or newer"]);
}

#[test]
fn editors_are_set_up() {
    let place = Place::new();
    let ended = Ended::new(
        command(&place, &["debug", "--vscode", "app.wasm"])
            .output()
            .unwrap(),
    );
    ended.assert(0, &["launch.json", "--listen 127.0.0.1:1234"]);
    let text = fs::read_to_string(place.path(".vscode/launch.json")).unwrap();
    let program = place.path(".mewz/app.elf").canonicalize().ok();
    assert!(program.is_none(), "nothing is built yet");
    for words in ["cppdbg", "127.0.0.1:1234", ".mewz/app.elf"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_crash_names_lines_of_the_source() {
    let place = Place::new();
    fs::copy(source("crash.c"), place.path("crash.c")).unwrap();
    for (version, level) in [("-gdwarf-4", "-O0"), ("-gdwarf-5", "-O1")] {
        let mut compiler = c_compiler();
        compiler.args([version, level, "crash.c", "-o", "crash.wasm"]);
        tools::run(compiler.current_dir(place.path("")));
        let ended = Ended::new(command(&place, &["run", "crash.wasm"]).output().unwrap());
        let words = [
            "trap: integer divide by zero in `divide` at crash.c:7:",
            "--> crash.c:7:37\n",
            "7 | int divide(int a, int b) { return a / b; }\n",
            "|                                     ^\n",
            "called from `work` at crash.c:11:12\n",
            "called from `main` at crash.c:16:16\n",
        ];
        ended.assert(134, &words);
    }
    let arguments = ["run", "--json", "crash.wasm"];
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    ended.assert(134, &[]);
    let crash: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(crash["trap"], "integer divide by zero");
    assert_eq!(crash["frames"][1]["function"], "work");
    assert_eq!(crash["frames"][1]["line"], 11);
}

#[test]
fn images_carry_the_stub_only_where_it_is_asked_for() {
    // What the stub tells every debugger of this kernel's registers.
    let has_stub = |bytes: &[u8]| bytes.windows(15).any(|part| part == b"org.mewz.kernel");
    let place = Place::new();
    let build = |options: &[&str]| {
        let mut arguments = vec!["build", "-o", "image.elf"];
        arguments.extend(options);
        let module = program("hello.wat");
        arguments.push(&module);
        Ended::new(command(&place, &arguments).output().unwrap()).assert(0, &[]);
        fs::read(place.path("image.elf")).unwrap()
    };
    let release = build(&["--release"]);
    assert!(!has_stub(&release));
    let image = object::File::parse(&release[..]).unwrap();
    use object::{Object as _, ObjectSection as _};
    let debug = |section: &object::Section<'_, '_>| {
        section.name().is_ok_and(|name| name.starts_with(".debug"))
    };
    assert_eq!(image.sections().filter(debug).count(), 0);
    assert!(!has_stub(&build(&[])));
    assert!(has_stub(&build(&["--debuggable", "--release"])));
}
