//! Single instructions of the processor.

use core::arch::asm;

/// Reads a byte from an I/O port.
pub(crate) fn read_port_u8(port: u16) -> u8 {
    let value: u8;
    // SAFETY: reading a port touches no memory of ours; the devices of a PC tolerate it.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags))
    };
    value
}

/// Writes a byte to an I/O port.
pub(crate) fn write_port_u8(port: u16, value: u8) {
    // SAFETY: no device that is written to here by port reaches memory of ours.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags))
    };
}

/// Stops the processor for good.
pub(crate) fn halt_forever() -> ! {
    loop {
        // SAFETY: without interrupts nothing runs after it, which is what the caller wants.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
