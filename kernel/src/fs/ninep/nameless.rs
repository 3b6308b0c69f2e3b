//! What is known of an opened file whose name is gone, beyond what the server tells.
//!
//! The server opens by fid and sets attributes by the name that the fid was walked to; up to version 9, QEMU finds
//! attributes by that name too. Once it leads nowhere, or to another file, what is set is kept here.

use super::super::errno::Errno;
use super::super::node::{Attributes, NewTime};
use super::attributes;
use super::fid::Fid;

/// What was set of a file without a name.
#[derive(Default)]
pub(super) struct Nameless {
    /// Where the file ends, if it was shortened: the server has zeros behind it.
    pub(super) end: Option<u64>,
    accessed_ns: Option<u64>,
    modified_ns: Option<u64>,
}

impl Nameless {
    pub(super) fn set_times(&mut self, accessed: Option<NewTime>, modified: Option<NewTime>) {
        for (time, kept) in [
            (accessed, &mut self.accessed_ns),
            (modified, &mut self.modified_ns),
        ] {
            if let Some(NewTime::At(ns)) = time {
                *kept = Some(ns);
            }
        }
    }

    /// Bytes were written up to `end`.
    pub(super) fn grow(&mut self, end: u64) {
        self.end = self.end.map(|known| known.max(end));
    }

    /// What the application sees, where the server tells `attributes`.
    pub(super) fn apply(&self, attributes: Attributes) -> Attributes {
        Attributes {
            size: self.end.unwrap_or(attributes.size),
            accessed_ns: self.accessed_ns.unwrap_or(attributes.accessed_ns),
            modified_ns: self.modified_ns.unwrap_or(attributes.modified_ns),
            ..attributes
        }
    }
}

/// A fid for the name of an opened file with this `inode`; `None` where it leads nowhere or to another file.
pub(super) fn named(fid: &Fid, inode: u64) -> Result<Option<Fid>, Errno> {
    // The fid of an opened file may stand for the file itself. A second one stands for the name.
    let found = fid.duplicate().and_then(|named| {
        let attributes = attributes::get(&named)?;
        Ok((attributes.inode == inode).then_some(named))
    });
    match found {
        Err(errno) if is_gone(errno) => Ok(None),
        found => found,
    }
}

/// Whether an error tells that a name leads nowhere.
pub(super) fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::Noent | Errno::Notdir | Errno::Stale)
}
