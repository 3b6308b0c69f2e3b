//! The configuration block that the kernel finds at boot; its layout is in `mewz_abi::config`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use mewz_abi::config::{MAGIC, entry_head, mount, tag};

use super::error::QemuError;

/// A host folder that the program sees, or a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The folder, or the disk's image, on the host.
    pub host: PathBuf,
    /// Its path in the guest.
    pub guest: String,
    /// Whether nothing in it can be changed.
    pub is_read_only: bool,
}

/// A network card, and the ports of the host that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Ports that are forwarded.
    pub forwards: Vec<Forward>,
    /// Ports that the program finds listeners for.
    pub listeners: Vec<u16>,
    /// Whether the program may reach others by itself.
    pub is_open: bool,
    /// Where QEMU writes what crosses the card, in libpcap's format.
    pub capture: Option<PathBuf>,
}

/// A port of the host that leads to one of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The address on the host.
    pub address: std::net::Ipv4Addr,
    /// The port on the host.
    pub host: u16,
    /// The port in the guest.
    pub guest: u16,
    /// Whether datagrams are forwarded instead of connections.
    pub is_udp: bool,
}

/// The guest's address, its network's length, and who forwards and resolves for it: those of QEMU's user network. That puts
/// what it takes into a socket of the host, so the length of a segment means nothing to it.
pub(super) const GUEST_ADDRESS: &str = "10.0.2.15";
const OPTIONS: [&str; 4] = [
    "ip=10.0.2.15/24",
    "gateway=10.0.2.2",
    "dns=10.0.2.3",
    "segments=long",
];

/// What the kernel is told of its card.
pub(super) fn network_options(network: &Network) -> Vec<String> {
    let listeners = network.listeners.iter();
    let listeners = listeners.map(|port| format!("listen={port}"));
    OPTIONS
        .iter()
        .map(ToString::to_string)
        .chain(listeners)
        .collect()
}

/// The serial number of the disk with this number.
pub(super) fn disk_serial(index: usize) -> String {
    format!("mewz-disk{index}")
}

/// What the kernel is told of a disk.
pub(super) fn disk_option(index: usize, disk: &Mount) -> String {
    let mode = if disk.is_read_only { ":ro" } else { "" };
    format!("disk={}:{}{mode}", disk_serial(index), disk.guest)
}

/// What the kernel is told of a folder where it has no configuration block.
pub(super) fn mount_option(index: usize, mount: &Mount) -> String {
    let mode = if mount.is_read_only { ":ro" } else { "" };
    format!("mount={}:{}{mode}", mount_tag(index), mount.guest)
}

/// The 9p mount tag of the folder with this number.
#[must_use]
pub(super) fn mount_tag(index: usize) -> String {
    format!("mewz{index}")
}

/// Builds the block.
///
/// # Errors
///
/// [`QemuError::TooLong`].
#[allow(clippy::too_many_arguments, reason = "one for each kind of entry")]
pub(super) fn block(
    arguments: &[impl AsRef<OsStr>],
    environment: &[impl AsRef<OsStr>],
    mounts: &[Mount],
    disks: &[Mount],
    network: Option<&Network>,
    options: &[String],
    terminals: u8,
    epoch_ns: u64,
    entropy: &[u8; 32],
) -> Result<Vec<u8>, QemuError> {
    let mut block = MAGIC.to_vec();
    for argument in arguments {
        push(
            &mut block,
            tag::ARGUMENT,
            "an argument",
            argument.as_ref().as_bytes(),
        )?;
    }
    for variable in environment {
        let variable = variable.as_ref().as_bytes();
        push(
            &mut block,
            tag::ENVIRONMENT,
            "an environment variable",
            variable,
        )?;
    }
    for (index, mount) in mounts.iter().enumerate() {
        push(
            &mut block,
            tag::MOUNT,
            "a mounted path",
            &mount_entry(index, mount),
        )?;
    }
    for (index, disk) in disks.iter().enumerate() {
        let option = disk_option(index, disk);
        push(&mut block, tag::OPTION, "a disk", option.as_bytes())?;
    }
    let network_options = network.map(network_options).unwrap_or_default();
    for option in network_options.iter().chain(options) {
        push(&mut block, tag::OPTION, "an option", option.as_bytes())?;
    }
    push(&mut block, tag::TERMINALS, "a byte", &[terminals])?;
    push(&mut block, tag::EPOCH, "the time", &epoch_ns.to_le_bytes())?;
    push(&mut block, tag::ENTROPY, "the entropy", entropy)?;
    Ok(block)
}

