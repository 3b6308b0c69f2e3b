//! One bootable file of kernel and window.

use gimli::UnwindSection as _;
use mewz::link::image::{ImageContent, ImageOptions, image};
use mewz::link::kernel::Kernel;
use mewz_abi::address::{KERNEL_PHYSICAL, PAGE_BYTES, WINDOW_BASE, WINDOW_PHYSICAL};
use mewz_abi::application::{WINDOW_MAGIC, WindowHeader};
use object::elf;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, SymbolKind,
};

use crate::make::{ANSWERED, KERNEL_ADDRESS, ObjectBuilder, application, kernel, read_u64};

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
        content: ImageContent::Stripped,
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
    let make = |pack: &[Vec<u8>], content| {
        let options = ImageOptions {
            content,
            pack,
            ..ImageOptions::default()
        };
        image(&kernel, &object, &options).unwrap()
    };
    let pack = [vec![7; 3000], vec![9; 2000]];
    for content in [ImageContent::Whole, ImageContent::Stripped] {
        let packed = make(&pack, content);
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
        assert_eq!(section.data().unwrap(), pack.concat());
        let is_stripped = content == ImageContent::Stripped;
        assert_eq!(file.symbols().count() == 0, is_stripped);
        let window = file
            .segments()
            .find(|segment| segment.address() == WINDOW_BASE);
        let header = window.unwrap().data().unwrap();
        let end = size_of::<WindowHeader>();
        assert_eq!(read_u64(header, end - 16), physical);
        assert_eq!(read_u64(header, end - 8), 5000);
        assert_ne!(packed.build_id, make(&[vec![8; 5000]], content).build_id);
        let without = make(&[], content);
        assert_ne!(packed.build_id, without.build_id);
        assert!(
            object::File::parse(&*without.bytes)
                .unwrap()
                .section_by_name(".mewz.pack")
                .is_none()
        );
    }
}

/// What is not loaded takes room where there is some anyway, before the first page.
#[test]
fn a_stripped_image_ends_with_what_is_loaded() {
    let (kernel, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel).unwrap();
    let options = ImageOptions {
        content: ImageContent::Stripped,
        ..ImageOptions::default()
    };
    let bytes = image(&kernel, &object, &options).unwrap().bytes;
    let file = object::File::parse(&*bytes).unwrap();
    let end_of = |segment: object::Segment<'_, '_>| {
        let (offset, len) = segment.file_range();
        offset + len
    };
    assert_eq!(
        file.segments().map(end_of).max().unwrap(),
        bytes.len() as u64
    );
    assert!(file.build_id().unwrap().is_some());
    let mut compared = 0;
    for segment in file.segments() {
        let (start, content) = (segment.address(), segment.data().unwrap());
        for section in file.sections().filter(|section| section.address() != 0) {
            let inside = section.address().checked_sub(start).map(|at| at as usize);
            let data = section.data().unwrap();
            let Some(part) = inside.and_then(|at| content.get(at..at + data.len())) else {
                continue;
            };
            assert_eq!(part, data, "{:?}", section.name());
            compared += data.len();
        }
    }
    assert!(compared > 0);
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
