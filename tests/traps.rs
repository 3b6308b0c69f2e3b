//! Every trap that a program can reach ends `mewz run` with status 134 and one line that names it, the function and the
//! operator's offset.
//!
//! A case is a file in `tests/traps`, its expectation in comments at its head: `trap` (its name), `function`, `operator`
//! (the first of this name in that function must be the place), `callers` (the functions that called it, innermost first,
//! each at its first call), `also` (more that the line holds), `stdout`, and `flags` for `mewz run`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mewz_abi::exit::STATUS_TRAP;
use mewz_abi::trap::TrapKind;
use wasmparser::{KnownCustom, Name, Parser, Payload};

macro_rules! cases {
    ($($name:ident: $file:literal,)*) => {
        const FILES: &[&str] = &[$($file,)*];
        $(
            #[test]
            fn $name() {
                check($file);
            }
        )*
    };
}

cases! {
    a_call_beyond_the_table: "call-beyond.wat",
    a_call_of_null: "call-null.wat",
    a_call_of_another_type: "call-type.wat",
    a_data_segment_outside: "data-segment.wat",
    a_division_by_zero: "divide-by-zero.wat",
    a_division_that_overflows: "divide-overflow.wat",
    an_element_segment_outside: "element-segment.wat",
    a_load_beyond_a_second_memory: "load-second-memory.wat",
    a_load_whose_address_would_wrap: "load-memory64.wat",
    a_load_beyond_a_small_page: "load-small-page.wat",
    an_unaligned_atomic_access: "unaligned-atomic.wat",
    a_wait_on_a_memory_that_is_not_shared: "wait-unshared.wat",
    a_wait_without_end: "wait-endless.wat",
    a_load_after_growing: "load-after-grow.wat",
    a_load_far_outside: "load-far.wat",
    a_load_of_one_byte: "load-narrow.wat",
    a_load_just_outside: "load.wat",
    a_copy_from_outside: "memory-copy.wat",
    a_fill_that_ends_outside: "memory-fill.wat",
    a_memory_init_beyond_the_segment: "memory-init.wat",
    a_trap_in_bodies_that_became_part_of_others: "inlined.wat",
    a_missing_import: "missing-import.wat",
    a_call_of_a_null_reference: "null-reference.wat",
    an_exception_that_nobody_takes: "uncaught-exception.wat",
    a_machine_without_memory: "out-of-memory.wat",
    a_recursion_of_large_frames: "recursion-of-large-frames.wat",
    a_recursion_through_a_table: "recursion-through-a-table.wat",
    a_recursion_without_end: "recursion.wat",
    a_remainder_by_zero: "remainder-by-zero.wat",
    a_start_function_that_traps: "start-function.wat",
    a_store_that_straddles_the_end: "store-straddling.wat",
    a_store_without_pages: "store-without-memory-pages.wat",
    a_store_just_outside: "store.wat",
    a_table_read_outside: "table-get.wat",
    a_table_init_of_a_dropped_segment: "table-init.wat",
    a_table_write_outside: "table-set.wat",
    a_truncation_of_nan: "truncate-nan.wat",
    a_truncation_of_a_negative: "truncate-negative.wat",
    a_truncation_that_overflows: "truncate-overflow.wat",
    unreachable: "unreachable.wat",
    a_vector_load_outside: "vector-load.wat",
    a_vector_lane_stored_outside: "vector-store-lane.wat",
}

#[test]
fn every_file_is_a_case_and_every_kind_has_one() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut listed = FILES.to_vec();
    listed.sort_unstable();
    assert_eq!(names, listed);

    let kinds: Vec<String> = names
        .iter()
        .map(|name| Expectation::read(&fs::read_to_string(folder().join(name)).unwrap()).trap)
        .collect();
    // The first page is guarded under `mewz dev` and `debug` alone: tests/debug looks there.
    let seen_here = |kind: &TrapKind| *kind != TrapKind::NullDereference;
    for kind in TrapKind::ALL.into_iter().filter(seen_here) {
        assert!(kinds.iter().any(|name| name == kind.name()), "{kind:?}");
    }
}

