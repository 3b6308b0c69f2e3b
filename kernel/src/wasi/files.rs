//! Descriptors: reading, writing, positions, attributes.

use alloc::vec::Vec;

use super::buffers::{Ranges, Scatter, stage, store_u32, store_u64};
use super::descriptor::{Descriptor, Object, OpenFile};
use super::sockets::{self, Socket};
use super::system::{StdinRead, Stream};
use super::types::{Filestat, fdflags, filetype, filetype_of, fstflags, rights};
use super::{Context, Wasi};
use crate::fs::errno::Errno;
use crate::fs::node::{NewTime, NodeKind};
use crate::guest::GuestMemory;

/// Up to so many bytes of several ranges reach the console as one piece.
const CONSOLE_JOIN_BYTES_MAX: usize = 8 << 10;

/// Kinds of advice there are.
const ADVICE_MAX: u32 = 5;

/// Where a position is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whence {
    Start,
    Cursor,
    End,
}

impl Wasi {
    pub(super) fn fd_advise(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        offset: u64,
        len: u64,
        advice: u32,
    ) -> Result<(), Errno> {
        file(self.descriptors.with(fd, rights::FD_ADVISE)?)?;
        let end = offset.checked_add(len);
        if advice > ADVICE_MAX || end.is_none_or(|end| i64::try_from(end).is_err()) {
            return Err(Errno::Inval);
        }
        // Nothing would be done otherwise for it.
        Ok(())
    }

    pub(super) fn fd_allocate(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        offset: u64,
        len: u64,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.with(fd, rights::FD_ALLOCATE)?;
        let is_written = descriptor.rights & rights::FD_WRITE != 0;
        let open = file(descriptor)?;
        if !is_written {
            return Err(Errno::Badf);
        }
        let [start, bytes] = [offset, len].map(i64::try_from);
        match (start, bytes) {
            (Err(_), _) | (_, Err(_) | Ok(0)) => return Err(Errno::Inval),
            (Ok(start), Ok(bytes)) if start.checked_add(bytes).is_none() => {
                return Err(Errno::Fbig);
            }
            _ => {}
        }
        open.file.allocate(offset, len)
    }

    pub(super) fn fd_close(&mut self, context: &mut Context<'_>, fd: u32) -> Result<(), Errno> {
        let descriptor = self.descriptors.remove(fd)?;
        if let Object::Socket(_) = &descriptor.object {
            // A socket's last words leave at once.
            drop(descriptor);
            self.poll_network(context);
        }
        Ok(())
    }

    pub(super) fn fd_datasync(&mut self, _: &mut Context<'_>, fd: u32) -> Result<(), Errno> {
        sync(self.descriptors.with(fd, rights::FD_DATASYNC)?, true)
    }

    pub(super) fn fd_sync(&mut self, _: &mut Context<'_>, fd: u32) -> Result<(), Errno> {
        sync(self.descriptors.with(fd, rights::FD_SYNC)?, false)
    }

    pub(super) fn fd_fdstat_get(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        fdstat: u32,
    ) -> Result<(), Errno> {
        let terminals = self.terminals;
        let descriptor = self.descriptors.get(fd)?;
        let standard = |index: usize| {
            if terminals[index] {
                filetype::CHARACTER_DEVICE
            } else {
                filetype::UNKNOWN
            }
        };
        let mut bytes = [0; 24];
        bytes[0] = match &descriptor.object {
            Object::Stdin => standard(0),
            Object::Output(Stream::Stdout) => standard(1),
            Object::Output(Stream::Stderr) => standard(2),
            Object::File(open) => filetype_of(open.kind),
            Object::Directory(_) => filetype::DIRECTORY,
            Object::Socket(socket) => socket_filetype(socket),
        };
        bytes[2..4].copy_from_slice(&descriptor.flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&descriptor.rights.to_le_bytes());
        bytes[16..24].copy_from_slice(&descriptor.inheriting.to_le_bytes());
        Ok(context.memory.write(fdstat, &bytes)?)
    }

