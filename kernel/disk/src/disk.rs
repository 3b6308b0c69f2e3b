//! A mounted disk: opened, looked at.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use redoxfs::{FileSystem, HEADER_RING, Node, ReleaseList, Transaction, TreeData, TreePtr};
use syscall::error::{EIO, Error as Problem};

use super::content::{FILE_BYTES_MAX, Pending};
use super::device::{BLOCK_BYTES, Device};
use super::error::Error;
use super::format::DISK_BYTES_MAX;
use super::name;
use super::order::Ordered;

/// The number of the root directory.
pub const ROOT: u32 = 1;

/// Blocks that nothing but taking away may use: each change needs new ones before it gives old ones back.
pub(crate) const RESERVE_BLOCKS: u64 = 48;

/// Transactions after which it is worth while to make the list of changes anew, where there is little room.
const SQUASH_GENERATIONS: u64 = 100;

/// Most blocks that a change of names needs.
pub(crate) const NAME_BLOCKS: u64 = 32;

const NS_PER_S: u64 = 1_000_000_000;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What it is.
    pub kind: Kind,
    /// Its number.
    pub id: u32,
    /// Names that lead to it.
    pub links: u32,
    /// Bytes of its content.
    pub size: u64,
    /// Set as the time of its last reading, in nanoseconds since 1970. Reading does not change it.
    pub accessed_ns: u64,
    /// Last change of the content, likewise.
    pub modified_ns: u64,
    /// Last change of anything about it, likewise.
    pub changed_ns: u64,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The number of what it names.
    pub id: u32,
}

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Of the whole disk.
    pub total: u64,
    /// Left for files.
    pub free: u64,
}

/// How a disk is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Nothing on it is changed.
    pub read_only: bool,
}

/// A mounted disk. Dropping it loses what was written since the last [`Disk::sync`].
pub struct Disk {
    pub(crate) fs: FileSystem<Ordered>,
    is_read_only: bool,
    /// The generation in which the list of changes was last made anew.
    squashed: u64,
    /// Bytes that wait to be written with others.
    pub(crate) pending: Option<Pending>,
    /// The directory that each directory was found in. Maps like redoxfs's own, of which the code is there.
    pub(crate) parents: BTreeMap<u32, u64>,
    /// Files that are in use and have no name.
    pub(crate) unnamed: BTreeMap<u32, u64>,
    /// Directories whose names were looked at.
    pub(crate) checked: BTreeMap<u32, u64>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Disk").finish_non_exhaustive()
    }
}

impl Disk {
    /// Mounts what is on `device`. Files that were in use without a name when the power went are taken away.
    ///
    /// # Errors
    ///
    /// `NoFileSystem`, `Damaged` or `Device`.
    pub fn open(device: Box<dyn Device>, options: Options) -> Result<Self, Error> {
        let mut disk = Self::open_without_root(device, options)?;
        if disk.attributes(ROOT)?.kind != Kind::Directory {
            return Err(Error::Damaged);
        }
        if !options.read_only {
            disk.release_all()?;
        }
        Ok(disk)
    }

    pub(crate) fn open_without_root(
        device: Box<dyn Device>,
        options: Options,
    ) -> Result<Self, Error> {
        let blocks = device.block_count();
        let mut device = Ordered::new(device, options.read_only);
        super::check::before_mount(&mut device)?;
        let fs =
            FileSystem::open(device, None, None, false).map_err(|problem| {
                match Error::from(problem) {
                    Error::Damaged => Error::Damaged,
                    _ => Error::NoFileSystem,
                }
            })?;
        if fs.block != 0 || fs.header.size() > blocks.saturating_mul(BLOCK_BYTES as u64) {
            return Err(Error::Damaged);
        }
        Ok(Self {
            fs,
            is_read_only: options.read_only,
            squashed: 0,
            pending: None,
            parents: BTreeMap::new(),
            unnamed: BTreeMap::new(),
            checked: BTreeMap::new(),
        })
    }

    /// Whether nothing on it can be changed.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Room on the disk.
    #[must_use]
    pub fn space(&self) -> Space {
        let free = self.free_blocks().saturating_sub(RESERVE_BLOCKS);
        Space {
            total: self.fs.header.size(),
            free: free * BLOCK_BYTES as u64,
        }
    }

    /// What is known of file `id`.
    ///
    /// # Errors
    ///
    /// `NotFound`, or the disk can't be read.
    pub fn attributes(&mut self, id: u32) -> Result<Attributes, Error> {
        let node = self.look(|tx| Ok(tx.read_tree(TreePtr::<Node>::new(id))?))?;
        let mut attributes = attributes(&node)?;
        if let Some(pending) = self.pending.as_ref().filter(|pending| pending.id == id) {
            attributes.size = attributes.size.max(pending.end());
            attributes.modified_ns = pending.now_ns;
            attributes.changed_ns = pending.now_ns;
        }
        if self.unnamed.contains_key(&id) {
            attributes.links = 0;
        }
        Ok(attributes)
    }

