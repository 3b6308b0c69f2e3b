//! Kernels and objects that are made for a test.

use mewz_abi::address::{KERNEL_BASE, KERNEL_PHYSICAL};
use object::elf;
use object::write::elf::{FileHeader, ProgramHeader, SectionHeader, Sym, Writer};
use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, SymbolKind, SymbolScope,
};

pub(crate) const KERNEL_ADDRESS: u64 = KERNEL_BASE + KERNEL_PHYSICAL;
pub(crate) const ANSWERED: &str = "env$answered$$";

/// A kernel of one segment: a note, then code in which every function is four bytes.
pub(crate) fn kernel(functions: &[&str]) -> Vec<u8> {
    let note = [
        &4u32.to_le_bytes()[..],
        &4u32.to_le_bytes(),
        &18u32.to_le_bytes(),
        b"Xen\0",
        &0x10_1000u32.to_le_bytes(),
    ]
    .concat();
    let mut segment = note.clone();
    segment.resize(64 + 4 * functions.len(), 0xcc);
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    writer.reserve_file_header();
    writer.reserve_program_headers(2);
    let offset = writer.reserve(segment.len(), 4096) as u64;
    let debug = b"debug information";
    let debug_offset = writer.reserve(debug.len(), 1) as u64;
    let text_name = writer.add_section_name(b".text");
    let text = writer.reserve_section_index();
    let debug_name = writer.add_section_name(b".debug_info");
    writer.reserve_section_index();
    writer.reserve_null_symbol_index();
    let names: Vec<_> = functions
        .iter()
        .map(|name| writer.add_string(name.as_bytes()))
        .collect();
    for _ in functions {
        writer.reserve_symbol_index(Some(text));
    }
    writer.reserve_symtab_section_index();
    writer.reserve_strtab_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_symtab();
    writer.reserve_strtab();
    writer.reserve_shstrtab();
    writer.reserve_section_headers();
    let header = FileHeader {
        os_abi: 0,
        abi_version: 0,
        e_type: elf::ET_EXEC,
        e_machine: elf::EM_X86_64,
        e_entry: KERNEL_PHYSICAL + 64,
        e_flags: 0,
    };
    writer.write_file_header(&header).unwrap();
    writer.write_align_program_headers();
    let load = ProgramHeader {
        p_type: elf::PT_LOAD,
        p_flags: elf::PF_R | elf::PF_X,
        p_offset: offset,
        p_vaddr: KERNEL_ADDRESS,
        p_paddr: KERNEL_PHYSICAL,
        p_filesz: segment.len() as u64,
        p_memsz: segment.len() as u64 + 4096,
        p_align: 4096,
    };
    writer.write_program_header(&load);
    writer.write_program_header(&ProgramHeader {
        p_type: elf::PT_NOTE,
        p_filesz: note.len() as u64,
        p_memsz: note.len() as u64,
        p_align: 4,
        ..load
    });
    writer.pad_until(offset as usize);
    writer.write(&segment);
    writer.write(debug);
    writer.write_null_symbol();
    for (name, at) in names.into_iter().zip(0..) {
        writer.write_symbol(&Sym {
            name: Some(name),
            section: Some(text),
            st_info: elf::STB_GLOBAL << 4 | elf::STT_FUNC,
            st_other: 0,
            st_shndx: 0,
            st_value: KERNEL_ADDRESS + 64 + 4 * at,
            st_size: 4,
        });
    }
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    let section = SectionHeader {
        name: Some(text_name),
        sh_type: elf::SHT_PROGBITS,
        sh_flags: u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR),
        sh_addr: KERNEL_ADDRESS,
        sh_offset: offset,
        sh_size: segment.len() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 16,
        sh_entsize: 0,
    };
    writer.write_section_header(&section);
    writer.write_section_header(&SectionHeader {
        name: Some(debug_name),
        sh_flags: 0,
        sh_addr: 0,
        sh_offset: debug_offset,
        sh_size: debug.len() as u64,
        sh_addralign: 1,
        ..section
    });
    writer.write_symtab_section_header(1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    bytes
}

/// An object in the making.
pub(crate) struct ObjectBuilder(pub(crate) Object<'static>);

impl ObjectBuilder {
    /// With the application's descriptor, 16 bytes.
    pub(crate) fn application() -> Self {
        let mut builder = Self::empty();
        builder.data("mewz_application", &[0x11; 16]);
        builder
    }

    pub(crate) fn empty() -> Self {
        Self(Object::new(
            BinaryFormat::Elf,
            Architecture::X86_64,
            Endianness::Little,
        ))
    }

    fn symbol(&mut self, name: &str, kind: SymbolKind, weak: bool) -> object::write::SymbolId {
        self.0.add_symbol(Symbol {
            name: name.into(),
            value: 0,
            size: 0,
            kind,
            scope: SymbolScope::Dynamic,
            weak,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        })
    }

    pub(crate) fn define(
        &mut self,
        section: StandardSection,
        name: &str,
        bytes: &[u8],
        weak: bool,
    ) -> &mut Self {
        let section = self.0.section_id(section);
        let kind = if name.starts_with("mewz") {
            SymbolKind::Data
        } else {
            SymbolKind::Text
        };
        let symbol = self.symbol(name, kind, weak);
        self.0.add_symbol_data(symbol, section, bytes, 16);
        self
    }

    fn data(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        self.define(StandardSection::Data, name, bytes, false)
    }

    pub(crate) fn text(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        self.define(StandardSection::Text, name, bytes, false)
    }

    pub(crate) fn relocate(
        &mut self,
        section: StandardSection,
        offset: u64,
        kind: u32,
        symbol: &str,
        addend: i64,
    ) -> &mut Self {
        let section = self.0.section_id(section);
        let known = self.0.symbol_id(symbol.as_bytes());
        let symbol = known.unwrap_or_else(|| self.symbol(symbol, SymbolKind::Text, false));
        let flags = RelocationFlags::Elf { r_type: kind };
        let relocation = Relocation {
            offset,
            symbol,
            addend,
            flags,
        };
        self.0.add_relocation(section, relocation).unwrap();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.write().unwrap()
    }
}

/// Calls an import that the kernel answers and one that it does not, and points to itself from data.
pub(crate) fn application() -> Vec<u8> {
    ObjectBuilder::application()
        .text("run", &[0xe8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0xc3])
        .relocate(StandardSection::Text, 1, elf::R_X86_64_PLT32, ANSWERED, -4)
        .relocate(
            StandardSection::Text,
            6,
            elf::R_X86_64_PC32,
            "env$mis.2dsing$ii$i",
            -4,
        )
        .relocate(StandardSection::Data, 8, elf::R_X86_64_64, "run", 3)
        .bytes()
}

pub(crate) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}
