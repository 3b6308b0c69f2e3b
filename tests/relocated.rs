//! Compiling again after a change that moved data and functions of a program: one that was linked with `--emit-relocs`, and
//! one without.

mod invoke;
mod tools;

use std::fs;
use std::process::Command;

use invoke::Place;
use mewz::compile::{FunctionCache, OptLevel, Options, compile, compile_incremental, object_file};

/// Functions of the program that are alike but for their names.
const ALIKE: usize = 40;

/// A program of many addresses: of texts, numbers, tables and functions. What is defined first moves all the rest. It does
/// without a library: LLVM 14 can't link one and keep relocations.
const PROGRAM: &str = r#"
#define NOINLINE __attribute__((noinline))
typedef unsigned long size;
struct part { const char *start; size len; };
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write")))
int fd_write(int file, const struct part *parts, size count, size *written);
static char line[200];
static size len;
NOINLINE static void put(char c) { line[len++] = c; }
NOINLINE static void text(const char *s) { while (*s) put(*s++); }
NOINLINE static void number(unsigned n) { if (n > 9) number(n / 10); put("0123456789"[n % 10]); }
NOINLINE static void flush(void) {
    size written;
    put('\n');
    struct part part = {line, len};
    fd_write(1, &part, 1, &written);
    len = 0;
}
FIRST
static int numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static volatile double factor = 1.5;
static volatile unsigned char small = 250;
static volatile long long large = 1LL << 40;
NOINLINE static int plus(int a, int b) { return a + b; }
NOINLINE static int times(int a, int b) { return a * b; }
int (*volatile chosen)(int, int);
int (*const all[])(int, int) = {plus, times};
NOINLINE int sum(void) { int s = 0; for (int i = 0; i < 8; i++) s += numbers[i]; return s; }
NOINLINE int at(int i) { return numbers[i & 7]; }
NOINLINE void set(int i, int n) { numbers[i & 7] = n; }
NOINLINE int scaled(int i) { factor += 0.25; small += 10; large += 1; return (int)(factor * at(i)) + small + (large & 7); }
NOINLINE const char *word(int i) { return i & 1 ? "odd" : "even"; }
NOINLINE void choose(int i) { chosen = i ? times : plus; }
int chain(int);
ALIKE
void _start(void) {
    set(3, 40);
    number(sum()); put(' '); number(at(3)); put(' '); number(scaled(2)); put(' '); text(word(1)); text(word(2)); flush();
    for (int i = 0; i < 2; i++) { choose(i); number(chosen(6, 7)); put(' '); number(all[1 - i](6, 7)); flush(); }
    number(f0(5)); flush();
    LAST
}
"#;

/// What comes before the rest after the edit, and what uses it.
const ADDED: (&str, &str) = (
    r#"NOINLINE int added(int a, int b) { text("a text that was not there before, and is long: "); number(a - b); flush(); return b; }
       int (*volatile more)(int, int) = added; int space[100] = {1};"#,
    "more(8, space[0]);",
);

const PRINTED: &str = "72 40 10 oddeven\n13 42\n42 13\n980\n";

/// Builds the program.
fn build(place: &Place, level: &str, (first, last): (&str, &str)) -> Vec<u8> {
    let alike = (0..ALIKE).rev().map(|name| {
        let next = match name + 1 {
            ALIKE => "0".into(),
            next => format!("f{next}(i + *text{name})"),
        };
        format!(
            "const char *text{name} = \"t{name}\"; int count{name} = {name};
             NOINLINE int f{name}(int i) {{ count{name} += i & 3; return numbers[i & 7] + count{name} + {next}; }}\n"
        )
    });
    let source = PROGRAM.replace("FIRST", first).replace("LAST", last);
    let source = source.replace("ALIKE", &alike.collect::<String>());
    let source = place.write("program.c", source);
    let wasm = place.path("program.wasm");
    let mut compiler = Command::new(tools::tool("bin/clang"));
    compiler
        .args(["--target=wasm32-wasi", level, "-nostdlib", "-fno-builtin"])
        .args(["-Wl,--emit-relocs", "-o"]);
    tools::run(compiler.args([&wasm, &source]));
    fs::read(wasm).unwrap()
}

fn options(opt_level: OptLevel) -> Options {
    Options {
        opt_level,
        ..Options::default()
    }
}

/// Compiles with `cache` and checks that the object is the one that is made without; returns how many functions were
/// compiled, and how many there are.
#[track_caller]
fn check(wasm: &[u8], options: &Options, cache: &mut FunctionCache) -> (usize, usize) {
    let assembled = compile_incremental(wasm, options, cache).unwrap();
    let object = object_file(&assembled.object).unwrap();
    let whole = compile(wasm, options).unwrap();
    assert!(object == whole.object, "the cache shows in the object");
    (assembled.counts.compiled, assembled.counts.functions)
}

