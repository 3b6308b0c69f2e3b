//! Descriptors: streams, reading, writing, positions, flags, rights, the table itself.

use super::super::exports::Call;
use super::machine::{
    ALL, BADF, CREATE, DATA, DIRECTORY, FAULT, INVAL, IOVECS, ISDIR, MEMORY_BYTES, MFILE, Machine,
    NAMETOOLONG, NOTCAPABLE, OUT, READ, READ_ONLY, ROFS, ROOT, SPIPE, WRITE,
};

const APPEND: u64 = 1;
const NONBLOCK: u64 = 4;
const AGAIN: u32 = 6;
const SEEK: u64 = 1 << 2;

#[test]
fn output_is_gathered_in_order() {
    let mut machine = Machine::new();
    machine.put(DATA, b"hello, world\n");
    let [iovecs, _] = machine.put_iovecs(&[5, 0, 8]);
    assert_eq!(machine.call(Call::fd_write, &[1, iovecs, 3, 64]), 0);
    assert_eq!(machine.u32(64), 13);
    assert_eq!(machine.call(Call::fd_write, &[2, iovecs, 1, 64]), 0);
    assert_eq!(machine.system.stdout, b"hello, world\n");
    assert_eq!(machine.system.stderr, b"hello");
    let long: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    assert_eq!(machine.write(1, &long), Ok(100_000));
    assert!(machine.system.stdout[13..] == long);
    assert_eq!(machine.call(Call::fd_write, &[1, iovecs, 0, 64]), 0);
    assert_eq!(machine.u32(64), 0);
}

#[test]
fn ranges_outside_memory_are_a_fault_before_anything_happens() {
    let end = MEMORY_BYTES;
    let mut machine = Machine::new();
    machine.server.put_file("f", b"content");
    let file = machine.open(ROOT, "f", 0, ALL & !(1 << 14), 0).unwrap();
    let written: [(u32, u32); 6] = [
        (end - 4, 5),
        (end, 1),
        (0xffff_ffff, 1),
        (0xffff_fff0, 0x20),
        (0x8000_0000, 0x8000_0000),
        (DATA, 0xffff_ffff),
    ];
    for (address, len) in written {
        let [iovecs, _] = machine.put_iovecs(&[2, 0]);
        machine.put(IOVECS + 8, &address.to_le_bytes());
        machine.put(IOVECS + 12, &len.to_le_bytes());
        for (call, fd) in [
            (Call::fd_write, 1),
            (Call::fd_write, file),
            (Call::fd_read, file),
            (Call::fd_read, 0),
        ] {
            assert_eq!(
                machine.call(call, &[fd, iovecs, 2, 64]),
                FAULT,
                "{address:x}"
            );
        }
        let parameters = [file, iovecs, 2, 0, 64];
        assert_eq!(machine.call(Call::fd_pread, &parameters), FAULT);
        assert_eq!(machine.call(Call::fd_pwrite, &parameters), FAULT);
    }
    // The array itself, and the place of the count.
    let [iovecs, _] = machine.put_iovecs(&[2]);
    for (array, count) in [
        (u64::from(end) - 4, 1),
        (IOVECS.into(), 0x2000_0001),
        (IOVECS.into(), 0xffff_ffff),
        (0xffff_fff8, 2),
    ] {
        assert_eq!(machine.call(Call::fd_write, &[1, array, count, 64]), FAULT);
    }
    let count_at = u64::from(end) - 3;
    assert_eq!(
        machine.call(Call::fd_write, &[1, iovecs, 1, count_at]),
        FAULT
    );
    assert_eq!(
        machine.call(Call::fd_read, &[file, iovecs, 1, count_at]),
        FAULT
    );
    assert!(machine.system.stdout.is_empty());
    assert_eq!(machine.server.file("f").unwrap(), b"content");
    assert_eq!(machine.read(file, 20).unwrap(), b"content");
}

