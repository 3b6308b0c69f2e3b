//! Time travel: runs that are recorded, and gdb that goes through them both ways.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::built::Built;
use super::invoke::{Ended, Place, files, free_port, program, signal};
use super::tools::{build_c, c_compiler, run};
use super::{Kept, Transcript, command, source, told_address};

/// Records `module` with `options`; fails unless it ends with `status` and there is a recording then.
pub(crate) fn record(place: &Place, options: &[&str], module: &str, status: i32) -> Ended {
    let mut arguments = vec!["debug", "--record=made.recording"];
    arguments.extend(options);
    arguments.push(module);
    let ended = Ended::new(command(place, &arguments).output().unwrap());
    ended.assert(status, &["Recorded `", "made.recording` ("]);
    ended
}

/// What gdb says to `commands` on the recording that is there.
pub(crate) fn replayed(place: &Place, options: &[&str], commands: &[&str]) -> Transcript {
    let mut arguments = vec!["debug", "--replay=made.recording", "--batch"];
    arguments.extend(options);
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    let transcript = Transcript::new(&Ended::new(command(place, &arguments).output().unwrap()));
    place.assert_clean();
    transcript
}

#[test]
fn a_wild_write_is_found_backwards() {
    let place = Place::new();
    fs::copy(source("wild.c"), place.path("wild.c")).unwrap();
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O0", "wild.c", "-o", "wild.wasm"]);
    run(compiler.current_dir(place.path("")));
    let ended = record(&place, &[], "wild.wasm", 134);
    assert_eq!(ended.stdout, b"10\n");
    ended.assert(134, &["trap: unreachable", "called from `audit` at "]);
    // What it was made of may change, or go.
    fs::remove_file(place.path("wild.wasm")).unwrap();
    let commands = [
        "continue",
        "frame function audit",
        "print account->balance > 1000",
        "watch -l account->balance",
        "reverse-continue",
        "backtrace",
        "frame function rename_account",
        "print i",
        "print account->name[0]@i",
        "delete",
        "reverse-finish",
        "reverse-next",
        "next",
        "reverse-stepi",
        "stepi",
        "break audit",
        "reverse-continue",
        "reverse-continue",
        "continue",
        "delete",
        "continue",
        "continue",
        "set var accounts[0].balance = 1",
        "mewz interrupts",
    ];
    let transcript = replayed(&place, &[], &commands);
    transcript.assert(&[
        "in enter_application ()",
        "10\n",
        "Program received signal SIGILL, Illegal instruction.",
        "in audit (account=",
        "$1 = 1",
        "Hardware watchpoint 1: -location account->balance",
        "Old value = ",
        "rename_account (account=",
        " in main () at wild.c:32",
        "= 19",
        "\"Ada, the countess o\"",
        "in main () at wild.c:32",
        "32\t",
        "Breakpoint 2, ",
        "audit (account=",
        "No more reverse-execution history.",
        "Breakpoint 2, ",
        "Program received signal SIGILL, Illegal instruction.",
        "No more reverse-execution history.",
        "in halt_forever ()",
    ]);
    // Said once, however often the machine goes back.
    assert_eq!(
        transcript.text.matches("10\n").count(),
        1,
        "{}",
        transcript.text
    );
    assert!(
        transcript.errors.contains("Cannot access memory"),
        "{}",
        transcript.errors
    );
}

/// From a panic of Rust's, without optimisation: to the write, out of the function, through lines and calls, to the beginning.
#[test]
fn rust_is_gone_through_backwards() {
    let built = Built::new("ledger.rs", &[]);
    record(&built.place, &[], "app.wasm", 134);
    let commands = [
        "continue",
        "frame function ledger::main",
        "watch -l account.balance",
        "reverse-continue",
        "print amount",
        "delete",
        "reverse-finish",
        "reverse-next",
        "reverse-step",
        "print amount",
        "reverse-step",
        "reverse-finish",
        "tbreak ledger.rs:18",
        "reverse-continue",
        "next",
        "step",
        "finish",
        "tbreak ledger::fee",
        "reverse-continue",
        "reverse-continue",
        "reverse-stepi",
    ];
    let transcript = replayed(&built.place, &[], &commands);
    let said = "thread 'main' panicked at 'Ada owes 24', ledger.rs:31:5";
    assert!(transcript.errors.contains(said), "{}", transcript.errors);
    transcript.assert(&[
        "Program received signal SIGILL",
        "in ledger::main () at ledger.rs:31\n",
        "Old value = -24\nNew value = 54\n",
        "in ledger::pay (account=",
        "$1 = 78\n",
        "in ledger::settle (account=",
        "20\t        pay(account",
        "20\t        pay(account",
        // At its end, or, since gdb 14, in its last line.
        "ledger::fee (amount=70) at ledger.rs:1",
        "$2 = 70\n",
        " tenth ",
        "19\t        let extra = fee",
        ", ledger::settle (account=",
        "18\t    for amount in amounts",
        "19\t        let extra = fee",
        "ledger::fee (amount=70) at ledger.rs:9\n",
        "Value returned is $3 = 8\n",
        "Temporary breakpoint 3, ledger::fee (amount=70) at ledger.rs:9\n",
        "No more reverse-execution history.\n",
        "No more reverse-execution history.\n",
    ]);
}

