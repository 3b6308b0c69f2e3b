//! Whatever runs out, a call says so and the next one works: descriptors, buffers of sockets, ports.

use super::super::exports::Call;
use super::machine::{MFILE, Machine, NOBUFS, OUT};

const ADDRINUSE: u32 = 3;
const AGAIN: u32 = 6;
const INPROGRESS: u32 = 26;

const INET4: u64 = 1;
const DATAGRAM: u64 = 1;
const STREAM: u64 = 2;
const NONBLOCK: u64 = 4;

/// The listener that the application finds.
const LISTENER: u64 = 3;
/// Numbers below are taken from the start: three streams, a listener, two folders.
const FIRST: u64 = 6;
const DESCRIPTORS_MAX: u64 = 4096;

/// Where an address lies, and what points to it.
const ADDRESS: u32 = 0x100;
const POINTER: u32 = 0x110;

fn open(machine: &mut Machine, kind: u64) -> Result<u64, u32> {
    match machine.call(Call::sock_open, &[INET4, kind, OUT.into()]) {
        0 => Ok(machine.u32(OUT).into()),
        errno => Err(errno),
    }
}

/// A call of a socket, an address and a port.
fn at(machine: &mut Machine, call: Call, fd: u64, address: [u8; 4], port: u64) -> u32 {
    machine.put(ADDRESS, &address);
    machine.put(POINTER, &ADDRESS.to_le_bytes());
    machine.put(POINTER + 4, &4_u32.to_le_bytes());
    machine.call(call, &[fd, POINTER.into(), port])
}

fn bind(machine: &mut Machine, fd: u64, port: u64) -> u32 {
    at(machine, Call::sock_bind, fd, [0; 4], port)
}

fn connect(machine: &mut Machine, fd: u64) -> u32 {
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &[fd, NONBLOCK]), 0);
    at(machine, Call::sock_connect, fd, [10, 0, 0, 9], 80)
}

fn close(machine: &mut Machine, fd: u64) {
    assert_eq!(machine.call(Call::fd_close, &[fd]), 0);
}

/// Has sockets use buffers by `fill` until there are none left; returns those that have some, and one that has not.
fn exhaust(
    machine: &mut Machine,
    kind: u64,
    filled: u32,
    fill: fn(&mut Machine, u64) -> u32,
) -> (Vec<u64>, u64) {
    let mut sockets = Vec::new();
    loop {
        let fd = open(machine, kind).unwrap();
        match fill(machine, fd) {
            errno if errno == filled => sockets.push(fd),
            errno => {
                assert_eq!(errno, NOBUFS);
                return (sockets, fd);
            }
        }
    }
}

#[test]
fn sockets_run_out_of_descriptors() {
    let mut machine = Machine::with_network();
    for fd in FIRST..DESCRIPTORS_MAX {
        assert_eq!(open(&mut machine, STREAM), Ok(fd));
    }
    machine.put(OUT, &[7; 4]);
    assert_eq!(open(&mut machine, STREAM), Err(MFILE));
    assert_eq!(open(&mut machine, DATAGRAM), Err(MFILE));
    // At once, and not when someone has come.
    let accept = [LISTENER, 0, OUT.into()];
    assert_eq!(machine.call(Call::sock_accept, &accept), MFILE);
    assert_eq!(machine.u32(OUT), 0x0707_0707);
    assert!(machine.system.waits.is_empty());
    // What is there goes on.
    assert_eq!(bind(&mut machine, 100, 1000), 0);
    assert_eq!(machine.call(Call::sock_listen, &[100, 8]), 0);
    close(&mut machine, 200);
    assert_eq!(open(&mut machine, DATAGRAM), Ok(200));
    assert_eq!(bind(&mut machine, 200, 0), 0);
}

#[test]
fn datagrams_run_out_of_buffers() {
    let mut machine = Machine::with_network();
    let any_port = |machine: &mut Machine, fd| bind(machine, fd, 0);
    let (sockets, last) = exhaust(&mut machine, DATAGRAM, 0, any_port);
    assert!(sockets.len() > 16, "{}", sockets.len());
    // As often as one likes, and it costs nothing.
    for _ in 0..1000 {
        assert_eq!(bind(&mut machine, last, 0), NOBUFS);
    }
    // Connections need some too.
    let stream = open(&mut machine, STREAM).unwrap();
    assert_eq!(connect(&mut machine, stream), NOBUFS);
    // One that has its buffers goes on.
    let [iovecs, count] = machine.put_iovecs(&[4]);
    machine.put(ADDRESS, &[10, 0, 0, 9]);
    let to = [sockets[0], iovecs, count, POINTER.into(), 9, 0, OUT.into()];
    assert_eq!(machine.call(Call::sock_send_to, &to), 0);
    assert_eq!(machine.u32(OUT), 4);
    // All is there again when they are closed.
    for fd in &sockets {
        close(&mut machine, *fd);
    }
    close(&mut machine, last);
    close(&mut machine, stream);
    let (again, _) = exhaust(&mut machine, DATAGRAM, 0, any_port);
    assert_eq!(again.len(), sockets.len());
}

#[test]
fn connections_run_out_of_buffers() {
    let mut machine = Machine::with_network();
    let (sockets, last) = exhaust(&mut machine, STREAM, INPROGRESS, connect);
    assert!(sockets.len() > 16, "{}", sockets.len());
    for _ in 0..1000 {
        assert_eq!(connect(&mut machine, last), NOBUFS);
    }
    // A socket that was refused buffers is as it was, and gets them when others have gone.
    for fd in &sockets {
        close(&mut machine, *fd);
    }
    assert_eq!(connect(&mut machine, last), INPROGRESS);
    let flags = [LISTENER, NONBLOCK];
    assert_eq!(machine.call(Call::fd_fdstat_set_flags, &flags), 0);
    let accept = [LISTENER, NONBLOCK, OUT.into()];
    assert_eq!(machine.call(Call::sock_accept, &accept), AGAIN);
}

#[test]
fn a_port_is_taken_once() {
    let mut machine = Machine::with_network();
    let [one, two] = [(); 2].map(|()| open(&mut machine, DATAGRAM).unwrap());
    assert_eq!(bind(&mut machine, one, 1000), 0);
    assert_eq!(bind(&mut machine, two, 1000), ADDRINUSE);
    assert_eq!(bind(&mut machine, two, 1001), 0);
    let listener = open(&mut machine, STREAM).unwrap();
    assert_eq!(bind(&mut machine, listener, 80), 0);
    assert_eq!(machine.call(Call::sock_listen, &[listener, 8]), ADDRINUSE);
    close(&mut machine, LISTENER);
    assert_eq!(machine.call(Call::sock_listen, &[listener, 8]), 0);
}
