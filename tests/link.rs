//! What linking promises: addresses, relocated bytes, stubs, one bootable file, and no panic on broken input.

use gimli::UnwindSection as _;
use mewz::link::error::LinkError;
use mewz::link::image::{ImageOptions, image};
use mewz::link::input::Inputs;
use mewz::link::kernel::Kernel;
use mewz::link::place::{Room, place};
use mewz::link::window::window;
use mewz_abi::address::{KERNEL_BASE, KERNEL_PHYSICAL, PAGE_BYTES, WINDOW_BASE, WINDOW_PHYSICAL};
use mewz_abi::application::{MISSING_IMPORT_CODE, WINDOW_MAGIC, WindowHeader};
use object::elf;
use object::write::elf::{FileHeader, ProgramHeader, SectionHeader, Sym, Writer};
use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, ObjectSegment as _,
    ObjectSymbol as _, RelocationFlags, SymbolFlags, SymbolKind, SymbolScope,
};

const KERNEL_ADDRESS: u64 = KERNEL_BASE + KERNEL_PHYSICAL;
const ANSWERED: &str = "env$answered$$";
const ROOM: Room = Room {
    base: 0x1000,
    bytes_max: 1 << 20,
};

/// A kernel of one segment: a note, then code in which every function is four bytes.
fn kernel(functions: &[&str]) -> Vec<u8> {
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
struct ObjectBuilder(Object<'static>);

impl ObjectBuilder {
    /// With the application's descriptor, 16 bytes.
    fn application() -> Self {
        let mut builder = Self::empty();
        builder.data("mewz_application", &[0x11; 16]);
        builder
    }

    fn empty() -> Self {
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

    fn define(
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

    fn text(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        self.define(StandardSection::Text, name, bytes, false)
    }

    fn relocate(
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

    fn bytes(&self) -> Vec<u8> {
        self.0.write().unwrap()
    }
}

/// Calls an import that the kernel answers and one that it does not, and points to itself from data.
fn application() -> Vec<u8> {
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

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn link_error(object: &[u8]) -> LinkError {
    let kernel = kernel(&[ANSWERED]);
    window(&Kernel::parse(&kernel).unwrap(), object, [0; 16]).unwrap_err()
}

#[test]
fn a_window_begins_with_its_header() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let window = window(
        &Kernel::parse(&kernel).unwrap(),
        &object,
        *b"0123456789abcdef",
    )
    .unwrap();
    let placed = &window.placed;
    let fields: Vec<_> = (0..9)
        .map(|at| read_u64(&placed.bytes, 32 + 8 * at))
        .collect();
    assert_eq!(placed.base, WINDOW_BASE);
    assert_eq!(read_u64(&placed.bytes, 0), WINDOW_MAGIC);
    assert_eq!(&placed.bytes[16..32], b"0123456789abcdef");
    assert_eq!(fields[0], placed.address("mewz_application").unwrap());
    assert_eq!(
        fields[1..7],
        [
            placed.read_only_end,
            placed.text_start,
            placed.text_end,
            placed.data_start,
            placed.data_end,
            placed.zero_end,
        ]
    );
    assert!(fields[1..7].is_sorted() && fields[2] % 4096 == 0 && fields[4] % 4096 == 0);
    assert_eq!(placed.bytes.len() as u64, placed.data_end - WINDOW_BASE);
}

#[test]
fn calls_and_pointers_reach_what_they_name() {
    let (kernel, object) = (kernel(&["other", ANSWERED]), application());
    let window = window(&Kernel::parse(&kernel).unwrap(), &object, [0; 16]).unwrap();
    let placed = &window.placed;
    let run = placed.address("run").unwrap();
    let at = (run - placed.base) as usize;
    let distance = i32::from_le_bytes(placed.bytes[at + 1..at + 5].try_into().unwrap());
    assert_eq!(
        run.wrapping_add_signed(5 + i64::from(distance)),
        KERNEL_ADDRESS + 64 + 4
    );
    let data = (placed.data_start - placed.base) as usize;
    assert_eq!(read_u64(&placed.bytes, data + 8), run + 3);
}

#[test]
fn a_missing_function_is_a_stub_with_its_name() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let window = window(&Kernel::parse(&kernel).unwrap(), &object, [0; 16]).unwrap();
    let names: Vec<_> = window
        .missing
        .iter()
        .map(|missing| missing.name())
        .collect();
    assert_eq!(names, ["env.mis-sing"]);
    let placed = &window.placed;
    let bytes_at = |address: u64| &placed.bytes[(address - placed.base) as usize..];
    let run = placed.address("run").unwrap();
    let distance = i32::from_le_bytes(bytes_at(run + 6)[..4].try_into().unwrap());
    let stub = run.wrapping_add_signed(10 + i64::from(distance));
    assert_eq!(stub, read_u64(&placed.bytes, 32 + 8 * 7));
    assert!((placed.text_start..placed.text_end).contains(&stub));
    assert_eq!(read_u64(bytes_at(stub), 0), MISSING_IMPORT_CODE);
    let (name, len) = (read_u64(bytes_at(stub), 8), read_u64(bytes_at(stub), 16));
    assert_eq!(&bytes_at(name)[..len as usize], b"env.mis-sing");
}

#[test]
fn what_no_stub_can_stand_for_is_an_error() {
    let wants = |symbol: &str| {
        let mut builder = ObjectBuilder::application();
        builder.relocate(StandardSection::Data, 0, elf::R_X86_64_64, symbol, 0);
        link_error(&builder.bytes()).to_string()
    };
    assert_eq!(
        wants("env$m$memory"),
        "import `env.m`, a memory, is not one that the kernel has"
    );
    assert_eq!(
        wants("env$g$Global.i"),
        "import `env.g`, a global, is not one that the kernel has"
    );
    assert_eq!(
        wants("mewz_table_grow"),
        "undefined symbol `mewz_table_grow`"
    );
}

#[test]
fn a_value_that_does_not_fit_is_an_error() {
    let mut builder = ObjectBuilder::application();
    builder.relocate(
        StandardSection::Data,
        4,
        elf::R_X86_64_32,
        "mewz_application",
        0,
    );
    let error = link_error(&builder.bytes());
    assert!(
        matches!(
            error,
            LinkError::RelocationOverflow {
                kind: 10,
                offset: 4,
                ..
            }
        ),
        "{error}"
    );

    let mut builder = ObjectBuilder::application();
    builder.relocate(
        StandardSection::Data,
        0,
        elf::R_X86_64_PC32,
        ANSWERED,
        1 << 40,
    );
    let error = link_error(&builder.bytes());
    assert!(
        matches!(error, LinkError::RelocationOverflow { kind: 2, .. }),
        "{error}"
    );
}

#[test]
fn an_address_at_the_top_fits_where_it_is_sign_extended() {
    let mut builder = ObjectBuilder::application();
    builder.relocate(
        StandardSection::Data,
        0,
        elf::R_X86_64_32S,
        "mewz_application",
        0,
    );
    let (kernel, object) = (kernel(&[ANSWERED]), builder.bytes());
    let window = window(&Kernel::parse(&kernel).unwrap(), &object, [0; 16]).unwrap();
    let data = (window.placed.data_start - WINDOW_BASE) as usize;
    assert_eq!(
        read_u64(&window.placed.bytes, data) as u32,
        window.placed.data_start as u32
    );
}

#[test]
fn unknown_and_stray_relocations_are_errors() {
    let with = |offset, kind| {
        let mut builder = ObjectBuilder::application();
        builder.relocate(StandardSection::Data, offset, kind, "mewz_application", 0);
        link_error(&builder.bytes())
    };
    assert!(matches!(
        with(0, elf::R_X86_64_TLSGD),
        LinkError::UnsupportedRelocation { kind: 19, .. }
    ));
    for offset in [9, 16, u64::MAX - 3] {
        let error = with(offset, elf::R_X86_64_64);
        assert!(
            matches!(error, LinkError::MalformedObject { .. }),
            "{error}"
        );
    }
}

#[test]
fn an_object_without_descriptor_is_refused() {
    let mut builder = ObjectBuilder::empty();
    assert_eq!(
        link_error(&builder.text("run", &[0xc3]).bytes()),
        LinkError::NotAnApplication
    );
}

#[test]
fn a_window_that_is_too_large_is_refused() {
    let mut builder = ObjectBuilder::application();
    let zeros = builder.0.section_id(StandardSection::UninitializedData);
    builder.0.append_section_bss(zeros, 1 << 40, 16);
    assert!(matches!(
        link_error(&builder.bytes()),
        LinkError::TooLarge { .. }
    ));
}

#[test]
fn of_two_definitions_the_strong_one_counts() {
    let object = |value, weak| {
        let mut builder = ObjectBuilder::empty();
        builder
            .define(StandardSection::Data, "mewz_x", &[value; 8], weak)
            .bytes()
    };
    let (weak, strong) = (object(1, true), object(2, false));
    let first_byte = |objects: [&[u8]; 2]| {
        let mut inputs = Inputs::new();
        for object in objects {
            inputs.add(object).unwrap();
        }
        let placed = place(&inputs, ROOM, |_| None).unwrap();
        placed.bytes[(placed.address("mewz_x").unwrap() - placed.base) as usize]
    };
    assert_eq!(first_byte([&weak, &strong]), 2);
    assert_eq!(first_byte([&strong, &weak]), 2);
    assert_eq!(first_byte([&weak, &weak]), 1);
    let mut inputs = Inputs::new();
    inputs.add(&strong).unwrap();
    let twice = inputs.add(&strong);
    assert!(matches!(twice, Err(LinkError::DuplicateSymbol { .. })));
}

#[test]
fn a_weak_definition_yields_to_what_is_there_already() {
    let mut builder = ObjectBuilder::empty();
    let section = StandardSection::Data;
    let weak = builder.define(section, "mewz_x", &[1; 8], true).bytes();
    let mut inputs = Inputs::new();
    inputs.add(&weak).unwrap();
    let placed = place(&inputs, ROOM, |_| Some(0x77)).unwrap();
    assert_eq!(placed.address("mewz_x"), Some(0x77));
}

#[test]
fn an_image_boots_the_kernel_and_carries_the_window() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel).unwrap();
    let image = image(&kernel, &object, &ImageOptions::default()).unwrap();
    let file = object::File::parse(&*image.bytes).unwrap();
    assert_eq!(file.entry(), KERNEL_PHYSICAL + 64);
    let elf = object::read::elf::ElfFile64::<Endianness>::parse(&*image.bytes).unwrap();
    let physical: Vec<_> = elf
        .elf_program_headers()
        .iter()
        .filter(|header| header.p_type.get(Endianness::Little) == elf::PT_LOAD)
        .map(|header| {
            (
                header.p_vaddr.get(Endianness::Little),
                header.p_paddr.get(Endianness::Little),
            )
        })
        .collect();
    assert_eq!(physical[0], (KERNEL_ADDRESS, KERNEL_PHYSICAL));
    assert_eq!(physical[1], (WINDOW_BASE, WINDOW_PHYSICAL));
    assert_eq!(physical.len(), 4);
    for (address, from) in &physical[1..] {
        assert_eq!(address - WINDOW_BASE, from - WINDOW_PHYSICAL);
    }
    let note = elf
        .elf_program_headers()
        .iter()
        .find(|header| header.p_type.get(Endianness::Little) == elf::PT_NOTE);
    let note_offset = note.unwrap().p_offset.get(Endianness::Little) as usize;
    assert_eq!(&image.bytes[note_offset + 12..note_offset + 16], b"Xen\0");
    let window = file
        .segments()
        .find(|segment| segment.address() == WINDOW_BASE);
    assert_eq!(read_u64(window.unwrap().data().unwrap(), 0), WINDOW_MAGIC);
}

#[test]
fn an_image_has_the_symbols_of_both() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel).unwrap();
    let full = image(&kernel, &object, &ImageOptions::default()).unwrap();
    let file = object::File::parse(&*full.bytes).unwrap();
    let address = |name| file.symbol_by_name(name).map(|symbol| symbol.address());
    assert_eq!(address(ANSWERED), Some(KERNEL_ADDRESS + 64));
    assert!(address("run").unwrap() > WINDOW_BASE);
    assert!(address("env$mis.2dsing$ii$i").unwrap() > WINDOW_BASE);
    let debug = file.section_by_name(".debug_info").unwrap();
    assert_eq!(debug.data().unwrap(), b"debug information");

    let options = ImageOptions {
        strip: true,
        ..ImageOptions::default()
    };
    let stripped = image(&kernel, &object, &options).unwrap();
    let file = object::File::parse(&*stripped.bytes).unwrap();
    assert_eq!(file.symbols().count(), 0);
    assert!(file.section_by_name(".debug_info").is_none());
    assert!(stripped.bytes.len() < full.bytes.len());
    assert_eq!(stripped.build_id, full.build_id);
}