#[test]
fn a_short_read_touches_nothing_behind_it() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"abcdefg");
    let file = machine.open(ROOT, "f", 0, READ, 0).unwrap();
    let [iovecs, count] = machine.put_iovecs(&[3, 0, 2, 100]);
    machine.put(DATA, &[b'.'; 105]);
    assert_eq!(machine.call(Call::fd_read, &[file, iovecs, count, 64]), 0);
    assert_eq!(machine.u32(64), 7);
    assert_eq!(machine.bytes(DATA, 10), b"abcdefg...");
    machine.system.stdin = b"xy".to_vec();
    assert_eq!(machine.call(Call::fd_read, &[0, iovecs, count, 64]), 0);
    assert_eq!(machine.bytes(DATA, 4), b"xycd");
}

#[test]
fn very_many_ranges_are_written_as_far_as_they_go() {
    let mut machine = Machine::new();
    machine.put(DATA, &[b'x'; 3000]);
    for index in 0..3000 {
        let at = IOVECS + 8 * index;
        machine.put(at, &(DATA + index).to_le_bytes());
        machine.put(at + 4, &1_u32.to_le_bytes());
    }
    assert_eq!(
        machine.call(Call::fd_write, &[1, IOVECS.into(), 3000, 64]),
        0
    );
    assert_eq!(machine.u32(64), 1024);
    assert_eq!(machine.system.stdout.len(), 1024);
    // Empty ones in front don't count.
    machine.put(IOVECS, &[0; 8 * 2000]);
    assert_eq!(
        machine.call(Call::fd_write, &[1, IOVECS.into(), 2001, 64]),
        0
    );
    assert_eq!(machine.u32(64), 1);
}

#[test]
fn standard_input_waits_ends_and_can_refuse_to_wait() {
    let mut machine = Machine::new();
    machine.system.stdin_later = [b"one".to_vec(), b"two".to_vec()].into();
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[0, NONBLOCK]), 0);
    assert_eq!(machine.read(0, 10), Err(AGAIN));
    assert!(machine.system.waits.is_empty());
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[0, 0]), 0);
    assert_eq!(machine.read(0, 2).unwrap(), b"on");
    assert_eq!(machine.read(0, 10).unwrap(), b"e");
    assert_eq!(machine.read(0, 0).unwrap(), b"");
    assert_eq!(machine.read(0, 10).unwrap(), b"two");
    assert_eq!(machine.read(0, 10).unwrap(), b"");
    assert_eq!(machine.system.waits, [None, None]);
}

#[test]
fn streams_can_be_closed_and_their_numbers_taken_again() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"content");
    for fd in 0..3 {
        assert_eq!(machine.call(Call::fd_close, &[fd]), 0);
        assert_eq!(machine.call(Call::fd_close, &[fd]), BADF);
        assert_eq!(machine.read(fd, 1), Err(BADF));
        assert_eq!(machine.write(fd, b"x"), Err(BADF));
    }
    assert_eq!(machine.open(ROOT, "f", 0, READ, 0), Ok(0));
    assert_eq!(machine.read(0, 10).unwrap(), b"content");
    assert_eq!(machine.call(Call::fd_close, &[ROOT]), 0);
    assert_eq!(machine.open(ROOT, "f", 0, READ, 0), Err(BADF));
}

#[test]
fn a_descriptor_that_is_not_open_is_bad_for_every_call() {
    let mut machine = Machine::new();
    for fd in [5, 1000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        for (call, parameters) in [
            (Call::fd_advise, &[fd, 0, 0, 0][..]),
            (Call::fd_allocate, &[fd, 0, 1]),
            (Call::fd_close, &[fd]),
            (Call::fd_datasync, &[fd]),
            (Call::fd_fdstat_get, &[fd, 64]),
            (Call::fd_fdstat_set_flags, &[fd, 0]),
            (Call::fd_fdstat_set_rights, &[fd, 0, 0]),
            (Call::fd_filestat_get, &[fd, 64]),
            (Call::fd_filestat_set_size, &[fd, 0]),
            (Call::fd_filestat_set_times, &[fd, 0, 0, 0]),
            (Call::fd_pread, &[fd, 0, 0, 0, 64]),
            (Call::fd_prestat_get, &[fd, 64]),
            (Call::fd_prestat_dir_name, &[fd, 64, 10]),
            (Call::fd_pwrite, &[fd, 0, 0, 0, 64]),
            (Call::fd_read, &[fd, 0, 0, 64]),
            (Call::fd_readdir, &[fd, 64, 64, 0, 32]),
            (Call::fd_renumber, &[fd, 1]),
            (Call::fd_renumber, &[1, fd]),
            (Call::fd_seek, &[fd, 0, 0, 64]),
            (Call::fd_sync, &[fd]),
            (Call::fd_tell, &[fd, 64]),
            (Call::fd_write, &[fd, 0, 0, 64]),
            (Call::path_create_directory, &[fd, 64, 1]),
            (Call::path_filestat_get, &[fd, 0, 64, 1, 128]),
            (Call::path_open, &[fd, 0, 64, 1, 0, 0, 0, 0, 128]),
            (Call::path_unlink_file, &[fd, 64, 1]),
        ] {
            assert_eq!(machine.call(call, parameters), BADF, "{call:?} {fd:x}");
        }
    }
}

