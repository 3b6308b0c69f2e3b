//! What `scripts/machine.sh` does on machines that lack something, played by programs that only print.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// Programs that the script uses of any machine.
const EVERYWHERE: [&str; 8] = ["sh", "sed", "grep", "cut", "sort", "env", "head", "cat"];

/// A machine with nothing but [`EVERYWHERE`] and what a test puts there.
struct Machine {
    programs: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        for name in EVERYWHERE {
            let at = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
            let found = at.iter().find(|path| path.exists()).unwrap();
            symlink(found, programs.path().join(name)).unwrap();
        }
        Self { programs }
    }

    /// Adds a program that is this shell script.
    fn with(self, name: &str, body: &str) -> Self {
        let path = self.programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn with_rust(self, version: &str) -> Self {
        let body = format!("echo 'rustc {version} (0123456789 2026-01-01)'");
        self.with("rustc", &body).with("cargo", "exit 0")
    }

    /// A Debian where nothing is installed, with these candidates; `apt-get` notes what it is asked for.
    fn with_apt(self, candidates: &[(&str, &str)]) -> Self {
        let cases: String = candidates
            .iter()
            .map(|(name, version)| format!("{name}) echo '  Candidate: {version}';;\n"))
            .collect();
        let search: String = candidates
            .iter()
            .map(|(name, _)| format!("echo '{name} - x';\n"))
            .collect();
        self.with("dpkg-query", "exit 1")
            .with("apt-get", "echo \"apt-get $*\" >&2")
            .with(
                "apt-cache",
                &format!("[ $1 = search ] && {{ {search} exit 0; }}\ncase $2 in\n{cases}esac"),
            )
            .with("id", "echo 0")
    }

    /// Runs a command of the script; its status, and what it said.
    fn run(&self, command: &str) -> (i32, String) {
        let output = Command::new("/bin/sh")
            .args(["-euc", &format!(". scripts/machine.sh; {command}")])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("PATH", self.programs.path())
            .env("HOME", self.programs.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), said.into_owned())
    }

    fn refuses(&self, command: &str, said: &[&str]) {
        let (status, words) = self.run(command);
        assert_eq!(status, 1, "{command}: {words}");
        for part in said {
            assert!(
                words.contains(part),
                "{command}: `{part}` is not in: {words}"
            );
        }
    }

    fn manages(&self, command: &str, said: &[&str]) {
        let (status, words) = self.run(command);
        assert_eq!(status, 0, "{command}: {words}");
        for part in said {
            assert!(
                words.contains(part),
                "{command}: `{part}` is not in: {words}"
            );
        }
    }
}

#[test]
fn a_rust_that_is_new_enough_is_taken_and_nothing_is_said() {
    for version in ["1.95.0", "1.100.1", "1.97.0-nightly"] {
        let (status, words) = Machine::new().with_rust(version).run("need_rust");
        assert_eq!((status, words.as_str()), (0, ""), "{version}");
    }
}

#[test]
fn an_old_rust_of_rustup_is_to_be_updated_by_it() {
    let machine = Machine::new().with_rust("1.94.1").with("rustup", "");
    machine.refuses(
        "need_rust",
        &[
            "`rustc --version` says: rustc 1.94.1",
            "rustup update stable",
        ],
    );
}

#[test]
fn without_apt_the_way_to_a_rust_is_told() {
    Machine::new().refuses("need_rust", &["found: no rustc", "https://sh.rustup.rs"]);
    Machine::new().with_rust("1.63.0").refuses(
        "need_rust",
        &["found: rustc 1.63.0", "https://sh.rustup.rs"],
    );
}

#[test]
fn debian_has_a_current_rust_beside_its_old_one() {
    let debian = [
        ("rustc", "1.63.0+dfsg1-2"),
        ("rustc-web", "1.96.0+dfsg1-1~deb12u2"),
    ];
    let wanted =
        "install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 rustc-web cargo-web";
    Machine::new()
        .with_apt(&debian)
        .manages("need_rust", &["apt-get update", wanted]);
}

#[test]
fn a_newer_distribution_has_its_own() {
    Machine::new()
        .with_apt(&[("rustc", "1.99.0ubuntu1")])
        .manages("need_rust", &[" rustc cargo "]);
    let ubuntu = [
        ("rustc", "1.75.0"),
        ("rustc-1.85", "1.85.0"),
        ("rustc-1.96", "1.96.0"),
        ("rustc-1.95", "1.95.0"),
    ];
    Machine::new().with_apt(&ubuntu).manages(
        "need_rust; echo $PATH",
        &[" rustc-1.96 ", "/usr/lib/rust-1.96/bin"],
    );
    Machine::new()
        .with_apt(&[("rustc", "1.75.0")])
        .refuses("need_rust", &["this distribution has none"]);
}

#[test]
fn who_may_not_install_is_told_the_command() {
    let machine = Machine::new().with_apt(&[]).with("id", "echo 1000");
    machine.refuses(
        "need_packages gcc",
        &[
            "not root",
            "`sudo` is not there",
            "run as root: apt-get update",
        ],
    );
    let machine = machine.with("sudo", "echo \"sudo $*\" >&2");
    machine.manages(
        "need_packages gcc",
        &[
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get install",
            " gcc",
        ],
    );
}

#[test]
fn a_failed_installation_is_told() {
    let machine = Machine::new()
        .with_apt(&[])
        .with("apt-get", "[ $1 = update ]");
    machine.refuses("need_packages gcc", &["cannot install: gcc"]);
    let machine = machine.with(
        "apt-get",
        "[ $1 = update ] || { echo Unpacking gcc; echo 'E: no space' >&2; exit 1; }",
    );
    machine.refuses("need_packages gcc", &["E: no space"]);
    let (_, said) = machine.run("need_packages gcc");
    assert!(!said.contains("Unpacking"), "{said}");
    let machine = machine.with("apt-get", "exit 1");
    machine.refuses("need_packages gcc", &["cannot read the package lists"]);
}

#[test]
fn what_is_there_is_not_installed_again() {
    let machine = Machine::new()
        .with_apt(&[])
        .with("dpkg-query", "echo 'ii '")
        .with("apt-get", "exit 1");
    assert_eq!(machine.run("need_packages gcc git"), (0, String::new()));
}

#[test]
fn without_apt_missing_programs_are_named() {
    let machine = Machine::new().with("ld", "");
    machine.manages("need_packages gcc", &[]);
    machine.refuses(
        "need_programs cc ld qemu-system-x86_64",
        &["missing: cc qemu-system-x86_64", "Debian and Ubuntu only"],
    );
}

#[test]
fn another_platform_is_refused() {
    Machine::new()
        .with("uname", "echo Linux x86_64")
        .manages("need_platform", &[]);
    let machine = Machine::new().with("uname", "echo Linux aarch64");
    machine.refuses(
        "need_platform",
        &["needs Linux on x86-64", "this is Linux aarch64"],
    );
}
