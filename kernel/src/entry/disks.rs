//! Persistent disks: which of the machine's block devices stands for which path, and when what was written is made sure of.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mewz_disk::Error;
use mewz_kernel::fs::disk::{MountOptions, Mounted};
use mewz_kernel::settings;
use mewz_kernel::wasi::Mount;

use super::failure::fail;
use super::{console, wall_clock};
use crate::virtio::block::BlockDevice;
use crate::virtio::find::Device;

/// Disks that the machine has, by their serial numbers.
#[derive(Default)]
pub(super) struct Found(Vec<(Vec<u8>, BlockDevice)>);

impl Found {
    /// Brings the block device up.
    pub(super) fn add(&mut self, device: Device) {
        match BlockDevice::new(device) {
            Some(disk) => self.0.push(disk),
            None => console::warn(format_args!("a disk can't be used")),
        }
    }

    /// Mounts the disks that the settings name, in their order, behind `mounts`; `first` numbers them among all file systems.
    pub(super) fn mount(
        mut self,
        wanted: &[settings::Mount],
        first: u64,
        mounts: &mut Vec<Mount>,
    ) -> Disks {
        let mut disks = Vec::new();
        for mount in wanted {
            let name = mount.tag.escape_ascii();
            let Some(at) = self.0.iter().position(|(tag, _)| *tag == mount.tag) else {
                fail(format_args!(
                    "the machine has no virtio disk with the serial number `{name}`"
                ));
            };
            let (_, device) = self.0.swap_remove(at);
            let options = MountOptions {
                read_only: mount.is_read_only || device.is_read_only(),
                number: first + disks.len() as u64,
                clock: wall_clock::now_ns,
            };
            let path = mount.path.escape_ascii();
            let mounted =
                Mounted::new(Box::new(device), options).unwrap_or_else(|error| match error {
                    Error::NoFileSystem => fail(format_args!(
                        "the disk for `{path}` holds no file system: `mewz disk create` makes one"
                    )),
                    Error::Damaged => fail(format_args!(
                        "the disk for `{path}` is damaged: `mewz disk check` tells more"
                    )),
                    error => fail(format_args!("the disk for `{path}` can't be used: {error}")),
                });
            mounts.push(Mount {
                path: mount.path.clone(),
                root: mounted.root(),
            });
            disks.push(mounted);
        }
        Disks(disks)
    }
}

/// Disks that the application writes to.
#[derive(Default)]
pub(super) struct Disks(Vec<Mounted>);

impl Disks {
    /// Makes sure of what has waited long enough.
    pub(super) fn settle_old(&self) {
        for disk in &self.0 {
            disk.settle_old();
        }
    }

    /// Makes sure of all that was written, when the program has ended.
    pub(super) fn settle(&self) {
        for disk in &self.0 {
            if let Err(errno) = disk.settle() {
                console::warn(format_args!(
                    "not all that the program wrote is on its disk: {errno:?}"
                ));
            }
        }
    }
}
