//! Calls that tell of addresses: of a socket's two ends, and by name.

use super::{ADDRESS, ADDRESS_BYTES, ROOMS, SOCKET, connected, put_address};
use crate::fs::errno::Errno;
use crate::wasi::exports::Call;
use crate::wasi::tests::calls::{BYTES, Kind, OUT, OUT_2, Role, Subject, Wrong};
use crate::wasi::tests::machine::Machine;

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::sock_getlocaladdr,
        roles: &[SOCKET, Role::Pointer(8), Role::Pointer(4), Role::Pointer(4)],
        right: |machine| vec![ends(machine), ADDRESS, OUT, OUT_2],
        check: |machine, arguments| {
            is_address(machine, [10, 0, 0, 1]);
            assert_eq!([2, 3].map(|at| machine.word(arguments[at])), [4, 80]);
        },
        wrong: &OWN_ENDS,
    },
    Subject {
        call: Call::sock_getlocaladdr_v2,
        roles: &[SOCKET, Role::Pointer(8), Role::Pointer(4)],
        right: |machine| vec![ends(machine), ADDRESS, OUT],
        check: |machine, arguments| {
            is_address(machine, [10, 0, 0, 1]);
            assert_eq!(machine.word(arguments[2]), 80);
        },
        wrong: &OWN_ENDS,
    },
    Subject {
        call: Call::sock_getpeeraddr,
        roles: &[SOCKET, Role::Pointer(8), Role::Pointer(4), Role::Pointer(4)],
        right: |machine| vec![ends(machine), ADDRESS, OUT, OUT_2],
        check: |machine, arguments| {
            is_address(machine, [10, 0, 0, 2]);
            assert_eq!(machine.word(arguments[2]), 4);
            assert!(machine.word(arguments[3]) >= 49152);
        },
        wrong: &NO_PEERS,
    },
    Subject {
        call: Call::sock_getpeeraddr_v2,
        roles: &[SOCKET, Role::Pointer(8), Role::Pointer(4)],
        right: |machine| vec![ends(machine), ADDRESS, OUT],
        check: |machine, arguments| {
            is_address(machine, [10, 0, 0, 2]);
            assert!(machine.word(arguments[2]) >= 49152);
        },
        wrong: &NO_PEERS,
    },
    Subject {
        call: Call::sock_getaddrinfo,
        roles: &[
            Role::Buffer,
            Role::Buffer,
            Role::Pointer(4),
            Role::Pointer(4),
            Role::Any,
            Role::Pointer(4),
        ],
        right: name,
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[7]), 1);
            let entry = machine.bytes(FOUND as u32, 12).to_vec();
            assert_eq!((entry[2], entry[3], entry[8]), (1, 2, 16));
            // The port, most significant byte first, and the address.
            assert_eq!(machine.bytes(FOUND as u32 + 96, 6), [0, 80, 10, 0, 0, 9]);
        },
        wrong: &[
            (
                "a family that is none",
                |machine, _| machine.put(HINT as u32, &[0, 0, 9, 2]),
                Errno::Aifamily,
            ),
            (
                "an address of the other family",
                |machine, _| machine.put(HINT as u32, &[0, 0, 2, 2]),
                Errno::Aiaddrfamily,
            ),
            (
                "a service that is none",
                |machine, _| machine.put(SERVICE as u32, b"9x\0"),
                Errno::Aiservice,
            ),
            (
                "a name that is not UTF-8",
                |machine, _| machine.put(NAME as u32, b"x\xffy\0"),
                Errno::Ilseq,
            ),
            (
                "a name that is too long",
                |machine, arguments| {
                    machine.put(BYTES as u32, &[b'a'; 300]);
                    arguments[..2].copy_from_slice(&[BYTES, 257]);
                },
                Errno::Nametoolong,
            ),
            (
                "a name that can't be one",
                |machine, _| machine.put(NAME as u32, b"a..b\0"),
                Errno::Ainoname,
            ),
            (
                "an entry beyond memory",
                |machine, _| machine.put_words(LIST, &[0xffff_fff0]),
                Errno::Fault,
            ),
            (
                "an entry whose address is beyond memory",
                |machine, _| machine.put_words(FOUND + 12, &[0xffff_fff0]),
                Errno::Fault,
            ),
            (
                "an entry whose bytes are beyond memory",
                |machine, _| machine.put_words(FOUND + 72, &[0xffff_fff0]),
                Errno::Fault,
            ),
        ],
    },
];

const OWN_ENDS: [Wrong; 2] = ROOMS;

/// Nobody is at the other end of these.
const NO_PEERS: [Wrong; 5] = [
    ROOMS[0],
    ROOMS[1],
    other_socket!("a listener", Listener, Notconn),
    other_socket!("one that is nothing yet", Idle, Notconn),
    other_socket!("datagrams without a peer", Datagrams, Notconn),
];

fn ends(machine: &mut Machine) -> u64 {
    let (fd, _) = connected(machine);
    put_address(machine, 128);
    machine.put(ADDRESS_BYTES as u32, &[0; 128]);
    fd
}

fn is_address(machine: &mut Machine, octets: [u8; 4]) {
    let expected = [&[1, 0], &octets[..]].concat();
    assert_eq!(machine.bytes(ADDRESS_BYTES as u32, 6), expected);
}

/// Where names are put, the hint, and the list of what is found.
const NAME: u64 = 0x1000;
const SERVICE: u64 = 0x1100;
const HINT: u64 = 0x1200;
const LIST: u64 = 0x1300;
const FOUND: u64 = 0x1310;

fn name(machine: &mut Machine) -> Vec<u64> {
    machine.put(NAME as u32, b"10.0.0.9\0");
    machine.put(SERVICE as u32, b"80\0");
    machine.put(HINT as u32, &[0, 0, 1, 2]);
    machine.put_words(LIST, &[FOUND]);
    // One entry of 28 bytes, with an address of 12 bytes, which leads to 26.
    machine.put_words(FOUND, &[0, 0, 0, FOUND + 64, 0, 0, 0]);
    machine.put_words(FOUND + 64, &[0, 26, FOUND + 96]);
    vec![NAME, 9, SERVICE, 3, HINT, LIST, 1, OUT]
}