/// What the comments at a file's head ask for.
struct Expectation {
    trap: String,
    function: Option<String>,
    operator: Option<String>,
    callers: Vec<String>,
    also: Option<String>,
    stdout: String,
    flags: Vec<String>,
}

impl Expectation {
    fn read(text: &str) -> Self {
        let mut entries: HashMap<&str, &str> = text
            .lines()
            .map_while(|line| line.strip_prefix(";; "))
            .filter_map(|line| line.split_once(": "))
            .collect();
        let mut take = |key: &str| entries.remove(key).map(str::to_owned);
        Self {
            trap: take("trap").expect("the file says which trap it expects"),
            function: take("function"),
            operator: take("operator"),
            callers: take("callers")
                .map(|names| names.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            also: take("also"),
            stdout: take("stdout").unwrap_or_default(),
            flags: take("flags")
                .map(|flags| flags.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }
}

fn check(file: &str) {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let expected = Expectation::read(&text);
    let output = Command::new(env!("CARGO_BIN_EXE_mewz"))
        .args(["run", "--timeout", "120s"])
        .args(&expected.flags)
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let context = format!("{file}\nstdout: {stdout}\nstderr: {stderr}");

    assert_eq!(
        output.status.code(),
        Some(STATUS_TRAP as i32),
        "status of {context}"
    );
    assert_eq!(stdout, expected.stdout, "stdout of {context}");
    let lines: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains(&format!("trap: {}", expected.trap)))
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line names `{}` in {context}", expected.trap);
    };
    for part in [&expected.function, &expected.also].into_iter().flatten() {
        assert!(line.contains(part), "`{part}` in {context}");
    }
    if let Some(function) = &expected.function {
        let wasm = wat::parse_str(&text).unwrap();
        let offsets = operator_offsets(&wasm, function, expected.operator.as_deref());
        let told = offset_in(line).unwrap_or_else(|| panic!("an offset in {context}"));
        assert!(
            offsets.contains(&told),
            "offset {told:#x} is one of {offsets:#x?} in {context}"
        );
    }
    let mut calls = stderr.lines().filter(|line| line.contains("called from"));
    for caller in &expected.callers {
        let line = calls
            .next()
            .unwrap_or_else(|| panic!("a call in {context}"));
        let wasm = wat::parse_str(&text).unwrap();
        let offset = operator_offsets(&wasm, caller, Some("Call "))[0];
        let words = format!("called from `{caller}` at wasm offset {offset:#x}");
        assert!(line.contains(&words), "`{words}` in {context}");
    }
}

/// The offsets at which the trap may lie: that of the first operator whose name begins so, or of every operator.
fn operator_offsets(wasm: &[u8], function: &str, operator: Option<&str>) -> Vec<u64> {
    let index = function_index(wasm, function);
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ImportSection(reader) => {
                imported = reader
                    .into_imports()
                    .filter(|import| {
                        matches!(import.as_ref().unwrap().ty, wasmparser::TypeRef::Func(_))
                    })
                    .count();
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    let mut reader = bodies[index - imported].get_operators_reader().unwrap();
    let mut offsets = Vec::new();
    while !reader.eof() {
        let (found, offset) = reader.read_with_offset().unwrap();
        let is_it = operator.is_none_or(|name| format!("{found:?}").starts_with(name));
        if is_it {
            offsets.push(offset);
        }
    }
    if operator.is_some() {
        offsets.truncate(1);
    }
    offsets
}

/// The index of the function that the name section calls so.
fn function_index(wasm: &[u8], function: &str) -> usize {
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CustomSection(section) = payload.unwrap() else {
            continue;
        };
        let KnownCustom::Name(names) = section.as_known() else {
            continue;
        };
        for subsection in names {
            let Name::Function(names) = subsection.unwrap() else {
                continue;
            };
            for name in names {
                let name = name.unwrap();
                if name.name == function {
                    return name.index as usize;
                }
            }
        }
    }
    panic!("no function `{function}`");
}

/// The first hexadecimal number of a line.
fn offset_in(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("0x")?;
    let digits = rest
        .split(|letter: char| !letter.is_ascii_hexdigit())
        .next()?;
    u64::from_str_radix(digits, 16).ok()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traps")
}
