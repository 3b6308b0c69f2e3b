//! What a module does, in words that are the same on both sides: results, traps, state after each call.
//!
//! Both sides of the comparison include this file.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Bytes that are compared and hashed at once.
const PIECE_BYTES: usize = 4096;

/// Elements of a table that are looked at.
pub(crate) const TABLE_LEN_SEEN: u64 = 64;

/// A writer of lines about one module.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// What was seen, a line an event.
    pub(crate) text: String,
    /// Function references, by their order of appearance: addresses differ.
    labels: HashMap<u64, usize>,
    memories: Vec<Snapshot>,
}

impl Observer {
    /// Begins the line of call number `call`; results follow, or a trap.
    pub(crate) fn call(&mut self, call: usize) {
        self.write(format_args!("\ncall {call}:"));
    }

    /// Begins the line of the state; its parts follow.
    pub(crate) fn state(&mut self) {
        self.write(format_args!("\nstate:"));
    }

    pub(crate) fn trap(&mut self, name: &str) {
        self.write(format_args!(" trap {name}"));
    }

    /// A value of a type, named by its letter in the object's contract; the bits of a NaN don't show.
    pub(crate) fn value(&mut self, letter: char, bits: u128) {
        match letter {
            'f' if f32::from_bits(bits as u32).is_nan() => self.write(format_args!(" f:nan")),
            'F' if f64::from_bits(bits as u64).is_nan() => self.write(format_args!(" F:nan")),
            'p' => {
                let next = self.labels.len() + 1;
                let label = match bits as u64 {
                    0 => 0,
                    address => *self.labels.entry(address).or_insert(next),
                };
                self.write(format_args!(" p:{label}"));
            }
            'x' => self.write(format_args!(" x:{}", bits != 0)),
            _ => self.write(format_args!(" {letter}:{bits:x}")),
        }
    }

    /// The length of a table; the elements that are seen follow as values.
    pub(crate) fn table(&mut self, len: u64) {
        self.write(format_args!(" table of {len}"));
    }

    /// Memory number `at` among the exports.
    pub(crate) fn memory(&mut self, at: usize, bytes: &[u8]) {
        if self.memories.len() <= at {
            self.memories.resize_with(at + 1, Snapshot::default);
        }
        let hash = self.memories[at].follow(bytes);
        self.write(format_args!(" memory of {} {hash:x}", bytes.len()));
    }

    fn write(&mut self, words: std::fmt::Arguments<'_>) {
        self.text.write_fmt(words).expect("a string takes all text");
    }
}

/// A memory as it was, so that only what changed is hashed.
#[derive(Debug, Default)]
struct Snapshot {
    bytes: Vec<u8>,
    /// The hashes of all pieces together.
    hash: u64,
}

impl Snapshot {
    fn follow(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(bytes.len(), 0);
        let pieces = bytes
            .chunks(PIECE_BYTES)
            .zip(self.bytes.chunks_mut(PIECE_BYTES));
        for (at, (now, before)) in pieces.enumerate() {
            if now != before {
                self.hash ^= hash(before, at) ^ hash(now, at);
                before.copy_from_slice(now);
            }
        }
        self.hash
    }
}

/// The hash of a piece at its place; 0 where all bytes are 0.
fn hash(piece: &[u8], at: usize) -> u64 {
    let mut hash = 0u64;
    for word in piece.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        // The multiplier of FNV-1a, 64 bits.
        hash =
            (hash.rotate_left(5) ^ u64::from_le_bytes(bytes)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash.wrapping_mul(2 * at as u64 + 1)
}
