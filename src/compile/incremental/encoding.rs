//! Code as bytes, for files: fixed fields, little endian, checked while they are read.

use mewz_abi::exception::Handler;
use mewz_abi::trap::TrapKind;

use super::reading::{Kind, Reading, Reference};
use crate::compile::debug::Rows;
use crate::compile::dwarf::{LocalPlace, Storage};
use crate::compile::module::ExceptionUse;
use crate::compile::pieces::{Code, CodeRelocation, Trap};
use crate::compile::symbols::SymbolId;
use crate::relocatable::RelocationKind;

/// Stands for the function itself among namespaces of symbols.
const OWN: u32 = u32::MAX;

/// Stand for kinds of places, beside the sizes of copies.
const REGISTER: u32 = u32::MAX;
const SPILLED: u32 = u32::MAX - 1;

/// The bytes of `code`; `None` where it holds what only whole modules have.
pub(super) fn encode(code: &Code) -> Option<Vec<u8>> {
    let Code {
        bytes,
        alignment,
        relocations,
        traps,
        handlers,
        locations,
        unwind,
        entry_bytes,
        places,
    } = code;
    let rows = locations.without_bodies()?;
    let mut out = Vec::with_capacity(bytes.len() + rows.len() + unwind.len() + 256);
    let mut number = |value: u32| out.extend_from_slice(&value.to_le_bytes());
    number(*alignment);
    number(*entry_bytes);
    let lengths = [
        bytes.len(),
        relocations.len(),
        traps.len(),
        handlers.len(),
        rows.len(),
        unwind.len(),
        places.len(),
    ];
    for len in lengths {
        number(u32::try_from(len).ok()?);
    }
    for relocation in relocations {
        let (namespace, index) = relocation.target.map_or((OWN, 0), SymbolId::numbers);
        number(relocation.offset);
        number(match relocation.kind {
            RelocationKind::Absolute64 => 0,
            RelocationKind::Relative32 => 1,
            // Only sections for debuggers have these.
            RelocationKind::Absolute32 => return None,
        });
        number(namespace);
        number(index);
        number(i32::try_from(relocation.addend).ok()?.cast_unsigned());
    }
    for trap in traps {
        number(trap.code_offset);
        number(trap.wasm_offset);
        number(trap.kind as u32);
    }
    for handler in handlers {
        let Handler {
            return_offset,
            handler_offset,
            frame_bytes,
            clause,
        } = handler;
        for field in [return_offset, handler_offset, frame_bytes, clause] {
            number(*field);
        }
    }
    for place in places {
        let (kind, value) = match place.storage {
            Storage::Register(number) => (REGISTER, i32::from(number)),
            Storage::Spilled(offset) => (SPILLED, offset),
            Storage::Copy(offset, bytes) => (u32::from(bytes), offset),
        };
        number(place.local);
        number(place.start);
        number(place.end);
        number(kind);
        number(value.cast_unsigned());
    }
    for part in [bytes, rows, unwind.as_slice()] {
        out.extend_from_slice(part);
    }
    Some(out)
}

/// Undoes [`encode`]; `None` for bytes that it did not make.
pub(super) fn decode(encoded: &[u8]) -> Option<Code> {
    let mut reader = Reader(encoded);
    let alignment = reader.number()?;
    let entry_bytes = reader.number()?;
    let mut lengths = [0; 7];
    for len in &mut lengths {
        *len = reader.number()? as usize;
    }
    let [bytes, relocations, traps, handlers, rows, unwind, places] = lengths;
    let relocations = (0..relocations)
        .map(|_| reader.relocation())
        .collect::<Option<Vec<_>>>()?;
    let traps = (0..traps)
        .map(|_| reader.trap())
        .collect::<Option<Vec<_>>>()?;
    let handlers = (0..handlers)
        .map(|_| reader.handler())
        .collect::<Option<Vec<_>>>()?;
    let places = (0..places)
        .map(|_| reader.place())
        .collect::<Option<Vec<_>>>()?;
    let code = Code {
        bytes: reader.take(bytes)?.to_vec(),
        alignment,
        relocations,
        traps,
        handlers,
        locations: Rows::from_rows(reader.take(rows)?.to_vec()),
        unwind: reader.take(unwind)?.to_vec(),
        entry_bytes,
        places,
    };
    let fits = |relocation: &CodeRelocation| {
        let is_slot = matches!(relocation.target, Some(SymbolId::Constant(_)));
        let bytes = match relocation.kind {
            RelocationKind::Absolute64 => 8,
            RelocationKind::Relative32 if is_slot => return false,
            RelocationKind::Relative32 | RelocationKind::Absolute32 => 4,
        };
        relocation.offset as usize + bytes <= code.bytes.len()
    };
    let is_inside = |handler: &Handler| {
        let len = code.bytes.len();
        handler.return_offset as usize <= len && (handler.handler_offset as usize) < len
    };
    let is_sound = reader.0.is_empty()
        && code.handlers.iter().all(is_inside)
        && alignment.is_power_of_two()
        && code.relocations.iter().all(fits)
        && (code.unwind.is_empty() || code.unwind.len() >= 16);
    is_sound.then_some(code)
}

