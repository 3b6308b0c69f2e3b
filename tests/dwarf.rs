//! Debug information of objects: sound by LLVM's measure, and no module's can stop a compilation.

#[path = "tools/mod.rs"]
mod tools;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use mewz::compile::{Compiled, DebugLevel, OptLevel, Options, compile};
use object::{Object as _, ObjectSection as _};
use tools::tool;

/// Compiles with so much debug information, at a level.
fn compiled(wasm: &[u8], debug: DebugLevel, opt_level: OptLevel) -> Compiled {
    let options = Options {
        debug,
        opt_level,
        ..Options::default()
    };
    compile(wasm, &options).unwrap()
}

/// A program of `tests/debug` as a module.
fn built(folder: &Path, name: &str, flags: &[&str]) -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/debug")
        .join(name);
    let wasm = folder.join("module.wasm");
    if name.ends_with(".zig") {
        let mut emit = OsString::from("-femit-bin=");
        emit.push(&wasm);
        let mut compiler = tools::zig_compiler();
        compiler.args(flags).arg(source).arg(emit);
        tools::run(compiler.current_dir(folder));
        return std::fs::read(wasm).unwrap();
    }
    let mut compiler = if name.ends_with(".rs") {
        tools::rust_compiler()
    } else {
        tools::c_compiler()
    };
    if name.ends_with(".cpp") {
        compiler.args(["-fno-exceptions", "-x", "c++", "-lc++", "-lc++abi"]);
    }
    compiler.args(flags).arg(source).arg("-o").arg(&wasm);
    tools::run(&mut compiler);
    std::fs::read(wasm).unwrap()
}

fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("module.o");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn dwarfdump(arguments: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new(tool("bin/llvm-dwarfdump"))
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text + &errors)
}

#[track_caller]
fn assert_sound(name: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), name, flags);
    let full = [OptLevel::None, OptLevel::Function, OptLevel::Module];
    let full = full.map(|level| (DebugLevel::Full, level));
    // Lines and frames are told of the same code at every level.
    let less = [DebugLevel::Lines, DebugLevel::Frames].map(|debug| (debug, OptLevel::Module));
    for (debug, level) in full.into_iter().chain(less) {
        let compiled = compiled(&wasm, debug, level);
        assert_eq!(compiled.debug_problem, None);
        let object = write(folder.path(), &compiled.object);
        let (is_sound, words) = dwarfdump(&["--verify"], &object);
        let errors: Vec<&str> = words
            .lines()
            .filter(|line| line.contains("error"))
            .collect();
        assert!(
            is_sound,
            "{name} {flags:?} {debug:?} {level:?}: {errors:#?}"
        );
        let (_, found) = dwarfdump(&["--debug-info", "--name=main"], &object);
        assert!(
            // At the level of the module it may have become part of its caller.
            found.contains("DW_AT_low_pc") || level == OptLevel::Module,
            "{name} {flags:?} {debug:?} {level:?}: {found}"
        );
    }
}

#[test]
fn c_stays_sound() {
    for flags in [
        ["-gdwarf-4", "-O0"],
        ["-gdwarf-5", "-O0"],
        ["-gdwarf-4", "-O2"],
        ["-gdwarf-5", "-O2"],
    ] {
        assert_sound("list.c", &flags);
    }
}

#[test]
fn cpp_stays_sound() {
    let with_types_apart = ["-gdwarf-5", "-O0", "-fdebug-types-section"];
    assert_sound("shapes.cpp", &["-gdwarf-4", "-O0"]);
    assert_sound("shapes.cpp", &["-gdwarf-5", "-O2"]);
    assert_sound("shapes.cpp", &with_types_apart);
}

#[test]
fn types_in_units_of_their_own_stay_with_what_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["-gdwarf-5", "-O0", "-fdebug-types-section"];
    let wasm = built(folder.path(), "shapes.cpp", &flags);
    let compiled = compiled(&wasm, DebugLevel::Full, OptLevel::None);
    let text = entries(folder.path(), &compiled);
    // What stands for the type where it is used leads to the entry with its members.
    let stands = text.matches("DW_AT_signature\t").count();
    assert!(stands > 0, "{text}");
    let (_, class) = text.split_once("(\"Pair\")").unwrap();
    let (class, _) = class.split_once("DW_TAG_subprogram").unwrap();
    assert!(
        class.contains("DW_TAG_member") && class.contains("(\"other\")"),
        "{class}"
    );
}

