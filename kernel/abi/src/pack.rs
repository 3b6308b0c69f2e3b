//! Folders as bytes: what an image carries along, or the host hands over at boot, to be read where it lies.
//!
//! All numbers are little endian, all offsets count from the first byte; nothing needs to be aligned in memory.
//!
//! | part | bytes | content |
//! |---|---|---|
//! | head | 24 | [`MAGIC`], then counts (u32): nodes, names, mounts, options |
//! | nodes | 40 each | kind, parent, links, 0 (u32 each), time of the last change in nanoseconds since 1970, start, length (u64 each) |
//! | names | 16 each | node, length of the text (u32 each), offset of the text (u64): the entries of all directories |
//! | mounts | 16 each | node, length of the path (u32 each), offset of the path (u64) |
//! | options | 16 each | 0, length of the text (u32 each), offset of the text (u64) |
//! | texts and contents | | in any order; equal ones may lie in one place |
//!
//! Of a file or link, start and length are those of its content or target. Of a directory, they are the first of its names
//! and their count; names of a directory are in ascending order of their bytes. An option is one of the kernel's command
//! line, `tmp=…`, that holds where nothing else is mounted at its path.

/// First bytes of a pack.
pub const MAGIC: [u8; 8] = *b"mewzpak1";

/// Bytes of the head.
pub const HEAD_BYTES: usize = 24;

/// Bytes of a node.
pub const NODE_BYTES: usize = 40;

/// Bytes of a name, a mount, an option.
pub const NAME_BYTES: usize = 16;

/// Most bytes of a name: `NAME_MAX` of Linux.
pub const NAME_LEN_MAX: u32 = 255;

/// Most bytes of a link's target: `PATH_MAX` of Linux, less its NUL.
pub const TARGET_LEN_MAX: u64 = 4095;

/// Kinds of nodes.
pub mod kind {
    /// A directory.
    pub const DIRECTORY: u32 = 0;
    /// A regular file.
    pub const FILE: u32 = 1;
    /// A symbolic link.
    pub const LINK: u32 = 2;
}

/// What can be wrong with a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackError {
    /// It does not begin as one.
    NoPack,
    /// It ends before its tables do.
    Short,
    /// Something in it lies outside, is of no kind, or is no name.
    Broken,
    /// The names of a directory are not in order.
    Unsorted,
}

/// A file, directory or link of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// One of [`kind`].
    pub kind: u32,
    /// Of a directory: the one above, the top being its own; otherwise 0.
    pub parent: u32,
    /// Names that lead to it.
    pub links: u32,
    /// Time of the last change, nanoseconds since 1970.
    pub modified_ns: u64,
    /// Offset of the content or target; of a directory, its first name.
    pub start: u64,
    /// Bytes of the content or target; of a directory, the count of its names.
    pub len: u64,
}

impl Node {
    /// The bytes that stand for it.
    #[must_use]
    pub fn bytes(&self) -> [u8; NODE_BYTES] {
        let mut bytes = [0; NODE_BYTES];
        bytes[0..4].copy_from_slice(&self.kind.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.parent.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.links.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.modified_ns.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.start.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }
}

/// A text and the node that it leads to: a name in a directory, a mount's path; for an option, node 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Number of the node.
    pub node: u32,
    /// The text.
    pub text: &'a [u8],
}

/// The bytes that stand for a name, a mount or an option whose text lies at `offset`.
#[must_use]
pub fn name_bytes(node: u32, len: u32, offset: u64) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    bytes[0..4].copy_from_slice(&node.to_le_bytes());
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    bytes[8..16].copy_from_slice(&offset.to_le_bytes());
    bytes
}

/// A pack whose every offset was found inside.
#[derive(Clone, Copy, Debug)]
pub struct Pack<'a> {
    bytes: &'a [u8],
    nodes: u32,
    names: u32,
    mounts: u32,
    options: u32,
}

impl<'a> Pack<'a> {
    /// Looks through `bytes`, which may go on behind the pack.
    ///
    /// # Errors
    ///
    /// They are no pack, or something in it is not as it must be.
    pub fn new(bytes: &'a [u8]) -> Result<Self, PackError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(PackError::NoPack)?;
        let mut counts = [0; 4];
        for (at, count) in counts.iter_mut().enumerate() {
            *count = u32_at(rest, 4 * at as u64).ok_or(PackError::Short)?;
        }
        let [nodes, names, mounts, options] = counts;
        let pack = Self {
            bytes,
            nodes,
            names,
            mounts,
            options,
        };
        if pack.tables_end() > bytes.len() as u64 {
            return Err(PackError::Short);
        }
        pack.check()?;
        Ok(pack)
    }

    /// The folders that are mounted, by the number of their node, with their paths.
    pub fn mounts(&self) -> impl Iterator<Item = Name<'a>> + use<'a> {
        let pack = *self;
        (0..self.mounts).filter_map(move |at| pack.name_at(pack.mounts_start(), at))
    }

    /// Options of the kernel.
    pub fn options(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let pack = *self;
        (0..self.options).filter_map(move |at| Some(pack.name_at(pack.options_start(), at)?.text))
    }

    /// The node with this number.
    #[must_use]
    pub fn node(&self, number: u32) -> Option<Node> {
        if number >= self.nodes {
            return None;
        }
        let at = HEAD_BYTES as u64 + u64::from(number) * NODE_BYTES as u64;
        Some(Node {
            kind: u32_at(self.bytes, at)?,
            parent: u32_at(self.bytes, at + 4)?,
            links: u32_at(self.bytes, at + 8)?,
            modified_ns: u64_at(self.bytes, at + 16)?,
            start: u64_at(self.bytes, at + 24)?,
            len: u64_at(self.bytes, at + 32)?,
        })
    }

