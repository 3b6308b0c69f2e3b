//! A machine whose card hangs on a wire of the test's own, which does to frames whatever wires do, with another TCP/IP stack
//! at its end.
//!
//! Here, and in the file that is named, is what network stacks of small kernels get wrong: connecting to whoever refuses, is
//! silent or can't be reached, at once and without waiting (`connecting`, `what_nobody_answers_times_out`,
//! `sockets_tell_what_they_are_asked`); megabytes in one call; a slow reader beside 150 connections; one lost frame and
//! then silence; resets in every state, closing with bytes unread, writing after the end; options, datagrams and names;
//! devices on one interrupt line. In `kernel/src/net/tests`: a window that opens when the program reads, sending at once, a
//! full ring, a full backlog, a thousand connections one after another and hundreds at once, no buffers. A thousand at once on
//! a machine: `tests/network.rs`. The command line and devices by which others boot images: `tests/contract.rs`.

mod hostile;
#[path = "../invoke/mod.rs"]
mod invoke;
mod machine;
mod peer;
mod soak;
mod steps;
#[path = "../tools/mod.rs"]
mod tools;
mod version_6;
mod wire;

use std::time::{Duration, Instant};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;

use machine::{MICROVM, Machine, Q35};
use peer::{NETWORK, Peer};
use wire::{Faults, To, Wire};

/// What a bad wire does.
const BAD: Faults = Faults {
    lost: 20,
    repeated: 20,
    delayed: 100,
    cut: 5,
};

/// Bytes that tell where they belong; the programs have the same.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

/// FNV-1a, as the programs have it.
fn hash(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(start, step)
}

/// What the program answers to who has it `take` bytes.
fn receipt(bytes: &[u8]) -> String {
    format!("{} {:016x}\n", bytes.len(), hash(bytes))
}

/// Says where two differ instead of showing them.
#[track_caller]
fn assert_same(came: &[u8], sent: &[u8]) {
    let at = came.iter().zip(sent).position(|(one, other)| one != other);
    let lens = (came.len(), sent.len());
    assert!(came == sent, "{lens:?} bytes, different at {at:?}");
}

fn serve(seed: u64) -> Peer {
    let mut peer = Peer::start(MICROVM, "faults/server.c", NETWORK, seed);
    peer.until_line("listening");
    peer
}

#[test]
fn two_megabytes_arrive_whole_through_a_bad_wire() {
    let mut peer = serve(1);
    peer.wire.faults = BAD;
    let given = peer.order("give 2097152");
    let whole = [content(2 << 20), vec![0; 2]].concat();
    assert_same(&peer.receive_all(given), &whole);
    peer.close(given);
    for line in ["gave: 2097152", "gave more: 1", "gave more: 1", "closed: 0"] {
        peer.until_line(line);
    }
    let sent = content(1 << 20);
    let taken = peer.order("take");
    let answer = peer.exchange(taken, &sent);
    assert_eq!(String::from_utf8_lossy(&answer), receipt(&sent));
    for line in ["took: 0", "answered: 25", "closed: 0"] {
        peer.until_line(line);
    }
    assert!(
        peer.wire.lost > 20,
        "{} of {}",
        peer.wire.lost,
        peer.wire.carried
    );
    peer.stop();
}

#[test]
fn a_slow_reader_gets_what_is_its_own_through_a_bad_wire() {
    let mut peer = Peer::start(MICROVM, "network/echo.c", NETWORK, 2);
    peer.until_line("listening");
    peer.wire.faults = BAD;
    let slow = peer.connect();
    let sent = content(60_000);
    peer.send(slow, &sent);
    // Many others come and go, several at a time, while nobody reads here.
    let mut open: Vec<(SocketHandle, Vec<u8>, Vec<u8>, bool)> = Vec::new();
    let (mut begun, mut done) = (0, 0);
    peer.until("the others", |peer| {
        while begun < 150 && open.len() < 12 {
            begun += 1;
            let sent = content(400 + begun);
            let machine = (peer::MACHINE, 8080).into();
            open.push((peer.ask(machine), sent, Vec::new(), false));
        }
        open.retain_mut(|(handle, sent, echoed, has_sent)| {
            if !*has_sent && peer.socket(*handle).may_send() {
                assert_eq!(peer.socket(*handle).send_slice(sent), Ok(sent.len()));
                peer.socket(*handle).close();
                *has_sent = true;
            }
            if !*has_sent || !peer.receive_more(*handle, echoed) {
                return true;
            }
            assert_eq!(hash(sent), hash(echoed));
            done += 1;
            false
        });
        (done == 150).then_some(())
    });
    let mut echoed = Vec::new();
    peer.until("the echo", |peer| {
        peer.receive_more(slow, &mut echoed);
        (echoed.len() >= sent.len()).then_some(())
    });
    assert_eq!(hash(&echoed), hash(&sent));
    peer.stop();
}

