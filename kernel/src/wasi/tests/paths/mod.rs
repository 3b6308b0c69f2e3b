//! Paths: where they lead, what they can't leave, and what is made, moved and taken away by them.

use super::super::exports::Call;
use super::machine::{
    ALL, BADF, CREATE, DATA, DIRECTORY, EXCLUSIVE, EXIST, FAULT, INVAL, ISDIR, LOOP, MEMORY_BYTES,
    Machine, NAMETOOLONG, NOENT, NOTCAPABLE, NOTDIR, OUT, READ, READ_ONLY, ROFS, ROOT, TRUNCATE,
    WRITE, XDEV,
};

const PERM: u32 = 63;
const ILSEQ: u32 = 25;
const NOTEMPTY: u32 = 55;

/// A machine whose folder holds `d/e`, `d/f` and links.
fn machine() -> Machine {
    let machine = Machine::new();
    let server = &machine.server;
    server.put_directory("d");
    server.put_directory("d/e");
    server.put_file("d/f", b"content");
    for (path, target) in [
        ("file", "d/f"),
        ("dir", "d"),
        ("dirslash", "d/"),
        ("d/up", "../d/f"),
        ("d/e/upup", "../../file"),
        ("loop", "loop"),
        ("ping", "pong"),
        ("pong", "ping"),
        ("dangling", "missing"),
        ("deep", "d/e/new"),
        ("out", "../etc/passwd"),
        ("d/out", "../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("here", "."),
        ("fileslash", "d/f/"),
    ] {
        server.put_link(path, target);
    }
    machine
}

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

#[test]
fn links_are_made_and_read() {
    for (target, path, expected) in [
        ("d/f", "l", 0),
        ("../../anywhere", "l", 0),
        ("d/f", "d/e/l", 0),
        ("d/f", "file", EXIST),
        ("d/f", "d", EXIST),
        ("d/f", "l/", NOENT),
        ("d/f", ".", EXIST),
        ("", "l", NOENT),
        ("/etc/passwd", "l", NOTCAPABLE),
        ("d/f", "../l", NOTCAPABLE),
        ("d/f", "missing/l", NOENT),
    ] {
        assert_eq!(
            machine().two(Call::path_symlink, target, path),
            expected,
            "{target} {path}"
        );
    }
    let mut machine = machine();
    let data = u64::from(DATA);
    for (path, len, expected, read) in [
        ("out", 100, 0, "../etc/passwd"),
        ("out", 5, 0, "../et"),
        ("out", 0, 0, ""),
        ("d/f", 100, INVAL, ""),
        ("d", 100, INVAL, ""),
        ("dir/", 100, INVAL, ""),
        ("missing", 100, NOENT, ""),
        ("..", 100, NOTCAPABLE, ""),
    ] {
        machine.put(DATA, &[b'.'; 20]);
        let behind = [data, len, 64];
        assert_eq!(
            machine.at(Call::path_readlink, &[ROOT], path, &behind),
            expected,
            "{path}"
        );
        if expected == 0 {
            assert_eq!(machine.u32(64) as usize, read.len());
        }
        assert_eq!(
            machine.bytes(DATA, read.len() + 1),
            format!("{read}.").as_bytes()
        );
    }
    for behind in [
        [u64::from(MEMORY_BYTES) - 5, 6, 64],
        [data, 6, u64::from(MEMORY_BYTES) - 3],
    ] {
        assert_eq!(
            machine.at(Call::path_readlink, &[ROOT], "out", &behind),
            FAULT
        );
    }
}

#[test]
fn attributes_are_those_of_the_link_or_of_what_it_leads_to() {
    let mut machine = machine();
    for (path, flags, filetype) in [
        ("file", 0, 7),
        ("file", 1, 4),
        ("dir", 0, 7),
        ("dir", 1, 3),
        ("dir/", 0, 3),
        ("loop", 0, 7),
        (".", 0, 3),
    ] {
        let parameters = [ROOT, flags];
        assert_eq!(
            machine.at(Call::path_filestat_get, &parameters, path, &[64]),
            0,
            "{path}"
        );
        assert_eq!(machine.bytes(64 + 16, 1), [filetype], "{path}");
        let unstable = Call::path_filestat_get_unstable;
        assert_eq!(machine.at(unstable, &parameters, path, &[64]), 0);
        assert_eq!(machine.bytes(64 + 16, 1), [filetype], "{path}");
    }
    assert_eq!(
        machine.at(Call::path_filestat_get, &[ROOT, 2], "file", &[64]),
        INVAL
    );
    let outside = [u64::from(MEMORY_BYTES) - 63];
    assert_eq!(
        machine.at(Call::path_filestat_get, &[ROOT, 0], "file", &outside),
        FAULT
    );
    let times = [9_000_000_000, 8_000_000_000, 5];
    assert_eq!(
        machine.at(Call::path_filestat_set_times, &[ROOT, 1], "file", &times),
        0
    );
    assert_eq!(
        machine.at(Call::path_filestat_get, &[ROOT, 0], "d/f", &[64]),
        0
    );
    assert_eq!(machine.u64(64 + 40), 9_000_000_001);
    assert_eq!(
        machine.at(
            Call::path_filestat_set_times,
            &[ROOT, 1],
            "file",
            &[0, 0, 3]
        ),
        INVAL
    );
    assert_eq!(
        machine.at(
            Call::path_filestat_set_times,
            &[ROOT, 1],
            "dangling",
            &times
        ),
        NOENT
    );
}

/// Reads the whole of a directory with a buffer of `len` bytes, as wasi-libc does: names in order.
fn names(machine: &mut Machine, fd: u64, len: u32) -> Vec<String> {
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        machine.put(DATA, &vec![0xcc; len as usize + 1]);
        let parameters = [fd, DATA.into(), len.into(), cookie, 64];
        assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
        let used = machine.u32(64);
        assert!(used <= len);
        assert_eq!(machine.bytes(DATA + used, 1), [0xcc]);
        let mut at = DATA;
        let before = names.len();
        while at + 24 <= DATA + used {
            let next = machine.u64(at);
            // `telldir` of wasi-libc has a `long`.
            assert!(i32::try_from(next).is_ok_and(|next| next > 0), "{next:#x}");
            let name_len = machine.u32(at + 16);
            if at + 24 + name_len > DATA + used {
                break;
            }
            let name = machine.bytes(at + 24, name_len as usize).to_vec();
            names.push(String::from_utf8(name).unwrap());
            at += 24 + name_len;
            cookie = next;
        }
        if used < len {
            return names;
        }
        assert!(
            names.len() > before,
            "a buffer of {len} bytes does not get on"
        );
    }
}

