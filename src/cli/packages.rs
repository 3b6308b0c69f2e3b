//! Tools that mewz and its projects use, and the command that installs each on this system.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::qemu::program;

/// Versioned names that distributions give compilers.
const CLANG_VERSIONS: std::ops::RangeInclusive<u8> = 14..=29;

/// A tool that others package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Package {
    Qemu,
    Gdb,
    /// clang, its linker and a C library for WASI.
    C,
    /// The same for C++.
    Cpp,
    Zig,
    Go,
    Node,
}

/// Packages by the name of a distribution: QEMU, gdb, C and C++ for WASI, Zig, Go, Node; empty where it has none that serves.
const DISTRIBUTIONS: [(&str, &str, [&str; 7]); 8] = [
    (
        "debian ubuntu",
        "apt-get install",
        [
            "qemu-system-x86",
            "gdb",
            "clang lld wasi-libc libclang-rt-dev-wasm32",
            "clang lld libc++-dev-wasm32 libclang-rt-dev-wasm32",
            "",
            "golang-go",
            "npm",
        ],
    ),
    (
        "fedora",
        "dnf install",
        [
            "qemu-system-x86-core",
            "gdb",
            "clang lld wasi-libc-static",
            "",
            "zig",
            "golang",
            "nodejs-npm",
        ],
    ),
    (
        "arch",
        "pacman -S",
        [
            "qemu-system-x86",
            "gdb",
            "clang lld wasi-libc wasi-compiler-rt",
            "clang lld wasi-libc++ wasi-compiler-rt",
            "zig",
            "go",
            "npm",
        ],
    ),
    (
        "alpine",
        "apk add",
        [
            "qemu-system-x86_64",
            "gdb",
            "clang lld wasi-libc wasi-compiler-rt",
            "clang lld wasi-libcxx wasi-compiler-rt",
            "zig",
            "go",
            "npm",
        ],
    ),
    (
        "suse opensuse",
        "zypper install",
        ["qemu-x86", "gdb", "", "", "zig", "go", "npm"],
    ),
    (
        "gentoo",
        "emerge",
        [
            "app-emulation/qemu",
            "dev-debug/gdb",
            "",
            "",
            "dev-lang/zig",
            "dev-lang/go",
            "net-libs/nodejs",
        ],
    ),
    (
        "nixos",
        "nix-shell -p",
        ["qemu", "gdb", "", "", "zig", "go", "nodejs"],
    ),
    (
        "void",
        "xbps-install",
        ["qemu-system-amd64", "gdb", "", "", "zig", "go", "nodejs"],
    ),
];

/// The command that installs `package` here, for a user who may; `None` where nobody knows.
pub(super) fn install_command(package: Package) -> Option<String> {
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    command_of(&os_release, package)
}

/// `command`, by way of sudo where this user may not do it and sudo is there.
pub(super) fn as_root(command: &str) -> String {
    if geteuid().is_root() || find("sudo").is_none() || command.starts_with("nix-shell") {
        command.to_owned()
    } else {
        format!("sudo {command}")
    }
}

/// Where the program `name` lies.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    program::find(Path::new(name), std::env::var_os("PATH").as_deref()).ok()
}

/// The newest `compiler` of LLVM's that is here under a name with its version.
pub(super) fn versioned(compiler: &str) -> Option<String> {
    let mut names = CLANG_VERSIONS
        .rev()
        .map(|version| format!("{compiler}-{version}"));
    names.find(|name| find(name).is_some())
}

fn command_of(os_release: &str, package: Package) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let names = format!("{} {}", value("ID="), value("ID_LIKE="));
    let (_, verb, packages) = names.split_whitespace().find_map(|name| {
        DISTRIBUTIONS
            .iter()
            .find(|(known, ..)| known.split(' ').any(|known| known == name))
    })?;
    match packages[package as usize] {
        "" => None,
        names => Some(format!("{verb} {names}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Package, command_of};

    #[test]
    fn each_distribution_has_its_command() {
        let command = |text, package| command_of(text, package);
        assert_eq!(
            command("NAME=\"Debian\"\nID=debian\n", Package::Qemu).unwrap(),
            "apt-get install qemu-system-x86"
        );
        assert_eq!(
            command("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Package::Gdb).unwrap(),
            "apt-get install gdb"
        );
        assert_eq!(
            command(
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"",
                Package::Qemu
            )
            .unwrap(),
            "zypper install qemu-x86"
        );
        assert_eq!(command("ID=alpine", Package::Node).unwrap(), "apk add npm");
        assert_eq!(command("ID=debian", Package::Zig), None);
        assert_eq!(command("", Package::Qemu), None);
    }
}
