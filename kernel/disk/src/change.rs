//! Names: made, taken away, moved.

use redoxfs::{Node, Transaction, TreeData, TreePtr};

use super::content::{SHORTEN_BYTES_MAX, round_size_up};
use super::device::BLOCK_BYTES;
use super::disk::{Disk, Kind, NAME_BLOCKS, ROOT, check_directory, kind, set_changed, split_time};
use super::error::Error;
use super::name;
use super::order::Ordered;

/// Files in use that may have no name at once: as many as one block of the disk's list of them has.
const UNNAMED_MAX: usize = 1000;

/// Most names of a file.
const LINKS_MAX: u32 = 65_000;

/// Most bytes of a link's target: what stands in the file's own block.
const TARGET_BYTES_MAX: usize = BLOCK_BYTES - 256;

impl Disk {
    /// Makes an empty file or directory; returns its number.
    ///
    /// # Errors
    ///
    /// `Exists`, `NotFound` if the directory has been taken away, `Full`; the name is none; the disk can't be read or
    /// written.
    pub fn create(
        &mut self,
        directory: u32,
        name: &str,
        kind: Kind,
        now_ns: u64,
    ) -> Result<u32, Error> {
        let mode = match kind {
            Kind::File => Node::MODE_FILE | 0o644,
            Kind::Directory => Node::MODE_DIR | 0o755,
            Kind::SymbolicLink => return Err(Error::Invalid),
        };
        let id = self.make(directory, name, mode, &[], now_ns)?;
        if kind == Kind::Directory {
            self.parents.insert(id, u64::from(directory));
        }
        Ok(id)
    }

    /// Makes a symbolic link to `target`.
    ///
    /// # Errors
    ///
    /// As [`Disk::create`]; `NameTooLong` for a target of more than 3840 bytes.
    pub fn create_symbolic_link(
        &mut self,
        directory: u32,
        name: &str,
        target: &[u8],
        now_ns: u64,
    ) -> Result<(), Error> {
        if target.len() > TARGET_BYTES_MAX {
            return Err(Error::NameTooLong);
        }
        self.make(directory, name, Node::MODE_SYMLINK | 0o777, target, now_ns)
            .map(drop)
    }

    fn make(
        &mut self,
        directory: u32,
        name: &str,
        mode: u16,
        content: &[u8],
        now_ns: u64,
    ) -> Result<u32, Error> {
        let name = name::stored(name)?;
        self.begin(NAME_BLOCKS)?;
        self.check_named(directory)?;
        self.check_names(directory)?;
        let (seconds, nanoseconds) = split_time(now_ns);
        self.change(|tx| {
            let parent = TreePtr::new(directory);
            check_directory(tx, directory)?;
            let mut node = tx.create_node(parent, &name, mode, seconds, nanoseconds)?;
            // Small records: those of more blocks need blocks side by side, and a disk would be full before it is.
            node.data_mut().record_level = 0.into();
            if !content.is_empty() {
                tx.write_node_inner(&mut node, &mut 0, content)?;
            }
            let id = node.id();
            tx.sync_tree(node)?;
            touch(tx, directory, now_ns)?;
            Ok(id)
        })
    }

    /// Gives file `id` a further name.
    ///
    /// # Errors
    ///
    /// As [`Disk::create`]; `IsDirectory` for a directory, `TooManyLinks`, `NotFound` for a file without a name.
    pub fn link(&mut self, id: u32, directory: u32, name: &str, now_ns: u64) -> Result<(), Error> {
        let name = name::stored(name)?;
        self.begin(NAME_BLOCKS)?;
        self.check_named(directory)?;
        self.check_names(directory)?;
        self.check_named(id)?;
        self.change(|tx| {
            check_directory(tx, directory)?;
            let node = tx.read_tree(TreePtr::<Node>::new(id))?;
            if kind(&node)? == Kind::Directory {
                return Err(Error::IsDirectory);
            }
            if node.data().links() >= LINKS_MAX {
                return Err(Error::TooManyLinks);
            }
            if tx.find_node(TreePtr::new(directory), &name).is_ok() {
                return Err(Error::Exists);
            }
            tx.link_node(TreePtr::new(directory), &name, TreePtr::new(id))?;
            touch_changed(tx, id, now_ns)?;
            touch(tx, directory, now_ns)
        })
    }

