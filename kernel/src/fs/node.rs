//! What a file system is to the rest of the kernel: nodes that are looked up by name, and files opened from them.
//!
//! A node stands for one file, directory or symbolic link; dropping it lets the file system forget it. All names are
//! single components: no `/`, no NUL, not empty, neither `.` nor `..`. A file system checks whatever else its names need.
//! Links are never followed here: that is the path resolver's work.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;

use super::errno::Errno;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A socket.
    Socket,
    /// A pipe, or something newer.
    Other,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What it is.
    pub kind: NodeKind,
    /// Names the node within its file system.
    pub inode: u64,
    /// Names that lead to it.
    pub links: u64,
    /// Bytes of its content.
    pub size: u64,
    /// Last read, in nanoseconds since 1970; a time before that is 0.
    pub accessed_ns: u64,
    /// Last change of the content, likewise.
    pub modified_ns: u64,
    /// Last change of these attributes, likewise.
    pub changed_ns: u64,
}

/// A new time of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    /// The file system's own clock.
    Now,
    /// Nanoseconds since 1970.
    At(u64),
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    /// To be read.
    pub read: bool,
    /// To be written.
    pub write: bool,
    /// Cut to no bytes at once; needs `write`.
    pub truncate: bool,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Where reading goes on behind this entry; never 0.
    pub next: u64,
    /// As in [`Attributes::inode`].
    pub inode: u64,
    /// What it names.
    pub kind: NodeKind,
    /// The name; `.` and `..` are among them where the file system has them.
    pub name: Vec<u8>,
}

/// How far names lead down from a directory.
#[derive(Default)]
pub struct Descent {
    /// How many of them are directories, each in the one before.
    pub directories: usize,
    /// The last directory, if all are; a file system may also leave that out.
    pub end: Option<Rc<dyn Node>>,
}

/// A file, directory or symbolic link, not opened.
pub trait Node {
    /// What it is; a node never becomes another kind.
    fn kind(&self) -> NodeKind;

    /// What is known of it now.
    fn attributes(&self) -> Result<Attributes, Errno>;

    /// Sets times; `None` leaves one as it is.
    fn set_times(&self, accessed: Option<NewTime>, modified: Option<NewTime>) -> Result<(), Errno>;

    /// The node behind `name` in this directory.
    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno>;

    /// Goes down `names`, one directory below the other, as far as they lead to directories: how many do, and the last of
    /// them, if all do. What stops the way is left to [`Node::lookup`] to tell. A file system that can do no more than
    /// that says that it gets nowhere.
    fn descend(&self, names: &[&[u8]]) -> Result<Descent, Errno> {
        let _ = names;
        Ok(Descent::default())
    }

    /// Opens this file or directory. Where nobody else holds the node, the file system may turn it into the file.
    fn open(self: Rc<Self>, mode: OpenMode) -> Result<Box<dyn File>, Errno>;

    /// Makes a regular file in this directory and opens it; `Exist` where the name is taken.
    fn create(&self, name: &[u8], mode: OpenMode) -> Result<Box<dyn File>, Errno>;

    /// Makes a directory in this directory.
    fn create_directory(&self, name: &[u8]) -> Result<(), Errno>;

    /// Makes a symbolic link to `target` in this directory.
    fn create_symbolic_link(&self, name: &[u8], target: &[u8]) -> Result<(), Errno>;

    /// Gives `node`, which is of this file system, a further name in this directory.
    fn link(&self, node: &dyn Node, name: &[u8]) -> Result<(), Errno>;

    /// Where this symbolic link leads.
    fn read_link(&self) -> Result<Vec<u8>, Errno>;

    /// Takes the name of something that is no directory away from this directory.
    fn unlink(&self, name: &[u8]) -> Result<(), Errno>;

    /// Takes an empty directory away from this directory.
    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno>;

    /// Moves `name` of this directory to `new_name` of `new_directory`, which is of this file system.
    fn rename(&self, name: &[u8], new_directory: &dyn Node, new_name: &[u8]) -> Result<(), Errno>;

    /// Names the file system: nodes with equal numbers can be linked and renamed to each other.
    fn file_system(&self) -> u64;

    /// The node's own type, for its file system.
    fn as_any(&self) -> &dyn Any;
}

/// An opened file or directory. Dropping it closes it.
pub trait File {
    /// What is known of it now, also when it has no name any more.
    fn attributes(&mut self) -> Result<Attributes, Errno>;

    /// Sets times; `None` leaves one as it is.
    fn set_times(
        &mut self,
        accessed: Option<NewTime>,
        modified: Option<NewTime>,
    ) -> Result<(), Errno>;

    /// Cuts the content, or lengthens it with zeros.
    fn set_size(&mut self, size: u64) -> Result<(), Errno>;

    /// Sees to it that `len` bytes from `offset` on are there, zeros where nothing was. A file system that can reserve room
    /// for them does so.
    fn allocate(&mut self, offset: u64, len: u64) -> Result<(), Errno> {
        let end = offset.checked_add(len).ok_or(Errno::Fbig)?;
        if self.attributes()?.size < end {
            self.set_size(end)?;
        }
        Ok(())
    }

    /// Shows up to `len` bytes from `offset` on to `see`, in order and in any number of pieces, and returns their count:
    /// less than `len` where the file ends, or where an error stands behind them.
    ///
    /// # Errors
    ///
    /// Nothing could be read; `see` was not called.
    fn read_at(
        &mut self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno>;

    /// Stores `bytes` from `offset` on and returns how many were stored: less where the file system takes no more at once,
    /// 0 only for no bytes.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno>;

    /// Brings the content to the disk, and unless `data_only`, the attributes too.
    fn sync(&mut self, data_only: bool) -> Result<(), Errno>;

    /// The entries of this directory behind the place `from`, which is 0 or a [`DirectoryEntry::next`]: at least one, none
    /// at the end.
    fn read_directory(&mut self, from: u64) -> Result<Vec<DirectoryEntry>, Errno>;
}
