//! What `mewz` says and how it ends when something is wrong, without a machine that boots.

mod invoke;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use invoke::{Ended, Place, files, program, signal, wait_for};

/// Answers the question for the version, as QEMU does; what follows is the machine.
const VERSION_ANSWER: &str =
    r#"case "$1" in --version) echo "QEMU emulator version 7.2.22"; exit;; esac"#;

#[test]
fn help_has_examples_and_every_command() {
    let place = Place::new();
    let help = place.run(&["--help"]);
    assert_eq!(help.status, 0);
    let text = String::from_utf8(help.stdout).unwrap();
    for word in [
        "run",
        "build",
        "compile",
        "imports",
        "new",
        "completions",
        "Examples:",
        "Exit status:",
    ] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    for command in ["run", "build", "compile", "imports", "size"] {
        let help = place.run(&[command, "--help"]);
        assert_eq!(help.status, 0);
        assert!(
            String::from_utf8(help.stdout)
                .unwrap()
                .contains("Examples:"),
            "{command}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_status_2_and_names_what_was_meant() {
    let place = Place::new();
    place.run(&[]).assert(2, &["Usage:"]);
    place.run(&["runn"]).assert(2, &["'run'"]);
    place
        .run(&["run", "--memroy", "1"])
        .assert(2, &["--memory"]);
    place
        .run(&["run", "--memory", "128", "x"])
        .assert(2, &["--memory", "128MiB"]);
    place
        .run(&["run", "--memory", "1MiB", "x"])
        .assert(2, &["16MiB"]);
    place
        .run(&["run", "--timeout", "10", "x"])
        .assert(2, &["10s"]);
    place
        .run(&["run", "--accel", "fast", "x"])
        .assert(2, &["auto", "kvm", "tcg"]);
    place
        .run(&["run", "--machine", "pcc", "x"])
        .assert(2, &["microvm", "'pc'"]);
    place
        .run(&["run", "--env", "=1", "x"])
        .assert(2, &["NAME=VALUE"]);
    place
        .run(&["run", "--dir", "a:/b", "x"])
        .assert(2, &["HOST::GUEST"]);
    place.run(&["run", "-p", "80", "x"]).assert(2, &["8080:80"]);
    place
        .run(&["run", "--listen", "http", "x"])
        .assert(2, &["65535"]);
    place
        .run(&["compile", "x", "--memory-base", "1"])
        .assert(2, &["4096"]);
    place.assert_clean();
}

#[test]
fn what_is_no_module_is_named_for_what_it_is() {
    let place = Place::new();
    place
        .run(&["run", "gone.wasm"])
        .assert(1, &["cannot read `gone.wasm`", "no such file", "hint:"]);
    for (name, content, word) in [
        ("text.wasm", &b"hello"[..], "does not begin with `\\0asm`"),
        ("empty.wasm", b"", "empty"),
        ("short.wasm", b"\0as", "truncated"),
        ("elf.wasm", b"\x7fELF\x02\x01", "ELF"),
        ("zipped.wasm", b"\x1f\x8b\x08\0", "gzip"),
        ("main.c", b"int main(void) { return 0; }", "clang"),
    ] {
        place.write(name, content);
        for command in ["run", "build", "compile", "imports", "size"] {
            // Objects and images are what `size` takes too, so that this one is a broken one to it.
            if (command, name) == ("size", "elf.wasm") {
                place
                    .run(&[command, name])
                    .assert(1, &["cannot measure `elf.wasm`"]);
                continue;
            }
            place
                .run(&[command, name])
                .assert(1, &["is not a WebAssembly module", word]);
        }
    }
    place.assert_clean();
    assert_eq!(
        files(&place.path("")).len(),
        6,
        "a refused module leaves nothing"
    );
}

#[test]
fn the_text_format_is_complained_about_with_its_place() {
    let place = Place::new();
    place.write("wrong.wat", "(module\n  (fnuc))\n");
    place
        .run(&["run", "wrong.wat"])
        .assert(1, &["wrong.wat:2:4", "fnuc"]);
}

#[test]
fn invalid_modules_are_refused_with_the_byte() {
    let place = Place::new();
    place.write(
        "stack.wat",
        "(module (func (export \"_start\") i32.const 1))",
    );
    place
        .run(&["run", "stack.wat"])
        .assert(1, &["invalid module at byte 0x"]);
    let whole = wat::parse_file(program("hello.wat")).unwrap();
    for end in [8 + 1, whole.len() / 2, whole.len() - 1] {
        place.write("cut.wasm", &whole[..end]);
        place
            .run(&["run", "cut.wasm"])
            .assert(1, &["cannot compile `cut.wasm`", "at byte 0x"]);
    }
    place.write("component.wat", "(component)");
    place
        .run(&["run", "component.wat"])
        .assert(1, &["component", "wasm32-wasip1"]);
    place.assert_clean();
}

#[test]
fn a_module_without_start_is_refused_with_what_it_has() {
    let place = Place::new();
    place
        .run(&["run", &program("library.wat")])
        .assert(1, &["no function `_start`", "`memory`, `add`"]);
    place
        .run(&["build", &program("library.wat")])
        .assert(1, &["no function `_start`"]);
    // An object serves without one.
    place
        .run(&["compile", &program("library.wat"), "-o", "library.o"])
        .assert(0, &["Compiled `library.o`"]);
    assert!(place.path("library.o").exists());
}

#[test]
fn folders_must_be_there_and_stand_once() {
    let place = Place::new();
    let hello = program("hello.wat");
    place.write("file", "");
    place
        .run(&["run", "--dir", "gone::/data", &hello])
        .assert(1, &["cannot mount `gone`", "no such folder"]);
    place
        .run(&["run", "--dir", "file::/data", &hello])
        .assert(1, &["not a folder"]);
    place
        .run(&["run", "--dir", ".::/a", "--dir", ".::/a", &hello])
        .assert(2, &["already"]);
    let many: Vec<String> = (0..8).map(|number| format!("--dir=.::/{number}")).collect();
    let mut arguments = vec!["run", &hello];
    arguments.extend(many.iter().map(String::as_str));
    place.run(&arguments).assert(2, &["slots for 7", "q35"]);
    place
        .run(&["run", "--env", "MEWZ_NO_SUCH", &hello])
        .assert(2, &["`MEWZ_NO_SUCH`", "not set"]);
}

#[test]
fn imports_are_listed_with_the_kernels_answer() {
    let place = Place::new();
    let list = place.run(&["imports", &program("stranger.wat")]);
    assert_eq!(list.status, 0, "{list:?}");
    let text = String::from_utf8(list.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("missing") && lines[0].contains("env.socket"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("answered")
            && lines[1].contains("wasi_snapshot_preview1.args_sizes_get"),
        "{text}"
    );

    let list = place.run(&["imports", "--json", &program("stranger.wat")]);
    let json: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(json[0]["field"], "socket");
    assert_eq!(json[0]["answered"], false);
    assert_eq!(json[1]["answered"], true);
    assert_eq!(
        json[1]["symbol"],
        "wasi_snapshot_preview1$args_sizes_get$ii$i"
    );
}

#[test]
fn a_project_file_with_mistakes_is_refused_with_their_place() {
    let place = Place::new();
    place
        .run(&["run"])
        .assert(2, &["nothing to run", "mewz.toml", "mewz new"]);
    fs::create_dir(place.path("bare")).unwrap();
    place
        .run(&["run", "bare"])
        .assert(1, &["`bare` is no project", "mewz.toml"]);
    place.write("mewz.toml", "mewz = 1\n[build]\nwasn = \"a.wasm\"\n");
    place.run(&["run"]).assert(
        2,
        &[
            "mewz.toml:3:1",
            "unknown key `wasn`",
            "did you mean `wasm`?",
        ],
    );
    place.write("mewz.toml", "mewz = 1\n[build]\nwasm = \"a.wasm\"\n");
    place
        .run(&["build"])
        .assert(1, &["the build left no", "a.wasm", "names no `command`"]);
    place.write(
        "mewz.toml",
        "mewz = 1\n[build]\nwasm = \"a.wasm\"\ncommand = \"echo words; exit 3\"\n",
    );
    let ended = place.run(&["build"]);
    ended.assert(1, &["words\n", "the build failed", "ended with status 3"]);
    assert!(ended.stdout.is_empty(), "the build's words are not data");
}

#[test]
fn an_unfit_qemu_is_answered_with_the_command_that_installs_one() {
    let place = Place::new();
    let hello = program("hello.wat");
    place
        .run(&["run", "--qemu", "no-such-qemu", &hello])
        .assert(1, &["QEMU is not installed", "no-such-qemu", "hint:"]);
    let missing = place
        .command(&["run", &hello])
        .env("PATH", place.path(""))
        .output()
        .unwrap();
    Ended::new(missing).assert(
        1,
        &["QEMU is not installed", "qemu-system-x86_64", "MEWZ_QEMU"],
    );
    place.script(
        "old",
        r#"echo "QEMU emulator version 5.2.0 (Debian 1:5.2)""#,
    );
    place
        .run(&["run", "--qemu", "./old", &hello])
        .assert(1, &["QEMU is too old", "5.2", "7.0"]);
    place.script("other", "echo GNU bash");
    place
        .run(&["run", "--qemu", "./other", &hello])
        .assert(1, &["`GNU bash`"]);
    place.assert_clean();
}

/// Runs a module with `machine`, a shell script, in QEMU's place.
fn run_with_fake(place: &Place, machine: &str) -> Ended {
    place.script("fake", &format!("{VERSION_ANSWER}\n{machine}"));
    place.run(&["run", "--qemu", "./fake", &program("hello.wat")])
}

#[test]
fn a_qemu_that_fails_is_quoted() {
    let place = Place::new();
    run_with_fake(
        &place,
        "echo 'qemu: cannot set up guest memory' >&2; exit 1",
    )
    .assert(
        1,
        &[
            "the machine did not start",
            "status 1",
            "QEMU says: qemu: cannot set up",
            "smaller `--memory`",
        ],
    );
    run_with_fake(&place, "echo early words; exit 3")
        .assert(1, &["status 3", "the kernel says: early words"]);
    run_with_fake(&place, "kill -9 $$").assert(1, &["QEMU was killed", "SIGKILL"]);
    // Started, then gone.
    run_with_fake(
        &place,
        r"printf '\004\0\0\0\020\0\0\0................' >&0; exit 0",
    )
    .assert(1, &["the machine ended before the program did"]);
    place.assert_clean();
}

#[test]
fn garbage_on_the_console_ends_the_machine() {
    let place = Place::new();
    run_with_fake(&place, "echo 'SeaBIOS (version 1.16)' >&0; exec sleep 1000")
        .assert(1, &["cannot be understood", "no record"]);
    place.assert_clean();
}

#[test]
fn a_console_that_closes_ends_the_machine() {
    let place = Place::new();
    run_with_fake(&place, "exec sleep 1000 <&-").assert(1, &["QEMU was killed"]);
    place.assert_clean();
}

#[test]
fn records_reach_their_streams_in_any_pieces() {
    let place = Place::new();
    let ended = run_with_fake(
        &place,
        r"printf '\001\0\0\0\013\0\0\0hel' >&0; sleep 0.05; printf 'lo\0wor\377d' >&0
          printf '\002\0\0\0\004\0\0\0oops' >&0
          printf '\003\0\0\0\005\0\0\0\002word' >&0
          printf '\006\0\0\0\004\0\0\0\052\0\0\0' >&0
          exec sleep 1000",
    );
    assert_eq!(ended.status, 42, "{ended:?}");
    assert_eq!(ended.stdout, b"hello\0wor\xffd");
    assert_eq!(ended.stderr, "oopswarning: kernel: word\n");
    place.assert_clean();
}

#[test]
fn a_failed_kernel_is_no_success() {
    let place = Place::new();
    run_with_fake(
        &place,
        r"printf '\010\0\0\0\005\0\0\0ouch!' >&0; printf '\006\0\0\0\004\0\0\0\0\0\0\0' >&0; exec sleep 1000",
    )
    .assert(1, &["the kernel cannot run the program", "ouch!", "bug of mewz"]);
}

#[test]
fn nobody_reads_standard_input_before_it_is_asked_for() {
    let place = Place::new();
    place.script("fake", &format!("{VERSION_ANSWER}\nprintf '\\006\\0\\0\\0\\004\\0\\0\\0\\0\\0\\0\\0' >&0; exec sleep 1000"));
    let line = format!(
        "{} run --qemu ./fake {} && cat",
        env!("CARGO_BIN_EXE_mewz"),
        program("hello.wat")
    );
    let mut shell = std::process::Command::new("sh");
    let ordinary = place.command(&[]);
    shell.args(["-c", &line]).current_dir(place.path(""));
    for (name, value) in ordinary.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let input = place.write("input", "kept for the shell");
    let output = shell
        .stdin(fs::File::open(input).unwrap())
        .output()
        .unwrap();
    let ended = Ended::new(output);
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        "kept for the shell",
        "{}",
        ended.stderr
    );
}

#[test]
fn a_full_disk_leaves_no_partial_image() {
    let place = Place::new();
    let full = place.run(&["build", &program("hello.wat"), "-o", "/dev/full"]);
    full.assert(1, &["cannot write the image `/dev/full`", "No space left"]);
    place
        .run(&["compile", &program("hello.wat"), "-o", "/dev/full"])
        .assert(1, &["cannot write `/dev/full`"]);
    // A limit on file sizes stops the write in its midst, as a disk that fills up does.
    let line = format!(
        "trap '' XFSZ; ulimit -f 8; exec {} build {} -o big.elf",
        env!("CARGO_BIN_EXE_mewz"),
        program("hello.wat")
    );
    let limited = std::process::Command::new("sh")
        .args(["-c", &line])
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended::new(limited).assert(1, &["cannot write the image `big.elf`", "File too large"]);
    assert_eq!(files(&place.path("")), Vec::<std::path::PathBuf>::new());
    assert!(Path::new("/dev/full").exists());
    place.assert_clean();
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let place = Place::new();
    fs::remove_dir(place.cache()).unwrap();
    fs::write(place.cache(), "in the way").unwrap();
    run_with_fake(
        &place,
        r"printf '\006\0\0\0\004\0\0\0\0\0\0\0' >&0; exec sleep 1000",
    )
    .assert(0, &["warning: cannot keep the image"]);
}

#[test]
fn a_damaged_cache_is_noticed_and_mended() {
    let place = Place::new();
    let ends_well = r"printf '\006\0\0\0\004\0\0\0\0\0\0\0' >&0; exec sleep 1000";
    run_with_fake(&place, ends_well).assert(0, &[]);
    for image in files(&place.cache().join("mewz/images")) {
        let mut bytes = fs::read(&image).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&image, bytes).unwrap();
    }
    run_with_fake(&place, ends_well).assert(0, &["the cached image was damaged"]);
    let again = run_with_fake(&place, ends_well);
    assert_eq!((again.status, &again.stderr[..]), (0, ""));
}

#[test]
fn ctrl_c_ends_a_build_command_with_its_children() {
    let place = Place::new();
    place.write(
        "mewz.toml",
        "mewz = 1\n[build]\nwasm = \"a.wasm\"\ncommand = \"sleep 1000 & sleep 1000\"\n",
    );
    let mut child = place.command(&["run"]).spawn().unwrap();
    wait_for("the build", || (place.processes().len() >= 4).then_some(()));
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    place.assert_clean();
}

#[test]
fn ctrl_c_ends_the_compiler() {
    let place = Place::new();
    // Large enough that the signal comes in the midst of it.
    let body = "(local.set 0 (i64.add (local.get 0) (i64.const 7)))".repeat(400);
    // All different: equal ones are compiled once.
    let functions: String = (0..3000)
        .map(|at| format!("(func (local i64) (local.set 0 (i64.const {at})) {body})"))
        .collect();
    let text = format!("(module {functions} (func (export \"_start\")))");
    place.write("large.wasm", wat::parse_str(text).unwrap());
    for arguments in [
        &["run", "large.wasm"][..],
        &["build", "large.wasm"],
        &["compile", "large.wasm"],
    ] {
        let mut child = place.command(arguments).spawn().unwrap();
        let tasks = format!("/proc/{}/task", child.id());
        // The main thread, the one that waits for signals, those that compile.
        wait_for("the compiler", || {
            (fs::read_dir(&tasks).unwrap().count() > 2).then_some(())
        });
        signal("INT", child.id());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{arguments:?}");
    }
    place.assert_clean();
    assert_eq!(files(&place.path("")).len(), 1, "no half of an image");
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["imports", &program("hello.wat")],
        &["build", &program("hello.wat")],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let start = Instant::now();
        let ended = Ended::new(place.command(arguments).stdout(writer).output().unwrap());
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        assert!(start.elapsed() < invoke::PATIENCE);
    }
}

#[test]
fn a_build_compiles_what_changed_since_the_last() {
    let place = Place::new();
    let built = |constant: u32| {
        let text = format!(
            "(module (func $one (result i32) (i32.const {constant})) (func (export \"_start\") (drop (call $one))))"
        );
        fs::write(place.path("app.wat"), text).unwrap();
        let built = place.run(&["build", "--json", "-v", "app.wat"]);
        built.assert(0, &["Built `app.elf`"]);
        let json: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
        assert_eq!(json["functions"], 2);
        let compiled = json["functions_compiled"].as_u64().unwrap();
        built.assert(0, &[&format!("Compiled {compiled} of 2 functions")]);
        (compiled, fs::read(place.path("app.elf")).unwrap())
    };
    let (first, image) = built(1);
    assert_eq!(first, 2);
    assert_eq!(built(2).0, 1);
    let (compiled, again) = built(1);
    assert_eq!(compiled, 0);
    assert!(
        again == image,
        "where the code came from shows in the image"
    );
    let functions = place.cache().join("mewz/functions");
    for file in files(&functions) {
        fs::write(file, "nonsense").unwrap();
    }
    let (compiled, again) = built(1);
    assert_eq!(compiled, 2);
    assert!(again == image);
}