#[test]
fn positions_move_as_asked_and_stay_at_an_error() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"0123456789");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap();
    let minus = |number: i64| number as u64;
    for (offset, whence, expected) in [
        (3, 0, Ok(3)),
        (2, 1, Ok(5)),
        (minus(-1), 2, Ok(9)),
        (5, 2, Ok(15)),
        (minus(-16), 1, Err(INVAL)),
        (minus(-1), 0, Err(INVAL)),
        (minus(i64::MIN), 1, Err(INVAL)),
        (minus(i64::MAX), 1, Err(INVAL)),
        (0, 3, Err(INVAL)),
        (0, 0xffff_ffff, Err(INVAL)),
        (0, 1, Ok(15)),
        (minus(i64::MAX), 0, Ok(i64::MAX as u64)),
    ] {
        let errno = machine.call(Call::fd_seek, &[file, offset, whence, 64]);
        assert_eq!(
            if errno == 0 {
                Ok(machine.u64(64))
            } else {
                Err(errno)
            },
            expected,
            "{offset} {whence}"
        );
    }
    // What would end behind the last offset is refused, as on Linux.
    assert_eq!(machine.read(file, 5), Err(INVAL));
    assert_eq!(machine.read(file, 0).unwrap(), b"");
    assert_eq!(machine.call(Call::fd_tell, &[file, 64]), 0);
    assert_eq!(machine.u64(64), i64::MAX as u64);
    // Snapshot 0 counts from elsewhere.
    for (whence, expected) in [(2, 4), (0, 8), (1, 14)] {
        let parameters = [file, 4, whence, 64];
        assert_eq!(machine.call(Call::fd_seek_unstable, &parameters), 0);
        assert_eq!(machine.u64(64), expected);
    }
    let end = u64::from(MEMORY_BYTES);
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 0, end - 7]), FAULT);
    assert_eq!(machine.call(Call::fd_tell, &[file, 64]), 0);
    assert_eq!(machine.u64(64), 14);
    for fd in 0..3 {
        assert_eq!(machine.call(Call::fd_seek, &[fd, 0, 1, 64]), SPIPE);
        assert_eq!(machine.call(Call::fd_tell, &[fd, 64]), SPIPE);
        assert_eq!(
            machine.call(Call::fd_pread, &[fd, IOVECS.into(), 0, 0, 64]),
            SPIPE
        );
    }
    assert_eq!(machine.call(Call::fd_seek, &[ROOT, 0, 1, 64]), BADF);
}

#[test]
fn reading_and_writing_at_a_place_leaves_the_position() {
    let mut machine = Machine::new();
    let file = machine.open(ROOT, "f", CREATE, ALL, 0).unwrap();
    assert_eq!(machine.write(file, b"hello"), Ok(5));
    let [iovecs, count] = machine.put_iovecs(&[3]);
    machine.put(DATA, b"J..");
    assert_eq!(machine.call(Call::fd_pwrite, &[file, iovecs, 1, 0, 64]), 0);
    assert_eq!(
        machine.call(Call::fd_pread, &[file, iovecs, count, 2, 64]),
        0
    );
    assert_eq!(
        machine.bytes(DATA, 3),
        b".lo".map(|byte| if byte == b'.' { b'.' } else { byte })
    );
    assert_eq!(machine.write(file, b"!"), Ok(1));
    assert_eq!(machine.server.file("f").unwrap(), b"J..lo!");
    for offset in [1 << 63, u64::MAX] {
        let parameters = [file, iovecs, 1, offset, 64];
        assert_eq!(machine.call(Call::fd_pread, &parameters), INVAL);
        assert_eq!(machine.call(Call::fd_pwrite, &parameters), INVAL);
    }
}

