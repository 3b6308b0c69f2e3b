//! Where each section lies, and what every symbol then stands for.
//!
//! Objects are collected in [`Inputs`] and placed at a base address: read-only data, code, writable data, zeros, each part
//! on pages of its own. The kernel's window and the tests' host runner use the same code.

use mewz_abi::address::PAGE_BYTES;
use object::elf;

use super::error::LinkError;
use super::input::{Definition, InputSymbol, Inputs, Part, SectionId};
use super::relocate;

/// Where to place, and how much room there is.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// First address: page aligned.
    pub base: u64,
    /// Most bytes that may be spanned, zeros included.
    pub bytes_max: u64,
}

/// Objects at their addresses, relocated.
#[derive(Debug)]
pub struct Placed<'a> {
    /// First address.
    pub base: u64,
    /// Content from `base` to `data_end`.
    pub bytes: Vec<u8>,
    /// First address after the read-only data, which begins at `base`.
    pub read_only_end: u64,
    /// First address of code: page aligned.
    pub text_start: u64,
    /// First address after the code.
    pub text_end: u64,
    /// First address of writable data: page aligned.
    pub data_start: u64,
    /// First address after the writable data that has content.
    pub data_end: u64,
    /// First address after the writable data that starts as zero.
    pub zero_end: u64,
    /// Every defined symbol that has a name.
    pub symbols: Vec<PlacedSymbol<'a>>,
    /// Every section, those that are not in memory included.
    pub sections: Vec<PlacedSection<'a>>,
}

/// A symbol at its address.
#[derive(Clone, Copy, Debug)]
pub struct PlacedSymbol<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it stands for.
    pub address: u64,
    /// Bytes from there on.
    pub size: u64,
    /// `STT_FUNC`, `STT_OBJECT`, … of the ELF specification.
    pub kind: u8,
    /// Whether other objects see it.
    pub global: bool,
    /// The section it lies in, by its place in [`Placed::sections`]; `None` for a number.
    pub section: Option<usize>,
}

/// A section at its address.
#[derive(Debug)]
pub struct PlacedSection<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which part it is in.
    pub part: Part,
    /// Its first address; where it is not in memory, the one that [`Inputs::unload`] gave it, or 0.
    pub address: u64,
    /// Bytes that it spans.
    pub size: u64,
    /// Alignment of its address.
    pub align: u64,
    /// Content of a section that is not in memory; the others have theirs in [`Placed::bytes`].
    pub unloaded: Vec<u8>,
}

impl Placed<'_> {
    /// The content of `section`.
    pub fn section_mut(&mut self, SectionId(section): SectionId) -> &mut [u8] {
        let section = &self.sections[section];
        let start = (section.address - self.base) as usize;
        &mut self.bytes[start..start + section.size as usize]
    }

    /// The address of `section`.
    #[must_use]
    pub fn section_address(&self, SectionId(section): SectionId) -> u64 {
        self.sections[section].address
    }

    /// The address of the global symbol `name`.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<u64> {
        let mut globals = self.symbols.iter().filter(|symbol| symbol.global);
        globals
            .find(|symbol| symbol.name == name)
            .map(|symbol| symbol.address)
    }
}

/// Places `inputs` into `room`; `resolve` answers for names that they don't define. Where they define one weakly, an
/// answer of `resolve` goes before it, so that what is placed earlier and later can share it.
///
/// # Errors
///
/// There is no room, a symbol has no definition, or a relocation is unknown or can't reach.
pub fn place<'a>(
    inputs: &Inputs<'a>,
    room: Room,
    resolve: impl Fn(&str) -> Option<u64>,
) -> Result<Placed<'a>, LinkError> {
    let mut placed = lay_out(inputs, room)?;
    let addresses = symbol_addresses(inputs, &placed, resolve)?;
    for (at, section) in inputs.sections.iter().enumerate() {
        copy(section.bytes, at, &mut placed);
        relocate::section(inputs, at, &addresses, &mut placed)?;
    }
    placed.symbols = inputs
        .symbols
        .iter()
        .zip(&addresses)
        .filter_map(|(symbol, address)| placed_symbol(symbol, *address))
        .collect();
    Ok(placed)
}

