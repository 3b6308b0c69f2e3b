//! An empty file system on a device.

use alloc::boxed::Box;
use core::ops::{Deref as _, DerefMut as _};

use redoxfs::{
    AllocEntry, AllocList, BlockAddr, BlockData, BlockPtr, HEADER_RING, Header, Node, SIGNATURE,
    Tree, TreeData, VERSION,
};

use super::device::{BLOCK_BYTES, Device, DeviceError};
use super::disk::{Disk, Options};
use super::error::Error;

/// Least size of a disk: the ring of headers takes the first mebibyte of it.
pub const DISK_BYTES_MIN: u64 = 2 << 20;

/// Most: the list of what is free is made anew at each mount, block by block.
pub const DISK_BYTES_MAX: u64 = 64 << 30;

/// Where the first tree and the first list of free blocks stand.
const TREE: u64 = HEADER_RING;
const FREE_LIST: u64 = HEADER_RING + 1;
/// The first block that is free.
const FREE: u64 = HEADER_RING + 2;

/// Where a header has the pointers to both. Each is an address, which is a block's number times 256, and a checksum.
const TREE_OFFSET: usize = 48;
const FREE_LIST_OFFSET: usize = 64;

static ZEROS: [u8; 16 * BLOCK_BYTES] = [0; 16 * BLOCK_BYTES];

/// Makes an empty file system; `identity` tells the disk from others.
///
/// # Errors
///
/// `Full` if the device is smaller than [`DISK_BYTES_MIN`], `FileTooLarge` if it is larger than [`DISK_BYTES_MAX`];
/// `Device`.
pub fn format(mut device: Box<dyn Device>, identity: [u8; 16], now_ns: u64) -> Result<(), Error> {
    let blocks = device.block_count();
    let bytes = blocks.saturating_mul(BLOCK_BYTES as u64);
    if bytes < DISK_BYTES_MIN {
        return Err(Error::Full);
    }
    if bytes > DISK_BYTES_MAX {
        return Err(Error::FileTooLarge);
    }
    write_start(&mut *device, blocks, identity).map_err(|_| Error::Device)?;
    let mut disk = Disk::open_without_root(device, Options::default())?;
    disk.make_root(now_ns)
}

fn write_start(
    device: &mut dyn Device,
    blocks: u64,
    identity: [u8; 16],
) -> Result<(), DeviceError> {
    for block in (0..HEADER_RING).step_by(ZEROS.len() / BLOCK_BYTES) {
        device.write(block, &ZEROS)?;
    }
    let mut free_list = empty::<AllocList>();
    free_list.data_mut().entries[0] = AllocEntry::new(FREE, (blocks - FREE).cast_signed());
    let tree = empty::<Tree>();
    device.write(TREE, tree.data().deref())?;
    device.write(FREE_LIST, free_list.data().deref())?;
    let mut header = Header {
        signature: *SIGNATURE,
        version: VERSION.into(),
        uuid: identity,
        size: (blocks * BLOCK_BYTES as u64).into(),
        ..Header::default()
    };
    let bytes = header.deref_mut();
    set_pointer(bytes, TREE_OFFSET, TREE, tree.create_ptr());
    set_pointer(bytes, FREE_LIST_OFFSET, FREE_LIST, free_list.create_ptr());
    let generation = header.update(None);
    device.flush()?;
    device.write(generation % HEADER_RING, header.deref())?;
    device.flush()
}

fn empty<T: redoxfs::BlockTrait>() -> BlockData<T> {
    BlockData::empty(BlockAddr::default()).expect("a single block has an empty form")
}

fn set_pointer<T>(header: &mut [u8], offset: usize, block: u64, pointer: BlockPtr<T>) {
    header[offset..offset + 8].copy_from_slice(&(block << 8).to_le_bytes());
    header[offset + 8..offset + 16].copy_from_slice(&pointer.hash().to_le_bytes());
}

impl Disk {
    /// Makes the root directory of a file system that has none.
    fn make_root(&mut self, now_ns: u64) -> Result<(), Error> {
        let (seconds, nanoseconds) = super::disk::split_time(now_ns);
        self.change(|tx| {
            // What is allocated is counted with its owner, which the root itself does not have.
            let mut nobody = TreeData::new(0, Node::default());
            let mut root = Node::new(Node::MODE_DIR | 0o755, 0, 0, seconds, nanoseconds);
            root.set_links(1);
            let block = BlockData::new(BlockAddr::default(), root);
            let pointer = tx.sync_block(&mut nobody, block)?;
            let id = tx.insert_tree(pointer)?.id();
            assert_eq!(
                id,
                super::disk::ROOT,
                "an empty tree gives out its first number"
            );
            Ok(())
        })?;
        self.sync()
    }
}
