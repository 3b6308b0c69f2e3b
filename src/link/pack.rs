//! Folders and options as a pack; its layout is in `mewz_abi::pack`.
//!
//! Equal folders give equal bytes: names are in order, and contents lie in the order in which files are added. Contents that
//! are equal lie in one place. There may be much of them, so each is held once: a pack is parts that follow each other, of
//! which the last is all contents.

use std::collections::{BTreeMap, HashMap};

use mewz_abi::pack::{HEAD_BYTES, MAGIC, NAME_BYTES, NODE_BYTES, Node, kind, name_bytes};

/// Contents start at multiples of this many bytes: copying is quickest from there.
const CONTENT_ALIGN: usize = 64;

/// What a name of a folder stands for.
#[derive(Debug)]
pub enum Item {
    /// A folder.
    Folder(Folder),
    /// A regular file by its number in `Contents::files`: several names may have one.
    File(usize),
    /// A symbolic link, and where it leads.
    Link(Vec<u8>, u64),
}

/// A folder: names in ascending order, each with what it stands for.
#[derive(Debug, Default)]
pub struct Folder {
    /// Its entries.
    pub entries: BTreeMap<Vec<u8>, Item>,
    /// Time of the last change, nanoseconds since 1970.
    pub modified_ns: u64,
}

/// A regular file: its place among the contents of all.
#[derive(Debug)]
struct FileContent {
    start: usize,
    len: usize,
    modified_ns: u64,
}

/// All that goes into a pack.
#[derive(Debug, Default)]
pub struct Contents {
    /// Folders with their paths in the guest.
    pub mounts: Vec<(String, Folder)>,
    /// Options of the kernel, `name=value` each.
    pub options: Vec<String>,
    files: Vec<FileContent>,
    /// Contents of files, and where each begins.
    bytes: Vec<u8>,
    known: HashMap<blake3::Hash, usize>,
}

/// More files, names or bytes than a pack can tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Contents {
    /// Whether there is nothing to pack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.options.is_empty()
    }

    /// Takes in a regular file whose bytes `read` appends to those of others, and the time of its last change, nanoseconds
    /// since 1970; returns its number.
    ///
    /// # Errors
    ///
    /// Those of `read`; then nothing can be packed any more.
    pub fn add_file<E>(
        &mut self,
        modified_ns: u64,
        read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let end = self.bytes.len();
        let start = end.next_multiple_of(CONTENT_ALIGN);
        self.bytes.resize(start, 0);
        read(&mut self.bytes)?;
        let content = &self.bytes[start..];
        let len = content.len();
        let place = match len {
            0 => 0,
            _ => *self.known.entry(blake3::hash(content)).or_insert(start),
        };
        if len == 0 || place != start {
            self.bytes.truncate(end);
        }
        self.files.push(FileContent {
            start: place,
            len,
            modified_ns,
        });
        Ok(self.files.len() - 1)
    }

    /// The parts of the pack.
    ///
    /// # Errors
    ///
    /// It has more than 2^32 - 1 of something.
    pub fn pack(self) -> Result<Vec<Vec<u8>>, TooLarge> {
        let head = self.head()?;
        Ok(vec![head, self.bytes])
    }

    /// All that lies in front of the contents of files.
    fn head(&self) -> Result<Vec<u8>, TooLarge> {
        let mut packer = Packer {
            contents: self,
            nodes: Vec::new(),
            names: Vec::new(),
            file_nodes: vec![None; self.files.len()],
            texts: Texts::default(),
        };
        let mut mounts = Vec::new();
        for (path, folder) in &self.mounts {
            let number = packer.number()?;
            packer.folder(folder, number, number)?;
            mounts.push((number, path.as_bytes()));
        }
        packer.finish(&mounts)
    }
}

/// Text behind the tables; offsets count from there until all is known.
#[derive(Default)]
struct Texts<'a> {
    bytes: Vec<u8>,
    known: HashMap<&'a [u8], usize>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a [u8]) -> u64 {
        let end = self.bytes.len();
        let at = *self.known.entry(text).or_insert(end);
        if at == end {
            self.bytes.extend(text);
        }
        at as u64
    }
}

struct Packer<'a> {
    contents: &'a Contents,
    nodes: Vec<Node>,
    /// Node, length and place of each name.
    names: Vec<(u32, u32, u64)>,
    file_nodes: Vec<Option<u32>>,
    texts: Texts<'a>,
}

