//! Recordings of a program's run: where they lie, what is noted of one, and whether it can be repeated here.

mod disk;
mod record;
mod session;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(super) use self::record::record;
pub(super) use self::session::{Wanted, replay};
use crate::cli::failure::Failure;
use crate::qemu::recording;
use crate::qemu::replay::Facts;

/// Which machines recordings are made on. Another number for machines that differ in any device or in the kernel's command
/// line: a recording repeats on the same alone.
const FORMAT: u32 = 4;

/// Names of the files in a recording, beside QEMU's.
const NOTE_FILE: &str = "recording.json";
const IMAGE_FILE: &str = "image";
const SYMBOLS_FILE: &str = "image.elf";

/// What enters the program, in the kernel.
const ENTRY_SYMBOL: &str = "enter_application";

/// What is noted of a recording once it is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    format: u32,
    /// The version of mewz.
    mewz: String,
    /// That of QEMU.
    qemu: String,
    module: PathBuf,
    memory_bytes: u64,
    command_line: String,
    has_network: bool,
    /// Its packets were captured.
    has_capture: bool,
    /// Instructions that the machine ran.
    instructions: u64,
    trap: Option<NotedTrap>,
    /// Whether nothing was written to each of its disks.
    disks: Vec<bool>,
    /// Digests of the files that repeating takes, by their names.
    files: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct NotedTrap {
    instruction: u64,
    signal: u8,
}

/// What every recording has; read first, since the rest may differ.
#[derive(Debug, Deserialize)]
struct Made {
    format: u32,
    mewz: String,
}

/// Where the recording of `module` goes where no folder is named: one for each module, so that they don't become many.
pub(super) fn default_path(module: &Path) -> PathBuf {
    super::vscode::symbols_path(module).with_extension("recording")
}

/// A recording that is there.
#[derive(Debug)]
struct Found {
    folder: PathBuf,
    note: Note,
    /// Address of the kernel's code that enters the program.
    start_address: u64,
}

impl Found {
    /// Opens the recording in `folder`.
    fn open(folder: &Path) -> Result<Self, Failure> {
        let failure = || Failure::new(format!("cannot repeat `{}`", folder.display()));
        let text = fs::read(folder.join(NOTE_FILE)).map_err(|problem| match problem.kind() {
            io::ErrorKind::NotFound if folder.is_dir() => {
                failure().cause("it is no recording, or one that did not come to its end")
            }
            io::ErrorKind::NotFound => failure()
                .cause("there is no such recording")
                .hint("`mewz debug --record` makes one"),
            _ => failure().cause(problem),
        })?;
        let broken = |problem: serde_json::Error| {
            failure()
                .cause(format!("`{NOTE_FILE}` in it is damaged: {problem}"))
                .hint("record once more")
        };
        let made: Made = serde_json::from_slice(&text).map_err(broken)?;
        if made.format != FORMAT {
            return Err(failure()
                .cause(format!(
                    "mewz {} made it, whose machines differ from those of mewz {}",
                    made.mewz,
                    env!("CARGO_PKG_VERSION")
                ))
                .hint("record once more, or repeat it with that version"));
        }
        let note: Note = serde_json::from_slice(&text).map_err(broken)?;
        // A machine that repeats a log which is not whole waits for what never comes.
        for name in needed(note.disks.len()) {
            let found = digest(folder, &name)
                .map_err(|problem| failure().cause(format!("`{name}` in it: {problem}")))?;
            if note.files.get(&name) != Some(&found) {
                return Err(failure()
                    .cause(format!("`{name}` in it is not what was recorded"))
                    .hint("record once more"));
            }
        }
        let symbols = fs::read(folder.join(SYMBOLS_FILE))
            .map_err(|problem| failure().cause(format!("`{SYMBOLS_FILE}` in it: {problem}")))?;
        let start_address = entry_address(&symbols)
            .ok_or_else(|| failure().cause(format!("`{SYMBOLS_FILE}` in it is damaged")))?;
        Ok(Self {
            folder: folder.to_owned(),
            note,
            start_address,
        })
    }

    fn facts(&self) -> Facts {
        Facts {
            // Searches look one instruction further than where they end.
            end: self.note.instructions.saturating_sub(1),
            start_address: self.start_address,
            trap: self.note.trap.map(|trap| (trap.instruction, trap.signal)),
        }
    }
}

/// Names of the files that repeating takes, with so many disks.
fn needed(disks: usize) -> impl Iterator<Item = String> {
    let files = recording::NEEDED_FILES
        .into_iter()
        .chain([IMAGE_FILE, SYMBOLS_FILE]);
    files.map(str::to_owned).chain((0..disks).map(disk::file))
}

/// The digest of a file of the recording in `folder`.
fn digest(folder: &Path, name: &str) -> io::Result<String> {
    let path = folder.join(name);
    if disk::is_file(name) {
        return disk::digest(&path);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_string())
}

fn entry_address(image: &[u8]) -> Option<u64> {
    use object::{Object as _, ObjectSymbol as _};
    let image = object::File::parse(image).ok()?;
    let entry = image
        .symbols()
        .find(|symbol| symbol.name() == Ok(ENTRY_SYMBOL))?;
    Some(entry.address())
}

#[cfg(test)]
mod tests {
    use super::{FORMAT, Found, NOTE_FILE};

    #[test]
    fn what_can_not_be_repeated_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(folder.path().join(NOTE_FILE), text).unwrap();
            }
            format!("{:?}", Found::open(folder.path()).unwrap_err())
        };
        assert!(refused(None).contains("did not come to its end"));
        assert!(refused(Some("{")).contains("damaged"));
        let other = format!("{{\"format\": {}, \"mewz\": \"9.9\"}}", FORMAT + 1);
        assert!(refused(Some(&other)).contains("mewz 9.9 made it"));
        let missing = Found::open(&folder.path().join("none")).unwrap_err();
        assert!(format!("{missing:?}").contains("no such recording"));
    }
}
