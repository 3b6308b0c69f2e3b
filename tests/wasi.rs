//! What the calls of preview 1 answer in a machine: C programs that make them print every errno, beside what is right.
//!
//! Each program of `tests/wasi` has its expected output beside it. Those of `paths`, `files`, `listing` and `poll` are what
//! wasmtime 50 prints for the same program; `mounts` needs more than one folder, and `faults` makes calls for which
//! wasmtime ends the program, while here they have an errno. `scripts/test-tools` installs the compiler.

mod invoke;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use invoke::{Ended, Place};
use tools::build_c;

#[test]
fn paths() {
    check("paths", "");
}

#[test]
fn files() {
    check("files", "");
}

#[test]
fn listing() {
    check("listing", "");
}

#[test]
fn poll() {
    check("poll", "hello\n");
}

#[test]
fn faults() {
    check("faults", "");
}

/// Folders in memory answer as the host's do.
#[test]
fn in_memory() {
    for name in ["paths", "files", "listing"] {
        let place = Place::new();
        build_c(
            &format!("wasi/{name}.c"),
            &["-O1"],
            &place.path("probe.wasm"),
        );
        compare(name, &place.run(&["run", "--tmp", "/", "probe.wasm"]));
    }
}

#[test]
fn mounts() {
    let place = Place::new();
    fs::create_dir(place.path("other")).unwrap();
    place.write("readonly/fixed/f", "fixed");
    let more = ["--dir", "other::/some/where", "--dir", "readonly::fixed:ro"];
    check_with(&place, "mounts", &more, "");
    assert!(invoke::files(&place.path("other")).is_empty());
    assert_eq!(fs::read(place.path("readonly/fixed/f")).unwrap(), b"fixed");
}

#[test]
fn the_older_snapshot_has_its_own_layouts() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    let program = source("unstable.wat");
    let arguments = ["run", "--dir", "folder::/", program.to_str().unwrap()];
    let ended = place.run(&arguments);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    assert_eq!(ended.stdout, b"older\n");
    assert_eq!(fs::read(place.path("folder/f")).unwrap(), b"older\n");
}

#[test]
fn a_machine_without_a_network_says_so_once() {
    let ended = Place::new().run(&["run", source("sockets.wat").to_str().unwrap()]);
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("no card"), "{}", ended.stderr);
}

fn check(name: &str, input: &str) {
    check_with(&Place::new(), name, &[], input);
}

/// Runs a program in an empty folder: its output is the expected one, and the folder is empty again.
fn check_with(place: &Place, name: &str, more: &[&str], input: &str) {
    build_c(
        &format!("wasi/{name}.c"),
        &["-O1"],
        &place.path("probe.wasm"),
    );
    fs::create_dir(place.path("folder")).unwrap();
    let arguments = [&["run", "--dir", "folder::/"], more, &["probe.wasm"]].concat();
    compare(name, &place.run_with(&arguments, input.as_bytes()));
    let left: Vec<_> = fs::read_dir(place.path("folder")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Compares what a program printed with what it should.
fn compare(name: &str, ended: &Ended) {
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let expected = fs::read_to_string(source(&format!("{name}.txt"))).unwrap();
    for (number, (found, expected)) in stdout.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {} of {name}.txt", number + 1);
    }
    assert_eq!(stdout.len(), expected.len(), "{stdout}\n{}", ended.stderr);
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/wasi")
        .join(name)
}
