//! The client against a server in memory, and against one that answers nonsense.

pub(crate) mod server;

use std::rc::Rc;

use fastrand::Rng;

use self::server::SharedServer;
use super::super::channel::Channel;
use super::super::errno::Errno;
use super::super::node::{File, NewTime, Node, NodeKind, OpenMode};
use super::{MountOptions, mount};

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

/// Type of a request to read.
const TREAD: u8 = 116;

fn root(server: &SharedServer) -> Rc<dyn Node> {
    mount(Box::new(server.clone()), MountOptions::default()).unwrap()
}

fn open(root: &Rc<dyn Node>, name: &str, mode: OpenMode) -> Box<dyn File> {
    root.lookup(name.as_bytes()).unwrap().open(mode).unwrap()
}

fn read(file: &mut dyn File, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = file
        .read_at(offset, len, &mut |piece| bytes.extend(piece))
        .unwrap();
    assert_eq!(count, bytes.len());
    bytes
}

#[test]
fn reads_what_is_there_in_pieces_of_any_size() {
    let server = SharedServer::new();
    let content: Vec<u8> = (0..100_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    server.put_file("f", &content);
    let root = root(&server);
    for len in [1, 7, 4096, 8192, 70_000, 200_000] {
        let mut file = open(&root, "f", READ);
        let mut bytes = Vec::new();
        while bytes.len() < content.len() {
            let piece = read(&mut *file, bytes.len() as u64, len);
            assert_eq!(piece.len(), len.min(content.len() - bytes.len()), "{len}");
            bytes.extend(piece);
        }
        assert!(bytes == content, "{len}");
        assert!(read(&mut *file, bytes.len() as u64, len).is_empty());
    }
    assert_eq!(
        read(&mut *open(&root, "f", READ), 99_999, 10),
        content[99_999..]
    );
    assert!(read(&mut *open(&root, "f", READ), 1 << 40, 10).is_empty());
}

#[test]
fn small_reads_in_order_ask_the_server_seldom() {
    let server = SharedServer::new();
    server.put_file("f", &[7; 6000]);
    let mut file = open(&root(&server), "f", READ);
    server.take_requests();
    for offset in 0..6000 {
        assert_eq!(read(&mut *file, offset, 1), [7]);
    }
    assert_eq!(server.take_requests(), [TREAD]);
}

#[test]
fn what_was_read_ahead_is_dropped_after_a_write_and_after_a_jump() {
    let server = SharedServer::new();
    server.put_file("f", b"abcdef");
    let root = root(&server);
    let mut reader = open(&root, "f", READ);
    let mut writer = open(&root, "f", READ_WRITE);
    assert_eq!(read(&mut *reader, 0, 2), b"ab");
    assert_eq!(writer.write_at(3, b"X"), Ok(1));
    assert_eq!(read(&mut *reader, 2, 2), b"cX");
    assert_eq!(read(&mut *reader, 0, 2), b"ab");
    // The host changes the file: a reader that jumps asks anew.
    server.0.borrow_mut().inodes.get_mut(&2).unwrap().content =
        server::Content::File(b"ABCDEF".to_vec());
    assert_eq!(read(&mut *reader, 0, 2), b"AB");
    writer.set_size(3).unwrap();
    assert_eq!(read(&mut *reader, 2, 4), b"C");
}

#[test]
fn many_files_may_be_half_read() {
    let server = SharedServer::new();
    for index in 0..100 {
        server.put_file(&format!("f{index}"), &[index; 5000]);
    }
    let root = root(&server);
    let mut files: Vec<_> = (0..100)
        .map(|index| open(&root, &format!("f{index}"), READ))
        .collect();
    for offset in 0..3 {
        for (index, file) in files.iter_mut().enumerate() {
            assert_eq!(read(&mut **file, offset, 1), [index as u8]);
        }
    }
    drop(files);
    let mut again = open(&root, "f0", READ);
    server.take_requests();
    for offset in 0..100 {
        assert_eq!(read(&mut *again, offset, 1), [0]);
    }
    assert_eq!(server.take_requests(), [TREAD]);
}

/// A server that knows attributes of opened files, and one that finds them by name.
fn both_servers() -> [SharedServer; 2] {
    [false, true].map(|knows_opened| {
        let server = SharedServer::new();
        server.0.borrow_mut().knows_opened = knows_opened;
        server
    })
}

#[test]
fn a_file_without_a_name_is_still_read_written_and_measured() {
    both_servers().iter().for_each(use_without_a_name);
}

fn use_without_a_name(server: &SharedServer) {
    server.put_file("f", b"abc");
    let root = root(server);
    let mut file = open(&root, "f", READ_WRITE);
    root.unlink(b"f").unwrap();
    assert_eq!(read(&mut *file, 0, 10), b"abc");
    assert_eq!(file.write_at(3, b"def"), Ok(3));
    let attributes = file.attributes().unwrap();
    assert_eq!((attributes.size, attributes.links), (6, 0));
    assert_eq!(attributes.kind, NodeKind::File);
    file.set_size(8).unwrap();
    assert_eq!(read(&mut *file, 0, 10), b"abcdef\0\0");
    file.set_size(2).unwrap();
    assert_eq!(file.attributes().unwrap().size, 2);
    assert_eq!(read(&mut *file, 0, 10), b"ab");
    assert_eq!(read(&mut *file, 5, 10), b"");
    assert_eq!(file.write_at(4, b"X"), Ok(1));
    assert_eq!(read(&mut *file, 0, 10), b"ab\0\0X");
    file.set_size(0).unwrap();
    assert_eq!(read(&mut *file, 0, 10), b"");
    file.set_size(3).unwrap();
    assert_eq!(read(&mut *file, 0, 10), b"\0\0\0");
    assert_eq!(file.attributes().unwrap().size, 3);
    file.set_times(Some(NewTime::At(7)), None).unwrap();
    assert_eq!(file.attributes().unwrap().accessed_ns, 7);
}

#[test]
fn a_file_is_not_mistaken_for_the_one_that_took_its_name() {
    both_servers().iter().for_each(use_replaced);
}

fn use_replaced(server: &SharedServer) {
    server.put_file("old", b"old content");
    server.put_file("new", b"n");
    let root = root(server);
    let mut file = open(&root, "old", READ_WRITE);
    root.rename(b"new", &*root, b"old").unwrap();
    assert_eq!(file.attributes().unwrap().size, 11);
    file.set_size(3).unwrap();
    assert_eq!(server.file("old").unwrap(), b"n");
    assert_eq!(read(&mut *file, 0, 9), b"old");
    file.set_times(None, Some(NewTime::At(5))).unwrap();
    assert_eq!(file.attributes().unwrap().modified_ns, 5);
    assert_ne!(
        root.lookup(b"old")
            .unwrap()
            .attributes()
            .unwrap()
            .modified_ns,
        5
    );
}

#[test]
fn a_file_that_keeps_another_name_is_not_filled_with_zeros() {
    let server = SharedServer::new();
    server.0.borrow_mut().knows_opened = true;
    server.put_file("f", b"abcdef");
    let root = root(&server);
    let node = root.lookup(b"f").unwrap();
    root.link(&*node, b"g").unwrap();
    let mut file = open(&root, "f", READ_WRITE);
    root.unlink(b"f").unwrap();
    assert_eq!(file.set_size(2), Err(Errno::Notsup));
    file.set_size(8).unwrap();
    assert_eq!(server.file("g").unwrap(), b"abcdef\0\0");
}

#[test]
fn a_renamed_file_keeps_its_attributes() {
    let server = SharedServer::new();
    server.put_directory("d");
    server.put_file("d/f", b"abc");
    let root = root(&server);
    let directory = root.lookup(b"d").unwrap();
    let mut file = open(&directory, "f", READ_WRITE);
    root.rename(b"d", &*root, b"e").unwrap();
    file.set_size(2).unwrap();
    assert_eq!(server.file("e/f").unwrap(), b"ab");
    assert_eq!(file.attributes().unwrap().size, 2);
}

#[test]
fn fids_are_given_back() {
    let server = SharedServer::new();
    server.put_directory("d");
    server.put_file("d/f", b"abc");
    let root = root(&server);
    for _ in 0..20_000 {
        let directory = root.lookup(b"d").unwrap();
        assert!(directory.lookup(b"missing").is_err());
        let file = directory.lookup(b"f").unwrap();
        let shared = Rc::clone(&file);
        drop(shared.open(READ).unwrap());
        drop(file.open(READ).unwrap());
        assert!(directory.create(b"f", READ_WRITE).is_err());
    }
    assert_eq!(server.fids(), 1);
    drop(root);
    assert_eq!(server.fids(), 0);
}

#[test]
fn fids_run_out_with_an_error() {
    let server = SharedServer::new();
    server.put_file("f", b"");
    let root = root(&server);
    let mut nodes = Vec::new();
    let errno = loop {
        match root.lookup(b"f") {
            Ok(node) => nodes.push(node),
            Err(errno) => break errno,
        }
    };
    assert_eq!(errno, Errno::Nfile);
    nodes.pop();
    assert!(root.lookup(b"f").is_ok());
}

#[test]
fn nothing_is_asked_that_would_change_a_read_only_mount() {
    let server = SharedServer::new();
    server.put_file("f", b"abc");
    let options = MountOptions {
        read_only: true,
        number: 3,
    };
    let root = mount(Box::new(server.clone()), options).unwrap();
    let mut file = open(&root, "f", READ);
    let node = root.lookup(b"f").unwrap();
    server.take_requests();
    let rofs = Err(Errno::Rofs);
    assert_eq!(root.create_directory(b"d"), rofs);
    assert_eq!(root.create(b"g", READ_WRITE).map(drop), rofs);
    assert_eq!(root.unlink(b"f"), rofs);
    assert_eq!(root.remove_directory(b"f"), rofs);
    assert_eq!(root.rename(b"f", &*root, b"g"), rofs);
    assert_eq!(root.link(&*node, b"g"), rofs);
    assert_eq!(root.create_symbolic_link(b"l", b"f"), rofs);
    assert_eq!(node.set_times(Some(NewTime::Now), None), rofs);
    assert_eq!(file.write_at(0, b"x"), Err(Errno::Rofs));
    assert_eq!(file.set_size(0), rofs);
    assert_eq!(file.set_times(Some(NewTime::Now), None), rofs);
    assert_eq!(node.open(READ_WRITE).map(drop), rofs);
    // Only the clunk of the node that was to be opened.
    assert_eq!(server.take_requests(), [120]);
    assert_eq!(root.file_system(), 3);
}

#[test]
fn names_that_are_no_names_are_not_asked_for() {
    let server = SharedServer::new();
    let root = root(&server);
    server.take_requests();
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0b"] {
        assert_eq!(root.lookup(name).map(drop), Err(Errno::Inval));
        assert_eq!(root.create_directory(name), Err(Errno::Inval));
        assert_eq!(root.unlink(name), Err(Errno::Inval));
        assert_eq!(root.rename(b"f", &*root, name), Err(Errno::Inval));
    }
    let long = [b'n'; 256];
    assert_eq!(root.lookup(&long).map(drop), Err(Errno::Nametoolong));
    let target = [b't'; 5000];
    assert_eq!(
        root.create_symbolic_link(b"l", &target),
        Err(Errno::Nametoolong)
    );
    assert_eq!(root.create_symbolic_link(b"l", b""), Err(Errno::Noent));
    assert!(server.take_requests().is_empty());
}

