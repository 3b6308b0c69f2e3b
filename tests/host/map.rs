//! Address space: reserved, opened, given back.

use std::io;
use std::ptr;

use mewz_abi::address::PAGE_BYTES;

/// What may be done with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Execute,
}

/// Address space of our own; its pages can't be touched until they are opened.
#[derive(Debug)]
pub(crate) struct Reservation {
    base: u64,
    bytes: u64,
}

impl Reservation {
    /// Reserves `bytes` anywhere.
    pub(crate) fn new(bytes: u64) -> io::Result<Self> {
        Self::map(0, bytes, 0)
    }

    /// Reserves `bytes` at `base`, where nothing may be.
    pub(crate) fn at(base: u64, bytes: u64) -> io::Result<Self> {
        Self::map(base, bytes, libc::MAP_FIXED_NOREPLACE)
    }

    fn map(base: u64, bytes: u64, flags: libc::c_int) -> io::Result<Self> {
        let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: without MAP_FIXED no mapping that exists is touched.
        let address = unsafe {
            libc::mmap(
                base as *mut libc::c_void,
                bytes as usize,
                libc::PROT_NONE,
                flags,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            base: address as u64,
            bytes,
        })
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn end(&self) -> u64 {
        self.base + self.bytes
    }

    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.base..self.end()).contains(&address)
    }

    /// Gives the pages from `start` to `end` another access; both are rounded outwards to pages.
    pub(crate) fn open(&self, start: u64, end: u64, access: Access) {
        assert!(
            self.base <= start && end <= self.end(),
            "pages of somebody else"
        );
        open(start, end, access).expect("the system opens reserved pages");
    }

    /// Copies `bytes` to `address`, whose pages must be open for writing.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) {
        assert!(self.base <= address && address + bytes.len() as u64 <= self.end());
        // SAFETY: the range lies in this reservation, which nothing of Rust refers to, and the caller has opened it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is ours, and no call into it can follow: the owner of everything in it goes too.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.bytes as usize) };
    }
}

/// Gives pages that are reserved already another access.
pub(crate) fn open(start: u64, end: u64, access: Access) -> io::Result<()> {
    let start = start / PAGE_BYTES * PAGE_BYTES;
    let protection = match access {
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        Access::Execute => libc::PROT_READ | libc::PROT_EXEC,
    };
    if start >= end {
        return Ok(());
    }
    // SAFETY: callers pass ranges of a `Reservation`, which hold no object of Rust.
    let status = unsafe {
        libc::mprotect(
            start as *mut libc::c_void,
            (end - start) as usize,
            protection,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads the structure at `address`.
///
/// # Safety
///
/// `address` holds a `T` that was placed there by the compiler or the runtime.
pub(crate) unsafe fn read<T: Copy>(address: u64) -> T {
    // SAFETY: the caller's promise; unaligned reads need no alignment.
    unsafe { ptr::read_unaligned(address as *const T) }
}

/// Reads `len` bytes at `address`.
///
/// # Safety
///
/// As for [`read`].
pub(crate) unsafe fn read_bytes(address: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; len as usize];
    // SAFETY: the caller's promise for the source; the target was just made.
    unsafe { ptr::copy_nonoverlapping(address as *const u8, bytes.as_mut_ptr(), len as usize) };
    bytes
}