#[test]
fn rust_stays_sound() {
    for flags in [["-g", "-Copt-level=0"], ["-g", "-Copt-level=2"]] {
        assert_sound("items.rs", &flags);
    }
}

#[test]
fn zig_stays_sound() {
    assert_sound("records.zig", &[]);
}

#[test]
fn an_interpreter_and_collections_stay_sound() {
    assert_sound("interpreter.c", &["-g", "-O2"]);
    assert_sound("values.rs", &["-g"]);
}

#[test]
fn only_who_asks_gets_debug_information() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), "list.c", &["-g", "-O0"]);
    let sections = |debug: DebugLevel| {
        let options = Options {
            debug,
            ..Options::default()
        };
        let compiled = compile(&wasm, &options).unwrap();
        let file = object::File::parse(&compiled.object[..]).unwrap();
        let names = file.sections().filter_map(|section| {
            let name = section.name().ok()?;
            name.starts_with(".debug").then(|| name.to_owned())
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(sections(DebugLevel::None), [""; 0]);
    for debug in [DebugLevel::Lines, DebugLevel::Frames, DebugLevel::Full] {
        assert!(sections(debug).contains(&".debug_line".to_owned()));
    }
}

#[test]
fn lines_are_told_of_the_code_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), "list.c", &["-g", "-O0"]);
    for level in [OptLevel::None, OptLevel::Function, OptLevel::Module] {
        let loaded = |debug| {
            let compiled = compiled(&wasm, debug, level);
            let file = object::File::parse(&compiled.object[..]).unwrap();
            let sections = file.sections().filter_map(|section| {
                let name = section.name().ok()?.to_owned();
                // Relocations name symbols by their numbers, which are others.
                let is_content = [".debug", ".rela", ".sym", ".str", ".shstr"]
                    .iter()
                    .all(|other| !name.starts_with(other));
                is_content.then(|| (name, section.data().unwrap().to_vec()))
            });
            sections.collect::<Vec<_>>()
        };
        for debug in [DebugLevel::Lines, DebugLevel::Frames] {
            assert!(
                loaded(DebugLevel::None) == loaded(debug),
                "{debug:?} {level:?}"
            );
        }
    }
}

/// The lines of an object's entries that name what functions are part of which, with those before and behind.
fn entries(folder: &Path, compiled: &Compiled) -> String {
    let object = write(folder, &compiled.object);
    dwarfdump(&["--debug-info"], &object).1
}

#[test]
fn bodies_that_became_part_of_functions_have_entries() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), "nested.c", &["-g", "-O2"]);
    for debug in [DebugLevel::Lines, DebugLevel::Frames, DebugLevel::Full] {
        let text = entries(folder.path(), &compiled(&wasm, debug, OptLevel::Module));
        // Whose body it is stands behind the word.
        let parts = text.split("DW_TAG_inlined_subroutine").skip(1);
        let names = parts.map(|part| {
            let (_, origin) = part.split_once("DW_AT_abstract_origin").unwrap();
            origin.split('"').nth(1).unwrap().to_owned()
        });
        let names: Vec<String> = names.collect();
        for name in ["portion", "halve"] {
            assert!(
                names.iter().any(|known| known == name),
                "{debug:?} {names:?}\n{text}"
            );
        }
        let calls = text.matches("DW_AT_call_line").count();
        assert!(calls >= names.len(), "{debug:?}\n{text}");
    }
}