/// The bug of docs/debugging.md: nothing in the program writes what changes there, and the end of the run leads to who does.
#[test]
fn a_handler_that_changes_a_programs_memory_is_found_backwards() {
    let place = Place::new();
    let broken = [
        "--kernel-arg",
        "timer_hz=5000",
        "--kernel-arg",
        "clobber=64",
    ];
    record(&place, &broken, &source("add.wat"), 3);
    let commands = [
        "set language c",
        "continue",
        "print *(int*)64",
        "watch *(int*)64",
        "reverse-continue",
        "backtrace",
    ];
    replayed(&place, &["--break", "add_up"], &commands).assert(&[
        "Breakpoint 1, ",
        "in add_up ()",
        "No more reverse-execution history.",
        "$1 = -1",
        "Old value = -1",
        "New value = 1",
        "clobber_memory ()",
        "answer_timer ()",
        "<signal handler called>",
        "in add_up ()",
        "in _start ()",
    ]);
}

#[test]
fn what_comes_from_outside_comes_once_more() {
    let place = Place::new();
    place.write("data/file", "from a file\n");
    fs::copy(source("reader.c"), place.path("reader.c")).unwrap();
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O0", "reader.c", "-o", "reader.wasm"]);
    run(compiler.current_dir(place.path("")));
    let options = [
        "--record=made.recording",
        "--dir",
        "data::/data:ro",
        "--env",
        "WORD=a word",
    ];
    let mut arguments = vec!["debug"];
    arguments.extend(options);
    arguments.extend(["reader.wasm", "--", "an argument"]);
    let mut child = command(&place, &arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"from outside\n").unwrap();
    drop(stdin);
    let ended = Ended::new(child.wait_with_output().unwrap());
    ended.assert(7, &["Recorded `"]);
    let said = String::from_utf8(ended.stdout).unwrap();
    for words in ["an argument", "a word", "from a file", "from outside"] {
        assert!(said.contains(words), "{said}");
    }
    // The file, the input and the time are those of the recording.
    fs::remove_dir_all(place.path("data")).unwrap();
    let transcript = replayed(
        &place,
        &[],
        &[
            "break done",
            "continue",
            "up",
            "print line",
            "delete",
            "continue",
        ],
    );
    transcript.assert(&[
        "Breakpoint 1, done",
        "= \"from outside\\n",
        "No more reverse-execution history.",
    ]);
    for line in said.lines() {
        assert!(
            transcript.text.contains(line),
            "{line} is missing in {}",
            transcript.text
        );
    }
}