/// The bytes of a reading.
pub(super) fn encode_reading(reading: &Reading) -> Vec<u8> {
    let Reading {
        digest,
        references,
        constants,
        exceptions,
    } = reading;
    let mut out = digest.to_vec();
    out.push(u8::from(exceptions.throws) | u8::from(exceptions.catches) << 1);
    out.extend_from_slice(&(constants.len() as u32).to_le_bytes());
    for constant in constants {
        out.extend_from_slice(&constant.to_le_bytes());
    }
    for Reference { kind, index } in references {
        out.push(*kind as u8);
        out.extend_from_slice(&index.to_le_bytes());
    }
    out
}

/// Undoes [`encode_reading`]; `None` for bytes that it did not make.
pub(super) fn decode_reading(encoded: &[u8]) -> Option<Reading> {
    let (digest, rest) = encoded.split_first_chunk()?;
    let (exceptions, rest) = rest.split_first()?;
    let (constants, rest) = rest.split_first_chunk()?;
    let constants = (u32::from_le_bytes(*constants) as usize).checked_mul(8)?;
    let (constants, references) = rest.split_at_checked(constants)?;
    let (constants, _) = constants.as_chunks();
    let (references, rest) = references.as_chunks();
    let reference = |[kind, index @ ..]: &[u8; 5]| {
        Some(Reference {
            kind: Kind::from_number(*kind)?,
            index: u32::from_le_bytes(*index),
        })
    };
    let reading = Reading {
        digest: *digest,
        references: references.iter().map(reference).collect::<Option<_>>()?,
        constants: constants
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect(),
        exceptions: ExceptionUse {
            throws: exceptions & 1 != 0,
            catches: exceptions & 2 != 0,
        },
    };
    (rest.is_empty() && *exceptions < 4).then_some(reading)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn relocation(&mut self) -> Option<CodeRelocation> {
        let offset = self.number()?;
        let kind = match self.number()? {
            0 => RelocationKind::Absolute64,
            1 => RelocationKind::Relative32,
            _ => return None,
        };
        let (namespace, index) = (self.number()?, self.number()?);
        let target = match namespace {
            OWN => None,
            _ => Some(SymbolId::from_numbers(namespace, index)?),
        };
        Some(CodeRelocation {
            offset,
            kind,
            target,
            addend: i64::from(self.number()?.cast_signed()),
        })
    }

    fn trap(&mut self) -> Option<Trap> {
        Some(Trap {
            code_offset: self.number()?,
            wasm_offset: self.number()?,
            kind: TrapKind::from_number(self.number()?)?,
        })
    }

    fn place(&mut self) -> Option<LocalPlace> {
        let (local, start, end) = (self.number()?, self.number()?, self.number()?);
        let (kind, value) = (self.number()?, self.number()?.cast_signed());
        Some(LocalPlace {
            local,
            start,
            end,
            storage: match kind {
                REGISTER => Storage::Register(u16::try_from(value).ok()?),
                SPILLED => Storage::Spilled(value),
                bytes => Storage::Copy(value, u8::try_from(bytes).ok()?),
            },
        })
    }

    fn handler(&mut self) -> Option<Handler> {
        Some(Handler {
            return_offset: self.number()?,
            handler_offset: self.number()?,
            frame_bytes: self.number()?,
            clause: self.number()?,
        })
    }
}