    /// The content of a file, or where a link leads; nothing for a directory.
    #[must_use]
    pub fn content(&self, node: &Node) -> &'a [u8] {
        match node.kind {
            kind::DIRECTORY => &[],
            _ => slice(self.bytes, node.start, node.len).unwrap_or(&[]),
        }
    }

    /// The name in a directory at a place, counted from 0.
    #[must_use]
    pub fn entry(&self, directory: &Node, place: u64) -> Option<Name<'a>> {
        if directory.kind != kind::DIRECTORY || place >= directory.len {
            return None;
        }
        let at = u32::try_from(directory.start.checked_add(place)?).ok()?;
        self.name_at(self.names_start(), at)
    }

    /// What `name` in a directory leads to.
    #[must_use]
    pub fn find(&self, directory: &Node, name: &[u8]) -> Option<u32> {
        let (mut start, mut end) = (0, directory.len);
        while start < end {
            let middle = start + (end - start) / 2;
            let entry = self.entry(directory, middle)?;
            match entry.text.cmp(name) {
                core::cmp::Ordering::Equal => return Some(entry.node),
                core::cmp::Ordering::Less => start = middle + 1,
                core::cmp::Ordering::Greater => end = middle,
            }
        }
        None
    }

    fn names_start(&self) -> u64 {
        HEAD_BYTES as u64 + u64::from(self.nodes) * NODE_BYTES as u64
    }

    fn mounts_start(&self) -> u64 {
        self.names_start() + u64::from(self.names) * NAME_BYTES as u64
    }

    fn options_start(&self) -> u64 {
        self.mounts_start() + u64::from(self.mounts) * NAME_BYTES as u64
    }

    fn tables_end(&self) -> u64 {
        self.options_start() + u64::from(self.options) * NAME_BYTES as u64
    }

    fn name_at(&self, table: u64, at: u32) -> Option<Name<'a>> {
        let at = table + u64::from(at) * NAME_BYTES as u64;
        let len = u32_at(self.bytes, at + 4)?;
        Some(Name {
            node: u32_at(self.bytes, at)?,
            text: slice(self.bytes, u64_at(self.bytes, at + 8)?, len.into())?,
        })
    }

    fn check(&self) -> Result<(), PackError> {
        let mut entries = 0_u64;
        for number in 0..self.nodes {
            let node = self.node(number).ok_or(PackError::Broken)?;
            match node.kind {
                kind::DIRECTORY => {
                    // No name is in two directories, so that looking at all takes as long as they are many.
                    entries = entries.saturating_add(node.len);
                    if entries > u64::from(self.names) {
                        return Err(PackError::Broken);
                    }
                    self.check_directory(&node)?;
                }
                kind::FILE if slice(self.bytes, node.start, node.len).is_some() => {}
                kind::LINK => self.check_link(&node)?,
                _ => return Err(PackError::Broken),
            }
        }
        for at in 0..self.names {
            let name = self.name_at(self.names_start(), at);
            let is_good = name.is_some_and(|name| name.node < self.nodes && is_name(name.text));
            if !is_good {
                return Err(PackError::Broken);
            }
        }
        for at in 0..self.mounts {
            let mount = self.name_at(self.mounts_start(), at);
            let is_good = mount.is_some_and(|mount| {
                let node = self.node(mount.node);
                node.is_some_and(|node| node.kind == kind::DIRECTORY)
                    && !mount.text.is_empty()
                    && !mount.text.contains(&0)
            });
            if !is_good {
                return Err(PackError::Broken);
            }
        }
        for at in 0..self.options {
            self.name_at(self.options_start(), at)
                .ok_or(PackError::Broken)?;
        }
        Ok(())
    }

    fn check_link(&self, link: &Node) -> Result<(), PackError> {
        let target = slice(self.bytes, link.start, link.len).unwrap_or(&[]);
        if target.is_empty() || link.len > TARGET_LEN_MAX || target.contains(&0) {
            return Err(PackError::Broken);
        }
        Ok(())
    }

    fn check_directory(&self, directory: &Node) -> Result<(), PackError> {
        let end = directory.start.checked_add(directory.len);
        let is_inside = end.is_some_and(|end| end <= u64::from(self.names));
        if !is_inside || directory.parent >= self.nodes {
            return Err(PackError::Broken);
        }
        let mut last: &[u8] = &[];
        for place in 0..directory.len {
            let entry = self.entry(directory, place).ok_or(PackError::Broken)?;
            if entry.text <= last {
                return Err(PackError::Unsorted);
            }
            last = entry.text;
        }
        Ok(())
    }
}

fn is_name(text: &[u8]) -> bool {
    !matches!(text, b"" | b"." | b"..")
        && text.len() <= NAME_LEN_MAX as usize
        && !text.iter().any(|byte| matches!(byte, 0 | b'/'))
}

fn slice(bytes: &[u8], start: u64, len: u64) -> Option<&[u8]> {
    let end = usize::try_from(start.checked_add(len)?).ok()?;
    bytes.get(usize::try_from(start).ok()?..end)
}

fn u32_at(bytes: &[u8], at: u64) -> Option<u32> {
    slice(bytes, at, 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: u64) -> Option<u64> {
    slice(bytes, at, 8)?.try_into().ok().map(u64::from_le_bytes)
}
