//! Waiting for a device that does not want to answer: in the end it does something.

use super::device;

/// What a device may do meanwhile before it has to answer.
const ACTS: u32 = 30;

pub(super) fn until(mut is_done: impl FnMut() -> bool) {
    for _ in 0..ACTS {
        if is_done() {
            return;
        }
        device::act();
    }
    while !is_done() {
        device::answer();
    }
}

pub(super) fn briefly(_: u64, mut is_done: impl FnMut() -> bool) -> bool {
    for _ in 0..ACTS {
        if is_done() {
            return true;
        }
        device::act();
    }
    false
}
