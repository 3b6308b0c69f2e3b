//! The folder in which programs are built, and the commands that build them once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder: `target/speed`.
pub(crate) struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    pub(crate) fn new() -> Result<Self, String> {
        let workshop = Self {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/speed"),
        };
        workshop.folder("")?;
        Ok(workshop)
    }

    /// A folder in it, or with no name itself, made where it is missing.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        fs::create_dir_all(&path).map_err(|problem| format!("cannot make {path:?}: {problem}"))?;
        Ok(path)
    }

    /// A file in a program's folder.
    pub(crate) fn file(&self, program: &str, name: &str) -> PathBuf {
        self.folder.join(program).join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        fs::write(path, bytes).map_err(|problem| format!("cannot write {path:?}: {problem}"))
    }

    /// Runs a command that makes `made` from `sources`, unless it did so before from the same ones.
    pub(crate) fn make(
        &self,
        made: &Path,
        sources: &[PathBuf],
        command: &mut Command,
    ) -> Result<(), String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{command:?}").as_bytes());
        for source in sources {
            hasher.update(&read(source)?);
        }
        let name = hasher.finalize().to_hex();
        let stamp = PathBuf::from(format!("{}.stamp", made.display()));
        if made.exists() && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == name.as_str())
        {
            return Ok(());
        }
        eprintln!("Building {}", made.display());
        output(command)?;
        self.write(&stamp, name.as_bytes())
    }
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|problem| format!("cannot read {path:?}: {problem}"))
}

/// What a command said; its failure is an error.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {words}", output.status))
}

/// A program that `scripts/test-tools` installs.
pub(crate) fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/tools")
        .join(name)
}