#[test]
fn large_files_go_through_in_pieces() {
    let mut machine = Machine::new();
    let content: Vec<u8> = (0..150_000_u32)
        .map(|number| (number % 253) as u8)
        .collect();
    let file = machine.open(ROOT, "f", CREATE, ALL, 0).unwrap();
    assert_eq!(machine.write(file, &content), Ok(150_000));
    assert!(machine.server.file("f").unwrap() == content);
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 0, 64]), 0);
    assert!(machine.read(file, 180_000).unwrap() == content);
}

#[test]
fn appending_goes_to_the_end_whatever_the_position() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"one");
    let file = machine.open(ROOT, "f", 0, ALL, APPEND).unwrap();
    assert_eq!(machine.write(file, b"two"), Ok(3));
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 0, 64]), 0);
    assert_eq!(machine.write(file, b"3"), Ok(1));
    // As Linux has it.
    let [iovecs, count] = machine.put_iovecs(&[1]);
    machine.put(DATA, b"4");
    assert_eq!(
        machine.call(Call::fd_pwrite, &[file, iovecs, count, 0, 64]),
        0
    );
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[file, 0]), 0);
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 0, 64]), 0);
    assert_eq!(machine.write(file, b"O"), Ok(1));
    assert_eq!(machine.server.file("f").unwrap(), b"Onetwo34");
}

#[test]
fn flags_can_be_set_seen_and_cleared() {
    let mut machine = Machine::new();
    for (set, errno, seen) in [
        (NONBLOCK, 0, 4),
        (0x1f, 0, 0x1f),
        (0, 0, 0),
        (0x20, INVAL, 0),
        (1 << 31, INVAL, 0),
    ] {
        assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[1, set]), errno);
        assert_eq!(machine.call(Call::fd_fdstat_get, &[1, 64]), 0);
        assert_eq!(machine.bytes(66, 2), [seen, 0]);
    }
}

#[test]
fn what_a_descriptor_is_can_be_asked() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"abc");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap();
    let directory = machine.open(ROOT, ".", DIRECTORY, ALL & !WRITE, 0).unwrap();
    // Standard output alone is a terminal here.
    for (fd, filetype) in [(0, 0), (1, 2), (2, 0), (ROOT, 3), (file, 4), (directory, 3)] {
        assert_eq!(machine.call(Call::fd_fdstat_get, &[fd, 64]), 0);
        assert_eq!(machine.bytes(64, 1), [filetype], "{fd}");
        assert_eq!(machine.call(Call::fd_filestat_get, &[fd, 64]), 0);
        assert_eq!(machine.bytes(64 + 16, 1), [filetype], "{fd}");
        assert_eq!(machine.call(Call::fd_filestat_get_unstable, &[fd, 64]), 0);
        assert_eq!(machine.bytes(64 + 16, 1), [filetype], "{fd}");
    }
    assert_eq!(machine.call(Call::fd_filestat_get, &[file, 64]), 0);
    let fields = [0, 24, 32, 40, 48, 56].map(|at| machine.u64(64 + at));
    let second = 1_000_000_000;
    assert_eq!(
        fields,
        [
            1,
            1,
            3,
            1000 * second + 1,
            1000 * second + 2,
            3000 * second + 3
        ]
    );
    machine.put(64, &[0xcc; 64]);
    assert_eq!(machine.call(Call::fd_filestat_get_unstable, &[file, 64]), 0);
    assert_eq!((machine.u32(64 + 20), machine.u64(64 + 24)), (1, 3));
    assert_eq!(machine.u64(64 + 48), 3000 * second + 3);
    assert_eq!(machine.bytes(64 + 56, 1), [0xcc]);
    for call in [Call::fd_fdstat_get, Call::fd_filestat_get] {
        assert_eq!(
            machine.call(call, &[file, u64::from(MEMORY_BYTES) - 23]),
            FAULT
        );
    }
}

