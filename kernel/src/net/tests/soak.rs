//! Requests and answers of all lengths over a bad wire, in time that passes as fast as the test computes: none is stuck.
//! Machines that sleep look after their network only when it has news or a timer runs out, and programs that wait look at
//! a socket only when they are told of it: so a timer that is missing or a word that is not said is a conversation that ends.
//!
//! `MEWZ_KERNEL_FUZZ=N` makes N times as many.

use fastrand::Rng;

use super::wire::{Faults, Pair};
use super::{BUDGET_BYTES, connect_to, content};
use crate::net::{Network, Received, SocketId};

/// Wires, each with conversations of its own.
const ROUNDS: u64 = 6;

const CONNECTIONS: usize = 8;

const REQUESTS: usize = 60;

const BODY_BYTES_MAX: usize = 30_000;

/// Longest pause in which right reads nothing, so that its window closes.
const PAUSE_NS_MAX: u64 = 300_000_000;

/// Longest time from a request to its answer: five losses of one frame, whose timer doubles from a second on.
const ANSWER_NS_MAX: u64 = 60_000_000_000;

/// One conversation: left asks with so many bytes, right answers with so many.
struct Conversation {
    number: u32,
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
    /// Client and server wait until the network tells of their sockets.
    waits: [bool; 2],
}

impl Conversation {
    fn new(number: u32, (client, server): (SocketId, SocketId)) -> Self {
        Self {
            number,
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
            waits: [false; 2],
        }
    }

    fn is_over(&self) -> bool {
        self.came == self.answer.len() && self.left == 0
    }

    /// Both programs go on as far as that is possible now.
    fn advance(&mut self, pair: &mut Pair, random: &mut Rng) {
        if self.came == self.answer.len() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            self.request = content(1 + random.usize(..BODY_BYTES_MAX));
            self.answer = content(1 + random.usize(..BODY_BYTES_MAX));
            (self.asked, self.heard, self.answered, self.came) = (0, 0, 0, 0);
            self.since_ns = pair.now_ns;
            self.waits[0] = false;
        }
        let mut room = [0; 4096];
        if !self.waits[0] {
            let rest = &self.request[self.asked..];
            self.asked += pair.left.send(self.client, rest).unwrap();
            while let Ok(Received::Bytes(count)) = pair.left.receive(self.client, &mut room, false)
            {
                assert!(room[..count] == self.answer[self.came..][..count]);
                self.came += count;
            }
            pair.left.watch_connection(self.client, self.number);
            self.waits[0] = true;
        }
        // It is told of a clock too.
        if self.waits[1] || pair.now_ns < self.hears_at_ns {
            return;
        }
        while pair.now_ns >= self.hears_at_ns
            && let Ok(Received::Bytes(count)) = pair.right.receive(self.server, &mut room, false)
        {
            assert!(room[..count] == self.request[self.heard..][..count]);
            self.heard += count;
            if random.u64(..8) == 0 {
                self.hears_at_ns = pair.now_ns + random.u64(..PAUSE_NS_MAX);
            }
        }
        if self.heard == self.request.len() {
            let rest = &self.answer[self.answered..];
            self.answered += pair.right.send(self.server, rest).unwrap();
        }
        if pair.now_ns >= self.hears_at_ns {
            pair.right.watch_connection(self.server, self.number);
            self.waits[1] = true;
        }
    }

    /// What became of it, for whoever asks why.
    fn describe(&self, pair: &Pair) -> String {
        format!(
            "of {} bytes {} were taken and {} came, of {} bytes {} were taken and {} came; {:?}, {:?}",
            self.request.len(),
            self.asked,
            self.heard,
            self.answer.len(),
            self.answered,
            self.came,
            describe(&pair.left, self.client),
            describe(&pair.right, self.server),
        )
    }
}

/// Wakes those whose sockets the networks told of.
fn wake(pair: &mut Pair, conversations: &mut [Conversation]) {
    for (side, network) in [&mut pair.left, &mut pair.right].into_iter().enumerate() {
        let mut told = Vec::new();
        network.take_woken(&mut told);
        for number in told {
            conversations[number as usize].waits[side] = false;
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
    let mut slowest_ns = 0;
    for round in 0..crate::fuzz::rounds(ROUNDS) {
        let mut random = Rng::with_seed(round);
        let mut pair = Pair::new(BUDGET_BYTES);
        pair.random = Rng::with_seed(round);
        let (listener, _) = pair.right.listen(None, 80, CONNECTIONS).unwrap();
        let mut conversations: Vec<_> = (0..CONNECTIONS as u32)
            .map(|number| Conversation::new(number, connect_to(&mut pair, listener, 80)))
            .collect();
        pair.left.forget_watches();
        pair.right.forget_watches();
        pair.faults = Faults {
            lost: 10 + random.u64(..30),
            repeated: random.u64(..20),
            swapped: random.u64(..100),
            delayed: random.u64(..200),
            busy: (round % 2 == 0).then(|| random.u64(..30)),
        };
        while !conversations.iter().all(Conversation::is_over) {
            for one in &mut conversations {
                one.advance(&mut pair, &mut random);
                if one.is_over() {
                    continue;
                }
                slowest_ns = slowest_ns.max(pair.now_ns - one.since_ns);
                assert!(
                    pair.now_ns - one.since_ns < ANSWER_NS_MAX,
                    "round {round}, conversation {} is stuck: {}",
                    one.number,
                    one.describe(&pair)
                );
            }
            pair.step();
            wake(&mut pair, &mut conversations);
        }
    }
    println!("the slowest answer took {} ms", slowest_ns / 1_000_000);
}
