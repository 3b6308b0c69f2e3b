//! Calls that take a path.

use super::{
    BYTES, FOLDER, Kind, MEMORY, OUT, PATH, PATH_2, READ_ONLY, Role, Subject, Wrong, content,
};
use crate::fs::errno::Errno;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{
    ALL, CREATE, DIRECTORY, EXCLUSIVE, Machine, READ, TRUNCATE, WRITE,
};
use crate::wasi::types::rights;

/// Where no path can start.
const NO_FOLDERS: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Badf),
    (Kind::Output, Errno::Badf),
    (Kind::File, Errno::Notdir),
    (Kind::Listener, Errno::Notdir),
    (Kind::Datagrams, Errno::Notdir),
];

/// A folder that needs a right.
macro_rules! folder {
    ($($right:ident),*) => {
        Role::Descriptor(&[$((rights::$right, Errno::Notcapable)),*], NO_FOLDERS)
    };
}

/// Flags of looking up a path: none but to follow links.
const LOOKUP: Role = Role::Number(&[2, 3, 0x1_0000, 0xffff_ffff], Errno::Inval);

/// What a folder that can't be changed answers.
const UNCHANGEABLE: Wrong = (
    "a folder to be read only",
    |_, arguments| arguments[0] = READ_ONLY,
    Errno::Rofs,
);

/// A call on a path at the parameters `at` in `/`.
fn set_path(machine: &mut Machine, arguments: &mut [u64], at: usize, path: &str) {
    let path = machine.put_text(PATH_2 + 0x100, path);
    arguments[at..at + 2].copy_from_slice(&path);
}

macro_rules! path {
    ($what:literal, $at:literal, $path:literal, $errno:ident) => {
        (
            $what,
            |machine, arguments| set_path(machine, arguments, $at, $path),
            Errno::$errno,
        )
    };
}

fn one_path(machine: &mut Machine, path: &str) -> Vec<u64> {
    let [path, len] = machine.put_text(PATH, path);
    vec![FOLDER, path, len]
}

fn two_paths(machine: &mut Machine, old: &str, new: &str) -> [[u64; 2]; 2] {
    [
        machine.put_text(PATH, old),
        machine.put_text(PATH + 0x100, new),
    ]
}

fn stat(machine: &mut Machine, path: &str) -> Result<(u8, u64), u32> {
    let [path, len] = machine.put_text(PATH, path);
    match machine.call(Call::path_filestat_get, &[FOLDER, 0, path, len, 0x200]) {
        0 => Ok((machine.bytes(0x210, 1)[0], machine.u64(0x218))),
        errno => Err(errno),
    }
}

const GONE: Result<(u8, u64), u32> = Err(Errno::Noent.number() as u32);

fn open(machine: &mut Machine, path: &str, oflags: u64) -> Vec<u64> {
    let [path, len] = machine.put_text(PATH, path);
    vec![FOLDER, 1, path, len, oflags, READ | WRITE, 0, 0, OUT]
}