#[test]
fn a_pack_is_a_segment_behind_the_window_that_the_header_tells_of() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel).unwrap();
    let make = |pack: &[u8], strip| {
        let options = ImageOptions {
            strip,
            pack,
            ..ImageOptions::default()
        };
        image(&kernel, &object, &options).unwrap()
    };
    let pack = [7; 5000];
    for strip in [false, true] {
        let packed = make(&pack, strip);
        let elf = object::read::elf::ElfFile64::<Endianness>::parse(&*packed.bytes).unwrap();
        let last = elf.elf_program_headers().last().unwrap();
        let field = |field: object::U64<Endianness>| field.get(Endianness::Little);
        let physical = field(last.p_paddr);
        assert_eq!(physical % PAGE_BYTES, 0);
        assert_eq!(
            field(last.p_vaddr) - WINDOW_BASE,
            physical - WINDOW_PHYSICAL
        );
        let file = object::File::parse(&*packed.bytes).unwrap();
        let section = file.section_by_name(".mewz.pack").unwrap();
        assert_eq!(section.data().unwrap(), pack);
        assert_eq!(file.symbols().count() == 0, strip);
        let window = file
            .segments()
            .find(|segment| segment.address() == WINDOW_BASE);
        let header = window.unwrap().data().unwrap();
        let end = size_of::<WindowHeader>();
        assert_eq!(read_u64(header, end - 16), physical);
        assert_eq!(read_u64(header, end - 8), pack.len() as u64);
        assert_ne!(packed.build_id, make(&[8; 5000], strip).build_id);
        let without = make(&[], strip);
        assert_ne!(packed.build_id, without.build_id);
        assert!(
            object::File::parse(&*without.bytes)
                .unwrap()
                .section_by_name(".mewz.pack")
                .is_none()
        );
    }
}