#[test]
fn directories_are_listed_with_buffers_of_any_size() {
    let mut machine = Machine::new();
    for index in 0..300 {
        machine.server.put_file(&format!("file-{index:03}"), b"");
    }
    let mut expected = vec![".".to_owned(), "..".to_owned()];
    expected.extend((0..300).map(|index| format!("file-{index:03}")));
    for len in [32, 33, 64, 100, 4096, 100_000] {
        assert!(names(&mut machine, ROOT, len) == expected, "{len}");
    }
    // Back to any place, and on from there.
    for place in [301, 2, 150, 299] {
        let parameters = [ROOT, DATA.into(), 33, place, 64];
        assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
        let name = expected[place as usize].as_bytes();
        assert_eq!(machine.bytes(DATA + 24, 8), name);
        assert_eq!(machine.u64(DATA), place + 1);
    }
    // From the start, what is there now.
    machine.server.put_file("late", b"");
    expected.push("late".to_owned());
    assert!(names(&mut machine, ROOT, 4096) == expected);
    // A cookie that leads nowhere, a buffer of nothing, and one outside.
    let data = u64::from(DATA);
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, data, 100, 9999, 64]),
        0
    );
    assert_eq!(machine.u32(64), 0);
    assert_eq!(machine.call(Call::fd_readdir, &[ROOT, data, 0, 0, 64]), 0);
    assert_eq!(machine.u32(64), 0);
    let end = u64::from(MEMORY_BYTES);
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, end - 9, 10, 0, 64]),
        FAULT
    );
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, data, 10, 0, end - 3]),
        FAULT
    );
}

#[test]
fn entries_tell_what_they_are() {
    let mut machine = machine();
    let parameters = [ROOT, DATA.into(), 4096, 2, 64];
    assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
    let mut at = DATA;
    let mut found = Vec::new();
    while at < DATA + machine.u32(64) {
        let len = machine.u32(at + 16);
        let name = String::from_utf8(machine.bytes(at + 24, len as usize).to_vec()).unwrap();
        found.push((name, machine.bytes(at + 20, 1)[0]));
        at += 24 + len;
    }
    assert_eq!(
        found[..3],
        [
            ("absolute".to_owned(), 7),
            ("d".to_owned(), 3),
            ("dangling".to_owned(), 7)
        ]
    );
}
