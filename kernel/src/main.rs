//! The unikernel: boots, brings up its devices, calls the application and answers it.
#![no_std]
#![no_main]

mod arch;
mod entry;

use core::fmt::Write;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(arch::serial::Serial, "mewz: panic: {info}");
    arch::cpu::halt_forever()
}
