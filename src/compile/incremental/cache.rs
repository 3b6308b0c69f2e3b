//! The store of compiled functions, in memory; as bytes for whoever keeps it in a file.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use mewz_abi::exception::Handler;

use super::encoding;
use super::key::{Key, short_digest};
use super::reading::Reading;
use crate::compile::dwarf::LocalPlace;
use crate::compile::pieces::{Code, CodeRelocation, Trap};
use crate::compile::profile::Fit;

/// First bytes of a part of the store.
const MAGIC: [u8; 8] = *b"mewzfns6";

/// Magic, who made it, length of the content (u64), its digest.
const HEAD_BYTES: usize = 8 + 16 + 8 + 16;

/// Most bytes that a store keeps; what was used last stays whatever it takes.
const BYTES_MAX: usize = 32 << 20;

/// Compiled functions, by what their code depends on.
///
/// What it holds decides how long a compilation takes, never what comes out.
#[derive(Debug, Default)]
pub struct FunctionCache {
    entries: HashMap<Key, Entry>,
    /// Counts compilations.
    time: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    bytes: usize,
    /// When it was used last.
    used: u64,
    is_saved: bool,
}

#[derive(Debug)]
enum Content {
    Code(Arc<Code>),
    /// What a body is, by its bytes: so that bodies that are as they were need not be read again.
    Reading(Arc<Reading>),
    /// A range of a file's bytes that nobody has read yet.
    Encoded(Arc<Vec<u8>>, Range<usize>),
}

impl Content {
    /// Bytes of memory that it takes, about.
    fn bytes(&self) -> usize {
        match self {
            Content::Code(code) => {
                let rows = code.locations.without_bodies().map_or(0, <[u8]>::len);
                let lists = code.relocations.len() * size_of::<CodeRelocation>()
                    + code.traps.len() * size_of::<Trap>()
                    + code.handlers.len() * size_of::<Handler>()
                    + code.places.len() * size_of::<LocalPlace>();
                size_of::<Code>() + code.bytes.len() + rows + code.unwind.len() + lists
            }
            Content::Reading(reading) => {
                size_of::<Reading>() + reading.references.len() * 8 + reading.constants.len() * 8
            }
            Content::Encoded(_, range) => range.len(),
        }
    }
}

/// What a compilation found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Functions of the module that are defined in it.
    pub functions: usize,
    /// Those among them that were compiled.
    pub compiled: usize,
    /// How much of the options' profile was used, if they have one.
    pub profile_fit: Option<Fit>,
}

/// Bytes that are not as [`FunctionCache::unsaved`] made them, or that another program made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of compiled functions is damaged or foreign")]
pub struct Damaged;

impl FunctionCache {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Functions in it, as far as they have been looked at.
    #[must_use]
    pub fn functions(&self) -> usize {
        let entries = self.entries.values();
        entries
            .filter(|entry| matches!(entry.content, Content::Code(_)))
            .count()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in what [`FunctionCache::unsaved`] gave, any number of such pieces behind each other, from the same `maker`.
    ///
    /// # Errors
    ///
    /// A piece is damaged or of another maker; those before it are taken.
    pub fn load(&mut self, maker: &[u8], stored: Vec<u8>) -> Result<(), Damaged> {
        let stored = Arc::new(stored);
        let mut at = 0;
        while at < stored.len() {
            let content = content(maker, &stored, at).ok_or(Damaged)?;
            at = content.end;
            self.load_content(&stored, content).ok_or(Damaged)?;
        }
        Ok(())
    }

    fn load_content(&mut self, stored: &Arc<Vec<u8>>, content: Range<usize>) -> Option<()> {
        let mut at = content.start;
        while at < content.end {
            let (key, rest) = stored[at..content.end].split_first_chunk()?;
            let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
            let start = at + size_of::<Key>() + 4;
            stored.get(start..start.checked_add(len)?)?;
            at = start + len;
            let content = Content::Encoded(Arc::clone(stored), start..at);
            self.insert_entry(*key, content, true);
        }
        Some(())
    }

    /// Everything that was compiled since the store was made or this was called, as bytes for a file; nothing if nothing
    /// was.
    #[must_use]
    pub fn unsaved(&mut self, maker: &[u8]) -> Vec<u8> {
        self.encoded(maker, |entry| !entry.is_saved)
    }

    /// Everything that the last compilation used, as bytes for a file.
    #[must_use]
    pub fn in_use(&mut self, maker: &[u8]) -> Vec<u8> {
        let now = self.time;
        self.encoded(maker, |entry| entry.used == now)
    }

    fn encoded(&mut self, maker: &[u8], is_wanted: impl Fn(&Entry) -> bool) -> Vec<u8> {
        let mut wanted: Vec<(&Key, &mut Entry)> = self
            .entries
            .iter_mut()
            .filter(|(_, entry)| is_wanted(entry))
            .collect();
        wanted.sort_by_key(|(key, _)| **key);
        let mut content = Vec::new();
        for (key, entry) in wanted {
            entry.is_saved = true;
            let encoded = match &entry.content {
                Content::Code(code) => encoding::encode(code),
                Content::Reading(reading) => Some(encoding::encode_reading(reading)),
                Content::Encoded(stored, range) => Some(stored[range.clone()].to_vec()),
            };
            let Some(encoded) = encoded else { continue };
            content.extend_from_slice(key);
            content.extend_from_slice(&(encoded.len() as u32).to_le_bytes());
            content.extend_from_slice(&encoded);
        }
        if content.is_empty() {
            return content;
        }
        let mut out = Vec::with_capacity(HEAD_BYTES + content.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&short_digest(maker));
        out.extend_from_slice(&(content.len() as u64).to_le_bytes());
        out.extend_from_slice(&short_digest(&content));
        out.extend_from_slice(&content);
        out
    }

    /// Bytes of all that is in it, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of all that the last compilation used, about.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        let used = self.entries.values();
        used.filter(|entry| entry.used == self.time)
            .map(|entry| entry.bytes)
            .sum()
    }

