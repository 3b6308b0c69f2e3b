//! What stands for persistent disks in a kernel without them.

use alloc::vec::Vec;

use mewz_kernel::settings;
use mewz_kernel::wasi::Mount;

use super::console;
use super::failure::fail;
use crate::virtio::find::Device;

/// What makes an image with them.
const WAY: &str = "`mewz build --disks` makes an image that has it";

/// Whether the machine has disks.
#[derive(Default)]
pub(super) struct Found {
    has_some: bool,
}

impl Found {
    /// Leaves the block device alone.
    pub(super) fn add(&mut self, _: Device) {
        self.has_some = true;
    }

    /// Says so if a disk is to be mounted.
    pub(super) fn mount(self, wanted: &[settings::Mount], _: u64, _: &mut Vec<Mount>) -> Disks {
        if let Some(mount) = wanted.first() {
            fail(format_args!(
                "the disk for `{}` can't be mounted, as this kernel is one without the file system of disks: {WAY}",
                mount.path.escape_ascii()
            ));
        }
        if self.has_some {
            console::warn(format_args!(
                "the machine's disk is not used, as this kernel is one without the file system of disks: {WAY}"
            ));
        }
        Disks(())
    }
}

/// No disks.
#[derive(Default)]
pub(super) struct Disks(());

impl Disks {
    /// Nothing waits.
    pub(super) fn settle_old(&self) {}

    /// Nothing was written.
    pub(super) fn settle(&self) {}
}