#[test]
fn what_becomes_of_a_connection_is_told() {
    let mut peer = serve(3);
    half_closed_either_way(&mut peer);
    retransmission_into_silence(&mut peer);
    resets(&mut peer);
    one_byte_at_a_time(&mut peer);
    connecting(&mut peer);
    the_link_goes_down_and_up(&mut peer);
    peer.stop();
}

fn half_closed_either_way(peer: &mut Peer) {
    let one = peer.order("half");
    assert_eq!(peer.receive_all(one), b"goodbye");
    for line in ["said: 7", "shut: 0", "said after it: error 64"] {
        peer.until_line(line);
    }
    // The machine has said all; it still hears.
    let sent = content(100_000);
    peer.send(one, &sent);
    peer.close(one);
    peer.until_line("heard: 100000");
    peer.until_line("closed: 0");
    let other = peer.order("take");
    assert_eq!(peer.exchange(other, &sent), receipt(&sent).as_bytes());
    for line in ["took: 0", "answered: 24", "closed: 0"] {
        peer.until_line(line);
    }
}

/// One frame is lost, and nothing else happens on the wire.
fn retransmission_into_silence(peer: &mut Peer) {
    let one = peer.order("half");
    let mut is_first = true;
    peer.wire.hook = Some(Box::new(move |to, frame| {
        let has_content = frame.windows(7).any(|part| part == b"goodbye");
        !(to == To::Test && has_content && std::mem::take(&mut is_first))
    }));
    let lost = peer.wire.lost;
    assert_eq!(peer.receive_all(one), b"goodbye");
    assert_eq!(peer.wire.lost, lost + 1);
    peer.wire.hook = None;
    peer.close(one);
    for line in [
        "said: 7",
        "shut: 0",
        "said after it: error 64",
        "heard: 0",
        "closed: 0",
    ] {
        peer.until_line(line);
    }
}

fn resets(peer: &mut Peer) {
    // While it waits for more.
    let one = peer.order("suffer");
    peer.until("silence", |peer| {
        (peer.socket(one).send_queue() == 0).then_some(())
    });
    peer.socket(one).abort();
    for line in [
        "suffered: error 15",
        "read on: 0",
        "wrote: error 64",
        "closed: 0",
    ] {
        peer.until_line(line);
    }
    // While it answers: what was taken is told, then the reset, then that nothing goes any more.
    let one = peer.order("give 1000000");
    peer.until("some of it", |peer| {
        peer.socket(one).can_recv().then_some(())
    });
    peer.socket(one).abort();
    let given = peer.until("how much was given", |peer| peer.machine.line());
    let count: usize = given.strip_prefix("gave: ").unwrap().parse().unwrap();
    assert!(count < 1_000_000, "{given}");
    let told = [(); 2].map(|()| peer.until("why no more", |peer| peer.machine.line()));
    assert_eq!(told, ["gave more: error 15", "gave more: error 64"]);
    peer.until_line("closed: 0");
    // The machine leaves with bytes unread.
    let one = peer.order("leave");
    peer.send(one, b"nobody reads this");
    peer.until("a reset", |peer| {
        (peer.socket(one).state() == State::Closed).then_some(())
    });
    for line in ["polled: 1", "closed: 0"] {
        peer.until_line(line);
    }
    // After each of the first so many frames of a connection, in whatever state that is.
    for frames in 0..14 {
        let one = peer.ask((peer::MACHINE, 8080).into());
        let begun = peer.wire.carried;
        let mut has_said = false;
        peer.until("so many frames", |peer| {
            let socket = peer.socket(one);
            if !has_said && socket.may_send() {
                has_said = true;
                socket.send_slice(b"give 9000\n").unwrap();
            }
            peer.receive_more(one, &mut Vec::new());
            let is_over = !peer.socket(one).may_recv() && has_said;
            (peer.wire.carried >= begun + frames || is_over).then_some(())
        });
        peer.socket(one).abort();
        peer.step(Duration::ZERO);
        peer.sockets.remove(one);
    }
    // It serves on, and has nothing to say but about those.
    let one = peer.order("half");
    assert_eq!(peer.receive_all(one), b"goodbye");
    peer.close(one);
    peer.until("its words", |peer| {
        let line = peer.machine.line()?;
        (line == "heard: 0").then_some(())
    });
    peer.until_line("closed: 0");
}

