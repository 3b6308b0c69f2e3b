//! What relocatable objects bring: sections, symbols, relocations, read in place, from a file or from memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use object::elf::{self, FileHeader64, Rela64, SectionHeader64, Sym64};
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym, SymbolTable};
use object::{LittleEndian, SectionIndex, SymbolIndex};

use super::error::LinkError;
use crate::relocatable::{self, Binding, Object};

/// Largest alignment of a section that is taken: more would only waste the window.
const ALIGN_MAX: u64 = 1 << 16;

/// Where a section goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Read-only data, relocated data that nobody writes later included.
    ReadOnly,
    /// Code.
    Text,
    /// Writable data.
    Data,
    /// Writable data that starts as zero.
    Zero,
    /// Not in memory: for debuggers.
    Unloaded,
}

/// A relocatable object.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// An ELF file.
    File(&'a [u8]),
    /// One that was never written.
    Object(&'a Object),
}

impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(file: &'a [u8]) -> Self {
        Input::File(file)
    }
}

impl<'a> From<&'a Vec<u8>> for Input<'a> {
    fn from(file: &'a Vec<u8>) -> Self {
        Input::File(file)
    }
}

impl<'a> From<&'a Object> for Input<'a> {
    fn from(object: &'a Object) -> Self {
        Input::Object(object)
    }
}

/// A section, by its place in `Inputs::sections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionId(pub(super) usize);

/// A section of an object, or one that [`Inputs::reserve`] made.
#[derive(Debug)]
pub(super) struct InputSection<'a> {
    pub(super) name: &'a str,
    pub(super) part: Part,
    /// Where it pretends to be while it is not in memory.
    pub(super) unloaded_address: u64,
    pub(super) align: u64,
    pub(super) size: u64,
    /// Empty where the section is all zeros.
    pub(super) bytes: &'a [u8],
    pub(super) relocations: Relocations<'a>,
    /// What to add to a relocation's symbol index for [`Inputs::symbols`].
    pub(super) symbols_first: usize,
}

/// Relocations of a section.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relocations<'a> {
    /// As a file has them.
    File(&'a [Rela64<LittleEndian>]),
    /// As they are in memory.
    Object(&'a [relocatable::Relocation]),
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    /// An offset in a section.
    Section(SectionId, u64),
    /// A number.
    Absolute(u64),
    /// Nothing: somebody else has it.
    Undefined,
}

/// A symbol of an object.
#[derive(Debug)]
pub(super) struct InputSymbol<'a> {
    pub(super) name: &'a str,
    pub(super) definition: Definition,
    pub(super) size: u64,
    /// `STT_FUNC` and the like.
    pub(super) kind: u8,
    pub(super) global: bool,
    pub(super) weak: bool,
}

/// Everything that is to be placed together.
#[derive(Debug, Default)]
pub struct Inputs<'a> {
    pub(super) sections: Vec<InputSection<'a>>,
    pub(super) symbols: Vec<InputSymbol<'a>>,
    /// The definition of each global name, by its place in `symbols`.
    pub(super) globals: HashMap<&'a str, usize>,
}

