//! Physical memory by the page and by the chunk. Nothing is given back: linear memory, page tables and the heap only grow.

/// Bytes of a page.
const PAGE: u64 = 4096;
/// Bytes of a chunk: a page of WebAssembly.
pub const CHUNK: u64 = 65536;
/// Most ranges of free memory that are kept; what a machine has beyond is left alone.
const RANGES_MAX: usize = 64;

/// A range of physical addresses, end exclusive, both multiples of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
}

impl Range {
    fn bytes(self) -> u64 {
        self.end - self.start
    }
}

/// Free physical memory.
#[derive(Debug)]
pub struct Frames {
    ranges: [Range; RANGES_MAX],
    len: usize,
    /// What single pages are cut from.
    pages: Range,
}

impl Frames {
    /// No memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ranges: [Range { start: 0, end: 0 }; RANGES_MAX],
            len: 0,
            pages: Range { start: 0, end: 0 },
        }
    }

    /// Adds the whole pages of `start..end`.
    pub fn add(&mut self, start: u64, end: u64) {
        let start = start.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        let end = end / PAGE * PAGE;
        if start < end && self.len < RANGES_MAX {
            self.ranges[self.len] = Range { start, end };
            self.len += 1;
        }
    }

    /// Takes every page out that `start..end` touches. Call it before memory is given out.
    pub fn exclude(&mut self, start: u64, end: u64) {
        let start = start / PAGE * PAGE;
        let end = end.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        let old = core::mem::take(self);
        for range in &old.ranges[..old.len] {
            self.add(range.start, range.end.min(start));
            self.add(range.start.max(end), range.end);
        }
    }

    /// Whether all of `start..end` is free.
    #[must_use]
    pub fn contains(&self, start: u64, end: u64) -> bool {
        let mut at = start;
        // Ranges may touch, in any order: each lap covers at least one of them.
        for _ in 0..=self.len {
            let next = self.ranges[..self.len]
                .iter()
                .find(|range| (range.start..range.end).contains(&at));
            match next {
                Some(range) if range.end >= end => return true,
                Some(range) => at = range.end,
                None => return start >= end,
            }
        }
        false
    }

    /// Bytes that are free.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.pages.bytes()
            + self.ranges[..self.len]
                .iter()
                .map(|range| range.bytes())
                .sum::<u64>()
    }

    /// Bytes that can be taken as chunks.
    #[must_use]
    pub fn chunk_bytes(&self) -> u64 {
        self.ranges[..self.len]
            .iter()
            .filter_map(|range| {
                let start = range.start.checked_next_multiple_of(CHUNK)?;
                Some(range.end.saturating_sub(start) / CHUNK * CHUNK)
            })
            .sum()
    }

    /// Takes a page.
    pub fn page(&mut self) -> Option<u64> {
        if self.pages.bytes() == 0 {
            self.pages = self.next_pages()?;
        }
        let page = self.pages.start;
        self.pages.start += PAGE;
        Some(page)
    }

    /// Takes `bytes`, rounded up to whole chunks, that lie side by side from a multiple of a chunk on.
    pub fn contiguous(&mut self, bytes: u64) -> Option<u64> {
        let bytes = bytes.checked_next_multiple_of(CHUNK)?;
        for at in 0..self.len {
            let range = self.ranges[at];
            let Some(start) = range.start.checked_next_multiple_of(CHUNK) else {
                continue;
            };
            if start.checked_add(bytes).is_none_or(|end| end > range.end) {
                continue;
            }
            self.ranges[at].start = start + bytes;
            // The pages before the first whole chunk serve as pages.
            if range.start < start {
                self.keep_pages(Range {
                    start: range.start,
                    end: start,
                });
            }
            return Some(start);
        }
        None
    }

    /// Takes a chunk.
    pub fn chunk(&mut self) -> Option<u64> {
        self.contiguous(CHUNK)
    }

    /// Pages for [`Frames::page`]: the first chunk, since the boot tables show only low memory, else what is left over.
    fn next_pages(&mut self) -> Option<Range> {
        if let Some(start) = self.chunk() {
            return Some(Range {
                start,
                end: start + CHUNK,
            });
        }
        let range = self.ranges[..self.len]
            .iter_mut()
            .find(|range| range.bytes() > 0)?;
        let pages = *range;
        range.start = range.end;
        Some(pages)
    }

    /// Keeps a few pages for later; where there is no room for the note, they are lost.
    fn keep_pages(&mut self, pages: Range) {
        if self.pages.bytes() == 0 {
            self.pages = pages;
        } else if let Some(free) = self.ranges[..self.len]
            .iter_mut()
            .find(|range| range.bytes() == 0)
        {
            *free = pages;
        } else {
            self.add(pages.start, pages.end);
        }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Frames, PAGE};

    fn frames(ranges: &[(u64, u64)]) -> Frames {
        let mut frames = Frames::new();
        for &(start, end) in ranges {
            frames.add(start, end);
        }
        frames
    }

    #[test]
    fn only_whole_pages_count() {
        assert_eq!(frames(&[(1, 4096)]).free_bytes(), 0);
        assert_eq!(frames(&[(1, 3 * 4096 - 1)]).free_bytes(), PAGE);
        assert_eq!(frames(&[(u64::MAX - 5, u64::MAX)]).free_bytes(), 0);
        assert_eq!(frames(&[(8192, 4096)]).free_bytes(), 0);
    }

    #[test]
    fn exclusion_splits_trims_and_removes() {
        let mut split = frames(&[(0, 10 * PAGE)]);
        split.exclude(4 * PAGE + 1, 5 * PAGE + 1);
        assert_eq!(split.free_bytes(), 8 * PAGE);
        assert!(split.contains(0, 4 * PAGE));
        assert!(!split.contains(0, 5 * PAGE));
        assert!(split.contains(6 * PAGE, 10 * PAGE));
        split.exclude(0, u64::MAX);
        assert_eq!(split.free_bytes(), 0);
        assert_eq!(split.page(), None);
    }

    #[test]
    fn ranges_that_touch_are_one_to_a_question() {
        let frames = frames(&[(4 * PAGE, 8 * PAGE), (0, 4 * PAGE)]);
        assert!(frames.contains(PAGE, 7 * PAGE));
        assert!(!frames.contains(PAGE, 9 * PAGE));
    }

    #[test]
    fn chunks_are_aligned_and_everything_is_given_out_once() {
        let mut frames = frames(&[(3 * PAGE, 3 * CHUNK + PAGE), (10 * CHUNK, 11 * CHUNK)]);
        let free = frames.free_bytes();
        assert_eq!(frames.chunk_bytes(), 3 * CHUNK);
        let mut given = std::collections::BTreeSet::new();
        while let Some(chunk) = frames.chunk() {
            assert_eq!(chunk % CHUNK, 0);
            for page in 0..CHUNK / PAGE {
                assert!(given.insert(chunk + page * PAGE));
            }
        }
        assert_eq!(given.len() as u64 * PAGE, 3 * CHUNK);
        while let Some(page) = frames.page() {
            assert!(given.insert(page));
        }
        assert_eq!(given.len() as u64 * PAGE, free);
        assert_eq!(frames.free_bytes(), 0);
    }

    #[test]
    fn pages_come_from_the_first_chunk() {
        let mut frames = frames(&[(CHUNK, 4 * CHUNK), (0x7000_0000, 0x7000_0000 + PAGE)]);
        assert_eq!(frames.page(), Some(CHUNK));
        assert_eq!(frames.page(), Some(CHUNK + PAGE));
    }

    #[test]
    fn contiguous_memory_finds_the_range_that_holds_it() {
        let mut frames = frames(&[(0, CHUNK), (2 * CHUNK, 5 * CHUNK)]);
        assert_eq!(frames.contiguous(2 * CHUNK - 1), Some(2 * CHUNK));
        assert_eq!(frames.contiguous(2 * CHUNK), None);
        assert_eq!(frames.contiguous(u64::MAX), None);
        assert_eq!(frames.contiguous(1), Some(0));
    }
}
