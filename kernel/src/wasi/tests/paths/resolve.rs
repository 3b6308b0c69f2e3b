//! Where paths lead, and what they can't leave.

use super::machine;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{
    ALL, BADF, DIRECTORY, FAULT, INVAL, LOOP, MEMORY_BYTES, Machine, NAMETOOLONG, NOENT,
    NOTCAPABLE, NOTDIR, READ, ROOT, WRITE,
};

const ILSEQ: u32 = 25;

#[test]
fn paths_lead_where_they_should() {
    lead_where_they_should(machine());
    let machine = machine();
    machine.server.0.borrow_mut().fails_whole_walks = true;
    lead_where_they_should(machine);
}

fn lead_where_they_should(mut machine: Machine) {
    let deep = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20";
    for (end, _) in deep.match_indices('/').chain([(deep.len(), "")]) {
        machine.server.put_directory(&deep[..end]);
    }
    machine.server.put_file(&format!("{deep}/f"), b"content");
    machine.server.put_link("1/2/3/far", "../../../d/e/../f");
    machine.server.put_link("1/2/3/back", "../..");
    machine.server.put_link(
        "1/2/3/4/5/farther",
        "../../../../../1/2/3/back/../1/2/3/far",
    );
    for (path, expected) in [
        ("d/f", 0),
        ("./d//.///f", 0),
        ("d/e/../f", 0),
        ("d/../d/f", 0),
        ("d/e/../../d/f", 0),
        ("file", 0),
        ("dir/f", 0),
        ("dirslash/f", 0),
        ("dir/../file", 0),
        ("d/up", 0),
        ("d/e/upup", 0),
        ("dir/e/upup", 0),
        ("here/here/file", 0),
        (&format!("{deep}/f"), 0),
        (&format!("{deep}/../20/f"), 0),
        (&format!("{deep}/../../../../../16/17/../17/18/19/20/f"), 0),
        (&format!("{deep}/missing"), NOENT),
        (&format!("{deep}/f/x"), NOTDIR),
        (&format!("{deep}/x/{deep}"), NOENT),
        ("1/2/3/far", 0),
        ("1/2/3/back/2/3/far", 0),
        ("1/2/3/back/2/3/back/2/3/far", 0),
        ("1/2/3/4/5/../../far", 0),
        ("1/2/3/4/5/farther", 0),
        ("1/2/3/../../../../x", NOTCAPABLE),
        ("1/2/file/4/5", NOENT),
        ("d/f/2/3", NOTDIR),
        ("here/d/f/2/3", NOTDIR),
        ("", NOENT),
        ("missing", NOENT),
        ("missing/f", NOENT),
        ("missing/../d/f", NOENT),
        ("d/f/x", NOTDIR),
        ("d/f/", NOTDIR),
        ("d/f/.", NOTDIR),
        ("d/f/..", NOTDIR),
        ("d/f/../f", NOTDIR),
        ("file/", NOTDIR),
        ("fileslash", NOTDIR),
        ("dangling", NOENT),
        ("loop", LOOP),
        ("loop/x", LOOP),
        ("ping", LOOP),
        ("..", NOTCAPABLE),
        ("../d/f", NOTCAPABLE),
        ("d/../../d/f", NOTCAPABLE),
        ("d/e/../../../x", NOTCAPABLE),
        ("/d/f", NOTCAPABLE),
        ("/", NOTCAPABLE),
        ("//", NOTCAPABLE),
        ("out", NOTCAPABLE),
        ("d/out", NOTCAPABLE),
        ("dir/out", NOTCAPABLE),
        ("absolute", NOTCAPABLE),
        ("absolute/x", NOTCAPABLE),
        ("here/..", NOTCAPABLE),
        ("d\0f", INVAL),
    ] {
        let opened = machine.open(ROOT, path, 0, READ, 0);
        assert_eq!(opened.err().unwrap_or(0), expected, "{path}");
        if let Ok(fd) = opened {
            assert_eq!(machine.read(fd, 10).unwrap(), b"content", "{path}");
            machine.call(Call::fd_close, &[fd]);
        }
        let stat = machine.at(Call::path_filestat_get, &[ROOT, 1], path, &[64]);
        assert_eq!(stat, expected, "{path}");
    }
}

#[test]
fn an_opened_directory_can_not_be_left_either() {
    let mut machine = machine();
    let directory = machine
        .open(ROOT, "dir", DIRECTORY, ALL & !WRITE, 0)
        .unwrap();
    for (path, expected) in [
        ("f", Ok(())),
        ("e/../f", Ok(())),
        ("../file", Err(NOTCAPABLE)),
        ("up", Err(NOTCAPABLE)),
        ("e/upup", Err(NOTCAPABLE)),
    ] {
        // Opened without inheriting rights, so nothing can be read through it.
        let opened = machine.open(directory, path, 0, 0, 0);
        assert_eq!(opened.map(drop), expected, "{path}");
    }
    assert_eq!(machine.open(directory, "f", 0, READ, 0), Err(NOTCAPABLE));
}

#[test]
fn paths_that_are_no_paths_are_refused() {
    let mut machine = machine();
    machine.put(64, b"\xff\xfe");
    assert_eq!(
        machine.call(Call::path_create_directory, &[ROOT, 64, 2]),
        ILSEQ
    );
    assert_eq!(
        machine.call(Call::path_create_directory, &[ROOT, 0, 5000]),
        NAMETOOLONG
    );
    let end = u64::from(MEMORY_BYTES);
    for [path, len] in [[end - 1, 2], [end, 1], [0xffff_ffff, 1], [64, 0xffff_ffff]] {
        for (call, parameters) in [
            (Call::path_create_directory, &[ROOT, path, len][..]),
            (Call::path_filestat_get, &[ROOT, 0, path, len, 64]),
            (
                Call::path_filestat_set_times,
                &[ROOT, 0, path, len, 0, 0, 0],
            ),
            (Call::path_link, &[ROOT, 0, path, len, ROOT, 64, 1]),
            (Call::path_open, &[ROOT, 0, path, len, 0, READ, 0, 0, 64]),
            (Call::path_readlink, &[ROOT, path, len, 64, 8, 128]),
            (Call::path_remove_directory, &[ROOT, path, len]),
            (Call::path_rename, &[ROOT, path, len, ROOT, 64, 1]),
            (Call::path_symlink, &[path, len, ROOT, 64, 1]),
            (Call::path_unlink_file, &[ROOT, path, len]),
        ] {
            assert_eq!(machine.call(call, parameters), FAULT, "{call:?}");
        }
    }
    let long = "n".repeat(256);
    assert_eq!(
        machine.at(Call::path_create_directory, &[ROOT], &long, &[]),
        NAMETOOLONG
    );
    let deep = "d/../".repeat(700);
    assert_eq!(
        machine.at(
            Call::path_filestat_get,
            &[ROOT, 0],
            &format!("{deep}file"),
            &[64]
        ),
        0
    );
}

#[test]
fn calls_on_what_is_no_folder_say_so() {
    let mut machine = machine();
    let file = machine.open(ROOT, "file", 0, ALL, 0).unwrap();
    for (fd, expected) in [(0, BADF), (1, BADF), (file, NOTDIR)] {
        for call in [
            Call::path_create_directory,
            Call::path_unlink_file,
            Call::path_remove_directory,
        ] {
            assert_eq!(machine.at(call, &[fd], "x", &[]), expected, "{call:?}");
        }
        assert_eq!(
            machine.call(Call::fd_readdir, &[fd, 64, 64, 0, 32]),
            expected
        );
    }
    assert_eq!(machine.open(99, "x", 0, READ, 0), Err(BADF));
}
