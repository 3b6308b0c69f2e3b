//! Where a debugger finds a machine: a folder for each, with the line's socket, the image with symbols, and a note.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::failure::Failure;
use crate::cli::image::BootImage;
use crate::cli::interrupt::{Held, Holding, hold};
use crate::qemu::debug_line::{self, Entrance};

/// Names of the files in a machine's folder.
const LINE_FILE: &str = "line";
const NOTE_FILE: &str = "machine.json";
const IMAGE_FILE: &str = "image.elf";
pub(super) const COMMANDS_FILE: &str = "start.gdb";

/// What is noted of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// The process of mewz that it belongs to.
    pub(super) process: u32,
    /// The module's file.
    pub(super) module: PathBuf,
}

/// The way to a machine; closed, and its folder gone, when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Door {
    folder: PathBuf,
    /// Where debuggers on a port find it.
    pub(super) address: Option<SocketAddr>,
    _held: Held,
}

impl Door {
    /// Opens one to the machine behind `line` that boots `image`. With a port, debuggers may come by it too.
    pub(in crate::cli) fn open(
        line: UnixStream,
        module: &Path,
        image: &BootImage<'_>,
        port: Option<u16>,
    ) -> Result<Self, Failure> {
        let image = image
            .with_symbols()
            .ok_or_else(|| Failure::new("cannot link the image's symbols"))?;
        let process = std::process::id();
        let folder = runtime_folder().join(process.to_string());
        let failure = |problem: io::Error| {
            Failure::new(format!(
                "cannot open a door for debuggers in `{}`",
                folder.display()
            ))
            .cause(problem)
        };
        let held = hold(Holding::Folder(folder.clone()));
        // One that an earlier process of this number left.
        let _ = fs::remove_dir_all(&folder);
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(failure)?;
        let note = Note {
            process,
            module: std::path::absolute(module).unwrap_or_else(|_| module.to_owned()),
        };
        fs::write(folder.join(IMAGE_FILE), image).map_err(failure)?;
        let note = serde_json::to_vec(&note).map_err(|problem| failure(problem.into()))?;
        fs::write(folder.join(NOTE_FILE), note).map_err(failure)?;
        // The socket comes last: where it is, all else is.
        let listener = UnixListener::bind(folder.join(LINE_FILE)).map_err(failure)?;
        let mut entrances = vec![Entrance::Unix(listener)];
        let mut address = None;
        if let Some(port) = port {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|problem| {
                Failure::usage(format!("port {port} of this host cannot be listened on"))
                    .cause(problem)
            })?;
            address = listener.local_addr().ok();
            entrances.push(Entrance::Tcp(listener));
        }
        std::thread::spawn(move || debug_line::serve(line, &entrances));
        Ok(Self {
            folder,
            address,
            _held: held,
        })
    }

    /// The line's socket.
    pub(super) fn line(&self) -> PathBuf {
        self.folder.join(LINE_FILE)
    }

    /// The image with symbols.
    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FILE)
    }

    /// Writes gdb's first commands to a file; returns its path.
    pub(super) fn write_commands(&self, commands: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(COMMANDS_FILE);
        fs::write(&path, commands)
            .map_err(|problem| Failure::new("cannot write gdb's commands").cause(problem))?;
        Ok(path)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // The last one out: succeeds only where no other machine's folder is left.
        let _ = fs::remove_dir(runtime_folder());
    }
}

/// A machine that a debugger can be led to.
#[derive(Debug)]
pub(super) struct Found {
    folder: PathBuf,
    pub(super) note: Note,
}

impl Found {
    pub(super) fn line(&self) -> PathBuf {
        self.folder.join(LINE_FILE)
    }

    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FILE)
    }
}

/// The machines that are there; what ended without taking its folder along is cleared away.
pub(super) fn all() -> Vec<Found> {
    let mut found = Vec::new();
    for entry in fs::read_dir(runtime_folder())
        .into_iter()
        .flatten()
        .flatten()
    {
        let folder = entry.path();
        let note = fs::read(folder.join(NOTE_FILE)).ok();
        let Some(note) = note.and_then(|note| serde_json::from_slice::<Note>(&note).ok()) else {
            continue;
        };
        if Path::new(&format!("/proc/{}", note.process)).exists() {
            found.push(Found { folder, note });
        } else {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    found.sort_by_key(|found| found.note.process);
    found
}

/// A folder of this user's alone: that of the session, else one among the temporary files.
fn runtime_folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("mewz"),
        None => {
            let user = rustix::process::getuid().as_raw();
            std::env::temp_dir().join(format!("mewz-{user}"))
        }
    }
}
