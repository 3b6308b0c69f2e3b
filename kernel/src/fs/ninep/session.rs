//! A session with a server: requests and their replies, and the numbers of files in use.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::super::channel::Channel;
use super::super::errno::Errno;
use super::MountOptions;
use super::errors::from_linux;
use super::wire::{HEAD_BYTES, NO_TAG, RLERROR, Reader, Request, Writer};

/// Least size of messages that serves: a directory entry with the longest name has to fit.
const MESSAGE_BYTES_MIN: usize = 4096;

/// Most bytes of a message: beyond some 256 KiB nothing gets faster.
const MESSAGE_BYTES_MAX: usize = 512 << 10;

/// Bytes that a message needs beside the data of a read or write: `P9_IOHDRSZ` of Linux.
const DATA_OVERHEAD_BYTES: usize = 24;

/// Most fids in use at once: opened files, and nodes on the way.
const FIDS_MAX: u32 = 1 << 14;

const VERSION: &[u8] = b"9P2000.L";

/// A session, shared by all nodes and files of its server.
pub(super) type SharedSession = Rc<RefCell<Session>>;

pub(super) struct Session {
    channel: Box<dyn Channel>,
    /// Most bytes of a message, agreed with the server.
    message_bytes: usize,
    request: Vec<u8>,
    reply: Vec<u8>,
    fids_free: Vec<u32>,
    /// The lowest fid that was never used.
    fid_next: u32,
    options: MountOptions,
    /// Counts changes of file contents; what was read ahead before one is not used after it.
    pub(super) changes: u64,
    /// Files that hold bytes read ahead.
    pub(super) ahead_count: usize,
}

impl Session {
    /// Agrees with the server on version and message size.
    pub(super) fn open(channel: Box<dyn Channel>, options: MountOptions) -> Result<Self, Errno> {
        let message_bytes = channel.message_bytes_max().min(MESSAGE_BYTES_MAX);
        if message_bytes < MESSAGE_BYTES_MIN {
            return Err(Errno::Nomem);
        }
        let mut session = Self {
            channel,
            message_bytes,
            request: Vec::new(),
            reply: Vec::new(),
            fids_free: Vec::new(),
            fid_next: 0,
            options,
            changes: 0,
            ahead_count: 0,
        };
        // Room for both is asked for once, and may be refused.
        session
            .reply
            .try_reserve_exact(message_bytes)
            .map_err(|_| Errno::Nomem)?;
        session.reply.resize(message_bytes, 0);
        session
            .request
            .try_reserve_exact(message_bytes)
            .map_err(|_| Errno::Nomem)?;
        let wanted = u32::try_from(message_bytes).unwrap_or(u32::MAX);
        let mut reply = session.exchange(Request::Version, NO_TAG, |request| {
            request.u32(wanted).text(VERSION);
        })?;
        let agreed = reply.u32()?;
        if reply.text()? != VERSION {
            return Err(Errno::Notsup);
        }
        let agreed = usize::try_from(agreed.min(wanted)).unwrap_or(0);
        if agreed < MESSAGE_BYTES_MIN {
            return Err(Errno::Io);
        }
        session.message_bytes = agreed;
        session.reply.truncate(agreed);
        Ok(session)
    }

    /// Sends a request that `fill` completes, and returns what the reply carries.
    pub(super) fn call(
        &mut self,
        kind: Request,
        fill: impl FnOnce(&mut Writer<'_>),
    ) -> Result<Reader<'_>, Errno> {
        // One request is under way at a time, so one tag serves all.
        self.exchange(kind, 0, fill)
    }

    fn exchange(
        &mut self,
        kind: Request,
        tag: u16,
        fill: impl FnOnce(&mut Writer<'_>),
    ) -> Result<Reader<'_>, Errno> {
        self.request.clear();
        self.request.extend_from_slice(&[0; 4]);
        self.request.push(kind as u8);
        self.request.extend_from_slice(&tag.to_le_bytes());
        fill(&mut Writer {
            message: &mut self.request,
        });
        if self.request.len() > self.message_bytes {
            return Err(Errno::Inval);
        }
        let size = u32::try_from(self.request.len()).map_err(|_| Errno::Inval)?;
        self.request[..4].copy_from_slice(&size.to_le_bytes());
        let len = self
            .channel
            .exchange(&self.request, &mut self.reply)
            .map_err(|_| Errno::Io)?;
        let mut head = Reader::new(self.reply.get(..len).ok_or(Errno::Io)?);
        let size = usize::try_from(head.u32()?).map_err(|_| Errno::Io)?;
        let answer = head.u8()?;
        if head.u16()? != tag {
            return Err(Errno::Io);
        }
        // A device may round the length up; a message longer than what came is cut off.
        let body_bytes = size.checked_sub(HEAD_BYTES).ok_or(Errno::Io)?;
        let mut body = Reader::new(head.bytes(body_bytes)?);
        if answer == RLERROR {
            return Err(from_linux(body.u32()?));
        }
        if answer != kind as u8 + 1 {
            return Err(Errno::Io);
        }
        Ok(body)
    }

    /// Most bytes of data that a read or write carries.
    pub(super) fn data_bytes_max(&self) -> usize {
        self.message_bytes - DATA_OVERHEAD_BYTES
    }

    /// A fid that nobody uses.
    pub(super) fn take_fid(&mut self) -> Result<u32, Errno> {
        if let Some(fid) = self.fids_free.pop() {
            return Ok(fid);
        }
        if self.fid_next == FIDS_MAX {
            return Err(Errno::Nfile);
        }
        // So that giving it back never has to allocate.
        let in_use = self.fid_next as usize + 1;
        self.fids_free
            .try_reserve(in_use)
            .map_err(|_| Errno::Nomem)?;
        self.fid_next += 1;
        Ok(self.fid_next - 1)
    }

    /// Gives back a fid that the server does not know, or not any more.
    pub(super) fn return_fid(&mut self, fid: u32) {
        self.fids_free.push(fid);
    }

    /// Fails where nothing may be changed.
    pub(super) fn check_writable(&self) -> Result<(), Errno> {
        if self.options.read_only {
            Err(Errno::Rofs)
        } else {
            Ok(())
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.options.number
    }
}
