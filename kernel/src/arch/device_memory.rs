//! Registers of devices that lie in memory.

/// A range of device registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceMemory {
    base: u64,
    bytes: u64,
}

impl DeviceMemory {
    /// The `bytes` of registers at the virtual address `base`.
    ///
    /// # Safety
    ///
    /// The range is mapped for as long as the machine runs, holds device registers and no memory of ours.
    pub(crate) const unsafe fn new(base: u64, bytes: u64) -> Self {
        Self { base, bytes }
    }

    /// Reads the byte at `offset`.
    pub(crate) fn read_u8(self, offset: u64) -> u8 {
        let register = self.register::<u8>(offset);
        // SAFETY: `register` checks the range, and `new` promises what lies there.
        unsafe { register.read_volatile() }
    }

    /// Reads the four bytes at `offset`.
    pub(crate) fn read_u32(self, offset: u64) -> u32 {
        let register = self.register::<u32>(offset);
        // SAFETY: `register` checks the range, and `new` promises what lies there.
        unsafe { register.read_volatile() }
    }

    /// Writes the four bytes at `offset`.
    pub(crate) fn write_u32(self, offset: u64, value: u32) {
        let register = self.register::<u32>(offset);
        // SAFETY: `register` checks the range, and `new` promises what lies there.
        unsafe { register.write_volatile(value) };
    }

    fn register<T>(self, offset: u64) -> *mut T {
        let in_range = offset
            .checked_add(size_of::<T>() as u64)
            .is_some_and(|end| end <= self.bytes);
        assert!(in_range, "register {offset:#x} of {self:x?} is outside");
        (self.base + offset) as *mut T
    }
}
