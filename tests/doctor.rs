//! `mewz doctor` on machines that lack this and that: a search path of scripts stands for them.

mod invoke;

use std::net::TcpListener;

use invoke::{Ended, Place};

/// A project in Rust.
const RUST_PROJECT: &str = "\
mewz = 1
[build]
command = \"cargo build --target wasm32-wasip1\"
wasm = \"a.wasm\"
";

/// The shell's own tools and QEMU, by links: whatever else this machine has is not there.
fn search_path(place: &Place, names: &[&str]) {
    let folder = place.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in names {
        let file = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(name))
            .find(|file| file.is_file());
        let file = file.unwrap_or_else(|| panic!("this machine has no {name}"));
        std::os::unix::fs::symlink(file, folder.join(name)).unwrap();
    }
}

fn doctor(place: &Place, arguments: &[&str]) -> Ended {
    let words = [&["doctor"], arguments].concat();
    let output = place
        .command(&words)
        .env("PATH", place.path("bin"))
        .output();
    Ended::new(output.unwrap())
}

/// The finding of `name`.
fn finding(ended: &Ended, name: &str) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {report}"))
        .clone()
}

#[test]
fn what_is_needed_decides_the_status() {
    let place = Place::new();
    search_path(&place, &["qemu-system-x86_64", "sh"]);
    let fit = doctor(&place, &["--json"]);
    fit.assert(0, &["Nothing that is needed is missing"]);
    assert_eq!(finding(&fit, "QEMU")["status"], "ok");
    let tcg = finding(&fit, "TCG");
    assert!(
        tcg["status"] == "ok" && tcg["detail"].as_str().unwrap().contains(" ms"),
        "{tcg}"
    );
    assert_eq!(finding(&fit, "gdb")["status"], "absent");
    assert_eq!(finding(&fit, "Rust")["status"], "absent");

    // The same machine, and a project that wants what is not there.
    place.write("mewz.toml", RUST_PROJECT);
    let unfit = doctor(&place, &["--json"]);
    unfit.assert(1, &["one thing that is needed is missing"]);
    assert_eq!(finding(&unfit, "Rust")["status"], "problem");
    assert_eq!(finding(&unfit, "Zig")["status"], "absent");
    place.assert_clean();
}

#[test]
fn without_qemu_nothing_boots() {
    let place = Place::new();
    search_path(&place, &["sh"]);
    let ended = doctor(&place, &[]);
    ended.assert(1, &["error: one thing that is needed is missing"]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("  problem  QEMU"), "{text}");
    assert!(!text.contains("TCG"), "{text}");

    // One that is named and is not QEMU.
    let fake = place.script("qemu", "echo GNU bash, version 5.2");
    let ended = doctor(&place, &["--json", "--qemu", fake.to_str().unwrap()]);
    assert_eq!(ended.status, 1);
    let detail = finding(&ended, "QEMU")["detail"].clone();
    assert!(detail.as_str().unwrap().contains("GNU bash"), "{detail}");
}

#[test]
fn what_can_be_mended_is() {
    let place = Place::new();
    search_path(&place, &["qemu-system-x86_64", "sh", "mkdir"]);
    place.write("mewz.toml", RUST_PROJECT);
    let sysroot = place.path("sysroot");
    place.script("bin/cargo", "echo cargo 1.95.0");
    place.script("bin/rustc", &format!("echo {}", sysroot.display()));
    let library = sysroot.join("lib/rustlib/wasm32-wasip1/lib");
    let mends = format!("echo \"$@\" && mkdir -p {}", library.display());
    place.script("bin/rustup", &mends);

    let asked = doctor(&place, &["--fix"]);
    asked.assert(2, &["cannot ask", "`--yes`"]);

    let before = doctor(&place, &["--json"]);
    let rust = finding(&before, "Rust");
    assert_eq!(rust["status"], "problem");
    assert_eq!(rust["mended_by"], "rustup target add wasm32-wasip1");
    assert!(!library.exists(), "nothing runs unasked");

    let mended = doctor(&place, &["--fix", "--yes"]);
    mended.assert(
        0,
        &[
            "$ rustup target add wasm32-wasip1",
            "Once more",
            "target add",
        ],
    );
    let text = String::from_utf8(mended.stdout).unwrap();
    assert!(text.contains("  problem  Rust") && text.contains("  ok       Rust"));
    place.assert_clean();
}

#[test]
fn a_port_that_is_taken_and_a_tool_that_fails_are_told() {
    let place = Place::new();
    search_path(&place, &["qemu-system-x86_64", "sh"]);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let ports = format!("{RUST_PROJECT}[run]\nports = [\"{port}:80\"]\n");
    place.write("mewz.toml", ports);
    place.script("bin/zig", "echo no such luck >&2; exit 3");
    let ended = doctor(&place, &["--json"]);
    assert_eq!(ended.status, 1);
    let ports = finding(&ended, "ports");
    assert_eq!(ports["status"], "problem");
    assert_eq!(ports["detail"], format!("in use: {port}"));
    assert_eq!(finding(&ended, "Zig")["detail"], "no such luck");
    place.assert_clean();
}

#[test]
fn what_would_not_serve_is_not_proposed() {
    let place = Place::new();
    search_path(&place, &["sh"]);
    // A compiler under the name that its package gives it, and a Go that is older than WASI.
    place.script("bin/clang-15", "echo clang 15.0.7");
    place.script("bin/apt-cache", "echo 'Version: 2:1.19~1'");
    let ended = doctor(&place, &["--json"]);
    let c = finding(&ended, "C");
    assert_eq!(c["note"], "`CC=clang-15` in the environment names it");
    assert_eq!(c["mended_by"], serde_json::Value::Null);
    let go = finding(&ended, "Go");
    assert!(go["note"].as_str().unwrap().contains("Go 1.19"), "{go}");
    assert_eq!(go["mended_by"], serde_json::Value::Null);

    // One that makes no module is no help.
    place.script(
        "bin/clang++-15",
        "[ $1 = --version ] && echo clang 15.0.7 || exit 1",
    );
    let cpp = finding(&doctor(&place, &["--json"]), "C++");
    assert!(
        cpp["detail"].as_str().unwrap().contains("makes no module"),
        "{cpp}"
    );
    place.assert_clean();
}
