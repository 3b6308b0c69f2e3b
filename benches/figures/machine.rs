//! The host that the figures come from, and the commands that are measured on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::processor;

/// The program that is measured.
pub(crate) const MEWZ: &str = env!("CARGO_BIN_EXE_mewz");

/// QEMU, as `mewz run` finds it by default.
pub(crate) const QEMU: &str = "qemu-system-x86_64";

/// Memory of every guest here.
pub(crate) const MEMORY_BYTES: u64 = 32 << 20;

/// The head of the file: what the figures are, and where and when they were taken.
pub(crate) fn heading() -> Result<String, String> {
    let date = processor::said_by(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let qemu = processor::said_by(Command::new(QEMU).arg("--version"))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "# Benchmarks\n\nWritten by `cargo bench --bench figures`. Figures of different dates or hosts don't compare; those \
         of one table do.\n\nTaken on {date}: {processors} x {}, {}; load average before: {load}.\n",
        processor::name(),
        qemu.lines().next().unwrap_or_default()
    ))
}

/// A folder with modules in it and a cache of compiled images, both gone afterwards.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Result<Self, String> {
        let folder =
            tempfile::tempdir().map_err(|problem| format!("cannot make a folder: {problem}"))?;
        Ok(Self { folder })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a module in the text format into the folder, as a binary.
    pub(crate) fn module(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let bytes = wat::parse_str(text).map_err(|problem| format!("{name}: {problem}"))?;
        self.file(name, &bytes)
    }

    /// Puts a file into the folder.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
        let path = self.path().join(name);
        fs::write(&path, bytes).map_err(|problem| format!("cannot write {path:?}: {problem}"))?;
        Ok(path)
    }

    /// `mewz` with these words, silent, with a cache of its own.
    pub(crate) fn mewz(&self, words: &[&str]) -> Command {
        let mut command = Command::new(MEWZ);
        command
            .args(words)
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        command
    }

    /// `mewz run` of a module on the machine that the peers run on.
    pub(crate) fn run(&self, module: &Path) -> Command {
        let memory = format!("{}MiB", MEMORY_BYTES >> 20);
        let mut command = self.mewz(&["run", "--accel", "tcg", "--memory", &memory]);
        command.arg(module);
        command
    }
}
