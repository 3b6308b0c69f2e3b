//! `path_open`.

use super::machine;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{
    ALL, BADF, CREATE, DIRECTORY, EXCLUSIVE, EXIST, FAULT, INVAL, ISDIR, LOOP, MEMORY_BYTES, NOENT,
    NOTCAPABLE, NOTDIR, OUT, READ, ROOT, TRUNCATE, WRITE,
};

#[test]
fn opening_obeys_its_flags() {
    for (path, oflags, rights, expected) in [
        ("d", 0, READ, 0),
        ("d", DIRECTORY, READ, 0),
        ("d/", DIRECTORY, READ, 0),
        ("d/.", 0, READ, 0),
        ("d/e/..", 0, READ, 0),
        (".", DIRECTORY, ALL & !WRITE, 0),
        ("dir", DIRECTORY, READ, 0),
        ("d", 0, READ | WRITE, ISDIR),
        ("d", CREATE, READ, ISDIR),
        ("d", TRUNCATE, READ | WRITE, ISDIR),
        ("d", CREATE | EXCLUSIVE, READ, EXIST),
        (".", CREATE | EXCLUSIVE, READ, EXIST),
        ("d/f", DIRECTORY, READ, NOTDIR),
        ("file", DIRECTORY, READ, NOTDIR),
        ("d/f", CREATE | EXCLUSIVE, READ | WRITE, EXIST),
        ("file", CREATE | EXCLUSIVE, READ | WRITE, EXIST),
        ("dangling", CREATE | EXCLUSIVE, READ | WRITE, EXIST),
        ("d/f", CREATE, READ | WRITE, 0),
        ("d/f", EXCLUSIVE, READ, 0),
        ("d/f", 0, 0, 0),
        ("x", CREATE | DIRECTORY, READ, INVAL),
        ("d", EXCLUSIVE | DIRECTORY, READ, INVAL),
        ("d", TRUNCATE | DIRECTORY, READ, INVAL),
        ("d/f", 16, READ, INVAL),
        ("d/f", 1 << 31, READ, INVAL),
        ("new/", CREATE, READ | WRITE, ISDIR),
        ("missing/new", CREATE, READ | WRITE, NOENT),
        ("out", CREATE, READ | WRITE, NOTCAPABLE),
    ] {
        let opened = machine().open(ROOT, path, oflags, rights, 0);
        assert_eq!(opened.err().unwrap_or(0), expected, "{path} {oflags}");
    }
    let mut machine = machine();
    // Flags of the descriptor and of the lookup that mean nothing.
    assert_eq!(machine.open(ROOT, "d/f", 0, READ, 0x20), Err(INVAL));
    let behind = [0, READ, 0, 0, OUT.into()];
    assert_eq!(
        machine.at(Call::path_open, &[ROOT, 2], "d/f", &behind),
        INVAL
    );
    // A link at the end that is not to be followed.
    assert_eq!(
        machine.at(Call::path_open, &[ROOT, 0], "file", &behind),
        LOOP
    );
    assert_eq!(machine.at(Call::path_open, &[ROOT, 0], "dir/f", &behind), 0);
    assert_eq!(machine.at(Call::path_open, &[ROOT, 0], "dir/", &behind), 0);
    let outside = [0, READ, 0, 0, u64::from(MEMORY_BYTES) - 3];
    assert_eq!(
        machine.at(Call::path_open, &[ROOT, 0], "d/f", &outside),
        FAULT
    );
}

#[test]
fn files_are_made_cut_and_made_through_links() {
    let mut machine = machine();
    let new = machine
        .open(ROOT, "d/new", CREATE | EXCLUSIVE, ALL, 0)
        .unwrap();
    assert_eq!(machine.write(new, b"x"), Ok(1));
    assert_eq!(machine.server.file("d/new").unwrap(), b"x");
    assert!(machine.open(ROOT, "file", TRUNCATE, WRITE, 0).is_ok());
    assert_eq!(machine.server.file("d/f").unwrap(), b"");
    assert!(machine.open(ROOT, "dangling", CREATE, ALL, 0).is_ok());
    assert!(machine.server.has("missing"));
    assert!(machine.open(ROOT, "deep", CREATE, ALL, 0).is_ok());
    assert!(machine.server.has("d/e/new"));
    // What is made to be read only can't be written by this descriptor.
    let readable = machine.open(ROOT, "r", CREATE, READ, 0).unwrap();
    assert_eq!(machine.write(readable, b"x"), Err(BADF));
}

#[test]
fn a_file_that_appears_while_it_is_made_is_opened() {
    for (oflags, expected) in [(CREATE, Ok(())), (CREATE | EXCLUSIVE, Err(EXIST))] {
        let mut machine = machine();
        machine.server.0.borrow_mut().appears = Some(b"late".to_vec());
        let opened = machine.open(ROOT, "late", oflags, READ | WRITE, 0);
        assert_eq!(opened.map(drop), expected);
        if let Ok(fd) = opened {
            assert_eq!(machine.read(fd, 20).unwrap(), b"appeared");
        }
    }
}
