//! Opened files and directories of a disk.

use alloc::rc::Rc;
use alloc::vec::Vec;

use mewz_disk::{Entry, Error};

use super::super::errno::Errno;
use super::super::node::{Attributes, DirectoryEntry, File, NewTime, NodeKind, OpenMode};
use super::node::DiskNode;
use super::node_kind;

/// Most bytes that are read at once.
const READ_BYTES_MAX: usize = 64 << 10;

/// Most entries that are given out at once: for each the disk is asked what it is.
const ENTRIES_MAX: usize = 64;

pub(super) struct DiskFile {
    node: Rc<DiskNode>,
    mode: OpenMode,
    /// The names of this directory when reading it began.
    listing: Vec<Entry>,
}

impl DiskFile {
    pub(super) fn new(node: Rc<DiskNode>, mode: OpenMode) -> Self {
        Self {
            node,
            mode,
            listing: Vec::new(),
        }
    }

    /// The entry number `at`: the directory itself, the one around it, then the names in it.
    fn entry(&self, at: usize) -> Result<Option<DirectoryEntry>, Errno> {
        let node = &self.node;
        let directory = |id: u32, name: &[u8]| DirectoryEntry {
            next: at as u64 + 1,
            inode: u64::from(id),
            kind: NodeKind::Directory,
            name: name.to_vec(),
        };
        match at {
            0 => return Ok(Some(directory(node.id, b"."))),
            1 => {
                let parent = node.mounted.0.borrow().disk.parent(node.id);
                return Ok(Some(directory(parent, b"..")));
            }
            _ => {}
        }
        let Some(entry) = self.listing.get(at - 2) else {
            return Ok(None);
        };
        // A name may be gone by now: whoever looks closer is told.
        let kind = node
            .mounted
            .with(|disk, _| match disk.attributes(entry.id) {
                Ok(attributes) => Ok(node_kind(attributes.kind)),
                Err(Error::NotFound) => Ok(NodeKind::Other),
                Err(error) => Err(error),
            })?;
        Ok(Some(DirectoryEntry {
            next: at as u64 + 1,
            inode: u64::from(entry.id),
            kind,
            name: entry.name.clone().into_bytes(),
        }))
    }
}

impl File for DiskFile {
    fn attributes(&mut self) -> Result<Attributes, Errno> {
        self.node.attributes_now()
    }

    fn set_times(
        &mut self,
        accessed: Option<NewTime>,
        modified: Option<NewTime>,
    ) -> Result<(), Errno> {
        self.node.set_times_now(accessed, modified)
    }

    fn set_size(&mut self, size: u64) -> Result<(), Errno> {
        if !self.mode.write || i64::try_from(size).is_err() {
            return Err(Errno::Inval);
        }
        let id = self.node.id;
        self.node
            .mounted
            .with(|disk, clock| disk.set_size(id, size, clock()))
    }

    fn read_at(
        &mut self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        let id = self.node.id;
        let mut bytes = Vec::new();
        let room = len.min(READ_BYTES_MAX);
        bytes.try_reserve_exact(room).map_err(|_| Errno::Nomem)?;
        bytes.resize(room, 0);
        let mut total = 0;
        while total < len {
            let wanted = room.min(len - total);
            let position = offset.checked_add(total as u64).ok_or(Errno::Inval)?;
            let read = self
                .node
                .mounted
                .with(|disk, _| disk.read(id, position, &mut bytes[..wanted]));
            match read {
                Ok(0) => break,
                Ok(count) => {
                    see(&bytes[..count]);
                    total += count;
                }
                Err(errno) if total == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(total)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let id = self.node.id;
        self.node
            .mounted
            .with(|disk, clock| disk.write(id, offset, bytes, clock()))
    }

    fn sync(&mut self, _data_only: bool) -> Result<(), Errno> {
        if self.node.mounted.0.borrow().disk.is_read_only() {
            return Ok(());
        }
        self.node.mounted.settle()
    }

    fn read_directory(&mut self, from: u64) -> Result<Vec<DirectoryEntry>, Errno> {
        if self.node.kind != NodeKind::Directory {
            return Err(Errno::Notdir);
        }
        let from = usize::try_from(from).map_err(|_| Errno::Inval)?;
        if from == 0 {
            let id = self.node.id;
            self.listing = self.node.mounted.with(|disk, _| disk.entries(id))?;
        }
        let mut entries = Vec::new();
        for at in from..from.saturating_add(ENTRIES_MAX) {
            let Some(entry) = self.entry(at)? else {
                break;
            };
            entries.push(entry);
        }
        Ok(entries)
    }
}
