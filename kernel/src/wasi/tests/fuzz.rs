//! Calls with random arguments on random memory: no panic, and nothing changes in memory but what the arguments point to.
//!
//! `MEWZ_KERNEL_FUZZ=N cargo test --manifest-path kernel/Cargo.toml fuzz` makes N times as many as usual.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::super::exports::{Call, PARAMETERS_MAX};
use super::machine::{Exited, MEMORY_BYTES, Machine};

const CALLS: u64 = 8_000;

/// Largest structure that a call stores at a pointer without a length: a `filestat`.
const STORED_BYTES_MAX: u64 = 64;

/// Bytes of an event, which `poll_oneoff` stores for each subscription.
const EVENT_BYTES: u64 = 32;

/// What calls are given.
struct Noise(Rng);

impl Noise {
    /// A pointer, a length, a descriptor, a flag, or what is none of them.
    fn argument(&mut self) -> u64 {
        let memory = u64::from(MEMORY_BYTES);
        match self.0.u64(..16) {
            0..4 => self.0.u64(..8),
            4..6 => self.0.u64(..64),
            6..10 => self.0.u64(..memory),
            10 => self.0.u64(..memory / 16) * 16,
            11 => memory - self.0.u64(..40),
            12 => u64::from(u32::MAX) - self.0.u64(..40),
            13 => 1 << self.0.u64(..32),
            14 => i64::MAX as u64 - self.0.u64(..3),
            _ => self.0.u64(..),
        }
    }

    /// Paths, ranges, subscriptions and noise.
    fn fill(&mut self, machine: &mut Machine) {
        let paths: [&[u8]; 8] = [b"f", b"d", b"d/f", b"l", b"../f", b"/f", b"d/", b"n"];
        for _ in 0..64 {
            let at = self.0.u32(..MEMORY_BYTES - 256);
            match self.0.u64(..4) {
                0 => {
                    let path = self.0.choice(paths).unwrap();
                    machine.put(at, path);
                }
                1 => {
                    for range in 0..4 {
                        let (address, len) = (self.argument() as u32, self.0.u32(..300));
                        machine.put(at + range * 8, &address.to_le_bytes());
                        machine.put(at + range * 8 + 4, &len.to_le_bytes());
                    }
                }
                2 => machine.put(at, &[self.0.u8(..3); 48]),
                _ => {
                    let noise: Vec<u8> = (0..128).map(|_| self.0.u8(..)).collect();
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
    std::panic::set_hook(Box::new(|_| {}));
    let mut noise = Noise(Rng::with_seed(0x5eed));
    let mut machine = Machine::new();
    let mut wrong = None;
    for round in 0..crate::fuzz::rounds(CALLS) {
        if round % 200 == 0 {
            machine = match round % 400 {
                0 => Machine::new(),
                _ => Machine::with_network(),
            };
            machine.server.put_file("f", b"content");
            machine.server.put_directory("d");
            machine.server.put_file("d/f", &[b'x'; 5000]);
            machine.server.put_link("l", "d/f");
            noise.fill(&mut machine);
            for path in ["f", "d", "d/f"] {
                let _ = machine.open(3, path, 0, u64::MAX, 0);
            }
        }
        let call = *noise.0.choice(Call::ALL).unwrap();
        // Addresses and lists of a name's resolution lead on by pointers of their own.
        if matches!(call, Call::sock_getaddrinfo) {
            continue;
        }
        let arguments: [u64; PARAMETERS_MAX] = std::array::from_fn(|_| noise.argument());
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
