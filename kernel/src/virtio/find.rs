//! Which virtio devices the machine has.

use alloc::vec::Vec;
use core::ptr::NonNull;

use mewz_abi::address::PAGE_BYTES;
use mewz_kernel::settings::MmioDevice;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceStatus, SomeTransport, Transport as _};

use super::pci;
use crate::arch::apic::{self, Trigger};
use crate::arch::device_memory::DeviceMemory;
use crate::arch::interrupts::{self, Acknowledge};
use crate::memory::paging;

/// Where microvm has its transports, how far apart, how many; and the first interrupt line, with one I/O APIC and with two.
const MICROVM_BASE: u64 = 0xfeb0_0000;
const MICROVM_STRIDE: u64 = 512;
const MICROVM_TRANSPORTS: u64 = 24;
const MICROVM_FIRST_LINE: [usize; 2] = [16, 24];
/// Bytes of the registers before a device's own. Source: virtio 1.2, section 4.2.2.
const REGISTERS_BYTES: u64 = 0x100;

/// The way to a device's registers; dropping it resets the device.
pub(super) type DeviceTransport = SomeTransport<'static>;

/// A virtio device that nobody drives yet.
pub(crate) struct Device {
    pub(crate) transport: DeviceTransport,
    pub(crate) interrupt: Option<(usize, Trigger, Acknowledge)>,
}

/// Bit of the features: the device is not a legacy one. Source: virtio 1.2, section 6.
pub(super) const VERSION_1: u64 = 1 << 32;

impl Device {
    /// Resets the device and agrees on features: those of `wanted` that it has, which are returned.
    pub(crate) fn negotiate(&mut self, wanted: u64) -> u64 {
        let transport = &mut self.transport;
        let known = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        transport.set_status(DeviceStatus::empty());
        transport.set_status(known);
        let features = transport.read_device_features() & (wanted | VERSION_1);
        transport.write_driver_features(features);
        transport.set_status(known | DeviceStatus::FEATURES_OK);
        transport.set_guest_page_size(PAGE_BYTES as u32);
        features
    }

    /// Lets the device interrupt; returns `false` where its line leads nowhere.
    pub(crate) fn connect_interrupt(&mut self) -> bool {
        self.interrupt
            .take()
            .is_some_and(|(line, trigger, acknowledge)| {
                interrupts::register(line, trigger, acknowledge)
            })
    }
}

/// Finds the devices: those that the command line names; on a PC those on PCI; on a machine with neither, where microvm has
/// them when it describes them by ACPI alone.
pub(crate) fn devices(named: &[MmioDevice]) -> Vec<Device> {
    let mut devices: Vec<Device> = named.iter().filter_map(|device| mmio(*device)).collect();
    if pci::is_there() {
        pci::devices(|device| devices.push(device));
    } else if named.is_empty() {
        let first_line = MICROVM_FIRST_LINE[usize::from(apic::has_second_controller())];
        devices.extend((0..MICROVM_TRANSPORTS).filter_map(|at| {
            mmio(MmioDevice {
                address: MICROVM_BASE + at * MICROVM_STRIDE,
                bytes: MICROVM_STRIDE,
                line: first_line + at as usize,
            })
        }));
    }
    devices
}

/// The device at a virtio-mmio transport, `None` where there is none.
fn mmio(device: MmioDevice) -> Option<Device> {
    if device.bytes < REGISTERS_BYTES || !device.address.is_multiple_of(4) {
        return None;
    }
    let base = paging::map_device(device.address, device.bytes)?;
    // SAFETY: the machine's monitor names the range as the registers of a device; it is mapped for good.
    let registers = unsafe { DeviceMemory::new(base, device.bytes) };
    let header = NonNull::new(base as *mut _)?;
    // SAFETY: as for `registers`; the transport checks the magic before anything else.
    let transport = unsafe { MmioTransport::new(header, device.bytes as usize) }.ok()?;
    Some(Device {
        transport: transport.into(),
        interrupt: Some((
            device.line,
            Trigger::Level,
            Acknowledge::VirtioMmio(registers),
        )),
    })
}
