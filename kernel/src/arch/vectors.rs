//! The vector and floating-point registers of interrupted code, where the interrupt stubs keep them.

#[cfg(feature = "debugger")]
use core::sync::atomic::Ordering;

#[cfg(feature = "debugger")]
use super::processor::HAS_EXTENDED_STATE;

/// The area that FXSAVE or XSAVE filled, and that the stub loads again. Source: Intel's manual, volume 1, table 10-2.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct SavedVectors {
    /// Null for interrupts whose stub saves none.
    area: *mut u8,
}

#[cfg(feature = "debugger")]
impl SavedVectors {
    /// Bytes that both instructions lay out alike.
    const BYTES: usize = 512;
    /// Where XSAVE says which register sets are not in their initial state.
    const IN_USE: usize = 512;

    /// The `N` bytes at `offset`.
    pub(crate) fn read<const N: usize>(&self, offset: usize) -> [u8; N] {
        assert!(offset + N <= Self::BYTES);
        if self.area.is_null() {
            return [0; N];
        }
        let place = self.area.wrapping_add(offset).cast::<[u8; N]>();
        // SAFETY: the stub passes an area of at least so many bytes, which nobody else reaches before it loads it.
        unsafe { place.read() }
    }

    /// Replaces the `N` bytes at `offset`.
    pub(crate) fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) {
        const X87_SSE: u8 = 3;
        assert!(offset + N <= Self::BYTES);
        if self.area.is_null() {
            return;
        }
        let place = self.area.wrapping_add(offset).cast::<[u8; N]>();
        // SAFETY: the stub passes an area of at least so many bytes, which nobody else reaches before it loads it.
        unsafe { place.write(bytes) };
        if HAS_EXTENDED_STATE.load(Ordering::Relaxed) {
            let in_use = self.area.wrapping_add(Self::IN_USE);
            // SAFETY: XSAVE's area has a header of 64 bytes behind those.
            let sets = unsafe { in_use.read() };
            // SAFETY: as above.
            unsafe { in_use.write(sets | X87_SSE) };
        }
    }
}