/// What a run writes to a disk stays there; the recording has what was there before, and what it writes again is gone.
#[test]
fn a_disk_is_as_it_was_before_the_run() {
    let built = Built::new("diary.c", &["-O0"]);
    let place = &built.place;
    let mewz = |arguments: &[&str]| {
        let ended = Ended::new(command(place, arguments).output().unwrap());
        ended.assert(0, &[]);
        String::from_utf8(ended.stdout).unwrap()
    };
    mewz(&["disk", "create", "disk.img", "--size", "32MiB"]);
    let disk = ["--disk", "disk.img::/disk"];
    let run = || mewz(&[&["run"], &disk[..], &["app.wasm"]].concat());
    assert_eq!(run(), "time 1, 4990 bytes\n");
    let ended = record(place, &disk, "app.wasm", 0);
    assert_eq!(ended.stdout, b"time 2, 9980 bytes\n");
    assert_eq!(run(), "time 3, 14970 bytes\n");
    let commands = [
        "break done",
        "continue",
        "set language c",
        "print number",
        "print bytes",
        "reverse-stepi",
        "print &lines[9963]",
        "delete",
        "continue",
    ];
    replayed(place, &[], &commands).assert(&[
        "Breakpoint 1, done (number=2, bytes=9980)",
        "$1 = 2\n",
        "$2 = 9980\n",
        "\"time 2, line 299\\n\"",
        "No more reverse-execution history.",
    ]);
    assert_eq!(run(), "time 4, 19960 bytes\n");
    fs::write(place.path("made.recording/disk0"), "no disk").unwrap();
    let arguments = ["debug", "--replay=made.recording", "--batch"];
    let ended = Ended::new(command(place, &arguments).output().unwrap());
    ended.assert(1, &["`disk0` in it is not what was recorded"]);
}

#[test]
fn a_run_that_is_interrupted_is_a_recording() {
    let place = Place::new();
    let mut child = command(
        &place,
        &["debug", "--record=made.recording", &source("spin.wat")],
    )
    .spawn()
    .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    signal("INT", child.id());
    let ended = Ended::new(child.wait_with_output().unwrap());
    ended.assert(130, &["Recorded `"]);
    // It holds the program's memory, for its owner alone, and nothing that only a run needs.
    let folder = place.path("made.recording");
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for file in files(&folder) {
        assert!(fs::metadata(&file).unwrap().is_file(), "{}", file.display());
    }
    replayed(
        &place,
        &["--break", "spin"],
        &["continue", "delete", "continue", "bt", "monitor"],
    )
    .assert(&[
        "Breakpoint 1, ",
        "No more reverse-execution history.",
        "in _start ()",
    ]);
}

#[test]
fn what_can_not_be_recorded_or_repeated_is_refused() {
    let place = Place::new();
    let hello = program("hello.wat");
    let refused = |options: &[&str], status: i32, words: &[&str]| {
        let mut arguments = vec!["debug"];
        arguments.extend(options);
        arguments.push(&hello);
        let output = command(&place, &arguments).output().unwrap();
        Ended::new(output).assert(status, words);
        place.assert_clean();
    };
    fs::create_dir(place.path("data")).unwrap();
    refused(
        &["--record", "--accel", "kvm"],
        2,
        &["which only QEMU's own emulation can", "--accel kvm"],
    );
    refused(
        &["--record", "--machine", "q35"],
        2,
        &["on the machine `microvm` alone"],
    );
    refused(
        &["--record", "--dir", "data::/data"],
        2,
        &["may change the folder", ":ro"],
    );
    refused(&["--record", "--batch"], 2, &["cannot be used with"]);
    refused(
        &["--replay"],
        1,
        &["there is no such recording", "mewz debug --record"],
    );
    record(&place, &[], &hello, 0);
    let note = place.path("made.recording/recording.json");
    let text = fs::read_to_string(&note).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        fs::write(&note, text.replace(from, to)).unwrap();
    };
    changed("\"qemu\": \"", "\"qemu\": \"1");
    refused(
        &["--replay=made.recording", "--batch"],
        1,
        &["which repeats only its own", "--qemu FILE"],
    );
    changed("\"format\": ", "\"format\": 9");
    refused(
        &["--replay=made.recording", "--batch"],
        1,
        &["whose machines differ"],
    );
    fs::write(&note, &text).unwrap();
    // QEMU waits for ever for what a log lacks: so files that are not whole are not tried.
    for name in ["log", "config", "image", "image.elf"] {
        let path = place.path("made.recording").join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let words = format!("`{name}` in it is not what was recorded");
        refused(
            &["--replay=made.recording", "--batch"],
            1,
            &[&words, "record once more"],
        );
        fs::write(&path, &whole).unwrap();
    }
    let log = place.path("made.recording/log");
    let digest = |bytes: &[u8]| blake3::hash(bytes).to_string();
    changed(&digest(&fs::read(&log).unwrap()), &digest(b"no log"));
    fs::write(&log, "no log").unwrap();
    refused(
        &["--replay=made.recording", "--batch"],
        1,
        &["QEMU says: ", "record once more"],
    );
}

