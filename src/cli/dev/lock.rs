//! The folder `.mewz` of a project: who works there now, and the socket that reaches them.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::cache::{PROJECT_FOLDER, project_folder};
use crate::cli::failure::{Failure, STATUS_USAGE};

/// The control socket's name.
const SOCKET_FILE: &str = "dev.sock";

/// Held while this lives.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of the project in `root`.
    pub(super) fn take(root: &Path) -> Result<Self, Failure> {
        let failed = |problem: io::Error| {
            Failure::new(format!("cannot work in `{}`", root.display())).cause(problem)
        };
        let folder = project_folder(root).map_err(failed)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(folder.join("dev.lock"))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(root, &mut file)),
            Err(TryLockError::Error(problem)) => return Err(failed(problem)),
        }
        let id = std::process::id();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{id}"))
            .map_err(failed)?;
        Ok(Self {
            folder,
            _file: file,
        })
    }

    /// Where the control socket is.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET_FILE)
    }
}

/// Where the control socket of a loop in `root` is, if there is one.
pub(in crate::cli) fn control_socket(root: &Path) -> PathBuf {
    root.join(PROJECT_FOLDER).join(SOCKET_FILE)
}

fn held(root: &Path, file: &mut File) -> Failure {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let failure = Failure::new(format!("`mewz dev` runs in `{}` already", root.display()));
    let failure = match text.trim().parse::<u32>() {
        Ok(id) => failure
            .cause(format!("it is process {id}"))
            .hint(format!("end that one first, by `q` there or `kill {id}`")),
        Err(_) => failure.hint("end that one first"),
    };
    failure.with_status(STATUS_USAGE)
}
