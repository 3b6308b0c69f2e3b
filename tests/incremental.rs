//! Compiling again after a change: what is compiled, and that what comes out never shows how it was made.

use std::collections::HashSet;
use std::fmt::Write as _;

use fastrand::Rng;
use mewz::compile::{
    Counts, FunctionCache, MemoryBase, OptLevel, Options, RegisterAllocator, TargetCpu, compile,
    compile_incremental, object_file,
};
use mewz::link::image::{ImageContent, ImageOptions, image};
use mewz::link::kernel::Kernel;

/// Compiles with `cache` and checks that the object is the one that is made without; returns how many functions were
/// compiled.
#[track_caller]
fn check(wasm: &[u8], options: &Options, cache: &mut FunctionCache) -> usize {
    let assembled = compile_incremental(wasm, options, cache).unwrap();
    let object = object_file(&assembled.object).unwrap();
    let whole = compile(wasm, options).unwrap();
    assert!(object == whole.object, "the cache shows in the object");
    assert_eq!(assembled.interface, whole.interface);
    assembled.counts.compiled
}

/// A module whose functions can be changed, added and taken away.
#[derive(Clone)]
struct Program {
    functions: Vec<Function>,
    before: String,
    after: String,
}

#[derive(Clone)]
struct Function {
    name: usize,
    constant: u32,
    callees: Vec<usize>,
    shape: u32,
}

impl Program {
    fn new(functions: usize) -> Self {
        let function = |name| Function {
            name,
            constant: name as u32 * 7,
            callees: vec![(name * 3 + 1) % functions, (name * 5 + 2) % functions],
            shape: name as u32 % 6,
        };
        Self {
            functions: (0..functions).map(function).collect(),
            before: String::new(),
            after: String::new(),
        }
    }

    fn wasm(&self) -> Vec<u8> {
        let names: HashSet<usize> = self
            .functions
            .iter()
            .map(|function| function.name)
            .collect();
        let mut text = format!(
            "(module {}
               (import \"env\" \"answer\" (func $answer (param i32) (result i32)))
               (type $pair (func (param i32 i32) (result i32)))
               (memory 1) (global $sum (mut i32) (i32.const 0)) (global $fixed i64 (i64.const 9))
               (table $table 8 funcref) (elem (i32.const 0) $pair $answer)
               (data $words \"some words\")
               (func $pair (type $pair) (i32.add (local.get 0) (local.get 1)))
               (export \"pair\" (func $pair))\n",
            self.before
        );
        for function in &self.functions {
            let Function {
                name,
                constant,
                shape,
                ..
            } = function;
            let _ = write!(
                text,
                "(func $f{name} (export \"f{name}\") (param i32) (result i32)
                   (local.get 0) (i32.const {constant}) (i32.add) "
            );
            for callee in function
                .callees
                .iter()
                .filter(|callee| names.contains(callee))
            {
                let _ = write!(
                    text,
                    "(if (result i32) (i32.eqz (local.tee 0)) (then (i32.const 1))
                                        (else (call $f{callee} (local.get 0)))) "
                );
            }
            text.push_str(match shape {
                0 => "(call $answer)",
                1 => "(global.set $sum) (global.get $sum)",
                2 => "(call_indirect (type $pair) (i32.const 4) (i32.const 0))",
                3 => "(i32.load offset=16)",
                4 => "(drop) (memory.init $words (i32.const 0) (i32.const 0) (i32.const 4)) (i32.wrap_i64 (global.get $fixed))",
                _ => "(drop) (table.set $table (i32.const 7) (ref.func $pair)) (block (result i32) (i32.div_u (i32.const 1) (local.get 0)))",
            });
            text.push_str(")\n");
        }
        let _ = write!(text, "{})", self.after);
        wat::parse_str(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
    }
}

fn dev() -> Options {
    Options::default()
}

#[test]
fn nothing_is_compiled_twice() {
    let wasm = Program::new(50).wasm();
    let mut cache = FunctionCache::new();
    assert_eq!(check(&wasm, &dev(), &mut cache), 51);
    assert_eq!(check(&wasm, &dev(), &mut cache), 0);
}

#[test]
fn a_change_compiles_the_function_that_changed() {
    let mut program = Program::new(50);
    let mut cache = FunctionCache::new();
    check(&program.wasm(), &dev(), &mut cache);
    program.functions[20].constant = 99_999;
    assert_eq!(check(&program.wasm(), &dev(), &mut cache), 1);
    program.functions[20].shape += 1;
    assert_eq!(check(&program.wasm(), &dev(), &mut cache), 1);
}

#[test]
fn more_memory_compiles_what_checks_against_it() {
    let text = |index: &str, pages: u32| {
        let text = format!(
            "(module (memory {index} {pages}) (func (export \"f\") (param {index}) (result i32)
               (i32.load offset=70000 (local.get 0))))"
        );
        wat::parse_str(&text).unwrap()
    };
    for (index, compiled) in [("i32", 0), ("i64", 1)] {
        let mut cache = FunctionCache::new();
        assert_eq!(check(&text(index, 1), &dev(), &mut cache), 1);
        assert_eq!(check(&text(index, 2), &dev(), &mut cache), compiled);
    }
}

#[test]
fn a_function_more_compiles_that_function_alone() {
    let mut program = Program::new(50);
    let mut cache = FunctionCache::new();
    check(&program.wasm(), &dev(), &mut cache);
    // All indices move by one, and so do those of types, exports and places of code.
    program.before = "(type (func (param f64 f64)))".into();
    let new = Function {
        name: 1000,
        constant: 5,
        callees: vec![3],
        shape: 0,
    };
    program.functions.insert(0, new);
    assert_eq!(check(&program.wasm(), &dev(), &mut cache), 1);
    program.functions.remove(0);
    assert_eq!(check(&program.wasm(), &dev(), &mut cache), 0);
}

#[test]
fn a_longer_table_leaves_those_alone_that_call_through_it() {
    let module = |len: u32, functions: &str| {
        let text = format!(
            r#"(module (type $none (func)) (table {len} {len} funcref) (memory 1) (data $d "words")
                 (func $a) (func (export "f") (param i32) (call_indirect (type $none) (local.get 0)))
                 (func (export "g") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 2)))
                 {functions})"#
        );
        wat::parse_str(text).unwrap()
    };
    let mut cache = FunctionCache::new();
    let before = module(2, "(elem (i32.const 1) $a)");
    assert_eq!(check(&before, &dev(), &mut cache), 3);
    let after = module(3, "(func $b nop) (elem (i32.const 1) $a $b)");
    assert_eq!(check(&after, &dev(), &mut cache), 1);
}

