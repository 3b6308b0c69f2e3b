//! Opened files and directories of a server.

use alloc::vec::Vec;

use super::super::errno::Errno;
use super::super::node::{Attributes, DirectoryEntry, File, NewTime, NodeKind, OpenMode};
use super::attributes::{self, kind_of_entry};
use super::fid::Fid;
use super::nameless::{Nameless, is_gone, named};
use super::wire::Request;
use crate::zeros::ZEROS;

/// Bytes that are read at once where less is asked for and the file is read from front to back.
const AHEAD_BYTES: usize = 64 << 10;

/// Most files with bytes read ahead, so that they take 2 MiB at most.
const AHEAD_FILES_MAX: usize = 32;

/// Most bytes that a file without a name is shortened by: each is filled with zeros.
const ZEROS_BYTES_MAX: u64 = 64 << 20;

/// Bytes in front of the entries in the reply to Treaddir.
const READDIR_OVERHEAD_BYTES: usize = 11;

pub(super) struct OpenedFile {
    fid: Fid,
    mode: OpenMode,
    /// What was last known, which may be all there is once the file's name is gone.
    last: Attributes,
    ahead: Ahead,
    /// Where the last read ended.
    read_end: u64,
    nameless: Nameless,
}

/// Bytes read before they were asked for. They serve only reads that go on where the last one ended, so that a file is
/// never seen older than its reader has asked for it, other than by what one read brought along.
#[derive(Default)]
struct Ahead {
    bytes: Vec<u8>,
    /// Bytes at the front that were given out.
    used: usize,
    /// The session's count of changes when they were read.
    changes: u64,
}

impl Ahead {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or(&[])
    }
}

impl OpenedFile {
    /// Takes over a fid that was just opened.
    pub(super) fn new(fid: Fid, mode: OpenMode) -> Result<Self, Errno> {
        let last = attributes::get(&fid)?;
        Ok(Self {
            fid,
            mode,
            last,
            ahead: Ahead::default(),
            read_end: 0,
            nameless: Nameless::default(),
        })
    }

    /// Asks for the attributes.
    fn refresh(&mut self) -> Result<(), Errno> {
        match attributes::get(&self.fid) {
            Ok(attributes) if attributes.inode == self.last.inode => self.last = attributes,
            // The last ones known have to do.
            Ok(_) => self.last.links = 0,
            Err(errno) if is_gone(errno) => self.last.links = 0,
            Err(errno) => return Err(errno),
        }
        self.last = self.nameless.apply(self.last);
        Ok(())
    }

    /// Cuts a file that has no name at `size`, which is not beyond its end.
    fn shorten_nameless(&mut self, size: u64) -> Result<(), Errno> {
        let mut at = size;
        let old_size = self.last.size;
        // Under another name, others would see the zeros.
        if old_size - size > ZEROS_BYTES_MAX || self.last.links > 0 {
            return Err(Errno::Notsup);
        }
        while at < old_size {
            let zeros =
                usize::try_from(old_size - at).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            at += self.write_at(at, &ZEROS[..zeros])? as u64;
        }
        self.last.size = size;
        self.nameless.end = Some(size);
        Ok(())
    }

    /// Asks for up to `len` bytes at `offset`.
    fn read_now(
        &self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        let mut session = self.fid.session().borrow_mut();
        let len = len.min(session.data_bytes_max());
        let count = u32::try_from(len).map_err(|_| Errno::Inval)?;
        let mut reply = session.call(Request::Read, |request| {
            request.u32(self.fid.number()).u64(offset).u32(count);
        })?;
        let count = reply.u32()?;
        if count as usize > len {
            return Err(Errno::Io);
        }
        let data = reply.bytes(count as usize)?;
        if !data.is_empty() {
            see(data);
        }
        Ok(data.len())
    }

