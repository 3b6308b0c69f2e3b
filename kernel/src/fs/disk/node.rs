//! Files, directories and links of a disk, by their numbers.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;

use mewz_disk::Kind;

use super::super::errno::Errno;
use super::super::node::{Attributes, File, NewTime, Node, NodeKind, OpenMode};
use super::file::DiskFile;
use super::{Mounted, node_kind, text};

/// A file that is in use: the disk keeps it, whatever happens to its names.
pub(super) struct DiskNode {
    pub(super) mounted: Mounted,
    pub(super) id: u32,
    pub(super) kind: NodeKind,
}

impl DiskNode {
    pub(super) fn new(mounted: Mounted, id: u32, kind: NodeKind) -> Self {
        mounted.0.borrow_mut().disk.hold(id);
        Self { mounted, id, kind }
    }

    fn of_same_disk<'a>(&self, node: &'a dyn Node) -> Result<&'a Self, Errno> {
        node.as_any()
            .downcast_ref::<Self>()
            .filter(|other| self.mounted.is_same(&other.mounted))
            .ok_or(Errno::Xdev)
    }

    pub(super) fn attributes_now(&self) -> Result<Attributes, Errno> {
        let known = self.mounted.with(|disk, _| disk.attributes(self.id))?;
        Ok(Attributes {
            kind: node_kind(known.kind),
            inode: u64::from(known.id),
            links: u64::from(known.links),
            size: known.size,
            accessed_ns: known.accessed_ns,
            modified_ns: known.modified_ns,
            changed_ns: known.changed_ns,
        })
    }

    pub(super) fn set_times_now(
        &self,
        accessed: Option<NewTime>,
        modified: Option<NewTime>,
    ) -> Result<(), Errno> {
        self.mounted.with(|disk, clock| {
            let at = |time| match time {
                NewTime::Now => clock(),
                NewTime::At(ns) => ns,
            };
            disk.set_times(self.id, accessed.map(at), modified.map(at), clock())
        })
    }
}

impl Drop for DiskNode {
    fn drop(&mut self) {
        self.mounted.0.borrow_mut().disk.release(self.id);
    }
}

impl Node for DiskNode {
    fn kind(&self) -> NodeKind {
        self.kind
    }

    fn attributes(&self) -> Result<Attributes, Errno> {
        self.attributes_now()
    }

    fn set_times(&self, accessed: Option<NewTime>, modified: Option<NewTime>) -> Result<(), Errno> {
        self.set_times_now(accessed, modified)
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        let name = text(name)?;
        let found = self.mounted.with(|disk, _| disk.lookup(self.id, name))?;
        Ok(Rc::new(Self::new(
            self.mounted.clone(),
            found.id,
            node_kind(found.kind),
        )))
    }

    fn open(self: Rc<Self>, mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        if (mode.write || mode.truncate) && self.mounted.0.borrow().disk.is_read_only() {
            return Err(Errno::Rofs);
        }
        if mode.truncate {
            self.mounted
                .with(|disk, clock| disk.set_size(self.id, 0, clock()))?;
        }
        Ok(Box::new(DiskFile::new(self, mode)))
    }

    fn create(&self, name: &[u8], mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        let name = text(name)?;
        let id = self
            .mounted
            .with(|disk, clock| disk.create(self.id, name, Kind::File, clock()))?;
        let node = Self::new(self.mounted.clone(), id, NodeKind::File);
        Ok(Box::new(DiskFile::new(Rc::new(node), mode)))
    }

    fn create_directory(&self, name: &[u8]) -> Result<(), Errno> {
        let name = text(name)?;
        let made = |disk: &mut mewz_disk::Disk, clock: fn() -> u64| {
            disk.create(self.id, name, Kind::Directory, clock())
                .map(drop)
        };
        self.mounted.with(made)
    }

    fn create_symbolic_link(&self, name: &[u8], target: &[u8]) -> Result<(), Errno> {
        if target.is_empty() {
            return Err(Errno::Noent);
        }
        if target.contains(&0) {
            return Err(Errno::Inval);
        }
        let name = text(name)?;
        self.mounted
            .with(|disk, clock| disk.create_symbolic_link(self.id, name, target, clock()))
    }

    fn link(&self, node: &dyn Node, name: &[u8]) -> Result<(), Errno> {
        let node = self.of_same_disk(node)?;
        let name = text(name)?;
        self.mounted
            .with(|disk, clock| disk.link(node.id, self.id, name, clock()))
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        self.mounted.with(|disk, _| disk.read_link(self.id))
    }

    fn unlink(&self, name: &[u8]) -> Result<(), Errno> {
        let name = text(name)?;
        self.mounted
            .with(|disk, clock| disk.unlink(self.id, name, clock()))
    }

    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno> {
        let name = text(name)?;
        self.mounted
            .with(|disk, clock| disk.remove_directory(self.id, name, clock()))
    }

    fn rename(&self, name: &[u8], new_directory: &dyn Node, new_name: &[u8]) -> Result<(), Errno> {
        let new_directory = self.of_same_disk(new_directory)?;
        let (name, new_name) = (text(name)?, text(new_name)?);
        self.mounted
            .with(|disk, clock| disk.rename(self.id, name, new_directory.id, new_name, clock()))
    }

    fn file_system(&self) -> u64 {
        self.mounted.number()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
