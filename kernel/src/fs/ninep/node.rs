//! Files, directories and links of a server, by fids that were walked to and not opened.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::RefCell;

use super::super::errno::Errno;
use super::super::name::{check_name, check_target};
use super::super::node::{Attributes, Descent, File, NewTime, Node, NodeKind, OpenMode};
use super::attributes::{self, kind_of_qid};
use super::fid::{Fid, WALK_NAMES_MAX};
use super::file::OpenedFile;
use super::session::Session;
use super::wire::{NO_ID, Request, Writer};

/// Modes of what is made; the server's user owns it.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

// Flags of opening, in Linux's numbers for x86-64.
const OPEN_READ_ONLY: u32 = 0;
const OPEN_WRITE_ONLY: u32 = 1;
const OPEN_READ_WRITE: u32 = 2;
const OPEN_EXCLUSIVE: u32 = 0o200;
const OPEN_TRUNCATE: u32 = 0o1000;
/// So that opening a pipe does not wait for its other end.
const OPEN_NONBLOCK: u32 = 0o4000;
const OPEN_DIRECTORY: u32 = 0o200_000;

/// Most bytes of all names of a walk: it has to fit in the smallest message.
const WALK_BYTES_MAX: usize = 2048;

/// Flag of Tunlinkat: what goes is a directory.
const REMOVE_DIRECTORY: u32 = 0x200;

struct RemoteNode {
    fid: Fid,
    kind: NodeKind,
}

/// Opens the root of a session.
pub(super) fn attach(session: Session) -> Result<Rc<dyn Node>, Errno> {
    let (fid, qid) = Fid::attach(&Rc::new(RefCell::new(session)))?;
    Ok(Rc::new(RemoteNode {
        fid,
        kind: kind_of_qid(qid),
    }))
}

impl RemoteNode {
    /// Sends a request that changes this directory by `name`.
    fn change(
        &self,
        kind: Request,
        name: &[u8],
        fill: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Errno> {
        check_name(name)?;
        let mut session = self.fid.session().borrow_mut();
        session.check_writable()?;
        session.call(kind, fill)?;
        Ok(())
    }

    fn of_same_session<'a>(&self, node: &'a dyn Node) -> Result<&'a RemoteNode, Errno> {
        node.as_any()
            .downcast_ref::<RemoteNode>()
            .filter(|other| Rc::ptr_eq(self.fid.session(), other.fid.session()))
            .ok_or(Errno::Xdev)
    }
}

impl Node for RemoteNode {
    fn kind(&self) -> NodeKind {
        self.kind
    }

    fn attributes(&self) -> Result<Attributes, Errno> {
        attributes::get(&self.fid)
    }

    fn set_times(&self, accessed: Option<NewTime>, modified: Option<NewTime>) -> Result<(), Errno> {
        attributes::set_times(&self.fid, accessed, modified)
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        check_name(name)?;
        let (fid, qid) = self.fid.walk(name)?;
        Ok(Rc::new(RemoteNode {
            fid,
            kind: kind_of_qid(qid),
        }))
    }

    fn descend(&self, names: &[&[u8]]) -> Result<Descent, Errno> {
        let mut bytes = 0;
        for name in names {
            check_name(name)?;
            bytes += name.len();
        }
        if names.len() > WALK_NAMES_MAX || bytes > WALK_BYTES_MAX {
            return Ok(Descent::default());
        }
        let Ok((fid, qids)) = self.fid.walk_all(names) else {
            // QEMU before 7.1 does not tell how far it came.
            return Ok(Descent::default());
        };
        let directories = qids
            .iter()
            .take_while(|qid| kind_of_qid(**qid) == NodeKind::Directory)
            .count();
        // A server that walked on through something else is not followed there.
        let end = fid.filter(|_| directories == names.len());
        Ok(Descent {
            directories,
            end: end.map(|fid| -> Rc<dyn Node> {
                Rc::new(RemoteNode {
                    fid,
                    kind: NodeKind::Directory,
                })
            }),
        })
    }

