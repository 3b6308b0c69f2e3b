//! Whether a disk is whole: before it is mounted as far as mounting trusts it, and all of it on demand.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::DerefMut;

use redoxfs::{
    AllocList, BlockAddr, BlockData, BlockList, BlockPtr, BlockRaw, BlockTrait, HEADER_RING,
    Header, Node, RecordRaw, ReleaseList, Transaction, TreeData, TreePtr,
};

use super::device::{BLOCK_BYTES, Device};
use super::disk::{Disk, Kind, ROOT, kind, released};
use super::error::Error;
use super::format::DISK_BYTES_MAX;
use super::order::Ordered;

/// Where a header has the pointer to the list of changes of what is free.
const CHANGES_OFFSET: usize = 64;
/// Bytes of a pointer, and of an entry of that list.
const ENTRY_BYTES: usize = 16;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file's path, or `/` for the disk as a whole.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Regular files.
    pub files: u64,
    /// Directories, the root among them.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all files' content.
    pub bytes: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    fn find(&mut self, path: &str, what: impl Into<String>) {
        self.findings.push(Finding {
            path: path.into(),
            what: what.into(),
        });
    }
}

/// Looks whether there is a disk on `device` that could be mounted. Nothing is changed.
///
/// # Errors
///
/// `NoFileSystem`, `Damaged` or `Device`.
pub fn probe(device: Box<dyn Device>) -> Result<(), Error> {
    before_mount(&mut Ordered::new(device, true))
}

/// Looks at what redoxfs takes for granted when it mounts: the newest header, and the list of changes from which it makes
/// what is free.
pub(crate) fn before_mount(device: &mut Ordered) -> Result<(), Error> {
    let header = newest_header(device)?;
    let blocks = header.size() / BLOCK_BYTES as u64;
    if blocks > device.block_count() || header.size() > DISK_BYTES_MAX || header.encrypted() {
        return Err(Error::Damaged);
    }
    let mut lists = Vec::new();
    let mut pointer = pointer_at(&header, CHANGES_OFFSET);
    while let Some((address, checksum)) = pointer {
        let block = address >> 8;
        if address & 0xff != 0 || block >= blocks || lists.len() as u64 > blocks {
            return Err(Error::Damaged);
        }
        let mut list = raw();
        device
            .read(block, list.data_mut())
            .map_err(|_| Error::Device)?;
        if list.create_ptr().hash() != checksum {
            return Err(Error::Damaged);
        }
        pointer = pointer_at(list.data(), 0);
        lists.push(list);
    }
    let mut free = Bits::new(blocks)?;
    for list in lists.iter().rev() {
        for entry in list.data()[ENTRY_BYTES..].chunks_exact(ENTRY_BYTES) {
            let count = word(entry, 8).cast_signed();
            let start = word(entry, 0);
            let end = start.checked_add(count.unsigned_abs());
            let is_there = start >= HEADER_RING && end.is_some_and(|end| end <= blocks);
            if count != 0 && !(is_there && free.set(start, count.unsigned_abs(), count > 0)) {
                return Err(Error::Damaged);
            }
        }
    }
    Ok(())
}

fn newest_header(device: &mut Ordered) -> Result<Header, Error> {
    let mut newest: Option<Header> = None;
    for block in 0..HEADER_RING.min(device.block_count()) {
        let mut header = Header::default();
        device
            .read(block, header.deref_mut())
            .map_err(|_| Error::Device)?;
        let is_newer = newest.is_none_or(|newest| header.generation() > newest.generation());
        if header.valid() && header.generation() % HEADER_RING == block && is_newer {
            newest = Some(header);
        }
    }
    newest.ok_or(Error::NoFileSystem)
}

fn raw() -> BlockData<BlockRaw> {
    BlockData::empty(BlockAddr::default()).expect("a single block has an empty form")
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    u64::from_le_bytes(*word.expect("entries are longer"))
}

/// Address and checksum of the pointer at `offset`; `None` where it leads nowhere.
fn pointer_at(bytes: &[u8], offset: usize) -> Option<(u64, u64)> {
    let address = word(bytes, offset);
    (address >> 8 != 0).then(|| (address, word(bytes, offset + 8)))
}

/// A bit for each block.
struct Bits(Vec<u64>);

