//! Cores: a machine's memory in a file, opened again in gdb.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use mewz_abi::address::WINDOW_BASE;
use object::{Object as _, ObjectSegment as _};

use super::invoke::{Ended, Place, signal};
use super::tools::{c_compiler, run};
use super::{attached, command, opened, session, source};

#[test]
fn a_crash_leaves_a_core_that_gdb_opens() {
    let place = Place::new();
    fs::copy(source("crash.c"), place.path("crash.c")).unwrap();
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O0", "crash.c", "-o", "crash.wasm"]);
    run(compiler.current_dir(place.path("")));
    let ended = Ended::new(
        command(&place, &["run", "--core", "crash.wasm"])
            .output()
            .unwrap(),
    );
    // Nobody is waited for.
    ended.assert(134, &["integer divide by zero", "Wrote `", "mewz debug "]);
    let core = place.path(".mewz/crash.core");
    let metadata = fs::metadata(&core).unwrap();
    assert!(metadata.blocks() * 512 < metadata.len() / 4, "{metadata:?}");
    assert_eq!(metadata.mode() & 0o077, 0);
    let commands = [
        "bt",
        "p b",
        "up",
        "p n",
        "p *(unsigned char*)1024 + 0",
        "mewz wasi",
        "mewz interrupts",
        "mewz memory",
        "mewz log",
        "mewz descriptors",
        "mewz sockets",
        "mewz heap",
    ];
    opened(&place, ".mewz/crash.core", &commands).assert(&[
        "Program terminated with signal SIGFPE, Arithmetic exception.",
        "in divide (a=42, b=0) at crash.c:7",
        "in work (n=0) at crash.c:11",
        "in main (",
        "$1 = 0",
        "in work (n=0)",
        "$2 = 0",
        "$3 = ",
        " args_sizes_get",
        "   6        1",
        "KiB in 1 parts: the program's memories",
        "the program's stack",
        "   0 standard input\n",
        "none\n",
        "bytes in use of",
    ]);
    // The core of one build and the image of another, and a core that is cut short.
    let image = place.path(".mewz/crash.core.elf");
    let mut bytes = fs::read(&image).unwrap();
    let whole = bytes.clone();
    let parsed = object::File::parse(&whole[..]).unwrap();
    let mut segments = parsed.segments();
    let window = segments.find(|segment| segment.address() == WINDOW_BASE);
    // The build id's first byte.
    bytes[window.unwrap().file_range().0 as usize + 16] ^= 1;
    fs::write(&image, bytes).unwrap();
    let refused = |words: &[&str]| {
        let arguments = ["debug", "--batch", ".mewz/crash.core"];
        Ended::new(command(&place, &arguments).output().unwrap()).assert(1, words);
    };
    refused(&["is the image of another build", "moved together"]);
    fs::remove_file(&image).unwrap();
    refused(&["crash.core.elf", "moved together"]);
    fs::write(&image, &whole).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&core).unwrap();
    file.set_len(200).unwrap();
    refused(&["cut short"]);
    place.assert_clean();
}

#[test]
fn a_program_that_runs_is_kept_in_a_core() {
    let place = Place::new();
    let module = source("spin.wat");
    let mut child = command(&place, &["run", "--debuggable", &module])
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let arguments = ["debug", "--attach", "--core=now.core"];
    Ended::new(command(&place, &arguments).output().unwrap())
        .assert(0, &["Wrote `", "now.core` ("]);
    // As gdb sees it: where the program stands, and not the stub that holds it.
    attached(
        &place,
        &[
            "set language c",
            "set var *(int*)80 = 1234",
            "mewz core then.core",
            "mewz descriptors",
            "detach",
        ],
    )
    .assert(&["Wrote `", "then.core` (", "0 standard input", "detached]"]);
    signal("INT", child.id());
    child.wait().unwrap();
    let commands = ["bt", "set language c", "p *(int*)80", "mewz descriptors"];
    opened(&place, "then.core", &commands).assert(&[
        "#0 ",
        "in spin ()",
        "in _start ()",
        "$1 = 1234",
        "   0 standard input\n",
    ]);
    // Nobody asked the kernel what it knew.
    let transcript = opened(&place, "now.core", &["bt", "mewz heap", "run"]);
    // The program may still be in the call that wrote its line.
    transcript.assert(&["#0 ", "in _start ()"]);
    for words in ["this core does not tell that", "in which nothing runs"] {
        assert!(transcript.errors.contains(words), "{}", transcript.errors);
    }
    place.assert_clean();
}

