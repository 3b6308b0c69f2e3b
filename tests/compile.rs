//! Objects: errors with their places, imports, symbols, the descriptor's tables, and that nothing depends on the machine.

use std::collections::BTreeSet;

use mewz::compile::{CompileError, Compiled, Options, TargetCpu, compile, debug, interface};
use mewz_abi::application::Application;
use mewz_abi::symbol;
use mewz_abi::trap::TrapKind;
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

type ElfObject<'a> = ElfFile<'a, FileHeader64<LittleEndian>>;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's module is well formed")
}

fn options() -> Options {
    Options {
        verify: true,
        ..Options::default()
    }
}

fn compiled(text: &str) -> Compiled {
    compile(&wasm(text), &options()).expect("the test's module compiles")
}

fn error(bytes: &[u8]) -> String {
    let compiled = compile(bytes, &options());
    compiled.expect_err("the module is refused").to_string()
}

fn read(object: &[u8]) -> ElfObject<'_> {
    ElfObject::parse(object).expect("the object is an ELF file")
}

fn undefined(object: &ElfObject<'_>) -> BTreeSet<String> {
    object
        .symbols()
        .filter(|symbol| symbol.is_undefined())
        .map(|symbol| symbol.name().unwrap().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Content of a section.
fn section<'a>(object: &ElfObject<'a>, name: &str) -> &'a [u8] {
    let section = object.section_by_name(name).expect("the section is there");
    section.data().expect("the section has content")
}

/// The trap table: code offset, offset in the module, kind.
fn traps(object: &ElfObject<'_>) -> Vec<[u32; 3]> {
    let bytes = section(object, symbol::TRAP_SECTION);
    let (numbers, []) = bytes.as_chunks::<4>() else {
        panic!("the trap table holds whole numbers");
    };
    let numbers: Vec<u32> = numbers.iter().map(|n| u32::from_le_bytes(*n)).collect();
    numbers.chunks(3).map(|c| [c[0], c[1], c[2]]).collect()
}

/// Where `bytes` stand in a module, once.
fn find(module: &[u8], bytes: &[u8]) -> u32 {
    let found: Vec<usize> = (0..module.len())
        .filter(|at| module[*at..].starts_with(bytes))
        .collect();
    assert_eq!(found.len(), 1, "the bytes stand there once");
    found[0] as u32
}

#[test]
fn what_is_no_module_is_named() {
    assert!(matches!(
        compile(b"", &options()),
        Err(CompileError::NotWasm)
    ));
    assert!(matches!(
        compile(b"\x7fELF", &options()),
        Err(CompileError::NotWasm)
    ));
    let component = wasm("(component)");
    assert!(matches!(
        compile(&component, &options()),
        Err(CompileError::Component)
    ));
    assert!(matches!(
        interface(&component),
        Err(CompileError::Component)
    ));
}

#[test]
fn every_truncation_is_an_error_with_a_place() {
    let whole = wasm(
        r#"(module (memory 1) (data (i32.const 0) "x") (func (export "f") (result i32) i32.const 1))"#,
    );
    for len in 8..whole.len() {
        match compile(&whole[..len], &options()) {
            Err(CompileError::Invalid { offset, .. }) => assert!(offset <= len),
            // A module may end where a section ends, as long as no later one was promised.
            Ok(_) => assert!(compile(&whole[..len], &options()).is_ok()),
            Err(other) => panic!("{len}: {other}"),
        }
    }
    for len in 4..8 {
        assert!(matches!(
            compile(&whole[..len], &options()),
            Err(CompileError::Invalid { .. })
        ));
    }
}

#[test]
fn every_flipped_byte_is_an_error_or_a_module() {
    let whole = wasm(
        r#"(module (import "a" "b" (func (param i32))) (memory 1) (table 3 funcref) (elem (i32.const 0) 0 1)
           (global (mut i32) (i32.const 3)) (data (i32.const 0) "hello")
           (func (export "f") (param i32) (result i32) (local i64)
             block loop local.get 0 br_if 1 end end local.get 0 i32.load offset=3 global.get 0 i32.add))"#,
    );
    for at in 0..whole.len() {
        for value in [0, 1, 0x40, 0x7f, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[at] = value;
            let _ = compile(&broken, &options());
        }
    }
}

