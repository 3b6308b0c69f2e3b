//! Two networks that talk to each other.

mod faults;
mod forge;
mod fuzz;
mod router;
mod segments;
mod soak;
mod stalls;
mod wire;

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::wire::CARD_FRAMES_MAX;
use super::{Progress, Received, SocketId};
use crate::fs::errno::Errno;
use wire::{Faults, Pair, STEP_NS};

const BUDGET_BYTES: usize = 16 << 20;

const RIGHT: IpAddress = IpAddress::v4(10, 0, 0, 2);

fn at(port: u16) -> IpEndpoint {
    IpEndpoint::new(RIGHT, port)
}

/// A connection from left to a listener of right: both ends.
fn connected(pair: &mut Pair) -> (SocketId, SocketId) {
    connect_at(pair, at(80))
}

fn connect_to(pair: &mut Pair, listener: SocketId, port: u16) -> (SocketId, SocketId) {
    accepted(pair, listener, at(port))
}

/// A connection from left to `remote` of right, where nobody listens yet.
fn connect_at(pair: &mut Pair, remote: IpEndpoint) -> (SocketId, SocketId) {
    let (listener, _) = pair.right.listen(None, remote.port, 8).unwrap();
    let ends = accepted(pair, listener, remote);
    pair.right.close_listener(listener);
    ends
}

fn accepted(pair: &mut Pair, listener: SocketId, remote: IpEndpoint) -> (SocketId, SocketId) {
    let client = pair.left.connect(0, remote).unwrap();
    let mut server = None;
    pair.until(10, |pair| {
        server = server.or_else(|| pair.right.accept(listener));
        server.is_some() && pair.left.was_open(client)
    });
    (client, server.unwrap())
}

/// Bytes that are all different from their neighbours.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

/// Sends `sent` from left to right and compares what arrives, which is read in pieces of `piece`.
fn transfer(pair: &mut Pair, (client, server): (SocketId, SocketId), sent: &[u8], piece: usize) {
    let mut done = 0;
    let mut arrived: Vec<u8> = Vec::new();
    let mut room = vec![0; piece];
    pair.until(600, |pair| {
        if done < sent.len() {
            done += pair.left.send(client, &sent[done..]).unwrap();
        }
        while let Ok(Received::Bytes(count)) = pair.right.receive(server, &mut room, false) {
            arrived.extend(&room[..count]);
        }
        arrived.len() >= sent.len()
    });
    assert!(arrived == sent, "something else arrived");
}

#[test]
fn bytes_arrive_and_the_end_is_told() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    transfer(&mut pair, (client, server), &content(300_000), 5000);
    assert_eq!(pair.right.receivable(server), None);
    pair.left.shut_down(client, false, true).unwrap();
    assert_eq!(pair.left.send(client, b"x"), Err(Errno::Pipe));
    pair.until(1, |pair| pair.right.receivable(server) == Some((0, true)));
    assert_eq!(
        pair.right.receive(server, &mut [0; 9], false),
        Ok(Received::End)
    );
    // The other direction still works.
    assert_eq!(pair.right.send(server, b"back"), Ok(4));
    let mut room = [0; 9];
    pair.until(1, |pair| {
        pair.left.receive(client, &mut room, false) == Ok(Received::Bytes(4))
    });
    assert_eq!(&room[..4], b"back");
}

#[test]
fn what_is_sent_leaves_at_once_and_no_faster_than_the_card_takes_it() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    pair.until(20, |pair| pair.left.next_ns(pair.now_ns).is_none());
    assert_eq!(pair.sent_by_left(), 0);
    pair.left.send(client, b"now").unwrap();
    pair.left.poll(pair.now_ns);
    assert_eq!(pair.sent_by_left(), 1);
    pair.until(1, |pair| pair.right.receivable(server) == Some((3, false)));
    // Nobody takes what the card has: it fills, and what does not fit there waits, whole.
    let (datagrams, _) = pair.left.open_datagrams(None, 0).unwrap();
    for _ in 0..200 {
        let _ = pair.left.send_datagram(datagrams, b"x", at(9));
        pair.left.poll(pair.now_ns);
    }
    assert_eq!(pair.sent_by_left(), CARD_FRAMES_MAX);
}

