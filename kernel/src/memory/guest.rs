//! Linear memory as the kernel sees it: one type checks every pointer and length of the application, once.

use alloc::vec::Vec;

/// A range that does not lie inside linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestFault;

/// Access to linear memory 0. Addresses and lengths are claims of the application; every method checks them against the
/// current size before the first byte moves. Pages that were never touched are mapped on the way.
pub trait GuestMemory {
    /// Checks that `len` bytes from `address` on lie inside linear memory.
    ///
    /// # Errors
    ///
    /// They don't.
    fn check(&self, address: u32, len: u32) -> Result<(), GuestFault>;

    /// Fills `out` from `address` on.
    ///
    /// # Errors
    ///
    /// The range is not inside linear memory; `out` is as it was.
    fn read(&self, address: u32, out: &mut [u8]) -> Result<(), GuestFault>;

    /// Stores `bytes` from `address` on.
    ///
    /// # Errors
    ///
    /// The range is not inside linear memory, or no memory is left to back it; then nothing is stored.
    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), GuestFault>;

    /// Shows `len` bytes from `address` on, in order, in pieces of any size, without copying.
    ///
    /// # Errors
    ///
    /// The range is not inside linear memory; `see` was not called.
    fn for_each_piece(
        &self,
        address: u32,
        len: u32,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), GuestFault>;
}

/// Linear memory of a program that there is not: bytes of the heap.
#[derive(Debug)]
pub struct VecMemory(pub Vec<u8>);

impl GuestMemory for VecMemory {
    fn check(&self, address: u32, len: u32) -> Result<(), GuestFault> {
        let end = u64::from(address) + u64::from(len);
        if end <= self.0.len() as u64 {
            Ok(())
        } else {
            Err(GuestFault)
        }
    }

    fn read(&self, address: u32, out: &mut [u8]) -> Result<(), GuestFault> {
        self.check(address, u32::try_from(out.len()).map_err(|_| GuestFault)?)?;
        out.copy_from_slice(&self.0[address as usize..][..out.len()]);
        Ok(())
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), GuestFault> {
        self.check(address, u32::try_from(bytes.len()).map_err(|_| GuestFault)?)?;
        self.0[address as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn for_each_piece(
        &self,
        address: u32,
        len: u32,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), GuestFault> {
        self.check(address, len)?;
        // Pieces as a kernel has them that maps page by page.
        self.0[address as usize..][..len as usize]
            .chunks(4096)
            .for_each(see);
        Ok(())
    }
}
