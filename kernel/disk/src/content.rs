//! The content of files: read, written, cut; and their times.

use alloc::vec::Vec;
use core::cmp::min;

use redoxfs::{Node, Transaction, TreeData, TreePtr};

use super::device::BLOCK_BYTES;
use super::disk::{Disk, Kind, attributes, kind, set_changed, split_time};
use super::error::Error;
use super::order::Ordered;

/// Most bytes that one transaction reads.
const READ_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a file, less than what its tree of blocks can lead to.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 40;

/// Most bytes that are written in one transaction, and so most that wait for one.
const WRITE_BYTES_MAX: usize = 256 << 10;

/// How long bytes may wait for more.
const WAIT_NS_MAX: u64 = 1_000_000_000;

/// Most bytes that a file is shortened by in one transaction: each block of them is an entry in the list of changes, which
/// takes blocks and memory itself.
pub(crate) const SHORTEN_BYTES_MAX: u64 = 8 << 20;

/// Bytes that were written to a file and wait for more: a transaction costs two flushes, whatever its size.
pub(crate) struct Pending {
    pub(crate) id: u32,
    offset: u64,
    bytes: Vec<u8>,
    /// When the first of them was written, and the last.
    pub(crate) since_ns: u64,
    pub(crate) now_ns: u64,
}

impl Pending {
    /// The first offset behind the bytes.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl Disk {
    /// Reads into `out` from `offset` on; returns the count of bytes, which is less where the file ends.
    ///
    /// # Errors
    ///
    /// `IsDirectory`, or the disk can't be read.
    pub fn read(&mut self, id: u32, offset: u64, out: &mut [u8]) -> Result<usize, Error> {
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.id == id)
        {
            self.write_pending()?;
        }
        let mut done = 0;
        for part in out.chunks_mut(READ_BYTES_MAX) {
            let read = self.look(|tx| {
                let node = tx.read_tree(TreePtr::<Node>::new(id))?;
                if kind(&node)? == Kind::Directory {
                    return Err(Error::IsDirectory);
                }
                let offset = offset.saturating_add(done as u64);
                if offset >= node.data().size() {
                    return Ok(0);
                }
                Ok(tx.read_node_inner(&node, offset, part)?)
            })?;
            done += read;
            if read < part.len() {
                break;
            }
        }
        Ok(done)
    }

    /// Writes `bytes` from `offset` on and returns how many were written. They may wait for more until [`Disk::sync`] or
    /// until something else is done on the disk; that they have room is sure.
    ///
    /// # Errors
    ///
    /// `Full`, `FileTooLarge`, `IsDirectory` or `ReadOnly`; the disk can't be read or written. Then nothing was written.
    pub fn write(
        &mut self,
        id: u32,
        offset: u64,
        bytes: &[u8],
        now_ns: u64,
    ) -> Result<usize, Error> {
        self.check_writable()?;
        let bytes = &bytes[..min(bytes.len(), WRITE_BYTES_MAX)];
        let end = offset.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > FILE_BYTES_MAX) {
            return Err(Error::FileTooLarge);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let fits = self.pending.as_ref().is_some_and(|pending| {
            pending.id == id
                && pending.end() == offset
                && pending.bytes.len() + bytes.len() <= WRITE_BYTES_MAX
                && now_ns.saturating_sub(pending.since_ns) < WAIT_NS_MAX
        });
        if !fits {
            self.write_pending()?;
            let node = self.look(|tx| Ok(tx.read_tree(TreePtr::<Node>::new(id))?))?;
            match kind(&node)? {
                Kind::File => {}
                Kind::Directory => return Err(Error::IsDirectory),
                Kind::SymbolicLink => return Err(Error::Invalid),
            }
        }
        let waiting = self
            .pending
            .as_ref()
            .map_or(0, |pending| pending.bytes.len());
        self.need(write_blocks(waiting + bytes.len()))?;
        let pending = self.pending.get_or_insert_with(|| Pending {
            id,
            offset,
            bytes: Vec::new(),
            since_ns: now_ns,
            now_ns,
        });
        pending.now_ns = now_ns;
        if pending.bytes.try_reserve(bytes.len()).is_ok() {
            pending.bytes.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        // Where memory is short nothing waits.
        self.write_pending()?;
        self.write_now(id, offset, bytes, now_ns)?;
        Ok(bytes.len())
    }

    /// Writes what waits to be written.
    pub(crate) fn write_pending(&mut self) -> Result<(), Error> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        self.write_now(pending.id, pending.offset, &pending.bytes, pending.now_ns)
    }

    fn write_now(&mut self, id: u32, offset: u64, bytes: &[u8], now_ns: u64) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (seconds, nanoseconds) = split_time(now_ns);
        self.change(|tx| {
            let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
            if offset > node.data().size() {
                // What lies between is zeros, which a write further on would not see to.
                tx.truncate_node_inner(&mut node, offset)?;
            }
            tx.write_node_inner(&mut node, &mut { offset }, bytes)?;
            node.data_mut().set_mtime(seconds, nanoseconds);
            set_changed(&mut node, now_ns);
            Ok(tx.sync_tree(node)?)
        })
    }

    /// Cuts the content, or lengthens it with zeros. Where much is cut, it is cut in parts, of which a power cut may leave
    /// the first.
    ///
    /// # Errors
    ///
    /// `Full`, `FileTooLarge`, `IsDirectory` or `ReadOnly`; the disk can't be read or written.
    pub fn set_size(&mut self, id: u32, size: u64, now_ns: u64) -> Result<(), Error> {
        self.check_writable()?;
        if size > FILE_BYTES_MAX {
            return Err(Error::FileTooLarge);
        }
        self.write_pending()?;
        let old = self.attributes(id)?;
        match old.kind {
            Kind::File => {}
            Kind::Directory => return Err(Error::IsDirectory),
            Kind::SymbolicLink => return Err(Error::Invalid),
        }
        if size > old.size {
            self.need(write_blocks(BLOCK_BYTES))?;
        }
        self.shorten_to_part(id, old.size, size)?;
        let (seconds, nanoseconds) = split_time(now_ns);
        self.change(|tx| {
            let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
            if size < node.data().size() {
                shorten(tx, &mut node, size)?;
            } else {
                tx.truncate_node_inner(&mut node, size)?;
            }
            node.data_mut().set_mtime(seconds, nanoseconds);
            set_changed(&mut node, now_ns);
            Ok(tx.sync_tree(node)?)
        })
    }

    /// Shortens a file as long as more than one transaction's part of it has to go.
    pub(crate) fn shorten_to_part(&mut self, id: u32, size: u64, to: u64) -> Result<(), Error> {
        let mut size = size;
        while size > to.saturating_add(SHORTEN_BYTES_MAX) {
            size = (size - 1) / SHORTEN_BYTES_MAX * SHORTEN_BYTES_MAX;
            self.change(|tx| {
                let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
                shorten(tx, &mut node, size)?;
                Ok(tx.sync_tree(node)?)
            })?;
        }
        Ok(())
    }

    /// Sets times; `None` leaves one as it is.
    ///
    /// # Errors
    ///
    /// `Full` or `ReadOnly`; the disk can't be read or written.
    pub fn set_times(
        &mut self,
        id: u32,
        accessed_ns: Option<u64>,
        modified_ns: Option<u64>,
        now_ns: u64,
    ) -> Result<(), Error> {
        self.check_writable()?;
        self.write_pending()?;
        self.need(super::disk::NAME_BLOCKS)?;
        self.change(|tx| {
            let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
            attributes(&node)?;
            if let Some((seconds, nanoseconds)) = accessed_ns.map(split_time) {
                node.data_mut().set_atime(seconds, nanoseconds);
            }
            if let Some((seconds, nanoseconds)) = modified_ns.map(split_time) {
                node.data_mut().set_mtime(seconds, nanoseconds);
            }
            set_changed(&mut node, now_ns);
            Ok(tx.sync_tree(node)?)
        })
    }
}

