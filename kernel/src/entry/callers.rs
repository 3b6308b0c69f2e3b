//! The calls that led to a failure of the kernel, by frame pointers: through the kernel, into what an interrupt or a call of
//! WASI came from, and on through the program.

use core::fmt;

use crate::arch::exceptions::is_interruption;
use crate::arch::stacks;
use crate::memory::stack;

/// Callers that a report names.
const CALLERS_MAX: usize = 20;

/// The callers of the function whose frame is at this address, innermost first. The kernel has failed, so nothing that is
/// found is believed: each word is read where a stack is known to be, and there is an end to it.
pub(super) struct Callers(pub(super) u64);

impl fmt::Display for Callers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut base = self.0;
        let mut is_interrupted = false;
        for _ in 0..CALLERS_MAX {
            let (Some(next), Some(caller)) = (word(base), word(base.wrapping_add(8))) else {
                break;
            };
            let how = match is_interrupted {
                true => "interrupting",
                false => "called from",
            };
            write!(out, ", {how} {caller:#x}")?;
            is_interrupted = is_interruption(caller);
            base = next;
        }
        Ok(())
    }
}

/// The word at `address` of a stack.
fn word(address: u64) -> Option<u64> {
    stacks::kernel_word(address).or_else(|| stack::word(address))
}
