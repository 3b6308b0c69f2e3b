//! Calls on descriptors.

use super::{BYTES, END, FOLDER, Kind, OUT, RANGES, READ_ONLY, Role, Subject, content};
use crate::fs::errno::Errno;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{ALL, Machine, READ, WRITE};
use crate::wasi::types::rights;

/// What has no rights of a file.
const ONLY_FILES: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Notcapable),
    (Kind::Output, Errno::Notcapable),
    (Kind::Listener, Errno::Notcapable),
];

/// What has no positions.
const UNPOSITIONED: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Spipe),
    (Kind::Output, Errno::Spipe),
    (Kind::Folder, Errno::Badf),
    (Kind::Listener, Errno::Spipe),
    (Kind::Idle, Errno::Spipe),
    (Kind::Datagrams, Errno::Spipe),
];

/// What entries are not read from.
const NO_FOLDERS: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Badf),
    (Kind::Output, Errno::Badf),
    (Kind::File, Errno::Notdir),
    (Kind::Listener, Errno::Notdir),
];

const NO_PREOPENS: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Badf),
    (Kind::Output, Errno::Badf),
    (Kind::File, Errno::Badf),
    (Kind::Folder, Errno::Badf),
];

const OFFSETS_BEYOND: &[u64] = &[1 << 63, u64::MAX];

/// The file `f`, which holds 7 bytes.
fn file(machine: &mut Machine) -> u64 {
    machine.descriptor(Kind::File)
}

fn size(machine: &mut Machine, fd: u64) -> u64 {
    assert_eq!(machine.call(Call::fd_filestat_get, &[fd, 0x200]), 0);
    machine.u64(0x220)
}

