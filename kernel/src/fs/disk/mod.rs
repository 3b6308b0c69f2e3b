//! Persistent disks: files by the crate that the command line uses too, as nodes.
//!
//! The disk's own clock is the machine's; what is written waits at most some seconds for its transaction.

mod file;
mod node;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};

use mewz_disk::{Device, Disk, Error, Kind, Options, ROOT};

use super::errno::Errno;
use super::node::{Node, NodeKind};
use node::DiskNode;

/// Bytes that one operation may need beside what its caller has: redoxfs asks for memory in ways that can't be refused.
const OPERATION_BYTES: usize = 1536 << 10;

/// How long what was written may wait to outlive a power cut.
const WAIT_NS_MAX: u64 = 1_000_000_000;

/// Settings of a mount.
#[derive(Clone, Copy, Debug)]
pub struct MountOptions {
    /// Refuse every change.
    pub read_only: bool,
    /// Names the file system among all that are mounted.
    pub number: u64,
    /// Nanoseconds since 1970.
    pub clock: fn() -> u64,
}

/// A mounted disk, shared by its nodes and files.
#[derive(Clone)]
pub struct Mounted(Rc<RefCell<Volume>>);

/// A disk and what it was mounted with.
struct Volume {
    disk: Disk,
    number: u64,
    clock: fn() -> u64,
}

impl Mounted {
    /// Mounts what is on `device`.
    ///
    /// # Errors
    ///
    /// Why it can't be mounted.
    pub fn new(device: Box<dyn Device>, options: MountOptions) -> Result<Self, Error> {
        let of_disk = Options {
            read_only: options.read_only,
        };
        let disk = Disk::open(device, of_disk)?;
        Ok(Self(Rc::new(RefCell::new(Volume {
            disk,
            number: options.number,
            clock: options.clock,
        }))))
    }

    /// Its root directory.
    #[must_use]
    pub fn root(&self) -> Rc<dyn Node> {
        Rc::new(DiskNode::new(self.clone(), ROOT, NodeKind::Directory))
    }

    /// Makes sure of all that was written.
    ///
    /// # Errors
    ///
    /// Some of it is lost.
    pub fn settle(&self) -> Result<(), Errno> {
        self.with(|disk, _| disk.sync())
    }

    /// Makes sure of what has waited long enough; returns whether something still waits.
    pub fn settle_old(&self) -> bool {
        let Ok(volume) = self.0.try_borrow() else {
            return false;
        };
        let Some(since) = volume.disk.unsettled_since_ns() else {
            return false;
        };
        let now = (volume.clock)();
        drop(volume);
        if since <= now && now - since < WAIT_NS_MAX {
            return true;
        }
        // What is lost is told to whoever syncs.
        self.settle().is_err()
    }

    /// Does something on the disk, by its clock.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut Disk, fn() -> u64) -> Result<T, Error>,
    ) -> Result<T, Errno> {
        let mut volume = self.begin()?;
        let clock = volume.clock;
        act(&mut volume.disk, clock).map_err(errno)
    }

    /// The disk, when there is memory for an operation.
    #[inline(never)]
    fn begin(&self) -> Result<RefMut<'_, Volume>, Errno> {
        Vec::<u8>::new()
            .try_reserve_exact(OPERATION_BYTES)
            .map_err(|_| Errno::Nomem)?;
        self.0.try_borrow_mut().map_err(|_| Errno::Busy)
    }

    fn number(&self) -> u64 {
        self.0.borrow().number
    }

    fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

fn errno(error: Error) -> Errno {
    match error {
        Error::NotFound => Errno::Noent,
        Error::Exists => Errno::Exist,
        Error::NotDirectory => Errno::Notdir,
        Error::IsDirectory => Errno::Isdir,
        Error::NotEmpty => Errno::Notempty,
        Error::Invalid => Errno::Inval,
        Error::NameTooLong => Errno::Nametoolong,
        Error::FileTooLarge => Errno::Fbig,
        Error::TooManyLinks => Errno::Mlink,
        Error::TooManyUnnamed => Errno::Nfile,
        Error::Full => Errno::Nospc,
        Error::ReadOnly => Errno::Rofs,
        Error::Damaged | Error::NoFileSystem | Error::Device => Errno::Io,
    }
}

fn node_kind(kind: Kind) -> NodeKind {
    match kind {
        Kind::File => NodeKind::File,
        Kind::Directory => NodeKind::Directory,
        Kind::SymbolicLink => NodeKind::SymbolicLink,
    }
}

/// The text of a name: the file system has no others.
fn text(name: &[u8]) -> Result<&str, Errno> {
    core::str::from_utf8(name).map_err(|_| Errno::Ilseq)
}