/// Functions that throw and take exceptions, in both encodings; `before` moves indices, `constant` stands in one body.
fn exceptions(before: &str, constant: u32) -> Vec<u8> {
    let text = format!(
        r#"(module {before}
             (tag $number (param i32)) (tag $none) (memory 1)
             (func $throw (param i32) (throw $number (local.get 0)))
             (func $takes (export "takes") (result i32)
               (block $out (result i32)
                 (try_table (result i32) (catch $number $out) (call $throw (i32.const 1)) (i32.const {constant}))))
             (func $takes_all (export "takes all") (result i32)
               (block $out (try_table (catch_all $out) (call $throw (i32.const 2)) (throw $none)))
               (i32.const 3))
             (func $keeps (export "keeps") (result exnref)
               (block $out (result exnref)
                 (try_table (catch_all_ref $out) (call $throw (i32.const 2))) (unreachable)))
             (func $again (export "again") (throw_ref (call $keeps)))
             (func $legacy (export "legacy") (result i32)
               try (result i32) i32.const 4 call $throw i32.const 5
               catch $number catch_all rethrow 0 end)
             (func (export "plain") (result i32) (i32.const 6)))"#
    );
    wat::parse_str(&text).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn functions_with_exceptions_are_kept() {
    let mut cache = FunctionCache::new();
    assert_eq!(check(&exceptions("", 7), &dev(), &mut cache), 7);
    assert_eq!(check(&exceptions("", 7), &dev(), &mut cache), 0);
    // A file keeps them as well.
    let stored = cache.unsaved(b"me");
    let mut loaded = FunctionCache::new();
    loaded.load(b"me", stored).unwrap();
    assert_eq!(check(&exceptions("", 7), &dev(), &mut loaded), 0);
    // A tag, a type and a function more move every index.
    let before = "(tag (param f64)) (func $first (result f32) (f32.const 1))";
    assert_eq!(check(&exceptions(before, 7), &dev(), &mut loaded), 1);
    assert_eq!(check(&exceptions(before, 8), &dev(), &mut loaded), 1);
}

#[test]
fn code_depends_on_what_its_tags_carry() {
    let module = |ty: &str| {
        format!(
            "(module (tag $t (param {ty})) (func $f (result {ty}) (unreachable)) (func (throw $t (call $f))))"
        )
    };
    check_dependence(&module("i32"), &module("i64"), 2);
}

#[test]
fn functions_that_only_call_others_share_their_code() {
    let text = "(module (func $a) (func $b) (func (call $a)) (func (call $b)))";
    let wasm = wat::parse_str(text).unwrap();
    let mut cache = FunctionCache::new();
    check(&wasm, &dev(), &mut cache);
    // Two bodies that are equal but for what they call.
    assert_eq!(cache.functions(), 2);
}

