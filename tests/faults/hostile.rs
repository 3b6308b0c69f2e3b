//! Frames that nobody sends who means well.

use fastrand::Rng;
use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

use crate::machine::MICROVM;
use crate::peer::{NETWORK, Peer};
use crate::wire::To;
use crate::{BAD, content, hash};

/// The head of a frame.
const ETHERNET_BYTES: usize = 14;

/// A neighbour that sends noise of every length, and the frames of others changed and again, harms no connection.
#[test]
fn noise_harms_nobody() {
    let mut peer = Peer::start(MICROVM, "network/echo.c", NETWORK, 8);
    peer.until_line("listening");
    peer.wire.faults = BAD;
    let one = peer.connect();
    let mut random = Rng::with_seed(8);
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let log = seen.clone();
    peer.wire.hook = Some(Box::new(move |to, frame| {
        if to == To::Machine {
            log.borrow_mut().push(frame.clone());
        }
        true
    }));
    let sent = content(200_000);
    let (mut done, mut echoed, mut injected) = (0, Vec::new(), 0);
    peer.until("the echo", |peer| {
        done += peer.socket(one).send_slice(&sent[done..]).unwrap();
        peer.receive_more(one, &mut echoed);
        for frame in seen.take() {
            for _ in 0..4 {
                let changed = changed(frame.clone(), &mut random);
                if changed == frame || !has_right_checksums(&changed) {
                    peer.wire.inject(&changed);
                    injected += 1;
                }
            }
        }
        let len = match random.u64(..50) {
            0 => 1515 + random.u64(..60_000),
            _ => 1 + random.u64(..1514),
        };
        peer.wire.inject(&noise(len as usize, &mut random));
        (echoed.len() == sent.len()).then_some(())
    });
    assert_eq!(hash(&echoed), hash(&sent));
    assert!(injected > 500, "{injected}");
    peer.stop();
}

/// The frame with a few bytes changed, or cut; never with whom it is from, which would be another's word.
fn changed(mut frame: Vec<u8>, random: &mut Rng) -> Vec<u8> {
    const TRANSPORT: u64 = 34;
    for _ in 0..1 + random.u64(..3) {
        let at = match random.u64(..4) {
            0 => 12 + random.u64(..12),
            _ => TRANSPORT + random.u64(..frame.len() as u64 - TRANSPORT),
        };
        frame[at as usize] = random.u8(..);
    }
    if random.u64(..4) == 0 {
        frame.truncate(random.usize(..frame.len()) + 1);
    }
    frame
}

/// Whether a receiver can't tell that the frame was changed: of those with several changed bytes some hundredth have the sums
/// of before.
fn has_right_checksums(frame: &[u8]) -> bool {
    let Ok(packet) = Ipv4Packet::new_checked(&frame[ETHERNET_BYTES.min(frame.len())..]) else {
        return false;
    };
    let [from, to] = [packet.src_addr(), packet.dst_addr()].map(IpAddress::from);
    let segment = TcpPacket::new_checked(packet.payload());
    packet.verify_checksum() && segment.is_ok_and(|segment| segment.verify_checksum(&from, &to))
}

/// Bytes of noise, as often as not with the head of a frame that may be for the machine.
fn noise(len: usize, random: &mut Rng) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
    if len > 40 && random.bool() {
        frame[..6].fill(0xff);
        let kinds = [[8, 0, 0x45], [8, 6, 0], [0x86, 0xdd, 0x60]];
        frame[12..15].copy_from_slice(&kinds[random.usize(..3)]);
        frame[23] = [1, 6, 17, 58][random.usize(..4)];
    }
    frame
}