#[test]
fn equal_inputs_make_equal_images_and_others_have_other_names() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel).unwrap();
    let make = |object: &[u8]| image(&kernel, object, &ImageOptions::default()).unwrap();
    assert_eq!(make(&object).bytes, make(&object).bytes);
    let other = ObjectBuilder::application().text("run", &[0xc3]).bytes();
    assert_ne!(make(&object).build_id, make(&other).build_id);
}

#[test]
fn a_kernel_tells_what_it_answers() {
    let bytes = kernel(&["b$f$$", "start", "a$f$i$i"]);
    let kernel = Kernel::parse(&bytes).unwrap();
    assert_eq!(kernel.imports(), ["a$f$i$i", "b$f$$"]);
    assert!(kernel.answers("a$f$i$i") && !kernel.answers("a$f$$"));
}

#[test]
fn broken_objects_and_kernels_are_errors_and_no_panic() {
    let (kernel_bytes, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel_bytes).unwrap();
    let try_object = |bytes: &[u8]| image(&kernel, bytes, &ImageOptions::default()).is_err();
    let try_kernel = |bytes: &[u8]| {
        let kernel = Kernel::parse(bytes);
        kernel
            .and_then(|kernel| image(&kernel, &object, &ImageOptions::default()))
            .is_err()
    };
    for len in 0..object.len() {
        assert!(
            try_object(&object[..len]),
            "an object cut to {len} bytes is taken"
        );
    }
    for len in 0..kernel_bytes.len() {
        assert!(
            try_kernel(&kernel_bytes[..len]),
            "a kernel cut to {len} bytes is taken"
        );
    }
    for (good, check) in [
        (&object, &try_object as &dyn Fn(&[u8]) -> bool),
        (&kernel_bytes, &try_kernel),
    ] {
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = good.clone();
                broken[at] = value;
                // Many of these are still objects; none may panic.
                check(&broken);
            }
        }
    }
}

