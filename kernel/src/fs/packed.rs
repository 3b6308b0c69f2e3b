//! Folders of a pack: read where they lie, changed never.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;

use mewz_abi::pack::{self, Pack};

use super::errno::Errno;
use super::name::check_name;
use super::node::{Attributes, Descent, DirectoryEntry, File, NewTime, Node, NodeKind, OpenMode};

/// Entries that one call reads.
const ENTRIES_MAX: usize = 64;

/// What a directory tells as its size, as most file systems of Linux do.
const DIRECTORY_BYTES: u64 = 4096;

/// Places of `.` and `..` in a directory; those of names follow.
const PLACES_OF_DOTS: u64 = 2;

/// A file, directory or link, opened or not: there is nothing to keep of an opened one.
#[derive(Clone)]
struct PackedNode {
    pack: Pack<'static>,
    /// Names the file system among all that are mounted.
    file_system: u64,
    number: u32,
    node: pack::Node,
}

/// The folder at node `number` of `pack`; `file_system` names it among all that are mounted.
///
/// # Errors
///
/// `Notdir` if there is no such folder.
pub fn mount(pack: Pack<'static>, number: u32, file_system: u64) -> Result<Rc<dyn Node>, Errno> {
    match pack.node(number) {
        Some(node) if node.kind == pack::kind::DIRECTORY => Ok(Rc::new(PackedNode {
            pack,
            file_system,
            number,
            node,
        })),
        _ => Err(Errno::Notdir),
    }
}

/// What a file system tells of a node by its number: 0 names none.
fn inode(number: u32) -> u64 {
    u64::from(number) + 1
}

fn kind_of(node: &pack::Node) -> NodeKind {
    match node.kind {
        pack::kind::DIRECTORY => NodeKind::Directory,
        pack::kind::LINK => NodeKind::SymbolicLink,
        _ => NodeKind::File,
    }
}

impl PackedNode {
    fn look_up(&self, name: &[u8]) -> Result<Self, Errno> {
        check_name(name)?;
        if self.kind() != NodeKind::Directory {
            return Err(Errno::Notdir);
        }
        let number = self.pack.find(&self.node, name).ok_or(Errno::Noent)?;
        Ok(Self {
            number,
            node: self.pack.node(number).ok_or(Errno::Io)?,
            ..*self
        })
    }

    fn get_attributes(&self) -> Attributes {
        let size = match self.kind() {
            NodeKind::Directory => DIRECTORY_BYTES,
            _ => self.node.len,
        };
        Attributes {
            kind: self.kind(),
            inode: inode(self.number),
            links: self.node.links.into(),
            size,
            accessed_ns: self.node.modified_ns,
            modified_ns: self.node.modified_ns,
            changed_ns: self.node.modified_ns,
        }
    }
}

impl Node for PackedNode {
    fn kind(&self) -> NodeKind {
        kind_of(&self.node)
    }

    fn attributes(&self) -> Result<Attributes, Errno> {
        Ok(self.get_attributes())
    }

    fn set_times(&self, _: Option<NewTime>, _: Option<NewTime>) -> Result<(), Errno> {
        Err(Errno::Rofs)
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        Ok(Rc::new(self.look_up(name)?))
    }

    fn descend(&self, names: &[&[u8]]) -> Result<Descent, Errno> {
        let mut descent = Descent::default();
        let mut here = self.clone();
        for name in names {
            match here.look_up(name) {
                Ok(node) if node.kind() == NodeKind::Directory => here = node,
                _ => return Ok(descent),
            }
            descent.directories += 1;
        }
        descent.end = Some(Rc::new(here));
        Ok(descent)
    }

    fn open(self: Rc<Self>, mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        match self.kind() {
            _ if mode.write || mode.truncate => Err(Errno::Rofs),
            NodeKind::SymbolicLink => Err(Errno::Loop),
            _ => Ok(Box::new((*self).clone())),
        }
    }

    fn create(&self, name: &[u8], _: OpenMode) -> Result<Box<dyn File>, Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn create_directory(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn create_symbolic_link(&self, name: &[u8], _: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn link(&self, _: &dyn Node, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match self.kind() {
            NodeKind::SymbolicLink => Ok(self.pack.content(&self.node).to_vec()),
            _ => Err(Errno::Inval),
        }
    }

    fn unlink(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        Err(Errno::Rofs)
    }

    fn rename(&self, name: &[u8], _: &dyn Node, new_name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        check_name(new_name)?;
        Err(Errno::Rofs)
    }

    fn file_system(&self) -> u64 {
        self.file_system
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl File for PackedNode {
    fn attributes(&mut self) -> Result<Attributes, Errno> {
        Ok(self.get_attributes())
    }

    fn set_times(&mut self, _: Option<NewTime>, _: Option<NewTime>) -> Result<(), Errno> {
        Err(Errno::Rofs)
    }

    fn set_size(&mut self, _: u64) -> Result<(), Errno> {
        Err(Errno::Rofs)
    }

    fn read_at(
        &mut self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        if self.kind() == NodeKind::Directory {
            return Err(Errno::Isdir);
        }
        let content = self.pack.content(&self.node);
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| content.get(at..));
        let rest = rest.unwrap_or(&[]);
        let shown = &rest[..rest.len().min(len)];
        if !shown.is_empty() {
            see(shown);
        }
        Ok(shown.len())
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<usize, Errno> {
        Err(Errno::Rofs)
    }

    fn sync(&mut self, _: bool) -> Result<(), Errno> {
        Ok(())
    }

    fn read_directory(&mut self, from: u64) -> Result<Vec<DirectoryEntry>, Errno> {
        if self.kind() != NodeKind::Directory {
            return Err(Errno::Notdir);
        }
        let mut entries = Vec::new();
        entries
            .try_reserve_exact(ENTRIES_MAX)
            .map_err(|_| Errno::Nomem)?;
        let dots = [(self.number, &b"."[..]), (self.node.parent, b"..")];
        for (place, (number, name)) in (1..).zip(dots) {
            if place > from {
                entries.push(DirectoryEntry {
                    next: place,
                    inode: inode(number),
                    kind: NodeKind::Directory,
                    name: name.to_vec(),
                });
            }
        }
        let mut place = from.max(PLACES_OF_DOTS);
        while entries.len() < ENTRIES_MAX
            && let Some(entry) = self.pack.entry(&self.node, place - PLACES_OF_DOTS)
        {
            place += 1;
            let node = self.pack.node(entry.node).ok_or(Errno::Io)?;
            entries.push(DirectoryEntry {
                next: place,
                inode: inode(entry.node),
                kind: kind_of(&node),
                name: entry.text.to_vec(),
            });
        }
        Ok(entries)
    }
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