fn one_byte_at_a_time(peer: &mut Peer) {
    let one = peer.order("give 300000");
    let mut all = Vec::new();
    // Whatever is there already is left there; the window stays shut for a while.
    peer.until("bytes", |peer| peer.socket(one).can_recv().then_some(()));
    for _ in 0..100 {
        peer.until("a byte", |peer| {
            let mut byte = [0];
            let count = peer.socket(one).recv_slice(&mut byte).unwrap();
            all.extend(&byte[..count]);
            (count == 1).then_some(())
        });
        peer.step(Duration::from_millis(1));
    }
    all.extend(peer.receive_all(one));
    assert_same(&all, &[content(300_000), vec![0; 2]].concat());
    peer.close(one);
    peer.until("its words", |peer| {
        (peer.machine.line()? == "closed: 0").then_some(())
    });
}

fn connecting(peer: &mut Peer) {
    let listener = peer.listen(7000);
    // Who is there, where nobody listens, where no way leads.
    for (order, line) in [
        ("reach 0a000009 7000", "reach: 0 0"),
        ("reach 0a000009 7001", "reach: 0 14"),
        ("reach 00000000 80", "reach: 0 40"),
        ("reach e0000001 80", "reach: 0 40"),
        ("reach 00000000000000000000000000000000 80", "reach: 0 40"),
        ("reach fe800000000000000000000000000009 7001", "reach: 0 14"),
    ] {
        let one = peer.order(order);
        peer.until_line(line);
        peer.until_line("closed: 0");
        peer.receive_all(one);
        peer.close(one);
    }
    peer.close(listener);
}

fn the_link_goes_down_and_up(peer: &mut Peer) {
    let one = peer.order("take");
    let sent = content(200_000);
    peer.send(one, &sent[..100_000]);
    peer.machine.set_link(false);
    let (carried, begun) = (peer.wire.carried, Instant::now());
    let mut done = 100_000;
    while begun.elapsed() < Duration::from_millis(1500) {
        done += peer.socket(one).send_slice(&sent[done..]).unwrap();
        peer.step(Duration::from_millis(20));
    }
    assert!(peer.wire.carried > carried, "nothing was lost meanwhile");
    assert!(peer.socket(one).send_queue() > 0);
    peer.machine.set_link(true);
    assert_eq!(peer.exchange(one, &sent[done..]), receipt(&sent).as_bytes());
    for line in ["took: 0", "answered: 24", "closed: 0"] {
        peer.until_line(line);
    }
}

/// A card of PCI tells of its link by the same line as of its frames.
#[test]
fn the_link_goes_down_and_up_on_pci() {
    let mut peer = Peer::start(Q35, "faults/server.c", NETWORK, 4);
    peer.until_line("listening");
    the_link_goes_down_and_up(&mut peer);
    peer.stop();
}

#[test]
fn the_last_words_of_a_program_arrive() {
    let mut peer = serve(10);
    peer.wire.faults = BAD;
    let last = peer.order("last 150000");
    let whole = [content(150_000), vec![0; 2]].concat();
    assert_same(&peer.receive_all(last), &whole);
    peer.socket(last).close();
    peer.until("the machine's end", |peer| {
        peer.machine.has_ended().then_some(())
    });
    peer.machine.end();
}

