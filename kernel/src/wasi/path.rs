//! Paths: component by component from an open directory, links followed, and no way out of it.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::buffers::read_bytes;
use crate::fs::errno::Errno;
use crate::fs::node::{Node, NodeKind};
use crate::guest::GuestMemory;

/// Most bytes of a path: `PATH_MAX` of Linux.
const PATH_BYTES_MAX: u32 = 4096;

/// Most symbolic links on the way, as on Linux.
const LINKS_MAX: u32 = 40;

/// Most components that are taken in one go.
const DESCENT_MAX: usize = 16;

/// Most components that wait to be looked up: a path's, and those of links on the way.
const PENDING_MAX: usize = 8192;

/// What happens to the last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing: its name is all that is wanted.
    Named,
    /// It is looked up; a symbolic link is what it is, unless a `/` stands behind it.
    LookedUp,
    /// It is looked up, and followed where it is a symbolic link.
    Followed,
}

/// Where a path leads.
pub(super) enum Place {
    /// To a directory that has no name here: the starting point, or one reached by `.` or `..` at the end.
    Unnamed(Rc<dyn Node>),
    /// To a name in a directory.
    Named {
        directory: Rc<dyn Node>,
        name: Vec<u8>,
        /// What is there, if something is and it was looked up.
        node: Option<Rc<dyn Node>>,
        /// A `/` stands behind the name: only a directory will do.
        needs_directory: bool,
    },
}

impl Place {
    /// What is there.
    pub(super) fn node(self) -> Result<Rc<dyn Node>, Errno> {
        match self {
            Place::Unnamed(directory) => Ok(directory),
            Place::Named {
                node,
                needs_directory,
                ..
            } => {
                let node = node.ok_or(Errno::Noent)?;
                if needs_directory && node.kind() != NodeKind::Directory {
                    return Err(Errno::Notdir);
                }
                Ok(node)
            }
        }
    }
}

/// As many bytes are refused where memory is short: see the kernel's heap.
const PROBE_BYTES: usize = 4096;

/// Fails where memory is so short that what a path leads to could end the kernel.
pub(super) fn check_memory() -> Result<(), Errno> {
    Vec::<u8>::new()
        .try_reserve_exact(PROBE_BYTES)
        .map_err(|_| Errno::Nomem)
}

/// Copies a path from the application.
pub(super) fn read_path(
    memory: &dyn GuestMemory,
    address: u32,
    len: u32,
) -> Result<Vec<u8>, Errno> {
    let path = read_bytes(memory, address, len, PATH_BYTES_MAX)?;
    if core::str::from_utf8(&path).is_err() {
        return Err(Errno::Ilseq);
    }
    if path.contains(&0) {
        return Err(Errno::Inval);
    }
    Ok(path)
}

/// Finds where `path` leads from the directory `base`, which it can't leave.
///
/// # Errors
///
/// `Notcapable` if it would leave `base`, `Loop` after too many links, `Noent` and `Notdir` on the way, and whatever the
/// file system says. That the last component is not there is no error.
pub(super) fn resolve(base: &Rc<dyn Node>, path: &[u8], last: Last) -> Result<Place, Errno> {
    if path.is_empty() {
        return Err(Errno::Noent);
    }
    let mut walk = Walk {
        levels: Vec::new(),
        base,
        pending: Vec::new(),
        links: 0,
    };
    walk.push(path)?;
    walk.run(last)
}

struct Walk<'a> {
    base: &'a Rc<dyn Node>,
    /// The directories below `base` that lead to where the walk is.
    levels: Vec<Level>,
    /// Components that are still to come, the next one last. An empty one stands for a `/` at the end.
    pending: Vec<Vec<u8>>,
    links: u32,
}

/// A directory on the way.
struct Level {
    name: Vec<u8>,
    /// Known for the last level, and for some before it.
    node: Option<Rc<dyn Node>>,
}

