//! Calls on sockets, in the forms of preview 1 and of WasmEdge.

use super::{BYTES, Kind, LISTENER, OUT, OUT_2, RANGES, Role, Subject, Wrong};
use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint, Received, SocketId};
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::Machine;
use crate::wasi::types::rights;

/// What is no socket.
const NO_SOCKETS: &[(Kind, Errno)] = &[
    (Kind::Input, Errno::Notsock),
    (Kind::Output, Errno::Notsock),
    (Kind::File, Errno::Notsock),
    (Kind::Folder, Errno::Notsock),
];

const SOCKET: Role = Role::Descriptor(&[], NO_SOCKETS);

/// A socket that is to be received from, or to send.
const RECEIVER: Role = Role::Descriptor(&[(rights::FD_READ, Errno::Notcapable)], NO_SOCKETS);
const SENDER: Role = Role::Descriptor(&[(rights::FD_WRITE, Errno::Notcapable)], NO_SOCKETS);

/// Flags of receiving: but to look, and to wait for all.
const RECEIVE_FLAGS: Role = Role::Number(&[4, 8, 0x1_0000, 0xffff_ffff], Errno::Inval);

/// Flags of sending: none.
const SEND_FLAGS: Role = Role::Number(&[1, 2, 0xffff_ffff], Errno::Inval);

const PORT: Role = Role::Number(&[0x1_0000, 0xffff_ffff], Errno::Inval);

/// A structure of an address, and what that leads to.
const ADDRESS: u64 = 0x900;
const ADDRESS_BYTES: u64 = 0xa00;

/// Puts the address of the other machine in as many bytes as that form has.
fn put_address(machine: &mut Machine, bytes: u64) {
    machine.put_words(ADDRESS, &[ADDRESS_BYTES, bytes]);
    machine.put(ADDRESS_BYTES as u32, &[0; 128]);
    let octets = [10, 0, 0, 2];
    match bytes {
        128 => machine.put(ADDRESS_BYTES as u32, &[&[1, 0], &octets[..]].concat()),
        _ => machine.put(ADDRESS_BYTES as u32, &octets),
    }
}

/// A structure of an address that can't be read, or leads nowhere.
const ADDRESSES: [Wrong; 3] = [
    (
        "an address beyond memory",
        |machine, _| machine.put_words(ADDRESS, &[0xffff_fffe, 4]),
        Errno::Fault,
    ),
    (
        "an address of 5 bytes",
        |machine, _| machine.put_words(ADDRESS, &[ADDRESS_BYTES, 5]),
        Errno::Inval,
    ),
    (
        "an address of no family",
        |machine, _| {
            machine.put_words(ADDRESS, &[ADDRESS_BYTES, 128]);
            machine.put(ADDRESS_BYTES as u32, &[9, 0]);
        },
        Errno::Afnosupport,
    ),
];

/// Room for an address that is not there, or too little.
const ROOMS: [Wrong; 2] = [
    (
        "room for an address beyond memory",
        |machine, _| machine.put_words(ADDRESS, &[0xffff_fffe, 16]),
        Errno::Fault,
    ),
    (
        "too little room for an address",
        |machine, _| machine.put_words(ADDRESS, &[ADDRESS_BYTES, 3]),
        Errno::Inval,
    ),
];

fn peer(machine: &mut Machine) -> &mut crate::net::Network {
    machine.system.peer.as_mut().unwrap()
}

/// A connection that the other machine makes to the listener: the descriptor, and the other end.
fn connected(machine: &mut Machine) -> (u64, SocketId) {
    let here = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 80);
    let id = peer(machine).connect(0, here).unwrap();
    assert_eq!(machine.call(Call::sock_accept, &[LISTENER, 0, OUT]), 0);
    let fd = machine.word(OUT);
    run(machine);
    (fd, id)
}

/// Lets time and frames pass.
fn run(machine: &mut Machine) {
    // A clock that rings in 20 ms.
    machine.put(0x800, &[0; 48]);
    machine.put_words(0x818, &[20_000_000]);
    assert_eq!(machine.call(Call::poll_oneoff, &[0x800, 0x840, 1, OUT]), 0);
}

