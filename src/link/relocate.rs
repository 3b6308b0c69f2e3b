//! The arithmetic of relocations.
//!
//! Source: System V ABI, AMD64 architecture processor supplement, section 4.4, "Relocation".

use object::LittleEndian;
use object::elf::{self, Rela64};

use super::error::LinkError;
use super::input::{InputSection, Inputs, Part, SectionId, malformed};
use super::place::Placed;

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
    if section.relocations.is_empty() {
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
    for relocation in section.relocations {
        let symbol = section.symbols_first + relocation.r_sym(LittleEndian, false) as usize;
        let Some(address) = addresses.get(symbol) else {
            return Err(malformed(
                "a relocation names a symbol that is not there".into(),
            ));
        };
        apply(relocation, *address, base, bytes)
            .map_err(|error| error.describe(section, relocation, inputs.symbols[symbol].name))?;
    }
    Ok(())
}

/// What can go wrong with one relocation, before it has words.
enum Failure {
    Unsupported,
    Outside,
    Overflow(i128),
}

impl Failure {
    #[cold]
    fn describe(
        self,
        section: &InputSection<'_>,
        relocation: &Rela64<LittleEndian>,
        symbol: &str,
    ) -> LinkError {
        let kind = relocation.r_type(LittleEndian, false);
        let offset = relocation.r_offset.get(LittleEndian);
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
fn apply(
    relocation: &Rela64<LittleEndian>,
    symbol: u64,
    base: u64,
    bytes: &mut [u8],
) -> Result<(), Failure> {
    let (field, relative) = match relocation.r_type(LittleEndian, false) {
        elf::R_X86_64_NONE => return Ok(()),
        elf::R_X86_64_64 => (Field::Whole, false),
        elf::R_X86_64_PC64 => (Field::Whole, true),
        elf::R_X86_64_32 => (Field::Unsigned32, false),
        elf::R_X86_64_32S => (Field::Signed32, false),
        // No procedure linkage table: everything is linked statically.
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => (Field::Signed32, true),
        _ => return Err(Failure::Unsupported),
    };
    let offset = relocation.r_offset.get(LittleEndian);
    let start = usize::try_from(offset).map_err(|_| Failure::Outside)?;
    let rest = bytes.get_mut(start..).ok_or(Failure::Outside)?;
    let addend = relocation.r_addend.get(LittleEndian);
    let mut value = symbol.wrapping_add_signed(addend);
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
