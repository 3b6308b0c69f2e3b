//! Kernels with features that only tests want, built as `build.rs` builds the released one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the kernel with the cargo feature `feature`.
pub(crate) fn with_feature(feature: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    fs::create_dir_all(&folder).unwrap();
    // All have one target folder, and so what they depend on is built once; the kernel itself is where the last one left it.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_of_outer_build =
            name.starts_with("CARGO") || name.contains("RUSTFLAGS") || name.contains("WRAPPER");
        if is_of_outer_build && name != "CARGO_HOME" {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel"))
        .args([
            "build",
            "--locked",
            "--release",
            "--bin",
            "mewz-kernel",
            "--target",
            TARGET,
        ])
        .args(["--features", feature, "--target-dir"])
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", env!("MEWZ_KERNEL_FLAGS"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let kernel = folder.join(format!("{feature}.elf"));
    fs::copy(folder.join(TARGET).join("release/mewz-kernel"), &kernel).unwrap();
    kernel
}