#[test]
fn directories_are_read_in_batches() {
    let server = SharedServer::new();
    for index in 0..500 {
        server.put_file(&format!("file-with-a-long-name-{index:03}"), b"");
    }
    let root = root(&server);
    let mut listing = Rc::clone(&root).open(READ).unwrap();
    let (mut names, mut from, mut batches) = (Vec::new(), 0, 0);
    loop {
        let entries = listing.read_directory(from).unwrap();
        let Some(last) = entries.last() else { break };
        from = last.next;
        batches += 1;
        names.extend(entries.into_iter().map(|entry| entry.name));
    }
    assert_eq!(names.len(), 502);
    assert!(batches > 1);
    names.dedup();
    assert_eq!(names.len(), 502);
    assert_eq!(
        open(&root, "file-with-a-long-name-000", READ).read_directory(0),
        Err(Errno::Notdir)
    );
}

#[test]
fn links_of_two_servers_do_not_mix() {
    let (one, other) = (SharedServer::new(), SharedServer::new());
    one.put_file("f", b"");
    let (one, other) = (root(&one), root(&other));
    let node = one.lookup(b"f").unwrap();
    assert_eq!(other.link(&*node, b"g"), Err(Errno::Xdev));
    assert_eq!(one.rename(b"f", &*other, b"f"), Err(Errno::Xdev));
}