impl<'a> Packer<'a> {
    /// The number of a new node.
    fn number(&mut self) -> Result<u32, TooLarge> {
        let number = u32::try_from(self.nodes.len()).map_err(|_| TooLarge)?;
        self.nodes.push(Node {
            kind: kind::DIRECTORY,
            parent: 0,
            links: 1,
            modified_ns: 0,
            start: 0,
            len: 0,
        });
        Ok(number)
    }

    /// Packs a folder, whose node has the number `own`.
    fn folder(&mut self, folder: &'a Folder, own: u32, parent: u32) -> Result<(), TooLarge> {
        // Names of a folder lie together, those of folders in it behind them.
        let start = self.names.len();
        let mut folders = 0;
        for (name, item) in &folder.entries {
            let at = self.texts.place(name);
            let len = u32::try_from(name.len()).map_err(|_| TooLarge)?;
            self.names.push((0, len, at));
            folders += u32::from(matches!(item, Item::Folder(_)));
        }
        self.nodes[own as usize] = Node {
            kind: kind::DIRECTORY,
            parent,
            links: 2 + folders,
            modified_ns: folder.modified_ns,
            start: start as u64,
            len: folder.entries.len() as u64,
        };
        for (place, item) in (start..).zip(folder.entries.values()) {
            self.names[place].0 = self.item(item, own)?;
        }
        Ok(())
    }

    /// Packs what a name stands for; returns its number.
    fn item(&mut self, item: &'a Item, parent: u32) -> Result<u32, TooLarge> {
        if let Item::File(file) = item
            && let Some(number) = self.file_nodes[*file]
        {
            self.nodes[number as usize].links += 1;
            return Ok(number);
        }
        let number = self.number()?;
        let (kind, start, len, modified_ns) = match item {
            Item::Folder(folder) => {
                self.folder(folder, number, parent)?;
                return Ok(number);
            }
            Item::File(file) => {
                self.file_nodes[*file] = Some(number);
                let content = &self.contents.files[*file];
                let start = content.start as u64;
                (kind::FILE, start, content.len, content.modified_ns)
            }
            Item::Link(target, modified_ns) => {
                let start = self.texts.place(target);
                (kind::LINK, start, target.len(), *modified_ns)
            }
        };
        self.nodes[number as usize] = Node {
            kind,
            parent: 0,
            links: 1,
            modified_ns,
            start,
            len: len as u64,
        };
        Ok(number)
    }