    pub(super) fn fd_fdstat_set_flags(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        flags: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.with(fd, rights::FD_FDSTAT_SET_FLAGS)?;
        descriptor.flags = fdflags(flags)?;
        Ok(())
    }

    pub(super) fn fd_fdstat_set_rights(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        rights: u64,
        inheriting: u64,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        if rights & !descriptor.rights != 0 || inheriting & !descriptor.inheriting != 0 {
            return Err(Errno::Notcapable);
        }
        descriptor.rights = rights;
        descriptor.inheriting = inheriting;
        self.descriptors.version += 1;
        Ok(())
    }

    pub(super) fn fd_filestat_get(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        filestat: u32,
    ) -> Result<(), Errno> {
        let bytes = self.filestat(fd)?.bytes();
        Ok(context.memory.write(filestat, &bytes)?)
    }

    pub(super) fn fd_filestat_get_unstable(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        filestat: u32,
    ) -> Result<(), Errno> {
        let bytes = self.filestat(fd)?.bytes_unstable();
        Ok(context.memory.write(filestat, &bytes)?)
    }

    fn filestat(&mut self, fd: u32) -> Result<Filestat, Errno> {
        let terminals = self.terminals;
        let descriptor = self.descriptors.with(fd, rights::FD_FILESTAT_GET)?;
        let standard = |index: usize| Filestat {
            filetype: if terminals[index] {
                filetype::CHARACTER_DEVICE
            } else {
                filetype::UNKNOWN
            },
            ..Filestat::default()
        };
        Ok(match &mut descriptor.object {
            Object::Stdin => standard(0),
            Object::Output(Stream::Stdout) => standard(1),
            Object::Output(Stream::Stderr) => standard(2),
            Object::File(open) => Filestat::new(open.device, &open.file.attributes()?),
            Object::Socket(socket) => Filestat {
                filetype: socket_filetype(socket),
                ..Filestat::default()
            },
            Object::Directory(directory) => {
                Filestat::new(directory.node.file_system(), &directory.node.attributes()?)
            }
        })
    }

    pub(super) fn fd_filestat_set_size(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        size: u64,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        file(descriptor)?;
        descriptor.need(rights::FD_FILESTAT_SET_SIZE)?;
        file(descriptor)?.file.set_size(size)
    }

    pub(super) fn fd_filestat_set_times(
        &mut self,
        _: &mut Context<'_>,
        fd: u32,
        accessed_ns: u64,
        modified_ns: u64,
        flags: u32,
    ) -> Result<(), Errno> {
        let (accessed, modified) = new_times(accessed_ns, modified_ns, flags)?;
        let descriptor = self.descriptors.with(fd, rights::FD_FILESTAT_SET_TIMES)?;
        match &mut descriptor.object {
            Object::File(open) => open.file.set_times(accessed, modified),
            Object::Directory(directory) => directory.node.set_times(accessed, modified),
            Object::Stdin | Object::Output(_) | Object::Socket(_) => Err(Errno::Badf),
        }
    }

    pub(super) fn fd_pread(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        offset: u64,
        read: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        let open = positioned(descriptor, rights::FD_READ)?;
        descriptor_has(open.0, rights::FD_SEEK)?;
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(read, 4)?;
        let bytes = read_file(open.1, context.memory, &ranges, offset)?;
        store_u32(context.memory, read, bytes)
    }

    pub(super) fn fd_read(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        read: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        if descriptor.rights & rights::FD_READ == 0 {
            return Err(Errno::Badf);
        }
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(read, 4)?;
        let nonblocking = descriptor.has_flag(fdflags::NONBLOCK);
        let bytes = match &mut descriptor.object {
            Object::Stdin => read_stdin(self, context, &ranges, nonblocking)?,
            Object::File(open) => {
                let bytes = read_file(open, context.memory, &ranges, open.cursor)?;
                open.cursor = open.cursor.saturating_add(u64::from(bytes));
                bytes
            }
            Object::Socket(socket) => {
                let end = socket.receiver(nonblocking)?;
                sockets::receive(self, context, &end, &ranges, 0)?.0
            }
            Object::Output(_) | Object::Directory(_) => return Err(Errno::Badf),
        };
        store_u32(context.memory, read, bytes)
    }