/// Gives every section its address and makes room for the content.
fn lay_out<'a>(inputs: &Inputs<'a>, room: Room) -> Result<Placed<'a>, LinkError> {
    let mut sections: Vec<_> = inputs
        .sections
        .iter()
        .map(|section| PlacedSection {
            name: section.name,
            part: section.part,
            address: section.unloaded_address,
            size: section.size,
            align: section.align,
            unloaded: Vec::new(),
        })
        .collect();
    let mut cursor = Cursor {
        address: room.base,
        room,
    };
    let mut lay = |part: Part| -> Result<(u64, u64), LinkError> {
        if part != Part::Zero {
            cursor.align(PAGE_BYTES)?;
        }
        let start = cursor.address;
        for section in sections.iter_mut().filter(|section| section.part == part) {
            cursor.align(section.align)?;
            section.address = cursor.address;
            cursor.advance(section.size)?;
        }
        Ok((start, cursor.address))
    };
    let (_, read_only_end) = lay(Part::ReadOnly)?;
    let (text_start, text_end) = lay(Part::Text)?;
    let (data_start, data_end) = lay(Part::Data)?;
    let (_, zero_end) = lay(Part::Zero)?;
    Ok(Placed {
        base: room.base,
        bytes: vec![0; (data_end - room.base) as usize],
        read_only_end,
        text_start,
        text_end,
        data_start,
        data_end,
        zero_end,
        symbols: Vec::new(),
        sections,
    })
}

/// The next free address.
struct Cursor {
    address: u64,
    room: Room,
}

impl Cursor {
    fn align(&mut self, align: u64) -> Result<(), LinkError> {
        let padding = self.address.wrapping_neg() & (align - 1);
        self.advance(padding)
    }

    fn advance(&mut self, bytes: u64) -> Result<(), LinkError> {
        let used = self.address - self.room.base;
        let needed = used.saturating_add(bytes);
        if needed > self.room.bytes_max {
            return Err(LinkError::TooLarge {
                bytes: needed,
                bytes_max: self.room.bytes_max,
            });
        }
        self.address += bytes;
        Ok(())
    }
}

/// What each symbol stands for, in the order of [`Inputs::symbols`].
fn symbol_addresses(
    inputs: &Inputs<'_>,
    placed: &Placed<'_>,
    resolve: impl Fn(&str) -> Option<u64>,
) -> Result<Vec<u64>, LinkError> {
    let address_of = |symbol: &InputSymbol<'_>| match symbol.definition {
        Definition::Section(SectionId(section), offset) => {
            placed.sections[section].address.wrapping_add(offset)
        }
        Definition::Absolute(value) => value,
        Definition::Undefined => 0,
    };
    let one = |symbol: &InputSymbol<'_>| {
        if !symbol.global {
            return Ok(address_of(symbol));
        }
        let defined = inputs
            .globals
            .get(symbol.name)
            .map(|at| &inputs.symbols[*at]);
        match defined {
            Some(strong) if !strong.weak => Ok(address_of(strong)),
            weak => match (resolve(symbol.name), weak) {
                (Some(address), _) => Ok(address),
                (None, Some(weak)) => Ok(address_of(weak)),
                (None, None) if symbol.weak => Ok(0),
                (None, None) => Err(LinkError::UndefinedSymbol {
                    symbol: symbol.name.to_owned(),
                }),
            },
        }
    };
    inputs.symbols.iter().map(one).collect()
}

fn copy(bytes: &[u8], at: usize, placed: &mut Placed<'_>) {
    let section = &mut placed.sections[at];
    match section.part {
        Part::Zero => {}
        Part::Unloaded => section.unloaded = bytes.to_vec(),
        _ if bytes.is_empty() => {}
        _ => placed.section_mut(SectionId(at)).copy_from_slice(bytes),
    }
}

fn placed_symbol<'a>(symbol: &InputSymbol<'a>, address: u64) -> Option<PlacedSymbol<'a>> {
    let section = match symbol.definition {
        Definition::Section(SectionId(section), _) => Some(section),
        Definition::Absolute(_) => None,
        Definition::Undefined => return None,
    };
    let named = !symbol.name.is_empty() && symbol.kind != elf::STT_FILE;
    named.then_some(PlacedSymbol {
        name: symbol.name,
        address,
        size: symbol.size,
        kind: symbol.kind,
        global: symbol.global,
        section,
    })
}
