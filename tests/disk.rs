//! Persistent disks: `mewz disk`, and programs that write to them in a machine that may end at any moment.
//!
//! `MEWZ_DISK_KILLS=200` kills so many machines.

mod invoke;
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use invoke::{Ended, Place, wait_for};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tools::build_c;

/// Machines that are killed where nobody says otherwise.
const KILLS: u64 = 5;

fn create(place: &Place, size: &str, more: &[&str]) {
    let arguments = [&["disk", "create", "d.img", "--size", size], more].concat();
    let ended = place.run(&arguments);
    ended.assert(0, &["Created `d.img`"]);
}

fn check(place: &Place) {
    let ended = place.run(&["disk", "check", "d.img"]);
    assert_eq!(ended.status, 0, "{ended:?}\n{}", text(&ended));
}

fn text(ended: &Ended) -> String {
    String::from_utf8(ended.stdout.clone()).unwrap()
}

/// What `mewz` prints, when it ends well.
#[track_caller]
fn prints(place: &Place, arguments: &[&str]) -> String {
    let ended = place.run(arguments);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""), "{arguments:?}");
    text(&ended)
}

#[test]
fn files_go_to_a_disk_and_come_back() {
    let place = Place::new();
    place.write("seed/a:b.txt", "text");
    place.write("seed/sub/deep/large", vec![7; 300_000]);
    std::os::unix::fs::symlink("a:b.txt", place.path("seed/link")).unwrap();
    create(&place, "8MiB", &["--from", "seed"]);
    assert_eq!(fs::metadata(place.path("d.img")).unwrap().len(), 8 << 20);
    assert_eq!(
        prints(&place, &["disk", "ls", "d.img"]),
        "a:b.txt\nlink\nsub/\n"
    );
    assert_eq!(
        prints(&place, &["disk", "ls", "-R", "d.img:/sub"]),
        "deep/\ndeep/large\n"
    );
    let long = prints(&place, &["disk", "ls", "-l", "d.img:/link"]);
    assert!(
        long.starts_with("l 1 7 20") && long.ends_with(" link -> a:b.txt\n"),
        "{long}"
    );
    let json: Value =
        serde_json::from_str(&prints(&place, &["disk", "ls", "--json", "d.img"])).unwrap();
    assert_eq!(json[0]["path"], "a:b.txt");
    assert_eq!(
        (&json[0]["kind"], &json[0]["size"]),
        (&"file".into(), &4.into())
    );
    assert_eq!(json[1]["target"], "a:b.txt");
    let modified = fs::metadata(place.path("seed/a:b.txt"))
        .unwrap()
        .modified()
        .unwrap();
    prints(&place, &["disk", "cp", "-r", "d.img:/", "back"]);
    assert_eq!(
        fs::read(place.path("back/sub/deep/large")).unwrap(),
        vec![7; 300_000]
    );
    assert_eq!(
        fs::read_link(place.path("back/link")).unwrap(),
        Path::new("a:b.txt")
    );
    let back = fs::metadata(place.path("back/a:b.txt")).unwrap();
    assert_eq!(back.modified().unwrap(), modified);
    // Over a file, into a directory, to a new name.
    place.write("other", "other");
    prints(&place, &["disk", "cp", "other", "d.img:/a:b.txt"]);
    prints(&place, &["disk", "cp", "other", "d.img:/sub"]);
    prints(&place, &["disk", "cp", "-r", "seed", "d.img:/sub/copy"]);
    prints(&place, &["disk", "cp", "d.img:/sub/other", "."]);
    prints(&place, &["disk", "cp", "d.img:/a:b.txt", "changed"]);
    assert_eq!(fs::read(place.path("changed")).unwrap(), b"other");
    prints(&place, &["disk", "rm", "d.img:/link"]);
    prints(&place, &["disk", "rm", "-r", "d.img:/sub/copy"]);
    assert_eq!(
        prints(&place, &["disk", "ls", "-R", "d.img"]),
        "a:b.txt\nsub/\nsub/deep/\nsub/deep/large\nsub/other\n"
    );
    let report = prints(&place, &["disk", "check", "d.img"]);
    assert!(
        report.contains("is whole: 3 files, 3 directories"),
        "{report}"
    );
    place.assert_clean();
}

