//! What all files of one file system share: its limit, its clock, the numbers of its files.

use alloc::boxed::Box;
use core::cell::Cell;

use super::super::errno::Errno;
use super::TemporaryOptions;

pub(super) struct Store {
    number: u64,
    clock: Box<dyn Fn() -> u64>,
    bytes_max: u64,
    used_bytes: Cell<u64>,
    inodes: Cell<u64>,
}

impl Store {
    pub(super) fn new(options: TemporaryOptions) -> Self {
        Self {
            number: options.number,
            clock: options.clock,
            bytes_max: options.bytes_max,
            used_bytes: Cell::new(0),
            inodes: Cell::new(0),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn now_ns(&self) -> u64 {
        (self.clock)()
    }

    /// A number that no file has had.
    pub(super) fn next_inode(&self) -> u64 {
        self.inodes.set(self.inodes.get() + 1);
        self.inodes.get()
    }

    /// Counts `bytes` more, if the limit lets them in.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Errno> {
        let used = self.used_bytes.get().saturating_add(bytes);
        if used > self.bytes_max {
            return Err(Errno::Nospc);
        }
        self.used_bytes.set(used);
        Ok(())
    }

    /// Counts `bytes` more whatever the limit: for what takes the place of something of nearly the same size.
    pub(super) fn charge_anyway(&self, bytes: u64) {
        self.used_bytes
            .set(self.used_bytes.get().saturating_add(bytes));
    }

    /// Counts `bytes` less.
    pub(super) fn release(&self, bytes: u64) {
        self.used_bytes
            .set(self.used_bytes.get().saturating_sub(bytes));
    }

    #[cfg(test)]
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes.get()
    }
}
