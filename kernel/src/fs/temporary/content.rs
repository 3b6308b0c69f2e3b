//! The content of a file: pages, and holes where nothing was written.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::super::errno::Errno;
use super::store::Store;
use crate::zeros::ZEROS;

/// Bytes of a page. As many are refused by the kernel's heap where memory is short, rather than taken from its reserve.
const PAGE_BYTES: usize = 4096;

/// What a page counts for: its bytes and its place in the map.
const PAGE_COST: u64 = PAGE_BYTES as u64 + 64;

/// The end of the longest file: offsets are signed in every interface.
pub(super) const SIZE_MAX: u64 = i64::MAX as u64;

// What is missing is shown as zeros.
const _: () = assert!(PAGE_BYTES <= ZEROS.len());

/// A file's bytes.
pub(super) struct Pages {
    store: Rc<Store>,
    /// Pages by their number; what is missing is zeros. Behind `size`, a page holds zeros.
    pages: BTreeMap<u64, Box<[u8]>>,
    size: u64,
}

/// Part of a page.
struct Piece {
    page: u64,
    start: usize,
    len: usize,
}

/// The first piece of the range from `offset` on that is at least one byte and at most `len` long.
fn first_piece(offset: u64, len: usize) -> Piece {
    let start = (offset % PAGE_BYTES as u64) as usize;
    Piece {
        page: offset / PAGE_BYTES as u64,
        start,
        len: len.min(PAGE_BYTES - start),
    }
}

impl Pages {
    pub(super) fn new(store: Rc<Store>) -> Self {
        Self {
            store,
            pages: BTreeMap::new(),
            size: 0,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Shows up to `len` bytes from `offset` on; returns their count.
    pub(super) fn read(&self, offset: u64, len: usize, see: &mut dyn FnMut(&[u8])) -> usize {
        let left = self.size.saturating_sub(offset);
        let len = usize::try_from(left).map_or(len, |left| left.min(len));
        let mut done = 0;
        while done < len {
            let piece = first_piece(offset + done as u64, len - done);
            let page = self.pages.get(&piece.page).map_or(&ZEROS[..], |page| page);
            see(&page[piece.start..piece.start + piece.len]);
            done += piece.len;
        }
        len
    }

    /// Stores `bytes` from `offset` on, as many as there is room for; returns their count.
    ///
    /// # Errors
    ///
    /// `Nospc` or `Fbig` where not even the first can be stored.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let room = SIZE_MAX.saturating_sub(offset);
        let len = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        if len == 0 && !bytes.is_empty() {
            return Err(Errno::Fbig);
        }
        let mut done = 0;
        while done < len {
            let piece = first_piece(offset + done as u64, len - done);
            match self.page_mut(piece.page) {
                Ok(page) => page[piece.start..piece.start + piece.len]
                    .copy_from_slice(&bytes[done..done + piece.len]),
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
            done += piece.len;
            self.size = self.size.max(offset + done as u64);
        }
        Ok(done)
    }

    /// Cuts the content, or lengthens it by a hole.
    pub(super) fn set_size(&mut self, size: u64) -> Result<(), Errno> {
        if size > SIZE_MAX {
            return Err(Errno::Inval);
        }
        if size < self.size {
            let cut = self.pages.split_off(&size.div_ceil(PAGE_BYTES as u64));
            self.store.release(cut.len() as u64 * PAGE_COST);
            let end = first_piece(size, PAGE_BYTES);
            if let Some(page) = self.pages.get_mut(&end.page) {
                page[end.start..].fill(0);
            }
        }
        self.size = size;
        Ok(())
    }

    /// Backs `start..end` with pages, so that writing there can't fail for want of room.
    pub(super) fn reserve(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        let mut made = Vec::new();
        for page in start / PAGE_BYTES as u64..end.div_ceil(PAGE_BYTES as u64) {
            if self.pages.contains_key(&page) {
                continue;
            }
            let result = made.try_reserve(1).map_err(|_| Errno::Nospc);
            if let Err(errno) = result.and_then(|()| self.page_mut(page).map(drop)) {
                // All or nothing, as on Linux.
                for page in made {
                    self.pages.remove(&page);
                    self.store.release(PAGE_COST);
                }
                return Err(errno);
            }
            made.push(page);
        }
        self.size = self.size.max(end);
        Ok(())
    }

    fn page_mut(&mut self, number: u64) -> Result<&mut [u8], Errno> {
        use alloc::collections::btree_map::Entry;
        match self.pages.entry(number) {
            Entry::Occupied(page) => Ok(page.into_mut()),
            Entry::Vacant(place) => {
                self.store.charge(PAGE_COST)?;
                let mut page = Vec::new();
                if page.try_reserve_exact(PAGE_BYTES).is_err() {
                    self.store.release(PAGE_COST);
                    return Err(Errno::Nospc);
                }
                page.resize(PAGE_BYTES, 0);
                Ok(place.insert(page.into_boxed_slice()))
            }
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.store.release(self.pages.len() as u64 * PAGE_COST);
    }
}
