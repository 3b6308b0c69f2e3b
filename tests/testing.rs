//! `mewz test`: tests of Rust's harness, which abort where they fail, and modules without one.

mod invoke;
mod tools;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use invoke::{Ended, Place};
use tools::rust_compiler;

/// Tests of which some take their machine down.
const TESTS: &str = r#"
#[test] fn a_passes() { println!("nobody sees this"); }
#[test] fn b_panics() { println!("before it panics"); assert_eq!(1 + 1, 3, "the sum"); }
#[test] fn c_fails() -> Result<(), String> { println!("before it fails"); Err("a reason".into()) }
#[test] #[should_panic] fn d_should_panic() { panic!() }
#[test] #[ignore] fn e_is_slow() {}
#[test] fn f_leaves() { std::process::exit(7) }
#[test] fn g_reads_the_package() { assert_eq!(std::fs::read_to_string("data.txt").unwrap(), "data"); }
#[test] fn h_writes_elsewhere() {
    assert!(std::fs::write("data.txt", "").is_err());
    std::fs::write("/tmp/x", "x").unwrap();
}
#[test] fn i_finds_variables() { assert_eq!(std::env::var("RUST_GREETING").unwrap(), "hello"); }
"#;

/// The module of [`TESTS`], made once.
fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("testing");
        std::fs::create_dir_all(&folder).unwrap();
        let source = folder.join("tests.rs");
        std::fs::write(&source, TESTS).unwrap();
        let module = folder.join("tests.wasm");
        let mut compiler = rust_compiler();
        compiler.args(["--test", "-Cstrip=debuginfo", "-o"]);
        tools::run(compiler.args([&module, &source]));
        module
    })
}

fn place() -> Place {
    let place = Place::new();
    place.write("data.txt", "data");
    place
}

fn test(place: &Place, arguments: &[&str]) -> Ended {
    let words = [&["test"], arguments].concat();
    let output = place.command(&words).env("RUST_GREETING", "hello").output();
    Ended::new(output.unwrap())
}

fn text(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.stdout).unwrap()
}

#[test]
fn every_test_has_its_result_whatever_the_others_do() {
    let place = place();
    // As cargo calls it.
    let ended = test(&place, &["--", module().to_str().unwrap()]);
    assert_eq!(ended.status, 101, "{ended:?}");
    let text = text(&ended);
    let lines = "
running 9 tests
test a_passes ... ok
test b_panics ... FAILED
test c_fails ... FAILED
test d_should_panic - should panic ... ignored
test e_is_slow ... ignored
test f_leaves ... FAILED
test g_reads_the_package ... ok
test h_writes_elsewhere ... ok
test i_finds_variables ... ok

failures:
";
    assert!(text.starts_with(lines), "{text}");
    let blocks: Vec<&str> = text.split("\n---- ").skip(1).collect();
    let block = |name: &str| {
        let found = blocks.iter().find(|block| block.starts_with(name));
        *found.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    for word in [
        "before it panics\n",
        "the sum",
        "the program panicked in `tests::b_panics` at",
    ] {
        assert!(block("b_panics").contains(word), "{word}: {text}");
    }
    assert!(block("c_fails").contains("a reason"));
    assert!(!text.contains("nobody sees this"));
    let result = "test result: FAILED. 4 passed; 3 failed; 2 ignored; 0 measured; 0 filtered out; ";
    assert!(text.contains(result), "{text}");
    place.assert_clean();
}

#[test]
fn arguments_are_those_of_the_harness() {
    let place = place();
    let module = module().to_str().unwrap();
    let one = test(&place, &[module, "--", "--exact", "a_passes"]);
    assert_eq!(one.status, 0, "{one:?}");
    assert!(text(&one).contains("1 passed; 0 failed; 0 ignored; 0 measured; 8 filtered out"));

    let listed = test(&place, &[module, "--", "--list", "--format", "terse"]);
    assert!(text(&listed).starts_with("a_passes: test\nb_panics: test\n"));

    let shown = test(&place, &[module, "--", "--nocapture", "_pa"]);
    assert_eq!(shown.status, 101);
    shown.assert(101, &["the sum"]);
    let text = text(&shown);
    assert!(text.contains("nobody sees this") && text.contains("before it panics"));
    let result = "test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 5 filtered out; ";
    assert!(text.contains(result), "{text}");
    place.assert_clean();
}

#[test]
fn a_package_is_built_by_cargo() {
    let place = place();
    place.write("Cargo.toml", "");
    let folder = place.path("");
    let artifact = format!(
        r#"{{"reason":"compiler-artifact","manifest_path":"{}/Cargo.toml","profile":{{"test":true}},"executable":"{}"}}"#,
        folder.display(),
        module().display()
    );
    place.script(
        "bin/cargo",
        &format!("echo \"cargo $*\" >&2\necho '{artifact}'\necho '{artifact}'"),
    );
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    let run = |arguments: &[&str]| {
        let mut command = place.command(&[&["test"], arguments].concat());
        Ended::new(command.env("PATH", &path).output().unwrap())
    };
    let ended = run(&["--release", "--", "a_", "g_"]);
    ended.assert(
        0,
        &["cargo test --no-run --target wasm32-wasip1", "--release"],
    );
    assert_eq!(text(&ended).matches("2 passed; 0 failed").count(), 2);
    run(&["--", "f_leaves"]).assert(101, &["2 of 2 test binaries failed"]);
    place.script("bin/cargo", "echo 'error: no' >&2; exit 101");
    run(&[]).assert(1, &["error: no", "cannot build the tests", "mewz doctor"]);
    place.assert_clean();
}

#[test]
fn modules_without_a_harness_pass_by_their_status() {
    let place = place();
    place.write(
        "good.wat",
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    );
    let bad = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"#;
    place.write("bad.wat", bad);
    assert_eq!(test(&place, &["good.wat"]).status, 0);
    assert_eq!(test(&place, &["bad.wat"]).status, 3);
    let project = |wasm: &str| {
        let text = format!("mewz = 1\n[build]\nwasm = \"good.wat\"\n[test]\nwasm = [{wasm}]\n");
        place.write("mewz.toml", text);
        test(&place, &[])
    };
    assert_eq!(project("\"good.wat\", \"good.wat\"").status, 0);
    project("\"good.wat\", \"bad.wat\"").assert(101, &["1 of 2 test binaries failed", "bad.wat"]);
    project("\"none.wat\"").assert(1, &["the build left no", "`[test]`"]);
    std::fs::remove_file(place.path("mewz.toml")).unwrap();
    test(&place, &[]).assert(2, &["has no tests that are known", "Cargo.toml"]);
    place.assert_clean();
}