#[test]
fn a_write_right_before_the_trap_is_told_both_ways() {
    let place = Place::new();
    place.write(
        "last.wat",
        r#"(module (memory (export "memory") 1)
            (func $write_last (i32.store (i32.const 64) (i32.const 7)) unreachable)
            (func (export "_start") (i32.store (i32.const 64) (i32.const 3)) (call $write_last)))"#,
    );
    record(&place, &[], "last.wat", 134);
    let commands = [
        "set language c",
        "watch *(int*)64",
        "continue",
        "continue",
        "reverse-continue",
        "continue",
        "continue",
        "info registers rip",
    ];
    replayed(&place, &["--break", "write_last"], &commands).assert(&[
        "Breakpoint 1, ",
        "Old value = 3",
        "New value = 7",
        "received signal SIGILL",
        "Old value = 7",
        "New value = 3",
        "Old value = 3",
        "New value = 7",
        "received signal SIGILL",
        "<write_last+",
    ]);
}

/// A server's run is repeated without anybody who asks it, and for one debugger after the other.
#[test]
fn a_server_is_gone_through_backwards_by_debuggers_that_come_and_go() {
    let place = Place::new();
    build_c("network/echo.c", &["-g", "-O0"], &place.path("server.wasm"));
    let port = free_port();
    let pair = format!("{port}:8080");
    let arguments = [
        "debug",
        "--record",
        "-p",
        &pair,
        "--listen-guest",
        "8080",
        "--pcap",
        "made.pcap",
        "server.wasm",
    ];
    let (child, _) = place.start_until(&arguments, "listening");
    let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    for number in 0..20 {
        let mut stream = connect();
        let sent = format!("this is number {number}");
        stream.write_all(sent.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut echoed = String::new();
        stream.read_to_string(&mut echoed).unwrap();
        assert_eq!(echoed, sent);
    }
    connect().write_all(b"stop").unwrap();
    let ended = Ended::new(child.wait_with_output().unwrap());
    ended.assert(0, &["Recorded `"]);
    assert!(fs::metadata(place.path("made.pcap")).unwrap().len() > 2000);

    let arguments = ["debug", "--replay", "--listen", "0", "server.wasm"];
    let mut child = Kept(command(&place, &arguments).spawn().unwrap());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let target = format!("target remote {}", told_address(&mut stderr));
    let debugged = |commands: &[&str]| {
        let mut gdb = Command::new("gdb");
        gdb.args(["-nx", "-batch", "-q"])
            .arg(place.path(".mewz/server.recording/image.elf"))
            .args(["-ex", &target]);
        for line in commands {
            gdb.args(["-ex", line]);
        }
        Transcript::new(&Ended::new(gdb.output().unwrap()))
    };
    let text = fs::read_to_string(source("../network/echo.c")).unwrap();
    let line_of = |words: &str| {
        let found = text.lines().position(|line| line.contains(words));
        format!("echo.c:{}", found.unwrap() + 1)
    };
    let stop_at = |words: &str| format!("tbreak {}", line_of(words));
    let first = [
        "continue",
        &stop_at("= recv("),
        "reverse-continue",
        "next",
        "print got",
        "print one->bytes[0]@4",
    ];
    debugged(&first).assert(&[
        "No more reverse-execution history.",
        "Temporary breakpoint 1, ",
        "= recv(",
        "$1 = 4",
        "$2 = \"stop\"",
    ]);
    // Where the first one left.
    let second = [
        "print got",
        &stop_at("close("),
        "reverse-continue",
        "print one->bytes[0]@17",
    ];
    debugged(&second).assert(&[
        "$1 = 4",
        "Temporary breakpoint 1, ",
        "close(",
        "$2 = \"this is number 19\"",
    ]);
    // However often it is stopped in its dealings with the network, the machine does what it did.
    let mut third = vec!["reverse-continue".to_owned(), "set $stops = 0".to_owned()];
    for words in ["poll(", "= accept(", "= recv(", "= send(", "close("] {
        third.push(format!("break {} if $stops++ < 0", line_of(words)));
    }
    third.extend(["continue", "print $stops > 100"].map(str::to_owned));
    let third: Vec<&str> = third.iter().map(String::as_str).collect();
    debugged(&third).assert(&[
        "No more reverse-execution history.",
        "No more reverse-execution history.",
        "$1 = true",
    ]);
    signal("INT", child.id());
    child.wait().unwrap();
    place.assert_clean();
}
