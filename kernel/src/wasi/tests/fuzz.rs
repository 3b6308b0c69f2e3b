//! Calls with random arguments on random memory: no panic, and nothing changes in memory but what the arguments point to.
//!
//! `MEWZ_KERNEL_FUZZ=N cargo test --manifest-path kernel/Cargo.toml fuzz` makes N times as many as usual.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::exports::{Call, PARAMETERS_MAX};
use super::machine::{Exited, MEMORY_BYTES, Machine};

const CALLS: u64 = 8_000;

/// Largest structure that a call stores at a pointer without a length: a `filestat`.
const STORED_BYTES_MAX: u64 = 64;

/// Bytes of an event, which `poll_oneoff` stores for each subscription.
const EVENT_BYTES: u64 = 32;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64, Marsaglia 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: u64) -> u64 {
        (self.next() >> 20) % count
    }

    /// A pointer, a length, a descriptor, a flag, or what is none of them.
    fn argument(&mut self) -> u64 {
        let memory = u64::from(MEMORY_BYTES);
        match self.below(16) {
            0..4 => self.below(8),
            4..6 => self.below(64),
            6..10 => self.below(memory),
            10 => self.below(memory / 16) * 16,
            11 => memory - self.below(40),
            12 => u64::from(u32::MAX) - self.below(40),
            13 => 1 << self.below(32),
            14 => i64::MAX as u64 - self.below(3),
            _ => self.next(),
        }
    }

    /// Paths, ranges, subscriptions and noise.
    fn fill(&mut self, machine: &mut Machine) {
        let paths: [&[u8]; 8] = [b"f", b"d", b"d/f", b"l", b"../f", b"/f", b"d/", b"n"];
        for _ in 0..64 {
            let at = self.below(u64::from(MEMORY_BYTES) - 256) as u32;
            match self.below(4) {
                0 => {
                    let path = paths[self.below(8) as usize];
                    machine.put(at, path);
                }
                1 => {
                    for range in 0..4 {
                        let (address, len) = (self.argument() as u32, self.below(300) as u32);
                        machine.put(at + range * 8, &address.to_le_bytes());
                        machine.put(at + range * 8 + 4, &len.to_le_bytes());
                    }
                }
                2 => machine.put(at, &[self.below(3) as u8; 48]),
                _ => {
                    let noise: Vec<u8> = (0..128).map(|_| self.next() as u8).collect();
                    machine.put(at, &noise);
                }
            }
        }
    }
}

/// What a call with these arguments may store: at each pointer a structure, a buffer where a length follows, ranges where
/// a count follows.
fn allowed(machine: &Machine, arguments: &[u64; PARAMETERS_MAX]) -> Vec<(u64, u64)> {
    let low = arguments.map(|argument| argument & 0xffff_ffff);
    let mut allowed = Vec::new();
    for (at, &start) in low.iter().enumerate() {
        allowed.push((start, STORED_BYTES_MAX));
        let Some(&len) = low.get(at + 1) else { break };
        allowed.push((start, len));
        for range in 0..len.min(1024) {
            let entry = start + range * 8;
            if entry + 8 > u64::from(MEMORY_BYTES) {
                break;
            }
            let (address, bytes) = (machine.u32(entry as u32), machine.u32(entry as u32 + 4));
            allowed.push((address.into(), bytes.into()));
        }
        // The events of a poll, whose count is the argument after the next.
        if let Some(count) = low.get(at + 1) {
            allowed.push((start, count.saturating_mul(EVENT_BYTES)));
        }
    }
    allowed
}

/// Whether a call may wait for ever, which the fake clock gives up on.
fn waits(call: Call) -> bool {
    let name = format!("{call:?}");
    name.starts_with("poll") || name.starts_with("sock") || name == "fd_read"
}

#[test]
fn fuzz_arguments() {
    let factor = std::env::var("MEWZ_KERNEL_FUZZ").map_or(1, |factor| factor.parse().unwrap());
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = Random(0x5eed);
    let mut machine = Machine::new();
    let mut wrong = None;
    for round in 0..CALLS * factor {
        if round % 200 == 0 {
            machine = match round % 400 {
                0 => Machine::new(),
                _ => Machine::with_network(),
            };
            machine.server.put_file("f", b"content");
            machine.server.put_directory("d");
            machine.server.put_file("d/f", &[b'x'; 5000]);
            machine.server.put_link("l", "d/f");
            random.fill(&mut machine);
            for path in ["f", "d", "d/f"] {
                let _ = machine.open(3, path, 0, u64::MAX, 0);
            }
        }
        let call = Call::ALL[random.below(Call::ALL.len() as u64) as usize];
        // Addresses and lists of a name's resolution lead on by pointers of their own.
        if matches!(call, Call::sock_getaddrinfo) {
            continue;
        }
        let arguments: [u64; PARAMETERS_MAX] = std::array::from_fn(|_| random.argument());
        let before = machine.memory.0.clone();
        let allowed = allowed(&machine, &arguments);
        let outcome = catch_unwind(AssertUnwindSafe(|| machine.call(call, &arguments)));
        match outcome {
            Ok(errno) if errno > 87 => wrong = Some((call, arguments, "no errno")),
            Err(payload) if !payload.is::<Exited>() && !waits(call) => {
                wrong = Some((call, arguments, "panicked"));
            }
            _ => {}
        }
        // Addresses of sockets are buffers that a structure points to.
        let follows_pointers = format!("{call:?}").starts_with("sock");
        let changed = before.iter().zip(&machine.memory.0);
        let is_stray = |at: u64| {
            !allowed
                .iter()
                .any(|(start, len)| (*start..start.saturating_add(*len)).contains(&at))
        };
        if !follows_pointers
            && changed
                .enumerate()
                .any(|(at, (old, new))| old != new && is_stray(at as u64))
        {
            wrong = Some((call, arguments, "wrote elsewhere"));
        }
        if wrong.is_some() {
            break;
        }
    }
    let _ = std::panic::take_hook();
    assert!(wrong.is_none(), "{wrong:x?}");
}