#[test]
fn a_server_that_does_not_answer_is_an_error() {
    let server = SharedServer::new();
    server.put_file("f", b"abc");
    let root = root(&server);
    let mut file = open(&root, "f", READ_WRITE);
    server.0.borrow_mut().deaf = true;
    assert_eq!(root.lookup(b"f").map(drop), Err(Errno::Io));
    assert_eq!(file.attributes().map(drop), Err(Errno::Io));
    assert_eq!(file.read_at(0, 4, &mut |_| {}), Err(Errno::Io));
    assert_eq!(file.write_at(0, b"x"), Err(Errno::Io));
    assert_eq!(
        mount(Box::new(server.clone()), MountOptions::default()).map(drop),
        Err(Errno::Io)
    );
}

#[test]
fn a_server_of_another_version_is_refused() {
    let server = SharedServer::new();
    server.tamper(|reply| {
        let end = reply.len() - 1;
        reply[end] = b'u';
    });
    let mounted = mount(Box::new(server), MountOptions::default());
    assert_eq!(mounted.map(drop), Err(Errno::Notsup));
}

#[test]
fn a_message_size_that_is_too_small_or_too_large_is_met() {
    for (agreed, expected) in [(100_u32, Err(Errno::Io)), (u32::MAX, Ok(()))] {
        let server = SharedServer::new();
        let mut first = true;
        server.tamper(move |reply| {
            if std::mem::take(&mut first) {
                reply[7..11].copy_from_slice(&agreed.to_le_bytes());
            }
        });
        assert_eq!(
            mount(Box::new(server), MountOptions::default()).map(drop),
            expected
        );
    }
    let server = SharedServer::new();
    server.0.borrow_mut().message_bytes_max = 1000;
    let mounted = mount(Box::new(server), MountOptions::default());
    assert_eq!(mounted.map(drop), Err(Errno::Nomem));
}

