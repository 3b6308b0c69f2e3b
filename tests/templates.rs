//! Each template of `mewz new`, built with its own toolchain and run in a machine.
//!
//! A toolchain that is not there leaves its template out, and the output says so.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn wat_runs() {
    check("wat", &[], "Hello from mewz\n");
}

#[test]
fn c_runs() {
    let Some(clang) = clang() else {
        return left_out("c", "no clang that makes WASI programs");
    };
    check(
        "c",
        &[("CC", clang.as_str())],
        "Hello from mewz\nargument 1: a b\nargument 2: \n",
    );
}

#[test]
fn rust_runs() {
    let printed = "Hello from mewz\nargument 1: a b\nargument 2: \n";
    if has_rust_target("wasm32-wasip1") {
        return check("rust", &[], printed);
    }
    let Some(command) = bare_rust_command() else {
        return left_out(
            "rust",
            "neither cargo's Rust nor `target/tools` has a WASI target",
        );
    };
    left_out(
        "rust's own command",
        "cargo's Rust has no target `wasm32-wasip1`",
    );
    check_with("rust", &[], Some(&command), printed);
}

#[test]
fn zig_runs() {
    let printed = "Hello from mewz\n";
    if succeeds(Command::new("zig").arg("version")) {
        return check("zig", &[], printed);
    }
    let Some(folder) = zig_of_python() else {
        return left_out("zig", "no `zig`, nor PyPI's `ziglang`");
    };
    let path = std::env::var("PATH").unwrap_or_default();
    check(
        "zig",
        &[("PATH", &format!("{}:{path}", folder.path().display()))],
        printed,
    );
}

/// Scaffolds, runs with the arguments `a b` and nothing, and compares what the program printed.
fn check(template: &str, environment: &[(&str, &str)], printed: &str) {
    check_with(template, environment, None, printed);
}

/// As [`check`]; `command` builds instead of the template's own, and gets the module's path as `$WASM`.
fn check_with(template: &str, environment: &[(&str, &str)], command: Option<&str>, printed: &str) {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    let mewz = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .env("XDG_CACHE_HOME", &cache)
            // The program under test is built by cargo: its settings are not those of the template's cargo.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .current_dir(place.path())
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{template}: mewz {arguments:?}: {words}"
        );
        String::from_utf8(output.stdout).unwrap()
    };
    mewz(&["new", "my-app", "--template", template]);
    if let Some(command) = command {
        let file = place.path().join("my-app/mewz.toml");
        let mut settings: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let wasm = settings["build"]["wasm"]
            .as_str()
            .unwrap()
            .replace("{profile}", "debug");
        let whole = format!("WASM='{wasm}'; mkdir -p \"$(dirname \"$WASM\")\" && {command}");
        settings["build"]["command"] = whole.into();
        fs::write(&file, settings.to_string()).unwrap();
    }
    assert_eq!(
        mewz(&["run", "my-app", "--timeout", "600s", "--", "a b", ""]),
        printed
    );
    check_only_ignored_files_came(&place.path().join("my-app"));
}

/// What a build leaves is named in the template's `.gitignore`.
fn check_only_ignored_files_came(project: &Path) {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .args(arguments)
            .current_dir(project)
            .stdin(Stdio::null())
            .output()
    };
    if git(&["init", "--quiet"]).is_err() {
        return left_out("what a build leaves", "no `git`");
    }
    let output = git(&["status", "--porcelain", "--untracked-files=all"]).unwrap();
    let mut untracked: Vec<_> = std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .map(|line| &line[3..])
        .collect();
    untracked.retain(|path| !path.starts_with("src/"));
    untracked.sort_unstable();
    let given = [
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "mewz.toml",
    ];
    let foreign: Vec<_> = untracked
        .iter()
        .filter(|path| !given.contains(path))
        .collect();
    assert!(foreign.is_empty(), "{}: {foreign:?}", project.display());
}

/// The first clang that compiles and links an empty WASI program.
fn clang() -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("x.c");
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let versions = (14..30).rev().map(|version| format!("clang-{version}"));
    ["clang".to_owned()]
        .into_iter()
        .chain(versions)
        .find(|clang| {
            let mut command = Command::new(clang);
            command
                .arg("--target=wasm32-wasi")
                .arg(&source)
                .arg("-o")
                .arg(place.path().join("x.wasm"));
            succeeds(&mut command)
        })
}

fn has_rust_target(target: &str) -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output();
    output.is_ok_and(|output| {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        output.status.success() && folder.is_dir()
    })
}

/// Compiles the template's source without cargo, by the compiler that `scripts/test-tools` unpacks.
fn bare_rust_command() -> Option<String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let sysroot = tools.join("rust/usr");
    // The target's name until Rust 1.78, and since.
    let target = ["wasm32-wasip1", "wasm32-wasi"]
        .into_iter()
        .find(|target| sysroot.join("lib/rustlib").join(target).exists())?;
    Some(format!(
        "LD_LIBRARY_PATH={sysroot}/lib/x86_64-linux-gnu {sysroot}/bin/rustc --sysroot {sysroot} \
         -Clinker={tools}/bin/wasm-ld --edition 2021 --target {target} -o \"$WASM\" src/main.rs",
        sysroot = sysroot.display(),
        tools = tools.display(),
    ))
}

/// A folder to be found first in PATH, where a `zig` calls PyPI's.
fn zig_of_python() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    if !succeeds(Command::new("python3").args(["-m", "ziglang", "version"])) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("zig");
    fs::write(&program, "#!/bin/sh\nexec python3 -m ziglang \"$@\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Some(folder)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Says so past the test harness, which shows nothing of a test that passes.
fn left_out(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}: {why}");
}
