//! What makes the stack forget that it waits for an answer: it asks again.

use std::cell::RefCell;
use std::rc::Rc;

use smoltcp::wire::{EthernetFrame, Ipv4Packet, TcpPacket};

use super::wire::Pair;
use super::{BUDGET_BYTES, connected, content, forge};
use crate::net::{Received, SocketId};

/// The frame of a segment, with another window.
fn with_window(frame: &[u8], window: u16) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let mut outer = EthernetFrame::new_unchecked(&mut frame[..]);
    let mut packet = Ipv4Packet::new_unchecked(outer.payload_mut());
    TcpPacket::new_unchecked(packet.payload_mut()).set_window_len(window);
    forge::mend(&mut frame);
    frame
}

/// A connection over which left has said a thousand bytes, which right has; and the frame by which it told so, which left
/// has if `has_told`.
fn acknowledged(pair: &mut Pair, has_told: bool) -> (SocketId, SocketId, Vec<u8>) {
    let (client, server) = connected(pair);
    for _ in 0..50 {
        pair.step();
    }
    let told = Rc::new(RefCell::new(Vec::new()));
    let hook_told = Rc::clone(&told);
    pair.hook = Some(Box::new(move |from, frame| {
        if from == 1 {
            *hook_told.borrow_mut() = frame.clone();
        }
        if from == 0 || has_told {
            vec![frame]
        } else {
            vec![]
        }
    }));
    pair.left.send(client, &content(1000)).unwrap();
    pair.until(1, |_| !told.borrow().is_empty());
    pair.step();
    let mut room = [0; 1000];
    let received = pair.right.receive(server, &mut room, false);
    assert_eq!(received, Ok(Received::Bytes(1000)));
    // Nothing arrives any more.
    pair.hook = Some(Box::new(|_, _| vec![]));
    let told = told.borrow().clone();
    (client, server, told)
}

/// The wire is good again: right gets what is left.
fn arrives(pair: &mut Pair, server: SocketId, expected: &[u8]) {
    pair.hook = None;
    let begun_ns = pair.now_ns;
    let mut all: Vec<u8> = Vec::new();
    let mut room = [0; 4096];
    pair.until(20, |pair| {
        while let Ok(Received::Bytes(count)) = pair.right.receive(server, &mut room, false) {
            all.extend(&room[..count]);
        }
        all.len() >= expected.len()
    });
    assert!(all == expected);
    assert!(pair.now_ns - begun_ns < 5_000_000_000, "{} ns", pair.now_ns);
}

/// An acknowledgement of long ago comes late, and shuts the window; then the timer of what is under way runs out.
#[test]
fn a_timer_that_runs_out_while_the_window_is_shut() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server, told) = acknowledged(&mut pair, true);
    let sent = content(3000);
    assert_eq!(pair.left.send(client, &sent), Ok(3000));
    pair.step();
    pair.inject_left(&with_window(&told, 0));
    for _ in 0..3000 {
        pair.step();
    }
    arrives(&mut pair, server, &sent);
}

/// The window shuts behind bytes that are lost, and opens again.
#[test]
fn a_window_that_shuts_and_opens_over_what_is_under_way() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server, told) = acknowledged(&mut pair, false);
    let sent = content(1000);
    assert_eq!(pair.left.send(client, &sent), Ok(1000));
    pair.step();
    pair.inject_left(&with_window(&told, 0));
    pair.step();
    pair.inject_left(&told);
    for _ in 0..3000 {
        pair.step();
    }
    arrives(&mut pair, server, &sent);
}
