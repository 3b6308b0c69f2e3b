//! The table of descriptors.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::sockets::Socket;
use super::system::Stream;
use super::types::rights;
use crate::fs::errno::Errno;
use crate::fs::node::{DirectoryEntry, File, Node, NodeKind};

/// Most descriptors that are open at once.
const DESCRIPTORS_MAX: usize = 4096;

/// What a descriptor stands for.
pub(super) enum Object {
    Stdin,
    Output(Stream),
    File(OpenFile),
    Directory(OpenDirectory),
    Socket(Socket),
}

pub(super) struct OpenFile {
    pub(super) file: Box<dyn File>,
    pub(super) kind: NodeKind,
    /// Where the next read or write starts.
    pub(super) cursor: u64,
    /// The file system it is of.
    pub(super) device: u64,
}

pub(super) struct OpenDirectory {
    pub(super) node: Rc<dyn Node>,
    /// Its path, where it was there from the start.
    pub(super) preopen: Option<Vec<u8>>,
    /// Opened by the first read.
    pub(super) listing: Option<Listing>,
}

/// A directory that is being read. The application's places in it count entries: its library keeps them in 32 bits, which
/// those of file systems need not fit.
pub(super) struct Listing {
    pub(super) file: Box<dyn File>,
    /// The file system's place behind each entry that was seen, in order.
    pub(super) places: Vec<u64>,
    /// The entries that were read last, and the number of the first of them.
    pub(super) entries: Vec<DirectoryEntry>,
    pub(super) first: usize,
}

pub(super) struct Descriptor {
    pub(super) object: Object,
    pub(super) rights: u64,
    pub(super) inheriting: u64,
    /// Of `fdflags`.
    pub(super) flags: u16,
}

impl Descriptor {
    pub(super) fn preopen(node: Rc<dyn Node>, path: Vec<u8>) -> Self {
        Self {
            object: Object::Directory(OpenDirectory {
                node,
                preopen: Some(path),
                listing: None,
            }),
            rights: rights::DIRECTORY,
            inheriting: rights::ALL,
            flags: 0,
        }
    }

    pub(super) fn has_flag(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Fails unless the descriptor has all of `needed`.
    pub(super) fn need(&self, needed: u64) -> Result<(), Errno> {
        if self.rights & needed == needed {
            Ok(())
        } else {
            Err(Errno::Notcapable)
        }
    }

    /// The directory behind it.
    pub(super) fn directory(&mut self) -> Result<&mut OpenDirectory, Errno> {
        match &mut self.object {
            Object::Directory(directory) => Ok(directory),
            Object::File(_) | Object::Socket(_) => Err(Errno::Notdir),
            Object::Stdin | Object::Output(_) => Err(Errno::Badf),
        }
    }
}

/// Descriptors by number; the lowest free one is taken.
#[derive(Default)]
pub(super) struct Table {
    slots: Vec<Option<Descriptor>>,
    /// Changes where a number ceases to stand for what it stood for, or a right is gone.
    pub(super) version: u64,
}

impl Table {
    pub(super) fn get(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        usize::try_from(fd)
            .ok()
            .and_then(|index| self.slots.get_mut(index))
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf)
    }

    /// The descriptor, if it has all of `needed`.
    pub(super) fn with(&mut self, fd: u32, needed: u64) -> Result<&mut Descriptor, Errno> {
        let descriptor = self.get(fd)?;
        descriptor.need(needed)?;
        Ok(descriptor)
    }

    /// Those that are open, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Descriptor)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(fd, slot)| Some((fd, slot.as_ref()?)))
    }

    /// Fails where [`Table::insert`] would.
    pub(super) fn check_room(&self) -> Result<(), Errno> {
        if self.slots.len() < DESCRIPTORS_MAX || self.slots.iter().any(Option::is_none) {
            Ok(())
        } else {
            Err(Errno::Mfile)
        }
    }

    pub(super) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        self.check_room()?;
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => {
                self.slots[index] = Some(descriptor);
                index
            }
            None => {
                self.slots.try_reserve(1).map_err(|_| Errno::Nomem)?;
                self.slots.push(Some(descriptor));
                self.slots.len() - 1
            }
        };
        u32::try_from(index).map_err(|_| Errno::Mfile)
    }

    pub(super) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        self.version += 1;
        usize::try_from(fd)
            .ok()
            .and_then(|index| self.slots.get_mut(index))
            .and_then(Option::take)
            .ok_or(Errno::Badf)
    }

    /// Puts what `from` stands for in the place of `to`, and closes what was there.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(to)?;
        self.get(from)?;
        if from != to {
            let moved = self.remove(from)?;
            *self.get(to)? = moved;
        }
        Ok(())
    }
}
