//! What the application finds mounted: host folders by the machine's 9p devices, file systems in memory, folders that came
//! along with the configuration or in the image.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mewz_abi::config::{Entries, tag};
use mewz_abi::pack::Pack;
use mewz_kernel::fs::ninep::{self, MountOptions};
use mewz_kernel::fs::packed;
use mewz_kernel::fs::temporary::{self, TemporaryOptions};
use mewz_kernel::settings;
use mewz_kernel::wasi::Mount;

use super::failure::fail;
use super::wall_clock;
use crate::memory::physical;
use crate::virtio::ninep::HostFolder;

/// Files in memory that nobody set a limit to may take this part of the memory that is free at the start, together.
const TEMPORARY_MEMORY_PARTS: u64 = 2;

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

/// Makes the file systems in memory that the settings name, behind `mounts`.
pub(super) fn mount_temporaries(wanted: &[settings::Temporary], mounts: &mut Vec<Mount>) {
    let without_limit = wanted.iter().filter(|one| one.bytes_max.is_none()).count() as u64;
    let share = physical::free_bytes() / TEMPORARY_MEMORY_PARTS / without_limit.max(1);
    for one in wanted {
        let root = temporary::mount(TemporaryOptions {
            number: mounts.len() as u64 + 1,
            bytes_max: one.bytes_max.unwrap_or(share),
            clock: Box::new(wall_clock::now_ns),
        });
        mounts.push(Mount {
            path: one.path.clone(),
            root,
        });
    }
}

/// What the host's configuration block and the image carry along.
pub(super) fn find_packs(block: &'static [u8], image: &'static [u8]) -> Vec<Pack<'static>> {
    let entries = Entries::new(block).into_iter().flatten();
    let of_host = entries.filter(|entry| entry.tag == tag::PACK);
    let contents = of_host.map(|entry| entry.content);
    let of_image = (!image.is_empty()).then_some(image);
    let read = |bytes| {
        Pack::new(bytes).unwrap_or_else(|why| {
            fail(format_args!(
                "the folders that came along are broken: {why:?}"
            ))
        })
    };
    contents.chain(of_image).map(read).collect()
}

/// Mounts the folders of `packs`, behind `mounts`. What is mounted at the same path already goes before.
pub(super) fn mount_packs(packs: &[Pack<'static>], mounts: &mut Vec<Mount>) {
    for pack in packs {
        for folder in pack.mounts() {
            if mounts.iter().any(|mount| mount.path == folder.text) {
                continue;
            }
            match packed::mount(*pack, folder.node, mounts.len() as u64 + 1) {
                Ok(root) => mounts.push(Mount {
                    path: folder.text.to_vec(),
                    root,
                }),
                Err(errno) => fail(format_args!(
                    "the folder `{}` that came along can't be used: {errno:?}",
                    folder.text.escape_ascii()
                )),
            }
        }
    }
}
