//! The arithmetic of relocations.
//!
//! Source: System V ABI, AMD64 architecture processor supplement, section 4.4, "Relocation".

use object::LittleEndian;
use object::elf::{self, Rela64};

use super::error::LinkError;
use super::input::{InputSection, Inputs, Part, Relocations, SectionId, malformed};
use super::place::Placed;
use crate::relocatable;

/// How a value is stored.
#[derive(Clone, Copy)]
enum Field {
    /// Eight bytes.
    Whole,
    /// Four bytes that are extended with zeros.
    Unsigned32,
    /// Four bytes that are extended with their sign.
    Signed32,
}

/// Applies the relocations of section `at`; `addresses` holds what each symbol stands for.
///
/// # Errors
///
/// A relocation is unknown, lies outside its section, names no symbol or can't reach.
pub(super) fn section(
    inputs: &Inputs<'_>,
    at: usize,
    addresses: &[u64],
    placed: &mut Placed<'_>,
) -> Result<(), LinkError> {
    let section = &inputs.sections[at];
    match section.relocations {
        Relocations::File(relocations) => all(inputs, at, relocations, addresses, placed),
        Relocations::Object(relocations) => all(inputs, at, relocations, addresses, placed),
    }
}

fn all<T: Copy + Into<Value>>(
    inputs: &Inputs<'_>,
    at: usize,
    relocations: &[T],
    addresses: &[u64],
    placed: &mut Placed<'_>,
) -> Result<(), LinkError> {
    let section = &inputs.sections[at];
    if relocations.is_empty() {
        return Ok(());
    }
    if section.bytes.is_empty() {
        return Err(malformed(format!(
            "section `{}` has relocations and no content",
            section.name
        )));
    }
    let base = placed.sections[at].address;
    let bytes = match section.part {
        Part::Unloaded => placed.sections[at].unloaded.as_mut_slice(),
        _ => placed.section_mut(SectionId(at)),
    };
    for relocation in relocations {
        let relocation: Value = (*relocation).into();
        let symbol = section.symbols_first + relocation.symbol as usize;
        let Some(address) = addresses.get(symbol) else {
            return Err(malformed(
                "a relocation names a symbol that is not there".into(),
            ));
        };
        apply(&relocation, *address, base, bytes)
            .map_err(|error| error.describe(section, &relocation, inputs.symbols[symbol].name))?;
    }
    Ok(())
}

/// A relocation, wherever it was read.
#[derive(Clone, Copy)]
struct Value {
    offset: u64,
    /// The number in the psABI.
    kind: u32,
    symbol: u32,
    addend: i64,
}

impl From<Rela64<LittleEndian>> for Value {
    #[inline]
    fn from(relocation: Rela64<LittleEndian>) -> Self {
        Self {
            offset: relocation.r_offset.get(LittleEndian),
            kind: relocation.r_type(LittleEndian, false),
            symbol: relocation.r_sym(LittleEndian, false),
            addend: relocation.r_addend.get(LittleEndian),
        }
    }
}

impl From<relocatable::Relocation> for Value {
    #[inline]
    fn from(relocation: relocatable::Relocation) -> Self {
        Self {
            offset: relocation.offset,
            kind: match relocation.kind {
                relocatable::RelocationKind::Absolute64 => elf::R_X86_64_64,
                relocatable::RelocationKind::Absolute32 => elf::R_X86_64_32,
                relocatable::RelocationKind::Relative32 => elf::R_X86_64_PC32,
            },
            symbol: relocation.symbol,
            addend: relocation.addend,
        }
    }
}

/// What can go wrong with one relocation, before it has words.
enum Failure {
    Unsupported,
    Outside,
    Overflow(i128),
}

impl Failure {
    #[cold]
    fn describe(self, section: &InputSection<'_>, relocation: &Value, symbol: &str) -> LinkError {
        let Value { kind, offset, .. } = *relocation;
        let section = section.name.to_owned();
        match self {
            Failure::Unsupported => LinkError::UnsupportedRelocation {
                kind,
                section,
                offset,
            },
            Failure::Outside => malformed(format!(
                "relocation at {section}+{offset:#x} lies outside its section"
            )),
            Failure::Overflow(value) => LinkError::RelocationOverflow {
                kind,
                section,
                offset,
                symbol: symbol.to_owned(),
                value,
            },
        }
    }
}

#[inline]
fn apply(relocation: &Value, symbol: u64, base: u64, bytes: &mut [u8]) -> Result<(), Failure> {
    let (field, relative) = match relocation.kind {
        elf::R_X86_64_NONE => return Ok(()),
        elf::R_X86_64_64 => (Field::Whole, false),
        elf::R_X86_64_PC64 => (Field::Whole, true),
        elf::R_X86_64_32 => (Field::Unsigned32, false),
        elf::R_X86_64_32S => (Field::Signed32, false),
        // No procedure linkage table: everything is linked statically.
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => (Field::Signed32, true),
        _ => return Err(Failure::Unsupported),
    };
    let offset = relocation.offset;
    let start = usize::try_from(offset).map_err(|_| Failure::Outside)?;
    let rest = bytes.get_mut(start..).ok_or(Failure::Outside)?;
    let mut value = symbol.wrapping_add_signed(relocation.addend);
    if relative {
        value = value.wrapping_sub(base.wrapping_add(offset));
    }
    store(field, relative, value, rest)
}

#[inline]
fn store(field: Field, relative: bool, value: u64, rest: &mut [u8]) -> Result<(), Failure> {
    let signed = value as i64;
    let half = match field {
        Field::Whole => {
            let slot = rest.first_chunk_mut().ok_or(Failure::Outside)?;
            *slot = value.to_le_bytes();
            return Ok(());
        }
        Field::Signed32 => i32::try_from(signed).ok().map(i32::to_le_bytes),
        Field::Unsigned32 => u32::try_from(value).ok().map(u32::to_le_bytes),
    };
    let overflow = if relative {
        i128::from(signed)
    } else {
        i128::from(value)
    };
    let half = half.ok_or(Failure::Overflow(overflow))?;
    let slot = rest.first_chunk_mut().ok_or(Failure::Outside)?;
    *slot = half;
    Ok(())
}
