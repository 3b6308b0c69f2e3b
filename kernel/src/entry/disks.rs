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

/// Mounts the disks that the settings name, in their order; `first` numbers them among all file systems.
pub(super) fn mount(
    wanted: &[settings::Mount],
    mut found: Vec<(Vec<u8>, BlockDevice)>,
    first: u64,
) -> Vec<(Mount, Mounted)> {
    let mut mounts = Vec::new();
    for mount in wanted {
        let name = mount.tag.escape_ascii();
        let Some(at) = found.iter().position(|(tag, _)| *tag == mount.tag) else {
            fail(format_args!(
                "the machine has no virtio disk with the serial number `{name}`"
            ));
        };
        let (_, device) = found.swap_remove(at);
        let options = MountOptions {
            read_only: mount.is_read_only || device.is_read_only(),
            number: first + mounts.len() as u64,
            clock: wall_clock::now_ns,
        };
        let path = mount.path.escape_ascii();
        match Mounted::new(Box::new(device), options) {
            Ok(mounted) => mounts.push((
                Mount {
                    path: mount.path.clone(),
                    root: mounted.root(),
                },
                mounted,
            )),
            Err(Error::NoFileSystem) => fail(format_args!(
                "the disk for `{path}` holds no file system: `mewz disk create` makes one"
            )),
            Err(Error::Damaged) => fail(format_args!(
                "the disk for `{path}` is damaged: `mewz disk check` tells more"
            )),
            Err(error) => fail(format_args!("the disk for `{path}` can't be used: {error}")),
        }
    }
    mounts
}

/// Makes sure of all that was written, when the program has ended.
pub(super) fn settle(disks: &[Mounted]) {
    for disk in disks {
        if let Err(errno) = disk.settle() {
            console::warn(format_args!(
                "not all that the program wrote is on its disk: {errno:?}"
            ));
        }
    }
}
