//! Files, directories and links, each with its attributes; the names that lead to them are in directories.

use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};

use super::super::errno::Errno;
use super::super::name::{check_name, check_target};
use super::super::node::{Attributes, File, NewTime, Node, NodeKind, OpenMode};
use super::content::Pages;
use super::directory::Directory;
use super::file::OpenedFile;
use super::store::Store;

/// What a file counts for beside its content.
const INODE_COST: u64 = 256;

/// What a directory tells as its size, as most file systems of Linux do.
const DIRECTORY_BYTES: u64 = 4096;

/// Last read, last change of the content, last change of attributes; nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    accessed_ns: u64,
    modified_ns: u64,
    changed_ns: u64,
}

/// What stands behind a name.
pub(super) struct Inode {
    own: Weak<Inode>,
    store: Rc<Store>,
    number: u64,
    /// Names that lead to it; for a directory, whether one does.
    links: Cell<u64>,
    times: Cell<Times>,
    pub(super) content: Content,
}

pub(super) enum Content {
    File(RefCell<Pages>),
    Directory(RefCell<Directory>),
    Link(Vec<u8>),
}

impl Inode {
    pub(super) fn root(store: Rc<Store>) -> Rc<Self> {
        store.charge_anyway(INODE_COST);
        let directory = Directory::new(Rc::clone(&store), Weak::new());
        Self::assemble(store, Content::Directory(RefCell::new(directory)))
    }

    fn make(store: &Rc<Store>, content: Content) -> Result<Rc<Self>, Errno> {
        store.charge(cost(&content))?;
        Ok(Self::assemble(Rc::clone(store), content))
    }

    fn assemble(store: Rc<Store>, content: Content) -> Rc<Self> {
        let now = store.now_ns();
        Rc::new_cyclic(|own| Self {
            own: own.clone(),
            number: store.next_inode(),
            links: Cell::new(1),
            times: Cell::new(Times {
                accessed_ns: now,
                modified_ns: now,
                changed_ns: now,
            }),
            content,
            store,
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }

    pub(super) fn kind_of_content(&self) -> NodeKind {
        match self.content {
            Content::File(_) => NodeKind::File,
            Content::Directory(_) => NodeKind::Directory,
            Content::Link(_) => NodeKind::SymbolicLink,
        }
    }

    pub(super) fn directory(&self) -> Result<&RefCell<Directory>, Errno> {
        match &self.content {
            Content::Directory(directory) => Ok(directory),
            Content::File(_) | Content::Link(_) => Err(Errno::Notdir),
        }
    }

    pub(super) fn get_attributes(&self) -> Attributes {
        let times = self.times.get();
        let (links, size) = match &self.content {
            Content::File(pages) => (self.links.get(), pages.borrow().size()),
            Content::Link(target) => (self.links.get(), target.len() as u64),
            Content::Directory(directory) => {
                let directory = directory.borrow();
                let links = match directory.is_removed {
                    true => 0,
                    false => 2 + directory.directories,
                };
                (links, DIRECTORY_BYTES)
            }
        };
        Attributes {
            kind: self.kind_of_content(),
            inode: self.number,
            links,
            size,
            accessed_ns: times.accessed_ns,
            modified_ns: times.modified_ns,
            changed_ns: times.changed_ns,
        }
    }

    pub(super) fn put_times(&self, accessed: Option<NewTime>, modified: Option<NewTime>) {
        let now = self.store.now_ns();
        let settled = |time: Option<NewTime>, old: u64| match time {
            None => old,
            Some(NewTime::Now) => now,
            Some(NewTime::At(ns)) => ns,
        };
        let old = self.times.get();
        if accessed.is_some() || modified.is_some() {
            self.times.set(Times {
                accessed_ns: settled(accessed, old.accessed_ns),
                modified_ns: settled(modified, old.modified_ns),
                changed_ns: now,
            });
        }
    }

    /// Notes that it was read; as Linux does where nobody says otherwise, only the first time after a change.
    pub(super) fn was_read(&self) {
        let mut times = self.times.get();
        if times.accessed_ns <= times.modified_ns.max(times.changed_ns) {
            times.accessed_ns = self.store.now_ns();
            self.times.set(times);
        }
    }

    /// Notes that its content has changed.
    pub(super) fn was_written(&self) {
        let now = self.store.now_ns();
        self.times.set(Times {
            modified_ns: now,
            changed_ns: now,
            ..self.times.get()
        });
    }

    /// Notes that its attributes have changed.
    fn was_changed(&self) {
        self.times.set(Times {
            changed_ns: self.store.now_ns(),
            ..self.times.get()
        });
    }

    fn of_same_store<'a>(&self, node: &'a dyn Node) -> Result<&'a Inode, Errno> {
        node.as_any()
            .downcast_ref::<Inode>()
            .filter(|other| Rc::ptr_eq(&self.store, &other.store))
            .ok_or(Errno::Xdev)
    }

    /// Adds something new under a free name; nothing is left behind where that fails.
    fn add_new(&self, name: &[u8], content: Content) -> Result<Rc<Inode>, Errno> {
        let directory = self.directory()?;
        directory.borrow().check_free(name)?;
        directory.borrow().charge(name)?;
        match Inode::make(&self.store, content) {
            Ok(inode) => {
                directory.borrow_mut().add(name, Rc::clone(&inode));
                self.was_written();
                Ok(inode)
            }
            Err(errno) => {
                directory.borrow().discharge(name);
                Err(errno)
            }
        }
    }