#[test]
fn ports_run_out_with_an_error() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let first: Vec<_> = (0..16_384)
        .map(|_| pair.left.listen(None, 0, 1).unwrap())
        .collect();
    assert_eq!(pair.left.listen(None, 0, 1), Err(Errno::Addrinuse));
    // None of these is left for a connection either, and one that names a port has it.
    assert_eq!(pair.left.connect(0, at(80)), Err(Errno::Addrnotavail));
    assert!(pair.left.connect(1000, at(80)).is_ok());
    let (listener, port) = first[5000];
    pair.left.close_listener(listener);
    assert_eq!(pair.left.listen(None, 0, 1).unwrap().1, port);
}

#[test]
fn what_is_peeked_at_stays() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    pair.left.send(client, b"hello").unwrap();
    let mut room = [0; 3];
    pair.until(1, |pair| pair.right.receivable(server).is_some());
    for peek in [true, true, false] {
        let received = pair.right.receive(server, &mut room, peek);
        assert_eq!(received, Ok(Received::Bytes(3)));
        assert_eq!(&room, b"hel");
    }
    assert_eq!(pair.right.receivable(server), Some((2, false)));
}

#[test]
fn loss_repetition_and_reordering_change_nothing() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let ends = connected(&mut pair);
    pair.faults = Faults {
        lost: 50,
        repeated: 50,
        swapped: 100,
        ..Faults::default()
    };
    transfer(&mut pair, ends, &content(200_000), 4096);
}

#[test]
fn silence_is_broken_by_the_clock_alone() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    pair.faults.lost = 1000;
    pair.left.send(client, b"lost").unwrap();
    pair.step();
    pair.faults.lost = 0;
    // Nothing else happens; the network itself says when it wants to be asked.
    let next = pair.left.next_ns(pair.now_ns).expect("a timer runs");
    assert!(next > pair.now_ns && next < pair.now_ns + 3_000_000_000);
    pair.now_ns = next;
    pair.until(1, |pair| pair.right.receivable(server) == Some((4, false)));
}

#[test]
fn a_slow_reader_holds_the_writer_back() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    let mut sent = 0;
    for _ in 0..2000 {
        sent += pair.left.send(client, &[7; 1000]).unwrap();
        pair.step();
    }
    assert!(sent < 300_000, "{sent} bytes went nowhere");
    assert_eq!(pair.left.sendable(client), None);
    let mut room = vec![0; 200_000];
    pair.right.receive(server, &mut room, false).unwrap();
    pair.until(70, |pair| pair.left.sendable(client).is_some());
}

#[test]
fn nobody_there_is_refused_and_nothing_there_times_out() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let client = pair.left.connect(0, at(81)).unwrap();
    assert_eq!(pair.left.progress(client), Progress::Waiting);
    let mut told = Progress::Waiting;
    pair.until(5, |pair| {
        told = pair.left.progress(client);
        told != Progress::Waiting
    });
    assert_eq!(told, Progress::Failed(Errno::Connrefused));
    let nowhere = IpEndpoint::new(IpAddress::v4(10, 0, 0, 99), 80);
    let client = pair.left.connect(0, nowhere).unwrap();
    pair.until(120, |pair| {
        told = pair.left.progress(client);
        told != Progress::Waiting
    });
    assert_eq!(told, Progress::Failed(Errno::Timedout));
    let elsewhere = IpEndpoint::new(IpAddress::v4(192, 168, 0, 1), 80);
    // There is no way out of this network.
    assert_eq!(pair.left.connect(0, elsewhere), Err(Errno::Netunreach));
}

#[test]
fn a_reset_is_told_once() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    pair.left.send(client, b"unread").unwrap();
    pair.until(1, |pair| pair.right.receivable(server).is_some());
    // What was not read makes closing a reset.
    pair.right.close_connection(server);
    pair.until(1, |pair| pair.left.receivable(client).is_some());
    let mut room = [0; 9];
    assert_eq!(
        pair.left.receive(client, &mut room, false),
        Err(Errno::Connreset)
    );
    assert_eq!(
        pair.left.receive(client, &mut room, false),
        Ok(Received::End)
    );
    assert_eq!(pair.left.send(client, b"x"), Err(Errno::Pipe));
}