    /// Begins a compilation: what it uses stays longest.
    pub(in crate::compile) fn begin(&mut self) {
        self.time += 1;
    }

    /// The code for `key`. What was read from a file and can't be decoded counts as absent.
    pub(in crate::compile) fn code(&self, key: &Key) -> Option<Arc<Code>> {
        match &self.entries.get(key)?.content {
            Content::Code(code) => Some(Arc::clone(code)),
            Content::Reading(_) => None,
            Content::Encoded(stored, range) => {
                encoding::decode(&stored[range.clone()]).map(Arc::new)
            }
        }
    }

    /// What the body is whose bytes have the digest `key`.
    pub(in crate::compile) fn reading(&self, key: &Key) -> Option<Arc<Reading>> {
        match &self.entries.get(key)?.content {
            Content::Reading(reading) => Some(Arc::clone(reading)),
            Content::Code(_) => None,
            Content::Encoded(stored, range) => {
                encoding::decode_reading(&stored[range.clone()]).map(Arc::new)
            }
        }
    }

    /// Notes that `code` was found under `key` and used.
    pub(in crate::compile) fn used_code(&mut self, key: &Key, code: &Arc<Code>) {
        self.used(key, || Content::Code(Arc::clone(code)));
    }

    /// Notes that `reading` was found under `key` or made, and used.
    pub(in crate::compile) fn used_reading(&mut self, key: &Key, reading: &Arc<Reading>) {
        if !self.used(key, || Content::Reading(Arc::clone(reading))) {
            self.insert_entry(*key, Content::Reading(Arc::clone(reading)), false);
        }
    }

    /// Notes that an entry was used, with its content as it was decoded; tells whether it is there.
    fn used(&mut self, key: &Key, content: impl FnOnce() -> Content) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        entry.used = self.time;
        if matches!(entry.content, Content::Encoded(..)) {
            entry.content = content();
            let bytes = entry.content.bytes();
            self.bytes = self.bytes - entry.bytes + bytes;
            entry.bytes = bytes;
        }
        true
    }

    /// Keeps new code.
    pub(in crate::compile) fn insert(&mut self, key: Key, code: &Arc<Code>) {
        self.insert_entry(key, Content::Code(Arc::clone(code)), false);
    }

    fn insert_entry(&mut self, key: Key, content: Content, is_saved: bool) {
        let bytes = content.bytes();
        let entry = Entry {
            content,
            bytes,
            used: self.time,
            is_saved,
        };
        self.bytes += bytes;
        if let Some(before) = self.entries.insert(key, entry) {
            self.bytes -= before.bytes;
        }
    }

    /// Ends a compilation: lets go of what was not used for longest, if there is too much.
    pub(in crate::compile) fn end(&mut self) {
        if self.bytes <= BYTES_MAX {
            return;
        }
        let mut ages: Vec<(u64, usize)> = self
            .entries
            .values()
            .map(|entry| (entry.used, entry.bytes))
            .collect();
        ages.sort_unstable();
        let mut left = self.bytes;
        let mut oldest_kept = 0;
        for (used, bytes) in ages {
            if left <= BYTES_MAX / 2 || used == self.time {
                break;
            }
            left -= bytes;
            oldest_kept = used + 1;
        }
        self.entries.retain(|_, entry| entry.used >= oldest_kept);
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
    }
}

/// Where the content of the part at `at` lies, if it is as it was written.
fn content(maker: &[u8], stored: &[u8], at: usize) -> Option<Range<usize>> {
    let head = stored.get(at..at.checked_add(HEAD_BYTES)?)?;
    let (magic, head) = head.split_at(MAGIC.len());
    let (made_by, head) = head.split_at(16);
    let (len, digest) = head.split_at(8);
    let len = usize::try_from(u64::from_le_bytes(*len.first_chunk()?)).ok()?;
    let start = at + HEAD_BYTES;
    let end = start.checked_add(len)?;
    let content = stored.get(start..end)?;
    let is_whole =
        magic == MAGIC && made_by == short_digest(maker) && digest == short_digest(content);
    is_whole.then_some(start..end)
}