#[test]
fn lines_tell_functions_of_the_programs_own_sources_alone() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), "values.rs", &["-g"]);
    let dumped = |debug, section| {
        let compiled = compiled(&wasm, debug, OptLevel::Function);
        let object = write(folder.path(), &compiled.object);
        dwarfdump(&[section], &object).1
    };
    let [lines, frames] = [DebugLevel::Lines, DebugLevel::Frames].map(|debug| {
        // The same lines, of libraries too.
        let table = dumped(debug, "--debug-line");
        assert!(table.contains("panicking.rs"), "{table}");
        let rows = table.lines().filter(|line| line.starts_with("0x"));
        (dumped(debug, "--debug-info"), rows.count())
    });
    assert_eq!(lines.1, frames.1);
    let has = |text: &str, name: &str| text.contains(&format!("DW_AT_name\t(\"{name}\")"));
    assert!(has(&lines.0, "look") && has(&frames.0, "look"));
    // What panics in the end, deep in the library.
    assert!(!has(&lines.0, "rust_panic_with_hook"), "{}", lines.0);
    assert!(has(&frames.0, "rust_panic_with_hook"), "{}", frames.0);
}

#[test]
fn functions_are_told_of_a_program_that_lies_where_libraries_are() {
    let folder = tempfile::tempdir().unwrap();
    // What of other places has no code any more makes no difference.
    let dead = folder.path().join("dead.c");
    std::fs::write(&dead, "int dead(int of) { return of + 1; }").unwrap();
    let dead_object = folder.path().join("dead.o");
    let mut compiler = tools::c_compiler();
    compiler.args(["-g", "-c"]).arg(&dead).arg("-o");
    tools::run(compiler.arg(&dead_object));
    let flags = [
        "-g",
        "-O0",
        "-nostdlib",
        "-Wl,--no-entry,--export=divide",
        "-fdebug-compilation-dir=/.cargo/registry/src/plain",
        dead_object.to_str().unwrap(),
    ];
    let wasm = built(folder.path(), "plain.c", &flags);
    let compiled = compiled(&wasm, DebugLevel::Lines, OptLevel::Function);
    let text = entries(folder.path(), &compiled);
    assert!(text.contains("(\"divide\")"), "{text}");
}

#[test]
fn files_of_other_units_keep_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debug/nested.c");
    std::fs::copy(source, folder.path().join("below/nested.c")).unwrap();
    let mut compiler = tools::c_compiler();
    compiler.args(["-gdwarf-4", "-O2", "-fdebug-compilation-dir=elsewhere"]);
    compiler.args(["below/nested.c", "-o", "nested.wasm"]);
    tools::run(compiler.current_dir(folder.path()));
    let wasm = std::fs::read(folder.path().join("nested.wasm")).unwrap();
    // All of it becomes part of `_start`, which is the C library's.
    for debug in [DebugLevel::Lines, DebugLevel::Frames] {
        let compiled = compiled(&wasm, debug, OptLevel::Module);
        let object = write(folder.path(), &compiled.object);
        let table = dwarfdump(&["--debug-line"], &object).1;
        assert!(table.contains("\"nested.c\""), "{table}");
        assert!(table.contains("\"elsewhere/below\""), "{table}");
    }
}

#[test]
fn code_that_ends_behind_all_addresses_is_none() {
    let mut unit = gimli::write::DwarfUnit::new(gimli::Encoding {
        address_size: 4,
        format: gimli::Format::Dwarf32,
        version: 4,
    });
    let root = unit.unit.root();
    let function = unit.unit.add(root, gimli::DW_TAG_subprogram);
    for entry in [root, function] {
        let low = gimli::write::AttributeValue::Address(gimli::write::Address::Constant(5));
        let entry = unit.unit.get_mut(entry);
        entry.set(gimli::DW_AT_low_pc, low);
        let len = gimli::write::AttributeValue::Udata(u64::MAX);
        entry.set(gimli::DW_AT_high_pc, len);
    }
    let mut sections =
        gimli::write::Sections::new(gimli::write::EndianVec::new(gimli::LittleEndian));
    unit.write(&mut sections).unwrap();
    let mut wasm = wat::parse_str("(module (func (export \"_start\")))").unwrap();
    sections
        .for_each(|id, bytes| {
            let name = id.name();
            let mut content = vec![name.len() as u8];
            content.extend_from_slice(name.as_bytes());
            content.extend_from_slice(bytes.slice());
            assert!(content.len() < 0x80);
            wasm.extend_from_slice(&[0, content.len() as u8]);
            wasm.extend_from_slice(&content);
            Ok::<_, gimli::Error>(())
        })
        .unwrap();
    for debug in [DebugLevel::Lines, DebugLevel::Frames, DebugLevel::Full] {
        compiled(&wasm, debug, OptLevel::None);
    }
}

