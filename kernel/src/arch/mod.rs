//! The processor and the devices that every PC has.

pub(crate) mod boot;
pub(crate) mod cpu;
pub(crate) mod serial;
