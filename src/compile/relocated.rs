//! Constants that the linker of a module put into its code, and will put there anew when anything moves: addresses of data
//! and indices of a table. A module that was linked with `--emit-relocs` tells where they are, in section `reloc.CODE` (see
//! the tool conventions, "Linking"). Without that section they are known by their length: where a linker has to write an
//! address, compilers leave room for the longest one, and linkers fill it up; no compiler takes more bytes than a constant
//! of its own needs.
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
    /// Code can do without the values of constants.
    is_possible: bool,
}

/// Where slots of one body may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places<'a> {
    /// Offsets in the module, ascending.
    pub(super) told: &'a [u32],
    /// Wherever a constant is longer than it needs to be.
    pub(super) at_padded: bool,
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
        Self {
            places,
            is_possible: false,
        }
    }

    /// Settles whether code of the module can do without the values of constants.
    pub(super) fn settle(&mut self, is_possible: bool) {
        self.is_possible = is_possible;
        if !is_possible {
            self.places.clear();
        }
    }

    /// Those in `body`; where no section tells of any, by their length, if `expects_edits`.
    pub(super) fn places(&self, body: &FunctionBody<'_>, expects_edits: bool) -> Places<'_> {
        let range = body.range();
        let at = |offset| {
            self.places
                .partition_point(|place| (*place as usize) < offset as usize)
        };
        Places {
            told: &self.places[at(range.start)..at(range.end)],
            at_padded: expects_edits && self.is_possible && self.places.is_empty(),
        }
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
    places: Places<'a>,
    found: u32,
}

impl<'a> Slots<'a> {
    /// Those of a body in which `places` may be constants.
    pub(super) fn new(places: Places<'a>) -> Self {
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
        let Places { told, at_padded } = &mut self.places;
        let passed = told.iter().take_while(|place| **place < offset);
        *told = &told[passed.count()..];
        if told.is_empty() && !*at_padded {
            return None;
        }
        let (value, len) = constant(operator, bytes)?;
        let value_at = bytes.len() - len..bytes.len();
        let place = offset + value_at.start as u32;
        let mut here = told.iter().take_while(|other| **other <= place);
        let is_slot = match at_padded {
            true => is_padded(operator, &bytes[value_at.clone()]),
            false => here.any(|other| *other == place),
        };
        is_slot.then(|| {
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

/// Whether the LEB128 number `bytes`, the constant of `operator`, is longer than it needs to be.
fn is_padded(operator: &Operator<'_>, bytes: &[u8]) -> bool {
    let is_signed = matches!(
        operator,
        Operator::I32Const { .. } | Operator::I64Const { .. }
    );
    let [.., before, last] = bytes else {
        return false;
    };
    // The last byte says what is known without it: zeros, or copies of the sign.
    let is_negative = is_signed && before & SIGN_BIT != 0;
    match last {
        0 => !is_signed || !is_negative,
        _ => *last == ALL_ONES && is_negative,
    }
}

/// The bit of a byte of a signed LEB128 number that is its sign if it is the last byte, and such a byte of ones.
const SIGN_BIT: u8 = 0x40;
const ALL_ONES: u8 = 0x7f;

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
