//! COM1: plain text at boot by hand, and the last words of a kernel that fails.

use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::apic::Trigger;
use super::cpu::{read_port_u8, write_port_u8};
use super::interrupts::{self, Acknowledge};

const COM1: u16 = 0x3f8;
/// Interrupt enable, line and modem control, line status. Source: 16550D data sheet, table II.
const INTERRUPT_ENABLE: u16 = COM1 + 1;
const LINE_CONTROL: u16 = COM1 + 3;
const MODEM_CONTROL: u16 = COM1 + 4;
const LINE_STATUS: u16 = COM1 + 5;
/// A byte has come.
const DATA_READY: u8 = 1;
/// The transmitter takes a byte.
const TRANSMITTER_EMPTY: u8 = 1 << 5;
/// Interrupt line of COM1.
const LINE: usize = 4;
/// Reads of the line status register until a byte is given up.
const POLLS_MAX: u32 = 1_000_000;
/// Most bytes taken out in one interrupt, so that a port that is not there ends the loop.
const TAKEN_MAX: usize = 256;
/// Bytes that the receiver holds until they are read; what comes while it is full is lost, as on any serial line.
const INPUT_BYTES: usize = 4096;

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

/// Bytes that came: one side is the interrupt, the other [`read`].
struct Input {
    bytes: [AtomicU8; INPUT_BYTES],
    /// Count of bytes ever stored.
    stored: AtomicUsize,
    /// Count of bytes ever taken.
    taken: AtomicUsize,
}

static INPUT: Input = Input {
    bytes: [const { AtomicU8::new(0) }; INPUT_BYTES],
    stored: AtomicUsize::new(0),
    taken: AtomicUsize::new(0),
};

/// Lets COM1 interrupt when a byte comes. Its FIFO stays as it is: switching it would lose what came during boot.
pub(crate) fn start_input() {
    write_port_u8(LINE_CONTROL, 0x03);
    // OUT2 lets the interrupt out of the chip; DTR and RTS say that someone is here.
    write_port_u8(MODEM_CONTROL, 0x0b);
    interrupts::register(LINE, Trigger::Edge, Acknowledge::Serial);
    // Last: a byte that waits already raises the line now, and nobody would see that before.
    write_port_u8(INTERRUPT_ENABLE, 0x01);
}

/// Takes what the chip holds; called by its interrupt.
pub(super) fn take_input() {
    for _ in 0..TAKEN_MAX {
        if read_port_u8(LINE_STATUS) & DATA_READY == 0 {
            return;
        }
        let byte = read_port_u8(COM1);
        let stored = INPUT.stored.load(Ordering::Relaxed);
        if stored - INPUT.taken.load(Ordering::Acquire) < INPUT_BYTES {
            INPUT.bytes[stored % INPUT_BYTES].store(byte, Ordering::Relaxed);
            INPUT.stored.store(stored + 1, Ordering::Release);
        }
    }
}

/// Takes bytes that came; returns how many.
pub(crate) fn read(out: &mut [u8]) -> usize {
    let taken = INPUT.taken.load(Ordering::Relaxed);
    let count = available().min(out.len());
    for (at, byte) in out[..count].iter_mut().enumerate() {
        *byte = INPUT.bytes[(taken + at) % INPUT_BYTES].load(Ordering::Relaxed);
    }
    INPUT.taken.store(taken + count, Ordering::Release);
    count
}

/// How many bytes wait to be read. Looks at the chip too, so that a lost interrupt costs time and no bytes.
pub(crate) fn available() -> usize {
    interrupts::without(take_input);
    INPUT.stored.load(Ordering::Acquire) - INPUT.taken.load(Ordering::Relaxed)
}
