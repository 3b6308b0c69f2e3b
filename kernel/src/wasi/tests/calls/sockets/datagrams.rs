//! Calls that receive from someone and send to someone.

use super::{
    ADDRESS, ADDRESS_BYTES, ADDRESSES, NOTHING_YET, PORT, RECEIVE_FLAGS, RECEIVER, RESET, ROOMS,
    SEND_FLAGS, SENDER, datagrams, peer, put_address, run,
};
use crate::fs::errno::Errno;
use crate::net::IpAddress;
use crate::wasi::exports::Call;
use crate::wasi::tests::calls::{BYTES, Kind, OUT, OUT_2, RANGES, Role, Subject};
use crate::wasi::tests::machine::Machine;

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::sock_recv_from,
        roles: &[
            RECEIVER,
            Role::Ranges,
            Role::Pointer(8),
            RECEIVE_FLAGS,
            Role::Pointer(4),
            Role::Pointer(2),
        ],
        right: |machine| receiving(machine, false),
        check: has_received,
        wrong: &[ROOMS[0], ROOMS[1], NOTHING_YET, RESET],
    },
    Subject {
        call: Call::sock_recv_from_v2,
        roles: &[
            RECEIVER,
            Role::Ranges,
            Role::Pointer(8),
            RECEIVE_FLAGS,
            Role::Pointer(4),
            Role::Pointer(4),
            Role::Pointer(2),
        ],
        right: |machine| receiving(machine, true),
        check: has_received,
        wrong: &[ROOMS[0], ROOMS[1], NOTHING_YET, RESET],
    },
    Subject {
        call: Call::sock_send_to,
        roles: &[
            SENDER,
            Role::Ranges,
            Role::Pointer(8),
            PORT,
            SEND_FLAGS,
            Role::Pointer(4),
        ],
        right: |machine| {
            let fd = machine.descriptor(Kind::Datagrams);
            peer(machine).open_datagrams(None, 2000).unwrap();
            put_address(machine, 128);
            let [ranges, count] = machine.put_range(5);
            machine.put(BYTES as u32, b"hello");
            vec![fd, ranges, count, ADDRESS, 2000, 0, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[6]), 5);
            run(machine);
            let mut room = [0; 9];
            let (count, len, from) = peer(machine).receive_datagram(2, &mut room, false).unwrap();
            assert_eq!((count, len, &room[..5]), (5, 5, &b"hello"[..]));
            assert_eq!(from.addr, IpAddress::v4(10, 0, 0, 1));
        },
        wrong: &[
            ADDRESSES[0],
            ADDRESSES[1],
            ADDRESSES[2],
            (
                "a datagram that is too long",
                |machine, _| machine.put_words(RANGES, &[BYTES, 1473]),
                Errno::Msgsize,
            ),
            (
                "nothing leads there",
                |machine, _| machine.put(ADDRESS_BYTES as u32, &[1, 0, 192, 168, 0, 1]),
                Errno::Netunreach,
            ),
            other_socket!("one that is nothing yet", Idle, Notconn),
        ],
    },
];

/// Arguments of receiving into 4 bytes, in the form with a port or without.
fn receiving(machine: &mut Machine, has_port: bool) -> Vec<u64> {
    let fd = datagrams(machine);
    let [ranges, count] = machine.put_range(4);
    let results: &[u64] = if has_port {
        &[OUT + 32, OUT, OUT_2]
    } else {
        &[OUT, OUT_2]
    };
    [&[fd, ranges, count, ADDRESS, 0], results].concat()
}

fn has_received(machine: &mut Machine, arguments: &[u64]) {
    let [len, flags] = arguments.last_chunk().unwrap();
    assert_eq!(machine.word(*len), 4);
    // There was more, which is told in 16 bits.
    assert_eq!(machine.bytes(*flags as u32, 3), [1, 0, 0xcc]);
    assert_eq!(machine.bytes(BYTES as u32, 5), b"hell\xcc");
    let from = machine.bytes(ADDRESS_BYTES as u32, 6);
    assert_eq!(from, [1, 0, 10, 0, 0, 2]);
    if arguments.len() == 8 {
        assert_eq!(machine.word(arguments[5]), 2000);
    }
}