/// Arguments that rename in memory, where there are the folders `d`, with something in it, and `e`, and the file `f`: what
/// may be renamed to what is for the file system to say.
fn renaming(machine: &mut Machine, old: &str, new: &str) -> Vec<u64> {
    for folder in ["d", "e", "d/x"] {
        let [path, len] = machine.put_text(PATH, folder);
        let made = machine.call(Call::path_create_directory, &[MEMORY, path, len]);
        assert_eq!(made, 0);
    }
    machine.open(MEMORY, "f", CREATE, READ, 0).unwrap();
    let [old, new] = two_paths(machine, old, new);
    [&[MEMORY], &old[..], &[MEMORY], &new].concat()
}

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::path_create_directory,
        roles: &[folder!(PATH_CREATE_DIRECTORY), Role::Path],
        right: |machine| one_path(machine, "d/new"),
        check: |machine, _| assert_eq!(stat(machine, "d/new").unwrap().0, 3),
        wrong: &[
            UNCHANGEABLE,
            path!("a folder that is there", 1, "d", Exist),
            path!("a file that is there", 1, "f", Exist),
            path!("a link that is there", 1, "l", Exist),
            path!("the start", 1, ".", Exist),
        ],
    },
    Subject {
        call: Call::path_filestat_get,
        roles: &[
            folder!(PATH_FILESTAT_GET),
            LOOKUP,
            Role::Path,
            Role::Pointer(64),
        ],
        right: |machine| {
            let path = one_path(machine, "l");
            vec![FOLDER, 1, path[1], path[2], OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.bytes(arguments[4] as u32 + 16, 1), [4]);
            assert_eq!(machine.u64(arguments[4] as u32 + 32), 7);
            assert_eq!(stat(machine, "l").unwrap().0, 7);
        },
        wrong: &[
            path!("nothing there", 2, "x", Noent),
            path!("a file as a folder", 2, "f/", Notdir),
        ],
    },
    Subject {
        call: Call::path_filestat_get_unstable,
        roles: &[
            folder!(PATH_FILESTAT_GET),
            LOOKUP,
            Role::Path,
            Role::Pointer(56),
        ],
        right: |machine| {
            let path = one_path(machine, "l");
            vec![FOLDER, 0, path[1], path[2], OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.bytes(arguments[4] as u32 + 16, 1), [7]);
            assert_eq!(machine.u64(arguments[4] as u32 + 24), 1);
        },
        wrong: &[
            path!("nothing there", 2, "x", Noent),
            path!("a file as a folder", 2, "f/", Notdir),
        ],
    },
    Subject {
        call: Call::path_filestat_set_times,
        roles: &[
            folder!(PATH_FILESTAT_SET_TIMES),
            LOOKUP,
            Role::Path,
            Role::Any,
            Role::Any,
            Role::Number(&[3, 12, 16, 0x1_0005, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| {
            let path = one_path(machine, "f");
            vec![FOLDER, 1, path[1], path[2], 1_000_000_001, 2_000_000_002, 5]
        },
        check: |machine, _| {
            stat(machine, "f").unwrap();
            let times = [machine.u64(0x228), machine.u64(0x230)];
            assert_eq!(times, [1_000_000_001, 2_000_000_002]);
        },
        wrong: &[
            path!("nothing there", 2, "x", Noent),
            (
                "a folder to be read only",
                |_, arguments| arguments[0] = READ_ONLY,
                Errno::Rofs,
            ),
        ],
    },
    Subject {
        call: Call::path_link,
        roles: &[
            folder!(PATH_LINK_SOURCE),
            LOOKUP,
            Role::Path,
            folder!(PATH_LINK_TARGET),
            Role::Path,
        ],
        right: |machine| {
            let [old, new] = two_paths(machine, "f", "d/new");
            [&[FOLDER, 0], &old[..], &[FOLDER], &new].concat()
        },
        check: |machine, _| {
            assert_eq!(content(machine, "d/new"), b"content");
            assert_eq!(stat(machine, "f"), Ok((4, 2)));
        },
        wrong: &[
            path!("nothing to link to", 2, "x", Noent),
            path!("a folder", 2, "d", Perm),
            path!("a name that is there", 5, "d/f", Exist),
            path!("a name that is a folder", 5, "d", Exist),
            path!("a name for a folder", 5, "x/", Noent),
            (
                "from another file system",
                |_, arguments| arguments[0] = READ_ONLY,
                Errno::Xdev,
            ),
            (
                "to another file system",
                |machine, arguments| {
                    arguments[4] = READ_ONLY;
                    set_path(machine, arguments, 5, "x");
                },
                Errno::Xdev,
            ),
        ],
    },
    Subject {
        call: Call::path_open,
        roles: &[
            folder!(PATH_OPEN, PATH_CREATE_FILE),
            LOOKUP,
            Role::Path,
            Role::Number(
                &[
                    16,
                    0x1_0000,
                    0xffff_ffff,
                    DIRECTORY | CREATE,
                    DIRECTORY | EXCLUSIVE,
                    DIRECTORY | TRUNCATE,
                ],
                Errno::Inval,
            ),
            Role::Any,
            Role::Any,
            Role::Number(&[32, 0x1_0001, 0xffff_ffff], Errno::Inval),
            Role::Pointer(4),
        ],
        right: |machine| open(machine, "d/new", CREATE | EXCLUSIVE),
        check: |machine, arguments| {
            let fd = machine.word(arguments[8]);
            assert_eq!(machine.write(fd, b"hello"), Ok(5));
            assert_eq!(content(machine, "d/new"), b"hello");
        },
        wrong: &[
            path!("a file that is there", 2, "d/f", Exist),
            path!("a link that is there", 2, "l", Exist),
            path!("a folder that is there", 2, "d", Exist),
            path!("the start", 2, ".", Exist),
            path!("a new name with a slash behind it", 2, "new/", Isdir),
            (
                "a file as a folder",
                |machine, arguments| *arguments = open(machine, "f", DIRECTORY),
                Errno::Notdir,
            ),
            (
                "a folder to be written",
                |machine, arguments| *arguments = open(machine, "d", 0),
                Errno::Isdir,
            ),
            (
                "a folder to be cut",
                |machine, arguments| {
                    *arguments = open(machine, "d", TRUNCATE);
                    arguments[5] = READ;
                },
                Errno::Isdir,
            ),
            (
                "nothing there and nothing to be made",
                |machine, arguments| *arguments = open(machine, "x", 0),
                Errno::Noent,
            ),
            (
                "a link that is not followed",
                |machine, arguments| {
                    *arguments = open(machine, "l", 0);
                    arguments[1] = 0;
                },
                Errno::Loop,
            ),
            (
                "the right to cut is missing",
                |machine, arguments| {
                    *arguments = open(machine, "f", TRUNCATE);
                    machine.drop_rights(FOLDER, rights::PATH_FILESTAT_SET_SIZE);
                },
                Errno::Notcapable,
            ),
            (
                "more rights than the folder hands on",
                |machine, arguments| {
                    let fdstat = [FOLDER, rights::DIRECTORY, ALL & !WRITE];
                    assert_eq!(machine.call(Call::fd_fdstat_set_rights, &fdstat), 0);
                    *arguments = open(machine, "f", 0);
                },
                Errno::Notcapable,
            ),
            (
                "more rights to be handed on than the folder hands on",
                |machine, arguments| {
                    let fdstat = [FOLDER, rights::DIRECTORY, READ];
                    assert_eq!(machine.call(Call::fd_fdstat_set_rights, &fdstat), 0);
                    *arguments = open(machine, "f", 0);
                    arguments[5] = READ;
                    arguments[6] = WRITE;
                },
                Errno::Notcapable,
            ),
            UNCHANGEABLE,
            (
                "a file to be read only, to be written",
                |machine, arguments| {
                    *arguments = open(machine, "f", 0);
                    arguments[0] = READ_ONLY;
                },
                Errno::Rofs,
            ),
        ],
    },
    Subject {
        call: Call::path_readlink,
        roles: &[
            folder!(PATH_READLINK),
            Role::Path,
            Role::Buffer,
            Role::Pointer(4),
        ],
        right: |machine| {
            let path = one_path(machine, "l");
            [&path[..], &[BYTES, 10, OUT]].concat()
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[5]), 1);
            assert_eq!(machine.bytes(BYTES as u32, 2), b"f\xcc");
        },
        wrong: &[
            path!("a file", 1, "f", Inval),
            path!("a folder", 1, "d", Inval),
            path!("nothing there", 1, "x", Noent),
        ],
    },
    Subject {
        call: Call::path_remove_directory,
        roles: &[folder!(PATH_REMOVE_DIRECTORY), Role::Path],
        right: |machine| one_path(machine, "empty"),
        check: |machine, _| assert_eq!(stat(machine, "empty"), GONE),
        wrong: &[
            (
                "a folder to be read only",
                |machine, arguments| {
                    arguments[0] = READ_ONLY;
                    set_path(machine, arguments, 1, "d");
                },
                Errno::Rofs,
            ),
            path!("a folder that is not empty", 1, "d", Notempty),
            path!("a file", 1, "f", Notdir),
            path!("a link", 1, "l", Notdir),
            path!("nothing there", 1, "x", Noent),
            path!("the start", 1, ".", Inval),
        ],
    },
    Subject {
        call: Call::path_rename,
        roles: &[
            folder!(PATH_RENAME_SOURCE),
            Role::Path,
            folder!(PATH_RENAME_TARGET),
            Role::Path,
        ],
        right: |machine| {
            let [old, new] = two_paths(machine, "f", "d/f");
            [&[FOLDER], &old[..], &[FOLDER], &new].concat()
        },
        check: |machine, _| {
            assert_eq!(content(machine, "d/f"), b"content");
            assert_eq!(stat(machine, "f"), GONE);
        },
        wrong: &[
            path!("nothing there", 1, "x", Noent),
            (
                "a folder onto a file",
                |machine, arguments| *arguments = renaming(machine, "d", "f"),
                Errno::Notdir,
            ),
            (
                "a file onto a folder",
                |machine, arguments| *arguments = renaming(machine, "f", "d"),
                Errno::Isdir,
            ),
            (
                "a folder onto one that is not empty",
                |machine, arguments| *arguments = renaming(machine, "e", "d"),
                Errno::Notempty,
            ),
            path!("a file to where a folder must be", 4, "x/", Notdir),
            path!("the start", 1, ".", Busy),
            path!("onto the start", 4, ".", Busy),
            (
                "a folder into itself",
                |machine, arguments| *arguments = renaming(machine, "d", "d/x"),
                Errno::Inval,
            ),
            (
                "to another file system",
                |_, arguments| arguments[3] = READ_ONLY,
                Errno::Xdev,
            ),
        ],
    },
    Subject {
        call: Call::path_symlink,
        roles: &[Role::Target, folder!(PATH_SYMLINK), Role::Path],
        right: |machine| {
            let [target, path] = two_paths(machine, "../f", "d/new");
            [&target[..], &[FOLDER], &path].concat()
        },
        check: |machine, _| assert_eq!(content(machine, "d/new"), b"content"),
        wrong: &[
            path!("a file that is there", 3, "f", Exist),
            path!("a link that is there", 3, "l", Exist),
            path!("the start", 3, ".", Exist),
            path!("a name for a folder", 3, "x/", Noent),
            path!("a link that leads out for sure", 0, "/f", Notcapable),
            (
                "a folder to be read only",
                |_, arguments| arguments[2] = READ_ONLY,
                Errno::Rofs,
            ),
        ],
    },
    Subject {
        call: Call::path_unlink_file,
        roles: &[folder!(PATH_UNLINK_FILE), Role::Path],
        right: |machine| one_path(machine, "l"),
        check: |machine, _| {
            assert_eq!(stat(machine, "l"), GONE);
            assert_eq!(content(machine, "f"), b"content");
        },
        wrong: &[
            (
                "a folder to be read only",
                |machine, arguments| {
                    arguments[0] = READ_ONLY;
                    set_path(machine, arguments, 1, "f");
                },
                Errno::Rofs,
            ),
            path!("a folder", 1, "d", Isdir),
            path!("the start", 1, ".", Isdir),
            path!("a file as a folder", 1, "f/", Notdir),
            path!("nothing there", 1, "x", Noent),
        ],
    },
];
