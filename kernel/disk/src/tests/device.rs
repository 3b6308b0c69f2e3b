//! A device in memory that keeps a record of what was written and flushed, so that a power cut can be had at any place.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::Random;
use crate::device::{BLOCK_BYTES, Device, DeviceError};
use crate::disk::{Disk, Options};
use crate::error::Error;

/// Something that was done to the device.
#[derive(Clone)]
pub(super) enum Step {
    Write(u64, Vec<u8>),
    Flush,
}

/// What lies behind a device, which outlives it.
#[derive(Default)]
pub(super) struct Record {
    pub(super) steps: Vec<Step>,
    /// Writes and flushes from this number on fail.
    pub(super) fails_from: Option<usize>,
}

/// A device in memory. Blocks that were never written are zeros. A clone is the same device.
#[derive(Clone)]
pub(super) struct MemoryDevice {
    blocks: u64,
    content: Rc<RefCell<BTreeMap<u64, Rc<[u8]>>>>,
    pub(super) record: Rc<RefCell<Record>>,
}

impl MemoryDevice {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            blocks: bytes / BLOCK_BYTES as u64,
            content: Rc::default(),
            record: Rc::default(),
        }
    }

    /// A copy of the device, with a new record.
    pub(super) fn anew(&self) -> Self {
        Self {
            blocks: self.blocks,
            content: Rc::new(RefCell::new(self.content.borrow().clone())),
            record: Rc::default(),
        }
    }

    /// What is left of a device that held `self`, when the power is cut after `steps`: what was flushed, and of what was
    /// written since, what `random` leaves, in parts of blocks of 512 bytes.
    pub(super) fn after_cut(&self, steps: &[Step], random: &mut Random) -> Self {
        let device = self.anew();
        let flushed = steps.iter().rposition(|step| matches!(step, Step::Flush));
        let flushed = flushed.map_or(0, |at| at + 1);
        for step in &steps[..flushed] {
            if let Step::Write(block, bytes) = step {
                device.store(*block, bytes);
            }
        }
        // One in a few cuts loses all that was not flushed, one in a few nothing.
        let share = [0, 1, 5, 9, 10][random.below(5) as usize];
        for step in &steps[flushed..] {
            let Step::Write(block, bytes) = step else {
                continue;
            };
            for (at, sector) in bytes.chunks(512).enumerate() {
                if random.below(10) < share {
                    let block = block + (at * 512 / BLOCK_BYTES) as u64;
                    let mut whole = device.block(block).to_vec();
                    let start = at * 512 % BLOCK_BYTES;
                    whole[start..start + 512].copy_from_slice(sector);
                    device.store(block, &whole);
                }
            }
        }
        device
    }

    pub(super) fn block(&self, block: u64) -> Rc<[u8]> {
        let zeros = || Rc::from([0; BLOCK_BYTES].as_slice());
        self.content
            .borrow()
            .get(&block)
            .cloned()
            .unwrap_or_else(zeros)
    }

    pub(super) fn store(&self, block: u64, bytes: &[u8]) {
        for (at, bytes) in bytes.chunks(BLOCK_BYTES).enumerate() {
            let block = block + at as u64;
            self.content.borrow_mut().insert(block, bytes.into());
        }
    }

    /// The blocks that were written at some time.
    pub(super) fn written(&self) -> Vec<u64> {
        self.content.borrow().keys().copied().collect()
    }

    /// Fails if it is time to, else keeps a record of the step.
    fn note(&self, step: Step) -> Result<(), DeviceError> {
        let mut record = self.record.borrow_mut();
        let at = record.steps.len();
        record.steps.push(step);
        match record.fails_from {
            Some(from) if at >= from => Err(DeviceError),
            _ => Ok(()),
        }
    }
}

impl Device for MemoryDevice {
    fn block_count(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        assert!(block + (bytes.len() / BLOCK_BYTES) as u64 <= self.blocks);
        for (at, out) in bytes.chunks_mut(BLOCK_BYTES).enumerate() {
            out.copy_from_slice(&self.block(block + at as u64));
        }
        Ok(())
    }

    fn write(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        assert!(block + (bytes.len() / BLOCK_BYTES) as u64 <= self.blocks);
        assert!(bytes.len().is_multiple_of(BLOCK_BYTES));
        self.note(Step::Write(block, bytes.to_vec()))?;
        self.store(block, bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DeviceError> {
        self.note(Step::Flush)
    }
}

/// A disk with the device that it is on.
pub(super) struct Held {
    disk: Disk,
    device: MemoryDevice,
}

impl Held {
    pub(super) fn open(device: MemoryDevice, options: Options) -> Result<Self, Error> {
        let disk = Disk::open(Box::new(device.clone()), options)?;
        Ok(Self { disk, device })
    }

    /// Gives the device back. What was written since the last sync is lost.
    pub(super) fn into_device(self) -> MemoryDevice {
        self.device
    }
}

impl Deref for Held {
    type Target = Disk;

    fn deref(&self) -> &Disk {
        &self.disk
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Disk {
        &mut self.disk
    }
}
