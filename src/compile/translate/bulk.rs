//! Bulk operations of linear memory whose length is a small constant, as compilers emit for structures: plain loads and
//! stores, without a call and without a bounds check.
//!
//! All loads come first, so that ranges may overlap. Then the highest bytes are stored first: where they are valid, so are
//! those below, so an operation that traps has written nothing.

use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use super::translator::Translator;

/// Most bytes that are moved or filled without a call: what eight vector registers hold.
const BYTES_MAX: u32 = 128;

impl Translator<'_> {
    /// Moves `len` bytes between addresses in linear memory if that is a small constant; tells whether it did.
    pub(super) fn copy_small(&mut self, to: Value, from: Value, len: Value) -> bool {
        let Some(len) = self.small_constant(len) else {
            return false;
        };
        let flags = self.memory_flags();
        let loads: Vec<(i32, Value)> = chunks(len)
            .map(|(offset, ty)| (offset, self.ins().load(ty, flags, from, offset)))
            .collect();
        for (offset, value) in loads.into_iter().rev() {
            self.ins().store(flags, value, to, offset);
        }
        true
    }

    /// Fills `len` bytes from an address in linear memory on if value and length are constants, the length a small one;
    /// tells whether it did.
    pub(super) fn fill_small(&mut self, to: Value, value: Value, len: Value) -> bool {
        let (Some(byte), Some(len)) = (self.constant_of(value), self.small_constant(len)) else {
            return false;
        };
        let flags = self.memory_flags();
        let pattern = u128::from_ne_bytes([byte as u8; 16]);
        let chunks: Vec<_> = chunks(len).collect();
        for (offset, ty) in chunks.into_iter().rev() {
            let value = self.pattern(pattern, ty);
            self.ins().store(flags, value, to, offset);
        }
        true
    }

    fn pattern(&mut self, pattern: u128, ty: Type) -> Value {
        match ty {
            types::I8X16 => self.vector_constant(pattern),
            _ => {
                let bits = pattern as u64 & (u64::MAX >> (64 - ty.bits()));
                self.ins().iconst(ty, bits.cast_signed())
            }
        }
    }

    /// The length of an operation that needs no call: not 0, for an operation of no bytes still checks its addresses.
    fn small_constant(&self, len: Value) -> Option<u32> {
        let len = u32::try_from(self.constant_of(len)?).ok()?;
        (1..=BYTES_MAX).contains(&len).then_some(len)
    }
}

/// Offset and type of each access of an operation on `len` bytes, ascending.
fn chunks(len: u32) -> impl Iterator<Item = (i32, Type)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let ty = match len - offset {
            0 => return None,
            1 => types::I8,
            2..4 => types::I16,
            4..8 => types::I32,
            8..16 => types::I64,
            _ => types::I8X16,
        };
        let at = offset;
        offset += ty.bytes();
        Some((at.cast_signed(), ty))
    })
}
