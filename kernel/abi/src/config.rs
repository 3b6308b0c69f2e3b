//! The configuration block: what the host tells the kernel at boot, as the first PVH module (QEMU's `-initrd`).
//!
//! Eight bytes of magic, then entries: tag (u32), length (u32), content, padded with zeros to four bytes; little endian.
//! Unknown tags are passed over. A kernel without a block reads its command line alone.

/// First bytes of the block.
pub const MAGIC: [u8; 8] = *b"mewzcfg1";

/// What an entry holds.
pub mod tag {
    /// An argument of the program, in order; the first is the program's name.
    pub const ARGUMENT: u32 = 1;
    /// An environment variable, `NAME=value`, in order.
    pub const ENVIRONMENT: u32 = 2;
    /// A host folder: flags (u32, see [`super::mount`]), length of the 9p mount tag (u32), mount tag, path in the guest.
    pub const MOUNT: u32 = 3;
    /// Nanoseconds since 1970 at the start of the machine, u64.
    pub const EPOCH: u32 = 4;
    /// 32 bytes of randomness from the host.
    pub const ENTROPY: u32 = 5;
    /// One byte, bits: 1 standard input, 2 standard output, 4 standard error is a terminal on the host.
    pub const TERMINALS: u32 = 6;
    /// An option as the kernel's command line has it, `name=value`: `disk`, `ip`, `gateway`, `dns`, `listen`, `tmp`.
    pub const OPTION: u32 = 7;
    /// A [`crate::pack`]: its folders are mounted.
    pub const PACK: u32 = 8;
}

/// Flags of a mount.
pub mod mount {
    /// Nothing in it can be changed.
    pub const READ_ONLY: u32 = 1;
}

/// An entry of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// One of [`tag`], or one from a newer host.
    pub tag: u32,
    /// What it holds.
    pub content: &'a [u8],
}

/// Reads the entries of a block, in order; stops at the first that does not fit.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The entries of `block`, or `None` where the magic is missing.
    #[must_use]
    pub fn new(block: &'a [u8]) -> Option<Self> {
        Some(Self {
            rest: block.strip_prefix(&MAGIC)?,
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (head, rest) = self.rest.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *head;
        let len = u32::from_le_bytes([e, f, g, h]) as usize;
        let content = rest.get(..len)?;
        self.rest = rest.get(len.checked_next_multiple_of(4)?..).unwrap_or(&[]);
        Some(Entry {
            tag: u32::from_le_bytes([a, b, c, d]),
            content,
        })
    }
}

/// The head of an entry; `len` bytes of content and zeros up to a multiple of four follow it.
#[must_use]
pub fn entry_head(tag: u32, len: u32) -> [u8; 8] {
    let mut head = [0; 8];
    head[..4].copy_from_slice(&tag.to_le_bytes());
    head[4..].copy_from_slice(&len.to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::{Entries, Entry, MAGIC, entry_head, tag};

    /// A block of one argument `ab` and one entry of an unknown tag, empty.
    fn block() -> [u8; 28] {
        let mut block = [0; 28];
        block[..8].copy_from_slice(&MAGIC);
        block[8..16].copy_from_slice(&entry_head(tag::ARGUMENT, 2));
        block[16..18].copy_from_slice(b"ab");
        block[20..].copy_from_slice(&entry_head(99, 0));
        block
    }

    #[test]
    fn entries_come_in_order_without_their_padding() {
        let argument = Entry {
            tag: tag::ARGUMENT,
            content: b"ab",
        };
        let unknown = Entry {
            tag: 99,
            content: b"",
        };
        assert!(Entries::new(&block()).unwrap().eq([argument, unknown]));
    }

    #[test]
    fn a_block_without_magic_is_none() {
        assert!(Entries::new(b"").is_none());
        assert!(Entries::new(b"mewzcfg2").is_none());
    }

    #[test]
    fn entries_that_do_not_fit_end_the_block() {
        let whole = block();
        for (len, entries) in [(8, 0), (15, 0), (17, 0), (18, 1), (27, 1), (28, 2)] {
            let count = Entries::new(&whole[..len]).unwrap().count();
            assert_eq!(count, entries, "{len} bytes");
        }
        let mut endless = whole;
        endless[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Entries::new(&endless).unwrap().count(), 0);
    }
}
