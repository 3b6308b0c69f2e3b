//! Frames of two networks that talk, changed on the way from Ethernet up to TCP: nothing panics, and others are served on.
//!
//! `MEWZ_KERNEL_FUZZ=N cargo test --manifest-path kernel/Cargo.toml fuzz` makes N times as many as usual.

use fastrand::Rng;

use super::wire::Pair;
use super::{BUDGET_BYTES, connected, content, transfer};

const ROUNDS: u64 = 12;

/// Where the parts of a frame begin.
const ETHERNET_BYTES: usize = 14;

/// The sum of RFC 1071 over big-endian words.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = start;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Makes the sums of an IPv4 frame right again, so that it is looked at further.
fn mend(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(ETHERNET_BYTES..) else {
        return;
    };
    let head = usize::from(packet.first().copied().unwrap_or(0) & 15) * 4;
    if head < 20 || packet.len() < head + 20 {
        return;
    }
    packet[10..12].fill(0);
    let sum = checksum(0, &packet[..head]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let place = match packet[9] {
        6 => 16,
        17 => 6,
        _ => return,
    };
    let Some(len) = total.min(packet.len()).checked_sub(head) else {
        return;
    };
    if len < place + 2 {
        return;
    }
    let mut start = u32::from(packet[9]) + len as u32;
    for word in packet[12..20].chunks(2) {
        start += u32::from(u16::from_be_bytes([word[0], word[1]]));
    }
    let body = &mut packet[head..head + len];
    body[place..place + 2].fill(0);
    let sum = checksum(start, body);
    body[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn fuzz_packets() {
    for round in 0..crate::fuzz::rounds(ROUNDS) {
        let mut random = Rng::with_seed(round);
        let mut noise = move |below: usize| random.usize(..below);
        let mut pair = Pair::new(BUDGET_BYTES);
        let talkers = connected(&mut pair);
        let mut seen: Vec<Vec<u8>> = Vec::new();
        pair.hook = Some(Box::new(move |_, frame| {
            // What is only looked at by its own connection may end that one; others go before it unchanged.
            seen.push(frame.clone());
            if seen.len() > 64 {
                seen.remove(0);
            }
            let mut frames = vec![frame];
            for _ in 0..noise(4) {
                let mut other = seen[noise(seen.len())].clone();
                for _ in 0..1 + noise(4) {
                    let at = noise(other.len());
                    // Who it is from: a card that says it is another one's is believed, by everybody on a wire.
                    if (6..12).contains(&at) || other[12..].starts_with(&[8, 6]) {
                        continue;
                    }
                    match noise(6) {
                        0 => other[at] = 0,
                        1 => other[at] = 0xff,
                        2 => other[at] = other[at].wrapping_add(1),
                        3 => other.truncate(at.max(ETHERNET_BYTES)),
                        4 => other.resize(other.len() + noise(200), 0),
                        _ => other[at] = noise(256) as u8,
                    }
                }
                if noise(3) > 0 {
                    mend(&mut other);
                }
                frames.push(other);
            }
            frames
        }));
        let (client, server) = talkers;
        for _ in 0..40 {
            // What comes of this connection is open: a segment that looks right may end it.
            let _ = pair.left.send(client, &content(900));
            let mut room = [0; 2000];
            let _ = pair.right.receive(server, &mut room, false);
            pair.step();
        }
        pair.hook = None;
        // What was learned of neighbours is forgotten.
        pair.now_ns += 120_000_000_000;
        pair.step();
        let fresh = connected(&mut pair);
        transfer(&mut pair, fresh, &content(10_000), 1000);
    }
}
