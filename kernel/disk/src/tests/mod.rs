//! Tests of the disk: against a model in memory, with the power cut at every write, full, and damaged.

mod crash;
mod damage;
mod device;
mod forged;
mod full;
mod model;
mod names;
mod sequence;

/// Numbers that are the same each time. Source: xorshift64*, Vigna 2016.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }
}

/// How often something is tried: a variable of the environment says, for long runs by hand.
pub(crate) fn count(variable: &str, usual: u64) -> u64 {
    let said = std::env::var(variable).ok();
    said.map_or(usual, |said| said.parse().expect("a count"))
}