impl Bits {
    fn new(count: u64) -> Result<Self, Error> {
        let words = usize::try_from(count.div_ceil(64)).map_err(|_| Error::Damaged)?;
        let mut bits = Vec::new();
        bits.try_reserve_exact(words).map_err(|_| Error::Device)?;
        bits.resize(words, 0);
        Ok(Self(bits))
    }

    /// Sets `count` bits, all of which were not so before; returns `false` if one was.
    fn set(&mut self, start: u64, count: u64, to: bool) -> bool {
        (start..start + count).all(|at| {
            let (word, bit) = (&mut self.0[(at / 64) as usize], 1 << (at % 64));
            let was = *word & bit != 0;
            *word ^= bit;
            was != to
        })
    }
}

impl Disk {
    /// Reads all that is on the disk and tells what is wrong. Every block is checked against the sum that its pointer
    /// has; names against what they lead to; and the blocks in use against those that are free.
    ///
    /// # Errors
    ///
    /// The device can't be read.
    pub fn check(&mut self) -> Result<Report, Error> {
        if !self.is_read_only() {
            self.sync()?;
        }
        let mut report = Report::default();
        let mut names: BTreeMap<u32, u32> = BTreeMap::new();
        let mut wait = Vec::from([(String::from("/"), ROOT)]);
        let mut seen = BTreeSet::from([ROOT]);
        while let Some((path, directory)) = wait.pop() {
            report.directories += 1;
            let entries = match self.entries(directory) {
                Ok(entries) => entries,
                Err(Error::Device) => return Err(Error::Device),
                Err(error) => {
                    report.find(&path, format!("its names can't be read: {error}"));
                    continue;
                }
            };
            for entry in entries {
                let child = format!("{path}{}", entry.name);
                *names.entry(entry.id).or_default() += 1;
                match self.check_file(entry.id, seen.contains(&entry.id), &mut report) {
                    Ok(Kind::Directory) if !seen.insert(entry.id) => {
                        report.find(&child, "the directory has a second name");
                    }
                    Ok(Kind::Directory) => wait.push((format!("{child}/"), entry.id)),
                    Ok(_) => {
                        seen.insert(entry.id);
                    }
                    Err(Error::Device) => return Err(Error::Device),
                    Err(error) => report.find(&child, format!("it can't be read: {error}")),
                }
            }
        }
        // Where files can't be read there is no telling what else belongs to whom.
        if report.findings.is_empty() {
            self.check_blocks(&names, &mut report)?;
        }
        Ok(report)
    }

    /// Reads a file's content, unless it is known under another name.
    fn check_file(&mut self, id: u32, is_seen: bool, report: &mut Report) -> Result<Kind, Error> {
        let attributes = self.attributes(id)?;
        match attributes.kind {
            Kind::File if !is_seen => {
                report.files += 1;
                report.bytes += attributes.size;
                self.check_content(id)?;
            }
            Kind::SymbolicLink if !is_seen => {
                report.links += 1;
                self.read_link(id)?;
            }
            _ => {}
        }
        Ok(attributes.kind)
    }

    /// Reads all that leads to a file's content, and that itself; holes cost nothing.
    fn check_content(&mut self, id: u32) -> Result<(), Error> {
        let mut left = self.shared_blocks();
        self.look(|tx| {
            let node = tx.read_tree(TreePtr::<Node>::new(id))?;
            let node = node.data();
            // What is inline was read with the node.
            let Some(levels) = node.level_data() else {
                return Ok(());
            };
            check_list(tx, levels.level0.iter(), &mut left)?;
            check_list(tx, levels.level1.iter(), &mut left)?;
            check_list(tx, levels.level2.iter(), &mut left)?;
            check_list(tx, levels.level3.iter(), &mut left)?;
            check_list(tx, levels.level4.iter(), &mut left)
        })
    }

    /// Compares the table of files with the names that were found, and counts blocks.
    fn check_blocks(
        &mut self,
        names: &BTreeMap<u32, u32>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let counted = self.look(count);
        let counted = match counted {
            Ok(counted) => counted,
            Err(Error::Device) => return Err(Error::Device),
            Err(error) => {
                report.find("/", format!("the table of files can't be read: {error}"));
                return Ok(());
            }
        };
        for (id, links) in &counted.links {
            let found = names.get(id).copied().unwrap_or(u32::from(*id == ROOT));
            if found == 0 && !counted.released.contains(id) {
                report.find("/", format!("file {id} has no name and takes up room"));
            } else if found != *links && !counted.released.contains(id) {
                let what = format!("file {id} has {found} names and is said to have {links}");
                report.find("/", what);
            }
        }
        let (used, free) = (counted.blocks, self.free_blocks());
        let shared = self.shared_blocks();
        if used + free != shared {
            let what = format!("of {shared} blocks {used} are in use and {free} are free");
            report.find("/", what);
        }
        Ok(())
    }
}

