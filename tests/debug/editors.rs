//! Editors, and the command line around a session.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::invoke::{Ended, PATIENCE, Place, program, signal};
use super::{Kept, Transcript, command, source, told_address};

#[test]
fn an_editor_comes_by_a_port() {
    let place = Place::new();
    let module = place.path("count.wat");
    fs::copy(source("count.wat"), &module).unwrap();
    let arguments = ["debug", "--listen", "127.0.0.1:0", module.to_str().unwrap()];
    let mut child = Kept(command(&place, &arguments).spawn().unwrap());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let address = told_address(&mut stderr);
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
    let mut gdb = Command::new("timeout")
        .arg(PATIENCE.as_secs().to_string())
        .args(["gdb", "-nx", "-q", "-i=mi"])
        .arg(symbols)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gdb.stdin.take().unwrap();
    let mut output = BufReader::new(gdb.stdout.take().unwrap());
    let mut text = String::new();
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
            assert!(!answer.starts_with("^error"), "{text}");
        }
    }
    gdb.wait().unwrap();
    text
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
    let arguments = [
        "debug",
        "--batch",
        "--break",
        "diivde",
        &source("count.wat"),
    ];
    ended(&arguments).assert(2, &["no function `diivde`", "there is `divide`"]);
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
fn an_editor_that_speaks_to_gdb_asks_for_the_machine_when_it_is_ready() {
    let place = Place::new();
    // What a newer gdb does at the requests of an editor, without the protocol: the last two words ask for that.
    let requests = [
        "info program",
        "file of-the-editor",
        "break count",
        "run",
        "starti",
    ];
    let requests: String = requests.map(|line| format!(" -ex '{line}'")).concat();
    let text = format!(
        "case $* in *--version*) echo 'GNU gdb (GDB) 16.3'; exit ;; esac\n\
         left=$#\nfor word; do shift; left=$((left - 1))\n\
         if [ $left -ge 2 ]; then set -- \"$@\" \"$word\"; else echo \"$word\"; fi\ndone\n\
         exec gdb \"$@\" -batch {requests}"
    );
    let gdb = place.script("new-gdb", &text);
    let gdb = gdb.to_str().unwrap();
    let module = source("count.wat");
    let arguments = ["debug", "--dap", "--break", "say", "--gdb", gdb, &module];
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    let transcript = Transcript::new(&ended);
    transcript.assert(&[
        "-i\ndap\n",
        "Breakpoint 1 at 0x",
        "not being run",
        "Breakpoint 2 at 0x",
        "Breakpoint 1, ",
        "in say ()",
    ]);
    assert!(
        transcript.errors.contains("the program has begun"),
        "{}",
        transcript.errors
    );
    place.assert_clean();
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