    /// The file behind `name` in `directory`.
    ///
    /// # Errors
    ///
    /// `NotFound` and `NotDirectory`; the name is none; the disk can't be read.
    pub fn lookup(&mut self, directory: u32, name: &str) -> Result<Attributes, Error> {
        let name = name::stored(name)?;
        self.check_names(directory)?;
        let id = self.look(|tx| {
            check_directory(tx, directory)?;
            Ok(tx.find_node(TreePtr::new(directory), &name)?.id())
        })?;
        let found = self.attributes(id)?;
        if found.kind == Kind::Directory {
            self.parents.insert(id, u64::from(directory));
        }
        Ok(found)
    }

    /// The directory that `directory` was found in; the root is in itself.
    #[must_use]
    pub fn parent(&self, directory: u32) -> u32 {
        let parent = self.parents.get(&directory);
        parent.map_or(ROOT, |parent| *parent as u32)
    }

    /// The names in `directory`, in the order of their hashes.
    ///
    /// # Errors
    ///
    /// `NotDirectory`, or the disk can't be read.
    pub fn entries(&mut self, directory: u32) -> Result<Vec<Entry>, Error> {
        self.check_names(directory)?;
        let listing = self.look(|tx| {
            check_directory(tx, directory)?;
            let mut listing = Vec::new();
            tx.child_nodes(TreePtr::new(directory), &mut listing)?;
            Ok(listing)
        })?;
        listing
            .iter()
            .map(|entry| {
                Ok(Entry {
                    name: entry.name().and_then(name::read).ok_or(Error::Damaged)?,
                    id: entry.node_ptr().id(),
                })
            })
            .collect()
    }

    /// Where symbolic link `id` leads.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no symbolic link; the disk can't be read.
    pub fn read_link(&mut self, id: u32) -> Result<Vec<u8>, Error> {
        self.look(|tx| {
            let node = tx.read_tree(TreePtr::<Node>::new(id))?;
            if kind(&node)? != Kind::SymbolicLink {
                return Err(Error::Invalid);
            }
            let size = node.data().size();
            let size = usize::try_from(size)
                .ok()
                .filter(|size| *size <= BLOCK_BYTES);
            let mut target = alloc::vec![0; size.ok_or(Error::Damaged)?];
            let read = tx.read_node_inner(&node, 0, &mut target)?;
            target.truncate(read);
            Ok(target)
        })
    }

    /// Notes that somebody uses file `id`: it stays when its last name goes.
    pub fn hold(&mut self, id: u32) {
        let uses = self.fs.node_usages.entry(id).or_insert(0);
        *uses = uses.saturating_add(1);
    }

    /// Ends a use of file `id`. A file without a name goes with its last use.
    pub fn release(&mut self, id: u32) {
        let Some(uses) = self.fs.node_usages.get_mut(&id) else {
            return;
        };
        *uses = uses.saturating_sub(1);
        if *uses > 0 {
            return;
        }
        self.fs.node_usages.remove(&id);
        if self.unnamed.remove(&id).is_some() {
            self.pending.take_if(|pending| pending.id == id);
            // Where this fails, the next mount takes it away.
            let _ = self.take_away_unnamed(&[id]);
        }
    }