    fn read_ahead(&mut self, offset: u64) -> Result<(), Errno> {
        let mut bytes = core::mem::take(&mut self.ahead.bytes);
        let held = bytes.capacity() > 0;
        bytes.clear();
        let read = self.read_now(offset, AHEAD_BYTES, &mut |data| {
            // Where memory is short, there is just less to give out.
            if bytes.try_reserve_exact(data.len()).is_ok() {
                bytes.extend_from_slice(data);
            }
        });
        let mut session = self.fid.session().borrow_mut();
        if bytes.capacity() > 0 && !held {
            session.ahead_count += 1;
        } else if bytes.capacity() == 0 && held {
            session.ahead_count -= 1;
        }
        self.ahead = Ahead {
            bytes,
            used: 0,
            changes: session.changes,
        };
        match read {
            Ok(count) if count != self.ahead.bytes.len() => Err(Errno::Nomem),
            Ok(_) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn forget_ahead(&mut self) {
        if self.ahead.bytes.capacity() > 0 {
            self.ahead = Ahead::default();
            self.fid.session().borrow_mut().ahead_count -= 1;
        }
    }

    fn may_read_ahead(&self, len: usize) -> bool {
        let session = self.fid.session().borrow();
        len < AHEAD_BYTES
            && (self.ahead.bytes.capacity() > 0 || session.ahead_count < AHEAD_FILES_MAX)
    }
}

impl File for OpenedFile {
    fn attributes(&mut self) -> Result<Attributes, Errno> {
        self.refresh()?;
        Ok(self.last)
    }

    fn set_times(
        &mut self,
        accessed: Option<NewTime>,
        modified: Option<NewTime>,
    ) -> Result<(), Errno> {
        self.fid.session().borrow().check_writable()?;
        if let Some(named) = named(&self.fid, self.last.inode)? {
            return attributes::set_times(&named, accessed, modified);
        }
        self.nameless.set_times(accessed, modified);
        Ok(())
    }

    fn set_size(&mut self, size: u64) -> Result<(), Errno> {
        self.fid.session().borrow().check_writable()?;
        if !self.mode.write {
            return Err(Errno::Inval);
        }
        if i64::try_from(size).is_err() {
            return Err(Errno::Inval);
        }
        if let Some(named) = named(&self.fid, self.last.inode)? {
            attributes::set_size(&named, size)?;
            self.last.size = size;
            return Ok(());
        }
        // A byte at the new end lengthens, and zeros behind an end that only this descriptor knows of shorten.
        self.refresh()?;
        match size.checked_sub(1) {
            Some(end) if size > self.last.size => self.write_at(end, &[0]).map(drop),
            _ => self.shorten_nameless(size),
        }
    }

    fn read_at(
        &mut self,
        offset: u64,
        len: usize,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        let len = match self.nameless.end {
            Some(end) => len.min(usize::try_from(end.saturating_sub(offset)).unwrap_or(len)),
            None => len,
        };
        let on_from_last = offset == self.read_end;
        let fresh = self.ahead.changes == self.fid.session().borrow().changes;
        if !(on_from_last && fresh) {
            self.forget_ahead();
        }
        let data_bytes_max = self.fid.session().borrow().data_bytes_max();
        let mut total = self.take_ahead(len, see);
        while total < len {
            let wanted = len - total;
            let position = offset.checked_add(total as u64).ok_or(Errno::Inval)?;
            let read = if on_from_last && self.may_read_ahead(wanted) {
                match self.read_ahead(position) {
                    Ok(()) => Ok(self.take_ahead(wanted, see)),
                    Err(Errno::Nomem) => {
                        self.forget_ahead();
                        self.read_now(position, wanted, see)
                    }
                    Err(errno) => Err(errno),
                }
            } else {
                self.read_now(position, wanted, see)
            };
            match read {
                Ok(count) => total += count,
                Err(errno) if total == 0 => return Err(errno),
                Err(_) => break,
            }
            if read.is_ok_and(|count| count < wanted.min(data_bytes_max)) {
                break;
            }
        }
        self.read_end = offset.saturating_add(total as u64);
        Ok(total)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let mut session = self.fid.session().borrow_mut();
        session.check_writable()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        session.changes += 1;
        let bytes = &bytes[..bytes.len().min(session.data_bytes_max())];
        let count = u32::try_from(bytes.len()).map_err(|_| Errno::Inval)?;
        let mut reply = session.call(Request::Write, |request| {
            request
                .u32(self.fid.number())
                .u64(offset)
                .u32(count)
                .bytes(bytes);
        })?;
        let written = reply.u32()?;
        if written == 0 || written > count {
            return Err(Errno::Io);
        }
        let end = offset.saturating_add(u64::from(written));
        self.last.size = self.last.size.max(end);
        self.nameless.grow(end);
        Ok(written as usize)
    }

    fn sync(&mut self, data_only: bool) -> Result<(), Errno> {
        let mut session = self.fid.session().borrow_mut();
        session.call(Request::Fsync, |request| {
            request.u32(self.fid.number()).u32(u32::from(data_only));
        })?;
        Ok(())
    }

    fn read_directory(&mut self, from: u64) -> Result<Vec<DirectoryEntry>, Errno> {
        if self.last.kind != NodeKind::Directory {
            return Err(Errno::Notdir);
        }
        let mut session = self.fid.session().borrow_mut();
        let room = session.data_bytes_max().min(AHEAD_BYTES) - READDIR_OVERHEAD_BYTES;
        let room = u32::try_from(room).map_err(|_| Errno::Inval)?;
        let mut reply = session.call(Request::Readdir, |request| {
            request.u32(self.fid.number()).u64(from).u32(room);
        })?;
        let count = reply.u32()?;
        let mut data = super::wire::Reader::new(reply.bytes(count as usize)?);
        let mut entries = Vec::new();
        while !data.is_empty() {
            let qid = data.qid()?;
            let next = data.u64()?;
            let entry_type = data.u8()?;
            let name = data.text()?;
            // An entry that leads back to the start would be read for ever.
            if next == 0 || name.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
                return Err(Errno::Io);
            }
            entries.try_reserve(1).map_err(|_| Errno::Nomem)?;
            entries.push(DirectoryEntry {
                next,
                inode: qid.path,
                kind: kind_of_entry(entry_type, qid),
                name: name.to_vec(),
            });
        }
        Ok(entries)
    }
}

impl OpenedFile {
    fn take_ahead(&mut self, len: usize, see: &mut dyn FnMut(&[u8])) -> usize {
        let rest = self.ahead.rest();
        let taken = &rest[..rest.len().min(len)];
        let count = taken.len();
        if count > 0 {
            see(taken);
        }
        self.ahead.used += count;
        if self.ahead.rest().is_empty() {
            self.forget_ahead();
        }
        count
    }
}

impl Drop for OpenedFile {
    fn drop(&mut self) {
        self.forget_ahead();
    }
}
