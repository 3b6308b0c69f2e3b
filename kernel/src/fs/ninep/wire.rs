//! Messages as bytes: little endian, strings with a 16-bit length in front.

use alloc::vec::Vec;

use super::super::errno::Errno;

/// Bytes of a message's head: size (u32), type (u8), tag (u16).
pub(super) const HEAD_BYTES: usize = 7;

/// Types of requests; the reply's is one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Request {
    Lopen = 12,
    Lcreate = 14,
    Symlink = 16,
    Readlink = 22,
    Getattr = 24,
    Setattr = 26,
    Readdir = 40,
    Fsync = 50,
    Link = 70,
    Mkdir = 72,
    Renameat = 74,
    Unlinkat = 76,
    Version = 100,
    Attach = 104,
    Walk = 110,
    Read = 116,
    Write = 118,
    Clunk = 120,
}

/// Type of a reply that carries an error.
pub(super) const RLERROR: u8 = 7;

/// The tag of [`Request::Version`].
pub(super) const NO_TAG: u16 = u16::MAX;

/// Not a fid.
pub(super) const NO_FID: u32 = u32::MAX;

/// Not a user or group: files belong to whoever runs the server.
pub(super) const NO_ID: u32 = u32::MAX;

/// What the server calls the file: its type, version and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Qid {
    /// Bits: 0x80 directory, 0x02 symbolic link.
    pub(super) kind: u8,
    /// Number of the file, its inode.
    pub(super) path: u64,
}

/// Puts a request together.
pub(super) struct Writer<'a> {
    pub(super) message: &'a mut Vec<u8>,
}

impl Writer<'_> {
    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.message.extend_from_slice(bytes);
        self
    }

    /// Callers have checked that `text` is shorter than 64 KiB: see `name::check_name`.
    pub(super) fn text(&mut self, text: &[u8]) -> &mut Self {
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.u16(len).bytes(&text[..usize::from(len)])
    }
}

/// Takes a reply apart. Whatever is missing is an `Io` error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Errno> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Errno::Io)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(Errno::Io)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Errno> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Errno> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Errno> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Errno> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Errno> {
        let len = self.u16()?;
        self.bytes(usize::from(len))
    }

    pub(super) fn qid(&mut self) -> Result<Qid, Errno> {
        let kind = self.u8()?;
        let _version = self.u32()?;
        Ok(Qid {
            kind,
            path: self.u64()?,
        })
    }
}