    /// Takes the name of something that is no directory away.
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsDirectory`, `TooManyUnnamed`; the disk can't be read or written.
    pub fn unlink(&mut self, directory: u32, name: &str, now_ns: u64) -> Result<(), Error> {
        let name = name::stored(name)?;
        self.begin(0)?;
        let node = self.find(directory, &name)?;
        if kind(&node)? == Kind::Directory {
            return Err(Error::IsDirectory);
        }
        self.drop_name(directory, &name, &node, now_ns)
    }

    fn drop_name(
        &mut self,
        directory: u32,
        name: &str,
        node: &TreeData<Node>,
        now_ns: u64,
    ) -> Result<(), Error> {
        let going = self.going(node)?;
        let gone = self.change(|tx| {
            take_away(tx, directory, name, &going, now_ns)?;
            touch(tx, directory, now_ns)
        });
        self.note_gone(&going, gone)
    }

    /// Takes an empty directory away.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotDirectory`, `NotEmpty`, `TooManyUnnamed`; the disk can't be read or written.
    pub fn remove_directory(
        &mut self,
        directory: u32,
        name: &str,
        now_ns: u64,
    ) -> Result<(), Error> {
        let name = name::stored(name)?;
        self.begin(0)?;
        let node = self.find(directory, &name)?;
        if kind(&node)? != Kind::Directory {
            return Err(Error::NotDirectory);
        }
        if node.data().size() > 0 {
            return Err(Error::NotEmpty);
        }
        self.drop_name(directory, &name, &node, now_ns)
    }

