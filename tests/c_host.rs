//! The example `examples/c-host`: an object linked with C by the system linker, run on Linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mewz::compile::{MemoryBase, Options, TargetCpu, compile, header};

/// Compiles `text`, links it with the example's `host.c` and runs it.
fn run(text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        memory_base: MemoryBase::Instance,
        target_cpu: TargetCpu::V1,
        ..Options::default()
    };
    let wasm = wat::parse_str(text).unwrap();
    let compiled = compile(&wasm, &options).unwrap();
    fs::write(folder.path().join("application.h"), header(&wasm).unwrap()).unwrap();
    let object = folder.path().join("application.o");
    fs::write(&object, compiled.object).unwrap();
    let program = folder.path().join("application");
    // As the example's README says.
    let linked = Command::new("cc")
        .args([
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-no-pie",
            "-z",
            "noexecstack",
        ])
        .arg("-I")
        .args([folder.path(), &example("host.c"), &object])
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&linked.stderr);
    assert!(linked.status.success() && words.is_empty(), "cc: {words}");
    Command::new(program).output().unwrap()
}

fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/c-host");
    folder.join(name)
}

/// Runs `text`, whose start traps.
fn check_trap(text: &str, name: &str) {
    let output = run(text);
    assert_eq!(output.status.code(), Some(134), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("trap: {name}\n")
    );
}

#[test]
fn the_example_prints_and_ends_with_its_status() {
    let output = run(&fs::read_to_string(example("hello.wat")).unwrap());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "hello from WebAssembly, linked by cc\nand from a page that was not there\n"
    );
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}

#[test]
fn several_memories_have_their_own_places() {
    let output = run(r#"(module
        (memory $a 1) (memory $b i64 1) (memory $c 10 (pagesize 1))
        (func (export "_start")
          (i32.store $a (i32.const 4) (i32.const 1))
          (i32.store $b (i64.const 4) (i32.const 2))
          (i32.store $c (i32.const 4) (i32.const 3))
          (if (i32.ne (i32.load $a (i32.const 4)) (i32.const 1)) (then unreachable))
          (if (i32.ne (i32.load $b (i64.const 4)) (i32.const 2)) (then unreachable))
          (if (i64.ne (memory.grow $b (i64.const 1)) (i64.const 1)) (then unreachable))
          (if (i64.ne (memory.grow $b (i64.const 0x1000000000)) (i64.const -1)) (then unreachable))
          (if (i32.ne (memory.grow $c (i32.const 5000)) (i32.const 10)) (then unreachable))
          (i32.store $c (i32.const 5006) (i32.const 3))))"#);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    check_trap(
        r#"(module (memory 1) (memory $b 1)
            (func (export "_start") (drop (i32.load $b (i32.const 65533)))))"#,
        "out of bounds memory access",
    );
    check_trap(
        r#"(module (memory 1 1 shared)
            (func (export "_start") (drop (i32.atomic.load (i32.const 2)))))"#,
        "unaligned atomic",
    );
}

#[test]
fn exceptions_are_taken_kept_and_thrown_again() {
    // More are kept than a pool has at first: the host lets it grow.
    let text = r#"(module
        (tag $tag (param i32 i64))
        (table $kept 3000 exnref)
        (func $throw (param i32)
          (throw $tag (local.get 0) (i64.const 5)))
        (func $number (param $kept exnref) (result i32)
          (block $taken (result i32 i64)
            (try_table (catch $tag $taken) (throw_ref (local.get $kept)))
            unreachable)
          (if (i64.ne (i64.const 5)) (then unreachable)))
        (func (export "_start") (local $at i32)
          (loop $more
            (table.set $kept (local.get $at)
              (block $taken (result exnref)
                (try_table (catch_all_ref $taken) (call $throw (local.get $at)))
                unreachable))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $at) (i32.const 3000))))
          (loop $more
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (call $number (table.get $kept (local.get $at)))
            (if (i32.ne (local.get $at)) (then unreachable))
            (br_if $more (local.get $at)))
          LAST))"#;
    let output = run(&text.replace("LAST", ""));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    check_trap(
        &text.replace("LAST", "(call $throw (i32.const 1))"),
        "uncaught exception",
    );
}

#[test]
fn traps_have_names() {
    check_trap(
        r#"(module (func (export "_start") unreachable))"#,
        "unreachable",
    );
    check_trap(
        r#"(module (memory 1) (func (export "_start") (drop (i32.load (i32.const 65533)))))"#,
        "out of bounds memory access",
    );
    check_trap(
        r#"(module (func (export "_start") (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#,
        "integer divide by zero",
    );
    check_trap(
        r#"(module (func $f (export "_start") (call $f) (call $f)))"#,
        "call stack exhausted",
    );
}