/// Where `name`, the name of a section, begins and ends.
fn named(wasm: &[u8], name: &[u8]) -> (usize, usize) {
    let at = wasm
        .windows(name.len())
        .position(|bytes| bytes == name)
        .unwrap();
    (at, at + name.len())
}

/// The module with that section under a name that nobody knows.
fn without_section(wasm: &[u8]) -> Vec<u8> {
    let mut wasm = wasm.to_vec();
    let (at, _) = named(&wasm, b"reloc.CODE");
    wasm[at] = b'R';
    wasm
}

#[test]
fn what_merely_moved_is_not_compiled() {
    let place = Place::new();
    for level in ["-O0", "-O1", "-Os"] {
        let told = [("", ""), ADDED].map(|edit| build(&place, level, edit));
        let untold = told.clone().map(|wasm| without_section(&wasm));
        for (opt_level, [before, after], expects_edits) in [
            (OptLevel::None, &told, false),
            (OptLevel::Function, &told, true),
            (OptLevel::None, &untold, true),
            (OptLevel::Function, &untold, true),
        ] {
            let options = Options {
                expects_edits,
                ..options(opt_level)
            };
            let mut cache = FunctionCache::new();
            let (compiled, all) = check(before, &options, &mut cache);
            assert!(compiled == all && all > ALIKE, "{compiled} of {all}");
            let (compiled, all) = check(after, &options, &mut cache);
            assert!(
                (2..=6).contains(&compiled),
                "{level}: {compiled} of {all} functions were compiled"
            );
            // What is kept as bytes has the slots too.
            let mut loaded = FunctionCache::new();
            loaded.load(b"test", cache.unsaved(b"test")).unwrap();
            assert_eq!(check(before, &options, &mut loaded).0, 0, "{level}");
            assert_eq!(check(after, &options, &mut loaded).0, 0, "{level}");
        }
    }
}

#[test]
fn who_expects_no_edits_compiles_what_moved() {
    let place = Place::new();
    let [before, after] = [("", ""), ADDED].map(|edit| {
        let wasm = build(&place, "-O1", edit);
        without_section(&wasm)
    });
    let mut cache = FunctionCache::new();
    check(&before, &options(OptLevel::None), &mut cache);
    let (compiled, all) = check(&after, &options(OptLevel::None), &mut cache);
    assert!(compiled > 20, "{compiled} of {all}");
}

#[test]
fn programs_run_as_they_are_after_an_edit() {
    let place = Place::new();
    for opt in ["0", "1", "2"] {
        for (edit, more) in [
            (("", ""), ""),
            (ADDED, "a text that was not there before, and is long: 7\n"),
        ] {
            build(&place, "-O1", edit);
            let ended = place.run(&["run", "--opt", opt, "program.wasm"]);
            let printed = String::from_utf8_lossy(&ended.stdout);
            assert_eq!(printed, format!("{PRINTED}{more}"), "{}", ended.stderr);
            assert_eq!(ended.status, 0, "{}", ended.stderr);
        }
    }
}

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[test]
fn a_damaged_section_changes_no_meaning() {
    let place = Place::new();
    let wasm = build(&place, "-O1", ("", ""));
    let (_, content) = named(&wasm, b"reloc.CODE");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut cache = FunctionCache::new();
    let dev = options(OptLevel::None);
    for round in 0..12 {
        let mut damaged = wasm.clone();
        for _ in 0..1 << round {
            let at = content + random.below(20_000.min(wasm.len() - content));
            damaged[at] = random.below(256) as u8;
        }
        // Sections behind this one may be damaged with it.
        let Ok(whole) = compile(&damaged, &dev) else {
            assert!(compile_incremental(&damaged, &dev, &mut cache).is_err());
            continue;
        };
        let assembled = compile_incremental(&damaged, &dev, &mut cache).unwrap();
        assert!(object_file(&assembled.object).unwrap() == whole.object);
    }
}

/// A module of the text format with a section `reloc.CODE` that names `offsets`, each as an address of data in an operand.
fn with_relocations(text: &str, kind: u8, offsets: &[u8]) -> Vec<u8> {
    let mut wasm = wat::parse_str(text).unwrap();
    let mut content = b"\x0areloc.CODE".to_vec();
    content.extend([3, offsets.len() as u8]);
    for offset in offsets {
        content.extend([kind, *offset, 0, 0]);
    }
    wasm.extend([0, content.len() as u8]);
    wasm.extend(content);
    wasm
}

/// The text of a module with one body of raw bytes.
fn raw(body: &[u8]) -> Vec<u8> {
    let mut wasm =
        b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x05\x03\x01\0\x01".to_vec();
    let len = body.len() as u8 + 2;
    wasm.extend([10, len + 2, 1, len, 0]);
    wasm.extend(body);
    wasm.push(0x0b);
    wasm
}

