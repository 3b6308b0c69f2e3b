//! The order of writes that makes transactions crash-safe, and a cache of blocks.
//!
//! redoxfs writes a transaction to free blocks and then its header, to the next place of a ring. It asks for no barrier, so
//! they stand here: before a header all that it leads to is flushed, and before the first block that is written after it
//! the header itself is, since that block may be one which the header before it still leads to.
#![allow(
    unsafe_code,
    reason = "the trait that redoxfs wants has unsafe methods, so that only file systems call them"
)]

use alloc::boxed::Box;
use alloc::vec::Vec;

use redoxfs::HEADER_RING;
use syscall::error::{EIO, EROFS, Error as Problem};

use super::device::{BLOCK_BYTES, Device, DeviceError};

/// Blocks of the cache: 1 MiB.
const CACHE_BLOCKS: usize = 256;
/// Blocks that are read at once where less is asked for.
const AHEAD_BLOCKS: u64 = 16;
/// Most bytes that are written at once.
const RUN_BYTES_MAX: usize = 256 << 10;

/// Blocks that a transaction may read, for each that there is and beside that: far more than any does that goes round no
/// circle, as each operation reads what it needs a few times.
const READS_PER_BLOCK: u64 = 16;
const READS_MIN: u64 = 1 << 14;

/// A block's number and its content.
type Kept = (u64, Box<[u8]>);

/// Blocks that were read or written, each in the place that its number gives it.
struct Cache {
    places: Vec<Option<Kept>>,
}

impl Cache {
    /// Without memory for its places it keeps nothing.
    fn new() -> Self {
        let mut places = Vec::new();
        if places.try_reserve_exact(CACHE_BLOCKS).is_ok() {
            places.resize_with(CACHE_BLOCKS, || None);
        }
        Self { places }
    }

    fn place(&mut self, block: u64) -> Option<&mut Option<Kept>> {
        self.places.get_mut((block % CACHE_BLOCKS as u64) as usize)
    }

    fn get(&mut self, block: u64) -> Option<&[u8]> {
        let (kept, bytes) = self.place(block)?.as_ref()?;
        (*kept == block).then_some(&bytes[..])
    }

    /// Keeps a copy, unless memory is short.
    fn keep(&mut self, block: u64, bytes: &[u8]) {
        let Some(place) = self.place(block) else {
            return;
        };
        if let Some((kept, room)) = place {
            *kept = block;
            room.copy_from_slice(bytes);
            return;
        }
        let mut copy = Vec::new();
        if copy.try_reserve_exact(bytes.len()).is_ok() {
            copy.extend_from_slice(bytes);
            *place = Some((block, copy.into_boxed_slice()));
        }
    }

    fn clear(&mut self) {
        self.places.fill_with(|| None);
    }
}

/// A device to redoxfs.
pub(crate) struct Ordered {
    device: Box<dyn Device>,
    cache: Cache,
    /// Blocks of the transaction that is being written, which follow each other, and the first of them.
    run: Vec<u8>,
    run_start: u64,
    /// A header was written and not flushed.
    is_header_open: bool,
    is_read_only: bool,
    /// A write failed: nobody knows what is stored, so nothing more is written.
    has_failed: bool,
    /// The device failed to read.
    has_misread: bool,
    /// Blocks that the transaction may still read.
    reads_left: u64,
}