impl<'a> Inputs<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object.
    ///
    /// # Errors
    ///
    /// It is malformed, not for x86-64, or defines a global symbol that is already defined.
    pub fn add(&mut self, input: impl Into<Input<'a>>) -> Result<(), LinkError> {
        match input.into() {
            Input::File(bytes) => {
                let reader = Reader::new(bytes)?;
                let sections = self.add_sections(&reader)?;
                self.add_symbols(&reader, &sections)
            }
            Input::Object(object) => self.add_object(object),
        }
    }

    fn add_object(&mut self, object: &'a Object) -> Result<(), LinkError> {
        use crate::relocatable::SectionKind;
        let symbols_first = self.symbols.len();
        let sections_first = self.sections.len();
        for section in &object.sections {
            let is_whole = section.bytes.is_empty() || section.bytes.len() as u64 == section.size;
            if !is_whole || !section.align.is_power_of_two() {
                return Err(malformed(format!("section `{}` is torn", section.name)));
            }
            self.sections.push(InputSection {
                name: section.name,
                part: match section.kind {
                    SectionKind::Text => Part::Text,
                    SectionKind::ReadOnly
                    | SectionKind::ReadOnlyAfterRelocation
                    | SectionKind::Unwind => Part::ReadOnly,
                    SectionKind::Data => Part::Data,
                    SectionKind::Zero => Part::Zero,
                    SectionKind::Unloaded => Part::Unloaded,
                },
                unloaded_address: 0,
                align: section.align,
                size: section.size,
                bytes: &section.bytes,
                relocations: Relocations::Object(&section.relocations),
                symbols_first,
            });
        }
        self.symbols.reserve(object.symbols.len());
        for symbol in &object.symbols {
            let read = InputSymbol {
                name: &symbol.name,
                definition: match symbol.definition {
                    None => Definition::Undefined,
                    Some((section, _)) if section as usize >= object.sections.len() => {
                        let name = &symbol.name;
                        return Err(malformed(format!("symbol `{name}` is in no section")));
                    }
                    Some((section, offset)) => {
                        let section = SectionId(sections_first + section as usize);
                        Definition::Section(section, offset)
                    }
                },
                size: symbol.size,
                kind: match (symbol.definition, symbol.is_function) {
                    (None, _) => elf::STT_NOTYPE,
                    (_, true) => elf::STT_FUNC,
                    (_, false) => elf::STT_OBJECT,
                },
                global: symbol.binding != Binding::Local,
                weak: symbol.binding == Binding::Weak,
            };
            if read.global && read.definition != Definition::Undefined {
                self.define_global(&read, self.symbols.len())?;
            }
            self.symbols.push(read);
        }
        Ok(())
    }

    /// Adds a section of `size` zeros, whose content is to be stored after placing.
    pub fn reserve(&mut self, name: &'a str, part: Part, size: u64, align: u64) -> SectionId {
        debug_assert!(align.is_power_of_two());
        self.sections.push(InputSection {
            name,
            part,
            unloaded_address: 0,
            align,
            size,
            bytes: &[],
            relocations: Relocations::File(&[]),
            symbols_first: 0,
        });
        SectionId(self.sections.len() - 1)
    }

    /// Takes the sections `name` out of memory, relocated as if they lay one behind the other from `address` on.
    pub fn unload(&mut self, name: &str, mut address: u64) {
        let named = |section: &&mut InputSection<'_>| section.name == name;
        for section in self.sections.iter_mut().filter(named) {
            section.part = Part::Unloaded;
            section.unloaded_address = address;
            address = address.wrapping_add(section.size);
        }
    }

    /// Defines the function `name` at `offset` of `section`, unless an object defines it.
    pub fn define(&mut self, name: &'a str, section: SectionId, offset: u64, size: u64) {
        self.symbols.push(InputSymbol {
            name,
            definition: Definition::Section(section, offset),
            size,
            kind: elf::STT_FUNC,
            global: true,
            weak: false,
        });
        self.globals.entry(name).or_insert(self.symbols.len() - 1);
    }

    /// The names that objects use and neither an object nor `resolve` defines: each once, in order of first use.
    pub fn undefined(&self, resolve: impl Fn(&str) -> Option<u64>) -> Vec<&'a str> {
        let mut seen = std::collections::HashSet::new();
        let wanted = self.symbols.iter().filter(|symbol| {
            symbol.definition == Definition::Undefined && !symbol.weak && !symbol.name.is_empty()
        });
        wanted
            .map(|symbol| symbol.name)
            .filter(|name| !self.globals.contains_key(name) && seen.insert(*name))
            .filter(|name| resolve(name).is_none())
            .collect()
    }

    /// Takes the sections; answers with the part of each section of the object, by its index there.
    fn add_sections(&mut self, reader: &Reader<'a>) -> Result<Vec<Option<SectionId>>, LinkError> {
        let symbols_first = self.symbols.len();
        let mut taken = vec![None; reader.sections.len()];
        for (index, header) in reader.sections.enumerate() {
            let name = reader.section_name(header)?;
            let Some(part) = part_of(header, name) else {
                continue;
            };
            let align = header.sh_addralign(LittleEndian).max(1);
            if !align.is_power_of_two() || align > ALIGN_MAX {
                return Err(malformed(format!("section `{name}` is aligned to {align}")));
            }
            let bytes = header
                .data(LittleEndian, reader.bytes)
                .map_err(|_| malformed(format!("section `{name}` lies outside the file")))?;
            taken[index.0] = Some(SectionId(self.sections.len()));
            self.sections.push(InputSection {
                name,
                part,
                unloaded_address: 0,
                align,
                size: header.sh_size(LittleEndian),
                bytes,
                relocations: Relocations::File(&[]),
                symbols_first,
            });
        }
        for (_, header) in reader.sections.enumerate() {
            self.add_relocations(reader, header, &taken)?;
        }
        Ok(taken)
    }

    fn add_relocations(
        &mut self,
        reader: &Reader<'a>,
        header: &'a SectionHeader64<LittleEndian>,
        taken: &[Option<SectionId>],
    ) -> Result<(), LinkError> {
        if header.sh_type(LittleEndian) == elf::SHT_REL {
            return Err(malformed("it has relocations without addends".into()));
        }
        let Some((relocations, _)) = header
            .rela(LittleEndian, reader.bytes)
            .map_err(|error| malformed(error.to_string()))?
        else {
            return Ok(());
        };
        let target = header.info_link(LittleEndian).0;
        let Some(section) = taken.get(target).copied() else {
            return Err(malformed(
                "relocations for a section that is not there".into(),
            ));
        };
        if let Some(SectionId(section)) = section {
            self.sections[section].relocations = Relocations::File(relocations);
        }
        Ok(())
    }

    fn add_symbols(
        &mut self,
        reader: &Reader<'a>,
        sections: &[Option<SectionId>],
    ) -> Result<(), LinkError> {
        // The null symbol comes along, so that a relocation's index needs only one addition.
        self.symbols.reserve(reader.symbols.len());
        for (index, symbol) in reader.symbols.enumerate() {
            let read = reader.symbol(index, symbol, sections)?;
            if read.global && read.definition != Definition::Undefined {
                self.define_global(&read, self.symbols.len())?;
            }
            self.symbols.push(read);
        }
        Ok(())
    }

    fn define_global(&mut self, symbol: &InputSymbol<'a>, place: usize) -> Result<(), LinkError> {
        match self.globals.entry(symbol.name) {
            Entry::Vacant(entry) => {
                entry.insert(place);
            }
            Entry::Occupied(_) if symbol.weak => {}
            Entry::Occupied(mut entry) if self.symbols[*entry.get()].weak => {
                entry.insert(place);
            }
            Entry::Occupied(_) => {
                return Err(LinkError::DuplicateSymbol {
                    symbol: symbol.name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// One object, its headers checked.
struct Reader<'a> {
    bytes: &'a [u8],
    sections: SectionTable<'a, FileHeader64<LittleEndian>>,
    symbols: SymbolTable<'a, FileHeader64<LittleEndian>>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let read = |error: object::read::Error| malformed(error.to_string());
        let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(read)?;
        // Also checks class and byte order.
        header.endian().map_err(read)?;
        if header.e_machine(LittleEndian) != elf::EM_X86_64 {
            return Err(malformed("it is not for x86-64".into()));
        }
        if header.e_type(LittleEndian) != elf::ET_REL {
            return Err(malformed("it is not relocatable".into()));
        }
        let sections = header.sections(LittleEndian, bytes).map_err(read)?;
        let symbols = sections
            .symbols(LittleEndian, bytes, elf::SHT_SYMTAB)
            .map_err(read)?;
        Ok(Self {
            bytes,
            sections,
            symbols,
        })
    }

    fn section_name(
        &self,
        header: &'a SectionHeader64<LittleEndian>,
    ) -> Result<&'a str, LinkError> {
        let name = self
            .sections
            .section_name(LittleEndian, header)
            .map_err(|error| malformed(error.to_string()))?;
        text(name)
    }

    fn symbol(
        &self,
        index: SymbolIndex,
        symbol: &'a Sym64<LittleEndian>,
        sections: &[Option<SectionId>],
    ) -> Result<InputSymbol<'a>, LinkError> {
        let name = self
            .symbols
            .symbol_name(LittleEndian, symbol)
            .map_err(|error| malformed(error.to_string()))
            .and_then(text)?;
        let value = symbol.st_value(LittleEndian);
        let definition = match symbol.st_shndx(LittleEndian) {
            elf::SHN_UNDEF => Definition::Undefined,
            elf::SHN_ABS => Definition::Absolute(value),
            elf::SHN_COMMON => {
                return Err(malformed(format!("symbol `{name}` is a common symbol")));
            }
            _ => {
                let section = self
                    .symbols
                    .symbol_section(LittleEndian, symbol, index)
                    .map_err(|error| malformed(error.to_string()))?;
                match section.and_then(|SectionIndex(at)| sections.get(at)) {
                    // A section that is not taken, such as a group's: nothing that is taken refers to it.
                    Some(None) => Definition::Absolute(0),
                    Some(Some(section)) => Definition::Section(*section, value),
                    None => {
                        return Err(malformed(format!("symbol `{name}` is in no section")));
                    }
                }
            }
        };
        Ok(InputSymbol {
            name,
            definition,
            size: symbol.st_size(LittleEndian),
            kind: symbol.st_type(),
            global: symbol.st_bind() != elf::STB_LOCAL,
            weak: symbol.st_bind() == elf::STB_WEAK,
        })
    }
}

/// Where a section with this header goes; `None` where it is not needed.
fn part_of(header: &SectionHeader64<LittleEndian>, name: &str) -> Option<Part> {
    let flags = header.sh_flags(LittleEndian);
    let kind = header.sh_type(LittleEndian);
    let has = |flag: u32| flags & u64::from(flag) != 0;
    let content = matches!(
        kind,
        elf::SHT_PROGBITS
            | elf::SHT_NOBITS
            | elf::SHT_NOTE
            | elf::SHT_X86_64_UNWIND
            | elf::SHT_INIT_ARRAY
            | elf::SHT_FINI_ARRAY
    );
    if !content {
        None
    } else if !has(elf::SHF_ALLOC) {
        let kept = name.starts_with(".debug_") || name.starts_with(".mewz.");
        (kept && kind == elf::SHT_PROGBITS).then_some(Part::Unloaded)
    } else if kind == elf::SHT_NOBITS {
        Some(Part::Zero)
    } else if has(elf::SHF_EXECINSTR) {
        Some(Part::Text)
    } else if !has(elf::SHF_WRITE) || name.starts_with(".data.rel.ro") {
        // Relocated once, here, and then only read.
        Some(Part::ReadOnly)
    } else {
        Some(Part::Data)
    }
}

fn text(name: &[u8]) -> Result<&str, LinkError> {
    std::str::from_utf8(name).map_err(|_| malformed("a name is not UTF-8".into()))
}

pub(super) fn malformed(reason: String) -> LinkError {
    LinkError::MalformedObject { reason }
}
