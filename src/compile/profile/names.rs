//! Names of functions that outlast changes of the module around them: what a body is, apart from what its indices stand for.

use std::collections::HashMap;
use std::fmt;

use rayon::prelude::*;

use crate::compile::incremental::reading::BodyReader;
use crate::compile::module::Module;

/// Bodies that one thread reads before it looks for more.
const READ_AT_ONCE: usize = 64;

/// Bytes of a digest.
const DIGEST_BYTES: usize = 16;

/// Names a function by its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FunctionName {
    /// A digest of the body with its indices numbered in the order in which they first occur.
    pub(super) digest: [u8; DIGEST_BYTES],
    /// Which one it is of those whose bodies are the same, in the order of the module.
    pub(super) ordinal: u32,
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.digest {
            write!(f, "{byte:02x}")?;
        }
        write!(f, " {}", self.ordinal)
    }
}

impl FunctionName {
    /// Reads the words that [`fmt::Display`] writes.
    pub(super) fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let hex = words.next()?;
        if hex.len() != 2 * DIGEST_BYTES || !hex.is_ascii() {
            return None;
        }
        let mut digest = [0; DIGEST_BYTES];
        for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
        }
        let ordinal = words.next()?.parse().ok()?;
        Some(Self { digest, ordinal })
    }
}

/// The names of a validated module's own functions, in its order.
pub(super) fn names(module: &Module<'_>) -> Vec<FunctionName> {
    let bodies = module.bodies.par_iter().with_min_len(READ_AT_ONCE);
    let digests: Vec<[u8; DIGEST_BYTES]> = bodies
        .map_init(BodyReader::default, |reader, body| {
            let digest = match reader.read(body, module.relocated.places(body, false)) {
                Some(reading) => reading.digest,
                // It can't be told apart from its surroundings.
                None => blake3::hash(body.as_bytes()).into(),
            };
            let mut short = [0; DIGEST_BYTES];
            short.copy_from_slice(&digest[..DIGEST_BYTES]);
            short
        })
        .collect();
    let mut seen: HashMap<[u8; DIGEST_BYTES], u32> = HashMap::new();
    let names = digests.into_iter().map(|digest| {
        let next = seen.entry(digest).or_default();
        let ordinal = *next;
        *next += 1;
        FunctionName { digest, ordinal }
    });
    names.collect()
}
