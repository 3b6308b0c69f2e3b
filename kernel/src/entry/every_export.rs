//! In place of `_start`, each export in turn, and traps that end a call and not the machine: for the test of the
//! specification's suite, whose linker makes the exports a list of what is to be done.

use alloc::format;
use core::sync::atomic::{AtomicUsize, Ordering};

use mewz_abi::application::export_kind;
use mewz_abi::record::RecordKind;
use mewz_abi::trap::TrapKind;

use super::console;
use crate::arch::frame::InterruptFrame;
use crate::arch::gate;
use crate::memory::window::Window;
use crate::memory::{linear, stack};

/// The place of the export whose turn it is.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Calls the exported functions, which have neither parameters nor results; an exported memory becomes the first one.
pub(super) fn run(window: Window) {
    for (turn, export) in window.exports().iter().enumerate() {
        TURN.store(turn, Ordering::Relaxed);
        match export.kind {
            // SAFETY: the test's linker lists functions of the window's code, and `stack::END` ends the application's stack.
            export_kind::FUNCTION => unsafe { gate::run(export.address, stack::END) },
            export_kind::MEMORY => linear::replace_first(export.address),
            _ => {}
        }
    }
}

/// Tells of a trap and ends the call that `frame` was taken in.
pub(super) fn go_on(frame: &mut InterruptFrame, kind: TrapKind) {
    let line = format!("{} {}\n", TURN.load(Ordering::Relaxed), kind.name());
    console::write(RecordKind::Stdout, line.as_bytes());
    gate::leave(frame);
}
