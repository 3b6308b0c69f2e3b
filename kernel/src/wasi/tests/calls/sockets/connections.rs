//! Calls on connections: taking them, receiving, sending, ending them.

use super::{
    NO_SOCKETS, NOTHING_YET, RECEIVE_FLAGS, RECEIVER, RESET, SEND_FLAGS, SENDER, connected,
    nonblocking, peer, run, told,
};
use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint, Received};
use crate::wasi::exports::Call;
use crate::wasi::tests::calls::{BYTES, Kind, LISTENER, OUT, OUT_2, Role, Subject, Wrong};
use crate::wasi::tests::machine::Machine;
use crate::wasi::types::rights;

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::sock_accept,
        roles: &[
            Role::Descriptor(&[(rights::SOCK_ACCEPT, Errno::Notcapable)], NO_SOCKETS),
            Role::Number(&[1, 8, 0x1_0004, 0xffff_ffff], Errno::Inval),
            Role::Pointer(4),
        ],
        right: |machine| {
            let here = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 80);
            peer(machine).connect(0, here).unwrap();
            vec![LISTENER, 4, OUT]
        },
        check: |machine, arguments| {
            let fd = machine.word(arguments[2]);
            assert_eq!(machine.call(Call::fd_fdstat_get, &[fd, OUT]), 0);
            // A stream that does not wait.
            assert_eq!(
                machine.bytes(OUT as u32, 4),
                [6, 0xcc, 4, 0].map(|byte| match byte {
                    0xcc => 0,
                    other => other,
                })
            );
        },
        wrong: &ACCEPTING,
    },
    Subject {
        call: Call::sock_accept_wasmedge,
        roles: &[
            Role::Descriptor(&[(rights::SOCK_ACCEPT, Errno::Notcapable)], NO_SOCKETS),
            Role::Pointer(4),
        ],
        right: |machine| {
            let here = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 80);
            peer(machine).connect(0, here).unwrap();
            vec![LISTENER, OUT]
        },
        check: |machine, arguments| {
            let fd = machine.word(arguments[1]);
            assert_eq!(machine.call(Call::fd_fdstat_get, &[fd, OUT]), 0);
            // A stream that waits.
            assert_eq!(machine.bytes(OUT as u32, 4), [6, 0, 0, 0]);
        },
        wrong: &ACCEPTING,
    },
    Subject {
        call: Call::sock_recv,
        roles: &[
            RECEIVER,
            Role::Ranges,
            RECEIVE_FLAGS,
            Role::Pointer(4),
            Role::Pointer(2),
        ],
        right: |machine| {
            let fd = told(machine, b"hello");
            let [ranges, count] = machine.put_range(8);
            vec![fd, ranges, count, 0, OUT, OUT_2]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[4]), 5);
            // Flags have 16 bits.
            assert_eq!(machine.bytes(arguments[5] as u32, 3), [0, 0, 0xcc]);
            assert_eq!(machine.bytes(BYTES as u32, 6), b"hello\xcc");
        },
        wrong: &[
            NOTHING_YET,
            RESET,
            other_socket!("a listener", Listener, Notconn),
            other_socket!("one that is nothing yet", Idle, Notconn),
        ],
    },
    Subject {
        call: Call::sock_send,
        roles: &[SENDER, Role::Ranges, SEND_FLAGS, Role::Pointer(4)],
        right: |machine| {
            let (fd, _) = connected(machine);
            let [ranges, count] = machine.put_range(5);
            machine.put(BYTES as u32, b"reply");
            vec![fd, ranges, count, 0, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[4]), 5);
            assert_eq!(arrived(machine), b"reply");
        },
        wrong: &[
            RESET,
            other_socket!("a listener", Listener, Notconn),
            other_socket!("one that is nothing yet", Idle, Notconn),
            other_socket!("datagrams without a peer", Datagrams, Destaddrreq),
            (
                "its end was said",
                |machine, arguments| {
                    assert_eq!(machine.call(Call::sock_shutdown, &[arguments[0], 2]), 0);
                },
                Errno::Pipe,
            ),
        ],
    },
    Subject {
        call: Call::sock_shutdown,
        roles: &[
            Role::Descriptor(&[(rights::SOCK_SHUTDOWN, Errno::Notcapable)], NO_SOCKETS),
            Role::Number(&[0, 4, 0x1_0001, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| vec![connected(machine).0, 2],
        check: |machine, _| {
            run(machine);
            let told = peer(machine).receive(2, &mut [0; 4], false);
            assert_eq!(told, Ok(Received::End));
        },
        wrong: &[
            other_socket!("one that is nothing yet", Idle, Notconn),
            other_socket!("datagrams", Datagrams, Prototype),
        ],
    },
];

const ACCEPTING: [Wrong; 5] = [
    other_socket!("one that is nothing yet", Idle, Inval),
    other_socket!("datagrams", Datagrams, Inval),
    (
        "a connection",
        |machine, arguments| arguments[0] = connected(machine).0,
        Errno::Inval,
    ),
    (
        "nobody asked, and it may not wait",
        |machine, arguments| {
            // The one who did is taken first.
            connected(machine);
            connected_again(machine);
            nonblocking(machine, arguments[0]);
        },
        Errno::Again,
    ),
    (
        "no descriptor is left",
        |machine, _| {
            while machine.call(Call::sock_open, &[1, 2, OUT]) == 0 {}
        },
        Errno::Mfile,
    ),
];

/// Takes a connection that the other machine has asked for already.
fn connected_again(machine: &mut Machine) {
    assert_eq!(machine.call(Call::sock_accept, &[LISTENER, 0, OUT]), 0);
    assert_eq!(peer(machine).ends(2).unwrap().1.port, 80);
}

/// What has arrived at the other machine's only connection.
fn arrived(machine: &mut Machine) -> Vec<u8> {
    run(machine);
    let mut room = [0; 64];
    // Numbers of sockets begin at 2 there: the connection is the first socket.
    match peer(machine).receive(2, &mut room, false) {
        Ok(Received::Bytes(count)) => room[..count].to_vec(),
        other => panic!("{other:?}"),
    }
}