/// Part of a file: its bytes, or a list of such.
trait Content: BlockTrait + DerefMut<Target = [u8]> + Sized {
    /// Reads it, and all that it leads to; `left` blocks may still be read.
    fn check(
        tx: &mut Transaction<'_, Ordered>,
        pointer: BlockPtr<Self>,
        left: &mut u64,
    ) -> Result<(), Error> {
        let block = tx.read_block(pointer)?;
        if block.data().len() != BLOCK_BYTES {
            return Err(Error::Damaged);
        }
        // More than there are: it goes round in circles.
        *left = left.checked_sub(1).ok_or(Error::Damaged)?;
        block.data().check_below(tx, left)
    }

    fn check_below(&self, _: &mut Transaction<'_, Ordered>, _: &mut u64) -> Result<(), Error> {
        Ok(())
    }
}

impl Content for RecordRaw {}

impl<T: Content> Content for BlockList<T> {
    fn check_below(&self, tx: &mut Transaction<'_, Ordered>, left: &mut u64) -> Result<(), Error> {
        check_list(tx, self.ptrs.iter(), left)
    }
}

fn check_list<'a, T: Content + 'a>(
    tx: &mut Transaction<'_, Ordered>,
    list: impl Iterator<Item = &'a BlockPtr<T>>,
    left: &mut u64,
) -> Result<(), Error> {
    for (_, pointer) in pointers(list) {
        T::check(tx, pointer, left)?;
    }
    Ok(())
}

/// What the table of files holds.
#[derive(Default)]
struct Counted {
    /// The count of names that each file is said to have.
    links: BTreeMap<u32, u32>,
    /// Files in use without a name.
    released: BTreeSet<u32>,
    /// Blocks in use.
    blocks: u64,
}

fn count(tx: &mut Transaction<'_, Ordered>) -> Result<Counted, Error> {
    let mut counted = Counted {
        released: released(tx)?.into_iter().collect(),
        blocks: count_list(tx, tx.header.alloc, |list: &AllocList| list.prev)?
            + count_list(tx, tx.header.release, |list: &ReleaseList| list.prev)?,
        ..Counted::default()
    };
    let top = tx.read_block(tx.header.tree)?;
    counted.blocks += 1;
    for (i3, pointer) in pointers(top.data().ptrs.iter()) {
        let level = tx.read_block(pointer)?;
        counted.blocks += 1;
        for (i2, pointer) in pointers(level.data().ptrs.iter()) {
            let level = tx.read_block(pointer)?;
            counted.blocks += 1;
            for (i1, pointer) in pointers(level.data().ptrs.iter()) {
                let level = tx.read_block(pointer)?;
                counted.blocks += 1;
                for (i0, _) in pointers(level.data().ptrs.iter()) {
                    let place = TreePtr::<Node>::from_indexes((i3, i2, i1, i0));
                    count_file(&tx.read_tree(place)?, &mut counted)?;
                }
            }
        }
    }
    Ok(counted)
}

fn count_file(node: &TreeData<Node>, counted: &mut Counted) -> Result<(), Error> {
    kind(node)?;
    counted.links.insert(node.id(), node.data().links());
    counted.blocks = counted.blocks.saturating_add(node.data().blocks());
    Ok(())
}

/// The pointers that lead somewhere, with their places.
fn pointers<'a, T: 'a>(
    list: impl Iterator<Item = &'a BlockPtr<T>>,
) -> impl Iterator<Item = (usize, BlockPtr<T>)> {
    list.enumerate()
        .filter(|(_, pointer)| !pointer.is_null())
        .map(|(at, pointer)| (at, *pointer))
}

fn count_list<T: BlockTrait + DerefMut<Target = [u8]>>(
    tx: &mut Transaction<'_, Ordered>,
    mut pointer: BlockPtr<T>,
    previous: impl Fn(&T) -> BlockPtr<T>,
) -> Result<u64, Error> {
    let mut blocks = 0;
    while !pointer.is_null() {
        pointer = previous(tx.read_block(pointer)?.data());
        blocks += 1;
    }
    Ok(blocks)
}