/// A connection on which the other machine has said something.
fn told(machine: &mut Machine, bytes: &[u8]) -> u64 {
    let (fd, id) = connected(machine);
    assert_eq!(peer(machine).send(id, bytes), Ok(bytes.len()));
    run(machine);
    fd
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

/// A socket of datagrams at port 1000, for which the other machine has sent `hello` from port 2000.
fn datagrams(machine: &mut Machine) -> u64 {
    let fd = machine.descriptor(Kind::Datagrams);
    machine.put_words(ADDRESS, &[ADDRESS_BYTES, 4]);
    machine.put(ADDRESS_BYTES as u32, &[0; 4]);
    assert_eq!(machine.call(Call::sock_bind, &[fd, ADDRESS, 1000]), 0);
    let (id, _) = peer(machine).open_datagrams(None, 2000).unwrap();
    let here = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 1000);
    assert_eq!(peer(machine).send_datagram(id, b"hello", here), Ok(true));
    run(machine);
    put_address(machine, 128);
    machine.put(ADDRESS_BYTES as u32, &[0; 128]);
    fd
}

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

fn nonblocking(machine: &mut Machine, fd: u64) {
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[fd, 4]), 0);
}

/// Replaces the descriptor by another socket.
macro_rules! other_socket {
    ($what:literal, $kind:ident, $errno:ident) => {
        (
            $what,
            |machine, arguments| arguments[0] = machine.descriptor(Kind::$kind),
            Errno::$errno,
        )
    };
}

const NOTHING_YET: Wrong = (
    "nothing there, and it may not wait",
    |machine, arguments| {
        let (fd, _) = connected(machine);
        nonblocking(machine, fd);
        arguments[0] = fd;
    },
    Errno::Again,
);

const RESET: Wrong = (
    "the other end broke off",
    |machine, arguments| {
        let (fd, id) = connected(machine);
        // What was not read makes closing a reset.
        machine.put_words(RANGES + 0x100, &[BYTES, 4]);
        assert_eq!(
            machine.call(Call::sock_send, &[fd, RANGES + 0x100, 1, 0, OUT]),
            0
        );
        run(machine);
        peer(machine).close_connection(id);
        run(machine);
        arguments[0] = fd;
    },
    Errno::Connreset,
);

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
        call: Call::sock_getsockopt,
        roles: &[
            SOCKET,
            Role::Number(&[1, 0xffff_ffff], Errno::Noprotoopt),
            Role::Number(&[14, 0xffff_ffff], Errno::Noprotoopt),
            Role::Pointer(4),
            Role::Pointer(4),
        ],
        right: |machine| {
            machine.put_words(OUT_2, &[4]);
            vec![LISTENER, 0, 13, OUT, OUT_2]
        },
        check: |machine, arguments| {
            assert_eq!([3, 4].map(|at| machine.word(arguments[at])), [1, 4]);
        },
        wrong: &[
            (
                "too little room",
                |machine, _| machine.put_words(OUT_2, &[3]),
                Errno::Inval,
            ),
            (
                "too little room for a time",
                |machine, arguments| {
                    machine.put_words(OUT_2, &[15]);
                    arguments[2] = 11;
                },
                Errno::Inval,
            ),
        ],
    },
    Subject {
        call: Call::sock_setsockopt,
        roles: &[
            SOCKET,
            Role::Number(&[1, 0xffff_ffff], Errno::Noprotoopt),
            // The type, the error and whether it listens can't be set.
            Role::Number(&[1, 2, 13, 14, 0xffff_ffff], Errno::Noprotoopt),
            Role::Pointer(16),
            Role::Number(&[4, 15, 17, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| {
            let fd = told(machine, b"x");
            machine.put_words(OUT + 32, &[0, 0, 5000, 0]);
            vec![fd, 0, 11, OUT + 32, 16]
        },
        check: |machine, arguments| {
            let [ranges, count] = machine.put_range(1);
            let receive = [arguments[0], ranges, count, 0, OUT, OUT_2];
            assert_eq!(machine.call(Call::sock_recv, &receive), 0);
            // Nothing more comes, and it waits for 5 ms.
            let before_ns = machine.system.now_ns;
            let late = machine.call(Call::sock_recv, &receive);
            assert_eq!(late, u32::from(Errno::Again.number()));
            let waited_ns = machine.system.now_ns - before_ns;
            assert!((5_000_000..50_000_000).contains(&waited_ns), "{waited_ns}");
        },
        wrong: &[
            (
                "a time before now",
                |machine, _| machine.put_words(OUT + 32, &[0xffff_ffff, 0xffff_ffff, 0, 0]),
                Errno::Inval,
            ),
            (
                "a hint beyond memory",
                |_, arguments| {
                    arguments[2] = 5;
                    arguments[3] = 0xffff_fffe;
                    arguments[4] = 4;
                },
                Errno::Fault,
            ),
        ],
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