    /// Takes away a name that leads to `inode`.
    fn drop_name(&self, name: &[u8], inode: &Inode) -> Result<(), Errno> {
        // What it led to may end with this, so the borrow must not outlive the statement.
        let removed = self.directory()?.borrow_mut().remove(name);
        drop(removed);
        inode.links.set(inode.links.get().saturating_sub(1));
        if let Content::Directory(directory) = &inode.content {
            directory.borrow_mut().is_removed = true;
        }
        inode.was_changed();
        self.was_written();
        Ok(())
    }

    /// Whether it is `other`, or lies somewhere below it.
    fn is_at_or_below(&self, other: &Rc<Inode>) -> bool {
        let mut here = self.own.upgrade();
        while let Some(inode) = here {
            if Rc::ptr_eq(&inode, other) {
                return true;
            }
            here = match &inode.content {
                Content::Directory(directory) => directory.borrow().parent.upgrade(),
                _ => None,
            };
        }
        false
    }

    /// Fails where Linux lets nothing called `replaced` give way to `moved`, which comes from the directory `self`.
    fn check_replaceable(&self, moved: &Inode, replaced: &Rc<Inode>) -> Result<(), Errno> {
        if replaced.is_directory() && self.is_at_or_below(replaced) {
            return Err(Errno::Notempty);
        }
        match (&replaced.content, moved.is_directory()) {
            (Content::Directory(_), false) => Err(Errno::Isdir),
            (Content::Directory(directory), true) if !directory.borrow().is_empty() => {
                Err(Errno::Notempty)
            }
            (Content::Directory(_), true) => Ok(()),
            (_, true) => Err(Errno::Notdir),
            (_, false) => Ok(()),
        }
    }
}

fn cost(content: &Content) -> u64 {
    INODE_COST
        + match content {
            Content::Link(target) => target.len() as u64,
            _ => 0,
        }
}

impl Drop for Inode {
    fn drop(&mut self) {
        self.store.release(cost(&self.content));
    }
}

impl Node for Inode {
    fn kind(&self) -> NodeKind {
        self.kind_of_content()
    }

    fn attributes(&self) -> Result<Attributes, Errno> {
        Ok(self.get_attributes())
    }

    fn set_times(&self, accessed: Option<NewTime>, modified: Option<NewTime>) -> Result<(), Errno> {
        self.put_times(accessed, modified);
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        check_name(name)?;
        Ok(self.directory()?.borrow().get(name)?)
    }

    fn open(self: Rc<Self>, mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        match &self.content {
            Content::Directory(_) if mode.write => return Err(Errno::Isdir),
            Content::Link(_) => return Err(Errno::Loop),
            Content::File(pages) if mode.truncate => {
                pages.borrow_mut().set_size(0)?;
                self.was_written();
            }
            _ => {}
        }
        Ok(Box::new(OpenedFile::new(self, mode)))
    }

    fn create(&self, name: &[u8], mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        check_name(name)?;
        let pages = RefCell::new(Pages::new(Rc::clone(&self.store)));
        let inode = self.add_new(name, Content::File(pages))?;
        Ok(Box::new(OpenedFile::new(inode, mode)))
    }

    fn create_directory(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        let directory = Directory::new(Rc::clone(&self.store), self.own.clone());
        self.add_new(name, Content::Directory(RefCell::new(directory)))?;
        Ok(())
    }

    fn create_symbolic_link(&self, name: &[u8], target: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        check_target(target)?;
        self.add_new(name, Content::Link(target.to_vec()))?;
        Ok(())
    }

    fn link(&self, node: &dyn Node, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        let inode = self.of_same_store(node)?;
        let directory = self.directory()?;
        directory.borrow().check_free(name)?;
        if inode.is_directory() {
            return Err(Errno::Perm);
        }
        let linked = inode.own.upgrade().ok_or(Errno::Noent)?;
        if inode.links.get() == 0 {
            return Err(Errno::Noent);
        }
        directory.borrow().charge(name)?;
        directory.borrow_mut().add(name, linked);
        inode.links.set(inode.links.get() + 1);
        inode.was_changed();
        self.was_written();
        Ok(())
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match &self.content {
            Content::Link(target) => {
                self.was_read();
                Ok(target.clone())
            }
            _ => Err(Errno::Inval),
        }
    }

    fn unlink(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        let inode = self.directory()?.borrow().get(name)?;
        if inode.is_directory() {
            return Err(Errno::Isdir);
        }
        self.drop_name(name, &inode)
    }

    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        let inode = self.directory()?.borrow().get(name)?;
        if !inode.directory()?.borrow().is_empty() {
            return Err(Errno::Notempty);
        }
        self.drop_name(name, &inode)
    }

    fn rename(&self, name: &[u8], new_directory: &dyn Node, new_name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        check_name(new_name)?;
        let target = self.of_same_store(new_directory)?;
        let moved = self.directory()?.borrow().get(name)?;
        if target.directory()?.borrow().is_removed {
            return Err(Errno::Noent);
        }
        if moved.is_directory() && target.is_at_or_below(&moved) {
            return Err(Errno::Inval);
        }
        let replaced = target.directory()?.borrow().get(new_name).ok();
        if let Some(replaced) = &replaced {
            if Rc::ptr_eq(replaced, &moved) {
                return Ok(());
            }
            self.check_replaceable(&moved, replaced)?;
            target.drop_name(new_name, replaced)?;
        }
        let removed = self.directory()?.borrow_mut().remove(name);
        drop(removed);
        {
            let mut directory = target.directory()?.borrow_mut();
            directory.charge_anyway(new_name);
            directory.add(new_name, Rc::clone(&moved));
        }
        if let Content::Directory(directory) = &moved.content {
            directory.borrow_mut().parent = target.own.clone();
        }
        moved.was_changed();
        self.was_written();
        target.was_written();
        Ok(())
    }

    fn file_system(&self) -> u64 {
        self.store.number()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
