//! The order in which the machine comes up.

use core::fmt::Write;

use crate::arch::cpu::halt_forever;
use crate::arch::serial::Serial;

/// Runs on the boot stack with the boot tables; `start_information` is the physical address that PVH passes.
// SAFETY: no other symbol of the kernel has this name; `arch::boot` calls it.
#[unsafe(no_mangle)]
extern "C" fn kernel_start(start_information: u64) -> ! {
    let _ = writeln!(Serial, "mewz: start information at {start_information:#x}");
    halt_forever()
}
