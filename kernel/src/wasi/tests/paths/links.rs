//! Links and what they lead to: `path_symlink`, `path_readlink`, `path_filestat_get`, `path_filestat_set_times`.

use super::machine;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{
    DATA, EXIST, FAULT, INVAL, MEMORY_BYTES, NOENT, NOTCAPABLE, ROOT,
};

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
