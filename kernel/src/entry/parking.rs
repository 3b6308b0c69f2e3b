//! A kernel that comes up before its application: it waits, devices and network ready, until the host has put a window into
//! memory and says so.

use mewz_kernel::wasi::system::System as _;

use super::machine::Machine;
use super::{console, fail_without_window, failure::fail};
use crate::memory::start_information::PhysicalRange;
use crate::memory::window::{Window, WindowError};
use crate::memory::{paging, physical};

/// Waits for a window that fits into `room`, maps it, and frees what it leaves of the room. It is checked as at boot.
pub(super) fn await_window(
    room: &Window,
    memory: &[PhysicalRange],
    machine: &mut Machine,
) -> Window {
    if !console::is_virtio() {
        fail(format_args!(
            "a parked kernel needs a virtio console, by which it hears of its application"
        ));
    }
    // Only machines of the loop are parked, and theirs is the kernel with the stub.
    #[cfg(feature = "debugger")]
    if !console::is_released() && !mewz_kernel::wasi::rehearsal::rehearse() {
        console::warn(format_args!("the rehearsal of a server did not go well"));
    }
    while !console::is_released() {
        machine.wait(None);
    }
    let window = Window::find(memory).unwrap_or_else(|why| fail_without_window(why));
    if window.is_parked() {
        fail_without_window(WindowError::NoApplication);
    }
    if window.physical_end() > room.physical_end() {
        fail_without_window(WindowError::Broken(
            "it is larger than the room kept for it",
        ));
    }
    if paging::map_window(&window.bounds()).is_err() {
        fail(format_args!(
            "the machine has too little memory for page tables: give it more (QEMU's `-m`)"
        ));
    }
    physical::add(window.physical_end(), room.physical_end());
    window
}