    /// Makes sure that all changes outlive a power cut.
    ///
    /// # Errors
    ///
    /// `Full` or `Device`: some of what was written is lost.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.write_pending()?;
        self.fs.disk.settle().map_err(|_| Error::Device)
    }

    /// Whether there are changes that would not outlive a power cut, and since when.
    #[must_use]
    pub fn unsettled_since_ns(&self) -> Option<u64> {
        match &self.pending {
            Some(pending) => Some(pending.since_ns),
            None => self.fs.disk.is_open().then_some(0),
        }
    }

    pub(crate) fn free_blocks(&self) -> u64 {
        self.fs.allocator().free()
    }

    /// Blocks that are shared out: all but the ring of headers.
    pub(crate) fn shared_blocks(&self) -> u64 {
        (self.fs.header.size() / BLOCK_BYTES as u64).saturating_sub(HEADER_RING)
    }

    /// Fails unless so many blocks can be used up.
    pub(crate) fn need(&mut self, blocks: u64) -> Result<(), Error> {
        let needed = blocks.saturating_add(RESERVE_BLOCKS);
        let generation = self.fs.header.generation();
        if self.free_blocks() < needed && generation >= self.squashed + SQUASH_GENERATIONS {
            // The list of changes, made anew, may give some back.
            self.squashed = generation;
            self.change(|tx| Ok(tx.sync(true).map(drop)?))?;
        }
        if self.free_blocks() < needed {
            return Err(Error::Full);
        }
        Ok(())
    }

    pub(crate) fn check_writable(&self) -> Result<(), Error> {
        if self.is_read_only {
            return Err(Error::ReadOnly);
        }
        Ok(())
    }

    /// Looks at the disk. A transaction that fails is not written, so this one always does.
    pub(crate) fn look<T>(
        &mut self,
        look: impl FnOnce(&mut Transaction<'_, Ordered>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut look, mut found) = (Some(look), Err(Error::Device));
        let _ = self.transact(&mut |tx| {
            if let Some(look) = look.take() {
                found = look(tx);
            }
            Err(Error::Device)
        });
        self.tell(found)
    }

    /// Changes the disk, in one transaction.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Transaction<'_, Ordered>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.check_writable()?;
        let (mut change, mut done) = (Some(change), None);
        let written = self.transact(&mut |tx| {
            if let Some(change) = change.take() {
                done = Some(change(tx)?);
            }
            Ok(())
        });
        let done = written.and_then(|()| done.ok_or(Error::Device));
        self.tell(done)
    }

    /// Runs a transaction, which ends however much what it reads goes round in circles; where it fails, nothing is written.
    fn transact(
        &mut self,
        act: &mut dyn FnMut(&mut Transaction<'_, Ordered>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut failure = None;
        self.fs.disk.begin();
        let done = self.fs.tx(|tx| {
            act(tx).map_err(|error| {
                failure = Some(error);
                Problem::new(EIO)
            })
        });
        done.map_err(|problem| failure.unwrap_or(problem.into()))
    }

    /// What goes wrong on a device that fails is not the file system's.
    pub(crate) fn tell<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if self.fs.disk.take_trouble() {
            return result.map_err(|_| Error::Device);
        }
        result
    }

    /// Takes away what was in use without a name.
    fn release_all(&mut self) -> Result<(), Error> {
        if self.fs.header.release.is_null() {
            return Ok(());
        }
        let ids = self.look(released)?;
        self.take_away_unnamed(&ids)?;
        self.sync()
    }

    /// Takes files away that have no name and that nobody uses.
    fn take_away_unnamed(&mut self, ids: &[u32]) -> Result<(), Error> {
        for id in ids {
            // Nobody uses them, but they are not to go before they are short.
            self.hold(*id);
            let shortened = self
                .attributes(*id)
                .and_then(|old| self.shorten_to_part(*id, old.size, 0));
            self.fs.node_usages.remove(id);
            shortened?;
        }
        self.change(|tx| {
            for id in ids {
                super::content::round_size_up(tx, *id)?;
            }
            Ok(tx.release_unused_nodes()?)
        })
    }
}

/// Files that are in use without a name, as the disk has it.
pub(crate) fn released(tx: &mut Transaction<'_, Ordered>) -> Result<Vec<u32>, Error> {
    let mut ids = Vec::new();
    let mut next = tx.header.release;
    while !next.is_null() {
        let list = tx.read_block::<ReleaseList>(next)?;
        let entries = list.data().entries;
        ids.extend(
            entries
                .iter()
                .filter(|entry| !entry.is_null())
                .map(TreePtr::id),
        );
        next = list.data().prev;
    }
    Ok(ids)
}

/// Fails unless `id` is a directory that has a name.
pub(crate) fn check_directory(tx: &mut Transaction<'_, Ordered>, id: u32) -> Result<(), Error> {
    let node = tx.read_tree(TreePtr::<Node>::new(id))?;
    match kind(&node)? {
        Kind::Directory => Ok(()),
        _ => Err(Error::NotDirectory),
    }
}

/// What a node is, if it is one that this crate makes: redoxfs takes others at their word.
pub(crate) fn kind(node: &TreeData<Node>) -> Result<Kind, Error> {
    let data = node.data();
    let is_possible = data.size() <= FILE_BYTES_MAX
        && { data.record_level }.to_ne() == 0
        && (1..=DISK_BYTES_MAX / BLOCK_BYTES as u64).contains(&data.blocks());
    if !is_possible {
        return Err(Error::Damaged);
    }
    match node.data().mode() & Node::MODE_TYPE {
        Node::MODE_FILE => Ok(Kind::File),
        Node::MODE_DIR => Ok(Kind::Directory),
        Node::MODE_SYMLINK => Ok(Kind::SymbolicLink),
        _ => Err(Error::Damaged),
    }
}

pub(crate) fn attributes(node: &TreeData<Node>) -> Result<Attributes, Error> {
    let data = node.data();
    Ok(Attributes {
        kind: kind(node)?,
        id: node.id(),
        links: data.links(),
        size: data.size(),
        accessed_ns: join_time(data.atime()),
        modified_ns: join_time(data.mtime()),
        changed_ns: join_time(data.ctime()),
    })
}

fn join_time((seconds, nanoseconds): (u64, u32)) -> u64 {
    seconds
        .saturating_mul(NS_PER_S)
        .saturating_add(u64::from(nanoseconds))
}

/// Seconds and nanoseconds.
pub(crate) fn split_time(ns: u64) -> (u64, u32) {
    (ns / NS_PER_S, (ns % NS_PER_S) as u32)
}

/// Sets the time of a file's last change of anything about it.
pub(crate) fn set_changed(node: &mut TreeData<Node>, now_ns: u64) {
    let (seconds, nanoseconds) = split_time(now_ns);
    node.data_mut().ctime = seconds.into();
    node.data_mut().ctime_nsec = nanoseconds.into();
}
