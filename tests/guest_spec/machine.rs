//! A machine with the kernel that takes every export's turn and goes on after traps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mewz::link::image::{ImageContent, ImageOptions, image};
use mewz::link::kernel::Kernel;
use mewz::relocatable::Object;

/// Seconds after which a machine is ended: it needs a tenth of them.
const SECONDS_MAX: &str = "300";

/// Status of a machine whose program ended well: QEMU's is twice that of the kernel and one.
const ENDED_WELL: i32 = 1;

/// Runs `object`; returns the turns that ended with a trap, by their number, and its name.
pub(crate) fn run(kernel: &Path, object: &Object) -> Result<Vec<(usize, String)>, String> {
    let kernel = fs::read(kernel).expect("the kernel is there");
    let kernel = Kernel::parse(&kernel).expect("the kernel is one");
    let options = ImageOptions {
        content: ImageContent::Stripped,
        ..ImageOptions::default()
    };
    let image = image(&kernel, object, &options).map_err(|error| error.to_string())?;
    assert!(image.missing.is_empty(), "{:?}", image.missing);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("image.elf");
    fs::write(&file, image.bytes).expect("the image can be written");
    let output = Command::new("timeout")
        .args([SECONDS_MAX, "qemu-system-x86_64", "-accel", "tcg"])
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-M", "microvm,acpi=off", "-cpu", "max", "-m", "2048"])
        .args(["-device", "isa-debug-exit,iobase=0x501,iosize=4"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("QEMU can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() != Some(ENDED_WELL) {
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        return Err(format!("{}: {lines:#?}", output.status));
    }
    let turn = |line: &str| {
        let (turn, trap) = line.split_once(' ')?;
        Some((turn.parse().ok()?, trap.to_owned()))
    };
    let lines = text.lines().map(|line| turn(line).ok_or(line));
    lines
        .collect::<Result<_, _>>()
        .map_err(|line| format!("the kernel said {line:?}"))
}

/// The kernel with the cargo feature `every-export`.
pub(crate) fn kernel() -> PathBuf {
    crate::kernel::with_feature("every-export")
}
