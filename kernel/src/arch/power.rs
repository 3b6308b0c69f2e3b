//! The end of the machine.

use mewz_abi::exit::{DEBUG_EXIT_PORT, debug_exit_value};

use super::cpu::{halt_forever, write_port_u8, write_port_u16, write_port_u32};

/// QEMU's power management control of PIIX4 and ICH9, where SeaBIOS puts it, and "sleep type 5, enter".
const POWER_CONTROL: (u16, u16) = (0x604, 0x2000);
/// Pulses the reset line.
const KEYBOARD_RESET: (u16, u8) = (0x64, 0xfe);

/// Ends the machine. `is_failure`: the machine must not end in a way that looks like success, so without the debug-exit
/// device it stops and stays, after it has called `tell`.
pub(crate) fn end(status: u32, is_failure: bool, tell: impl FnOnce()) -> ! {
    write_port_u32(DEBUG_EXIT_PORT, debug_exit_value(status));
    if !is_failure && status == 0 {
        write_port_u16(POWER_CONTROL.0, POWER_CONTROL.1);
        write_port_u8(KEYBOARD_RESET.0, KEYBOARD_RESET.1);
    }
    tell();
    halt_forever()
}
