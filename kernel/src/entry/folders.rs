//! Host folders: which of the machine's 9p devices stands for which path.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mewz_kernel::fs::ninep::{self, MountOptions};
use mewz_kernel::settings;
use mewz_kernel::wasi::Mount;

use super::failure::fail;
use crate::virtio::ninep::HostFolder;

/// Mounts the folders that the settings name, in their order.
pub(super) fn mount(
    wanted: &[settings::Mount],
    mut found: Vec<(Vec<u8>, HostFolder)>,
) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in wanted {
        let name = mount.tag.escape_ascii();
        let Some(at) = found.iter().position(|(tag, _)| *tag == mount.tag) else {
            fail(format_args!(
                "the machine has no 9p device with the mount tag `{name}`"
            ));
        };
        let (_, folder) = found.swap_remove(at);
        let options = MountOptions {
            read_only: mount.is_read_only,
            number: mounts.len() as u64 + 1,
        };
        match ninep::mount(Box::new(folder), options) {
            Ok(root) => mounts.push(Mount {
                path: mount.path.clone(),
                root,
            }),
            Err(errno) => fail(format_args!(
                "the folder behind mount tag `{name}` can't be used: {errno:?}"
            )),
        }
    }
    mounts
}