/// Calls that do not wait, ranges, polling, options and names.
#[test]
fn sockets_tell_what_they_are_asked() {
    let line = "ip=10.0.0.1/24 -- 7000";
    let mut peer = Peer::start(MICROVM, "faults/probe.c", line, 9);
    let one = peer.listen(7000);
    let mut came = Vec::new();
    peer.until("a word", |peer| {
        peer.receive_more(one, &mut came);
        (came == b"now").then_some(())
    });
    peer.send(one, b"seven b");
    // It sends until nothing more fits here.
    let full = peer.until("a full wire", |peer| {
        let line = peer.machine.line()?;
        line.starts_with("full").then_some(line)
    });
    assert_eq!(full, "full: 6");
    peer.socket(one).close();
    peer.until("the end", |peer| {
        came.clear();
        peer.receive_more(one, &mut came);
        peer.machine.has_ended().then_some(())
    });
    let told = peer.machine.end();
    // How often there was room depends on time.
    let told: Vec<_> = told
        .lines()
        .filter(|line| !line.starts_with("room:"))
        .collect();
    let expected = "\
begun: 26
made: 0, 1 event of 1, error 0, hung up 1
error: 14, then: 0
begun: 26
made: 0, 1 event of 1, error 0, hung up 0
error: 0, then: 0
type: 2, accepts: 0
type: 1, accepts: 0
nothing yet: 6
readable: 0, 1 event of 1, error 0, hung up 0
received: 0, se-ven -b-------, 7, flags aaaa 0000 aaaa
full: 6
room again: 0, 1 event of 1, error 0, hung up 0
left: 0, 1 event of 1, error 0, hung up 1
the end: 0, 0
flags: 4, then 0
number: 0, 1 of family 1: 10.0.0.9 port 80
name: 78
service: 85";
    assert_eq!(told.join("\n"), expected);
}

/// A card and a folder of the host on one interrupt line: slots that lie four apart share it.
#[test]
fn devices_on_one_line_are_both_heard() {
    let folder = tempfile::tempdir().unwrap();
    let kind = format!(
        "-M q35 -device virtio-net-pci,netdev=wire,addr=0x8 \
         -fsdev local,id=data,security_model=none,path={} \
         -device virtio-9p-pci,fsdev=data,mount_tag=data,addr=0xc",
        folder.path().display()
    );
    let line = format!("{NETWORK} mount=data:/data");
    let (machine, stream) = Machine::start(&kind, "faults/soak.c", &line, peer::LIMIT);
    let mut peer = Peer::new(machine, Wire::new(stream, 12), 12);
    peer.until_line("listening");
    let one = peer.connect();
    let begun = Instant::now();
    for number in 0..20 {
        let sent = content(5000 + number);
        peer.send(one, &soak::request("PUT", "/data/f", &sent));
        let expected = soak::answer(receipt(&sent).as_bytes());
        let mut came = Vec::new();
        peer.until("an answer", |peer| {
            peer.receive_more(one, &mut came);
            (came.len() >= expected.len()).then_some(())
        });
        assert_same(&came, &expected);
        assert_eq!(std::fs::read(folder.path().join("f")).unwrap(), sent);
    }
    // One that is not heard sleeps a second each time.
    assert!(begun.elapsed() < Duration::from_secs(15), "{begun:?}");
    peer.send(one, &soak::request("GET", "/stop", b""));
    peer.until("the machine's end", |peer| {
        peer.machine.has_ended().then_some(())
    });
    peer.machine.end();
}

/// Nobody answers for a minute, which passes at once: the machine's clock runs on while it sleeps.
#[test]
fn what_nobody_answers_times_out() {
    let kind = format!("{MICROVM} -icount shift=0,sleep=off");
    let line = "ip=10.0.0.1/24 -- reach 0a000063 80";
    let (machine, _wire) = Machine::start(&kind, "faults/server.c", line, Duration::from_secs(100));
    assert_eq!(machine.end(), "reach: 0 73");
}