#[test]
fn a_full_backlog_lets_others_wait() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (listener, _) = pair.right.listen(None, 80, 2).unwrap();
    let clients = [(); 4].map(|()| pair.left.connect(0, at(80)).unwrap());
    for _ in 0..100 {
        pair.step();
    }
    assert_eq!(pair.right.acceptable(listener), 2);
    let mut accepted = Vec::new();
    pair.until(60, |pair| {
        accepted.extend(pair.right.accept(listener));
        accepted.len() == 4
    });
    pair.until(60, |pair| {
        clients.iter().all(|client| pair.left.was_open(*client))
    });
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (listener, _) = pair.right.listen(None, 80, 64).unwrap();
    let budgets = (pair.left.budget_bytes, pair.right.budget_bytes);
    for round in 0..1000 {
        let (client, server) = connect_to(&mut pair, listener, 80);
        pair.left.send(client, b"request").unwrap();
        pair.until(1, |pair| pair.right.receivable(server).is_some());
        let mut room = [0; 16];
        pair.right.receive(server, &mut room, false).unwrap();
        pair.right.send(server, b"reply").unwrap();
        // Either side closes first.
        if round % 2 == 0 {
            pair.right.close_connection(server);
            pair.step();
            pair.left.close_connection(client);
        } else {
            pair.until(1, |pair| pair.left.receivable(client).is_some());
            pair.left.receive(client, &mut room, false).unwrap();
            pair.left.close_connection(client);
            pair.step();
            pair.right.close_connection(server);
        }
    }
    pair.until(120, |pair| {
        pair.left.connections.values().len() == 0 && pair.right.connections.values().len() == 0
    });
    assert_eq!((pair.left.budget_bytes, pair.right.budget_bytes), budgets);
    assert!(pair.left.timers.is_empty() && pair.right.timers.is_empty());
    assert!(pair.left.ends.is_empty() && pair.right.ends.is_empty());
}

/// Nobody waits for strays: the same two ends may have their next connection at once, whoever said its end first.
#[test]
fn ends_that_have_parted_can_meet_again() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (listener, _) = pair.right.listen(None, 80, 4).unwrap();
    for round in 0..40 {
        let client = pair.left.connect(1000, at(80)).unwrap();
        let mut server = None;
        pair.until(1, |pair| {
            server = server.or_else(|| pair.right.accept(listener));
            server.is_some() && pair.left.was_open(client)
        });
        let ends = (client, server.unwrap());
        transfer(&mut pair, ends, b"again", 9);
        if round % 2 == 0 {
            pair.left.close_connection(ends.0);
            pair.step();
            pair.right.close_connection(ends.1);
        } else {
            pair.right.close_connection(ends.1);
            pair.step();
            pair.left.close_connection(ends.0);
        }
        pair.until(1, |pair| pair.left.ends.is_empty());
    }
}

#[test]
fn many_at_once_get_what_memory_allows() {
    let mut pair = Pair::new(8 << 20);
    let (listener, _) = pair.right.listen(None, 80, 4096).unwrap();
    let mut clients = Vec::new();
    while clients.len() < 500 {
        let client = pair.left.connect(0, at(80)).unwrap();
        clients.push(client);
        pair.step();
    }
    pair.until(60, |pair| pair.right.acceptable(listener) == clients.len());
    // Each of them works.
    let servers: Vec<_> = std::iter::from_fn(|| pair.right.accept(listener)).collect();
    let last = *servers.last().unwrap();
    let ends = pair.right.ends(last).unwrap();
    let client = *clients
        .iter()
        .find(|client| pair.left.ends(**client).unwrap().0 == ends.1)
        .unwrap();
    transfer(&mut pair, (client, last), &content(50_000), 1000);
}