#[test]
fn rights_can_be_given_up_and_not_taken_back() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"abc");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap();
    assert_eq!(
        machine.call(Call::fd_fdstat_set_rights, &[file, READ | SEEK, 0]),
        0
    );
    assert_eq!(machine.write(file, b"x"), Err(BADF));
    assert_eq!(machine.read(file, 1).unwrap(), b"a");
    assert_eq!(machine.call(Call::fd_filestat_get, &[file, 64]), NOTCAPABLE);
    assert_eq!(
        machine.call(Call::fd_filestat_set_size, &[file, 0]),
        NOTCAPABLE
    );
    assert_eq!(machine.call(Call::fd_tell, &[file, 64]), NOTCAPABLE);
    assert_eq!(machine.call(Call::fd_seek, &[file, 0, 0, 64]), NOTCAPABLE);
    assert_eq!(
        machine.call(Call::fd_fdstat_set_rights, &[file, READ | WRITE, 0]),
        NOTCAPABLE
    );
    assert_eq!(
        machine.call(Call::fd_fdstat_set_rights, &[file, 0, READ]),
        NOTCAPABLE
    );
    assert_eq!(
        machine.call(Call::fd_fdstat_set_rights, &[file, READ, 0]),
        0
    );
    let place = [file, IOVECS.into(), 0, 0, 64];
    assert_eq!(machine.call(Call::fd_pread, &place), NOTCAPABLE);
    // A folder that may not open for writing.
    let path_open = 1 << 13;
    assert_eq!(
        machine.call(Call::fd_fdstat_set_rights, &[ROOT, path_open, READ]),
        0
    );
    assert_eq!(machine.open(ROOT, "f", 0, READ | WRITE, 0), Err(NOTCAPABLE));
    assert_eq!(machine.open(ROOT, "g", CREATE, READ, 0), Err(NOTCAPABLE));
    assert!(machine.open(ROOT, "f", 0, READ, 0).is_ok());
}

#[test]
fn sizes_change_as_asked() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"abcdef");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap();
    assert_eq!(machine.call(Call::fd_filestat_set_size, &[file, 2]), 0);
    assert_eq!(machine.call(Call::fd_allocate, &[file, 1, 3]), 0);
    assert_eq!(machine.server.file("f").unwrap(), b"ab\0\0");
    assert_eq!(machine.call(Call::fd_allocate, &[file, 0, 1]), 0);
    assert_eq!(machine.server.file("f").unwrap().len(), 4);
    assert_eq!(machine.call(Call::fd_allocate, &[file, 0, 0]), INVAL);
    assert_eq!(machine.call(Call::fd_allocate, &[file, u64::MAX, 2]), INVAL);
    assert_eq!(
        machine.call(Call::fd_filestat_set_size, &[file, 1 << 63]),
        INVAL
    );
    assert_eq!(machine.call(Call::fd_advise, &[file, 0, 9, 5]), 0);
    assert_eq!(machine.call(Call::fd_advise, &[file, 0, 9, 6]), INVAL);
    assert_eq!(
        machine.call(Call::fd_advise, &[file, u64::MAX, 9, 0]),
        INVAL
    );
    assert_eq!(machine.call(Call::fd_sync, &[file]), 0);
    assert_eq!(machine.call(Call::fd_datasync, &[ROOT]), 0);
    let fixed = machine.open(READ_ONLY, "f", 0, ALL & !WRITE, 0).unwrap();
    assert_eq!(machine.call(Call::fd_filestat_set_size, &[fixed, 0]), ROFS);
    assert_eq!(
        machine.call(Call::fd_filestat_set_times, &[fixed, 0, 0, 5]),
        ROFS
    );
}