    pub(super) fn fd_pwrite(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        offset: u64,
        written: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        let flags = descriptor.flags;
        let open = positioned(descriptor, rights::FD_WRITE)?;
        descriptor_has(open.0, rights::FD_SEEK)?;
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(written, 4)?;
        // As on Linux, and so in other engines: what is opened to be appended to is.
        let offset = if flags & fdflags::APPEND != 0 && ranges.bytes > 0 {
            open.1.file.attributes()?.size
        } else {
            offset
        };
        let bytes = write_file(open.1, context.memory, &ranges, offset)?;
        sync_by_flags(open.1, flags)?;
        store_u32(context.memory, written, bytes)
    }

    pub(super) fn fd_write(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        iovecs: u32,
        count: u32,
        written: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        if descriptor.rights & rights::FD_WRITE == 0 {
            return Err(Errno::Badf);
        }
        let ranges = Ranges::read(context.memory, iovecs, count)?;
        context.memory.check(written, 4)?;
        let flags = descriptor.flags;
        let bytes = match &mut descriptor.object {
            Object::Output(stream) => write_console(context, *stream, &ranges)?,
            Object::File(open) => {
                if flags & fdflags::APPEND != 0 && ranges.bytes > 0 {
                    open.cursor = open.file.attributes()?.size;
                }
                let bytes = write_file(open, context.memory, &ranges, open.cursor)?;
                open.cursor = open.cursor.saturating_add(u64::from(bytes));
                sync_by_flags(open, flags)?;
                bytes
            }
            Object::Socket(socket) => {
                let end = socket.sender(flags & fdflags::NONBLOCK != 0, None)?;
                sockets::send(self, context, &end, &ranges)?
            }
            Object::Stdin | Object::Directory(_) => return Err(Errno::Badf),
        };
        store_u32(context.memory, written, bytes)
    }

    pub(super) fn fd_renumber(
        &mut self,
        _: &mut Context<'_>,
        from: u32,
        to: u32,
    ) -> Result<(), Errno> {
        self.descriptors.renumber(from, to)
    }

    pub(super) fn fd_seek(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        offset: u64,
        whence: u32,
        position: u32,
    ) -> Result<(), Errno> {
        let whence = match whence {
            0 => Whence::Start,
            1 => Whence::Cursor,
            2 => Whence::End,
            _ => return Err(Errno::Inval),
        };
        self.seek(context, fd, offset, whence, position)
    }

    /// Snapshot 0 has other numbers for where an offset is counted from.
    pub(super) fn fd_seek_unstable(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        offset: u64,
        whence: u32,
        position: u32,
    ) -> Result<(), Errno> {
        let whence = match whence {
            0 => Whence::Cursor,
            1 => Whence::End,
            2 => Whence::Start,
            _ => return Err(Errno::Inval),
        };
        self.seek(context, fd, offset, whence, position)
    }

    fn seek(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        offset: u64,
        whence: Whence,
        position: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        let offset = offset.cast_signed();
        seekable(descriptor)?;
        // To ask for the position is not to change it.
        let needed = if offset == 0 && whence == Whence::Cursor {
            rights::FD_TELL
        } else {
            rights::FD_SEEK | rights::FD_TELL
        };
        descriptor.need(needed)?;
        let open = seekable(descriptor)?;
        context.memory.check(position, 8)?;
        let from = match whence {
            Whence::Start => 0,
            Whence::Cursor => open.cursor,
            Whence::End => open.file.attributes()?.size,
        };
        let target = from
            .checked_add_signed(offset)
            .filter(|target| i64::try_from(*target).is_ok())
            .ok_or(Errno::Inval)?;
        open.cursor = target;
        store_u64(context.memory, position, target)
    }

