//! The prelinked kernel: an ELF executable, read in place.

use std::collections::HashMap;

use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{LittleEndian, SectionIndex};

use super::error::LinkError;

/// The section of unwind tables, in kernels and objects.
pub(super) const UNWIND_SECTION: &str = ".eh_frame";

/// A kernel that applications are linked against.
#[derive(Debug)]
pub struct Kernel<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) entry: u64,
    pub(super) segments: &'a [ProgramHeader64<LittleEndian>],
    pub(super) sections: Vec<KernelSection<'a>>,
    pub(super) symbols: Vec<KernelSymbol<'a>>,
    globals: HashMap<&'a str, u64>,
}

/// A section of the kernel that images keep.
#[derive(Debug)]
pub(super) struct KernelSection<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) entry_size: u64,
    pub(super) bytes: &'a [u8],
}

impl KernelSection<'_> {
    /// Whether the section is part of the kernel's memory.
    pub(super) fn is_loaded(&self) -> bool {
        self.flags & u64::from(elf::SHF_ALLOC) != 0
    }
}

/// A symbol of the kernel.
#[derive(Debug)]
pub(super) struct KernelSymbol<'a> {
    pub(super) name: &'a str,
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) info: u8,
    /// Its section, by its place in [`Kernel::sections`]; `None` for a number.
    pub(super) section: Option<usize>,
}