#[test]
fn what_can_not_be_done_is_told() {
    let place = Place::new();
    place.write("file", "content");
    place.write("folder/file", "content");
    create(&place, "2MiB", &[]);
    let refused = |arguments: &[&str], status, words: &[&str]| {
        let arguments = [&["disk"], arguments].concat();
        place.run(&arguments).assert(status, words);
    };
    refused(
        &["create", "d.img", "--size", "4MiB"],
        1,
        &["a file of that name", "hint"],
    );
    refused(
        &["create", "e.img", "--size", "1MiB"],
        2,
        &["between `2MiB` and `64GiB`"],
    );
    refused(&["create", "e.img", "--size", "big"], 2, &["is no size"]);
    refused(
        &["create", "e.img", "--size", "4MiB", "--from", "none"],
        1,
        &["`none`"],
    );
    refused(
        &["ls", "none.img"],
        1,
        &["no such file", "mewz disk create none.img"],
    );
    refused(&["ls", "file"], 1, &["no file system of mewz"]);
    refused(&["ls", "folder"], 1, &["cannot use the disk `folder`"]);
    refused(
        &["ls", "d.img:/none"],
        1,
        &["there is no such file", "mewz disk ls -R"],
    );
    refused(&["ls", "d.img:/../x"], 2, &["no `..`"]);
    refused(&["cp", "file", "folder"], 2, &["neither is on a disk"]);
    refused(&["cp", "d.img:/a", "d.img:/b"], 2, &["both are on a disk"]);
    refused(&["cp", "folder", "d.img:/"], 1, &["it is a folder", "`-r`"]);
    refused(
        &["cp", "file", "d.img:/none/file"],
        1,
        &["there is no such file"],
    );
    refused(&["cp", "none", "d.img:/"], 1, &["`none`"]);
    refused(&["rm", "d.img:/"], 2, &["whole disk"]);
    refused(&["rm", "d.img"], 2, &["names no path"]);
    // A path apart from its image.
    for (arguments, meant) in [
        (&["rm", "d.img", "/x"][..], "`mewz disk rm d.img:/x`"),
        (&["ls", "d.img", "x/y"], "`mewz disk ls d.img:/x/y`"),
        (&["cp", "d.img", "/x", "."], "`mewz disk cp d.img:/x .`"),
        (&["cp", "file", "d.img", "/"], "`mewz disk cp file d.img:/`"),
        (&["cp", "file", "d.img"], "`d.img:/` is the root"),
        (&["rm", "d.img:/x", "/y"], "`mewz disk rm --help`"),
    ] {
        refused(arguments, 2, &["hint", meant]);
    }
    place.write("large", vec![1; 3 << 20]);
    refused(
        &["cp", "large", "d.img:/"],
        1,
        &["the disk is full", "make a larger one"],
    );
    assert!(!place.path("e.img").exists());
    check(&place);
    let run = |more: &[&str], status, words: &[&str]| {
        let program = source("../programs/hello.wat");
        let arguments = [&["run"], more, &[program.to_str().unwrap()]].concat();
        place.run(&arguments).assert(status, words);
    };
    run(&["--disk", "d.img"], 2, &["FILE::GUEST"]);
    run(
        &["--disk", "none.img::/d"],
        1,
        &["no such file", "mewz disk create"],
    );
    run(&["--disk", "file::/d"], 1, &["no file system of mewz"]);
    run(
        &["--disk", "d.img::/d", "--dir", "folder::/d"],
        2,
        &["mounted at `/d` already"],
    );
    run(
        &["--disk", "d.img::/d", "--disk", "d.img::/e"],
        2,
        &["mounted already"],
    );
}

#[test]
fn a_damaged_disk_is_told_of() {
    let place = Place::new();
    place.write("seed/file", vec![b'z'; 50_000]);
    create(&place, "4MiB", &["--from", "seed"]);
    let mut image = fs::read(place.path("d.img")).unwrap();
    let content = image
        .windows(4096)
        .position(|bytes| bytes.iter().all(|byte| *byte == b'z'));
    image[content.unwrap()] ^= 1;
    fs::write(place.path("d.img"), &image).unwrap();
    let ended = place.run(&["disk", "check", "d.img"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        text(&ended).contains("/file: it can't be read: the disk is damaged"),
        "{ended:?}"
    );
    let json = place.run(&["disk", "check", "--json", "d.img"]);
    assert_eq!(json.status, 1);
    let report: Value = serde_json::from_str(&text(&json)).unwrap();
    assert_eq!(
        (&report["whole"], &report["findings"][0]["path"]),
        (&false.into(), &"/file".into())
    );
    place
        .run(&["disk", "cp", "d.img:/file", "out"])
        .assert(1, &["the disk is damaged"]);
}

#[test]
fn preview_1_on_a_disk_is_as_in_a_folder() {
    let place = Place::new();
    for name in ["paths", "files", "listing"] {
        let _ = fs::remove_file(place.path("d.img"));
        create(&place, "4MiB", &[]);
        let program = format!("wasi/{name}.c");
        build_c(&program, &["-O1"], &place.path("probe.wasm"));
        let ended = place.run(&["run", "--disk", "d.img::/", "probe.wasm"]);
        let expected = fs::read_to_string(source(&format!("../wasi/{name}.txt"))).unwrap();
        // Names on a disk are three bytes shorter.
        let is_same = |line: &&str| !line.contains("long_name");
        let found = text(&ended);
        let mut found = found.lines().filter(is_same);
        for (number, expected) in expected.lines().filter(is_same).enumerate() {
            assert_eq!(
                found.next(),
                Some(expected),
                "line {} of {name}.txt",
                number + 1
            );
        }
        assert_eq!((ended.status, &ended.stderr[..]), (0, ""), "{name}");
        assert_eq!(found.next(), None, "{name}");
        check(&place);
        assert_eq!(prints(&place, &["disk", "ls", "d.img"]), "", "{name}");
    }
}

#[test]
fn a_full_disk_says_so_and_what_a_trap_leaves_is_there() {
    let place = Place::new();
    build_c("disk/fill.c", &["-O1"], &place.path("fill.wasm"));
    for machine in ["microvm", "q35"] {
        let _ = fs::remove_file(place.path("d.img"));
        create(&place, "4MiB", &[]);
        let arguments = [
            "run",
            "--machine",
            machine,
            "--disk",
            "d.img::/disk",
            "fill.wasm",
        ];
        let ended = place.run(&arguments);
        assert_eq!(
            text(&ended),
            "No space left on device\nall much\n0 1\n0\n10 xxxxxxxxxx\n50000\n0\n",
            "{ended:?}"
        );
        ended.assert(134, &["unreachable"]);
        check(&place);
        prints(&place, &["disk", "cp", "d.img:/last", "last"]);
        assert_eq!(fs::read(place.path("last")).unwrap(), b"last words");
    }
    // What can't be written says so too.
    let program = place.write("make.wat", MAKE);
    let program = program.to_str().unwrap();
    let run = |disk: &str| place.run(&["run", "--disk", disk, program]).status;
    assert_eq!(run("d.img::/disk:ro"), 69);
    assert_eq!(run("d.img::/disk"), 0);
    assert_eq!(run("d.img::/disk"), 20);
}

/// Makes a directory; the exit status is the errno.
const MAKE: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "made")
  (func (export "_start")
    (call $exit (call $make (i32.const 3) (i32.const 8) (i32.const 4)))))"#;

