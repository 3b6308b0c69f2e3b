//! COM2: the line to the debugger. A byte on it is an interrupt that can't be masked, so that it is answered whatever the
//! kernel is about.

use super::apic;
use super::cpu::{read_port_u8, write_port_u8};

const COM2: u16 = 0x2f8;
/// Interrupt enable, FIFO, line and modem control, line status, scratch. Source: 16550D data sheet, table II.
const INTERRUPT_ENABLE: u16 = COM2 + 1;
const FIFO_CONTROL: u16 = COM2 + 2;
const LINE_CONTROL: u16 = COM2 + 3;
const MODEM_CONTROL: u16 = COM2 + 4;
const LINE_STATUS: u16 = COM2 + 5;
const SCRATCH: u16 = COM2 + 7;
/// A byte has come.
const DATA_READY: u8 = 1;
/// The transmitter takes a byte.
const TRANSMITTER_EMPTY: u8 = 1 << 5;
/// Interrupt line of COM2.
const LINE: usize = 3;
/// Reads of the line status register until a byte is given up.
const POLLS_MAX: u32 = 10_000_000;

/// Brings the line up, without interrupts yet; returns `false` where the machine has none.
pub(crate) fn start() -> bool {
    for probe in [0x5a, 0xa5] {
        write_port_u8(SCRATCH, probe);
        if read_port_u8(SCRATCH) != probe {
            return false;
        }
    }
    // Eight bits, one stop bit.
    write_port_u8(LINE_CONTROL, 0x03);
    // What came before the FIFO is on is one byte at most; the debugger's first is an acknowledgment that nobody needs.
    write_port_u8(FIFO_CONTROL, 0x01);
    if !apic::enable_line_unmaskable(LINE) {
        return false;
    }
    // OUT2 lets the interrupt out of the chip; DTR and RTS say that someone is here.
    write_port_u8(MODEM_CONTROL, 0x0b);
    true
}

/// Makes each byte an interrupt, one that waits already too.
pub(crate) fn enable_interrupts() {
    write_port_u8(INTERRUPT_ENABLE, 0x01);
}

/// Whether a byte has come.
pub(crate) fn has_byte() -> bool {
    read_port_u8(LINE_STATUS) & DATA_READY != 0
}

/// The next byte that came.
pub(crate) fn read() -> Option<u8> {
    has_byte().then(|| read_port_u8(COM2))
}

/// Sends a byte.
pub(crate) fn write(byte: u8) {
    let mut polls = 0;
    while read_port_u8(LINE_STATUS) & TRANSMITTER_EMPTY == 0 && polls < POLLS_MAX {
        polls += 1;
    }
    write_port_u8(COM2, byte);
}
