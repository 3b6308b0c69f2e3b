//! Buffers of the application: lists of ranges, gathered from or scattered over, and results stored by address.

use alloc::vec::Vec;

use crate::fs::errno::Errno;
use crate::guest::{GuestFault, GuestMemory};

/// Most ranges of one call that are used; a longer list gives a short read or write.
const RANGES_MAX: usize = 1024;

/// Most bytes that are copied aside on their way.
const STAGE_BYTES_MAX: usize = 128 << 10;

/// Fewest bytes that are worth copying aside, where memory is short.
const STAGE_BYTES_MIN: usize = 1024;

/// Bytes of an `iovec`: address (u32), length (u32).
const IOVEC_BYTES: u32 = 8;

impl From<GuestFault> for Errno {
    fn from(_: GuestFault) -> Self {
        Errno::Fault
    }
}

/// The ranges of an `iovec` array that hold bytes; all of them lie inside linear memory at the time of asking.
#[derive(Debug)]
pub(super) struct Ranges {
    ranges: Vec<(u32, u32)>,
    /// Bytes of all ranges.
    pub(super) bytes: usize,
}

impl Ranges {
    /// Reads the `count` ranges at `address`.
    pub(super) fn read(memory: &dyn GuestMemory, address: u32, count: u32) -> Result<Self, Errno> {
        let array_bytes = count.checked_mul(IOVEC_BYTES).ok_or(Errno::Fault)?;
        memory.check(address, array_bytes)?;
        let mut ranges = Vec::new();
        let mut bytes = 0_u32;
        for index in 0..count {
            let [range_address, len] = read_words(memory, address + index * IOVEC_BYTES)?;
            memory.check(range_address, len)?;
            if len > 0 {
                bytes = bytes.checked_add(len).ok_or(Errno::Inval)?;
                ranges.try_reserve(1).map_err(|_| Errno::Nomem)?;
                ranges.push((range_address, len));
            }
            if ranges.len() == RANGES_MAX {
                break;
            }
        }
        Ok(Self {
            ranges,
            bytes: bytes as usize,
        })
    }

    /// Shows the bytes of all ranges, in order, in pieces of any size.
    pub(super) fn for_each_piece(
        &self,
        memory: &dyn GuestMemory,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Errno> {
        for &(address, len) in &self.ranges {
            memory.for_each_piece(address, len, see)?;
        }
        Ok(())
    }

    /// Copies up to `out.len()` bytes from the place `skip` on; returns their count.
    pub(super) fn gather(
        &self,
        memory: &dyn GuestMemory,
        skip: usize,
        out: &mut [u8],
    ) -> Result<usize, Errno> {
        let mut skip = skip;
        let mut done = 0;
        for &(address, len) in &self.ranges {
            let start = skip.min(len as usize);
            skip -= start;
            let count = (len as usize - start).min(out.len() - done);
            if count > 0 {
                // Inside the range, so below its end, which fits.
                memory.read(address + start as u32, &mut out[done..done + count])?;
                done += count;
            }
        }
        Ok(done)
    }
}

/// A place in [`Ranges`] that bytes are stored at, one piece after the other.
pub(super) struct Scatter<'a> {
    ranges: &'a [(u32, u32)],
    /// Bytes of the first range that are filled.
    filled: u32,
}

impl<'a> Scatter<'a> {
    pub(super) fn new(ranges: &'a Ranges) -> Self {
        Self {
            ranges: &ranges.ranges,
            filled: 0,
        }
    }

    /// Stores `bytes`; what does not fit in the ranges is dropped.
    pub(super) fn store(
        &mut self,
        memory: &mut dyn GuestMemory,
        mut bytes: &[u8],
    ) -> Result<(), Errno> {
        while let (Some(&(address, len)), false) = (self.ranges.first(), bytes.is_empty()) {
            let count = bytes.len().min((len - self.filled) as usize);
            memory.write(address + self.filled, &bytes[..count])?;
            bytes = &bytes[count..];
            // At most what is left of the range, which has 32 bits.
            self.filled += count as u32;
            if self.filled == len {
                self.ranges = &self.ranges[1..];
                self.filled = 0;
            }
        }
        Ok(())
    }
}

/// Reads two words.
pub(super) fn read_words(memory: &dyn GuestMemory, address: u32) -> Result<[u32; 2], Errno> {
    let mut bytes = [0; 8];
    memory.read(address, &mut bytes)?;
    let [a, b, c, d, e, f, g, h] = bytes;
    Ok([
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ])
}

/// Stores a word.
pub(super) fn store_u32(
    memory: &mut dyn GuestMemory,
    address: u32,
    value: u32,
) -> Result<(), Errno> {
    Ok(memory.write(address, &value.to_le_bytes())?)
}

/// Stores a double word.
pub(super) fn store_u64(
    memory: &mut dyn GuestMemory,
    address: u32,
    value: u64,
) -> Result<(), Errno> {
    Ok(memory.write(address, &value.to_le_bytes())?)
}

/// Copies `len` bytes at `address`, at most `len_max`.
pub(super) fn read_bytes(
    memory: &dyn GuestMemory,
    address: u32,
    len: u32,
    len_max: u32,
) -> Result<Vec<u8>, Errno> {
    memory.check(address, len)?;
    if len > len_max {
        return Err(Errno::Nametoolong);
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len as usize)
        .map_err(|_| Errno::Nomem)?;
    bytes.resize(len as usize, 0);
    memory.read(address, &mut bytes)?;
    Ok(bytes)
}

/// Room for up to `bytes` bytes, less where there is little.
pub(super) fn stage(bytes: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = bytes.min(STAGE_BYTES_MAX);
    let mut stage = Vec::new();
    while stage.try_reserve_exact(bytes).is_err() {
        if bytes <= STAGE_BYTES_MIN {
            return Err(Errno::Nomem);
        }
        bytes /= 2;
    }
    stage.resize(bytes, 0);
    Ok(stage)
}