#[test]
fn times_are_set_as_asked() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap();
    let second = 1_000_000_000;
    for (flags, errno, expected) in [
        (0, 0, [1000, 1000]),
        (1, 0, [7, 1000]),
        (4, 0, [7, 8]),
        (2, 0, [5000, 8]),
        (8, 0, [5000, 5000]),
        (5, 0, [7, 8]),
        (3, INVAL, [7, 8]),
        (12, INVAL, [7, 8]),
        (16, INVAL, [7, 8]),
    ] {
        let parameters = [file, 7 * second, 8 * second, flags];
        assert_eq!(
            machine.call(Call::fd_filestat_set_times, &parameters),
            errno,
            "{flags}"
        );
        let node = &machine.server.0.borrow().inodes[&2];
        assert_eq!([node.accessed_s, node.modified_s], expected, "{flags}");
    }
    for stream in 0..3 {
        assert_ne!(
            machine.call(Call::fd_filestat_set_times, &[stream, 0, 0, 1]),
            0
        );
    }
}

#[test]
fn descriptors_move() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"f");
    machine.server.put_file("g", b"g");
    let f = machine.open(ROOT, "f", 0, READ, 0).unwrap();
    let g = machine.open(ROOT, "g", 0, READ, 0).unwrap();
    assert_eq!(machine.call(Call::fd_renumber, &[g, f]), 0);
    assert_eq!(machine.read(f, 1).unwrap(), b"g");
    assert_eq!(machine.read(g, 1), Err(BADF));
    assert_eq!(machine.call(Call::fd_renumber, &[g, f]), BADF);
    assert_eq!(machine.call(Call::fd_renumber, &[f, f]), 0);
    // Standard output into a file, as a shell does.
    let log = machine.open(ROOT, "log", CREATE, ALL, 0).unwrap();
    assert_eq!(machine.call(Call::fd_renumber, &[log, 1]), 0);
    assert_eq!(machine.write(1, b"logged"), Ok(6));
    assert_eq!(machine.server.file("log").unwrap(), b"logged");
}

#[test]
fn descriptors_run_out_with_an_error() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"");
    let mut count = 5;
    let errno = loop {
        match machine.open(ROOT, "f", 0, READ, 0) {
            Ok(_) => count += 1,
            Err(errno) => break errno,
        }
    };
    assert_eq!((errno, count), (MFILE, 4096));
    // Nothing is made where no descriptor is left for it.
    assert_eq!(machine.open(ROOT, "new", CREATE, ALL, 0), Err(MFILE));
    assert!(!machine.server.has("new"));
    assert_eq!(machine.call(Call::fd_close, &[100]), 0);
    assert_eq!(machine.open(ROOT, "f", 0, READ, 0), Ok(100));
}

#[test]
fn folders_that_were_there_from_the_start_tell_their_path() {
    let mut machine = Machine::new();
    machine.server.put_directory("d");
    assert_eq!(machine.call(Call::fd_prestat_get, &[READ_ONLY, 64]), 0);
    assert_eq!((machine.u32(64), machine.u32(68)), (0, 3));
    machine.put(64, b".....");
    assert_eq!(
        machine.call(Call::fd_prestat_dir_name, &[READ_ONLY, 64, 5]),
        0
    );
    assert_eq!(machine.bytes(64, 5), b"/ro..");
    assert_eq!(
        machine.call(Call::fd_prestat_dir_name, &[READ_ONLY, 64, 2]),
        NAMETOOLONG
    );
    let directory = machine.open(ROOT, "d", DIRECTORY, READ, 0).unwrap();
    for fd in [0, 1, 2, directory] {
        assert_eq!(machine.call(Call::fd_prestat_get, &[fd, 64]), BADF);
        assert_eq!(machine.call(Call::fd_prestat_dir_name, &[fd, 64, 9]), BADF);
    }
}

#[test]
fn directories_are_neither_read_nor_written() {
    let mut machine = Machine::new();
    assert_eq!(machine.read(ROOT, 1), Err(BADF));
    assert_eq!(machine.write(ROOT, b"x"), Err(BADF));
    assert_eq!(machine.call(Call::fd_filestat_set_size, &[ROOT, 0]), BADF);
    assert_eq!(machine.open(ROOT, ".", 0, WRITE, 0), Err(ISDIR));
    assert_eq!(machine.call(Call::fd_close, &[OUT.into()]), BADF);
}