#[test]
fn an_invalid_body_is_told_by_its_offset() {
    let module = wasm("(module (func (result i32) (i32.add (i32.const 1) (i64.const 2))))");
    let add = find(&module, &[0x42, 0x02, 0x6a]) as usize + 2;
    match compile(&module, &options()) {
        Err(CompileError::Invalid { offset, message }) => {
            assert_eq!(offset, add);
            assert!(message.contains("type mismatch"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_of_several_errors_is_told() {
    let text: String = (0..200).map(|_| "(func (result i32))").collect();
    let module = wasm(&format!("(module {text})"));
    let Err(CompileError::Invalid { offset, .. }) = compile(&module, &options()) else {
        panic!("the module is refused");
    };
    let first_body = module.windows(3).position(|w| w == [2, 0, 0x0b]).unwrap();
    assert!(
        (first_body..first_body + 3).contains(&offset),
        "{offset:#x}"
    );
}

#[test]
fn proposals_are_named() {
    let check = |text: &str, name: &str| {
        let module = wasm(text);
        match compile(&module, &options()) {
            Err(CompileError::Unsupported { proposal, .. }) => assert_eq!(proposal, name, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    };
    check("(module (type (struct (field i32))))", "gc");
    let words = error(&wasm("(module (type (struct (field i32))))"));
    assert!(words.contains("`gc`"), "{words}");
}

#[test]
fn overlong_numbers_of_linkers_are_taken() {
    // `call_indirect` with its table index in five bytes, as relocatable output has it.
    let mut module = wasm("(module (table 1 funcref) (func (call_indirect (i32.const 0))))");
    let at = find(&module, &[0x11, 0x00, 0x00]) as usize;
    module.splice(at + 2..at + 3, [0x80, 0x80, 0x80, 0x80, 0x00]);
    // The body and its section are four bytes longer now.
    let body = find(&module, &[0x41, 0x00, 0x11]) as usize - 2;
    module[body] += 4;
    module[body - 2] += 4;
    compile(&module, &options()).expect("an overlong table index is fine");
}

#[test]
fn imports_are_listed_once_with_their_types() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (import "a b" "c.d" (func (param v128 funcref externref) (result f32 f64)))
        (import "m" "t" (table 2 5 funcref))
        (import "m" "mem" (memory 1 4))
        (import "m" "g" (global (mut i64))))"#;
    let listed = interface(&wasm(text)).unwrap().imports;
    assert_eq!(listed, compiled(text).interface.imports);
    let rows: Vec<[&str; 2]> = listed
        .iter()
        .map(|import| [import.symbol.as_str(), import.description.as_str()])
        .collect();
    assert_eq!(
        rows,
        [
            [
                "wasi_snapshot_preview1$fd_write$iiii$i",
                "func (i32, i32, i32, i32) -> i32"
            ],
            [
                "a.20b$c.2ed$vpe$fF",
                "func (v128, funcref, externref) -> (f32, f64)"
            ],
            ["m$t$table", "table 2..5 funcref"],
            ["m$mem$memory", "memory 1..4"],
            ["m$g$Global.I", "global mut i64"],
        ]
    );
    let functions = listed.iter().filter(|import| import.is_function).count();
    assert_eq!(functions, 2);
}

#[test]
fn only_imports_and_the_runtime_are_undefined() {
    let nothing = compiled(r#"(module (memory 1) (func (export "f")))"#);
    assert_eq!(undefined(&read(&nothing.object)), set(&[]));

    let all = compiled(
        r#"(module
            (import "env" "f" (func $f (param i32)))
            (import "env" "g" (global i32))
            (memory 1 2 shared) (table $t 1 funcref) (elem declare func $f)
            (func (drop (memory.grow (i32.const 1)))
                  (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))
                  (drop (table.grow $t (ref.func $f) (i32.const 1)))
                  (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
                  (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))))"#,
    );
    let mut expected = set(&symbol::RUNTIME);
    expected.extend(set(&["env$f$i$", "env$g$global.i"]));
    assert_eq!(undefined(&read(&all.object)), expected);
}

#[test]
fn the_smallest_processor_needs_no_library_either() {
    let module = wasm(
        r#"(module
            (func (export "f") (param f32 f64 v128 v128) (result f32 f64 v128)
              (f32.ceil (f32.floor (f32.trunc (f32.nearest (local.get 0)))))
              (f64.ceil (f64.floor (f64.trunc (f64.nearest (local.get 1)))))
              (i8x16.shuffle 0 31 2 29 4 27 6 25 8 23 10 21 12 19 14 17
                (i8x16.swizzle (local.get 2) (f32x4.ceil (f64x2.nearest (local.get 2))))
                (i8x16.popcnt (local.get 3)))))"#,
    );
    for target_cpu in [TargetCpu::V1, TargetCpu::V2, TargetCpu::V3, TargetCpu::V4] {
        let options = Options {
            target_cpu,
            ..options()
        };
        let compiled = compile(&module, &options).unwrap();
        assert_eq!(
            undefined(&read(&compiled.object)),
            set(&[]),
            "{target_cpu:?}"
        );
    }
}

#[test]
fn functions_keep_their_names_and_have_sizes() {
    let compiled = compiled(
        r#"(module
            (func $crate::main (export "_start"))
            (func (export "only exported"))
            (func (@name "twice"))
            (func (@name "twice"))
            (func))"#,
    );
    assert!(compiled.interface.has_start);
    let object = read(&compiled.object);
    let functions: Vec<_> = object
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && !symbol.is_undefined())
        .collect();
    let count = |name: &str| functions.iter().filter(|f| f.name() == Ok(name)).count();
    for (name, times) in [
        ("crate::main", 1),
        ("only exported", 1),
        ("twice", 2),
        ("wasm_function_4", 1),
        ("mewz_export__start", 1),
        ("mewz_export_only.20exported", 1),
    ] {
        assert_eq!(count(name), times, "{name}");
    }
    assert!(functions.iter().all(|function| function.size() > 0));
    assert!(object.section_by_name(".eh_frame").is_some());
    assert!(object.section_by_name(".note.GNU-stack").is_some());
}

#[test]
fn explicit_traps_are_listed_with_their_operators() {
    let text = r#"(module (table 1 funcref)
        (func (export "f") (param i32 i32) (result i32)
          (call_indirect (local.get 0))
          (drop (i32.load (local.get 0)))
          (i32.div_s (local.get 0) (local.get 1)))
        (func (drop (i64.const 9)) unreachable)
        (memory 1))"#;
    let module = wasm(text);
    let compiled = compile(&module, &options()).unwrap();
    let object = read(&compiled.object);
    let traps = traps(&object);
    assert!(traps.is_sorted_by(|a, b| a[0] < b[0]));
    let of = |kind: TrapKind| -> Vec<u32> {
        let of_kind = traps.iter().filter(|trap| trap[2] == kind as u32);
        of_kind.map(|trap| trap[1]).collect()
    };
    let call = find(&module, &[0x11, 0x01, 0x00]);
    let division = find(&module, &[0x6d, 0x0b]);
    assert_eq!(
        of(TrapKind::Unreachable),
        [find(&module, &[0x1a, 0x00, 0x0b]) + 1]
    );
    assert_eq!(of(TrapKind::TableOutOfBounds), [call]);
    assert_eq!(of(TrapKind::IndirectCallToNull), [call]);
    assert_eq!(of(TrapKind::IndirectCallTypeMismatch), [call]);
    assert_eq!(of(TrapKind::IntegerDivideByZero), [division]);
    assert_eq!(of(TrapKind::IntegerOverflow), [division]);
    assert!(of(TrapKind::MemoryOutOfBounds).is_empty());

    // The address map agrees with the trap table, and knows the function.
    let map = section(&object, symbol::ADDRESS_SECTION);
    for [code_offset, wasm_offset, kind] in traps {
        let location = debug::look_up(map, u64::from(code_offset)).unwrap();
        let index = u32::from(kind == TrapKind::Unreachable as u32);
        assert_eq!(location.function_index, Some(index));
        assert_eq!(location.wasm_offset, Some(wasm_offset));
    }
    assert_eq!(debug::look_up(map, 1 << 40), None);
    for len in 0..map.len() {
        let _ = debug::look_up(&map[..len], 20);
    }
}

