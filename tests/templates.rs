//! Each template of `mewz new`, built with its own toolchain and run in a machine.
//!
//! A toolchain that is not there leaves its template out, and the output says so.

mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
fn cpp_runs() {
    let Some(clang) = clang_of(
        "c++",
        "#include <vector>\nint main() { return std::vector<int>().size(); }\n",
    ) else {
        return left_out("cpp", "no clang++ with a library for WASI");
    };
    check(
        "cpp",
        &[("CXX", clang.as_str())],
        "Hello from mewz\nargument 1: a b\nargument 2: \n",
    );
}

#[test]
fn c_http_serves() {
    let Some(clang) = clang() else {
        return left_out("c-http", "no clang that makes WASI programs");
    };
    check_server("c-http", &[("CC", clang.as_str())], None);
}

#[test]
fn rust_http_serves() {
    if has_rust_target("wasm32-wasip1") {
        return check_server("rust-http", &[], None);
    }
    let Some(command) = bare_rust_command() else {
        return left_out(
            "rust-http",
            "neither cargo's Rust nor `target/tools` has a WASI target",
        );
    };
    left_out(
        "rust-http's own command",
        "cargo's Rust has no target `wasm32-wasip1`",
    );
    // Before Rust 1.65 descriptors of WASI were behind a gate, and in a module of their own.
    let older = "sed -e '1s/.*/#![feature(wasi_ext, let_else)]/' -e 's/std::os::fd/std::os::wasi::io/' src/main.rs \
                 > target/older.rs && export RUSTC_BOOTSTRAP=1 &&";
    let command = command.replace("src/main.rs", "target/older.rs");
    check_server("rust-http", &[], Some(&format!("{older} {command}")));
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

/// Scaffolds and runs a server, and asks it over connections that stay open.
fn check_server(template: &str, environment: &[(&str, &str)], command: Option<&str>) {
    let place = tempfile::tempdir().unwrap();
    let mewz = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .env("XDG_CACHE_HOME", place.path().join("cache"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .current_dir(place.path())
            .stdin(Stdio::null());
        command
    };
    let made = mewz(&["new", "my-app", "--template", template]).status();
    assert!(made.unwrap().success());
    if let Some(command) = command {
        replace_command(&place.path().join("my-app"), command);
    }
    // A port that was free a moment ago.
    let port = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let pair = format!("{port}:8080");
    let mut child = mewz(&["run", "my-app", "--timeout", "600s", "--publish", &pair])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first, "listening\n");
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    };
    let ask = |stream: &mut TcpStream, request: &str, status: &str, body: &str| {
        stream.write_all(request.as_bytes()).unwrap();
        let expected = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), expected, "{template}");
    };
    let (mut one, mut other) = (connect(), connect());
    let get = "Hello from mewz\nYou sent a GET\n";
    let post = "Hello from mewz\nYou sent a POST\n";
    let nothing = "There is nothing here\n";
    for _ in 0..3 {
        ask(&mut one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", get);
        ask(
            &mut other,
            "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
            "404 Not Found",
            nothing,
        );
    }
    // A head in two pieces, with a body before the next request.
    one.write_all(b"POST / HTTP/1.1\r\nconte").unwrap();
    ask(&mut other, "GET / HTTP/1.1\r\n\r\n", "200 OK", get);
    ask(&mut one, "nt-length: 5\r\n\r\n12345", "200 OK", post);
    ask(&mut one, "GET / HTTP/1.1\r\n\r\n", "200 OK", get);
    one.write_all(b"nonsense\r\n\r\n").unwrap();
    let mut rest = String::new();
    one.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 400 "), "{rest}");
    drop(other);
    ask(&mut connect(), "GET / HTTP/1.1\r\n\r\n", "200 OK", get);
    // As Ctrl-C does: the machine ends with its command.
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    check_only_ignored_files_came(&place.path().join("my-app"));
}

/// Puts `command` in the place of the template's own; it gets the module's path as `$WASM`.
fn replace_command(project: &Path, command: &str) {
    let file = project.join("mewz.toml");
    let mut settings: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    let wasm = settings["build"]["wasm"]
        .as_str()
        .unwrap()
        .replace("{profile}", "debug");
    let whole = format!("WASM='{wasm}'; mkdir -p \"$(dirname \"$WASM\")\" && {command}");
    settings["build"]["command"] = whole.into();
    fs::write(&file, settings.to_string()).unwrap();
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
        replace_command(&place.path().join("my-app"), command);
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
    clang_of("c", "int main(void) { return 0; }\n")
}

/// The first clang that makes a WASI program of `source`, which is in `language`.
fn clang_of(language: &str, source: &str) -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x");
    fs::write(&file, source).unwrap();
    let name = match language {
        "c" => "clang",
        _ => "clang++",
    };
    let versions = (14..30).rev().map(|version| format!("{name}-{version}"));
    [name.to_owned()].into_iter().chain(versions).find(|clang| {
        let mut command = Command::new(clang);
        command
            .args(["--target=wasm32-wasi", "-fno-exceptions", "-x", language])
            .arg(&file)
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
    let target = tools::rust_target()?;
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let sysroot = tools.join("rust/usr");
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