fn position(machine: &mut Machine, fd: u64) -> u64 {
    assert_eq!(machine.call(Call::fd_tell, &[fd, 0x200]), 0);
    machine.u64(0x200)
}

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::fd_advise,
        roles: &[
            Role::Descriptor(&[(rights::FD_ADVISE, Errno::Notcapable)], ONLY_FILES),
            Role::Number(OFFSETS_BEYOND, Errno::Inval),
            Role::Number(OFFSETS_BEYOND, Errno::Inval),
            Role::Number(&[6, 256, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| vec![file(machine), 3, 1 << 40, 5],
        check: |machine, arguments| assert_eq!(size(machine, arguments[0]), 7),
        wrong: &[(
            "a folder",
            |machine, arguments| arguments[0] = machine.descriptor(Kind::Folder),
            Errno::Badf,
        )],
    },
    Subject {
        call: Call::fd_allocate,
        roles: &[
            Role::Descriptor(
                &[
                    (rights::FD_ALLOCATE, Errno::Notcapable),
                    (rights::FD_WRITE, Errno::Badf),
                ],
                ONLY_FILES,
            ),
            Role::Number(OFFSETS_BEYOND, Errno::Inval),
            Role::Number(&[0, 1 << 63, u64::MAX], Errno::Inval),
        ],
        right: |machine| vec![file(machine), 5, 10],
        check: |machine, arguments| {
            assert_eq!(size(machine, arguments[0]), 15);
            assert_eq!(content(machine, "f"), b"content\0\0\0\0\0\0\0\0");
        },
        wrong: &[
            (
                "a folder",
                |machine, arguments| arguments[0] = machine.descriptor(Kind::Folder),
                Errno::Notcapable,
            ),
            (
                "an end behind the last offset",
                |_, arguments| arguments[2] = (1 << 63) - 1,
                Errno::Fbig,
            ),
        ],
    },
    Subject {
        call: Call::fd_close,
        roles: &[Role::Descriptor(&[], &[])],
        right: |machine| vec![file(machine)],
        check: |machine, arguments| {
            let closed = machine.call(Call::fd_tell, &[arguments[0], OUT]);
            assert_eq!(closed, u32::from(Errno::Badf.number()));
            // The lowest number is free again.
            assert_eq!(file(machine), arguments[0]);
        },
        wrong: &[(
            "twice",
            |machine, arguments| assert_eq!(machine.call(Call::fd_close, &[arguments[0]]), 0),
            Errno::Badf,
        )],
    },
    Subject {
        call: Call::fd_datasync,
        roles: &[Role::Descriptor(
            &[(rights::FD_DATASYNC, Errno::Notcapable)],
            ONLY_FILES,
        )],
        right: |machine| vec![file(machine)],
        check: |machine, _| {
            let folder = machine.descriptor(Kind::Folder);
            assert_eq!(machine.call(Call::fd_datasync, &[folder]), 0);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_sync,
        roles: &[Role::Descriptor(
            &[(rights::FD_SYNC, Errno::Notcapable)],
            ONLY_FILES,
        )],
        right: |machine| vec![file(machine)],
        check: |machine, _| {
            let folder = machine.descriptor(Kind::Folder);
            assert_eq!(machine.call(Call::fd_sync, &[folder]), 0);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_fdstat_get,
        roles: &[Role::Descriptor(&[], &[]), Role::Pointer(24)],
        right: |machine| vec![machine.open(FOLDER, "f", 0, READ | WRITE, 1).unwrap(), OUT],
        check: |machine, arguments| {
            let fdstat = machine.bytes(arguments[1] as u32, 24).to_vec();
            assert_eq!(fdstat[..8], [4, 0, 1, 0, 0, 0, 0, 0]);
            assert_eq!(fdstat[8..16], (READ | WRITE).to_le_bytes());
            assert_eq!(fdstat[16..], [0; 8]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_fdstat_set_flags,
        roles: &[
            Role::Descriptor(&[(rights::FD_FDSTAT_SET_FLAGS, Errno::Notcapable)], &[]),
            Role::Number(&[32, 0x1_0001, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| vec![file(machine), 1],
        check: |machine, arguments| {
            // From now on it appends.
            assert_eq!(machine.write(arguments[0], b"!"), Ok(1));
            assert_eq!(content(machine, "f"), b"content!");
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_fdstat_set_rights,
        roles: &[
            Role::Descriptor(&[], &[]),
            Role::Number(
                &[rights::FD_READDIR, rights::FD_READ | 1 << 40],
                Errno::Notcapable,
            ),
            Role::Number(&[rights::FD_READ, 1 << 63], Errno::Notcapable),
        ],
        right: |machine| {
            let fd = machine.open(FOLDER, "f", 0, READ | WRITE, 0).unwrap();
            vec![fd, READ, 0]
        },
        check: |machine, arguments| {
            assert_eq!(machine.write(arguments[0], b"x"), Err(8));
            assert_eq!(machine.read(arguments[0], 3), Ok(b"con".to_vec()));
        },
        wrong: &[(
            "a right that was given up",
            |machine, arguments| {
                machine.drop_rights(arguments[0], WRITE);
                arguments[1] = READ | WRITE;
            },
            Errno::Notcapable,
        )],
    },
    Subject {
        call: Call::fd_filestat_get,
        roles: &[
            Role::Descriptor(&[(rights::FD_FILESTAT_GET, Errno::Notcapable)], &[]),
            Role::Pointer(64),
        ],
        right: |machine| vec![file(machine), OUT],
        check: |machine, arguments| {
            let filestat = machine.bytes(arguments[1] as u32, 64).to_vec();
            assert_eq!((filestat[16], filestat[24], filestat[32]), (4, 1, 7));
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_filestat_get_unstable,
        roles: &[
            Role::Descriptor(&[(rights::FD_FILESTAT_GET, Errno::Notcapable)], &[]),
            Role::Pointer(56),
        ],
        right: |machine| vec![file(machine), OUT],
        check: |machine, arguments| {
            let filestat = machine.bytes(arguments[1] as u32, 56).to_vec();
            assert_eq!((filestat[16], filestat[20], filestat[24]), (4, 1, 7));
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_filestat_set_size,
        roles: &[
            Role::Descriptor(
                &[(rights::FD_FILESTAT_SET_SIZE, Errno::Notcapable)],
                &[
                    (Kind::Input, Errno::Badf),
                    (Kind::Output, Errno::Badf),
                    (Kind::Folder, Errno::Badf),
                    (Kind::Listener, Errno::Badf),
                ],
            ),
            Role::Number(OFFSETS_BEYOND, Errno::Inval),
        ],
        right: |machine| vec![file(machine), 3],
        check: |machine, _| assert_eq!(content(machine, "f"), b"con"),
        wrong: &[],
    },
    Subject {
        call: Call::fd_filestat_set_times,
        roles: &[
            Role::Descriptor(
                &[(rights::FD_FILESTAT_SET_TIMES, Errno::Notcapable)],
                ONLY_FILES,
            ),
            Role::Any,
            Role::Any,
            Role::Number(&[3, 12, 16, 0x1_0005, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| vec![file(machine), 1_000_000_001, 2_000_000_002, 5],
        check: |machine, arguments| {
            size(machine, arguments[0]);
            let times = [machine.u64(0x228), machine.u64(0x230)];
            assert_eq!(times, [1_000_000_001, 2_000_000_002]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_pread,
        roles: &[
            Role::Descriptor(
                &[
                    (rights::FD_READ, Errno::Badf),
                    (rights::FD_SEEK, Errno::Notcapable),
                ],
                UNPOSITIONED,
            ),
            Role::Ranges,
            Role::Number(&[1 << 63, u64::MAX, (1 << 63) - 2], Errno::Inval),
            Role::Pointer(4),
        ],
        right: |machine| {
            let [ranges, count] = machine.put_range(4);
            vec![file(machine), ranges, count, 5, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[4]), 2);
            assert_eq!(machine.bytes(BYTES as u32, 3), b"nt\xcc");
            assert_eq!(position(machine, arguments[0]), 0);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_pwrite,
        roles: &[
            Role::Descriptor(
                &[
                    (rights::FD_WRITE, Errno::Badf),
                    (rights::FD_SEEK, Errno::Notcapable),
                ],
                UNPOSITIONED,
            ),
            Role::Ranges,
            Role::Number(&[1 << 63, u64::MAX, (1 << 63) - 2], Errno::Inval),
            Role::Pointer(4),
        ],
        right: |machine| {
            let [ranges, count] = machine.put_range(2);
            machine.put(BYTES as u32, b"xy");
            vec![file(machine), ranges, count, 3, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[4]), 2);
            assert_eq!(content(machine, "f"), b"conxynt");
            assert_eq!(position(machine, arguments[0]), 0);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_read,
        roles: &[
            Role::Descriptor(
                &[(rights::FD_READ, Errno::Badf)],
                &[
                    (Kind::Output, Errno::Badf),
                    (Kind::Folder, Errno::Badf),
                    (Kind::Listener, Errno::Notconn),
                    (Kind::Idle, Errno::Notconn),
                ],
            ),
            Role::Ranges,
            Role::Pointer(4),
        ],
        right: |machine| {
            let [ranges, count] = machine.put_range(4);
            vec![file(machine), ranges, count, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[3]), 4);
            assert_eq!(machine.bytes(BYTES as u32, 5), b"cont\xcc");
            assert_eq!(position(machine, arguments[0]), 4);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_write,
        roles: &[
            Role::Descriptor(
                &[(rights::FD_WRITE, Errno::Badf)],
                &[
                    (Kind::Input, Errno::Badf),
                    (Kind::Folder, Errno::Badf),
                    (Kind::Listener, Errno::Notconn),
                    (Kind::Idle, Errno::Notconn),
                    (Kind::Datagrams, Errno::Destaddrreq),
                ],
            ),
            Role::Ranges,
            Role::Pointer(4),
        ],
        right: |machine| {
            let [ranges, count] = machine.put_range(2);
            machine.put(BYTES as u32, b"xy");
            vec![file(machine), ranges, count, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[3]), 2);
            assert_eq!(content(machine, "f"), b"xyntent");
            assert_eq!(position(machine, arguments[0]), 2);
        },
        wrong: &[(
            "behind the last offset",
            |machine, arguments| {
                let place = [arguments[0], (1 << 63) - 1, 0, 0x200];
                assert_eq!(machine.call(Call::fd_seek, &place), 0);
            },
            Errno::Inval,
        )],
    },
    Subject {
        call: Call::fd_prestat_get,
        roles: &[Role::Descriptor(&[], NO_PREOPENS), Role::Pointer(8)],
        right: |_| vec![READ_ONLY, OUT],
        check: |machine, arguments| {
            let prestat = machine.bytes(arguments[1] as u32, 8);
            assert_eq!(prestat, [0, 0, 0, 0, 3, 0, 0, 0]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_prestat_dir_name,
        roles: &[Role::Descriptor(&[], NO_PREOPENS), Role::Buffer],
        right: |_| vec![READ_ONLY, BYTES, 3],
        check: |machine, _| assert_eq!(machine.bytes(BYTES as u32, 4), b"/ro\xcc"),
        wrong: &[
            (
                "too little room",
                |_, arguments| arguments[2] = 2,
                Errno::Nametoolong,
            ),
            (
                "a listener",
                |machine, arguments| arguments[0] = machine.descriptor(Kind::Listener),
                Errno::Badf,
            ),
        ],
    },
    Subject {
        call: Call::fd_readdir,
        roles: &[
            Role::Descriptor(&[(rights::FD_READDIR, Errno::Notcapable)], NO_FOLDERS),
            Role::Buffer,
            Role::Any,
            Role::Pointer(4),
        ],
        right: |machine| vec![machine.descriptor(Kind::Folder), BYTES, 4096, 0, OUT],
        check: |machine, arguments| {
            let used = machine.word(arguments[4]);
            let entries = machine.bytes(BYTES as u32, used as usize);
            assert!(used < 4096 && entries.windows(25).any(|entry| entry[24] == b'f'));
            // Behind the last there is none.
            let beyond = [arguments[0], BYTES, 4096, u64::MAX, OUT];
            assert_eq!(machine.call(Call::fd_readdir, &beyond), 0);
            assert_eq!(machine.word(OUT), 0);
        },
        wrong: &[],
    },
    Subject {
        call: Call::fd_renumber,
        roles: &[Role::Descriptor(&[], &[]), Role::Descriptor(&[], &[])],
        right: |machine| vec![file(machine), 1],
        check: |machine, arguments| {
            assert_eq!(position(machine, 1), 0);
            let gone = machine.call(Call::fd_tell, &[arguments[0], OUT]);
            assert_eq!(gone, u32::from(Errno::Badf.number()));
            // Onto itself nothing happens.
            assert_eq!(machine.call(Call::fd_renumber, &[1, 1]), 0);
            assert_eq!(position(machine, 1), 0);
        },
        wrong: &[(
            "a closed one onto itself",
            |_, arguments| arguments.copy_from_slice(&[77, 77]),
            Errno::Badf,
        )],
    },
    Subject {
        call: Call::fd_seek,
        roles: SEEK,
        right: |machine| vec![file(machine), 3u64.wrapping_neg(), 2, OUT],
        check: seeked,
        wrong: &[(
            "before the start",
            |_, arguments| arguments[1] = 8u64.wrapping_neg(),
            Errno::Inval,
        )],
    },
    Subject {
        call: Call::fd_seek_unstable,
        roles: SEEK,
        right: |machine| vec![file(machine), 3u64.wrapping_neg(), 1, OUT],
        check: seeked,
        wrong: &[(
            "before the start",
            |_, arguments| arguments[1] = 8u64.wrapping_neg(),
            Errno::Inval,
        )],
    },
    Subject {
        call: Call::fd_tell,
        roles: &[
            Role::Descriptor(&[(rights::FD_TELL, Errno::Notcapable)], UNPOSITIONED),
            Role::Pointer(8),
        ],
        right: |machine| {
            let fd = file(machine);
            machine.read(fd, 5).unwrap();
            vec![fd, OUT]
        },
        check: |machine, arguments| assert_eq!(machine.u64(arguments[1] as u32), 5),
        wrong: &[],
    },
];

const SEEK: &[Role] = &[
    Role::Descriptor(
        &[
            (rights::FD_SEEK, Errno::Notcapable),
            (rights::FD_TELL, Errno::Notcapable),
        ],
        UNPOSITIONED,
    ),
    // From the end on, which is 7.
    Role::Number(&[1 << 63, i64::MAX as u64], Errno::Inval),
    Role::Number(&[3, 256, 0xffff_ffff], Errno::Inval),
    Role::Pointer(8),
];

fn seeked(machine: &mut Machine, arguments: &[u64]) {
    assert_eq!(machine.u64(arguments[3] as u32), 4);
    assert_eq!(position(machine, arguments[0]), 4);
    // Whoever may not move may ask.
    machine.drop_rights(arguments[0], rights::FD_SEEK);
    let cursor = match arguments[2] {
        1 => 0,
        _ => 1,
    };
    let call = match arguments[2] {
        1 => Call::fd_seek_unstable,
        _ => Call::fd_seek,
    };
    assert_eq!(machine.call(call, &[arguments[0], 0, cursor, OUT]), 0);
}

const _: () = assert!(RANGES < BYTES && BYTES < END && rights::ALL == ALL);
