//! What stands for the debugger in a kernel without one.

use mewz_abi::trap::TrapKind;
use mewz_kernel::guest::GuestMemory;
use mewz_kernel::settings::{Debugger, Settings};
use mewz_kernel::wasi::Wasi;
use mewz_kernel::wasi::exports::{Call, PARAMETERS_MAX};

use super::console;
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;

/// Says so if one is to be waited for.
pub(super) fn start(settings: &Settings, _: bool) {
    if settings.debugger != Debugger::Never {
        console::warn(format_args!(
            "this kernel has no stub for a debugger: nothing waits for one"
        ));
    }
}

/// Waits for nobody.
pub(super) fn wait(_: &Settings, _: bool) {}

/// Whether the exception was a debugger's affair.
pub(super) fn answers(_: &mut InterruptFrame, _: &mut SavedVectors) -> bool {
    false
}

/// Keeps nothing: nobody writes a core.
pub(super) fn keep_for_core() {}

/// Whether a debugger wants a trap's instruction tried once more.
pub(super) fn retries_trap(_: &mut InterruptFrame, _: &mut SavedVectors, _: TrapKind) -> bool {
    false
}

/// Whether a debugger wants a fault's instruction tried once more.
pub(super) fn retries_fault(_: &mut InterruptFrame, _: &mut SavedVectors) -> bool {
    false
}

/// Says so if the program is to be watched.
pub(super) fn watch(settings: &Settings) {
    if settings.traces_calls || settings.profile_hz > 0 {
        console::warn(format_args!(
            "this kernel can't watch the program: it is one without a stub for a debugger"
        ));
    }
}

/// Notes that a call of WASI begins.
pub(super) fn enter_call(_: Call, _: &[u64; PARAMETERS_MAX], _: &dyn GuestMemory) {}

/// Notes that it is done.
pub(super) fn leave_call(_: &[u64; PARAMETERS_MAX], _: &dyn GuestMemory, _: u32) {}

/// Notes that it waits for something.
pub(super) fn note_sleep() {}

/// Sleeps; nobody looks.
pub(super) fn show_while(_: &Wasi, sleep: impl FnOnce()) {
    sleep();
}

/// Sends what is not yet sent of a program that ends.
pub(super) fn finish() {}

/// Keeps a line of the log.
pub(super) fn keep_line(_: u8, _: core::fmt::Arguments<'_>) {}

/// Shows a debugger that the kernel has failed.
pub(super) fn stop_here() {}

/// Tells a debugger that the program has ended.
pub(super) fn tell_exit(_: u32) {}
