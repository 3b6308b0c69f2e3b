//! Calls that make a socket what it is: opening, naming, connecting, listening.

use super::{
    ADDRESS, ADDRESS_BYTES, ADDRESSES, PORT, SOCKET, connected, datagrams, nonblocking, peer,
    put_address,
};
use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint};
use crate::wasi::exports::Call;
use crate::wasi::tests::calls::{Kind, OUT, OUT_2, Role, Subject};

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::sock_open,
        roles: &[
            Role::Number(&[0, 3, 0x1_0001, 0xffff_ffff], Errno::Afnosupport),
            Role::Number(&[3, 0x1_0001, 0xffff_ffff], Errno::Inval),
            Role::Pointer(4),
        ],
        right: |_| vec![2, 1, OUT],
        check: |machine, arguments| {
            let fd = machine.word(arguments[2]);
            assert_eq!(machine.call(Call::fd_fdstat_get, &[fd, OUT]), 0);
            assert_eq!(machine.bytes(OUT as u32, 1), [5]);
        },
        wrong: &[(
            "no descriptor is left",
            |machine, _| {
                while machine.call(Call::sock_open, &[1, 2, OUT]) == 0 {}
            },
            Errno::Mfile,
        )],
    },
    Subject {
        call: Call::sock_bind,
        roles: &[SOCKET, Role::Pointer(8), PORT],
        right: |machine| {
            let fd = machine.descriptor(Kind::Idle);
            machine.put_words(ADDRESS, &[ADDRESS_BYTES, 4]);
            machine.put(ADDRESS_BYTES as u32, &[0; 4]);
            vec![fd, ADDRESS, 8080]
        },
        check: |machine, arguments| {
            assert_eq!(machine.call(Call::sock_listen, &[arguments[0], 5]), 0);
            let here = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 8080);
            peer(machine).connect(0, here).unwrap();
            assert_eq!(machine.call(Call::sock_accept, &[arguments[0], 0, OUT]), 0);
        },
        wrong: &[
            ADDRESSES[0],
            ADDRESSES[1],
            ADDRESSES[2],
            other_socket!("a listener", Listener, Inval),
            (
                "twice",
                |machine, arguments| {
                    assert_eq!(machine.call(Call::sock_bind, arguments), 0);
                },
                Errno::Inval,
            ),
            (
                "datagrams at a port that is taken",
                |machine, arguments| {
                    datagrams(machine);
                    arguments[0] = machine.descriptor(Kind::Datagrams);
                    machine.put_words(ADDRESS, &[ADDRESS_BYTES, 4]);
                    arguments[2] = 1000;
                },
                Errno::Addrinuse,
            ),
        ],
    },
    Subject {
        call: Call::sock_connect,
        roles: &[SOCKET, Role::Pointer(8), PORT],
        right: |machine| {
            peer(machine).listen(None, 7000, 4).unwrap();
            let fd = machine.descriptor(Kind::Idle);
            put_address(machine, 4);
            vec![fd, ADDRESS, 7000]
        },
        check: |machine, arguments| {
            put_address(machine, 128);
            let peer = [arguments[0], ADDRESS, OUT];
            assert_eq!(machine.call(Call::sock_getpeeraddr_v2, &peer), 0);
            assert_eq!(machine.word(OUT), 7000);
        },
        wrong: &[
            ADDRESSES[0],
            ADDRESSES[1],
            ADDRESSES[2],
            other_socket!("a listener", Listener, Isconn),
            (
                "nobody listens there",
                |_, arguments| arguments[2] = 7001,
                Errno::Connrefused,
            ),
            (
                "port 0",
                |_, arguments| arguments[2] = 0,
                Errno::Addrnotavail,
            ),
            (
                "nothing leads there",
                |machine, _| machine.put(ADDRESS_BYTES as u32, &[192, 168, 0, 1]),
                Errno::Netunreach,
            ),
            (
                "nobody is there",
                |machine, _| {
                    // A minute of waits is more than this clock gives.
                    machine.system.now_ns += 1;
                    machine.system.peer = None;
                },
                Errno::Timedout,
            ),
            (
                "it may not wait",
                |machine, arguments| nonblocking(machine, arguments[0]),
                Errno::Inprogress,
            ),
            (
                "it goes on already",
                |machine, arguments| {
                    nonblocking(machine, arguments[0]);
                    let begun = machine.call(Call::sock_connect, arguments);
                    assert_eq!(begun, u32::from(Errno::Inprogress.number()));
                },
                Errno::Already,
            ),
            (
                "it is connected",
                |machine, arguments| {
                    assert_eq!(machine.call(Call::sock_connect, arguments), 0);
                },
                Errno::Isconn,
            ),
        ],
    },
    Subject {
        call: Call::sock_listen,
        roles: &[SOCKET, Role::Any],
        right: |machine| {
            let fd = machine.descriptor(Kind::Idle);
            machine.put_words(ADDRESS, &[ADDRESS_BYTES, 4]);
            machine.put(ADDRESS_BYTES as u32, &[0; 4]);
            assert_eq!(machine.call(Call::sock_bind, &[fd, ADDRESS, 8080]), 0);
            vec![fd, 1]
        },
        check: |machine, arguments| {
            let option = [arguments[0], 0, 13, OUT, OUT_2];
            machine.put_words(OUT_2, &[4]);
            assert_eq!(machine.call(Call::sock_getsockopt, &option), 0);
            assert_eq!(machine.word(OUT), 1);
        },
        wrong: &[
            other_socket!("datagrams", Datagrams, Notsup),
            (
                "a connection",
                |machine, arguments| arguments[0] = connected(machine).0,
                Errno::Inval,
            ),
            (
                "a port that is taken",
                |machine, arguments| {
                    arguments[0] = machine.descriptor(Kind::Idle);
                    let bind = [arguments[0], ADDRESS, 80];
                    assert_eq!(machine.call(Call::sock_bind, &bind), 0);
                },
                Errno::Addrinuse,
            ),
            (
                "an address that is not here",
                |machine, arguments| {
                    arguments[0] = machine.descriptor(Kind::Idle);
                    machine.put(ADDRESS_BYTES as u32, &[10, 0, 0, 77]);
                    let bind = [arguments[0], ADDRESS, 8081];
                    assert_eq!(machine.call(Call::sock_bind, &bind), 0);
                },
                Errno::Addrnotavail,
            ),
        ],
    },
];
