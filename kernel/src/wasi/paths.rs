//! The calls that take a path.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::buffers::store_u32;
use super::descriptor::{Descriptor, Object, OpenDirectory, OpenFile};
use super::files::{fdflags, new_times};
use super::path::{Last, Place, check_memory, read_path, resolve};
use super::types::{Filestat, fdflags as flag, lookupflags, oflags, rights};
use super::{Context, Wasi};
use crate::fs::errno::Errno;
use crate::fs::node::{Node, NodeKind, OpenMode};
use crate::guest::GuestMemory;

/// A name to be made, taken away or moved.
struct Name {
    directory: Rc<dyn Node>,
    name: Vec<u8>,
    needs_directory: bool,
}

/// What `path_open` is asked for.
struct Opening {
    oflags: u32,
    rights: u64,
    inheriting: u64,
    flags: u16,
}

impl Wasi {
    pub(super) fn path_create_directory(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let place = self.place(
            context,
            (fd, rights::PATH_CREATE_DIRECTORY),
            (path, len),
            Last::Named,
        )?;
        match place {
            Place::Unnamed(_) => Err(Errno::Exist),
            Place::Named {
                directory, name, ..
            } => directory.create_directory(&name),
        }
    }

    pub(super) fn path_filestat_get(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        flags: u32,
        path: u32,
        len: u32,
        filestat: u32,
    ) -> Result<(), Errno> {
        let bytes = self.path_filestat(context, fd, flags, (path, len))?.bytes();
        Ok(context.memory.write(filestat, &bytes)?)
    }

    pub(super) fn path_filestat_get_unstable(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        flags: u32,
        path: u32,
        len: u32,
        filestat: u32,
    ) -> Result<(), Errno> {
        let filestat_bytes = self
            .path_filestat(context, fd, flags, (path, len))?
            .bytes_unstable();
        Ok(context.memory.write(filestat, &filestat_bytes)?)
    }

    fn path_filestat(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        flags: u32,
        path: (u32, u32),
    ) -> Result<Filestat, Errno> {
        let place = self.place(
            context,
            (fd, rights::PATH_FILESTAT_GET),
            path,
            last_by_flags(flags)?,
        )?;
        let node = place.node()?;
        Ok(Filestat::new(node.file_system(), &node.attributes()?))
    }

    pub(super) fn path_filestat_set_times(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        flags: u32,
        path: u32,
        len: u32,
        accessed_ns: u64,
        modified_ns: u64,
        times: u32,
    ) -> Result<(), Errno> {
        let (accessed, modified) = new_times(accessed_ns, modified_ns, times)?;
        let place = self.place(
            context,
            (fd, rights::PATH_FILESTAT_SET_TIMES),
            (path, len),
            last_by_flags(flags)?,
        )?;
        place.node()?.set_times(accessed, modified)
    }

