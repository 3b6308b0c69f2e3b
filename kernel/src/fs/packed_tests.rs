//! A pack made by hand is found as it was made, and nothing in it changes.

use std::rc::Rc;

use mewz_abi::pack::{self, HEAD_BYTES, MAGIC, NAME_BYTES, NODE_BYTES, Pack, kind, name_bytes};

use super::super::errno::Errno;
use super::super::node::{Node, NodeKind, OpenMode};
use super::mount;

const READ: OpenMode = OpenMode {
    read: true,
    write: false,
    truncate: false,
};

/// A folder with the file `f`, the link `l` to it, and the folder `n`, which holds `f` too.
fn root() -> Rc<dyn Node> {
    const CONTENT: &[u8] = b"contents";
    let texts = (HEAD_BYTES + 4 * NODE_BYTES + 5 * NAME_BYTES) as u64;
    let mut bytes = MAGIC.to_vec();
    for count in [4_u32, 4, 1, 0] {
        bytes.extend(count.to_le_bytes());
    }
    let nodes = [
        (kind::DIRECTORY, 0, 3, 0, 3),
        (kind::FILE, 0, 2, texts, CONTENT.len() as u64),
        (kind::LINK, 0, 1, texts + 8, 1),
        (kind::DIRECTORY, 0, 2, 3, 1),
    ];
    for (kind, parent, links, start, len) in nodes {
        let node = pack::Node {
            kind,
            parent,
            links,
            modified_ns: 9,
            start,
            len,
        };
        bytes.extend(node.bytes());
    }
    for (node, at) in [(1, 8), (2, 9), (3, 10), (1, 8), (0, 11)] {
        bytes.extend(name_bytes(node, 1, texts + at));
    }
    bytes.extend(CONTENT);
    bytes.extend(b"fln/");
    let pack = Pack::new(bytes.leak()).unwrap();
    let top = pack.mounts().next().unwrap();
    assert_eq!(top.text, b"/");
    assert_eq!(mount(pack, 1, 5).err(), Some(Errno::Notdir));
    assert_eq!(mount(pack, 4, 5).err(), Some(Errno::Notdir));
    mount(pack, top.node, 5).unwrap()
}

#[test]
fn files_are_found_and_read() {
    let root = root();
    let file = root.lookup(b"f").unwrap();
    let attributes = file.attributes().unwrap();
    assert_eq!(
        (attributes.kind, attributes.size, attributes.links),
        (NodeKind::File, 8, 2)
    );
    assert_eq!(attributes.modified_ns, 9);
    let mut opened = file.open(READ).unwrap();
    for (offset, len, expected) in [
        (0, 100, &b"contents"[..]),
        (3, 2, b"te"),
        (7, 9, b"s"),
        (8, 1, b""),
        (u64::MAX, 1, b""),
    ] {
        let mut bytes = Vec::new();
        let count = opened.read_at(offset, len, &mut |piece| bytes.extend(piece));
        assert_eq!((count, &bytes[..]), (Ok(expected.len()), expected));
    }
    assert_eq!(root.lookup(b"l").unwrap().read_link().unwrap(), b"f");
    let inner = root.lookup(b"n").unwrap();
    let again = inner.lookup(b"f").unwrap().attributes().unwrap();
    assert_eq!(again.inode, attributes.inode);
    assert_eq!(inner.lookup(b"x").err(), Some(Errno::Noent));
    assert_eq!(inner.lookup(b"..").err(), Some(Errno::Inval));
    assert_eq!(root.descend(&[b"n", b"f"]).unwrap().directories, 1);
    assert!(root.descend(&[b"n"]).unwrap().end.is_some());
}

#[test]
fn folders_are_listed_from_any_place() {
    let root = root();
    let mut listing = Rc::clone(&root).open(READ).unwrap();
    let all = listing.read_directory(0).unwrap();
    let names: Vec<_> = all.iter().map(|entry| &entry.name[..]).collect();
    assert_eq!(names, [&b"."[..], b"..", b"f", b"l", b"n"]);
    for (at, entry) in all.iter().enumerate() {
        assert_eq!(listing.read_directory(entry.next).unwrap(), all[at + 1..]);
    }
    assert!(listing.read_directory(u64::MAX).unwrap().is_empty());
    let mut inner = root.lookup(b"n").unwrap().open(READ).unwrap();
    let entries = inner.read_directory(1).unwrap();
    assert_eq!(entries[0].inode, root.attributes().unwrap().inode);
    let mut file = root.lookup(b"f").unwrap().open(READ).unwrap();
    assert_eq!(file.read_directory(0), Err(Errno::Notdir));
}

#[test]
fn nothing_changes() {
    const ROFS: Option<Errno> = Some(Errno::Rofs);
    let root = root();
    let file = root.lookup(b"f").unwrap();
    let write = OpenMode {
        write: true,
        ..READ
    };
    assert_eq!(Rc::clone(&file).open(write).err(), ROFS);
    assert_eq!(root.create(b"g", READ).err(), ROFS);
    assert_eq!(root.create_directory(b"g").err(), ROFS);
    assert_eq!(root.create_symbolic_link(b"g", b"f").err(), ROFS);
    assert_eq!(root.link(&*file, b"g").err(), ROFS);
    assert_eq!(root.unlink(b"f").err(), ROFS);
    assert_eq!(root.remove_directory(b"n").err(), ROFS);
    assert_eq!(root.rename(b"f", &*root, b"g").err(), ROFS);
    assert_eq!(file.set_times(None, None).err(), ROFS);
    let mut opened = file.open(READ).unwrap();
    assert_eq!(opened.write_at(0, b"x").err(), ROFS);
    assert_eq!(opened.set_size(0).err(), ROFS);
    assert_eq!(opened.allocate(0, 100).err(), ROFS);
    assert_eq!(opened.set_times(None, None).err(), ROFS);
    opened.sync(false).unwrap();
}
