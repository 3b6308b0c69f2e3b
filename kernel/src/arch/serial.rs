//! COM1: plain text at boot by hand, and the last words of a kernel that fails.

use core::fmt;

use super::cpu::{read_port_u8, write_port_u8};

const COM1: u16 = 0x3f8;
/// Line status register, 16550D data sheet, table II.
const LINE_STATUS: u16 = COM1 + 5;
/// The transmitter takes a byte.
const TRANSMITTER_EMPTY: u8 = 1 << 5;
/// Reads of the line status register until a byte is given up: a port that is not there reads as all ones.
const POLLS_MAX: u32 = 1_000_000;

/// The transmitter of COM1.
pub(crate) struct Serial;

impl Serial {
    /// Writes bytes as they are.
    pub(crate) fn write(self, bytes: &[u8]) {
        for &byte in bytes {
            let mut polls = 0;
            while read_port_u8(LINE_STATUS) & TRANSMITTER_EMPTY == 0 && polls < POLLS_MAX {
                polls += 1;
            }
            write_port_u8(COM1, byte);
        }
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        Self.write(text.as_bytes());
        Ok(())
    }
}
