//! What drivers are handed: a device that is already found.

use virtio_drivers::transport::{DeviceStatus, Transport as _};

use super::device::Registers;

pub(super) type DeviceTransport = Registers;

/// A virtio device that nobody drives yet.
pub(super) struct Device {
    pub(super) transport: DeviceTransport,
}

pub(super) const VERSION_1: u64 = 1 << 32;

impl Device {
    pub(super) fn new() -> Self {
        Self {
            transport: Registers,
        }
    }

    /// As on the machine.
    pub(super) fn negotiate(&mut self, wanted: u64) -> u64 {
        let known = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        self.transport.set_status(DeviceStatus::empty());
        self.transport.set_status(known);
        let features = self.transport.read_device_features() & (wanted | VERSION_1);
        self.transport.write_driver_features(features);
        self.transport.set_status(known | DeviceStatus::FEATURES_OK);
        features
    }

    pub(super) fn connect_interrupt(&mut self) -> bool {
        true
    }
}
