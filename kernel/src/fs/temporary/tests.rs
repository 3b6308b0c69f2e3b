//! Files in memory behave as those of Linux, and count for what they take.

use std::cell::Cell;
use std::rc::Rc;

use super::super::errno::Errno;
use super::super::node::{Attributes, File, NewTime, Node, NodeKind, OpenMode};
use super::store::Store;
use super::{TemporaryOptions, mount, node};

const READ: OpenMode = OpenMode {
    read: true,
    write: false,
    truncate: false,
};

const READ_WRITE: OpenMode = OpenMode {
    read: true,
    write: true,
    truncate: false,
};

const LIMIT: u64 = 1 << 20;

/// A clock that goes on by one at each look.
fn options(number: u64) -> TemporaryOptions {
    let now = Cell::new(1000);
    TemporaryOptions {
        number,
        bytes_max: LIMIT,
        clock: Box::new(move || {
            now.set(now.get() + 1);
            now.get()
        }),
    }
}

fn root() -> Rc<dyn Node> {
    mount(options(1))
}

fn make(directory: &Rc<dyn Node>, name: &str, content: &[u8]) -> Box<dyn File> {
    let mut file = directory.create(name.as_bytes(), READ_WRITE).unwrap();
    assert_eq!(file.write_at(0, content).unwrap(), content.len());
    file
}

fn at(root: &Rc<dyn Node>, path: &str) -> Result<Rc<dyn Node>, Errno> {
    let mut node = Rc::clone(root);
    for name in path.split('/') {
        node = node.lookup(name.as_bytes())?;
    }
    Ok(node)
}

fn read(file: &mut dyn File, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = file
        .read_at(offset, len, &mut |piece| bytes.extend(piece))
        .unwrap();
    assert_eq!(count, bytes.len());
    bytes
}

fn attributes(node: &Rc<dyn Node>) -> Attributes {
    node.attributes().unwrap()
}

#[test]
fn content_is_what_was_written_with_zeros_between() {
    let root = root();
    let mut file = make(&root, "f", b"");
    let mut model = Vec::new();
    let mut state = 7_u64;
    for _ in 0..2000 {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let offset = (state >> 33) as usize % 60_000;
        let len = (state >> 20) as usize % 9000;
        match state >> 60 {
            0 => {
                file.set_size(offset as u64).unwrap();
                model.resize(offset, 0);
            }
            1 if len > 0 => {
                file.allocate(offset as u64, len as u64).unwrap();
                model.resize(model.len().max(offset + len), 0);
            }
            2..=8 => {
                let bytes: Vec<u8> = (0..len).map(|at| (at as u64 ^ state) as u8).collect();
                assert_eq!(file.write_at(offset as u64, &bytes).unwrap(), len);
                if len > 0 && model.len() < offset + len {
                    model.resize(offset + len, 0);
                }
                if len > 0 {
                    model[offset..offset + len].copy_from_slice(&bytes);
                }
            }
            _ => {
                let end = (offset + len).min(model.len());
                let expected = model.get(offset..end).unwrap_or(&[]);
                assert!(read(&mut *file, offset as u64, len) == expected);
            }
        }
        assert_eq!(file.attributes().unwrap().size, model.len() as u64);
    }
}

#[test]
fn holes_take_no_room_and_the_limit_is_met_with_an_error() {
    let root = root();
    let mut file = make(&root, "f", b"");
    file.set_size(1 << 50).unwrap();
    assert_eq!(file.write_at(1 << 49, b"x"), Ok(1));
    assert_eq!(read(&mut *file, (1 << 49) - 1, 3), [0, b'x', 0]);
    file.set_size(i64::MAX as u64).unwrap();
    assert_eq!(file.set_size(1 << 63), Err(Errno::Inval));
    assert_eq!(file.write_at(i64::MAX as u64, b"x"), Err(Errno::Fbig));
    assert_eq!(file.allocate(i64::MAX as u64, 1), Err(Errno::Fbig));
    assert_eq!(file.allocate(0, 2 * LIMIT), Err(Errno::Nospc));

    let bytes = vec![7; LIMIT as usize];
    let written = file.write_at(0, &bytes).unwrap();
    assert!((900_000..LIMIT as usize).contains(&written), "{written}");
    assert_eq!(file.write_at(written as u64, b"x"), Err(Errno::Nospc));
    // What is there can still be changed, and the rest be made use of.
    assert_eq!(file.write_at(0, &bytes[..written]), Ok(written));
    let mut names = 0;
    let full = loop {
        match root.create_directory(format!("d{names}").as_bytes()) {
            Ok(()) => names += 1,
            Err(errno) => break errno,
        }
    };
    assert_eq!(full, Errno::Nospc);
    assert_eq!(root.create(b"g", READ_WRITE).err(), Some(Errno::Nospc));
    assert_eq!(
        root.create_symbolic_link(b"l", &[b'x'; 300]),
        Err(Errno::Nospc)
    );
    root.rename(b"f", &*root, b"a longer name than before")
        .unwrap();
    file.set_size(0).unwrap();
    make(&root, "g", &bytes[..800_000]);
}

