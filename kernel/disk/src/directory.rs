//! What redoxfs takes for granted of a directory's names, looked at before it meets them: it would run beyond a block whose
//! content is absurd below right checksums, which somebody made up.

use alloc::vec::Vec;

use redoxfs::{
    BlockAddr, BlockData, BlockLevel, BlockRaw, DirEntry, DirList, Node, TreeData, TreePtr,
};

use super::check::word;
use super::device::BLOCK_BYTES;
use super::disk::{Disk, Kind, kind};
use super::error::Error;
use super::name::NAME_BYTES_MAX;

/// Bytes of an entry in front of its name: the file, four bytes, and the name's length.
const ENTRY_HEAD_BYTES: usize = 5;

/// Bytes of a pointer in an inner block: the largest hash below it, four bytes, then address and checksum.
const POINTER_BYTES: usize = 20;
const ADDRESS_OFFSET: usize = 4;

/// Bytes behind the pointers of an inner block.
const POINTERS_END: usize = BLOCK_BYTES / POINTER_BYTES * POINTER_BYTES;

/// A block that is to be looked at: its number, its checksum, and how many steps it is from the lists of names.
type Below = (u64, u64, u32);

impl Disk {
    /// Looks at the names of `directory`, once: what is changed later is changed by this crate alone. What is no directory
    /// is left to whoever asks for its names.
    ///
    /// # Errors
    ///
    /// `Damaged`; the disk can't be read.
    pub(crate) fn check_names(&mut self, directory: u32) -> Result<(), Error> {
        if self.checked.contains_key(&directory) {
            return Ok(());
        }
        let top = self.look(|tx| top(&tx.read_tree(TreePtr::<Node>::new(directory))?))?;
        let mut wait = Vec::from_iter(top);
        let mut left = self.shared_blocks();
        let layout = Layout::find().ok_or(Error::Damaged)?;
        while let Some((block, checksum, steps)) = wait.pop() {
            // More than there are: it goes round in circles.
            left = left.checked_sub(1).ok_or(Error::Damaged)?;
            let content = self.read_checked(block, checksum)?;
            match steps {
                0 => layout.check(&content)?,
                _ => wait.extend(below(&content, steps - 1)?),
            }
        }
        self.checked.insert(directory, 0);
        Ok(())
    }

    fn read_checked(&mut self, block: u64, checksum: u64) -> Result<Vec<u8>, Error> {
        if block >= self.fs.header.size() / BLOCK_BYTES as u64 {
            return Err(Error::Damaged);
        }
        let empty = BlockData::<BlockRaw>::empty(BlockAddr::default());
        let mut content = empty.ok_or(Error::Damaged)?;
        let read = self.fs.disk.read(block, content.data_mut());
        self.tell(read.map_err(|_| Error::Device))?;
        match content.create_ptr().hash() == checksum {
            true => Ok(content.data().to_vec()),
            false => Err(Error::Damaged),
        }
    }
}

/// Where a directory's names begin, if it has any.
fn top(node: &TreeData<Node>) -> Result<Option<Below>, Error> {
    let levels = match kind(node)? {
        Kind::Directory => node.data().level_data(),
        _ => None,
    };
    let Some(levels) = levels else {
        return Ok(None);
    };
    let [marker, first, ..] = levels.level0;
    if !marker.is_marker() || first.is_null() {
        return Ok(None);
    }
    let is_single =
        first.addr().level() == BlockLevel::default() && first.addr().decomp_level().is_none();
    if !is_single {
        return Err(Error::Damaged);
    }
    let steps = marker.addr().level().blocks::<u64>().trailing_zeros();
    Ok(Some((first.addr().index(), first.hash(), steps)))
}

/// What an inner block leads to.
fn below(content: &[u8], steps: u32) -> Result<Vec<Below>, Error> {
    let mut found = Vec::new();
    for pointer in content[..POINTERS_END].chunks_exact(POINTER_BYTES) {
        let address = word(pointer, ADDRESS_OFFSET);
        let block = address >> 8;
        if block == 0 {
            continue;
        }
        if address & 0xff != 0 {
            return Err(Error::Damaged);
        }
        found.push((block, word(pointer, ADDRESS_OFFSET + 8), steps));
    }
    Ok(found)
}

/// Where the parts of a list of names lie: its entries, their count and their length, two bytes each. The order is the
/// compiler's, and as on every disk that was made so far.
struct Layout {
    entries: usize,
    count: usize,
    len: usize,
}

impl Layout {
    /// Looks where a list of one entry has them.
    fn find() -> Option<Self> {
        const NAME: &str = "name";
        let mut list = BlockData::<DirList>::empty(BlockAddr::default())?;
        let list = list.data_mut();
        list.append(&DirEntry::new(TreePtr::new(u32::MAX), NAME));
        let content: &[u8] = list;
        let mut places = content.windows(NAME.len());
        let name = places.position(|place| place == NAME.as_bytes())?;
        let entries = name.checked_sub(ENTRY_HEAD_BYTES)?;
        let entry_bytes = ENTRY_HEAD_BYTES + NAME.len();
        let find = |number: usize| {
            let mut places = (0..content.len()).step_by(2);
            places.find(|at| {
                !(entries..entries + entry_bytes).contains(at) && half(content, *at) == number
            })
        };
        Some(Self {
            entries,
            count: find(1)?,
            len: find(entry_bytes)?,
        })
    }

    /// Looks at a list of names: as many entries as it says, one behind the other, up to the end that it says.
    fn check(&self, content: &[u8]) -> Result<(), Error> {
        let len = half(content, self.len);
        // The two numbers lie on one side of the entries.
        let room = BLOCK_BYTES - 4;
        let entries = content[self.entries..][..room].get(..len);
        let mut rest = entries.ok_or(Error::Damaged)?;
        for _ in 0..half(content, self.count) {
            let name_len = usize::from(*rest.get(ENTRY_HEAD_BYTES - 1).ok_or(Error::Damaged)?);
            if !(1..=NAME_BYTES_MAX).contains(&name_len) {
                return Err(Error::Damaged);
            }
            rest = rest
                .get(ENTRY_HEAD_BYTES + name_len..)
                .ok_or(Error::Damaged)?;
        }
        match rest {
            [] => Ok(()),
            _ => Err(Error::Damaged),
        }
    }
}

fn half(content: &[u8], at: usize) -> usize {
    usize::from(content[at]) | usize::from(content[at + 1]) << 8
}
