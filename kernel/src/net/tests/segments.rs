//! Segments that are longer than a frame, on wires that take them and on those that swallow them.

use std::cell::Cell;
use std::rc::Rc;

use smoltcp::wire::{EthernetFrame, Ipv4Packet, TcpPacket};

use super::wire::Pair;
use super::{BUDGET_BYTES, at, connect_to, connected, content, forge, transfer};
use crate::net::{FRAME_BYTES_MAX, Received, SocketId};

/// As the kernel's card has it.
const LONG_FRAME_BYTES: usize = 54 + (16 << 10);

const MILLISECOND_NS: u64 = 1_000_000;

/// What a wire made of long frames.
#[derive(Clone, Default)]
struct Counts {
    long: Rc<Cell<usize>>,
    /// Frames are lost, of whatever length.
    is_cut: Rc<Cell<bool>>,
}

/// A pair whose cards take long frames, which the wire makes short ones, or swallows.
fn pair(splits: bool) -> (Pair, Counts) {
    let mut pair = Pair::with_segments(BUDGET_BYTES, LONG_FRAME_BYTES);
    let counts = Counts::default();
    let own = counts.clone();
    pair.hook = Some(Box::new(move |_, frame| {
        if own.is_cut.get() {
            return vec![];
        }
        if frame.len() <= FRAME_BYTES_MAX {
            return vec![frame];
        }
        own.long.set(own.long.get() + 1);
        if splits { split(&frame) } else { vec![] }
    }));
    (pair, counts)
}

/// A long segment as several that fit in frames: what whoever takes it makes of it.
fn split(frame: &[u8]) -> Vec<Vec<u8>> {
    let outer = EthernetFrame::new_checked(frame).unwrap();
    let packet = Ipv4Packet::new_checked(outer.payload()).unwrap();
    let segment = TcpPacket::new_checked(packet.payload()).unwrap();
    let (number, payload) = (segment.seq_number(), segment.payload());
    let head_bytes = frame.len() - payload.len();
    let pieces = payload.chunks(FRAME_BYTES_MAX - head_bytes);
    let mut offset = 0;
    let piece = |piece: &[u8]| {
        let mut made = [&frame[..head_bytes], piece].concat();
        let bytes = made.len();
        let mut outer = EthernetFrame::new_unchecked(&mut made[..]);
        let mut packet = Ipv4Packet::new_unchecked(outer.payload_mut());
        packet.set_total_len((bytes - 14) as u16);
        TcpPacket::new_unchecked(packet.payload_mut()).set_seq_number(number + offset);
        offset += piece.len();
        forge::mend(&mut made);
        made
    };
    pieces.map(piece).collect()
}

#[test]
fn who_takes_long_segments_gets_them() {
    let (mut pair, counts) = pair(true);
    let ends = connected(&mut pair);
    transfer(&mut pair, ends, &content(300_000), 50_000);
    let before = counts.long.get();
    assert!(before > 15, "{before}");
    // Nor does that change where nothing is answered for a while.
    let sent = pair.left.send(ends.0, &content(30_000)).unwrap();
    counts.is_cut.set(true);
    for _ in 0..5000 {
        pair.step();
    }
    counts.is_cut.set(false);
    receive_all(&mut pair, ends.1, sent);
    transfer(&mut pair, ends, &content(300_000), 50_000);
    assert!(counts.long.get() > before + 15, "{}", counts.long.get());
}

/// Receives so many bytes that were sent before.
fn receive_all(pair: &mut Pair, server: SocketId, bytes: usize) {
    let mut room = vec![0; bytes];
    let mut came = 0;
    pair.until(20, |pair| {
        if let Ok(Received::Bytes(count)) = pair.right.receive(server, &mut room, false) {
            came += count;
        }
        came == bytes
    });
}

#[test]
fn who_swallows_long_segments_gets_short_ones() {
    let (mut pair, counts) = pair(false);
    let (listener, _) = pair.right.listen(None, 80, 8).unwrap();
    let ends = connect_to(&mut pair, listener, 80);
    let begun_ns = pair.now_ns;
    transfer(&mut pair, ends, &content(300_000), 50_000);
    let took_ns = pair.now_ns - begun_ns;
    // What is said again for the first time is short.
    assert!(took_ns < 1500 * MILLISECOND_NS, "{took_ns} ns");
    let swallowed = counts.long.get();
    assert!((1..=4).contains(&swallowed), "{swallowed}");
    // So is all else: of this connection, of another, and what the other end sends, which has found out by itself.
    transfer(&mut pair, ends, &content(100_000), 50_000);
    let others = connect_to(&mut pair, listener, 80);
    transfer(&mut pair, others, &content(100_000), 50_000);
    assert_eq!(counts.long.get(), swallowed);
    // The address and the neighbour are known still.
    assert!(pair.left.connect(0, at(80)).is_ok());
}

/// Both ends find out, each for itself, with many connections that were under way.
#[test]
fn many_connections_survive_a_wire_that_swallows() {
    let (mut pair, _) = pair(false);
    let (listener, _) = pair.right.listen(None, 80, 32).unwrap();
    let ends: Vec<_> = (0..16)
        .map(|_| connect_to(&mut pair, listener, 80))
        .collect();
    let sent = content(12_000);
    for (client, server) in &ends {
        assert_eq!(pair.left.send(*client, &sent), Ok(sent.len()));
        assert_eq!(pair.right.send(*server, &sent), Ok(sent.len()));
    }
    let mut came = vec![[0; 2]; ends.len()];
    let mut room = vec![0; sent.len()];
    let begun_ns = pair.now_ns;
    pair.until(60, |pair| {
        for (came, (client, server)) in came.iter_mut().zip(&ends) {
            for (side, count) in came.iter_mut().enumerate() {
                let received = match side {
                    0 => pair.left.receive(*client, &mut room, false),
                    _ => pair.right.receive(*server, &mut room, false),
                };
                if let Ok(Received::Bytes(bytes)) = received {
                    assert!(room[..bytes] == sent[*count..][..bytes]);
                    *count += bytes;
                }
            }
        }
        came.iter().flatten().all(|count| *count == sent.len())
    });
    let took_ns = pair.now_ns - begun_ns;
    assert!(took_ns < 8000 * MILLISECOND_NS, "{took_ns} ns");
}
