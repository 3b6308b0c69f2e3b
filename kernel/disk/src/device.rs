//! What a disk is to the file system: numbered blocks, and a way to make sure of those that were written.

/// Bytes of a block.
pub const BLOCK_BYTES: usize = redoxfs::BLOCK_SIZE as usize;

/// The device failed, or was asked for what it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceError;

/// A device of blocks.
pub trait Device {
    /// How many blocks it has.
    fn block_count(&self) -> u64;

    /// Fills `bytes`, whole blocks, from `block` on.
    ///
    /// # Errors
    ///
    /// What is in `bytes` then is of no worth.
    fn read(&mut self, block: u64, bytes: &mut [u8]) -> Result<(), DeviceError>;

    /// Stores `bytes`, whole blocks, from `block` on. Until the next [`Device::flush`] a power cut may leave any part of
    /// it, in any order with other writes.
    ///
    /// # Errors
    ///
    /// Any part may be stored.
    fn write(&mut self, block: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Returns when everything written before outlives a power cut.
    ///
    /// # Errors
    ///
    /// Nobody knows what is stored.
    fn flush(&mut self) -> Result<(), DeviceError>;
}
