//! Calls on sockets, in the forms of preview 1 and of WasmEdge: what they have in common.

use super::{BYTES, Kind, LISTENER, OUT, RANGES, Role, Subject, Wrong};
use crate::fs::errno::Errno;
use crate::net::{IpAddress, IpEndpoint, SocketId};
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::Machine;
use crate::wasi::types::rights;

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

mod addresses;
mod connections;
mod datagrams;
mod opening;
mod options;

/// All of them, by what they are about.
pub(super) const SUBJECTS: [&[Subject]; 5] = [
    opening::SUBJECTS,
    connections::SUBJECTS,
    datagrams::SUBJECTS,
    addresses::SUBJECTS,
    options::SUBJECTS,
];

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

fn nonblocking(machine: &mut Machine, fd: u64) {
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[fd, 4]), 0);
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
