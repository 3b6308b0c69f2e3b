//! virtio devices on PCI. Configuration goes through the two ports that every PC has. Source: PCI 3.0, section 3.2.2.3.2.

use virtio_drivers::transport::pci::PciTransport;
use virtio_drivers::transport::pci::bus::{
    BarInfo, Command, ConfigurationAccess, DeviceFunction, PciRoot,
};
use virtio_drivers::transport::pci::virtio_device_type;

use super::find::Device;
use super::hal::Machine;
use crate::arch::apic::Trigger;
use crate::arch::cpu::{read_port_u32, write_port_u32};
use crate::arch::device_memory::DeviceMemory;
use crate::arch::interrupts::Acknowledge;
use crate::memory::paging;

const ADDRESS_PORT: u16 = 0xcf8;
const DATA_PORT: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
/// Register of the interrupt line that the firmware chose.
const INTERRUPT_LINE: u8 = 0x3c;
/// Identifier of vendor-specific capabilities, and the type of the one that tells the interrupt status.
const VENDOR_CAPABILITY: u8 = 9;
const INTERRUPT_STATUS: u8 = 3;

/// Configuration by ports.
struct Ports;

impl Ports {
    fn select(function: DeviceFunction, register: u8) {
        let address = u32::from(function.bus) << 16
            | u32::from(function.device) << 11
            | u32::from(function.function) << 8
            | u32::from(register & !3);
        write_port_u32(ADDRESS_PORT, ENABLE | address);
    }
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        Self::select(function, register);
        read_port_u32(DATA_PORT)
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, data: u32) {
        Self::select(function, register);
        write_port_u32(DATA_PORT, data);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}

/// Whether the machine has PCI.
pub(super) fn is_there() -> bool {
    let host = DeviceFunction {
        bus: 0,
        device: 0,
        function: 0,
    };
    Ports.read_word(host, 0) != u32::MAX
}

/// Hands out the virtio devices of the first bus.
pub(super) fn devices(mut found: impl FnMut(Device)) {
    let mut root = PciRoot::new(Ports);
    let bus = PciRoot::new(Ports);
    for (function, information) in bus.enumerate_bus(0) {
        if virtio_device_type(&information).is_none() {
            continue;
        }
        let (_, command) = root.get_status_command(function);
        root.set_command(
            function,
            command | Command::MEMORY_SPACE | Command::BUS_MASTER,
        );
        let Ok(transport) = PciTransport::new::<Machine, _>(&mut root, function) else {
            continue;
        };
        let line = (Ports.read_word(function, INTERRUPT_LINE) & 0xff) as usize;
        let status = interrupt_status(&mut root, function);
        found(Device {
            transport: transport.into(),
            interrupt: status.map(|status| (line, Trigger::Level, Acknowledge::VirtioPci(status))),
        });
    }
}

/// The byte that tells, and by being read ends, a device's interrupt. Source: virtio 1.2, section 4.1.4.5.
fn interrupt_status(root: &mut PciRoot<Ports>, function: DeviceFunction) -> Option<DeviceMemory> {
    let capability = root.capabilities(function).find(|capability| {
        capability.id == VENDOR_CAPABILITY
            && (capability.private_header >> 8) as u8 == INTERRUPT_STATUS
    })?;
    let bar = Ports.read_word(function, capability.offset + 4) as u8;
    let offset = Ports.read_word(function, capability.offset + 8);
    let Some(BarInfo::Memory { address, size, .. }) = root.bar_info(function, bar).ok()? else {
        return None;
    };
    if u64::from(offset) >= size {
        return None;
    }
    let base = paging::map_device(address + u64::from(offset), 1)?;
    // SAFETY: the byte lies in the device's registers, which are mapped for good.
    Some(unsafe { DeviceMemory::new(base, 1) })
}
