//! What linking promises: addresses, relocated bytes, stubs, one bootable file, and no panic on broken input.

mod broken;
mod images;
mod make;

use mewz::link::error::LinkError;
use mewz::link::input::Inputs;
use mewz::link::kernel::Kernel;
use mewz::link::place::{Room, place};
use mewz::link::window::window;
use mewz_abi::address::WINDOW_BASE;
use mewz_abi::application::{MISSING_IMPORT_CODE, WINDOW_MAGIC};
use object::elf;
use object::write::StandardSection;

use make::{ANSWERED, KERNEL_ADDRESS, ObjectBuilder, application, kernel, read_u64};

const ROOM: Room = Room {
    base: 0x1000,
    bytes_max: 1 << 20,
};

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
fn a_kernel_tells_what_it_answers() {
    let bytes = kernel(&["b$f$$", "start", "a$f$i$i"]);
    let kernel = Kernel::parse(&bytes).unwrap();
    assert_eq!(kernel.imports(), ["a$f$i$i", "b$f$$"]);
    assert!(kernel.answers("a$f$i$i") && !kernel.answers("a$f$$"));
}
