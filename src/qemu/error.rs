//! Why QEMU could not be started, or could not be understood.

use std::io;
use std::path::PathBuf;

use super::program::Version;

/// Why QEMU could not be started, or could not be understood.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// No file of this name is on the search path, or the file can't be executed.
    #[error("no program `{0}` was found")]
    Missing(PathBuf),
    /// The program does not say a version of QEMU.
    #[error("`{program} --version` does not answer as QEMU does: {answer}")]
    NotQemu {
        /// What was run.
        program: PathBuf,
        /// What it said, or why it could not be run.
        answer: String,
    },
    /// The program is too old.
    #[error("`{program}` is QEMU {version}; 7.0 or newer is needed")]
    TooOld {
        /// What was run.
        program: PathBuf,
        /// What it says it is.
        version: Version,
    },
    /// KVM was asked for and can't be used.
    #[error("KVM cannot be used: {0}")]
    NoKvm(String),
    /// More devices than the machine has slots for.
    #[error("machine `{machine}` has slots for {slots} folders, {wanted} are to be mounted")]
    TooManyMounts {
        /// Name of the machine.
        machine: &'static str,
        /// Folders that it can hold.
        slots: usize,
        /// Folders asked for.
        wanted: usize,
    },
    /// An argument, variable or path is too long for the configuration block.
    #[error("{0} is longer than 4 GiB")]
    TooLong(&'static str),
    /// The operating system refused something.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The bytes on the console follow no protocol.
    #[error("the machine sent bytes on its console that are no record: {0:02x?}")]
    Garbage([u8; mewz_abi::record::HEAD_BYTES]),
    /// The program's output could not be written.
    #[error("cannot write the program's {stream}: {source}")]
    Output {
        /// `standard output` or `standard error`.
        stream: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Names the action in the way of `io::Result`.
pub(super) trait Action<T> {
    fn action(self, action: &'static str) -> Result<T, QemuError>;
}

impl<T, E: Into<io::Error>> Action<T> for Result<T, E> {
    fn action(self, action: &'static str) -> Result<T, QemuError> {
        self.map_err(|source| QemuError::System {
            action,
            source: source.into(),
        })
    }
}