#[test]
fn a_disk_in_use_is_left_alone() {
    let place = Place::new();
    build_c("disk/journal.c", &["-O1"], &place.path("journal.wasm"));
    create(&place, "8MiB", &[]);
    let arguments = ["run", "--disk", "d.img::.", "journal.wasm"];
    let (mut child, stdout) = place.start_until(&arguments, "found 0 0");
    for command in [&["check"][..], &["ls"], &["rm"]] {
        let target = if command == ["rm"] {
            "d.img:/log"
        } else {
            "d.img"
        };
        let arguments = [&["disk"], command, &[target]].concat();
        place.run(&arguments).assert(1, &["it is in use", "hint"]);
    }
    place.run(&arguments).assert(1, &["it is in use"]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdout);
    place.assert_clean();
    // A process that is gone from sight may still be letting go of its files.
    wait_for("the disk", || {
        (place.run(&["disk", "check", "d.img"]).status == 0).then_some(())
    });
}

#[test]
fn what_was_synced_is_there_after_each_kill() {
    let kills = std::env::var("MEWZ_DISK_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    let place = Place::new();
    build_c("disk/journal.c", &["-O1"], &place.path("journal.wasm"));
    create(&place, "64MiB", &[]);
    let arguments = ["run", "--disk", "d.img::.", "journal.wasm"];
    // What the program said to be sure of, over all machines.
    let mut sure = (0, 0);
    let mut random = u64::from(std::process::id()) * 2_654_435_761 + 1;
    for kill in 0..kills {
        let mut child = place.command(&arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = lines.next().unwrap().unwrap();
        let found = numbers(&found, "found ");
        assert!(
            found.0 >= sure.0 && found.1 >= sure.1,
            "{kill}: {found:?}, sure of {sure:?}"
        );
        let qemu = place.process("virtio-blk");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let end = Instant::now() + Duration::from_micros(random % 400_000);
        let killer = std::thread::spawn(move || {
            // The moment is what is random here, so this waits for a time and not for an event.
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
            let id = Pid::from_raw(qemu.cast_signed()).unwrap();
            rustix::process::kill_process(id, Signal::KILL).unwrap();
        });
        // The last line may be cut off.
        for line in lines.map_while(Result::ok) {
            if line.starts_with("sure of ") && line.split(' ').count() == 4 {
                sure = numbers(&line, "sure of ");
            }
        }
        killer.join().unwrap();
        child.wait().unwrap();
        place.assert_clean();
        check(&place);
    }
    // The program itself looks at all that it wrote.
    let last = sure.0 + 1;
    let ended = place.run(&[&arguments[..], &["--", &last.to_string()]].concat());
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    let found = numbers(text(&ended).lines().next().unwrap(), "found ");
    assert!(
        found.0 >= sure.0 && found.1 >= sure.1,
        "{found:?}, sure of {sure:?}"
    );
    eprintln!(
        "{kills} machines were killed; {} records are there",
        found.0
    );
}

/// The two numbers of a line behind `start`.
fn numbers(line: &str, start: &str) -> (u64, u64) {
    let numbers = line.strip_prefix(start).and_then(|rest| {
        let (first, second) = rest.split_once(' ')?;
        Some((first.parse().ok()?, second.parse().ok()?))
    });
    numbers.unwrap_or_else(|| panic!("{line:?}"))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/disk")
        .join(name)
}