    pub(super) fn fd_tell(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        position: u32,
    ) -> Result<(), Errno> {
        let descriptor = self.descriptors.get(fd)?;
        seekable(descriptor)?;
        descriptor.need(rights::FD_TELL)?;
        let cursor = seekable(descriptor)?.cursor;
        store_u64(context.memory, position, cursor)
    }
}

/// Takes flags of a descriptor, if they all have a meaning.
pub(super) fn fdflags(flags: u32) -> Result<u16, Errno> {
    u16::try_from(flags)
        .ok()
        .filter(|flags| flags & !fdflags::ALL == 0)
        .ok_or(Errno::Inval)
}

/// The times that `flags` ask to set.
pub(super) fn new_times(
    accessed_ns: u64,
    modified_ns: u64,
    flags: u32,
) -> Result<(Option<NewTime>, Option<NewTime>), Errno> {
    let one = |to: u32, now: u32, ns: u64| match (flags & to != 0, flags & now != 0) {
        (true, true) => Err(Errno::Inval),
        (true, false) => Ok(Some(NewTime::At(ns))),
        (false, true) => Ok(Some(NewTime::Now)),
        (false, false) => Ok(None),
    };
    if flags & !fstflags::ALL != 0 {
        return Err(Errno::Inval);
    }
    Ok((
        one(fstflags::ATIM, fstflags::ATIM_NOW, accessed_ns)?,
        one(fstflags::MTIM, fstflags::MTIM_NOW, modified_ns)?,
    ))
}

fn file(descriptor: &mut Descriptor) -> Result<&mut OpenFile, Errno> {
    match &mut descriptor.object {
        Object::File(open) => Ok(open),
        _ => Err(Errno::Badf),
    }
}

/// The file, if it is one that has positions.
fn seekable(descriptor: &mut Descriptor) -> Result<&mut OpenFile, Errno> {
    match &mut descriptor.object {
        Object::File(open) => Ok(open),
        Object::Stdin | Object::Output(_) | Object::Socket(_) => Err(Errno::Spipe),
        Object::Directory(_) => Err(Errno::Badf),
    }
}

/// The rights and the file behind a descriptor that is read or written at a position; `needed` is the right to do so.
fn positioned(descriptor: &mut Descriptor, needed: u64) -> Result<(u64, &mut OpenFile), Errno> {
    let rights = descriptor.rights;
    let open = seekable(descriptor)?;
    if rights & needed == 0 {
        return Err(Errno::Badf);
    }
    Ok((rights, open))
}

fn descriptor_has(rights: u64, needed: u64) -> Result<(), Errno> {
    if rights & needed == needed {
        Ok(())
    } else {
        Err(Errno::Notcapable)
    }
}

fn sync(descriptor: &mut Descriptor, data_only: bool) -> Result<(), Errno> {
    match &mut descriptor.object {
        Object::File(open) => open.file.sync(data_only),
        Object::Directory(directory) => directory.listing()?.file.sync(data_only),
        Object::Stdin | Object::Output(_) | Object::Socket(_) => Err(Errno::Badf),
    }
}

/// Brings to the disk what a write left behind, where the descriptor asks for that.
fn sync_by_flags(open: &mut OpenFile, flags: u16) -> Result<(), Errno> {
    if flags & fdflags::SYNC != 0 {
        open.file.sync(false)
    } else if flags & fdflags::DSYNC != 0 {
        open.file.sync(true)
    } else {
        Ok(())
    }
}

/// Fails where the bytes of `ranges` would end behind the last offset there is, as on Linux.
fn check_span(offset: u64, ranges: &Ranges) -> Result<(), Errno> {
    let end = offset.checked_add(ranges.bytes as u64);
    match end.is_some_and(|end| i64::try_from(end).is_ok()) {
        true => Ok(()),
        false => Err(Errno::Inval),
    }
}