    pub(super) fn path_link(
        &mut self,
        context: &mut Context<'_>,
        old_fd: u32,
        old_flags: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Result<(), Errno> {
        let old = self
            .place(
                context,
                (old_fd, rights::PATH_LINK_SOURCE),
                (old_path, old_len),
                last_by_flags(old_flags)?,
            )?
            .node()?;
        let new = self.name(
            context,
            (new_fd, rights::PATH_LINK_TARGET),
            (new_path, new_len),
            Errno::Exist,
        )?;
        let is_directory = old.kind() == NodeKind::Directory;
        if new.needs_directory || is_directory {
            return Err(match new.directory.lookup(&new.name) {
                Ok(_) => Errno::Exist,
                Err(Errno::Noent) if !new.needs_directory => Errno::Perm,
                Err(errno) => errno,
            });
        }
        if old.file_system() != new.directory.file_system() {
            return Err(Errno::Xdev);
        }
        new.directory.link(&*old, &new.name)
    }

    pub(super) fn path_open(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        lookup: u32,
        path: u32,
        len: u32,
        oflags: u32,
        rights: u64,
        inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> Result<(), Errno> {
        let opening = Opening {
            oflags,
            rights: rights & rights::ALL,
            inheriting: inheriting & rights::ALL,
            flags: fdflags(flags)?,
        };
        opening.check()?;
        let last = match last_by_flags(lookup)? {
            // No directory is made here, whatever is there: see `Opening::open`.
            _ if opening.has(oflags::CREATE) && ends_in_slash(context.memory, path, len) => {
                Last::Named
            }
            // What is made by force must not be there at all, not even as a link.
            Last::Followed if opening.has(oflags::CREATE | oflags::EXCLUSIVE) => Last::LookedUp,
            last => last,
        };
        let inherits = self.descriptors.get(fd)?.inheriting;
        let place = self.place(context, (fd, opening.needed()), (path, len), last)?;
        if (opening.rights | opening.inheriting) & !inherits != 0 {
            return Err(Errno::Notcapable);
        }
        context.memory.check(opened, 4)?;
        self.descriptors.check_room()?;
        let descriptor = opening.open(place)?;
        let number = self.descriptors.insert(descriptor)?;
        store_u32(context.memory, opened, number)
    }

    pub(super) fn path_readlink(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        path: u32,
        len: u32,
        buffer: u32,
        buffer_len: u32,
        used: u32,
    ) -> Result<(), Errno> {
        let node = self
            .place(
                context,
                (fd, rights::PATH_READLINK),
                (path, len),
                Last::LookedUp,
            )?
            .node()?;
        if node.kind() != NodeKind::SymbolicLink {
            return Err(Errno::Inval);
        }
        context.memory.check(buffer, buffer_len)?;
        context.memory.check(used, 4)?;
        let target = node.read_link()?;
        let target = &target[..target.len().min(buffer_len as usize)];
        context.memory.write(buffer, target)?;
        let target_len = u32::try_from(target.len()).map_err(|_| Errno::Overflow)?;
        store_u32(context.memory, used, target_len)
    }

    pub(super) fn path_remove_directory(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let name = self.name(
            context,
            (fd, rights::PATH_REMOVE_DIRECTORY),
            (path, len),
            Errno::Inval,
        )?;
        name.directory.remove_directory(&name.name)
    }

    pub(super) fn path_rename(
        &mut self,
        context: &mut Context<'_>,
        old_fd: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Result<(), Errno> {
        let old = self.name(
            context,
            (old_fd, rights::PATH_RENAME_SOURCE),
            (old_path, old_len),
            Errno::Busy,
        )?;
        let new = self.name(
            context,
            (new_fd, rights::PATH_RENAME_TARGET),
            (new_path, new_len),
            Errno::Busy,
        )?;
        if old.directory.file_system() != new.directory.file_system() {
            return Err(Errno::Xdev);
        }
        if (old.needs_directory || new.needs_directory)
            && old.directory.lookup(&old.name)?.kind() != NodeKind::Directory
        {
            return Err(Errno::Notdir);
        }
        old.directory.rename(&old.name, &*new.directory, &new.name)
    }

    pub(super) fn path_symlink(
        &mut self,
        context: &mut Context<'_>,
        target: u32,
        target_len: u32,
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let target = read_path(context.memory, target, target_len)?;
        let name = self.name(
            context,
            (fd, rights::PATH_SYMLINK),
            (path, len),
            Errno::Exist,
        )?;
        if target.first() == Some(&b'/') {
            // Nobody could follow it.
            return Err(Errno::Notcapable);
        }
        if name.needs_directory {
            return Err(match name.directory.lookup(&name.name) {
                Ok(_) => Errno::Exist,
                Err(errno) => errno,
            });
        }
        name.directory.create_symbolic_link(&name.name, &target)
    }

    pub(super) fn path_unlink_file(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let name = self.name(
            context,
            (fd, rights::PATH_UNLINK_FILE),
            (path, len),
            Errno::Isdir,
        )?;
        if name.needs_directory {
            return Err(match name.directory.lookup(&name.name)?.kind() {
                NodeKind::Directory => Errno::Isdir,
                _ => Errno::Notdir,
            });
        }
        name.directory.unlink(&name.name)
    }

    /// Where `path` leads from the directory `at.0`, which needs to have the rights `at.1`.
    fn place(
        &mut self,
        context: &Context<'_>,
        at: (u32, u64),
        path: (u32, u32),
        last: Last,
    ) -> Result<Place, Errno> {
        check_memory()?;
        let descriptor = self.descriptors.get(at.0)?;
        let base = Rc::clone(&descriptor.directory()?.node);
        descriptor.need(at.1)?;
        let path = read_path(context.memory, path.0, path.1)?;
        resolve(&base, &path, last)
    }

    /// The name that `path` leads to; `unnamed` where it leads to a directory without one.
    fn name(
        &mut self,
        context: &Context<'_>,
        at: (u32, u64),
        path: (u32, u32),
        unnamed: Errno,
    ) -> Result<Name, Errno> {
        match self.place(context, at, path, Last::Named)? {
            Place::Unnamed(_) => Err(unnamed),
            Place::Named {
                directory,
                name,
                needs_directory,
                ..
            } => Ok(Name {
                directory,
                name,
                needs_directory,
            }),
        }
    }
}

impl Opening {
    fn has(&self, flags: u32) -> bool {
        self.oflags & flags == flags
    }

    fn check(&self) -> Result<(), Errno> {
        if self.oflags & !oflags::ALL != 0 {
            return Err(Errno::Inval);
        }
        let makes = oflags::CREATE | oflags::EXCLUSIVE | oflags::TRUNCATE;
        if self.has(oflags::DIRECTORY) && self.oflags & makes != 0 {
            return Err(Errno::Inval);
        }
        Ok(())
    }

    /// Rights that the directory needs to have.
    fn needed(&self) -> u64 {
        let mut needed = rights::PATH_OPEN;
        if self.has(oflags::CREATE) {
            needed |= rights::PATH_CREATE_FILE;
        }
        if self.has(oflags::TRUNCATE) {
            needed |= rights::PATH_FILESTAT_SET_SIZE;
        }
        needed
    }

    fn open(&self, place: Place) -> Result<Descriptor, Errno> {
        let (node, needs_directory) = match place {
            Place::Unnamed(directory) => (directory, false),
            Place::Named {
                node: Some(node),
                needs_directory,
                ..
            } => (node, needs_directory),
            Place::Named {
                directory,
                name,
                node: None,
                needs_directory,
            } => {
                if !self.has(oflags::CREATE) {
                    return Err(Errno::Noent);
                }
                // As on Linux, and whether there is something or not.
                if needs_directory {
                    return Err(Errno::Isdir);
                }
                return self.create(&*directory, &name);
            }
        };
        self.open_node(node, needs_directory)
    }

    fn open_node(&self, node: Rc<dyn Node>, needs_directory: bool) -> Result<Descriptor, Errno> {
        if self.has(oflags::CREATE | oflags::EXCLUSIVE) {
            return Err(Errno::Exist);
        }
        match node.kind() {
            NodeKind::Directory => self.open_directory(node),
            // One that is not to be followed.
            NodeKind::SymbolicLink => Err(Errno::Loop),
            _ if needs_directory || self.has(oflags::DIRECTORY) => Err(Errno::Notdir),
            kind => self.open_file(node, kind),
        }
    }

    fn open_directory(&self, node: Rc<dyn Node>) -> Result<Descriptor, Errno> {
        let writes = self.rights & rights::FD_WRITE != 0;
        if writes || self.oflags & (oflags::CREATE | oflags::TRUNCATE) != 0 {
            return Err(Errno::Isdir);
        }
        Ok(Descriptor {
            object: Object::Directory(OpenDirectory {
                node,
                preopen: None,
                listing: None,
            }),
            rights: self.rights & rights::DIRECTORY,
            inheriting: self.inheriting,
            flags: self.flags,
        })
    }

    fn open_file(&self, node: Rc<dyn Node>, kind: NodeKind) -> Result<Descriptor, Errno> {
        let device = node.file_system();
        let truncate = self.has(oflags::TRUNCATE);
        let file = node.open(OpenMode {
            truncate,
            write: truncate || self.mode().write,
            ..self.mode()
        })?;
        Ok(self.descriptor(OpenFile {
            file,
            kind,
            cursor: 0,
            device,
        }))
    }

    fn create(&self, directory: &dyn Node, name: &[u8]) -> Result<Descriptor, Errno> {
        let file = match directory.create(name, self.mode()) {
            // It was made on the host a moment ago.
            Err(Errno::Exist) if !self.has(oflags::EXCLUSIVE) => {
                return self.open_node(directory.lookup(name)?, false);
            }
            file => file?,
        };
        Ok(self.descriptor(OpenFile {
            file,
            kind: NodeKind::File,
            cursor: 0,
            device: directory.file_system(),
        }))
    }

    /// How the file system is asked to open: to be read where nothing else is wanted.
    fn mode(&self) -> OpenMode {
        let write = self.rights & rights::FD_WRITE != 0;
        OpenMode {
            read: !write || self.rights & rights::FD_READ != 0,
            write,
            truncate: false,
        }
    }

    fn descriptor(&self, open: OpenFile) -> Descriptor {
        Descriptor {
            object: Object::File(open),
            rights: self.rights & rights::FILE,
            inheriting: self.inheriting & rights::FILE,
            flags: self.flags & flag::ALL,
        }
    }
}

fn ends_in_slash(memory: &dyn GuestMemory, path: u32, len: u32) -> bool {
    let mut last = [0];
    let at = path.checked_add(len).and_then(|end| end.checked_sub(1));
    len > 0 && at.is_some_and(|at| memory.read(at, &mut last).is_ok()) && last == *b"/"
}

fn last_by_flags(flags: u32) -> Result<Last, Errno> {
    match flags {
        0 => Ok(Last::LookedUp),
        lookupflags::SYMLINK_FOLLOW => Ok(Last::Followed),
        _ => Err(Errno::Inval),
    }
}
