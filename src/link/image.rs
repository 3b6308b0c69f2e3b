//! A kernel and an application window in one bootable ELF.
//!
//! Layout of the file: header, program headers, a note that names the build, the kernel's segments, the window, the pack,
//! sections for debuggers, symbols, section headers. Without sections for debuggers and symbols the headers come behind the note,
//! where there is room for them. Loaded content keeps its addresses; only its place in the file is new.

use mewz_abi::address::{PAGE_BYTES, WINDOW_BASE, WINDOW_PHYSICAL};
use object::Endianness;
use object::LittleEndian;
use object::elf;
use object::read::elf::ProgramHeader as _;
use object::write::StringId;
use object::write::elf::{FileHeader, ProgramHeader, SectionHeader, SectionIndex, Sym, Writer};

use super::error::LinkError;
use super::input::{Input, Part};
use super::kernel::{Kernel, KernelSection, UNWIND_SECTION};
use super::place::{Placed, PlacedSection, PlacedSymbol};
use super::window::{Missing, Window, pack_address, window_before_pack};

/// Choices for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageOptions<'a> {
    /// What the file has.
    pub content: ImageContent,
    /// Names this build; by default a digest of what goes into the machine.
    pub build_id: Option<[u8; 16]>,
    /// A pack that the image carries along (see `mewz_abi::pack`), in parts that follow each other; none where it is empty.
    pub pack: &'a [Vec<u8>],
}

/// What the file of an image has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageContent {
    /// All: it boots, and debuggers know it.
    #[default]
    Whole,
    /// What boots alone.
    Stripped,
    /// What debuggers read alone: it lies beside a stripped image of the same build.
    DebugFile,
}

/// A bootable image.
#[derive(Debug)]
pub struct Image {
    /// The ELF executable.
    pub bytes: Vec<u8>,
    /// Function imports that the kernel does not answer: calling one is a trap.
    pub missing: Vec<Missing>,
    /// What names this build.
    pub build_id: [u8; 16],
}

/// Links `object` with `kernel` into an image that boots with `qemu-system-x86_64 -kernel`.
///
/// # Errors
///
/// Those of [`window`](super::window::window).
pub fn image<'a>(
    kernel: &Kernel<'_>,
    object: impl Into<Input<'a>>,
    options: &ImageOptions<'_>,
) -> Result<Image, LinkError> {
    let window = window_before_pack(kernel, object, options.build_id, options.pack)?;
    Ok(Image {
        bytes: image_of(kernel, &window, options)?,
        missing: window.missing,
        build_id: window.build_id,
    })
}

/// Puts a window and its kernel into one ELF executable.
fn image_of(
    kernel: &Kernel<'_>,
    window: &Window<'_>,
    options: &ImageOptions<'_>,
) -> Result<Vec<u8>, LinkError> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    let note = build_note(&window.build_id);
    let plan = Plan::new(&mut writer, kernel, (&window.placed, &note), options);
    plan.write(&mut writer).map_err(|_| LinkError::TooLarge {
        bytes: writer.reserved_len() as u64,
        bytes_max: u64::MAX,
    })?;
    Ok(bytes)
}

/// The note by which debuggers know a build, and find its debug file: lengths, the kind, who says so, the name.
fn build_note(build_id: &[u8; 16]) -> Vec<u8> {
    let mut note = Vec::with_capacity(32);
    for number in [BUILD_NOTE_OWNER.len() as u32, 16, elf::NT_GNU_BUILD_ID] {
        note.extend_from_slice(&number.to_le_bytes());
    }
    note.extend_from_slice(BUILD_NOTE_OWNER);
    note.extend_from_slice(build_id);
    note
}

/// Who defines the note.
const BUILD_NOTE_OWNER: &[u8] = b"GNU\0";

/// What goes into the file, and where.
struct Plan<'a> {
    kernel: &'a Kernel<'a>,
    placed: &'a Placed<'a>,
    content: ImageContent,
    segments: Vec<ProgramHeader>,
    contents: Vec<Content<'a>>,
    sections: Vec<SectionHeader>,
    symbols: Vec<Sym>,
    /// How many of the contents lie before the symbols and the sections' headers.
    before_headers: usize,
    /// Symbols that only their own object sees: they come first.
    locals: u32,
}