#[test]
fn the_descriptor_says_what_the_processor_must_have() {
    let features = |target_cpu| {
        let options = Options {
            target_cpu,
            ..options()
        };
        let compiled = compile(&wasm("(module)"), &options).unwrap();
        let object = read(&compiled.object);
        let descriptor = object.symbol_by_name(symbol::APPLICATION).unwrap();
        assert_eq!(descriptor.size(), size_of::<Application>() as u64);
        let bytes = section(&object, ".data.rel.ro");
        let at = descriptor.address() as usize + 16;
        u64::from_le_bytes(*bytes[at..].first_chunk().unwrap())
    };
    use mewz_abi::application::cpu;
    assert_eq!(features(TargetCpu::V1), 0);
    let v2 = cpu::SSE3 | cpu::SSSE3 | cpu::SSE41 | cpu::SSE42 | cpu::POPCNT | cpu::CX16;
    assert_eq!(features(TargetCpu::V2), v2);
    let v3 = v2 | cpu::AVX | cpu::AVX2 | cpu::FMA | cpu::BMI1 | cpu::BMI2 | cpu::LZCNT;
    assert_eq!(features(TargetCpu::V3), v3);
    assert_eq!(features(TargetCpu::V4), v3 | cpu::AVX512);
}

#[test]
fn exports_of_all_kinds_have_symbols() {
    let compiled = compiled(
        r#"(module
            (import "m" "f" (func $imported))
            (memory (export "mem") 1) (table (export "tab") 1 funcref)
            (global (export "glob") i32 (i32.const 3))
            (export "again" (func $imported)))"#,
    );
    let object = read(&compiled.object);
    for name in ["mem", "tab", "glob", "again"] {
        let symbol = object.symbol_by_name(&format!("mewz_export_{name}"));
        assert!(symbol.is_some_and(|symbol| symbol.is_global()), "{name}");
    }
}