#[test]
fn the_embedded_kernel_answers_the_runtime_and_fits_an_image() {
    let bytes = include_bytes!(env!("MEWZ_KERNEL"));
    let kernel = Kernel::parse(bytes).unwrap();
    for name in mewz_abi::symbol::RUNTIME {
        assert!(kernel.answers(name), "{name}");
    }
    let image = image(&kernel, &application(), &ImageOptions::default()).unwrap();
    let before = object::File::parse(&bytes[..]).unwrap();
    let after = object::File::parse(&*image.bytes).unwrap();
    assert_eq!(before.entry(), after.entry());
    for segment in before.segments() {
        let address = segment.address();
        let moved = after.segments().find(|moved| moved.address() == address);
        assert_eq!(moved.unwrap().data(), segment.data(), "{address:#x}");
    }
    for symbol in before.symbols().filter(|symbol| symbol.is_global()) {
        let name = symbol.name().unwrap();
        let moved = after.symbol_by_name(name).map(|moved| moved.address());
        assert_eq!(moved, Some(symbol.address()), "{name}");
    }
}

#[test]
fn broken_objects_of_the_compiler_are_errors_and_no_panic() {
    let text = r#"(module
        (import "env" "answered" (func $answered))
        (memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 7))
        (elem (i32.const 0) $f $g) (data (i32.const 8) "content")
        (func $f (param i32) (result i32) (i32.load (local.get 0)))
        (func $g (export "_start")
            (call $answered)
            (drop (call_indirect (param i32) (result i32) (i32.const 1) (global.get $g)))))"#;
    let wasm = wat::parse_str(text).unwrap();
    let object = mewz::compile::compile(&wasm, &Default::default())
        .unwrap()
        .object;
    let kernel = kernel(&[
        ANSWERED,
        "mewz_memory_grow",
        "mewz_table_grow",
        "mewz_memory_move",
        "mewz_memory_fill",
    ]);
    let kernel = Kernel::parse(&kernel).unwrap();
    let link = |object: &[u8]| image(&kernel, object, &ImageOptions::default());
    assert_eq!(link(&object).unwrap().missing, []);
    // A linear congruential generator, Knuth's constants: the same places in every run.
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for _ in 0..20_000 {
        let mut broken = object.clone();
        for _ in 0..=next(4) {
            let at = next(broken.len());
            broken[at] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
        }
        // Many of these are still objects; none may panic.
        let _ = link(&broken);
    }
}