/// Every reply cut short at every place, and with every byte changed: nothing may panic, and nothing may be given out
/// that did not come.
#[test]
fn nonsense_in_replies_is_an_error_and_no_panic() {
    for way in 0..4_u32 {
        for position in 0..200 {
            let server = SharedServer::new();
            server.put_directory("d");
            server.put_file("d/f", &[b'x'; 300]);
            server.put_link("l", "d/f");
            let root = root(&server);
            let mut count = 0;
            server.tamper(move |reply| {
                count += 1;
                let at = position % reply.len();
                match way {
                    0 => reply.truncate(at),
                    1 => reply[at] ^= 0xff,
                    2 => reply[at] = reply[at].wrapping_add(1),
                    _ if count % 2 == 0 => reply[at] = 0xff,
                    _ => {}
                }
            });
            exercise(&root);
        }
    }
}

/// Replies changed at random, a few bytes or the end of each: `MEWZ_KERNEL_FUZZ=N` makes N times as many as usual.
#[test]
fn fuzz_replies() {
    for round in 0..crate::fuzz::rounds(3000) {
        let server = SharedServer::new();
        server.put_directory("d");
        server.put_file("d/f", &[b'x'; 300]);
        server.put_link("l", "d/f");
        let root = root(&server);
        let mut random = Rng::with_seed(round);
        server.tamper(move |reply| {
            for _ in 0..random.usize(..4) {
                if reply.is_empty() {
                    break;
                }
                let at = random.usize(..reply.len());
                match random.usize(..8) {
                    0 => reply[at] = 0xff,
                    1 => reply[at] = 0,
                    2 => reply[at] = reply[at].wrapping_add(1),
                    3 => reply[at] = random.u8(..),
                    4 => reply.truncate(at),
                    5 => reply.extend([0xff; 9]),
                    // A size that fits, so that what follows is looked at.
                    _ if reply.len() >= 4 => {
                        let len = (reply.len() as u32).to_le_bytes();
                        reply[..4].copy_from_slice(&len);
                    }
                    _ => {}
                }
            }
        });
        exercise(&root);
        exercise(&root);
    }
}

fn exercise(root: &Rc<dyn Node>) {
    let mode = READ_WRITE;
    if let Ok(directory) = root.lookup(b"d") {
        let _ = directory.attributes();
        if let Ok(file) = directory.lookup(b"f")
            && let Ok(mut file) = file.open(mode)
        {
            let _ = file.attributes();
            let mut seen = 0;
            if let Ok(count) = file.read_at(0, 100, &mut |bytes| seen += bytes.len()) {
                assert!(count == seen && count <= 100);
            }
            let _ = file.read_at(100, 70_000, &mut |_| {});
            if let Ok(count) = file.write_at(0, b"abc") {
                assert!(count <= 3);
            }
            let _ = file.set_size(10);
            let _ = file.sync(true);
            let _ = file.set_times(Some(NewTime::Now), None);
        }
        let _ = directory.create(b"g", mode);
        if let Ok(mut listing) = directory.open(READ) {
            let _ = listing.read_directory(0);
        }
    }
    if let Ok(link) = root.lookup(b"l") {
        let _ = link.read_link();
        let _ = root.link(&*link, b"m");
    }
    let _ = root.create_directory(b"e");
    let _ = root.rename(b"e", &**root, b"h");
    let _ = root.remove_directory(b"h");
}

#[test]
fn a_device_that_tells_a_length_beyond_the_reply_is_an_error() {
    struct Liar;
    impl Channel for Liar {
        fn message_bytes_max(&self) -> usize {
            4096
        }

        fn exchange(
            &mut self,
            _: &[u8],
            _: &mut [u8],
        ) -> Result<usize, super::super::channel::ChannelError> {
            Ok(usize::MAX)
        }
    }
    let mounted = mount(Box::new(Liar), MountOptions::default());
    assert_eq!(mounted.map(drop), Err(Errno::Io));
}