#[test]
fn any_place_may_be_named() {
    let texts = [
        "(module (memory 1) (func (export \"f\") (param i32) (result i32)
           (i32.load offset=8 (i32.add (i32.const 100000000) (i32.load8_u (local.get 0)))) (unreachable) (i32.const 5)))",
        "(module (memory i64 1) (func (export \"f\") (param i64) (result i64)
           (i64.add (i64.const 1) (i64.load offset=8 (local.get 0)))))",
        "(module (func (export \"f\") (result v128) (v128.const i64x2 1 2)))",
    ];
    for text in texts {
        for kind in [1, 3, 4, 14, 15, 18, 7, 99] {
            let all: Vec<u8> = (0..60).collect();
            let mut cache = FunctionCache::new();
            for count in [0, 5, 10, 20, 25] {
                let wasm = with_relocations(text, kind, &all[..count]);
                check(&wasm, &options(OptLevel::None), &mut cache);
                check(&wasm, &options(OptLevel::Function), &mut cache);
            }
        }
    }
}

#[test]
fn what_is_invalid_is_found_where_a_valid_body_is_kept() {
    // i32.const 0; i32.load with an offset that a linker can write anew, in five bytes.
    let load = |offset: [u8; 5]| {
        let body = [&[0x41, 0, 0x28, 2][..], &offset].concat();
        let mut wasm = raw(&body);
        wasm.extend(b"\0\x11\x0areloc.CODE\x03\x01\x03\x07\0\0");
        wasm
    };
    let dev = options(OptLevel::None);
    let mut cache = FunctionCache::new();
    let (first, other) = (
        load([0x80, 0x80, 0x84, 0x80, 0]),
        load([0x90, 0x80, 0x84, 0x80, 0]),
    );
    assert_eq!(check(&first, &dev, &mut cache), (1, 1));
    assert_eq!(
        check(&other, &dev, &mut cache),
        (0, 1),
        "the offset is a slot"
    );
    assert_ne!(
        compile(&first, &dev).unwrap().object,
        compile(&other, &dev).unwrap().object
    );
    let wide = load([0x80, 0x80, 0x84, 0x80, 0x7f]);
    assert!(compile(&wide, &dev).is_err());
    assert!(compile_incremental(&wide, &dev, &mut cache).is_err());
    // An alignment that is too large.
    let mut skewed = first;
    let at = skewed
        .windows(2)
        .position(|bytes| bytes == [0x28, 2])
        .unwrap();
    skewed[at + 1] = 3;
    assert!(compile(&skewed, &dev).is_err());
    assert!(compile_incremental(&skewed, &dev, &mut cache).is_err());
}

#[test]
fn a_constant_that_is_longer_than_it_needs_to_be_is_a_slot() {
    let dev = Options {
        expects_edits: true,
        ..options(OptLevel::Function)
    };
    // How many of two bodies with these numbers are compiled after one another.
    let compiled = |operators: [&[u8]; 2]| {
        let mut cache = FunctionCache::new();
        let wasm = operators.map(raw);
        assert_eq!(check(&wasm[0], &dev, &mut cache), (1, 1));
        check(&wasm[1], &dev, &mut cache).0
    };
    let number = |bytes: [u8; 5]| [&[0x41][..], &bytes].concat();
    let pair = |one, other| compiled([&number(one), &number(other)]);
    // 0 and 17, -1 and -64, 0 and the greatest of four bytes.
    assert_eq!(
        pair([0x80, 0x80, 0x80, 0x80, 0], [0x91, 0x80, 0x80, 0x80, 0]),
        0
    );
    assert_eq!(
        pair(
            [0xff, 0xff, 0xff, 0xff, 0x7f],
            [0xc0, 0xff, 0xff, 0xff, 0x7f]
        ),
        0
    );
    assert_eq!(
        pair([0x80, 0x80, 0x80, 0x80, 0], [0xff, 0xff, 0xff, 0xbf, 0]),
        0
    );
    // From here on all five bytes are needed: 2^27 and more, -2^27 - 1 and less.
    assert_eq!(
        pair([0x80, 0x80, 0x80, 0xc0, 0], [0x81, 0x80, 0x80, 0xc0, 0]),
        1
    );
    assert_eq!(
        pair(
            [0xff, 0xff, 0xff, 0xbf, 0x7f],
            [0xfe, 0xff, 0xff, 0xbf, 0x7f]
        ),
        1
    );
    // Four bytes leave no room for every address.
    let short = |byte| [0x41, byte, 0x80, 0x80, 0x00];
    assert_eq!(compiled([&short(0x80), &short(0x81)]), 1);
    // i32.const 0; i32.load: an offset has no sign, so four bytes take a bit more.
    let load = |bytes: [u8; 5]| [&[0x41, 0, 0x28, 2][..], &bytes].concat();
    let pair = |one, other| compiled([&load(one), &load(other)]);
    assert_eq!(
        pair([0x80, 0x80, 0x84, 0x80, 0], [0xff, 0xff, 0xff, 0xff, 0]),
        0
    );
    assert_eq!(
        pair([0x80, 0x80, 0x80, 0x80, 1], [0x81, 0x80, 0x80, 0x80, 1]),
        1
    );
}