/// Most blocks that writing so many bytes needs: the bytes' own, the lists that lead to them, the tree, the list of
/// changes.
fn write_blocks(bytes: usize) -> u64 {
    let own = bytes.div_ceil(BLOCK_BYTES) as u64 + 1;
    own + own / 64 + 24
}

/// Cuts the content of a file that is longer.
fn shorten(
    tx: &mut Transaction<'_, Ordered>,
    node: &mut TreeData<Node>,
    size: u64,
) -> Result<(), Error> {
    round_up(node);
    if let Some(inline) = node.data_mut().inline_data_mut() {
        // They would be seen again where the file grows.
        if let Some(rest) = usize::try_from(size)
            .ok()
            .and_then(|size| inline.get_mut(size..))
        {
            rest.fill(0);
        }
    }
    tx.truncate_node_inner(node, size)?;
    Ok(())
}

/// Makes the size of a file that is to be cut a whole number of records: redoxfs 0.9 keeps the last one where it is not full.
fn round_up(node: &mut TreeData<Node>) {
    if !node.data().has_inline_data() && node.data().is_file() {
        let record = node.data().record_level().bytes();
        let size = node.data().size().next_multiple_of(record);
        node.data_mut().set_size(size);
    }
}

/// The same for a file that goes.
pub(crate) fn round_size_up(tx: &mut Transaction<'_, Ordered>, id: u32) -> Result<(), Error> {
    let mut node = tx.read_tree(TreePtr::<Node>::new(id))?;
    round_up(&mut node);
    Ok(tx.sync_tree(node)?)
}