#[test]
fn datagrams_keep_their_bounds() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (server, port) = pair.right.open_datagrams(None, 53).unwrap();
    assert_eq!(port, 53);
    assert_eq!(pair.right.open_datagrams(None, 53), Err(Errno::Addrinuse));
    let (client, client_port) = pair.left.open_datagrams(None, 0).unwrap();
    assert_eq!(
        pair.left.send_datagram(client, &[0; 1473], at(53)),
        Err(Errno::Msgsize)
    );
    for text in [&b"one"[..], b"", b"three"] {
        assert_eq!(pair.left.send_datagram(client, text, at(53)), Ok(true));
    }
    let mut arrived = Vec::new();
    let mut room = [0; 4];
    pair.until(1, |pair| {
        while let Some((count, len, from)) = pair.right.receive_datagram(server, &mut room, false) {
            assert_eq!(from.port, client_port);
            arrived.push((room[..count].to_vec(), len));
        }
        arrived.len() == 3
    });
    assert_eq!(
        arrived,
        [(b"one".to_vec(), 3), (Vec::new(), 0), (b"thre".to_vec(), 5)]
    );
    pair.right.close_datagrams(server);
    pair.right.open_datagrams(None, 53).unwrap();
}

#[test]
fn ports_belong_to_one_listener() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (listener, port) = pair.right.listen(None, 0, 1).unwrap();
    assert!(port >= 49152);
    assert_eq!(pair.right.listen(None, port, 1), Err(Errno::Addrinuse));
    assert_eq!(
        pair.right.listen(Some(RIGHT), port, 1),
        Err(Errno::Addrinuse)
    );
    let other = IpAddress::v4(10, 0, 0, 1);
    assert_eq!(
        pair.right.listen(Some(other), 80, 1),
        Err(Errno::Addrnotavail)
    );
    pair.right.close_listener(listener);
    pair.right.listen(Some(RIGHT), port, 1).unwrap();
}

#[test]
fn garbage_changes_nothing() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    let mut noise = content(1514);
    for len in (0..noise.len()).step_by(7) {
        // A frame for right's card that begins like an IPv4 one with TCP, and a broadcast of anything.
        noise[..6].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
        noise[12..15].copy_from_slice(&[8, 0, 0x45]);
        noise[23] = 6;
        pair.inject(&noise[..len]);
        noise[..6].fill(0xff);
        noise[12] = len as u8;
        pair.inject(&noise[..len]);
        pair.step();
    }
    transfer(&mut pair, (client, server), &content(10_000), 1000);
    assert!(pair.now_ns > STEP_NS);
}

#[test]
fn who_watches_is_told_once_and_only_of_its_own() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    let (_, other) = connected(&mut pair);
    let (listener, _) = pair.right.listen(None, 80, 8).unwrap();
    let (datagrams, _) = pair.right.open_datagrams(None, 53).unwrap();
    // What is still under way of making the connections.
    for _ in 0..50 {
        pair.step();
    }
    let told = |pair: &mut Pair| {
        let mut numbers = Vec::new();
        pair.right.take_woken(&mut numbers);
        numbers.sort_unstable();
        numbers
    };
    pair.right.forget_watches();
    pair.right.watch_connection(server, 1);
    pair.right.watch_connection(server, 1);
    pair.right.watch_connection(server, 2);
    pair.right.watch_connection(other, 3);
    pair.right.watch_listener(listener, 4);
    pair.right.watch_datagrams(datagrams, 5);
    pair.step();
    assert_eq!(told(&mut pair), []);
    pair.left.send(client, b"x").unwrap();
    pair.until(1, |pair| pair.right.receivable(server).is_some());
    assert_eq!(told(&mut pair), [1, 2]);
    pair.left.send(client, b"y").unwrap();
    pair.until(1, |pair| pair.right.receivable(server) == Some((2, false)));
    assert_eq!(told(&mut pair), []);
    connect_to(&mut pair, listener, 80);
    assert_eq!(told(&mut pair), [4]);
    let (sender, _) = pair.left.open_datagrams(None, 0).unwrap();
    pair.left.send_datagram(sender, b"z", at(53)).unwrap();
    pair.until(1, |pair| {
        pair.right.datagram_receivable(datagrams).is_some()
    });
    assert_eq!(told(&mut pair), [5]);
    // Of an earlier round nobody hears any more.
    pair.right.watch_connection(server, 6);
    pair.right.forget_watches();
    pair.right.watch_connection(server, 7);
    let mut room = [0; 2];
    pair.right.receive(server, &mut room, false).unwrap();
    pair.step();
    told(&mut pair);
    pair.right.watch_connection(server, 8);
    pair.left.shut_down(client, false, true).unwrap();
    pair.until(1, |pair| pair.right.receivable(server) == Some((0, true)));
    assert_eq!(told(&mut pair), [8]);
}
