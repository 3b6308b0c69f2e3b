//! The unikernel: boots, brings up its devices, calls the application and answers it.
#![no_std]
#![no_main]

mod memory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