/// Checks that in `after`, made of `before` by a change outside of the functions, at least `least` are compiled.
#[track_caller]
fn check_dependence(before: &str, after: &str, least: usize) {
    let mut cache = FunctionCache::new();
    check(&wat::parse_str(before).unwrap(), &dev(), &mut cache);
    let compiled = check(&wat::parse_str(after).unwrap(), &dev(), &mut cache);
    assert!(compiled >= least, "{compiled} functions were compiled");
}

#[test]
fn what_code_depends_on_outside_of_its_body_is_noticed() {
    // The value of a constant global.
    check_dependence(
        "(module (global $g i32 (i32.const 1)) (func (export \"f\") (result i32) (global.get $g)))",
        "(module (global $g i32 (i32.const 2)) (func (export \"f\") (result i32) (global.get $g)))",
        1,
    );
    // Whether a global can change.
    check_dependence(
        "(module (global $g i32 (i32.const 1)) (func (export \"f\") (result i32) (global.get $g)))",
        "(module (global $g (mut i32) (i32.const 1)) (func (export \"f\") (result i32) (global.get $g)))",
        1,
    );
    // The type of what is called.
    check_dependence(
        "(module (func $f (result i32) i32.const 1) (func (call $f) (drop)))",
        "(module (func $f (result i64) i64.const 1) (func (call $f) (drop)))",
        2,
    );
    // Whether it is imported.
    check_dependence(
        "(module (func $f) (func (call $f)))",
        "(module (func $f (import \"a\" \"b\")) (func (call $f)))",
        1,
    );
    // Whether a table that somebody else's code names grows.
    check_dependence(
        "(module (table 4 funcref) (func (call_indirect (i32.const 0))) (func))",
        "(module (table 4 funcref) (func (call_indirect (i32.const 0))) (func (drop (table.grow (ref.null func) (i32.const 1)))))",
        2,
    );
    // Whether memory is imported.
    check_dependence(
        "(module (memory 1) (func (result i32) (i32.load (i32.const 0))))",
        "(module (import \"a\" \"b\" (memory 1)) (func (result i32) (i32.load (i32.const 0))))",
        1,
    );
}

#[test]
fn every_option_has_code_of_its_own() {
    let wasm = Program::new(12).wasm();
    let mut cache = FunctionCache::new();
    check(&wasm, &dev(), &mut cache);
    let base = dev();
    for options in [
        Options {
            target_cpu: TargetCpu::V3,
            ..base.clone()
        },
        Options {
            memory_base: MemoryBase::Instance,
            ..base.clone()
        },
        Options {
            opt_level: OptLevel::None,
            ..base.clone()
        },
        Options {
            register_allocator: RegisterAllocator::SinglePass,
            ..base.clone()
        },
    ] {
        assert_eq!(check(&wasm, &options, &mut cache), 13, "{options:?}");
    }
    assert_eq!(check(&wasm, &base, &mut cache), 0);
}

#[test]
fn a_whole_module_is_compiled_whole() {
    let wasm = Program::new(12).wasm();
    let mut cache = FunctionCache::new();
    let options = Options {
        opt_level: OptLevel::Module,
        ..dev()
    };
    for _ in 0..2 {
        assert_eq!(check(&wasm, &options, &mut cache), 13);
    }
    assert!(cache.is_empty());
}

#[test]
fn errors_are_those_of_a_compilation_without_a_cache() {
    let mut cache = FunctionCache::new();
    let good = Program::new(12).wasm();
    check(&good, &dev(), &mut cache);
    for at in 0..good.len() {
        let mut broken = good.clone();
        broken[at] ^= 0x41;
        let whole = compile(&broken, &dev());
        let assembled = compile_incremental(&broken, &dev(), &mut cache);
        match (whole, assembled) {
            (Ok(whole), Ok(assembled)) => {
                assert!(
                    whole.object == object_file(&assembled.object).unwrap(),
                    "byte {at}"
                );
            }
            (Err(whole), Err(assembled)) => {
                assert_eq!(whole.to_string(), assembled.to_string(), "byte {at}");
            }
            (whole, assembled) => {
                panic!(
                    "byte {at}: {:?}, {:?}",
                    whole.map(|_| ()),
                    assembled.map(|_| ())
                );
            }
        }
    }
}