    fn open(self: Rc<Self>, mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        if mode.write || mode.truncate {
            self.fid.session().borrow().check_writable()?;
        }
        let directory = self.kind == NodeKind::Directory;
        let fid = match Rc::try_unwrap(self) {
            Ok(node) => node.fid,
            Err(shared) => shared.fid.duplicate()?,
        };
        let mut flags = access_flags(mode) | OPEN_NONBLOCK;
        if mode.truncate {
            flags |= OPEN_TRUNCATE;
        }
        if directory {
            flags |= OPEN_DIRECTORY;
        }
        {
            let mut session = fid.session().borrow_mut();
            if mode.truncate {
                session.changes += 1;
            }
            session.call(Request::Lopen, |request| {
                request.u32(fid.number()).u32(flags);
            })?;
        }
        Ok(Box::new(OpenedFile::new(fid, mode)?))
    }

    fn create(&self, name: &[u8], mode: OpenMode) -> Result<Box<dyn File>, Errno> {
        check_name(name)?;
        self.fid.session().borrow().check_writable()?;
        // The fid of the directory turns into the one of the file.
        let fid = self.fid.duplicate()?;
        let flags = access_flags(mode) | OPEN_EXCLUSIVE | OPEN_NONBLOCK;
        fid.session()
            .borrow_mut()
            .call(Request::Lcreate, |request| {
                request
                    .u32(fid.number())
                    .text(name)
                    .u32(flags)
                    .u32(FILE_MODE)
                    .u32(NO_ID);
            })?;
        Ok(Box::new(OpenedFile::new(fid, mode)?))
    }

    fn create_directory(&self, name: &[u8]) -> Result<(), Errno> {
        self.change(Request::Mkdir, name, |request| {
            request
                .u32(self.fid.number())
                .text(name)
                .u32(DIRECTORY_MODE)
                .u32(NO_ID);
        })
    }

    fn create_symbolic_link(&self, name: &[u8], target: &[u8]) -> Result<(), Errno> {
        check_target(target)?;
        self.change(Request::Symlink, name, |request| {
            request
                .u32(self.fid.number())
                .text(name)
                .text(target)
                .u32(NO_ID);
        })
    }

    fn link(&self, node: &dyn Node, name: &[u8]) -> Result<(), Errno> {
        let node = self.of_same_session(node)?;
        self.change(Request::Link, name, |request| {
            request
                .u32(self.fid.number())
                .u32(node.fid.number())
                .text(name);
        })
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        let mut session = self.fid.session().borrow_mut();
        let mut reply = session.call(Request::Readlink, |request| {
            request.u32(self.fid.number());
        })?;
        let target = reply.text()?;
        check_target(target).map_err(|_| Errno::Io)?;
        Ok(target.to_vec())
    }

    fn unlink(&self, name: &[u8]) -> Result<(), Errno> {
        self.change(Request::Unlinkat, name, |request| {
            request.u32(self.fid.number()).text(name).u32(0);
        })
    }

    fn remove_directory(&self, name: &[u8]) -> Result<(), Errno> {
        self.change(Request::Unlinkat, name, |request| {
            request
                .u32(self.fid.number())
                .text(name)
                .u32(REMOVE_DIRECTORY);
        })
    }

    fn rename(&self, name: &[u8], new_directory: &dyn Node, new_name: &[u8]) -> Result<(), Errno> {
        check_name(new_name)?;
        let new_directory = self.of_same_session(new_directory)?;
        self.change(Request::Renameat, name, |request| {
            request
                .u32(self.fid.number())
                .text(name)
                .u32(new_directory.fid.number())
                .text(new_name);
        })
    }

    fn file_system(&self) -> u64 {
        self.fid.session().borrow().number()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn access_flags(mode: OpenMode) -> u32 {
    match (mode.read, mode.write) {
        (true, true) => OPEN_READ_WRITE,
        (false, true) => OPEN_WRITE_ONLY,
        (_, false) => OPEN_READ_ONLY,
    }
}