/// The lines of files that all line tables in a section tell of, and those of them at which a debugger is to stop.
fn lines_and_stops(tables: &[u8], address_bytes: u8) -> [BTreeSet<(String, u64)>; 2] {
    let section = gimli::DebugLine::new(tables, gimli::LittleEndian);
    let [mut lines, mut stops] = [BTreeSet::new(), BTreeSet::new()];
    let mut offset = 0;
    while offset < tables.len() {
        let table = section.program(gimli::DebugLineOffset(offset), address_bytes, None, None);
        let table = table.unwrap();
        offset += table.header().unit_length() + 4;
        let mut rows = table.rows();
        while let Some((header, row)) = rows.next_row().unwrap() {
            let file = row.file(header).map(gimli::FileEntry::path_name);
            let Some(gimli::AttributeValue::String(name)) = file else {
                continue;
            };
            let Some(line) = row.line().filter(|_| !row.end_sequence()) else {
                continue;
            };
            let line = (name.to_string_lossy().into_owned(), line.get());
            if row.is_stmt() {
                stops.insert(line.clone());
            }
            lines.insert(line);
        }
    }
    [lines, stops]
}

#[test]
fn debuggers_stop_at_each_line_whose_code_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = built(folder.path(), "interpreter.c", &["-g", "-gdwarf-4", "-O2"]);
    let of_module = wasmparser::Parser::new(0).parse_all(&wasm);
    let of_module = of_module.filter_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section) if section.name() == ".debug_line" => {
            Some(section.data())
        }
        _ => None,
    });
    let [_, wanted] = lines_and_stops(of_module.last().unwrap(), 4);
    for level in [OptLevel::None, OptLevel::Function, OptLevel::Module] {
        let compiled = compiled(&wasm, DebugLevel::Lines, level);
        let object = object::File::parse(&compiled.object[..]).unwrap();
        let tables = object.section_by_name(".debug_line").unwrap();
        let [lines, stops] = lines_and_stops(tables.data().unwrap(), 8);
        let left: Vec<_> = wanted.intersection(&lines).collect();
        assert!(left.len() > 20, "{level:?} {left:?}");
        let missed: Vec<_> = left.iter().filter(|line| !stops.contains(**line)).collect();
        assert!(missed.is_empty(), "{level:?} {missed:?}");
    }
}

/// Where the content of the custom sections for debuggers lies in a module.
fn debug_content(wasm: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut all = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::CustomSection(section) = payload.unwrap()
            && section.name().starts_with(".debug")
        {
            let start = section.data_offset() as usize;
            all.push(start..start + section.data().len());
        }
    }
    all
}

#[test]
fn damage_costs_the_debug_information_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    let mut unread = 0;
    for flags in [["-gdwarf-4", "-O0"], ["-gdwarf-5", "-O2"]] {
        let flags = [&flags[..], &["-nostdlib", "-Wl,--no-entry,--export=divide"]].concat();
        let wasm = built(folder.path(), "plain.c", &flags);
        let content = debug_content(&wasm);
        assert!(content.len() > 3);
        for round in 0..600 {
            let mut damaged = wasm.clone();
            for _ in 0..=below(6) {
                let range = content[below(content.len())].clone();
                let at = range.start + below(range.len());
                damaged[at] = match below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => damaged[at].wrapping_add(1),
                    _ => below(256) as u8,
                };
            }
            let compiled = match round % 3 {
                0 => compiled(&damaged, DebugLevel::Full, OptLevel::None),
                1 => compiled(&damaged, DebugLevel::Frames, OptLevel::Module),
                _ => compiled(&damaged, DebugLevel::Lines, OptLevel::Module),
            };
            unread += usize::from(compiled.debug_problem.is_some());
        }
    }
    assert!(unread > 0, "some of the damage is beyond reading");
}