#[test]
fn the_same_bytes_come_out_on_any_number_of_threads() {
    let functions: String = (0..300)
        .map(|i| {
            format!(
                "(func $f{i} (param i32) (result i32) (i32.div_u (local.get 0) (i32.const {i})))"
            )
        })
        .collect();
    let elements: String = (0..300).map(|i| format!(" $f{i}")).collect();
    let module = wasm(&format!(
        "(module (table 400 funcref) (elem (i32.const 7) {elements}) {functions})"
    ));
    let objects = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let compile = || compile(&module, &options()).unwrap().object;
        pool.unwrap().install(compile)
    });
    assert!(objects.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_hundred_thousand_data_segments_cost_their_bytes() {
    let mut module = b"\0asm\x01\0\0\0\x05\x03\x01\x00\x40".to_vec();
    let mut content = Vec::new();
    leb128(&mut content, 100_000);
    for index in 0..100_000_u32 {
        content.extend_from_slice(&[0, 0x41]);
        signed_leb128(&mut content, index * 40);
        content.extend_from_slice(&[0x0b, 4]);
        content.extend_from_slice(&index.to_le_bytes());
    }
    module.push(11);
    leb128(&mut module, content.len() as u32);
    module.extend_from_slice(&content);

    let compiled = compile(&module, &options()).unwrap();
    let object = read(&compiled.object);
    assert!(
        compiled.object.len() < 100_000 * 48,
        "{}",
        compiled.object.len()
    );
    assert!(object.symbols().count() < 30);
    let relocations: usize = object.sections().map(|s| s.relocations().count()).sum();
    assert!(relocations < 60, "{relocations}");
}

#[test]
fn a_module_of_many_passed_values_is_refused_in_time() {
    // A thousand results pass through each of many branches.
    let results = "i64 ".repeat(1000);
    let constants = "(i64.const 0)".repeat(1000);
    let branches = "(br_if 0 (local.get 0))".repeat(10_000);
    let module = wasm(&format!(
        "(module (func (param i32) (result {results}) (block (result {results}) {constants} {branches})))"
    ));
    let words = error(&module);
    assert!(words.contains("wasm_function_0"), "{words}");
    assert!(words.contains("values pass"), "{words}");
}

#[test]
fn functions_compile_after_one_that_is_refused() {
    let results = "i64 ".repeat(1000);
    let constants = "(i64.const 0)".repeat(1000);
    let branches = "(br_if 0 (local.get 0))".repeat(10_000);
    // More of the others than there are threads, so that one of them follows in the same thread.
    let others =
        "(func (param i32) (result i32) (if (local.get 0) (then)) (local.get 0))".repeat(500);
    let module = wasm(&format!(
        "(module (func (param i32) (result {results}) (block (result {results}) {constants} {branches})) {others})"
    ));
    let words = error(&module);
    assert!(words.contains("wasm_function_0"), "{words}");
}

#[test]
fn large_branch_tables_compile() {
    let targets = "0 1 ".repeat(50_000);
    compiled(&format!(
        "(module (func (param i32) (result i32)
           (block (result i32) (block (result i32) (i32.const 7) (br_table {targets} 0 (local.get 0))))))"
    ));
}

#[test]
fn large_tables_take_no_room_in_the_object() {
    let compiled =
        compiled("(module (table 10000000 funcref) (elem (i32.const 5) func $f) (func $f))");
    assert!(compiled.object.len() < 100_000, "{}", compiled.object.len());
}

#[test]
fn tables_that_are_too_large_together_are_refused() {
    let tables = "(table 10000000 funcref)".repeat(50);
    let words = error(&wasm(&format!("(module {tables})")));
    assert!(words.contains("too large"), "{words}");
}

fn leb128(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed_leb128(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x40 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