/// Reads into `ranges` from `offset` on; returns the count of bytes.
fn read_file(
    open: &mut OpenFile,
    memory: &mut dyn GuestMemory,
    ranges: &Ranges,
    offset: u64,
) -> Result<u32, Errno> {
    if open.kind == NodeKind::Directory {
        return Err(Errno::Isdir);
    }
    check_span(offset, ranges)?;
    let mut scatter = Scatter::new(ranges);
    let mut stored = Ok(());
    let read = open.file.read_at(offset, ranges.bytes, &mut |bytes| {
        if stored.is_ok() {
            stored = scatter.store(memory, bytes);
        }
    })?;
    stored?;
    u32::try_from(read).map_err(|_| Errno::Io)
}

/// Writes `ranges` from `offset` on; returns the count of bytes.
fn write_file(
    open: &mut OpenFile,
    memory: &dyn GuestMemory,
    ranges: &Ranges,
    offset: u64,
) -> Result<u32, Errno> {
    check_span(offset, ranges)?;
    let mut stage = stage(ranges.bytes)?;
    let mut done = 0;
    while done < ranges.bytes {
        let count = ranges.gather(memory, done, &mut stage)?;
        let position = offset.checked_add(done as u64).ok_or(Errno::Fbig)?;
        match write_all(open, position, &stage[..count]) {
            (written, Ok(())) => done += written,
            (0, Err(errno)) if done == 0 => return Err(errno),
            (written, Err(_)) => {
                done += written;
                break;
            }
        }
    }
    u32::try_from(done).map_err(|_| Errno::Io)
}

/// Writes until all is written or nothing more can be; returns how much was.
fn write_all(open: &mut OpenFile, offset: u64, bytes: &[u8]) -> (usize, Result<(), Errno>) {
    let mut done = 0;
    while done < bytes.len() {
        match open.file.write_at(offset + done as u64, &bytes[done..]) {
            Ok(0) => return (done, Err(Errno::Io)),
            Ok(count) => done += count,
            Err(errno) => return (done, Err(errno)),
        }
    }
    (done, Ok(()))
}

fn socket_filetype(socket: &Socket) -> u8 {
    if socket.is_stream() {
        filetype::SOCKET_STREAM
    } else {
        filetype::SOCKET_DATAGRAM
    }
}

fn write_console(context: &mut Context<'_>, stream: Stream, ranges: &Ranges) -> Result<u32, Errno> {
    let system = &mut *context.system;
    let room = if ranges.bytes <= CONSOLE_JOIN_BYTES_MAX {
        stage(ranges.bytes)?
    } else {
        Vec::new()
    };
    // Where memory is short the room is too small, and the pieces go one by one.
    if room.len() == ranges.bytes {
        let mut room = room;
        let count = ranges.gather(context.memory, 0, &mut room)?;
        if count > 0 {
            system.write(stream, &room[..count]);
        }
    } else {
        ranges.for_each_piece(context.memory, &mut |piece| system.write(stream, piece))?;
    }
    u32::try_from(ranges.bytes).map_err(|_| Errno::Inval)
}

fn read_stdin(
    wasi: &Wasi,
    context: &mut Context<'_>,
    ranges: &Ranges,
    nonblocking: bool,
) -> Result<u32, Errno> {
    if ranges.bytes == 0 {
        return Ok(0);
    }
    let mut stage = stage(ranges.bytes)?;
    let count = loop {
        match context.system.read_stdin(&mut stage) {
            StdinRead::Bytes(count) => break count.min(stage.len()),
            StdinRead::End => break 0,
            StdinRead::Pending if nonblocking => return Err(Errno::Again),
            StdinRead::Pending => sockets::wait_for_any(wasi, context, None),
        }
    };
    Scatter::new(ranges).store(context.memory, &stage[..count])?;
    u32::try_from(count).map_err(|_| Errno::Io)
}
