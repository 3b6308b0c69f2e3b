//! What `scripts/test-tools` has put below `target/tools`: compilers to WebAssembly, another engine.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of one of them.
#[track_caller]
pub(crate) fn tool(path: &str) -> PathBuf {
    let path = root().join("target/tools").join(path);
    assert!(
        path.exists(),
        "{} is missing; `scripts/test-tools` installs it",
        path.display()
    );
    path
}

/// Compiles a C program, a file below `tests/`.
#[track_caller]
pub(crate) fn build_c(source: &str, flags: &[&str], wasm: &Path) {
    let mut compiler = c_compiler();
    compiler.args(flags).arg("-o").arg(wasm);
    run(compiler.arg(root().join("tests").join(source)));
}

/// Runs a compiler, which must succeed.
#[track_caller]
pub(crate) fn run(compiler: &mut Command) {
    let output = compiler
        .output()
        .unwrap_or_else(|problem| panic!("cannot start {compiler:?}: {problem}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler:?} failed: {words}");
}

pub(crate) fn c_compiler() -> Command {
    let mut command = Command::new(tool("bin/clang"));
    command.args(["--target=wasm32-wasi", "-Wall", "-Wextra", "-Werror"]);
    command
}

/// Debian's compiler, unpacked beside the one that builds mewz: that one need not know the target.
pub(crate) fn rust_compiler() -> Command {
    let sysroot = tool("rust/usr");
    let target = rust_target().expect("the compiler has the library of a WASI target");
    let mut command = Command::new(sysroot.join("bin/rustc"));
    command
        .env("LD_LIBRARY_PATH", sysroot.join("lib/x86_64-linux-gnu"))
        .arg("--sysroot")
        .arg(&sysroot)
        .arg(format!("-Clinker={}", tool("bin/wasm-ld").display()))
        .args(["--edition", "2021", "--target", target]);
    command
}

/// Zig without optimisation; what it compiles once for all programs is kept.
pub(crate) fn zig_compiler() -> Command {
    let mut command = Command::new(tool("bin/zig"));
    command
        .env(
            "ZIG_GLOBAL_CACHE_DIR",
            root().join("target/tools/zig-cache"),
        )
        .args(["build-exe", "-target", "wasm32-wasi", "-O", "Debug"]);
    command
}

/// The target's name until Rust 1.78, or since, if that compiler is there.
pub(crate) fn rust_target() -> Option<&'static str> {
    let libraries = root().join("target/tools/rust/usr/lib/rustlib");
    let is_there = |target: &&str| libraries.join(target).exists();
    ["wasm32-wasip1", "wasm32-wasi"].into_iter().find(is_there)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