#[test]
fn all_room_comes_back() {
    let store = Rc::new(Store::new(options(1)));
    let root: Rc<dyn Node> = node::Inode::root(Rc::clone(&store));
    let before = store.used_bytes();
    for round in 0..3 {
        let mut file = make(&root, "f", &[1; 10_000]);
        root.create_directory(b"d").unwrap();
        let directory = at(&root, "d").unwrap();
        directory.create_symbolic_link(b"l", b"../f").unwrap();
        directory.link(&*at(&root, "f").unwrap(), b"g").unwrap();
        make(&root, "h", &[2; 5000]);
        root.rename(b"h", &*directory, b"g").unwrap();
        file.allocate(0, 20_000 * round + 1).unwrap();
        assert!(store.used_bytes() > before + 15_000);
        root.unlink(b"f").unwrap();
        directory.unlink(b"g").unwrap();
        directory.unlink(b"l").unwrap();
        root.remove_directory(b"d").unwrap();
        assert!(store.used_bytes() > before + 10_000, "the file is open");
        drop(file);
        drop(directory);
        assert_eq!(store.used_bytes(), before);
    }
}

#[test]
fn an_open_file_outlives_its_name() {
    let root = root();
    let mut file = make(&root, "f", b"content");
    root.unlink(b"f").unwrap();
    assert_eq!(file.attributes().unwrap().links, 0);
    assert_eq!(file.write_at(7, b"!"), Ok(1));
    assert_eq!(read(&mut *file, 0, 10), b"content!");
    file.set_size(3).unwrap();
    file.set_times(Some(NewTime::At(5)), None).unwrap();
    assert_eq!(file.attributes().unwrap().accessed_ns, 5);
    make(&root, "f", b"another");
    assert_eq!(read(&mut *file, 0, 10), b"con");
    // Nor does a removed directory come back.
    root.create_directory(b"d").unwrap();
    let directory = at(&root, "d").unwrap();
    let mut listing = Rc::clone(&directory).open(READ).unwrap();
    root.remove_directory(b"d").unwrap();
    assert_eq!(attributes(&directory).links, 0);
    assert_eq!(directory.create(b"x", READ).err(), Some(Errno::Noent));
    assert_eq!(directory.create_directory(b"x"), Err(Errno::Noent));
    assert_eq!(root.rename(b"f", &*directory, b"x"), Err(Errno::Noent));
    assert_eq!(listing.read_directory(0), Err(Errno::Noent));
}

#[test]
fn calls_on_the_wrong_kind_say_so() {
    let root = root();
    make(&root, "f", b"x");
    root.create_directory(b"d").unwrap();
    root.create_symbolic_link(b"l", b"f").unwrap();
    let [file, directory, link] = ["f", "d", "l"].map(|name| at(&root, name).unwrap());
    let kinds = [&file, &directory, &link].map(|node| node.kind());
    assert_eq!(
        kinds,
        [NodeKind::File, NodeKind::Directory, NodeKind::SymbolicLink]
    );
    assert_eq!(file.lookup(b"x").err(), Some(Errno::Notdir));
    assert_eq!(file.create_directory(b"x"), Err(Errno::Notdir));
    assert_eq!(file.read_link(), Err(Errno::Inval));
    assert_eq!(link.read_link().unwrap(), b"f");
    assert_eq!(Rc::clone(&link).open(READ).err(), Some(Errno::Loop));
    let opened = Rc::clone(&directory).open(READ_WRITE);
    assert_eq!(opened.err(), Some(Errno::Isdir));
    let mut read_only = Rc::clone(&file).open(READ).unwrap();
    assert_eq!(read_only.write_at(0, b"y"), Err(Errno::Badf));
    assert_eq!(read_only.set_size(0), Err(Errno::Inval));
    assert_eq!(read_only.read_directory(0), Err(Errno::Notdir));
    let mut listing = Rc::clone(&directory).open(READ).unwrap();
    assert_eq!(listing.read_at(0, 1, &mut |_| {}).err(), Some(Errno::Isdir));
    assert_eq!(root.unlink(b"d"), Err(Errno::Isdir));
    assert_eq!(root.remove_directory(b"f"), Err(Errno::Notdir));
    assert_eq!(root.unlink(b"x"), Err(Errno::Noent));
    assert_eq!(root.create(b"f", READ).err(), Some(Errno::Exist));
    assert_eq!(root.create_symbolic_link(b"f", b"x"), Err(Errno::Exist));
    assert_eq!(root.create_symbolic_link(b"m", b""), Err(Errno::Noent));
    assert_eq!(root.link(&*directory, b"e"), Err(Errno::Perm));
    assert_eq!(root.link(&*file, b"d"), Err(Errno::Exist));
    let other = mount(options(2));
    assert_eq!(other.link(&*file, b"f"), Err(Errno::Xdev));
    assert_eq!(root.rename(b"f", &*other, b"f"), Err(Errno::Xdev));
    assert_eq!(
        root.create(&[b'x'; 256], READ).err(),
        Some(Errno::Nametoolong)
    );
    root.create(&[b'x'; 255], READ).unwrap();
}

