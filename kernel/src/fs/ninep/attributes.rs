//! Attributes of a file: asked for, taken apart, set.

use super::super::errno::Errno;
use super::super::node::{Attributes, NewTime, NodeKind};
use super::fid::Fid;
use super::wire::{NO_ID, Qid, Reader, Request};

/// `P9_GETATTR_BASIC`: all that `stat` has.
const GETATTR_BASIC: u64 = 0x7ff;

// Bits of what Tsetattr sets.
const SET_SIZE: u32 = 0x08;
const SET_ATIME: u32 = 0x10;
const SET_MTIME: u32 = 0x20;
const SET_ATIME_TO: u32 = 0x80;
const SET_MTIME_TO: u32 = 0x100;

const NS_PER_S: u64 = 1_000_000_000;

/// Asks for the attributes of `fid`.
pub(super) fn get(fid: &Fid) -> Result<Attributes, Errno> {
    let mut session = fid.session().borrow_mut();
    let mut reply = session.call(Request::Getattr, |request| {
        request.u32(fid.number()).u64(GETATTR_BASIC);
    })?;
    parse(&mut reply)
}

fn parse(reply: &mut Reader<'_>) -> Result<Attributes, Errno> {
    let _valid = reply.u64()?;
    let qid = reply.qid()?;
    let mode = reply.u32()?;
    let _user = reply.u32()?;
    let _group = reply.u32()?;
    let links = reply.u64()?;
    let _device = reply.u64()?;
    let size = reply.u64()?;
    let _block_bytes = reply.u64()?;
    let _blocks = reply.u64()?;
    Ok(Attributes {
        kind: kind_of_mode(mode),
        inode: qid.path,
        links,
        size,
        accessed_ns: time(reply)?,
        modified_ns: time(reply)?,
        changed_ns: time(reply)?,
    })
}

fn time(reply: &mut Reader<'_>) -> Result<u64, Errno> {
    let seconds = reply.u64()?;
    let nanoseconds = reply.u64()?;
    // Times before 1970 come as negative numbers, which preview 1 can't tell.
    if i64::try_from(seconds).is_err() {
        return Ok(0);
    }
    Ok(seconds
        .checked_mul(NS_PER_S)
        .and_then(|ns| ns.checked_add(nanoseconds))
        .unwrap_or(u64::MAX))
}

/// Sets the size of `fid`.
pub(super) fn set_size(fid: &Fid, size: u64) -> Result<(), Errno> {
    set(fid, SET_SIZE, size, 0, 0)
}

/// Sets times of `fid`.
pub(super) fn set_times(
    fid: &Fid,
    accessed: Option<NewTime>,
    modified: Option<NewTime>,
) -> Result<(), Errno> {
    let (accessed_bits, accessed_ns) = time_to_set(accessed, SET_ATIME, SET_ATIME_TO);
    let (modified_bits, modified_ns) = time_to_set(modified, SET_MTIME, SET_MTIME_TO);
    let bits = accessed_bits | modified_bits;
    if bits == 0 {
        return Ok(());
    }
    set(fid, bits, 0, accessed_ns, modified_ns)
}

fn time_to_set(time: Option<NewTime>, set: u32, set_to: u32) -> (u32, u64) {
    match time {
        None => (0, 0),
        Some(NewTime::Now) => (set, 0),
        Some(NewTime::At(ns)) => (set | set_to, ns),
    }
}

fn set(fid: &Fid, bits: u32, size: u64, accessed_ns: u64, modified_ns: u64) -> Result<(), Errno> {
    let mut session = fid.session().borrow_mut();
    session.check_writable()?;
    session.changes += 1;
    session.call(Request::Setattr, |request| {
        request
            .u32(fid.number())
            .u32(bits)
            .u32(0)
            .u32(NO_ID)
            .u32(NO_ID)
            .u64(size)
            .u64(accessed_ns / NS_PER_S)
            .u64(accessed_ns % NS_PER_S)
            .u64(modified_ns / NS_PER_S)
            .u64(modified_ns % NS_PER_S);
    })?;
    Ok(())
}

/// The kind that the file type bits of a `stat` mode tell.
fn kind_of_mode(mode: u32) -> NodeKind {
    match mode & 0o170_000 {
        0o100_000 => NodeKind::File,
        0o040_000 => NodeKind::Directory,
        0o120_000 => NodeKind::SymbolicLink,
        0o020_000 => NodeKind::CharacterDevice,
        0o060_000 => NodeKind::BlockDevice,
        0o140_000 => NodeKind::Socket,
        _ => NodeKind::Other,
    }
}

/// The kind that a qid tells: devices, pipes and sockets look like files.
pub(super) fn kind_of_qid(qid: Qid) -> NodeKind {
    if qid.kind & 0x80 != 0 {
        NodeKind::Directory
    } else if qid.kind & 0x02 != 0 {
        NodeKind::SymbolicLink
    } else {
        NodeKind::File
    }
}

/// The kind that the type of a directory entry tells, `DT_*` of Linux; its qid where that says nothing.
pub(super) fn kind_of_entry(entry_type: u8, qid: Qid) -> NodeKind {
    match entry_type {
        1 => NodeKind::Other,
        2 => NodeKind::CharacterDevice,
        4 => NodeKind::Directory,
        6 => NodeKind::BlockDevice,
        8 => NodeKind::File,
        10 => NodeKind::SymbolicLink,
        12 => NodeKind::Socket,
        _ => kind_of_qid(qid),
    }
}