    /// Moves `name` of `directory` to `new_name` of `new_directory`, in place of what is there.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Invalid` for a directory that would come to lie in itself, `IsDirectory`, `NotDirectory` and
    /// `NotEmpty` for what it would take the place of, `Full`; the disk can't be read or written.
    pub fn rename(
        &mut self,
        directory: u32,
        name: &str,
        new_directory: u32,
        new_name: &str,
        now_ns: u64,
    ) -> Result<(), Error> {
        let (name, new_name) = (name::stored(name)?, name::stored(new_name)?);
        self.begin(NAME_BLOCKS)?;
        self.check_named(new_directory)?;
        let node = self.find(directory, &name)?;
        let is_directory = kind(&node)? == Kind::Directory;
        if is_directory && self.is_within(new_directory, node.id()) {
            return Err(Error::Invalid);
        }
        let place = match self.find(new_directory, &new_name) {
            Ok(place) => Some(place),
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        let mut going = None;
        if let Some(place) = place {
            if place.id() == node.id() {
                return Ok(());
            }
            match (is_directory, kind(&place)? == Kind::Directory) {
                (true, false) => return Err(Error::NotDirectory),
                (false, true) => return Err(Error::IsDirectory),
                (true, true) if place.data().size() > 0 => return Err(Error::NotEmpty),
                _ => going = Some(self.going(&place)?),
            }
        }
        let renamed = self.change(|tx| {
            check_directory(tx, new_directory)?;
            if let Some(going) = &going {
                take_away(tx, new_directory, &new_name, going, now_ns)?;
            }
            let (from, to) = (TreePtr::new(directory), TreePtr::new(new_directory));
            tx.rename_node(from, &name, to, &new_name)?;
            touch_changed(tx, node.id(), now_ns)?;
            touch(tx, directory, now_ns)?;
            touch(tx, new_directory, now_ns)
        });
        match &going {
            Some(going) => self.note_gone(going, renamed)?,
            None => renamed?,
        }
        if is_directory {
            self.parents.insert(node.id(), u64::from(new_directory));
        }
        Ok(())
    }

    /// What stands in front of every change of names.
    fn begin(&mut self, blocks: u64) -> Result<(), Error> {
        self.check_writable()?;
        // So that what a power cut leaves is the first part of all changes.
        self.write_pending()?;
        if blocks > 0 {
            self.need(blocks)?;
        }
        Ok(())
    }

    fn find(&mut self, directory: u32, name: &str) -> Result<TreeData<Node>, Error> {
        self.check_names(directory)?;
        self.look(|tx| {
            check_directory(tx, directory)?;
            Ok(tx.find_node(TreePtr::new(directory), name)?)
        })
    }

    /// Fails for what has no name any more.
    fn check_named(&self, id: u32) -> Result<(), Error> {
        if self.unnamed.contains_key(&id) {
            return Err(Error::NotFound);
        }
        Ok(())
    }

    /// Whether `id` is `directory` or lies in it.
    fn is_within(&self, mut id: u32, directory: u32) -> bool {
        // A way up has no more steps than there are directories.
        for _ in 0..=self.parents.len() {
            if id == directory {
                return true;
            }
            if id == ROOT {
                return false;
            }
            id = self.parent(id);
        }
        false
    }

    /// What is to be known of a file before it loses a name.
    fn going(&mut self, node: &TreeData<Node>) -> Result<Going, Error> {
        let id = node.id();
        let is_last = node.data().links() <= 1;
        // What is too large to go at once loses its name first.
        let is_large = is_last && node.data().size() > SHORTEN_BYTES_MAX;
        let is_used = is_large || self.fs.node_usages.contains_key(&id);
        if is_last && is_used && self.unnamed.len() >= UNNAMED_MAX {
            return Err(Error::TooManyUnnamed);
        }
        if is_large {
            self.hold(id);
        }
        Ok(Going {
            id,
            mode: node.data().mode() & Node::MODE_TYPE,
            is_last,
            is_large,
            is_used,
        })
    }

    /// Takes note of what a file is after it lost a name, or did not.
    fn note_gone(&mut self, going: &Going, gone: Result<(), Error>) -> Result<(), Error> {
        if gone.is_ok() && going.is_last {
            self.parents.remove(&going.id);
            if going.is_used {
                self.unnamed.insert(going.id, 0);
            }
        }
        if going.is_large {
            self.release(going.id);
        }
        gone
    }
}

/// A file that loses a name.
struct Going {
    id: u32,
    mode: u16,
    /// It was its last one.
    is_last: bool,
    /// It is too large to go at once, and held until it has.
    is_large: bool,
    /// Somebody uses it.
    is_used: bool,
}

fn take_away(
    tx: &mut Transaction<'_, Ordered>,
    directory: u32,
    name: &str,
    going: &Going,
    now_ns: u64,
) -> Result<(), Error> {
    if going.is_last && !going.is_used {
        round_size_up(tx, going.id)?;
    }
    tx.remove_node(TreePtr::new(directory), name, going.mode)?;
    if !going.is_last {
        touch_changed(tx, going.id, now_ns)?;
    }
    Ok(())
}

/// Sets the times of a directory whose names have changed.
fn touch(tx: &mut Transaction<'_, Ordered>, directory: u32, now_ns: u64) -> Result<(), Error> {
    let (seconds, nanoseconds) = split_time(now_ns);
    let mut node = tx.read_tree(TreePtr::<Node>::new(directory))?;
    node.data_mut().set_mtime(seconds, nanoseconds);
    set_changed(&mut node, now_ns);
    Ok(tx.sync_tree(node)?)
}

fn touch_changed(tx: &mut Transaction<'_, Ordered>, id: u32, now_ns: u64) -> Result<(), Error> {
    let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
    set_changed(&mut node, now_ns);
    Ok(tx.sync_tree(node)?)
}