impl<'a> Kernel<'a> {
    /// Reads the ELF executable `bytes`.
    ///
    /// # Errors
    ///
    /// It is malformed, not for x86-64, or has no symbols.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let read = |error: object::read::Error| malformed(error.to_string());
        let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(read)?;
        // Also checks class and byte order.
        header.endian().map_err(read)?;
        if header.e_machine(LittleEndian) != elf::EM_X86_64 {
            return Err(malformed("it is not for x86-64".into()));
        }
        if header.e_type(LittleEndian) != elf::ET_EXEC {
            return Err(malformed("it is not linked at fixed addresses".into()));
        }
        let segments = header.program_headers(LittleEndian, bytes).map_err(read)?;
        for segment in segments {
            check_segment(segment, bytes)?;
        }
        let mut kernel = Self {
            bytes,
            entry: header.e_entry(LittleEndian),
            segments,
            sections: Vec::new(),
            symbols: Vec::new(),
            globals: HashMap::new(),
        };
        let kept = kernel.read_sections(header)?;
        kernel.read_symbols(header, &kept)?;
        Ok(kernel)
    }

    /// The file without what only people read, for a machine that gets its application later.
    #[must_use]
    pub fn without_sections(&self) -> Vec<u8> {
        let headers_end = size_of::<FileHeader64<LittleEndian>>() + size_of_val(self.segments);
        let end = self.segments.iter().map(|segment| {
            let start = segment.p_offset(LittleEndian);
            usize::try_from(start + segment.p_filesz(LittleEndian)).unwrap_or(usize::MAX)
        });
        let end = end.max().unwrap_or(0).max(headers_end);
        let mut bytes = self.bytes[..end.min(self.bytes.len())].to_vec();
        // `e_shoff`, `e_shnum` and `e_shstrndx` of the ELF specification, figure 4-3.
        bytes[0x28..0x30].fill(0);
        bytes[0x3c..0x40].fill(0);
        bytes
    }

    /// The address of the global symbol `name`.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<u64> {
        self.globals.get(name).copied()
    }

    /// Whether the kernel answers the import with this symbol.
    #[must_use]
    pub fn answers(&self, symbol: &str) -> bool {
        self.globals.contains_key(symbol)
    }

    /// The symbols of the imports that the kernel answers, sorted.
    #[must_use]
    pub fn imports(&self) -> Vec<&'a str> {
        let globals = self.globals.keys().copied();
        let mut imports: Vec<_> = globals.filter(|name| name.contains('$')).collect();
        imports.sort_unstable();
        imports
    }

    /// The kernel's unwind tables, the end mark left out, and their address.
    pub(super) fn unwind_tables(&self) -> (u64, &'a [u8]) {
        let named = |section: &&KernelSection<'_>| section.name == UNWIND_SECTION.as_bytes();
        let Some(section) = self.sections.iter().find(named) else {
            return (0, &[]);
        };
        let mut end = 0;
        // Records begin with their length; 0 marks the end.
        while let Some(head) = section.bytes[end..].first_chunk() {
            let len = u32::from_le_bytes(*head) as usize;
            if len == 0 || len > section.bytes.len() - end - head.len() {
                break;
            }
            end += head.len() + len;
        }
        (section.address, &section.bytes[..end])
    }

    /// The sections that only debuggers read.
    pub(super) fn debug_sections(&self) -> impl Iterator<Item = (&'a str, u64)> {
        let unloaded = self.sections.iter().filter(|section| !section.is_loaded());
        unloaded.filter_map(|section| Some((str::from_utf8(section.name).ok()?, section.size)))
    }

    /// Takes the sections that images keep; answers with the place of each, by its index in the file.
    fn read_sections(
        &mut self,
        header: &'a FileHeader64<LittleEndian>,
    ) -> Result<Vec<Option<usize>>, LinkError> {
        let read = |error: object::read::Error| malformed(error.to_string());
        let table = header.sections(LittleEndian, self.bytes).map_err(read)?;
        let mut kept = vec![None; table.len()];
        for (SectionIndex(index), section) in table.enumerate() {
            let name = table.section_name(LittleEndian, section).map_err(read)?;
            let flags = section.sh_flags(LittleEndian);
            let loaded = flags & u64::from(elf::SHF_ALLOC) != 0;
            if !loaded && !name.starts_with(b".debug_") {
                continue;
            }
            kept[index] = Some(self.sections.len());
            self.sections.push(KernelSection {
                name,
                kind: section.sh_type(LittleEndian),
                flags,
                address: section.sh_addr(LittleEndian),
                size: section.sh_size(LittleEndian),
                align: section.sh_addralign(LittleEndian),
                entry_size: section.sh_entsize(LittleEndian),
                bytes: section.data(LittleEndian, self.bytes).map_err(read)?,
            });
        }
        Ok(kept)
    }

    fn read_symbols(
        &mut self,
        header: &'a FileHeader64<LittleEndian>,
        kept: &[Option<usize>],
    ) -> Result<(), LinkError> {
        let read = |error: object::read::Error| malformed(error.to_string());
        let sections = header.sections(LittleEndian, self.bytes).map_err(read)?;
        let table = sections
            .symbols(LittleEndian, self.bytes, elf::SHT_SYMTAB)
            .map_err(read)?;
        for (index, symbol) in table.enumerate() {
            let name = table.symbol_name(LittleEndian, symbol).map_err(read)?;
            let Ok(name) = std::str::from_utf8(name) else {
                return Err(malformed("a symbol's name is not UTF-8".into()));
            };
            let kind = symbol.st_type();
            let undefined = symbol.st_shndx(LittleEndian) == elf::SHN_UNDEF;
            if undefined || name.is_empty() || kind == elf::STT_FILE || kind == elf::STT_SECTION {
                continue;
            }
            let section = table
                .symbol_section(LittleEndian, symbol, index)
                .map_err(read)?;
            let section = section.and_then(|SectionIndex(at)| kept.get(at).copied().flatten());
            let address = symbol.st_value(LittleEndian);
            if symbol.st_bind() != elf::STB_LOCAL {
                self.globals.insert(name, address);
            }
            self.symbols.push(KernelSymbol {
                name,
                address,
                size: symbol.st_size(LittleEndian),
                info: symbol.st_info(),
                section,
            });
        }
        if self.globals.is_empty() {
            return Err(malformed("it has no symbols".into()));
        }
        Ok(())
    }
}

/// A segment's content must lie in the file, and its alignment must allow to move it there.
fn check_segment(segment: &ProgramHeader64<LittleEndian>, bytes: &[u8]) -> Result<(), LinkError> {
    if segment.data(LittleEndian, bytes).is_err() {
        return Err(malformed("a segment lies outside the file".into()));
    }
    let align = segment.p_align(LittleEndian);
    if align > 1 << 21 || (align != 0 && !align.is_power_of_two()) {
        return Err(malformed(format!("a segment is aligned to {align}")));
    }
    Ok(())
}

fn malformed(reason: String) -> LinkError {
    LinkError::MalformedKernel { reason }
}