/// Bytes with a place in the file.
struct Content<'a> {
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Plan<'a> {
    fn new(
        writer: &mut Writer<'a>,
        kernel: &'a Kernel<'a>,
        (placed, note): (&'a Placed<'a>, &'a [u8]),
        options: &ImageOptions<'a>,
    ) -> Self {
        let content = options.content;
        let mut plan = Self {
            kernel,
            placed,
            content,
            segments: Vec::new(),
            contents: Vec::new(),
            sections: Vec::new(),
            symbols: Vec::new(),
            before_headers: 0,
            locals: 0,
        };
        writer.reserve_file_header();
        let window_segments = plan.window_segments(0).count();
        let pack_segments = usize::from(!options.pack.is_empty());
        let segments = kernel.segments.len() + window_segments + pack_segments;
        writer.reserve_program_headers(segments as u32);
        // There is room for it before the first segment's page, and for the headers where sections have no other content.
        plan.reserve_note(writer, note);
        if content == ImageContent::Stripped {
            plan.reserve_sections(writer, options.pack);
        }
        let kernel_segments = plan.reserve_kernel(writer);
        plan.segments = kernel_segments;
        let window_offset = plan.reserve_loaded(writer, &placed.bytes, PAGE_BYTES as usize);
        let window_segments: Vec<_> = plan.window_segments(window_offset).collect();
        plan.segments.extend(window_segments);
        if !options.pack.is_empty() {
            plan.reserve_pack(writer, options.pack);
        }
        if content != ImageContent::Stripped {
            plan.reserve_sections(writer, options.pack);
        }
        plan.locate_loaded();
        if content == ImageContent::DebugFile {
            plan.forget_loaded();
        }
        plan
    }

    fn reserve(&mut self, writer: &mut Writer<'a>, bytes: &'a [u8], align: usize) -> usize {
        let offset = writer.reserve(bytes.len(), align);
        self.contents.push(Content { offset, bytes });
        offset
    }

    /// As [`Plan::reserve`], of what is loaded: a debug file has none of it.
    fn reserve_loaded(&mut self, writer: &mut Writer<'a>, bytes: &'a [u8], align: usize) -> usize {
        match self.content {
            ImageContent::DebugFile => writer.reserve(0, 1),
            ImageContent::Whole | ImageContent::Stripped => self.reserve(writer, bytes, align),
        }
    }

    /// Says of the sections that are loaded where they are in the file.
    fn locate_loaded(&mut self) {
        for section in loaded(&mut self.sections) {
            section.sh_offset = offset_of(section.sh_addr, &self.segments).unwrap_or(0);
        }
    }

    /// Says of what is loaded that it is not in this file.
    fn forget_loaded(&mut self) {
        for segment in &mut self.segments {
            segment.p_offset = 0;
            segment.p_filesz = 0;
        }
        for section in loaded(&mut self.sections) {
            section.sh_type = elf::SHT_NOBITS;
            section.sh_offset = 0;
        }
    }

    /// Gives the note its place and a header.
    fn reserve_note(&mut self, writer: &mut Writer<'a>, note: &'a [u8]) {
        let offset = self.reserve(writer, note, 4);
        self.sections.push(SectionHeader {
            name: Some(writer.add_section_name(b".note.gnu.build-id")),
            sh_type: elf::SHT_NOTE,
            // Not in memory: the window's header has the name too.
            sh_flags: 0,
            sh_addr: 0,
            sh_offset: offset as u64,
            sh_size: note.len() as u64,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 4,
            sh_entsize: 0,
        });
        writer.reserve_section_index();
    }

    /// Gives the pack its place: a segment to be read.
    fn reserve_pack(&mut self, writer: &mut Writer<'a>, pack: &'a [Vec<u8>]) {
        let address = pack_address(self.placed);
        let offset = self.reserve_loaded(writer, &[], PAGE_BYTES as usize) as u64;
        for part in pack {
            self.reserve_loaded(writer, part, 1);
        }
        let size = pack.iter().map(Vec::len).sum::<usize>() as u64;
        self.segments.push(ProgramHeader {
            p_type: elf::PT_LOAD,
            p_flags: elf::PF_R,
            p_offset: offset,
            p_vaddr: address,
            p_paddr: address - WINDOW_BASE + WINDOW_PHYSICAL,
            p_filesz: size,
            p_memsz: size,
            p_align: PAGE_BYTES,
        });
    }

    /// The section that tells what the pack's segment is.
    fn pack_section(&self, writer: &mut Writer<'a>, pack: &[Vec<u8>]) -> SectionHeader {
        SectionHeader {
            name: Some(writer.add_section_name(b".mewz.pack")),
            sh_type: elf::SHT_PROGBITS,
            sh_flags: elf::SHF_ALLOC.into(),
            sh_addr: pack_address(self.placed),
            sh_offset: 0,
            sh_size: pack.iter().map(Vec::len).sum::<usize>() as u64,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: PAGE_BYTES,
            sh_entsize: 0,
        }
    }

    /// Gives the kernel's segments their place. Those that lie inside another one, as notes do, move with it.
    fn reserve_kernel(&mut self, writer: &mut Writer<'a>) -> Vec<ProgramHeader> {
        let mut moved = Vec::new();
        for segment in self.kernel.segments {
            if segment.p_type(LittleEndian) == elf::PT_LOAD {
                let bytes = segment
                    .data(LittleEndian, self.kernel.bytes)
                    .unwrap_or_default();
                // A loader may want the offset to equal the address modulo the alignment.
                let align = segment.p_align(LittleEndian).max(1);
                let remainder = (segment.p_vaddr(LittleEndian) & (align - 1)) as usize;
                if self.content != ImageContent::DebugFile {
                    let start = writer.reserve(0, align as usize);
                    writer.reserve_until(start + remainder);
                }
                let offset = self.reserve_loaded(writer, bytes, 1);
                moved.push((
                    segment.p_offset(LittleEndian),
                    bytes.len() as u64,
                    offset as u64,
                ));
            }
        }
        let mut headers = Vec::new();
        for segment in self.kernel.segments {
            let (p_offset, p_filesz) = (
                segment.p_offset(LittleEndian),
                segment.p_filesz(LittleEndian),
            );
            let inside = moved.iter().find(|(start, len, _)| {
                p_offset >= *start && p_offset.saturating_add(p_filesz) <= start + len
            });
            let offset = match inside {
                Some((start, _, offset)) => p_offset - start + offset,
                None => {
                    let bytes = segment
                        .data(LittleEndian, self.kernel.bytes)
                        .unwrap_or_default();
                    self.reserve_loaded(writer, bytes, 8) as u64
                }
            };
            headers.push(ProgramHeader {
                p_type: segment.p_type(LittleEndian),
                p_flags: segment.p_flags(LittleEndian),
                p_offset: offset,
                p_vaddr: segment.p_vaddr(LittleEndian),
                p_paddr: segment.p_paddr(LittleEndian),
                p_filesz,
                p_memsz: segment.p_memsz(LittleEndian),
                p_align: segment.p_align(LittleEndian),
            });
        }
        headers
    }

    /// The window's segments, where its first byte is at `offset` of the file.
    fn window_segments(&self, offset: usize) -> impl Iterator<Item = ProgramHeader> + use<'a> {
        let placed = self.placed;
        let read = elf::PF_R;
        let parts = [
            (
                read,
                placed.base,
                placed.read_only_end,
                placed.read_only_end,
            ),
            (
                read | elf::PF_X,
                placed.text_start,
                placed.text_end,
                placed.text_end,
            ),
            (
                read | elf::PF_W,
                placed.data_start,
                placed.data_end,
                placed.zero_end,
            ),
        ];
        let filled = parts.into_iter().filter(|(_, start, _, end)| start != end);
        filled.map(move |(p_flags, start, content_end, end)| ProgramHeader {
            p_type: elf::PT_LOAD,
            p_flags,
            p_offset: start - placed.base + offset as u64,
            p_vaddr: start,
            p_paddr: start - WINDOW_BASE + WINDOW_PHYSICAL,
            p_filesz: content_end - start,
            p_memsz: end - start,
            p_align: PAGE_BYTES,
        })
    }

    /// Gives sections, and symbols with them, their headers, and places to those that are not loaded.
    fn reserve_sections(&mut self, writer: &mut Writer<'a>, pack: &[Vec<u8>]) {
        if !pack.is_empty() {
            let header = self.pack_section(writer, pack);
            self.sections.push(header);
            writer.reserve_section_index();
        }
        let strip = self.content == ImageContent::Stripped;
        let kernel = self.kernel;
        let placed = self.placed;
        let mut kernel_indices = Vec::new();
        for section in &kernel.sections {
            let kept = match strip {
                true => section.is_loaded() && section.name != UNWIND_SECTION.as_bytes(),
                false => section.name != UNWIND_SECTION.as_bytes(),
            };
            kernel_indices.push(kept.then(|| {
                let mut header = self.kernel_section(writer, section);
                if !section.is_loaded() {
                    header.sh_size += self.window_part(writer, section.name);
                }
                self.sections.push(header);
                writer.reserve_section_index()
            }));
        }
        if !strip {
            let header = self.unwind_section(writer);
            self.sections.push(header);
            writer.reserve_section_index();
        }
        let mut window_indices = Vec::new();
        for section in &placed.sections {
            let unloaded = section.part == Part::Unloaded;
            let is_part = section.name == UNWIND_SECTION || self.is_of_kernel(section.name);
            let kept = section.size != 0 && !(unloaded && (strip || is_part));
            window_indices.push(kept.then(|| {
                let header = self.window_section(writer, section);
                self.sections.push(header);
                writer.reserve_section_index()
            }));
        }
        if !strip {
            self.reserve_symbols(writer, &kernel_indices, &window_indices);
        }
        writer.reserve_shstrtab_section_index();
        writer.reserve_shstrtab();
        writer.reserve_section_headers();
        self.before_headers = self.contents.len();
    }

    /// Whether the kernel has a section of this name for debuggers too: they read only one, and it begins with the kernel's.
    fn is_of_kernel(&self, name: &str) -> bool {
        let mut sections = self.kernel.sections.iter();
        sections.any(|section| !section.is_loaded() && section.name == name.as_bytes())
    }

    /// Gives the window's sections `name` their place, behind that of the kernel; returns how many bytes they have.
    fn window_part(&mut self, writer: &mut Writer<'a>, name: &[u8]) -> u64 {
        let placed = self.placed;
        let is_part = |section: &&PlacedSection<'_>| {
            section.part == Part::Unloaded && section.name.as_bytes() == name
        };
        let mut bytes = 0;
        for section in placed.sections.iter().filter(is_part) {
            self.reserve(writer, &section.unloaded, 1);
            bytes += section.unloaded.len() as u64;
        }
        bytes
    }

    fn kernel_section(
        &mut self,
        writer: &mut Writer<'a>,
        section: &'a KernelSection<'a>,
    ) -> SectionHeader {
        let sh_offset = match section.is_loaded() {
            true => 0,
            false => self.reserve(writer, section.bytes, alignment(section.align)) as u64,
        };
        SectionHeader {
            name: Some(writer.add_section_name(section.name)),
            sh_type: section.kind,
            sh_flags: section.flags,
            sh_addr: section.address,
            sh_offset,
            sh_size: section.size,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: section.align,
            sh_entsize: section.entry_size,
        }
    }

    /// The unwind tables of the kernel and of the window behind them, as one section: debuggers read only one.
    fn unwind_section(&mut self, writer: &mut Writer<'a>) -> SectionHeader {
        let (address, tables) = self.kernel.unwind_tables();
        let placed = self.placed;
        let is_unwind = |section: &&PlacedSection<'_>| {
            section.part == Part::Unloaded && section.name == UNWIND_SECTION
        };
        let offset = self.reserve(writer, tables, 8);
        let mut end = offset + tables.len();
        for section in placed.sections.iter().filter(is_unwind) {
            end = self.reserve(writer, &section.unloaded, 1) + section.unloaded.len();
        }
        SectionHeader {
            name: Some(writer.add_section_name(UNWIND_SECTION.as_bytes())),
            sh_type: elf::SHT_PROGBITS,
            // Not in memory: nobody else needs it.
            sh_flags: 0,
            sh_addr: address,
            sh_offset: offset as u64,
            sh_size: (end - offset) as u64,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 8,
            sh_entsize: 0,
        }
    }

    fn window_section(
        &mut self,
        writer: &mut Writer<'a>,
        section: &'a PlacedSection<'a>,
    ) -> SectionHeader {
        let sh_offset = match section.part {
            Part::Unloaded => {
                self.reserve(writer, &section.unloaded, alignment(section.align)) as u64
            }
            _ => 0,
        };
        let (sh_type, flags) = match section.part {
            Part::ReadOnly => (elf::SHT_PROGBITS, elf::SHF_ALLOC),
            Part::Text => (elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_EXECINSTR),
            Part::Data => (elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_WRITE),
            Part::Zero => (elf::SHT_NOBITS, elf::SHF_ALLOC | elf::SHF_WRITE),
            Part::Unloaded => (elf::SHT_PROGBITS, 0),
        };
        SectionHeader {
            name: Some(writer.add_section_name(section.name.as_bytes())),
            sh_type,
            sh_flags: flags.into(),
            sh_addr: section.address,
            sh_offset,
            sh_size: section.size,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: section.align,
            sh_entsize: 0,
        }
    }

    fn reserve_symbols(
        &mut self,
        writer: &mut Writer<'a>,
        kernel_indices: &[Option<SectionIndex>],
        window_indices: &[Option<SectionIndex>],
    ) {
        let kernel = self.kernel.symbols.iter().map(|symbol| {
            let section = symbol.section.map(|at| kernel_indices[at]);
            (
                symbol.name,
                section,
                symbol.info,
                symbol.address,
                symbol.size,
            )
        });
        let window = self.placed.symbols.iter().map(|symbol| {
            let section = symbol.section.map(|at| window_indices[at]);
            (
                symbol.name,
                section,
                info_of(symbol),
                symbol.address,
                symbol.size,
            )
        });
        let mut symbols: Vec<_> = kernel.chain(window).collect();
        // The format wants local symbols first.
        symbols.sort_by_key(|(_, _, info, _, _)| info >> 4 != elf::STB_LOCAL);
        writer.reserve_null_symbol_index();
        for (name, section, st_info, st_value, st_size) in symbols {
            let name: StringId = writer.add_string(name.as_bytes());
            let section = section.flatten();
            writer.reserve_symbol_index(section);
            if st_info >> 4 == elf::STB_LOCAL {
                self.locals += 1;
            }
            self.symbols.push(Sym {
                name: Some(name),
                section,
                st_info,
                st_other: 0,
                st_shndx: elf::SHN_ABS,
                st_value,
                st_size,
            });
        }
        writer.reserve_symtab_section_index();
        writer.reserve_strtab_section_index();
        writer.reserve_symtab();
        writer.reserve_strtab();
    }

    fn write(&self, writer: &mut Writer<'a>) -> object::write::Result<()> {
        writer.write_file_header(&FileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_EXEC,
            e_machine: elf::EM_X86_64,
            e_entry: self.kernel.entry,
            e_flags: 0,
        })?;
        writer.write_align_program_headers();
        for segment in &self.segments {
            writer.write_program_header(segment);
        }
        let (before, behind) = self.contents.split_at(self.before_headers);
        write_contents(writer, before);
        self.write_headers(writer);
        write_contents(writer, behind);
        Ok(())
    }

    /// Writes the symbols and the sections' headers.
    fn write_headers(&self, writer: &mut Writer<'a>) {
        if !self.symbols.is_empty() {
            writer.write_null_symbol();
            for symbol in &self.symbols {
                writer.write_symbol(symbol);
            }
            writer.write_strtab();
        }
        writer.write_shstrtab();
        writer.write_null_section_header();
        for section in &self.sections {
            writer.write_section_header(section);
        }
        writer.write_symtab_section_header(self.locals + 1);
        writer.write_strtab_section_header();
        writer.write_shstrtab_section_header();
    }
}

