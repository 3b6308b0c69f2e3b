//! Directories that are open: the ones that were there from the start, and the entries of each.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::buffers::store_u32;
use super::descriptor::{Listing, Object, OpenDirectory};
use super::types::{filetype_of, rights};
use super::{Context, Wasi};
use crate::fs::errno::Errno;
use crate::fs::node::{DirectoryEntry, File, OpenMode};

/// Bytes of a `dirent`, which the name follows.
const DIRENT_BYTES: usize = 24;

/// The tag of a preopened descriptor that is no directory. Preview 1 names none, and libraries pass over such a one while
/// they look for folders; after an error they would look no further.
const NO_DIRECTORY: u8 = 1;

impl Wasi {
    pub(super) fn fd_prestat_get(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        prestat: u32,
    ) -> Result<(), Errno> {
        let mut bytes = [0; 8];
        if let Object::Socket(_) = self.descriptors.get(fd)?.object {
            bytes[0] = NO_DIRECTORY;
            return Ok(context.memory.write(prestat, &bytes)?);
        }
        let path = self.preopened_path(fd)?;
        let len = u32::try_from(path.len()).map_err(|_| Errno::Overflow)?;
        // The tag of a directory is 0.
        bytes[4..].copy_from_slice(&len.to_le_bytes());
        Ok(context.memory.write(prestat, &bytes)?)
    }

    pub(super) fn fd_prestat_dir_name(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        buffer: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let path = self.preopened_path(fd)?;
        context.memory.check(buffer, len)?;
        if (len as usize) < path.len() {
            return Err(Errno::Nametoolong);
        }
        Ok(context.memory.write(buffer, path)?)
    }

    fn preopened_path(&mut self, fd: u32) -> Result<&[u8], Errno> {
        let directory = self.descriptors.get(fd)?.directory();
        // Programs count up from descriptor 3 until they get BADF.
        directory
            .ok()
            .and_then(|directory| directory.preopen.as_deref())
            .ok_or(Errno::Badf)
    }

    pub(super) fn fd_readdir(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        buffer: u32,
        len: u32,
        cookie: u64,
        used: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        descriptor.directory()?;
        descriptor.need(rights::FD_READDIR)?;
        let directory = descriptor.directory()?;
        context.memory.check(buffer, len)?;
        context.memory.check(used, 4)?;
        let listing = directory.listing()?;
        if cookie == 0 {
            listing.rewind();
        }
        let mut filled = 0;
        let mut cookie = cookie;
        while filled < len {
            let Some(entry) = listing.entry(cookie)? else {
                break;
            };
            cookie += 1;
            for part in [&dirent(entry, cookie)?[..], &entry.name] {
                // The last one is cut where the buffer ends, and by that the application knows that more is there.
                let part = &part[..part.len().min((len - filled) as usize)];
                context.memory.write(buffer.wrapping_add(filled), part)?;
                filled += part.len() as u32;
                if filled == len {
                    break;
                }
            }
        }
        store_u32(context.memory, used, filled)
    }
}

/// The head of an entry; `next` is the place behind it.
fn dirent(entry: &DirectoryEntry, next: u64) -> Result<[u8; DIRENT_BYTES], Errno> {
    let len = u32::try_from(entry.name.len()).map_err(|_| Errno::Overflow)?;
    let mut bytes = [0; DIRENT_BYTES];
    bytes[0..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.inode.to_le_bytes());
    bytes[16..20].copy_from_slice(&len.to_le_bytes());
    bytes[20] = filetype_of(entry.kind);
    Ok(bytes)
}

impl OpenDirectory {
    /// What its entries are read from.
    pub(super) fn listing(&mut self) -> Result<&mut Listing, Errno> {
        if self.listing.is_none() {
            let file = Rc::clone(&self.node).open(OpenMode {
                read: true,
                ..OpenMode::default()
            })?;
            self.listing = Some(Listing::new(file));
        }
        self.listing.as_mut().ok_or(Errno::Badf)
    }
}

impl Listing {
    fn new(file: Box<dyn File>) -> Self {
        Self {
            file,
            places: Vec::new(),
            entries: Vec::new(),
            first: 0,
        }
    }

    /// Forgets what was read, so that a reader from the start sees what is there now.
    fn rewind(&mut self) {
        self.places.clear();
        self.entries.clear();
        self.first = 0;
    }

    /// The entry behind the place `cookie`, if there are so many.
    fn entry(&mut self, cookie: u64) -> Result<Option<&DirectoryEntry>, Errno> {
        let Ok(number) = usize::try_from(cookie) else {
            return Ok(None);
        };
        while !(self.first..self.first + self.entries.len()).contains(&number) {
            // From there on if it was seen before, else from the last one that was seen.
            if !self.read(number.min(self.places.len()))? {
                return Ok(None);
            }
        }
        Ok(self.entries.get(number - self.first))
    }

    /// Reads entries from the one of this number on, whose place is known; returns whether there are any.
    fn read(&mut self, number: usize) -> Result<bool, Errno> {
        let place = match number.checked_sub(1) {
            None => 0,
            Some(before) => *self.places.get(before).ok_or(Errno::Inval)?,
        };
        self.entries = self.file.read_directory(place)?;
        self.first = number;
        // What was known of places further on may be about entries that are gone.
        self.places.truncate(number);
        self.places
            .try_reserve(self.entries.len())
            .map_err(|_| Errno::Nomem)?;
        self.places
            .extend(self.entries.iter().map(|entry| entry.next));
        Ok(!self.entries.is_empty())
    }
}