impl Walk<'_> {
    fn run(&mut self, last: Last) -> Result<Place, Errno> {
        loop {
            self.descend()?;
            let Some(component) = self.pending.pop() else {
                return Ok(Place::Unnamed(self.here()?));
            };
            match component.as_slice() {
                b"" | b"." => {}
                b".." => {
                    self.levels.pop().ok_or(Errno::Notcapable)?;
                }
                _ => {
                    if let Some(place) = self.step(component, last)? {
                        return Ok(place);
                    }
                }
            }
        }
    }

    /// The directory where the walk is. After `..` it may have to be gone to anew.
    fn here(&mut self) -> Result<Rc<dyn Node>, Errno> {
        let known = self.levels.iter().rposition(|level| level.node.is_some());
        let (mut node, mut at) =
            match known.and_then(|at| Some((self.levels[at].node.clone()?, at))) {
                Some((node, at)) => (node, at + 1),
                None => (Rc::clone(self.base), 0),
            };
        while at < self.levels.len() {
            // One by one: this is rare, and what is a directory at one time may be something else at another.
            node = node.lookup(&self.levels[at].name)?;
            if node.kind() != NodeKind::Directory {
                return Err(Errno::Notdir);
            }
            self.levels[at].node = Some(Rc::clone(&node));
            at += 1;
        }
        Ok(node)
    }

    /// Takes the components in front of the last in one go, as far as they are plain names of directories.
    fn descend(&mut self) -> Result<(), Errno> {
        let is_slash_last = self.pending.first().is_some_and(Vec::is_empty);
        let before_last = self.pending.get(1 + usize::from(is_slash_last)..);
        let names: Vec<&[u8]> = before_last
            .unwrap_or(&[])
            .iter()
            .rev()
            .map(Vec::as_slice)
            .take_while(|name| !matches!(*name, b"" | b"." | b".."))
            .take(DESCENT_MAX)
            .collect();
        // A single one is looked up at no more cost, and that tells what is wrong with it.
        if names.len() < 2 {
            return Ok(());
        }
        let here = match self.levels.last() {
            Some(Level { node: None, .. }) => return Ok(()),
            Some(Level {
                node: Some(node), ..
            }) => Rc::clone(node),
            None => Rc::clone(self.base),
        };
        let mut descent = here.descend(&names)?;
        if descent.end.is_none() && descent.directories >= 2 {
            descent = here.descend(&names[..descent.directories])?;
        }
        let Some(end) = descent.end else {
            return Ok(());
        };
        let first = self.pending.len() - descent.directories;
        for name in self.pending.drain(first..).rev() {
            self.levels.push(Level { name, node: None });
        }
        if let Some(level) = self.levels.last_mut() {
            level.node = Some(end);
        }
        Ok(())
    }

    /// Takes one named component; returns the place if it was the last.
    fn step(&mut self, name: Vec<u8>, last: Last) -> Result<Option<Place>, Errno> {
        // `name/` is still last, but what it names has to be a directory.
        let needs_directory = self.pending.len() == 1 && self.pending[0].is_empty();
        let is_last = self.pending.is_empty() || needs_directory;
        let directory = self.here()?;
        let found = if is_last && last == Last::Named {
            None
        } else {
            match directory.lookup(&name) {
                Ok(node) => Some(node),
                Err(Errno::Noent) if is_last => None,
                Err(errno) => return Err(errno),
            }
        };
        let Some(node) = found else {
            return Ok(Some(Place::Named {
                directory,
                name,
                node: None,
                needs_directory,
            }));
        };
        let follows = !is_last || last == Last::Followed || needs_directory;
        match node.kind() {
            NodeKind::SymbolicLink if follows => {
                self.links += 1;
                if self.links > LINKS_MAX {
                    return Err(Errno::Loop);
                }
                self.push(&node.read_link()?)?;
                Ok(None)
            }
            _ if is_last => Ok(Some(Place::Named {
                directory,
                name,
                node: Some(node),
                needs_directory,
            })),
            NodeKind::Directory => {
                self.levels.try_reserve(1).map_err(|_| Errno::Nomem)?;
                self.levels.push(Level {
                    name,
                    node: Some(node),
                });
                Ok(None)
            }
            _ => Err(Errno::Notdir),
        }
    }

    /// Puts the components of `path` in front of those that wait.
    fn push(&mut self, path: &[u8]) -> Result<(), Errno> {
        if path.first() == Some(&b'/') {
            return Err(Errno::Notcapable);
        }
        let ends_in_slash = path.last() == Some(&b'/');
        if ends_in_slash && self.pending.is_empty() {
            self.pending.push(Vec::new());
        }
        for component in path.rsplit(|byte| *byte == b'/') {
            if component.is_empty() {
                continue;
            }
            if self.pending.len() == PENDING_MAX {
                return Err(Errno::Nametoolong);
            }
            let mut name = Vec::new();
            name.try_reserve_exact(component.len())
                .map_err(|_| Errno::Nomem)?;
            name.extend_from_slice(component);
            self.pending.try_reserve(1).map_err(|_| Errno::Nomem)?;
            self.pending.push(name);
        }
        Ok(())
    }
}