fn loaded(sections: &mut [SectionHeader]) -> impl Iterator<Item = &mut SectionHeader> {
    let is_loaded =
        |section: &&mut SectionHeader| section.sh_flags & u64::from(elf::SHF_ALLOC) != 0;
    sections.iter_mut().filter(is_loaded)
}

/// Where what `segments` load at `address` lies in the file.
fn offset_of(address: u64, segments: &[ProgramHeader]) -> Option<u64> {
    let mut loads = segments
        .iter()
        .filter(|segment| segment.p_type == elf::PT_LOAD);
    loads.find_map(|segment| {
        let offset = address.checked_sub(segment.p_vaddr)?;
        (offset <= segment.p_memsz).then(|| segment.p_offset + offset.min(segment.p_filesz))
    })
}

fn write_contents<'a>(writer: &mut Writer<'a>, contents: &[Content<'a>]) {
    for content in contents {
        writer.pad_until(content.offset);
        writer.write(content.bytes);
    }
}

/// An alignment for a place in the file: sections of a kernel may say 0.
fn alignment(align: u64) -> usize {
    if align.is_power_of_two() && align <= PAGE_BYTES {
        align as usize
    } else {
        1
    }
}

fn info_of(symbol: &PlacedSymbol<'_>) -> u8 {
    let bind = if symbol.global {
        elf::STB_GLOBAL
    } else {
        elf::STB_LOCAL
    };
    bind << 4 | symbol.kind & 0xf
}
