//! Ctrl-C and a full disk at any phase of making an image: nothing is left behind.

mod invoke;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use invoke::{Ended, Place, files, program, signal};

/// Phases that are cut: enough to fall into reading, compiling, linking and writing.
const CUTS: u32 = 24;

/// On a busy machine one run may be much faster than another, and end before it is cut.
const CUTS_LEAST: u32 = 3;

/// Enough for a second of compiling in the slow build that tests use.
const FUNCTIONS: usize = 3_000;

/// A program with much to compile, all of it different.
fn large_module() -> Vec<u8> {
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for number in 0..FUNCTIONS {
        writeln!(
            text,
            "(func (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const {number}))
               (i32.load offset={} (i32.and (local.get 0) (i32.const 1023)))))",
            number % 4096
        )
        .unwrap();
    }
    text.push_str("(func (export \"_start\")))");
    wat::parse_str(text).unwrap()
}

#[test]
fn ctrl_c_while_an_image_is_made_leaves_nothing() {
    let place = Place::new();
    place.write("large.wasm", large_module());
    let arguments = ["build", "large.wasm", "-o", "large.elf"];
    let since = Instant::now();
    place.run(&arguments).assert(0, &["Built"]);
    let mut whole = since.elapsed();
    fs::remove_file(place.path("large.elf")).unwrap();

    let mut interrupted = 0;
    for cut in 0..CUTS {
        let since = Instant::now();
        let mut child = place.command(&arguments).spawn().unwrap();
        std::thread::sleep(whole * cut / CUTS);
        signal("INT", child.id());
        let ended = Ended::new(child_output(&mut child));
        let image = place.path("large.elf");
        match ended.status {
            // It was faster this time, and so may the next ones be.
            0 => {
                whole = whole.min(since.elapsed());
                fs::remove_file(image).unwrap();
            }
            // 1000 and the number: it came before the program could wait for signals.
            130 | 1002 => {
                interrupted += 1;
                // The signal may come when the image is whole and in place.
                let _ = fs::remove_file(image);
            }
            _ => panic!("{ended:?}"),
        }
        assert_eq!(
            files(&place.path("")),
            [place.path("large.wasm")],
            "cut {cut} of {CUTS}"
        );
        place.assert_clean();
    }
    assert!(
        interrupted >= CUTS_LEAST,
        "only {interrupted} of {CUTS} were cut"
    );
}

fn child_output(child: &mut std::process::Child) -> std::process::Output {
    use std::io::Read as _;
    let mut stderr = Vec::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_end(&mut stderr)
        .unwrap();
    std::process::Output {
        status: child.wait().unwrap(),
        stdout: Vec::new(),
        stderr,
    }
}

#[test]
fn a_disk_that_fills_up_leaves_no_partial_file() {
    let place = Place::new();
    fs::create_dir(place.path("small")).unwrap();
    // A file system of 64 KiB in a name space of its own, which ends with the command.
    let on_a_small_disk = |command: &str| {
        let script = format!("mount -t tmpfs -o size=64k none small && {{ {command}; }}");
        let mut unshare = Command::new("unshare");
        let variables = place.command(&[]);
        unshare
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .current_dir(place.path(""))
            .envs(
                variables
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null());
        Ended::new(unshare.output().unwrap())
    };
    if on_a_small_disk("true").status != 0 {
        let _ = writeln!(
            std::io::stderr(),
            "left out: a full disk: no name space can be made here"
        );
        return;
    }
    let mewz = env!("CARGO_BIN_EXE_mewz");
    let hello = program("hello.wat");
    let ended = on_a_small_disk(&format!(
        "{mewz} build {hello} -o small/x.elf; status=$?; ls -A small; exit $status"
    ));
    ended.assert(
        1,
        &[
            "cannot write the image `small/x.elf`",
            "No space left on device",
        ],
    );
    assert_eq!(ended.stdout, b"", "what lies on the full disk");

    let large = place.write("large.wasm", large_module());
    let command = format!(
        "{mewz} compile -O1 {} -o small/x.o; status=$?; ls -A small; exit $status",
        large.display()
    );
    let ended = on_a_small_disk(&command);
    ended.assert(1, &["cannot write `small/x.o`", "No space left on device"]);
    assert_eq!(ended.stdout, b"", "what lies on the full disk");

    let ended = on_a_small_disk(&format!(
        "{mewz} new small/project; status=$?; ls -A small; exit $status"
    ));
    assert_eq!(ended.status, 0, "a project is small: {}", ended.stderr);
    let fill = "dd if=/dev/zero of=small/full bs=1k 2>/dev/null; ";
    let ended = on_a_small_disk(&format!(
        "{fill}{mewz} new small/project; status=$?; ls -A small; exit $status"
    ));
    ended.assert(
        1,
        &[
            "cannot make a project in `small/project`",
            "No space left on device",
        ],
    );
    assert_eq!(ended.stdout, b"full\n", "what lies on the full disk");
    place.assert_clean();
}
