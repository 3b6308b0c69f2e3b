//! Opened files and directories.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::super::errno::Errno;
use super::super::node::{Attributes, DirectoryEntry, File, NewTime, NodeKind, OpenMode};
use super::content::SIZE_MAX;
use super::directory::{PLACE_OF_PARENT, PLACE_OF_SELF};
use super::node::{Content, Inode};

/// Entries that one call reads.
const ENTRIES_MAX: usize = 64;

pub(super) struct OpenedFile {
    inode: Rc<Inode>,
    mode: OpenMode,
}

impl OpenedFile {
    pub(super) fn new(inode: Rc<Inode>, mode: OpenMode) -> Self {
        Self { inode, mode }
    }
}

impl File for OpenedFile {
    fn attributes(&mut self) -> Result<Attributes, Errno> {
        Ok(self.inode.get_attributes())
    }

    fn set_times(
        &mut self,
        accessed: Option<NewTime>,
        modified: Option<NewTime>,
    ) -> Result<(), Errno> {
        self.inode.put_times(accessed, modified);
        Ok(())
    }

    fn set_size(&mut self, size: u64) -> Result<(), Errno> {
        match &self.inode.content {
            Content::File(pages) if self.mode.write => pages.borrow_mut().set_size(size)?,
            _ => return Err(Errno::Inval),
        }
        self.inode.was_written();
        Ok(())
    }

    fn allocate(&mut self, offset: u64, len: u64) -> Result<(), Errno> {
        let end = offset.checked_add(len).filter(|end| *end <= SIZE_MAX);
        let end = end.ok_or(Errno::Fbig)?;
        match &self.inode.content {
            Content::File(pages) if self.mode.write => pages.borrow_mut().reserve(offset, end)?,
            _ => return Err(Errno::Badf),
        }
        self.inode.was_written();
        Ok(())
    }

    fn read_at(
        &mut self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        let Content::File(pages) = &self.inode.content else {
            return Err(Errno::Isdir);
        };
        let count = pages.borrow().read(offset, len, see);
        if len > 0 {
            self.inode.was_read();
        }
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let count = match &self.inode.content {
            Content::File(pages) if self.mode.write => pages.borrow_mut().write(offset, bytes)?,
            _ => return Err(Errno::Badf),
        };
        if count > 0 {
            self.inode.was_written();
        }
        Ok(count)
    }

    fn sync(&mut self, _: bool) -> Result<(), Errno> {
        Ok(())
    }

    fn read_directory(&mut self, from: u64) -> Result<Vec<DirectoryEntry>, Errno> {
        let directory = self.inode.directory()?.borrow();
        if directory.is_removed {
            return Err(Errno::Noent);
        }
        let own = self.inode.number();
        // The root is its own parent.
        let parent = directory.parent.upgrade();
        let parent = parent.map_or(own, |parent| parent.number());
        let mut entries = Vec::new();
        entries
            .try_reserve_exact(ENTRIES_MAX)
            .map_err(|_| Errno::Nomem)?;
        for (place, inode, name) in [
            (PLACE_OF_SELF, own, &b"."[..]),
            (PLACE_OF_PARENT, parent, b".."),
        ] {
            if place > from {
                entries.push(DirectoryEntry {
                    next: place,
                    inode,
                    kind: NodeKind::Directory,
                    name: name.to_vec(),
                });
            }
        }
        let room = ENTRIES_MAX - entries.len();
        let named = directory.behind(from).take(room);
        entries.extend(named.map(|(place, entry)| DirectoryEntry {
            next: place,
            inode: entry.inode.number(),
            kind: entry.kind(),
            name: entry.name.to_vec(),
        }));
        drop(directory);
        self.inode.was_read();
        Ok(entries)
    }
}
