//! An image's file as a disk: locked, so that no machine uses it meanwhile.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use mewz_disk::{BLOCK_BYTES, Device, DeviceError, Disk, Error, Options};
use rustix::fs::FlockOperation;

use super::super::failure::Failure;

/// What is done with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Access {
    Read,
    Write,
}

/// The image's file.
pub(super) struct FileDevice {
    file: File,
    blocks: u64,
}

impl Device for FileDevice {
    fn block_count(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let read = self.file.read_exact_at(bytes, block * BLOCK_BYTES as u64);
        read.map_err(|_| DeviceError)
    }

    fn write(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let written = self.file.write_all_at(bytes, block * BLOCK_BYTES as u64);
        written.map_err(|_| DeviceError)
    }

    fn flush(&mut self) -> Result<(), DeviceError> {
        self.file.sync_data().map_err(|_| DeviceError)
    }
}

/// A mounted image.
pub(super) struct Image {
    pub(super) disk: Disk,
    path: PathBuf,
}

impl Image {
    /// Opens the image at `path`, lets `act` work on it, and makes sure of what that changed.
    pub(super) fn with<T>(
        path: &Path,
        access: Access,
        act: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let device = open(path, access)?;
        let options = Options {
            read_only: access == Access::Read,
        };
        guard(path, || {
            let disk =
                Disk::open(Box::new(device), options).map_err(|error| not_opened(path, &error))?;
            let mut image = Self {
                disk,
                path: path.to_owned(),
            };
            let done = act(&mut image)?;
            if access == Access::Write {
                let synced = image.disk.sync();
                synced.map_err(|error| image.failure("write to", &error))?;
            }
            Ok(done)
        })
    }

    /// Makes an image of so many bytes at `path` and lets `fill` work on it. Where that fails, the file goes again.
    pub(super) fn create<T>(
        path: &Path,
        bytes: u64,
        fill: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let failure = || Failure::new(format!("cannot create `{}`", path.display()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|problem| match problem.kind() {
            io::ErrorKind::AlreadyExists => failure()
                .cause("a file of that name is there")
                .hint("remove it first, or take another name"),
            _ => failure().cause(problem),
        })?;
        let made = (|| {
            file.set_len(bytes)
                .map_err(|problem| failure().cause(problem))?;
            lock(&file, path, Access::Write)?;
            let device = FileDevice {
                file,
                blocks: bytes / BLOCK_BYTES as u64,
            };
            let again = device.file.try_clone();
            let again = again.map_err(|problem| failure().cause(problem))?;
            mewz_disk::format(Box::new(device), identity()?, now_ns())
                .map_err(|error| failure().cause(error))?;
            let device = FileDevice {
                file: again,
                blocks: bytes / BLOCK_BYTES as u64,
            };
            // The lock went when the first of the two descriptors was closed.
            lock(&device.file, path, Access::Write)?;
            let disk = Disk::open(Box::new(device), Options::default())
                .map_err(|error| failure().cause(error))?;
            let mut image = Self {
                disk,
                path: path.to_owned(),
            };
            let filled = fill(&mut image)?;
            image.disk.sync().map_err(|error| failure().cause(error))?;
            Ok(filled)
        })();
        if made.is_err() {
            // Half a disk helps nobody; where it can't be removed, the failure's words still hold.
            let _ = std::fs::remove_file(path);
        }
        made
    }

    /// The failure of something that was done on the disk as a whole.
    pub(super) fn failure(&self, verb: &str, error: &Error) -> Failure {
        let failure = Failure::new(format!("cannot {verb} `{}`", self.path.display())).cause(error);
        match error {
            Error::Full => failure
                .hint("make a larger one: `mewz disk create NEW --size …`, and copy what is there"),
            Error::Damaged => failure.hint(format!(
                "`mewz disk check {}` tells what else is",
                self.path.display()
            )),
            _ => failure,
        }
    }
}

/// Fails where a machine could not use the image at `path`: it is not there, in use, or no disk.
pub(in super::super) fn probe(path: &Path, access: Access) -> Result<(), Failure> {
    let device = open(path, access)?;
    mewz_disk::probe(Box::new(device)).map_err(|error| not_opened(path, &error))
}

fn open(path: &Path, access: Access) -> Result<FileDevice, Failure> {
    let failure = || Failure::new(format!("cannot use the disk `{}`", path.display()));
    // Only a file that could be written can be locked against machines that write.
    let writable = OpenOptions::new().read(true).write(true).open(path);
    let (file, can_lock) = match writable {
        Ok(file) => (file, true),
        Err(problem) if access == Access::Read && problem.kind() != io::ErrorKind::NotFound => {
            let file = File::open(path);
            (file.map_err(|problem| failure().cause(problem))?, false)
        }
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
            return Err(failure().cause("there is no such file").hint(format!(
                "`mewz disk create {} --size 64MiB` makes it",
                path.display()
            )));
        }
        Err(problem) => {
            return Err(failure()
                .cause(problem)
                .hint("the file must be one that you may write"));
        }
    };
    let metadata = file.metadata();
    let metadata = metadata.map_err(|problem| failure().cause(problem))?;
    if !metadata.is_file() {
        return Err(failure().cause("it is no file"));
    }
    if can_lock {
        lock(&file, path, access)?;
    }
    Ok(FileDevice {
        file,
        blocks: metadata.len() / BLOCK_BYTES as u64,
    })
}

/// Locks the file for as long as it is open. QEMU holds locks on the images of its machines, and a lock of the whole file
/// meets them; it asks for them too, so that no machine starts meanwhile.
fn lock(file: &File, path: &Path, access: Access) -> Result<(), Failure> {
    match rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
            let verb = match access {
                Access::Read => "read",
                Access::Write => "change",
            };
            Err(
                Failure::new(format!("cannot {verb} the disk `{}`", path.display()))
                    .cause("it is in use: a machine runs with it, or another `mewz disk`")
                    .hint("try again when that has ended"),
            )
        }
        // A file system without locks has none that could be met.
        Err(rustix::io::Errno::NOLCK | rustix::io::Errno::NOTSUP) | Ok(()) => Ok(()),
        Err(problem) => {
            Err(Failure::new(format!("cannot lock the disk `{}`", path.display())).cause(problem))
        }
    }
}

fn not_opened(path: &Path, error: &Error) -> Failure {
    let failure = Failure::new(format!("cannot use the disk `{}`", path.display())).cause(error);
    match error {
        Error::NoFileSystem => failure.hint("`mewz disk create` makes disks"),
        Error::Damaged => failure.hint(
            "what is on it can't be trusted any more: take a copy from before, or make it anew",
        ),
        _ => failure,
    }
}

/// Checksums tell what was damaged by chance. An image that somebody made up can bear right ones, and meet an assertion of
/// the file system: that is a failure like others.
fn guard<T>(path: &Path, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(act));
    panic::set_hook(hook);
    done.unwrap_or_else(|_| Err(not_opened(path, &Error::Damaged)))
}

/// What tells a disk from others.
fn identity() -> Result<[u8; 16], Failure> {
    use std::io::Read as _;
    let mut identity = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut identity))
        .map_err(|problem| Failure::new("cannot read /dev/urandom").cause(problem))?;
    Ok(identity)
}

/// The time, in nanoseconds since 1970.
pub(super) fn now_ns() -> u64 {
    ns(SystemTime::now())
}

/// A time in nanoseconds since 1970; 0 for one before.
pub(super) fn ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
