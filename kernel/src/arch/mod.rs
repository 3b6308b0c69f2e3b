//! The processor and the devices that every PC has.

pub(crate) mod apic;
pub(crate) mod boot;
pub(crate) mod calendar;
pub(crate) mod clock;
pub(crate) mod cpu;
#[cfg(feature = "debugger")]
pub(crate) mod debug_line;
#[cfg(feature = "debugger")]
pub(crate) mod debug_registers;
pub(crate) mod device_memory;
pub(crate) mod exceptions;
pub(crate) mod frame;
pub(crate) mod gate;
pub(crate) mod interrupts;
pub(crate) mod memory_functions;
pub(crate) mod power;
pub(crate) mod processor;
pub(crate) mod random;
pub(crate) mod segments;
pub(crate) mod serial;
pub(crate) mod smap;
pub(crate) mod stacks;
pub(crate) mod unwinding;
pub(crate) mod vectors;

pub(crate) use smap::{smap_guard, smap_lift};