    fn finish(mut self, mounts: &[(u32, &'a [u8])]) -> Result<Vec<u8>, TooLarge> {
        let options = self.contents.options.iter();
        let options = options.map(|option| (0, option.as_bytes()));
        let mut tables = [Vec::new(), Vec::new()];
        for (table, texts) in [mounts.to_vec(), options.collect()].iter().enumerate() {
            for (node, text) in texts {
                let len = u32::try_from(text.len()).map_err(|_| TooLarge)?;
                tables[table].push((*node, len, self.texts.place(text)));
            }
        }
        let [mounts, options] = tables;
        let counts = [
            self.nodes.len(),
            self.names.len(),
            mounts.len(),
            options.len(),
        ];
        let records = counts[1..].iter().sum::<usize>();
        let tables_end = HEAD_BYTES + self.nodes.len() * NODE_BYTES + records * NAME_BYTES;
        let texts_end = tables_end + self.texts.bytes.len();
        let contents_start = texts_end.next_multiple_of(CONTENT_ALIGN);
        let mut bytes = Vec::with_capacity(contents_start);
        bytes.extend(MAGIC);
        for count in counts {
            let count = u32::try_from(count).map_err(|_| TooLarge)?;
            bytes.extend(count.to_le_bytes());
        }
        for node in &self.nodes {
            let mut node = *node;
            match node.kind {
                kind::DIRECTORY => {}
                kind::FILE => node.start += contents_start as u64,
                _ => node.start += tables_end as u64,
            }
            bytes.extend(node.bytes());
        }
        for (node, len, at) in [self.names, mounts, options].concat() {
            bytes.extend(name_bytes(node, len, at + tables_end as u64));
        }
        bytes.extend(self.texts.bytes);
        bytes.resize(contents_start, 0);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use mewz_abi::pack::{Pack, PackError, kind};

    use super::{Contents, Folder, Item};

    fn sample() -> Contents {
        let inner = Folder {
            entries: [
                (b"again".to_vec(), Item::File(0)),
                (b"same".to_vec(), Item::File(1)),
            ]
            .into(),
            modified_ns: 5,
        };
        let top = Folder {
            entries: [
                (b"b".to_vec(), Item::Folder(inner)),
                (b"a".to_vec(), Item::File(0)),
                (b"c".to_vec(), Item::Link(b"b/again".to_vec(), 0)),
                (b"empty".to_vec(), Item::File(2)),
                (b"none".to_vec(), Item::Folder(Folder::default())),
            ]
            .into(),
            modified_ns: 0,
        };
        let mut contents = Contents {
            mounts: vec![("/site".into(), top), ("/none".into(), Folder::default())],
            options: vec!["tmp=/tmp:0".into()],
            ..Contents::default()
        };
        for (number, (bytes, modified_ns)) in [(&b"hello"[..], 7), (b"hello", 0), (b"", 0)]
            .into_iter()
            .enumerate()
        {
            let read = |all: &mut Vec<u8>| {
                all.extend(bytes);
                Ok::<_, ()>(())
            };
            assert_eq!(contents.add_file(modified_ns, read), Ok(number));
        }
        contents
    }

    fn packed(contents: Contents) -> Vec<u8> {
        contents.pack().unwrap().concat()
    }

    #[test]
    fn what_is_packed_is_found_again() {
        let bytes = packed(sample());
        let pack = Pack::new(&bytes).unwrap();
        let mounts: Vec<_> = pack.mounts().collect();
        assert_eq!([mounts[0].text, mounts[1].text], [&b"/site"[..], b"/none"]);
        assert_eq!(pack.options().collect::<Vec<_>>(), [b"tmp=/tmp:0"]);
        let top = pack.node(mounts[0].node).unwrap();
        assert_eq!((top.kind, top.links, top.len), (kind::DIRECTORY, 4, 5));
        assert_eq!(top.parent, mounts[0].node);
        let find = |directory, name: &str| pack.find(directory, name.as_bytes());
        let a = find(&top, "a").unwrap();
        let file = pack.node(a).unwrap();
        assert_eq!(pack.content(&file), b"hello");
        assert_eq!((file.links, file.modified_ns), (2, 7));
        let b = find(&top, "b").unwrap();
        let inner = pack.node(b).unwrap();
        assert_eq!((inner.parent, inner.modified_ns), (mounts[0].node, 5));
        assert_eq!(find(&inner, "again"), Some(a));
        let same = pack.node(find(&inner, "same").unwrap()).unwrap();
        assert_eq!(same.start, file.start, "equal contents lie in one place");
        assert_eq!(find(&inner, "b"), None);
        assert_eq!(find(&file, "b"), None);
        let link = pack.node(find(&top, "c").unwrap()).unwrap();
        assert_eq!(pack.content(&link), b"b/again");
        let empty = pack.node(find(&top, "empty").unwrap()).unwrap();
        assert_eq!(pack.content(&empty), b"");
        let names: Vec<_> = (0..)
            .map_while(|place| pack.entry(&top, place))
            .map(|entry| entry.text)
            .collect();
        assert_eq!(names, [&b"a"[..], b"b", b"c", b"empty", b"none"]);
        assert_eq!(bytes, packed(sample()));
        let nothing = Contents::default();
        assert!(nothing.is_empty());
        Pack::new(&packed(nothing)).unwrap();
    }

    /// A pack with any bits changed or its end gone is refused, or everything in it can be looked at.
    #[test]
    fn a_broken_pack_leads_nowhere_outside() {
        let whole = packed(sample());
        assert_eq!(Pack::new(b"").unwrap_err(), PackError::NoPack);
        assert_eq!(Pack::new(&whole[..30]).unwrap_err(), PackError::Short);
        for len in 0..whole.len() {
            look(&whole[..len]);
        }
        let mut state = 1_u64;
        for _ in 0..200_000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + state % 3 {
                // xorshift64, Marsaglia 2003.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = state as usize % bytes.len();
                bytes[at] = match state >> 60 {
                    0..4 => 0xff,
                    4..8 => 0,
                    8..12 => bytes[at].wrapping_add(1),
                    _ => (state >> 40) as u8,
                };
            }
            look(&bytes);
        }
    }

    fn look(bytes: &[u8]) {
        let Ok(pack) = Pack::new(bytes) else { return };
        let mut number = 0;
        while let Some(node) = pack.node(number) {
            let mut place = 0;
            while let Some(entry) = pack.entry(&node, place) {
                assert!(pack.node(entry.node).is_some());
                assert_eq!(pack.find(&node, entry.text), Some(entry.node));
                place += 1;
            }
            assert!(pack.content(&node).len() <= bytes.len());
            number += 1;
        }
        assert!(pack.mounts().all(|mount| pack.node(mount.node).is_some()));
        assert!(pack.options().all(|option| option.len() <= bytes.len()));
    }
}
