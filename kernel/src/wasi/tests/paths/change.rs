//! Calls that change what is in a folder: names made, moved, added and taken away.

use super::machine;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{
    ALL, CREATE, DIRECTORY, EXCLUSIVE, EXIST, INVAL, ISDIR, NOENT, NOTCAPABLE, NOTDIR, READ,
    READ_ONLY, ROFS, ROOT, TRUNCATE, WRITE, XDEV,
};

const PERM: u32 = 63;
const NOTEMPTY: u32 = 55;

#[test]
fn nothing_changes_in_a_read_only_folder() {
    let mut machine = machine();
    for (path, oflags, rights, expected) in [
        ("f", 0, READ, 0),
        ("f", CREATE, READ, 0),
        ("d", DIRECTORY, READ, 0),
        ("f", 0, READ | WRITE, ROFS),
        ("f", TRUNCATE, READ, ROFS),
        ("new", CREATE, READ | WRITE, ROFS),
        ("f", CREATE | EXCLUSIVE, READ | WRITE, EXIST),
        ("missing", 0, READ | WRITE, NOENT),
    ] {
        let opened = machine.open(READ_ONLY, path, oflags, rights, 0);
        assert_eq!(opened.err().unwrap_or(0), expected, "{path} {oflags}");
    }
    for call in [
        Call::path_create_directory,
        Call::path_unlink_file,
        Call::path_remove_directory,
    ] {
        assert_eq!(machine.at(call, &[READ_ONLY], "f", &[]), ROFS);
    }
    assert_eq!(
        machine.at(
            Call::path_filestat_set_times,
            &[READ_ONLY, 0],
            "f",
            &[0, 0, 5]
        ),
        ROFS
    );
}

#[test]
fn directories_are_made_and_taken_away() {
    let mut machine = machine();
    for (path, expected) in [
        ("new", 0),
        ("new", EXIST),
        ("new/sub/", 0),
        ("d", EXIST),
        ("file", EXIST),
        ("dangling", EXIST),
        (".", EXIST),
        ("d/e/.", EXIST),
        ("d/e/..", EXIST),
        ("", NOENT),
        ("missing/x", NOENT),
        ("d/f/x", NOTDIR),
        ("../x", NOTCAPABLE),
        ("d/../../x", NOTCAPABLE),
        ("/x", NOTCAPABLE),
        ("out/x", NOTCAPABLE),
    ] {
        assert_eq!(
            machine.at(Call::path_create_directory, &[ROOT], path, &[]),
            expected,
            "{path}"
        );
    }
    for (path, expected) in [
        ("new", NOTEMPTY),
        ("new/sub", 0),
        ("new/", 0),
        ("new", NOENT),
        ("d/f", NOTDIR),
        ("dir", NOTDIR),
        ("dir/", NOTDIR),
        (".", INVAL),
        ("d/e/.", INVAL),
        ("..", NOTCAPABLE),
        ("d/../../d", NOTCAPABLE),
    ] {
        assert_eq!(
            machine.at(Call::path_remove_directory, &[ROOT], path, &[]),
            expected,
            "{path}"
        );
    }
}

#[test]
fn names_of_files_are_taken_away() {
    let mut machine = machine();
    for (path, expected) in [
        ("d/f/", NOTDIR),
        ("d/", ISDIR),
        ("d", ISDIR),
        (".", ISDIR),
        ("dir/", NOTDIR),
        ("missing", NOENT),
        ("missing/", NOENT),
        ("../x", NOTCAPABLE),
        ("/x", NOTCAPABLE),
        ("file", 0),
        ("dir", 0),
        ("loop", 0),
        ("out", 0),
        ("d/f", 0),
        ("d/f", NOENT),
    ] {
        assert_eq!(
            machine.at(Call::path_unlink_file, &[ROOT], path, &[]),
            expected,
            "{path}"
        );
    }
    assert!(machine.server.has("d"));
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut machine = machine();
    let file = machine.open(ROOT, "d/f", 0, ALL, 0).unwrap();
    assert_eq!(machine.at(Call::path_unlink_file, &[ROOT], "d/f", &[]), 0);
    assert_eq!(machine.read(file, 3).unwrap(), b"con");
    assert_eq!(machine.write(file, b"X"), Ok(1));
    assert_eq!(machine.call(Call::fd_filestat_get, &[file, 64]), 0);
    assert_eq!((machine.u64(64 + 24), machine.u64(64 + 32)), (0, 7));
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 2, 64]), 0);
    assert_eq!(machine.u64(64), 7);
}

#[test]
fn names_move() {
    for (from, to, expected) in [
        ("d/f", "g", 0),
        ("d/f", "d/e/g", 0),
        ("file", "g", 0),
        ("d", "g", 0),
        ("d/", "g/", 0),
        ("d", "g/", 0),
        ("d/f/", "g", NOTDIR),
        ("d/f", "g/", NOTDIR),
        ("missing", "g", NOENT),
        ("missing/x", "g", NOENT),
        ("d/f", "missing/g", NOENT),
        (".", "g", 10),
        ("d/f", ".", 10),
        ("d/f", "../g", NOTCAPABLE),
        ("../f", "g", NOTCAPABLE),
        ("/d/f", "g", NOTCAPABLE),
        ("d/f", "/g", NOTCAPABLE),
        ("d/f", "out/x", NOTCAPABLE),
        ("", "g", NOENT),
        ("d/f", "", NOENT),
    ] {
        assert_eq!(
            machine().two(Call::path_rename, from, to),
            expected,
            "{from} {to}"
        );
    }
    let mut machine = machine();
    let file = machine.open(ROOT, "d/f", 0, ALL, 0).unwrap();
    assert_eq!(machine.two(Call::path_rename, "d/f", "g"), 0);
    assert_eq!(machine.call(Call::fd_filestat_set_size, &[file, 3]), 0);
    assert_eq!(machine.server.file("g").unwrap(), b"con");
    machine.put(64, b"gf");
    assert_eq!(
        machine.call(Call::path_rename, &[ROOT, 64, 1, READ_ONLY, 65, 1]),
        XDEV
    );
    assert_eq!(
        machine.call(Call::path_link, &[ROOT, 0, 64, 1, READ_ONLY, 65, 1]),
        XDEV
    );
}

#[test]
fn names_are_added() {
    for (from, to, expected) in [
        ("d/f", "g", 0),
        ("file", "g", 0),
        ("dangling", "g", 0),
        ("d/f", "file", EXIST),
        ("d/f", "d/f", EXIST),
        ("d", "g", PERM),
        ("missing", "g", NOENT),
        ("d/f/", "g", NOTDIR),
        ("d/f", "g/", NOENT),
        ("d/f", ".", EXIST),
        ("d/f", "../g", NOTCAPABLE),
        ("../f", "g", NOTCAPABLE),
    ] {
        assert_eq!(
            machine().two(Call::path_link, from, to),
            expected,
            "{from} {to}"
        );
    }
    let mut machine = machine();
    assert_eq!(machine.two(Call::path_link, "d/f", "g"), 0);
    assert_eq!(machine.server.file("g").unwrap(), b"content");
    // With the flag, what a link leads to.
    machine.put(64, b"fileh");
    assert_eq!(
        machine.call(Call::path_link, &[ROOT, 1, 64, 4, ROOT, 68, 1]),
        0
    );
    assert_eq!(machine.server.file("h").unwrap(), b"content");
    assert_eq!(
        machine.call(Call::path_link, &[ROOT, 2, 64, 4, ROOT, 68, 1]),
        INVAL
    );
}
