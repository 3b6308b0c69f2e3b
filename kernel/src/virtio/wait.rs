//! Waiting for a device: a little by looking, then asleep.

use core::hint::spin_loop;

use crate::arch::{clock, cpu, interrupts};

/// Looks before sleeping: most answers come while the request is still being made.
const LOOKS: u32 = 200;
/// Longest sleep, in case that an interrupt is lost.
const SLEEP_NS: u64 = 10_000_000;

/// Waits until `is_done`, for as long as it takes: the host may hold its answer or our output back. With interrupts off, as
/// in a trap, only looks.
pub(crate) fn until(mut is_done: impl FnMut() -> bool) {
    let can_sleep = cpu::are_interrupts_enabled();
    let mut looks = 0;
    while !is_done() {
        if looks < LOOKS || !can_sleep {
            looks += 1;
            spin_loop();
            continue;
        }
        if !interrupts::is_ticking() {
            clock::start_timer(SLEEP_NS);
        }
        interrupts::sleep_unless(&mut is_done);
    }
}

/// Looks until `is_done`, at most `limit_ns`; returns whether it is.
pub(crate) fn briefly(limit_ns: u64, mut is_done: impl FnMut() -> bool) -> bool {
    // Most answers are there at once: then the clock is not read, whose first reading is not free.
    let mut end = None;
    while !is_done() {
        let now = clock::now_ns();
        if now > *end.get_or_insert(now.saturating_add(limit_ns)) {
            return false;
        }
        spin_loop();
    }
    true
}
