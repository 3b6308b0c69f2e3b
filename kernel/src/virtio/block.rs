//! A virtio disk: one request at a time. Source: virtio 1.2, section 5.2.

use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use mewz_disk::{BLOCK_BYTES, DeviceError};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport as _};

use super::find::{Device, DeviceTransport};
use super::hal::Machine;
use super::wait;

/// Descriptors of the queue; a request takes three.
const QUEUE_LEN: usize = 8;

/// Feature bits: the device can't be written; it has a cache, which a request empties.
const READ_ONLY: u64 = 1 << 5;
const FLUSH: u64 = 1 << 9;

/// Kinds of requests.
const IN: u32 = 0;
const OUT: u32 = 1;
const FLUSH_REQUEST: u32 = 4;
const GET_IDENTITY: u32 = 8;

/// The status of a request that was done; one that the device did not set.
const STATUS_DONE: u8 = 0;
const STATUS_NONE: u8 = 0xff;

/// Bytes of a device's name, which ends with a NUL where it is shorter.
const IDENTITY_BYTES: usize = 20;

const SECTOR_BYTES: u64 = 512;

/// Bytes of a request's head: kind, a reserved word, sector.
const HEAD_BYTES: usize = 16;

/// A disk.
pub(crate) struct BlockDevice {
    transport: DeviceTransport,
    queue: VirtQueue<Machine, QUEUE_LEN>,
    blocks: u64,
    is_read_only: bool,
    /// Without a cache what is written is safe.
    has_cache: bool,
    /// The device broke the rules of the queue: it is asked nothing more.
    is_broken: bool,
}

impl BlockDevice {
    /// Brings the device up; returns its name too, or `None` where it can't be used.
    pub(crate) fn new(mut device: Device) -> Option<(Vec<u8>, Self)> {
        let features = device.negotiate(READ_ONLY | FLUSH);
        device.connect_interrupt();
        let mut transport = device.transport;
        let queue = VirtQueue::new(&mut transport, 0, false, false).ok()?;
        // A transport promises an alignment of four bytes.
        let low: u32 = transport.read_config_space(0).ok()?;
        let high: u32 = transport.read_config_space(4).ok()?;
        let sectors = u64::from(high) << 32 | u64::from(low);
        transport.finish_init();
        let mut disk = Self {
            transport,
            queue,
            blocks: sectors / (BLOCK_BYTES as u64 / SECTOR_BYTES),
            is_read_only: features & READ_ONLY != 0,
            has_cache: features & FLUSH != 0,
            is_broken: false,
        };
        let mut identity = [0; IDENTITY_BYTES];
        // A device need not have a name.
        let named = disk.request(GET_IDENTITY, 0, &[], &mut identity);
        let len = identity.iter().position(|byte| *byte == 0);
        let name = match named {
            Ok(()) => identity[..len.unwrap_or(IDENTITY_BYTES)].to_vec(),
            Err(DeviceError) => Vec::new(),
        };
        (!disk.is_broken).then_some((name, disk))
    }

    /// Whether the device itself refuses to be written.
    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Makes a request, which carries `out` or fills `into`, and waits for its end.
    fn request(
        &mut self,
        kind: u32,
        sector: u64,
        out: &[u8],
        into: &mut [u8],
    ) -> Result<(), DeviceError> {
        if self.is_broken {
            return Err(DeviceError);
        }
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(&kind.to_le_bytes());
        head[8..].copy_from_slice(&sector.to_le_bytes());
        let mut status = [STATUS_NONE];
        let read: &[&[u8]] = if out.is_empty() {
            &[&head]
        } else {
            &[&head, out]
        };
        let write: &mut [&mut [u8]] = if into.is_empty() {
            &mut [&mut status]
        } else {
            &mut [into, &mut status]
        };
        // SAFETY: the buffers are borrowed until this function returns, which it does when the device has returned them or
        // is reset.
        let token = unsafe { self.queue.add(read, write) };
        let token = token.map_err(|_| DeviceError)?;
        // Or the device's wish to be told could be read before it sees the request.
        fence(Ordering::SeqCst);
        if self.queue.should_notify() {
            self.transport.notify(0);
        }
        wait::until(|| self.queue.can_pop());
        // SAFETY: these are the buffers that the token was given for.
        let popped = unsafe { self.queue.pop_used(token, read, write) };
        if popped.is_err() {
            self.is_broken = true;
            // Or it could use the buffers after they are gone.
            self.transport.set_status(DeviceStatus::empty());
            return Err(DeviceError);
        }
        match status {
            [STATUS_DONE] => Ok(()),
            _ => Err(DeviceError),
        }
    }

    /// The first sector of `bytes` bytes from `block` on, if the device has them.
    fn sector(&self, block: u64, bytes: usize) -> Result<u64, DeviceError> {
        let end = block.checked_add((bytes / BLOCK_BYTES) as u64);
        let is_there = end.is_some_and(|end| end <= self.blocks);
        if !is_there || bytes == 0 || !bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(DeviceError);
        }
        Ok(block * (BLOCK_BYTES as u64 / SECTOR_BYTES))
    }
}

impl mewz_disk::Device for BlockDevice {
    fn block_count(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let sector = self.sector(block, bytes.len())?;
        self.request(IN, sector, &[], bytes)
    }

    fn write(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        if self.is_read_only {
            return Err(DeviceError);
        }
        let sector = self.sector(block, bytes.len())?;
        self.request(OUT, sector, bytes, &mut [])
    }

    fn flush(&mut self) -> Result<(), DeviceError> {
        if !self.has_cache {
            return Ok(());
        }
        self.request(FLUSH_REQUEST, 0, &[], &mut [])
    }
}
