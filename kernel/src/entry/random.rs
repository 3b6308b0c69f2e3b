//! Randomness for the application: a ChaCha20 generator, seeded from all that the machine has.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::wall_clock;
use crate::arch::processor::Processor;
use crate::arch::random::{jitter_word, processor_word};

/// Bytes after which the seed is mixed with fresh randomness of the processor.
const RESEED_BYTES: usize = 1 << 20;

/// The generator.
pub(super) struct Generator {
    processor: Processor,
    chacha: ChaCha20Rng,
    used_bytes: usize,
}

impl Generator {
    /// A generator whose seed holds the processor's randomness, the host's, and what time adds.
    pub(super) fn new(processor: Processor, host: Option<[u8; 32]>) -> Self {
        let mut seed = host.unwrap_or_default();
        mix(processor, &mut seed);
        Self {
            processor,
            chacha: ChaCha20Rng::from_seed(seed),
            used_bytes: 0,
        }
    }

    /// Fills `out`.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for part in out.chunks_mut(RESEED_BYTES) {
            self.used_bytes += part.len();
            if self.used_bytes > RESEED_BYTES {
                let mut seed = [0; 32];
                self.chacha.fill_bytes(&mut seed);
                mix(self.processor, &mut seed);
                self.chacha = ChaCha20Rng::from_seed(seed);
                self.used_bytes = part.len();
            }
            self.chacha.fill_bytes(part);
        }
    }
}

/// Adds to a seed what the machine has; nothing that is in it is lost.
fn mix(processor: Processor, seed: &mut [u8; 32]) {
    let words = seed.as_chunks_mut::<8>().0;
    for word in words.iter_mut() {
        let fresh = processor_word(processor).unwrap_or_default() ^ jitter_word();
        *word = (u64::from_le_bytes(*word) ^ fresh).to_le_bytes();
    }
    let time = wall_clock::now_ns();
    words[0] = (u64::from_le_bytes(words[0]) ^ time).to_le_bytes();
}