#[test]
fn names_move_as_on_linux() {
    let root = root();
    make(&root, "f", b"f");
    make(&root, "g", b"g");
    for name in ["d", "e"] {
        root.create_directory(name.as_bytes()).unwrap();
    }
    let [d, e] = ["d", "e"].map(|name| at(&root, name).unwrap());
    make(&d, "inner", b"");
    let links = |node: &Rc<dyn Node>| attributes(node).links;
    assert_eq!((links(&root), links(&d)), (4, 2));
    assert_eq!(root.rename(b"x", &*root, b"f"), Err(Errno::Noent));
    assert_eq!(root.rename(b"f", &*root, b"d"), Err(Errno::Isdir));
    assert_eq!(root.rename(b"d", &*root, b"f"), Err(Errno::Notdir));
    assert_eq!(root.rename(b"e", &*root, b"d"), Err(Errno::Notempty));
    assert_eq!(root.rename(b"d", &*d, b"x"), Err(Errno::Inval));
    assert_eq!(d.rename(b"inner", &*root, b"d"), Err(Errno::Notempty));
    root.rename(b"d", &*e, b"deep").unwrap();
    let deep = at(&root, "e/deep").unwrap();
    assert_eq!((links(&root), links(&e), links(&deep)), (3, 3, 2));
    assert_eq!(root.rename(b"e", &*deep, b"x"), Err(Errno::Inval));
    assert_eq!(deep.rename(b"inner", &*root, b"e"), Err(Errno::Notempty));
    // An empty directory gives way to one.
    root.create_directory(b"empty").unwrap();
    e.rename(b"deep", &*root, b"empty").unwrap();
    assert!(at(&root, "empty/inner").is_ok());
    // Two names of one file stay two.
    root.link(&*at(&root, "f").unwrap(), b"h").unwrap();
    assert_eq!(links(&at(&root, "h").unwrap()), 2);
    root.rename(b"f", &*root, b"h").unwrap();
    assert_eq!(links(&at(&root, "f").unwrap()), 2);
    root.rename(b"g", &*root, b"f").unwrap();
    assert_eq!(links(&at(&root, "h").unwrap()), 1);
    root.rename(b"h", &*root, b"h").unwrap();
    let mut file = at(&root, "f").unwrap().open(READ).unwrap();
    assert_eq!(read(&mut *file, 0, 5), b"g");
}

#[test]
fn listing_goes_on_behind_what_was_seen() {
    let root = root();
    for number in 0..200 {
        make(&root, &format!("f{number}"), b"");
    }
    let mut listing = Rc::clone(&root).open(READ).unwrap();
    let first = listing.read_directory(0).unwrap();
    assert_eq!([&first[0].name[..], &first[1].name], [&b"."[..], b".."]);
    assert_eq!(first[0].inode, first[1].inode);
    // What was seen goes, what was not seen goes, something new comes.
    for name in ["f0", "f10", "f150"] {
        root.unlink(name.as_bytes()).unwrap();
    }
    make(&root, "new", b"");
    let mut names: Vec<_> = first.iter().map(|entry| entry.name.clone()).collect();
    let mut place = first.last().unwrap().next;
    loop {
        let more = listing.read_directory(place).unwrap();
        let Some(last) = more.last() else { break };
        place = last.next;
        names.extend(more.iter().map(|entry| entry.name.clone()));
    }
    assert_eq!(names.len(), 2 + 199 + 1);
    assert!(names.contains(&b"new".to_vec()) && !names.contains(&b"f150".to_vec()));
    assert!(listing.read_directory(u64::MAX).unwrap().is_empty());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 202);
}

#[test]
fn times_tell_what_happened_last() {
    let root = root();
    let mut file = make(&root, "f", b"x");
    let node = at(&root, "f").unwrap();
    let created = attributes(&node);
    file.write_at(0, b"y").unwrap();
    let written = attributes(&node);
    assert!(written.modified_ns > created.modified_ns);
    assert_eq!(written.accessed_ns, created.accessed_ns);
    read(&mut *file, 0, 1);
    let accessed = attributes(&node);
    assert!(accessed.accessed_ns > written.modified_ns);
    assert_eq!(accessed.modified_ns, written.modified_ns);
    node.set_times(Some(NewTime::At(1)), Some(NewTime::At(u64::MAX)))
        .unwrap();
    let set = attributes(&node);
    assert_eq!((set.accessed_ns, set.modified_ns), (1, u64::MAX));
    assert!(set.changed_ns > accessed.changed_ns);
    let before = attributes(&root);
    root.unlink(b"f").unwrap();
    assert!(attributes(&root).modified_ns > before.modified_ns);
}