#[test]
fn one_section_of_an_image_unwinds_kernel_and_application() {
    let kernel = Kernel::parse(include_bytes!(env!("MEWZ_KERNEL"))).unwrap();
    let wasm = wat::parse_str(r#"(module (func (export "_start")))"#).unwrap();
    let object = mewz::compile::compile(&wasm, &Default::default())
        .unwrap()
        .object;
    let image = image(&kernel, &object, &ImageOptions::default()).unwrap();
    let file = object::File::parse(&*image.bytes).unwrap();
    let sections: Vec<_> = file
        .sections()
        .filter(|section| section.name() == Ok(".eh_frame"))
        .collect();
    let [section] = sections.as_slice() else {
        panic!("{} sections of unwind tables", sections.len());
    };
    let tables = gimli::EhFrame::new(section.data().unwrap(), gimli::LittleEndian);
    let bases = gimli::BaseAddresses::default().set_eh_frame(section.address());
    let mut symbols = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text);
    let application = file.symbol_by_name("mewz_export__start").unwrap();
    let is_rust = |name: &str| name.contains("mewz_kernel") && name.starts_with("_ZN");
    let kernel = symbols
        .find(|symbol| symbol.name().is_ok_and(is_rust))
        .unwrap();
    for symbol in [application, kernel] {
        let address = symbol.address();
        let found = tables.fde_for_address(&bases, address, gimli::EhFrame::cie_from_offset);
        assert!(
            found.is_ok_and(|entry| entry.contains(address)),
            "{symbol:?}"
        );
    }
}
