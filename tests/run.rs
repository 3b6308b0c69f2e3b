//! Programs of `tests/programs` under `mewz run`, each in a machine of its own.

mod invoke;

use std::fs;
use std::io::{BufRead as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use invoke::{Ended, Place, program, signal, wait_for};

#[test]
fn a_program_writes_and_ends_well() {
    let place = Place::new();
    let ended = place.run(&["run", &program("hello.wat")]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert_eq!(ended.stdout, b"hello from wat\n");
    // Once more, from the cache, as binary and without a cache.
    assert_eq!(
        place.run(&["run", &program("hello.wat")]).stdout,
        b"hello from wat\n"
    );
    place.write("hello.wasm", wat::parse_file(program("hello.wat")).unwrap());
    assert_eq!(
        place.run(&["run", "--no-cache", "hello.wasm"]).stdout,
        b"hello from wat\n"
    );
    place.assert_clean();
}

#[test]
fn every_machine_runs_it() {
    let place = Place::new();
    for machine in ["microvm", "q35", "pc"] {
        let ended = place.run(&[
            "run",
            "--machine",
            machine,
            "--accel",
            "tcg",
            &program("hello.wat"),
        ]);
        assert_eq!(
            (ended.status, &ended.stdout[..]),
            (0, &b"hello from wat\n"[..]),
            "{machine}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_small_machine_is_enough() {
    let place = Place::new();
    let ended = place.run(&["run", "--memory", "32MiB", &program("hello.wat")]);
    assert_eq!(
        (ended.status, &ended.stdout[..]),
        (0, &b"hello from wat\n"[..]),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_program_that_is_too_large_for_its_machine_is_told_what_helps() {
    let place = Place::new();
    let data = "x".repeat(20 << 20);
    let text =
        format!("(module (memory 400) (data (i32.const 0) \"{data}\") (func (export \"_start\")))");
    place.write("large.wasm", wat::parse_str(text).unwrap());
    place
        .run(&["run", "--memory", "16MiB", "large.wasm"])
        .assert(1, &["cannot run the program", "`--memory SIZE`"]);
    place
        .run(&["run", "--memory", "64MiB", "large.wasm"])
        .assert(0, &[]);
    place.assert_clean();
}

#[test]
fn a_machine_beyond_the_boot_tables_is_used() {
    let place = Place::new();
    // QEMU puts the configuration block at the end of low memory, and on a PC leaves some pages free behind it.
    for (machine, memory) in [("microvm", "5GiB"), ("pc", "2GiB"), ("q35", "5GiB")] {
        let ended = place.run(&[
            "run",
            "--machine",
            machine,
            "--memory",
            memory,
            &program("hello.wat"),
        ]);
        assert_eq!(
            (ended.status, &ended.stdout[..]),
            (0, &b"hello from wat\n"[..]),
            "{machine} {memory}: {}",
            ended.stderr
        );
    }
}

#[test]
fn input_that_nobody_reads_lets_the_machine_sleep() {
    let place = Place::new();
    let mut command = place.command(&["run", &program("doze.wat")]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "asleep\n");
    child.stdin.as_mut().unwrap().write_all(b"input").unwrap();
    let machine = place.process("qemu-system");
    let used_before = processor_ticks(machine);
    std::thread::sleep(Duration::from_secs(2));
    let used = processor_ticks(machine) - used_before;
    // A machine that is awake uses what it gets of 200.
    assert!(used < 20, "{used} hundredths of a second in two seconds");
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "awake\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_program_that_takes_all_memory_is_refused_and_not_the_kernels_end() {
    let place = Place::new();
    let folder = place.path("hoard");
    fs::create_dir(&folder).unwrap();
    let input: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let arguments = [
        "run",
        "--memory",
        "16MiB",
        "--dir",
        &format!("{}::.", folder.display()),
        &program("hoard.wat"),
    ];
    let ended = place.run_with(&arguments, &input);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert!(ended.stdout == [&b"full\n"[..], &input].concat());
    assert!(fs::read_dir(&folder).unwrap().count() > 100);
}

#[test]
fn several_memories_are_mapped_as_they_are_touched_and_wasi_takes_the_exported_one() {
    let place = Place::new();
    let ended = place.run(&["run", "--memory", "64MiB", &program("memories.wat")]);
    assert_eq!(
        (ended.status, &ended.stdout[..], &ended.stderr[..]),
        (0, &b"three memories\n"[..], "")
    );
}

/// Time that a process has run, in hundredths of a second. Source: proc(5), `/proc/PID/stat`.
fn processor_ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn the_exit_status_is_the_programs() {
    let place = Place::new();
    for (asked, given) in [
        ("0", 0),
        ("1", 1),
        ("42", 42),
        ("126", 126),
        ("200", 200),
        ("255", 255),
        ("256", 1),
    ] {
        let ended = place.run(&["run", &program("status.wat"), "--", asked]);
        assert_eq!(ended.status, given, "proc_exit({asked}): {}", ended.stderr);
    }
}

#[test]
fn arguments_and_environment_arrive_byte_for_byte() {
    let place = Place::new();
    let arguments = ["-x", "a b", "", "ü\n"];
    let mut line = vec!["run".to_owned(), "--env".to_owned(), "A=1=2".to_owned()];
    line.extend(["--env", "EMPTY=", "--env", "INHERITED"].map(str::to_owned));
    line.extend([program("arguments.wat"), "--".to_owned()]);
    line.extend(arguments.map(str::to_owned));
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let ended = Ended::new(
        place
            .command(&line)
            .env("INHERITED", "here")
            .output()
            .unwrap(),
    );
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let expected = "arguments.wat\0-x\0a b\0\0ü\n\0A=1=2\0EMPTY=\0INHERITED=here\0";
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), expected);
}

#[test]
fn standard_input_comes_back_as_it_was() {
    let place = Place::new();
    let mut input: Vec<u8> = (0..=255).collect();
    // Longer than every buffer on the way, and without a pattern that a lost piece would keep.
    let mut state = 1_u32;
    input.extend((0..1_500_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    let ended = place.run_with(&["run", &program("echo.wat")], &input);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert!(
        ended.stdout == input,
        "{} bytes came back of {}",
        ended.stdout.len(),
        input.len()
    );
    let empty = place.run(&["run", &program("echo.wat")]);
    assert_eq!(
        (empty.status, empty.stdout.len()),
        (0, 0),
        "{}",
        empty.stderr
    );
}

#[test]
fn input_that_comes_late_is_awaited() {
    let place = Place::new();
    let mut command = place.command(&["run", &program("wait.wat")]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "done\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_streams_are_kept_apart() {
    let place = Place::new();
    let ended = place.run(&["run", &program("streams.wat")]);
    assert_eq!(ended.status, 0);
    assert_eq!(ended.stdout, "out\n".repeat(100).as_bytes());
    assert_eq!(ended.stderr, "err\n".repeat(100));
}

#[test]
fn streams_on_one_file_keep_their_order() {
    let place = Place::new();
    let both = fs::File::create(place.path("both")).unwrap();
    let mut command = place.command(&["run", &program("streams.wat")]);
    let status = command
        .stdout(both.try_clone().unwrap())
        .stderr(both)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(place.path("both")).unwrap(),
        "out\nerr\n".repeat(100)
    );
}

#[test]
fn a_trap_is_status_134_and_says_where() {
    let place = Place::new();
    let ended = place.run(&["run", &program("divide.wat")]);
    ended.assert(
        134,
        &[
            "error: trap: integer divide by zero in `divide` at wasm offset 0x",
            "called from `work`",
            "called from `_start`",
        ],
    );
    assert!(ended.stdout.is_empty());
    place.assert_clean();
}

#[test]
fn a_missing_import_is_warned_of_and_traps_when_called() {
    let place = Place::new();
    let warning = "warning: `";
    let ended = place.run(&["run", &program("stranger.wat")]);
    ended.assert(0, &[warning, "`env.socket`"]);
    let ended = place.run(&["run", &program("stranger.wat"), "--", "call"]);
    ended.assert(
        134,
        &[
            warning,
            "error: trap: missing import `env.socket` in `_start`",
        ],
    );
}

#[test]
fn time_runs_out_with_status_124() {
    let place = Place::new();
    let start = Instant::now();
    place
        .run(&["run", "--timeout", "2s", &program("spin.wat")])
        .assert(124, &["ran longer than 2s"]);
    assert!(start.elapsed() >= Duration::from_secs(2));
    place.assert_clean();
}

#[test]
fn time_runs_out_behind_a_reader_that_does_not_read() {
    let place = Place::new();
    let mut child = place
        .command(&["run", "--timeout", "2s", &program("flood.wat")])
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(124));
    place.assert_clean();
}

#[test]
fn signals_end_the_machine_and_tell_by_the_status() {
    for (name, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let place = Place::new();
        let (mut child, _stdout) = place.start_until(&["run", &program("spin.wat")], "ready");
        signal(name, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(status), "SIG{name}");
        place.assert_clean();
    }
}

#[test]
fn ctrl_c_is_heard_while_nobody_reads_the_output() {
    let place = Place::new();
    let (mut child, _stdout) =
        place.start_until(&["run", &program("flood.wat")], &"y".repeat(32767));
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    place.assert_clean();
}

#[test]
fn qemu_ends_when_mewz_is_killed() {
    let place = Place::new();
    let (mut child, _stdout) = place.start_until(&["run", &program("spin.wat")], "ready");
    place.process("qemu-system");
    signal("KILL", child.id());
    child.wait().unwrap();
    place.assert_clean();
}

#[test]
fn qemu_has_a_memory_limit() {
    let place = Place::new();
    let (mut child, _stdout) = place.start_until(&["run", &program("spin.wat")], "ready");
    let limits =
        fs::read_to_string(format!("/proc/{}/limits", place.process("qemu-system"))).unwrap();
    for name in ["Max data size", "Max address space"] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(!line.contains("unlimited"), "{line}");
    }
    signal("INT", child.id());
    child.wait().unwrap();
}

#[test]
fn a_qemu_that_is_killed_is_told_of() {
    let place = Place::new();
    let (child, _stdout) = place.start_until(&["run", &program("spin.wat")], "ready");
    signal("KILL", place.process("qemu-system"));
    Ended::new(child.wait_with_output().unwrap()).assert(1, &["QEMU was killed", "SIGKILL"]);
    place.assert_clean();
}

#[test]
fn a_reader_that_leaves_ends_the_machine_quietly() {
    let place = Place::new();
    let (child, stdout) = place.start_until(&["run", &program("flood.wat")], &"y".repeat(32767));
    drop(stdout);
    let ended = Ended::new(child.wait_with_output().unwrap());
    assert_eq!((ended.status, &ended.stderr[..]), (141, ""));
    place.assert_clean();
}

#[test]
fn output_waits_for_its_reader() {
    let place = Place::new();
    let line = "y".repeat(32767);
    let (mut child, mut stdout) = place.start_until(&["run", &program("flood.wat")], &line);
    // Time for the machine to fill every buffer on the way; without it the test is only weaker.
    std::thread::sleep(Duration::from_millis(500));
    let mut bytes = vec![0; 32768 * 600];
    stdout.read_exact(&mut bytes).unwrap();
    assert!(
        bytes
            .chunks(32768)
            .all(|chunk| chunk[..32767] == *line.as_bytes() && chunk[32767] == b'\n')
    );
    signal("INT", child.id());
    child.wait().unwrap();
}

#[test]
fn output_that_cannot_be_written_is_told_of() {
    let place = Place::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = Ended::new(
        place
            .command(&["run", &program("hello.wat")])
            .stdout(full)
            .output()
            .unwrap(),
    );
    ended.assert(1, &["the program's output is lost", "No space left"]);
    place.assert_clean();
}

#[test]
fn a_project_is_built_and_run_as_its_file_says() {
    let place = Place::new();
    place.write(
        "app/mewz.toml",
        r#"
            mewz = 1
            [build]
            command = "echo building {profile}; cp main.wat {profile}.wat"
            wasm = "{profile}.wat"
            [run]
            args = ["one", "two"]
            env = { A = "file", B = "file" }
            memory = "32MiB"
        "#,
    );
    fs::copy(program("arguments.wat"), place.path("app/main.wat")).unwrap();
    let ended = place.run(&["run", "app"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "building debug\n");
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        "debug.wat\0one\0two\0A=file\0B=file\0"
    );

    // Flags come before the file; the folder is found from below.
    fs::create_dir(place.path("app/deep")).unwrap();
    let mut command = place.command(&["run", "--release", "--env", "A=flag", "--", "three"]);
    let ended = Ended::new(
        command
            .current_dir(place.path("app/deep"))
            .output()
            .unwrap(),
    );
    assert_eq!(ended.stderr, "building release\n");
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        "release.wat\0three\0A=flag\0B=file\0"
    );
    place.assert_clean();
}

#[test]
fn a_built_image_boots_by_the_line_that_is_printed() {
    let place = Place::new();
    for (flags, image) in [(&[][..], "plain.elf"), (&["--release"], "it's small.elf")] {
        let mut arguments = vec!["build", "-o", image];
        arguments.extend(flags);
        let hello = program("hello.wat");
        arguments.push(&hello);
        let built = place.run(&arguments);
        built.assert(0, &["Built `", image]);
        let line = String::from_utf8(built.stdout).unwrap();
        assert!(line.starts_with("qemu-system-x86_64 "), "{line}");
        let mut child = Command::new("timeout")
            .args(["60", "sh", "-c", line.trim()])
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        // Debug-exit: twice the status and one.
        assert_eq!(child.wait().unwrap().code(), Some(1), "{output}");
        assert!(output.contains("hello from wat"), "{output}");
    }
    let sizes =
        ["plain.elf", "it's small.elf"].map(|name| fs::metadata(place.path(name)).unwrap().len());
    assert!(sizes[1] < sizes[0], "{sizes:?}");
    place.assert_clean();
}

#[test]
fn equal_modules_are_compiled_once() {
    let place = Place::new();
    for name in ["a.wat", "b.wat"] {
        fs::copy(program("hello.wat"), place.path(name)).unwrap();
        place.run(&["run", name]).assert(0, &[]);
    }
    let images = || invoke::files(&place.cache().join("mewz/images")).len();
    assert_eq!(images(), 1);
    place
        .run(&["run", "--target-cpu", "x86-64", "a.wat"])
        .assert(0, &[]);
    assert_eq!(images(), 2);
    // What takes long to make is kept with symbols for people, too.
    place.run(&["run", "--opt", "2", "a.wat"]).assert(0, &[]);
    assert_eq!(images(), 4);
    wait_for("an idle place", || {
        place.processes().is_empty().then_some(())
    });
}