#[test]
fn no_sequence_of_edits_shows_in_the_object() {
    for seed in 0..6 {
        let mut random = Rng::with_seed(seed);
        let mut program = Program::new(30);
        let mut cache = FunctionCache::new();
        let mut name = 10_000;
        for _ in 0..12 {
            for _ in 0..=random.usize(..3) {
                let at = random.usize(..program.functions.len());
                match random.usize(..7) {
                    0 => program.functions[at].constant = random.u32(..1 << 20),
                    1 => program.functions[at].shape = random.u32(..6),
                    2 => _ = program.functions.remove(at),
                    3 => {
                        let mut new = program.functions[at].clone();
                        new.name = name;
                        name += 1;
                        program.functions.insert(random.usize(..20), new);
                    }
                    4 => program.functions.swap(at, 0),
                    5 => {
                        let types = [
                            "(type (func (param f32)))",
                            "",
                            "(type (func (result v128)))",
                        ];
                        program.before = types[random.usize(..3)].into();
                    }
                    _ => {
                        let globals = ["(global (mut i64) (i64.const 1))", "", "(elem func $pair)"];
                        program.after = globals[random.usize(..3)].into();
                    }
                }
            }
            check(&program.wasm(), &dev(), &mut cache);
        }
    }
}

#[test]
fn what_is_kept_as_bytes_serves_the_next_time() {
    let mut program = Program::new(40);
    let mut first = FunctionCache::new();
    check(&program.wasm(), &dev(), &mut first);
    let mut stored = first.unsaved(b"me");
    assert!(first.unsaved(b"me").is_empty());
    program.functions[3].constant = 12345;
    check(&program.wasm(), &dev(), &mut first);
    // Only what is new; it goes behind what is there.
    let more = first.unsaved(b"me");
    assert!(more.len() < stored.len() / 10);
    stored.extend(more);

    let mut second = FunctionCache::new();
    second.load(b"me", stored.clone()).unwrap();
    assert_eq!(check(&program.wasm(), &dev(), &mut second), 0);
    // What is no longer used is left out.
    let in_use = second.in_use(b"me");
    assert!(in_use.len() < stored.len());
    let mut third = FunctionCache::new();
    third.load(b"me", in_use).unwrap();
    assert_eq!(check(&program.wasm(), &dev(), &mut third), 0);
}

#[test]
fn damaged_and_foreign_bytes_are_noticed() {
    let program = Program::new(5);
    let mut cache = FunctionCache::new();
    check(&program.wasm(), &dev(), &mut cache);
    let stored = cache.unsaved(b"me");
    assert!(FunctionCache::new().load(b"you", stored.clone()).is_err());
    for at in 0..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        assert!(
            FunctionCache::new().load(b"me", damaged).is_err(),
            "byte {at}"
        );
        if at > 0 {
            let cut = stored[..at].to_vec();
            assert!(FunctionCache::new().load(b"me", cut).is_err(), "{at} bytes");
        }
    }
    // What comes before the damage serves.
    let mut more = stored.clone();
    more.extend_from_slice(b"torn");
    let mut loaded = FunctionCache::new();
    assert!(loaded.load(b"me", more).is_err());
    assert_eq!(check(&program.wasm(), &dev(), &mut loaded), 0);
}

#[test]
fn counts_are_of_the_modules_functions() {
    let mut cache = FunctionCache::new();
    let wasm = Program::new(5).wasm();
    let counts = compile_incremental(&wasm, &dev(), &mut cache)
        .unwrap()
        .counts;
    assert_eq!(
        counts,
        Counts {
            functions: 6,
            compiled: 6,
            profile_fit: None,
        }
    );
}

#[test]
fn an_object_that_was_never_written_links_to_the_same_image() {
    let kernel = Kernel::parse(include_bytes!(env!("MEWZ_KERNEL"))).unwrap();
    let wasm = Program::new(20).wasm();
    let mut cache = FunctionCache::new();
    for content in [ImageContent::Whole, ImageContent::Stripped] {
        let options = ImageOptions {
            content,
            ..ImageOptions::default()
        };
        let assembled = compile_incremental(&wasm, &dev(), &mut cache).unwrap();
        let whole = compile(&wasm, &dev()).unwrap();
        let direct = image(&kernel, &assembled.object, &options).unwrap();
        let from_file = image(&kernel, &whole.object, &options).unwrap();
        assert!(direct.bytes == from_file.bytes, "{content:?}");
        assert_eq!(direct.build_id, from_file.build_id);
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    let wasm = Program::new(60).wasm();
    let objects = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut cache = FunctionCache::new();
            let cold = compile_incremental(&wasm, &dev(), &mut cache)
                .unwrap()
                .object;
            assert!(
                cold == compile_incremental(&wasm, &dev(), &mut cache)
                    .unwrap()
                    .object
            );
            assert!(object_file(&cold).unwrap() == compile(&wasm, &dev()).unwrap().object);
            cold
        })
    });
    assert!(objects[0] == objects[1] && objects[1] == objects[2]);
}