#[test]
fn the_kernels_state_has_commands_in_gdb() {
    let commands = [
        "mewz memory",
        "mewz heap",
        "mewz descriptors",
        "mewz wasi",
        "mewz interrupts",
        "mewz sockets",
        "mewz log",
        "help mewz",
    ];
    session(&["--break", "say"], &commands, &source("count.wat")).assert(&[
        "Breakpoint 1, ",
        "memory 0 at 0x0: 65536 bytes",
        "bytes in use of",
        "0 standard input",
        " debugger",
        "none",
        "mewz core -- Write the machine's memory",
    ]);
}

/// Has QEMU write the core of the machine that `command` starts, once its program has said `up`.
fn core_by_qemu(place: &Place, command: &[String], core: &str) {
    let socket = place.path("qemu.sock");
    let mut machine = Command::new("timeout");
    machine.arg("60").args(command).args(["-qmp"]);
    machine.arg(format!("unix:{},server=on,wait=off", socket.display()));
    machine.current_dir(place.path(""));
    machine.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut machine = machine.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(machine.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "up");
    let mut socket = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(socket.try_clone().unwrap()).lines();
    let core = place.path(core);
    let dump = format!(
        "\"dump-guest-memory\",\"arguments\":{{\"paging\":true,\"protocol\":\"file:{}\"}}",
        core.display()
    );
    for command in ["\"qmp_capabilities\"", &dump, "\"quit\""] {
        writeln!(socket, "{{\"execute\":{command}}}").unwrap();
        let is_answer = |line: &String| line.contains("\"return\"");
        let answer = answers.by_ref().map_while(Result::ok).find(is_answer);
        assert!(answer.is_some(), "{command}");
    }
    machine.wait().unwrap();
}

#[test]
fn a_core_of_a_release_is_read_by_its_debug_file() {
    let place = Place::new();
    place.write(
        "loop.c",
        "#include <unistd.h>\nvolatile int count;\n\
         static __attribute__((noinline)) void turn(int n) { for (;;) count += n; }\n\
         int main(int argc, char **argv) { (void)argv;\n  write(1, \"up\\n\", 3);\n  turn(argc);\n}\n",
    );
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O1", "loop.c", "-o", "loop.wasm"]);
    run(compiler.current_dir(place.path("")));
    let built = Ended::new(
        command(&place, &["build", "--release", "--json", "loop.wasm"])
            .output()
            .unwrap(),
    );
    let built: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
    let words = built["command"].as_array().unwrap().iter();
    let words: Vec<String> = words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    // The image that is shipped, with nothing for debuggers in it, and the core that its host's QEMU writes.
    fs::create_dir(place.path("far")).unwrap();
    core_by_qemu(&place, &words, "far/loop.core");
    // It turns, or is about to.
    let calls = ["#0 ", "main (", "at loop.c:", "in enter_application ("];
    opened(&place, "far/loop.core", &["bt"]).assert(&calls);

    // Moved away from its build it says which file is missing; beside it that is found.
    let elsewhere = Place::new();
    fs::rename(place.path("far/loop.core"), elsewhere.path("loop.core")).unwrap();
    let refused = || {
        let arguments = ["debug", "--batch", "--ex", "bt", "loop.core"];
        let id = built["build_id"].as_str().unwrap();
        Ended::new(command(&elsewhere, &arguments).output().unwrap()).assert(
            1,
            &[
                "loop.core.elf",
                &format!("the debug file of this build ({id})"),
                "`loop.core.debug`",
            ],
        );
    };
    refused();
    let file = place.path(built["debug_file"].as_str().unwrap());
    // That of another build serves nobody.
    let mut other = fs::read(&file).unwrap();
    let id = object::File::parse(&other[..]).unwrap().build_id().unwrap();
    let id = id.unwrap().to_vec();
    let mut at = 0;
    while let Some(next) = other[at..].windows(id.len()).position(|part| part == id) {
        at += next + id.len();
        other[at - 1] ^= 1;
    }
    assert_ne!(at, 0);
    elsewhere.write("loop.core.debug", other);
    refused();
    // As old as it is: gdb warns of what is newer than a core.
    fs::rename(file, elsewhere.path("loop.core.debug")).unwrap();
    opened(&elsewhere, "loop.core", &["bt"]).assert(&calls);
    place.assert_clean();
}
