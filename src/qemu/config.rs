//! The configuration block that the kernel finds at boot; its layout is in `mewz_abi::config`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use mewz_abi::config::{MAGIC, entry_head, mount, tag};

use super::error::QemuError;

/// A host folder that the program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The folder on the host.
    pub host: std::path::PathBuf,
    /// Its path in the guest.
    pub guest: String,
    /// Whether nothing in it can be changed.
    pub is_read_only: bool,
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
pub(super) fn block(
    arguments: &[impl AsRef<OsStr>],
    environment: &[impl AsRef<OsStr>],
    mounts: &[Mount],
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
    push(&mut block, tag::TERMINALS, "a byte", &[terminals])?;
    push(&mut block, tag::EPOCH, "the time", &epoch_ns.to_le_bytes())?;
    push(&mut block, tag::ENTROPY, "the entropy", entropy)?;
    Ok(block)
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

    use super::{Mount, block};

    #[test]
    fn a_block_reads_back_entry_by_entry() {
        let mounts = [Mount {
            host: PathBuf::from("/tmp"),
            guest: "/data".to_owned(),
            is_read_only: true,
        }];
        let bytes = block(&["a.wasm", "é"], &["K=v=w"], &mounts, 3, 7, &[9; 32]).unwrap();
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
                (tag::TERMINALS, vec![3]),
                (tag::EPOCH, 7u64.to_le_bytes().to_vec()),
                (tag::ENTROPY, vec![9; 32]),
            ]
        );
    }
}
