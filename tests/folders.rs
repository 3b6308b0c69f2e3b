//! Folders that are not the host's: those that a program carries along, and those in memory.
//!
//! `tests/wasi/carried.c` shows what it finds; it finds the same under `mewz run` of a project and in the image of `mewz
//! build`. `scripts/test-tools` installs the compiler.

mod invoke;
mod tools;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use invoke::Place;
use tools::build_c;

const PROJECT: &str = r#"
mewz = 1
[build]
wasm = "carried.wasm"
[[run.tmp]]
guest = "/tmp"
size = "1MiB"
[[image.mount]]
host = "public"
guest = "/site"
"#;

const EXPECTED: &str = "\
/site/empty/ links 2
/site/index.html: 21 bytes, sum 4103530083, links 2, changed 0
/site/inner/ links 3
/site/inner/again.html: 21 bytes, sum 4103530083, links 2, changed 0
/site/inner/deep/ links 2
/site/inner/deep/large: 1000000 bytes, sum 1664900485, links 1, changed 0
/site/inner/deep/nothing: 0 bytes, sum 0, links 1, changed 0
/site/outside -> ../secret
/site/to-index -> inner/../index.html
open(\"/site/new\", O_CREAT | O_WRONLY, 0644): Read-only file system
open(\"/site/index.html\", O_WRONLY): Read-only file system
mkdir(\"/site/folder\", 0755): Read-only file system
unlink(\"/site/index.html\"): Read-only file system
rename(\"/site/index.html\", \"/tmp/index.html\"): Cross-device link
open(\"/site/to-index\", O_RDONLY): ok
open(\"/site/outside\", O_RDONLY): Capabilities insufficient
open(\"/site/missing\", O_RDONLY): No such file or directory
/tmp/first is full: No space left on device
truncate(\"/tmp/first\", 4096 * 100): ok
mkdir(\"/tmp/folder\", 0755): ok
/tmp/folder/second is full: No space left on device
as much as there is room for
unlink(\"/tmp/first\"): ok
unlink(\"/tmp/folder/second\"): ok
rmdir(\"/tmp/folder\"): ok
/tmp/first is full: No space left on device
all of it once more
";

#[test]
fn a_program_finds_what_it_carries_in_either_way_to_run_it() {
    let place = project();
    let ended = place.run(&["run"]);
    assert_same(&String::from_utf8_lossy(&ended.stdout), EXPECTED);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));

    let ended = place.run(&["build", "--release", "-o", "one.elf"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let line = String::from_utf8(ended.stdout).unwrap();
    let (status, output) = shell(&place, &line);
    assert_same(&output.replace('\r', ""), EXPECTED);
    assert_eq!(status, Some(1));
    // Nothing of this host or time is in it.
    place.run(&["build", "--release", "-o", "two.elf"]);
    let images = ["one.elf", "two.elf"].map(|name| fs::read(place.path(name)).unwrap());
    assert!(images[0] == images[1], "equal folders make equal images");

    // What is mounted by hand goes before what came along.
    fs::create_dir(place.path("other")).unwrap();
    place.write("other/only.txt", "x");
    let arguments = ["run", "--dir", "other::/site:ro", "--tmp", "/tmp:2MiB"];
    let ended = place.run(&arguments);
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let first = stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("/site/only.txt: 1 bytes"), "{stdout}");
    assert!(stdout.contains("too much or too little"), "{stdout}");
}

#[test]
fn what_can_not_be_carried_is_an_error_that_names_it() {
    let place = project();
    let build = |arguments: &[&str]| place.run(&[&["build"], arguments].concat());
    let ended = build(&["-o", "public/app.elf"]);
    ended.assert(2, &["cannot pack `./public`", "public/app.elf", "-o"]);
    let ended = build(&["--pack", "nowhere::/x"]);
    ended.assert(1, &["cannot pack `nowhere`", "no such folder"]);
    let ended = build(&["--pack", "mewz.toml::/x"]);
    ended.assert(1, &["it is not a folder"]);
    let ended = build(&["--pack", "public::/x", "--tmp", "/x"]);
    ended.assert(2, &["something is mounted at `/x` already"]);
    let ended = place.run(&["run", "--tmp", "/tmp:1KiB"]);
    ended.assert(2, &["64KiB"]);
    let ended = place.run(&["run", "--tmp", "/a", "--dir", "public::/a"]);
    ended.assert(2, &["cannot mount memory at `/a`"]);
    place.write("public/filler", vec![b'x'; 4 << 20]);
    let ended = place.run(&["run", "--memory", "16MiB"]);
    ended.assert(2, &["too little memory", "5 MiB", "--memory 21MiB"]);
    assert!(
        fs::read_dir(place.path(""))
            .unwrap()
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().ends_with(".elf") })
    );
}

/// Thousands of files, and one that is larger than what is left of the usual memory beside it: the machine gets more.
#[test]
fn much_can_be_carried() {
    let place = Place::new();
    let project = PROJECT.replace("carried.wasm", "much.wasm");
    place.write("mewz.toml", project);
    build_c("wasi/much.c", &["-O1"], &place.path("much.wasm"));
    // Words that are all different: equal files would lie in one place.
    let content = |number: u64, len: usize| -> Vec<u8> {
        let words = (0..).map(|at: u64| (at + (number << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes: Vec<u8> = words
            .take(len.div_ceil(8))
            .flat_map(u64::to_le_bytes)
            .collect();
        bytes.truncate(len);
        bytes
    };
    // A block of what the program reads is a multiple of a word, so the sum is one of words.
    let (mut files, mut bytes, mut sum) = (0, 0, 0_u64);
    let mut add = |path: String, content: Vec<u8>| {
        files += 1;
        bytes += content.len();
        for word in content.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            sum = sum
                .wrapping_mul(31)
                .wrapping_add(u64::from_le_bytes(padded));
        }
        place.write(&format!("public/{path}"), content);
    };
    for number in 0..2000 {
        let path = format!("{:02}/{number:04}", number / 50);
        add(path, content(number, number as usize % 700));
    }
    add("large".to_owned(), content(1 << 20, 80 << 20));
    let expected = format!("{files} files, {bytes} bytes, sum {sum:x}\n");

    let ended = place.run(&["run"]);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert_eq!(String::from_utf8_lossy(&ended.stdout), expected);
    let ended = place.run(&["build", "--release", "-o", "much.elf"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let line = String::from_utf8(ended.stdout).unwrap();
    assert!(line.contains(" -m 160M "), "{line}");
    let (status, output) = shell(&place, &line);
    assert_same(&output.replace('\r', ""), &expected);
    assert_eq!(status, Some(1));
    // Where there is too little memory all the same, somebody says so.
    let line = line.replace(" -m 160M ", " -m 64M ");
    let (status, output) = shell(&place, &line);
    assert!(output.contains("(QEMU's `-m`)"), "{status:?} {output}");
    assert_ne!(status, Some(1));
    for command in ["run", "build"] {
        let ended = place.run(&[command, "--memory", "90MiB"]);
        ended.assert(2, &["too little memory", "81 MiB", "--memory 97MiB"]);
    }
}

/// A project whose program is built and whose folder holds one of each kind.
fn project() -> Place {
    let place = Place::new();
    place.write("mewz.toml", PROJECT);
    place.write("public/index.html", "<p>A page of a site.\n");
    let large: Vec<u8> = (0..1_000_000_u32).map(|at| (at / 7) as u8).collect();
    place.write("public/inner/deep/large", large);
    place.write("public/inner/deep/nothing", "");
    let public = place.path("public");
    fs::create_dir(public.join("empty")).unwrap();
    fs::hard_link(public.join("index.html"), public.join("inner/again.html")).unwrap();
    symlink("inner/../index.html", public.join("to-index")).unwrap();
    symlink("../secret", public.join("outside")).unwrap();
    build_c("wasi/carried.c", &["-O1"], &place.path("carried.wasm"));
    place
}

/// Runs the line that `mewz build` printed.
fn shell(place: &Place, line: &str) -> (Option<i32>, String) {
    let output = Command::new("timeout")
        .args(["60", "sh", "-c", line])
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

/// Names the first line that differs.
#[track_caller]
fn assert_same(found: &str, expected: &str) {
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", number + 1);
    }
    assert_eq!(found.len(), expected.len(), "{found}");
}
