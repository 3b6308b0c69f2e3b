//! Constants that the linker of a module put into its code, and will put there anew when anything moves: addresses of data
//! and indices of a table. A module that was linked with `--emit-relocs` tells where they are, in section `reloc.CODE` (see
//! the tool conventions, "Linking").
//!
//! Below the level of the whole module each of them is a slot of its function: the code is generated without its value, and
//! the value is written into the code when the object is assembled. What the section says is a hint and no more: any
//! constant of the right form may be a slot, and one in the wrong place is none.

use std::ops::Range;

use wasmparser::{FunctionBody, MemArg, Operator, RelocSectionReader, RelocationType};

/// Bytes of a constant of 32 bits that a linker can write anew, whatever its value.
const PADDED_32: usize = 5;

/// Bytes of one of 64 bits.
const PADDED_64: usize = 10;

/// From here on the first byte of an access says more than its alignment.
const FIRST_FLAG: u8 = 0x40;

/// Where constants that a linker put there may be.
#[derive(Debug, Default)]
pub(super) struct Relocated {
    /// Offsets in the module, ascending.
    places: Vec<u32>,
}

impl Relocated {
    /// Reads the section; `code` is where the content of the code section begins. What can't be read ends it.
    pub(super) fn read(section: &RelocSectionReader<'_>, code: u32) -> Self {
        let entries = section.entries().into_iter().map_while(Result::ok);
        let places = entries.filter(|entry| is_constant(entry.ty));
        let places = places.filter_map(|entry| code.checked_add(entry.offset));
        let mut places: Vec<u32> = places.collect();
        places.sort_unstable();
        places.dedup();
        Self { places }
    }

    /// Those in `body`.
    pub(super) fn places(&self, body: &FunctionBody<'_>) -> &[u32] {
        let range = body.range();
        let at = |offset| {
            self.places
                .partition_point(|place| (*place as usize) < offset as usize)
        };
        &self.places[at(range.start)..at(range.end)]
    }
}

/// Kinds of relocations that put an address or an index of a table into code.
fn is_constant(ty: RelocationType) -> bool {
    matches!(
        ty,
        RelocationType::MemoryAddrLeb
            | RelocationType::MemoryAddrSleb
            | RelocationType::TableIndexSleb
            | RelocationType::MemoryAddrLeb64
            | RelocationType::MemoryAddrSleb64
            | RelocationType::TableIndexSleb64
    )
}

/// A constant that is not looked at while its function is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// How many are before it in its function.
    pub(super) number: u32,
    /// Its value in this module, without sign.
    pub(super) value: u64,
}

/// Finds the slots of a body, operator by operator.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    /// Where there may be more of them.
    places: &'a [u32],
    found: u32,
}

impl<'a> Slots<'a> {
    /// Those of a body in which `places` may be constants.
    pub(super) fn new(places: &'a [u32]) -> Self {
        Self { places, found: 0 }
    }

    /// The slot that `operator` has, whose `bytes` are at `offset`, and where among the bytes its value lies. To be called
    /// for each operator in order.
    pub(super) fn of(
        &mut self,
        operator: &Operator<'_>,
        offset: u32,
        bytes: &[u8],
    ) -> Option<(Slot, Range<usize>)> {
        let passed = self.places.iter().take_while(|place| **place < offset);
        self.places = &self.places[passed.count()..];
        self.places.first()?;
        let (value, len) = constant(operator, bytes)?;
        let value_at = bytes.len() - len..bytes.len();
        let place = offset + value_at.start as u32;
        let mut here = self.places.iter().take_while(|other| **other <= place);
        here.any(|other| *other == place).then(|| {
            let number = self.found;
            self.found += 1;
            (Slot { number, value }, value_at)
        })
    }
}

/// The constant with which `bytes` of an operator end and its length, if a linker can have put it there and the translator
/// can do without its value. Whether the operator is valid does not depend on it.
fn constant(operator: &Operator<'_>, bytes: &[u8]) -> Option<(u64, usize)> {
    match operator {
        Operator::I32Const { value } => {
            (bytes.len() == 1 + PADDED_32).then_some((u64::from(value.cast_unsigned()), PADDED_32))
        }
        Operator::I64Const { value } => {
            (bytes.len() == 1 + PADDED_64).then_some((value.cast_unsigned(), PADDED_64))
        }
        _ => {
            let MemArg { offset, .. } = access(operator)?;
            let is_padded = bytes.len() == 2 + PADDED_32 && bytes[1] < FIRST_FLAG;
            let is_valid = *offset <= u64::from(u32::MAX);
            (is_padded && is_valid).then_some((*offset, PADDED_32))
        }
    }
}

/// What a load or a store of a number says of its address.
fn access<'o>(operator: &'o Operator<'_>) -> Option<&'o MemArg> {
    match operator {
        Operator::I32Load { memarg }
        | Operator::I64Load { memarg }
        | Operator::F32Load { memarg }
        | Operator::F64Load { memarg }
        | Operator::I32Load8S { memarg }
        | Operator::I32Load8U { memarg }
        | Operator::I32Load16S { memarg }
        | Operator::I32Load16U { memarg }
        | Operator::I64Load8S { memarg }
        | Operator::I64Load8U { memarg }
        | Operator::I64Load16S { memarg }
        | Operator::I64Load16U { memarg }
        | Operator::I64Load32S { memarg }
        | Operator::I64Load32U { memarg }
        | Operator::I32Store { memarg }
        | Operator::I64Store { memarg }
        | Operator::F32Store { memarg }
        | Operator::F64Store { memarg }
        | Operator::I32Store8 { memarg }
        | Operator::I32Store16 { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => Some(memarg),
        _ => None,
    }
}
