//! The bytes of a section of data while it grows, with what must be relocated in them.

use super::symbols::SymbolId;

/// Bytes and relocations.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The bytes; relocated ones are 0.
    pub(super) bytes: Vec<u8>,
    /// Addresses to write, eight bytes each.
    pub(super) relocations: Vec<Relocation>,
}

/// An address to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    /// Where, in bytes from the section's start.
    pub(super) offset: u64,
    /// The address of what.
    pub(super) target: SymbolId,
    /// Bytes to add to it.
    pub(super) addend: i64,
}

impl Content {
    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Pads with zeros to a multiple of `alignment`; returns the length then.
    pub(super) fn align(&mut self, alignment: usize) -> u64 {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(alignment), 0);
        self.len()
    }

    /// Appends bytes; returns where they begin.
    pub(super) fn append(&mut self, bytes: &[u8]) -> u64 {
        let start = self.len();
        self.bytes.extend_from_slice(bytes);
        start
    }

    /// Appends zeros; returns where they begin.
    pub(super) fn zeros(&mut self, count: usize) -> u64 {
        let start = self.len();
        self.bytes.resize(self.bytes.len() + count, 0);
        start
    }

    /// Appends a number.
    pub(super) fn u32(&mut self, value: u32) -> u64 {
        self.append(&value.to_le_bytes())
    }

    /// Appends a number.
    pub(super) fn u64(&mut self, value: u64) -> u64 {
        self.append(&value.to_le_bytes())
    }

    /// Writes a number over what is at `offset`.
    pub(super) fn set_u64(&mut self, offset: u64, value: u64) {
        self.bytes[offset as usize..][..8].copy_from_slice(&value.to_le_bytes());
    }

    /// Writes an address over the zeros at `offset`.
    pub(super) fn set_address(&mut self, offset: u64, target: impl Into<SymbolId>, addend: u64) {
        self.relocations.push(Relocation {
            offset,
            target: target.into(),
            addend: addend as i64,
        });
    }

    /// Appends an address.
    pub(super) fn address(&mut self, target: impl Into<SymbolId>, addend: u64) -> u64 {
        let offset = self.u64(0);
        self.relocations.push(Relocation {
            offset,
            target: target.into(),
            addend: addend as i64,
        });
        offset
    }
}