/// What stands in front of a pack and behind it where it is the last entry of a block: apart from it, since it may be large.
///
/// # Errors
///
/// [`QemuError::TooLong`].
pub(super) fn pack_entry(pack: &[Vec<u8>]) -> Result<(Vec<u8>, &'static [u8]), QemuError> {
    if pack.is_empty() {
        return Ok((Vec::new(), &[]));
    }
    let bytes = pack.iter().map(Vec::len).sum::<usize>();
    let len = u32::try_from(bytes).map_err(|_| QemuError::TooLong("what is packed"))?;
    let padding = bytes.next_multiple_of(4) - bytes;
    Ok((entry_head(tag::PACK, len).to_vec(), &[0; 3][..padding]))
}

fn mount_entry(index: usize, mount: &Mount) -> Vec<u8> {
    let flags = if mount.is_read_only {
        mount::READ_ONLY
    } else {
        0
    };
    let tag = mount_tag(index);
    let mut content = flags.to_le_bytes().to_vec();
    content.extend((tag.len() as u32).to_le_bytes());
    content.extend(tag.as_bytes());
    content.extend(mount.guest.as_bytes());
    content
}

fn push(
    block: &mut Vec<u8>,
    tag: u32,
    what: &'static str,
    content: &[u8],
) -> Result<(), QemuError> {
    let len = u32::try_from(content.len()).map_err(|_| QemuError::TooLong(what))?;
    block.extend(entry_head(tag, len));
    block.extend(content);
    block.resize(block.len().next_multiple_of(4), 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use mewz_abi::config::{Entries, tag};

    use super::{Mount, Network, block, pack_entry};

    #[test]
    fn a_block_reads_back_entry_by_entry() {
        let mounts = [Mount {
            host: PathBuf::from("/tmp"),
            guest: "/data".to_owned(),
            is_read_only: true,
        }];
        let network = Network {
            capture: None,
            listeners: vec![80],
            ..Network::default()
        };
        let names = ["a.wasm", "é"];
        let options = ["tmp=/tmp:0".to_owned()];
        let bytes = block(
            &names,
            &["K=v=w"],
            &mounts,
            &mounts,
            Some(&network),
            &options,
            3,
            7,
            &[9; 32],
        )
        .unwrap();
        let pack = [b"a ".to_vec(), b"pack".to_vec()];
        let (head, padding) = pack_entry(&pack).unwrap();
        let bytes = [&bytes, &head, &pack.concat(), padding].concat();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(pack_entry(&[]).unwrap(), (vec![], &[][..]));
        let entries: Vec<(u32, Vec<u8>)> = Entries::new(&bytes)
            .unwrap()
            .map(|entry| (entry.tag, entry.content.to_vec()))
            .collect();
        let mut mount = vec![1, 0, 0, 0, 5, 0, 0, 0];
        mount.extend(b"mewz0/data");
        assert_eq!(
            entries,
            [
                (tag::ARGUMENT, b"a.wasm".to_vec()),
                (tag::ARGUMENT, "é".as_bytes().to_vec()),
                (tag::ENVIRONMENT, b"K=v=w".to_vec()),
                (tag::MOUNT, mount),
                (tag::OPTION, b"disk=mewz-disk0:/data:ro".to_vec()),
                (tag::OPTION, b"ip=10.0.2.15/24".to_vec()),
                (tag::OPTION, b"gateway=10.0.2.2".to_vec()),
                (tag::OPTION, b"dns=10.0.2.3".to_vec()),
                (tag::OPTION, b"segments=long".to_vec()),
                (tag::OPTION, b"listen=80".to_vec()),
                (tag::OPTION, b"tmp=/tmp:0".to_vec()),
                (tag::TERMINALS, vec![3]),
                (tag::EPOCH, 7u64.to_le_bytes().to_vec()),
                (tag::ENTROPY, vec![9; 32]),
                (tag::PACK, b"a pack".to_vec()),
            ]
        );
    }
}
