//! Requests and answers of all lengths over a bad wire, in time that passes as fast as the test computes: none is stuck.
//!
//! `MEWZ_KERNEL_FUZZ=N` makes N times as many.

use super::wire::{Faults, Pair};
use super::{BUDGET_BYTES, connect_to, content};
use crate::net::{Network, Received, SocketId};

/// Wires, each with conversations of its own.
const ROUNDS: u64 = 6;

const CONNECTIONS: usize = 8;

const REQUESTS: usize = 60;

const BODY_BYTES_MAX: u64 = 30_000;

/// Longest pause in which right reads nothing, so that its window closes.
const PAUSE_NS_MAX: u64 = 300_000_000;

/// Longest time from a request to its answer: five losses of one frame, whose timer doubles from a second on.
const ANSWER_NS_MAX: u64 = 60_000_000_000;

/// One conversation: left asks with so many bytes, right answers with so many.
struct Conversation {
    client: SocketId,
    server: SocketId,
    request: Vec<u8>,
    answer: Vec<u8>,
    asked: usize,
    heard: usize,
    answered: usize,
    came: usize,
    hears_at_ns: u64,
    since_ns: u64,
    left: usize,
}

impl Conversation {
    /// Goes on as far as that is possible now.
    fn advance(&mut self, pair: &mut Pair, draw: &mut dyn FnMut(u64) -> u64) {
        if self.came == self.answer.len() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            self.request = content(1 + draw(BODY_BYTES_MAX) as usize);
            self.answer = content(1 + draw(BODY_BYTES_MAX) as usize);
            (self.asked, self.heard, self.answered, self.came) = (0, 0, 0, 0);
            self.since_ns = pair.now_ns;
        }
        self.asked += pair
            .left
            .send(self.client, &self.request[self.asked..])
            .unwrap();
        let mut room = [0; 4096];
        while pair.now_ns >= self.hears_at_ns
            && let Ok(Received::Bytes(count)) = pair.right.receive(self.server, &mut room, false)
        {
            assert!(room[..count] == self.request[self.heard..][..count]);
            self.heard += count;
            if draw(8) == 0 {
                self.hears_at_ns = pair.now_ns + draw(PAUSE_NS_MAX);
            }
        }
        if self.heard == self.request.len() {
            let rest = &self.answer[self.answered..];
            self.answered += pair.right.send(self.server, rest).unwrap();
        }
        while let Ok(Received::Bytes(count)) = pair.left.receive(self.client, &mut room, false) {
            assert!(room[..count] == self.answer[self.came..][..count]);
            self.came += count;
        }
    }
}

/// What a stack knows of a connection, without what its buffers hold.
fn describe(network: &Network, id: SocketId) -> String {
    let text = format!("{:?}", network.connections.get(id).unwrap().socket());
    let is_number = |part: &&str| !part.starts_with(|first: char| first.is_ascii_digit());
    text.split(", ")
        .filter(is_number)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn fuzz_conversations() {
    let factor = std::env::var("MEWZ_KERNEL_FUZZ").map_or(1, |factor| factor.parse().unwrap());
    let mut slowest_ns = 0;
    for round in 0..ROUNDS * factor {
        let mut state = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = move |below: u64| {
            // xorshift64, Marsaglia 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % below
        };
        let mut pair = Pair::new(BUDGET_BYTES);
        pair.random = round + 1;
        let (listener, _) = pair.right.listen(None, 80, CONNECTIONS).unwrap();
        let mut conversations: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (client, server) = connect_to(&mut pair, listener, 80);
                Conversation {
                    client,
                    server,
                    request: Vec::new(),
                    answer: Vec::new(),
                    asked: 0,
                    heard: 0,
                    answered: 0,
                    came: 0,
                    hears_at_ns: 0,
                    since_ns: 0,
                    left: REQUESTS,
                }
            })
            .collect();
        pair.faults = Faults {
            lost: 20,
            repeated: draw(20),
            swapped: draw(100),
        };
        loop {
            let mut is_over = true;
            for (number, one) in conversations.iter_mut().enumerate() {
                one.advance(&mut pair, &mut draw);
                if one.came == one.answer.len() && one.left == 0 {
                    continue;
                }
                is_over = false;
                slowest_ns = slowest_ns.max(pair.now_ns - one.since_ns);
                assert!(
                    pair.now_ns - one.since_ns < ANSWER_NS_MAX,
                    "round {round}, conversation {number} is stuck: of {} bytes {} were taken and {} came, of {} bytes \
                     {} were taken and {} came; {:?}, {:?}",
                    one.request.len(),
                    one.asked,
                    one.heard,
                    one.answer.len(),
                    one.answered,
                    one.came,
                    describe(&pair.left, one.client),
                    describe(&pair.right, one.server),
                );
            }
            if is_over {
                break;
            }
            pair.step();
        }
    }
    println!("the slowest answer took {} ms", slowest_ns / 1_000_000);
}
