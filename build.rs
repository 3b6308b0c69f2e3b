//! Builds the kernel with a cargo of its own and tells the program where it lies: `env!("MEWZ_KERNEL")`; once more with the
//! file system of persistent disks: `env!("MEWZ_DISKS_KERNEL")`; and once with that and the stub that a debugger talks to:
//! `env!("MEWZ_DEBUG_KERNEL")`. Which of them an image gets, `src/cli/kernel.rs` says.
//!
//! The kernel has its own lock file, flags and target folder, and is always a release build: nothing of how the program
//! itself is built (profile, flags, wrappers, target) reaches it. `MEWZ_KERNEL_FEATURES` names cargo features of the
//! kernel, separated by commas; tests use it.

#![forbid(unsafe_code)]

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The kernel's target, whatever the program's is: its C calling convention matches the compiled modules.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The kernels: variables that the program finds them by, their files, their features.
const KERNELS: [(&str, &str, &str); 3] = [
    ("MEWZ_KERNEL", "mewz-kernel", ""),
    ("MEWZ_DISKS_KERNEL", "mewz-kernel-disks", "disks"),
    (
        "MEWZ_DEBUG_KERNEL",
        "mewz-kernel-debuggable",
        "debugger,disks",
    ),
];

/// What the kernel is made of, relative to the workspace.
const SOURCES: [&str; 6] = [
    "kernel/src",
    "kernel/abi",
    "kernel/disk",
    "kernel/Cargo.toml",
    "kernel/Cargo.lock",
    "kernel/kernel.ld",
];

/// Variables of cargo that say how to reach a registry, and so hold for the nested build too.
const KEPT_PREFIXES: [&str; 5] = [
    "CARGO_HOME",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
];

/// Variables that describe the outer build.
const OUTER: [&str; 14] = [
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "TARGET",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "DEBUG",
    "PROFILE",
    "OUT_DIR",
    "MAKEFLAGS",
    "LD_LIBRARY_PATH",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error=cannot build the kernel: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the kernels.
fn build() -> Result<(), String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    // A new file of a template is embedded too.
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-env-changed=MEWZ_KERNEL_FEATURES");
    // Tests build other kernels by the same flags.
    println!(
        "cargo::rustc-env=MEWZ_KERNEL_FLAGS={}",
        flags(&root).join("\x1f")
    );
    let features = env::var("MEWZ_KERNEL_FEATURES").unwrap_or_default();
    let out = PathBuf::from(variable("OUT_DIR")?);
    for (variable, name, own) in KERNELS {
        let kernel = build_one(&root, &out, name, &format!("{own},{features}"))?;
        println!("cargo::rustc-env={variable}={}", kernel.display());
    }
    Ok(())
}

/// Builds the kernel with `features`; returns the path of its ELF file, which is called `name`.
fn build_one(root: &Path, out: &Path, name: &str, features: &str) -> Result<PathBuf, String> {
    // One folder for all: what they are made of is the same.
    let target_folder = out.join("kernel");
    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in env::vars_os() {
        if is_of_outer_build(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    cargo
        .current_dir(root.join("kernel"))
        .args(["build", "--locked", "--release", "--bin", "mewz-kernel"])
        .args(["--target", TARGET, "--features", features, "--target-dir"])
        .arg(&target_folder)
        .env("RUSTC", variable("RUSTC")?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root).join("\x1f"));
    let output = cargo
        .output()
        .map_err(|error| format!("cannot start {cargo:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .replace('\n', "\ncargo::error="));
    }
    let built = target_folder.join(TARGET).join("release/mewz-kernel");
    let kernel = out.join(name);
    std::fs::copy(&built, &kernel)
        .map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    Ok(kernel)
}

/// Flags of the compiler: fixed addresses, stacks that an interrupt may use, frames that a backtrace can walk, and the
/// linker of binutils, which is there wherever a C compiler is.
fn flags(root: &Path) -> Vec<String> {
    let script = root.join("kernel/kernel.ld");
    [
        "-Crelocation-model=static",
        "-Ccode-model=kernel",
        "-Cno-redzone=yes",
        "-Cforce-frame-pointers=yes",
        "-Cforce-unwind-tables=yes",
        "-Clinker=ld",
        "-Clinker-flavor=ld",
        "-Clink-arg=--build-id=none",
        "-Clink-arg=-znoexecstack",
        "-Clink-arg=--no-warn-rwx-segments",
    ]
    .into_iter()
    .map(String::from)
    .chain([
        format!("-Clink-arg=-T{}", script.display()),
        format!("--remap-path-prefix={}=mewz", root.display()),
    ])
    .chain(
        registries()
            .iter()
            .map(|folder| format!("--remap-path-prefix={}=crates", folder.display())),
    )
    .collect()
}

/// Folders with the sources of crates, whose names are in the kernel's panics: images are to know nothing of this machine.
fn registries() -> Vec<PathBuf> {
    let home = match (env::var_os("CARGO_HOME"), env::var_os("HOME")) {
        (Some(home), _) => PathBuf::from(home),
        (None, Some(home)) => Path::new(&home).join(".cargo"),
        (None, None) => return Vec::new(),
    };
    let folders = std::fs::read_dir(home.join("registry/src"));
    let mut folders: Vec<PathBuf> = folders
        .into_iter()
        .flatten()
        .filter_map(|folder| Some(folder.ok()?.path()))
        .collect();
    folders.sort();
    folders
}

/// Whether a variable describes how the program is being built.
fn is_of_outer_build(name: &str) -> bool {
    OUTER.contains(&name)
        || (name.starts_with("CARGO") && !KEPT_PREFIXES.iter().any(|kept| name.starts_with(kept)))
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo does not set `{name}`"))
}
