//! `mewz size`: every byte is counted once, and two files are compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const MODULE: &str = r#"(module
    (memory 1) (data (i32.const 0) "some bytes")
    (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func $main (export "_start") (drop (call $twice (i32.load (i32.const 0))))))"#;

fn mewz(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mewz"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["size", "--json"], arguments].concat();
    serde_json::from_str(&text(&mewz(folder, &arguments))).unwrap()
}

/// The native bytes of the rows called `name`.
fn native(listing: &Value, name: &str) -> Option<u64> {
    let mut rows = listing["rows"].as_array().unwrap().iter();
    rows.find(|row| row["name"] == name)?["native"].as_u64()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wat"), MODULE).unwrap();
    fs::write(
        folder.path().join("a.wasm"),
        wat::parse_str(MODULE).unwrap(),
    )
    .unwrap();
    folder
}

#[test]
fn every_byte_of_a_module_and_of_its_object_is_counted_once() {
    let folder = folder();
    text(&mewz(folder.path(), &["compile", "a.wasm", "-O", "1"]));
    let bytes = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    for by in ["function", "section", "crate"] {
        let listing = json(folder.path(), &["a.wasm", "-O1", "--by", by]);
        assert_eq!(listing["wasm"], bytes("a.wasm"), "{by}");
        assert_eq!(listing["native"], bytes("a.o"), "{by}");
        let listing = json(folder.path(), &["a.o", "--by", by]);
        assert_eq!(listing["native"], bytes("a.o"), "{by}");
        assert_eq!(listing["wasm"], Value::Null, "{by}");
    }
}

#[test]
fn functions_have_their_names_and_their_bytes_in_the_module() {
    let folder = folder();
    let listing = json(folder.path(), &["a.wasm", "-O1"]);
    let rows = listing["rows"].as_array().unwrap();
    let twice = rows.iter().find(|row| row["name"] == "twice").unwrap();
    assert_eq!(twice["index"], 0);
    assert_eq!(twice["wasm"], 7);
    assert!(twice["native"].as_u64().unwrap() >= 5, "{twice}");
}

#[test]
fn images_tell_kernel_and_program_apart() {
    let folder = folder();
    text(&mewz(folder.path(), &["build", "a.wasm", "-o", "a.elf"]));
    text(&mewz(
        folder.path(),
        &["build", "--release", "a.wasm", "-o", "r.elf"],
    ));
    let bytes = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    let listing = json(folder.path(), &["a.elf"]);
    assert_eq!(listing["native"], bytes("a.elf"));
    assert!(native(&listing, "main").is_some() && native(&listing, "kernel_start").is_some());
    let sections = json(folder.path(), &["a.elf", "--by", "section"]);
    let kernel = native(&sections, "kernel .text").unwrap();
    assert!(native(&sections, ".text").unwrap() < kernel);

    let output = mewz(folder.path(), &["size", "r.elf"]);
    assert!(text(&output).contains("[kernel .text]"));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("`r.elf` has no names of functions"),
        "{words}"
    );
}

#[test]
fn two_files_are_compared() {
    let folder = folder();
    let larger = MODULE.replace("(i32.const 2)", "(i32.add (local.get 0) (i32.const 2))");
    assert_ne!(larger, MODULE);
    fs::write(folder.path().join("b.wat"), larger).unwrap();
    let changes = json(folder.path(), &["a.wat", "b.wat", "-O0"]);
    let rows = changes["rows"].as_array().unwrap();
    let twice = rows.iter().find(|row| row["name"] == "twice").unwrap();
    assert!(twice["difference"].as_i64().unwrap() > 0, "{twice}");
    assert!(rows.iter().all(|row| row["name"] != "main"), "{changes}");
    let same = text(&mewz(folder.path(), &["size", "a.wat", "a.wasm"]));
    assert!(same.contains("no change"), "{same}");
}

#[test]
fn what_is_no_program_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("x"), b"\x7fELF, it says").unwrap();
    text(&mewz(folder.path(), &["compile", "a.wasm"]));
    let object = fs::read(folder.path().join("a.o")).unwrap();
    fs::write(folder.path().join("cut.o"), &object[..object.len() / 2]).unwrap();
    for (file, parts) in [
        (
            "x",
            &[
                "cannot measure `x`",
                "ends after 13 bytes, inside its header of 64",
                "`mewz build`",
            ][..],
        ),
        (
            "cut.o",
            &[
                "cannot measure `cut.o`",
                "no whole ELF file of 64 bits: ",
                "`mewz compile`",
            ],
        ),
        ("nothing.wasm", &["nothing.wasm"]),
    ] {
        let output = mewz(folder.path(), &["size", file]);
        assert_eq!(output.status.code(), Some(1));
        let words = String::from_utf8(output.stderr).unwrap();
        for part in parts {
            assert!(words.contains(part), "{words}");
        }
    }
}
