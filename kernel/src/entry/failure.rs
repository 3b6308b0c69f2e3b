//! The end of a kernel that can't go on.

use core::fmt;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use super::callers::Callers;
use super::{console, debugger};
use crate::arch::cpu::{disable_interrupts, frame_pointer, halt_forever};

/// How often the kernel has failed: telling of a failure may fail too.
static FAILURES: AtomicU32 = AtomicU32::new(0);
/// Failures after which nothing is told any more.
const FAILURES_MAX: u32 = 2;

/// Ends the machine, telling why.
pub(super) fn fail(why: fmt::Arguments<'_>) -> ! {
    tell(why);
    debugger::stop_here();
    console::end_after_failure()
}

/// Tells why the kernel can't go on.
pub(super) fn tell(why: fmt::Arguments<'_>) {
    disable_interrupts();
    if FAILURES.fetch_add(1, Ordering::Relaxed) >= FAILURES_MAX {
        halt_forever();
    }
    console::tell_failure(why);
}

/// Whether this is the first failure, so that more than COM1 can be trusted.
pub(super) fn is_first() -> bool {
    FAILURES.load(Ordering::Relaxed) <= 1
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fail(format_args!(
        "the kernel broke a promise of its own: {info}{}",
        Callers(frame_pointer())
    ))
}
