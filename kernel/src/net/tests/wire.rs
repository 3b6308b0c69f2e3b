//! Two networks and the wire between them, which can lose, repeat, swap and delay frames.

use fastrand::Rng;

use super::super::wire::{Frames, MemoryCard};
use super::super::{FRAME_BYTES_MAX, Network, Settings};

/// Nanoseconds that pass with each step.
pub(super) const STEP_NS: u64 = 1_000_000;

/// Longest delay of a frame.
const DELAY_NS_MAX: u64 = 60_000_000;

/// Longest time in which a machine does not look at its network.
const BUSY_NS_MAX: u64 = 100_000_000;

/// What the wire does to frames.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    /// Of a thousand frames so many are lost, repeated, swapped with the next.
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) swapped: u64,
    /// Of a thousand so many take longer than others, by up to [`DELAY_NS_MAX`].
    pub(super) delayed: u64,
    /// An end is looked after only where it has news or its timer runs out, as by a machine that sleeps; and of a thousand
    /// such times so many begin a while of up to [`BUSY_NS_MAX`] in which the machine does something else.
    pub(super) busy: Option<u64>,
}

/// What becomes of a frame on its way, by who sent it: 0 is left, 1 is right.
pub(super) type Hook = Box<dyn FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>>;

/// Two networks on one wire: 10.0.0.1 and 10.0.0.2.
pub(super) struct Pair {
    pub(super) left: Network,
    pub(super) right: Network,
    queues: [(Frames, Frames); 2],
    pub(super) faults: Faults,
    pub(super) hook: Option<Hook>,
    /// Frames that take longer: when they arrive, where.
    late: Vec<(u64, usize, Vec<u8>)>,
    /// Until when nobody looks after left and right.
    busy_until_ns: [u64; 2],
    pub(super) now_ns: u64,
    pub(super) random: Rng,
    /// Frames that were carried.
    pub(super) carried: usize,
}

impl Pair {
    pub(super) fn new(budget_bytes: usize) -> Self {
        Self::with_segments(budget_bytes, FRAME_BYTES_MAX)
    }

    /// As [`Pair::new`], with cards that take segments in so long frames.
    pub(super) fn with_segments(budget_bytes: usize, segment_bytes_max: usize) -> Self {
        let queues = [(); 2].map(|()| (Frames::default(), Frames::default()));
        let network = |number: u8, (incoming, outgoing): &(Frames, Frames)| {
            let card = MemoryCard {
                address: [2, 0, 0, 0, 0, number],
                incoming: incoming.clone(),
                outgoing: outgoing.clone(),
                segment_bytes_max,
            };
            let settings = Settings {
                addresses: vec![format!("10.0.0.{number}/24").parse().unwrap()],
                ..Settings::default()
            };
            Network::new(Box::new(card), &settings, number.into(), budget_bytes, 0)
        };
        Self {
            left: network(1, &queues[0]),
            right: network(2, &queues[1]),
            queues,
            faults: Faults::default(),
            hook: None,
            late: Vec::new(),
            busy_until_ns: [0; 2],
            now_ns: 0,
            random: Rng::with_seed(1),
            carried: 0,
        }
    }

    /// Of a thousand times so many.
    fn happens(&mut self, of_thousand: u64) -> bool {
        self.random.u64(..1000) < of_thousand
    }

    fn carry(&mut self, from: usize, to: usize) {
        let mut frames: Vec<_> = self.queues[from].1.borrow_mut().drain(..).collect();
        if let Some(hook) = &mut self.hook {
            frames = frames.into_iter().flat_map(|one| hook(from, one)).collect();
        }
        for at in 1..frames.len() {
            if self.happens(self.faults.swapped) {
                frames.swap(at - 1, at);
            }
        }
        for frame in frames {
            self.carried += 1;
            if self.happens(self.faults.lost) {
                continue;
            }
            if self.happens(self.faults.repeated) {
                self.queues[to].0.borrow_mut().push_back(frame.clone());
            }
            if self.happens(self.faults.delayed) {
                let arrives_ns = self.now_ns + self.random.u64(..DELAY_NS_MAX);
                self.late.push((arrives_ns, to, frame));
                continue;
            }
            self.queues[to].0.borrow_mut().push_back(frame);
        }
        let now_ns = self.now_ns;
        let is_there = |late: &mut (u64, usize, Vec<u8>)| late.0 <= now_ns && late.1 == to;
        for (_, _, frame) in self.late.extract_if(.., is_there) {
            self.queues[to].0.borrow_mut().push_back(frame);
        }
    }

    /// Lets an end work: 0 is left, 1 is right.
    fn poll(&mut self, end: usize) {
        let now_ns = self.now_ns;
        let network = if end == 0 {
            &mut self.left
        } else {
            &mut self.right
        };
        let Some(busy) = self.faults.busy else {
            network.poll(now_ns);
            return;
        };
        let is_due = network.next_ns(now_ns).is_some_and(|next| next <= now_ns);
        if now_ns < self.busy_until_ns[end] || !(network.has_news() || is_due) {
            return;
        }
        network.poll(now_ns);
        if self.happens(busy) {
            self.busy_until_ns[end] = now_ns + self.random.u64(..BUSY_NS_MAX);
        }
    }

    /// Puts a frame into right's card.
    pub(super) fn inject(&mut self, frame: &[u8]) {
        self.queues[1].0.borrow_mut().push_back(frame.to_vec());
    }

    /// Frames that left has given its card.
    pub(super) fn sent_by_left(&self) -> usize {
        self.queues[0].1.borrow().len()
    }

    /// Puts a frame into left's card.
    pub(super) fn inject_left(&mut self, frame: &[u8]) {
        self.queues[0].0.borrow_mut().push_back(frame.to_vec());
    }

    /// Lets both work, carries what they sent, lets time pass.
    pub(super) fn step(&mut self) {
        self.poll(0);
        self.carry(0, 1);
        self.poll(1);
        self.carry(1, 0);
        self.now_ns += STEP_NS;
    }

    /// Steps until `is_done`, which is asked first; panics after `seconds`.
    pub(super) fn until(&mut self, seconds: u64, mut is_done: impl FnMut(&mut Self) -> bool) {
        let end = self.now_ns + seconds * 1_000_000_000;
        while !is_done(self) {
            assert!(self.now_ns < end, "not done after {seconds} s");
            self.step();
        }
    }
}