impl Ordered {
    pub(crate) fn new(device: Box<dyn Device>, is_read_only: bool) -> Self {
        Self {
            device,
            cache: Cache::new(),
            run: Vec::new(),
            run_start: 0,
            is_header_open: false,
            is_read_only,
            has_failed: false,
            has_misread: false,
            reads_left: u64::MAX,
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) {
        let blocks = self.device.block_count();
        self.reads_left = blocks
            .saturating_mul(READS_PER_BLOCK)
            .saturating_add(READS_MIN);
    }

    pub(crate) fn block_count(&self) -> u64 {
        self.device.block_count()
    }

    /// Whether the device, and not what is on it, is what went wrong since the last time that somebody asked.
    pub(crate) fn take_trouble(&mut self) -> bool {
        core::mem::take(&mut self.has_misread) || self.has_failed
    }

    /// Whether a change would not outlive a power cut yet.
    pub(crate) fn is_open(&self) -> bool {
        self.is_header_open
    }

    /// Makes sure of the last transaction.
    pub(crate) fn settle(&mut self) -> Result<(), DeviceError> {
        if self.has_failed {
            return Err(DeviceError);
        }
        if self.is_header_open {
            self.device.flush().inspect_err(|_| self.fail())?;
            self.is_header_open = false;
        }
        Ok(())
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.run = Vec::new();
        self.cache.clear();
    }

    fn write_run(&mut self) -> Result<(), DeviceError> {
        if self.run.is_empty() {
            return Ok(());
        }
        self.settle()?;
        let written = self.device.write(self.run_start, &self.run);
        self.run.clear();
        written.inspect_err(|_| self.fail())
    }

    /// Takes a block of a transaction.
    fn write_content(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        for (at, content) in bytes.chunks_exact(BLOCK_BYTES).enumerate() {
            self.cache.keep(block + at as u64, content);
        }
        let run_end = self.run_start + (self.run.len() / BLOCK_BYTES) as u64;
        if run_end != block || self.run.len() + bytes.len() > RUN_BYTES_MAX {
            self.write_run()?;
            self.run_start = block;
        }
        if self.run.try_reserve(bytes.len()).is_ok() {
            self.run.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_run()?;
        self.run_start = block;
        self.settle()?;
        self.device.write(block, bytes).inspect_err(|_| self.fail())
    }

    /// Ends a transaction.
    fn write_header(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.write_run()?;
        let flushed = self.device.flush();
        flushed.inspect_err(|_| self.fail())?;
        let written = self.device.write(block, bytes);
        written.inspect_err(|_| self.fail())?;
        self.is_header_open = true;
        Ok(())
    }

    fn read_device(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let read = self.device.read(block, bytes);
        read.inspect_err(|_| self.has_misread = true)
    }

    pub(crate) fn read(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let count = (bytes.len() / BLOCK_BYTES) as u64;
        let left = self.device.block_count().checked_sub(block);
        let left = left.filter(|left| count <= *left).ok_or(DeviceError)?;
        if (block..block + count).all(|block| self.cache.get(block).is_some()) {
            for (at, out) in bytes.chunks_exact_mut(BLOCK_BYTES).enumerate() {
                let kept = self.cache.get(block + at as u64).ok_or(DeviceError)?;
                out.copy_from_slice(kept);
            }
            return Ok(());
        }
        let mut ahead = Vec::new();
        let ahead_bytes = count.max(AHEAD_BLOCKS).min(left) as usize * BLOCK_BYTES;
        if ahead.try_reserve_exact(ahead_bytes).is_err() {
            return self.read_device(block, bytes);
        }
        ahead.resize(ahead_bytes, 0);
        self.read_device(block, &mut ahead)?;
        for (at, content) in ahead.chunks_exact(BLOCK_BYTES).enumerate() {
            if block + at as u64 >= HEADER_RING {
                self.cache.keep(block + at as u64, content);
            }
        }
        bytes.copy_from_slice(&ahead[..bytes.len()]);
        Ok(())
    }
}

impl redoxfs::Disk for Ordered {
    unsafe fn read_at(&mut self, block: u64, buffer: &mut [u8]) -> Result<usize, Problem> {
        let is_whole = buffer.len().is_multiple_of(BLOCK_BYTES);
        let blocks = (buffer.len() / BLOCK_BYTES) as u64;
        let left = self.reads_left.checked_sub(blocks);
        self.reads_left = left.ok_or(Problem::new(EIO))?;
        if !is_whole || self.read(block, buffer).is_err() {
            return Err(Problem::new(EIO));
        }
        Ok(buffer.len())
    }

    unsafe fn write_at(&mut self, block: u64, buffer: &[u8]) -> Result<usize, Problem> {
        if self.is_read_only {
            return Err(Problem::new(EROFS));
        }
        let count = (buffer.len() / BLOCK_BYTES) as u64;
        let is_there = block
            .checked_add(count)
            .is_some_and(|end| end <= self.device.block_count());
        if self.has_failed || !is_there || !buffer.len().is_multiple_of(BLOCK_BYTES) {
            return Err(Problem::new(EIO));
        }
        let written = if block < HEADER_RING {
            self.write_header(block, buffer)
        } else {
            self.write_content(block, buffer)
        };
        written.map_err(|_| Problem::new(EIO))?;
        Ok(buffer.len())
    }

    fn size(&mut self) -> Result<u64, Problem> {
        Ok(self.device.block_count().saturating_mul(BLOCK_BYTES as u64))
    }
}
