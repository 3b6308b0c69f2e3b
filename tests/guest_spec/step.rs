//! Steps of scripts in text: code that uses an export and traps where a result is not as it must be.
//!
//! References are the 64-bit values that they are at an object's boundary: null is 0, the host's object `n` is `n + 1`.

use std::fmt::Write as _;

use mewz_abi::symbol;
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};

use crate::host::types::External;

/// What an export is called inside the driver.
pub(crate) fn name(module: usize, export: usize) -> String {
    format!("$m{module}_{export}")
}

/// The import of an export into the driver.
pub(crate) fn import(module: usize, export: usize, kind: &External) -> String {
    let name = name(module, export);
    let kind = match kind {
        External::Function {
            parameters,
            results,
        } => {
            let list = |letters| symbol::types(letters).map(ty).collect::<Vec<_>>().join(" ");
            let (parameters, results) = (list(parameters), list(results));
            format!("(func {name} (param {parameters}) (result {results}))")
        }
        External::Global { value, .. } => format!("(global {name} (mut {}))", ty(value)),
        kind => panic!("no step uses {kind:?}"),
    };
    format!("(import \"{module}\" \"{export}\" {kind})\n")
}

/// Locals for the results of a step, to be had once by each function: of each type as many as any step needs.
pub(crate) const LOCALS_MAX: usize = 32;

/// Calls the function `name` with results of `types`; without `patterns`, takes no note of them.
pub(crate) fn invoke(
    name: &str,
    arguments: &[WastArg<'_>],
    types: &str,
    patterns: Option<&[WastRet<'_>]>,
) -> String {
    let mut text = String::new();
    for argument in arguments {
        text.push_str(&constant(argument));
    }
    write!(text, "(call {name})").expect("strings take all text");
    let types: Vec<&str> = symbol::types(types).map(ty).collect();
    let Some(patterns) = patterns else {
        text.push_str(&"(drop)".repeat(types.len()));
        return text;
    };
    assert_eq!(patterns.len(), types.len(), "as many patterns as results");
    for (at, ty) in types.iter().enumerate().rev() {
        write!(text, "(local.set {})", local(ty, at)).expect("strings take all text");
    }
    for ((at, ty), pattern) in types.iter().enumerate().zip(patterns) {
        text.push_str(&check(&format!("(local.get {})", local(ty, at)), pattern));
    }
    text
}

/// Reads the global `name`, of the type with these letters.
pub(crate) fn get(name: &str, letters: &str, pattern: &WastRet<'_>) -> String {
    let local = local(ty(letters), 0);
    let check = check(&format!("(local.get {local})"), pattern);
    format!("(local.set {local} (global.get {name})){check}")
}

/// The locals that `text`, made here, names.
pub(crate) fn locals(text: &str) -> String {
    let mut locals = String::new();
    for ty in ["i32", "i64", "f32", "f64", "v128"] {
        for at in 0..LOCALS_MAX {
            let local = local(ty, at);
            if text.contains(&format!("{local})")) {
                write!(locals, "(local {local} {ty})").expect("strings take all text");
            }
        }
    }
    locals
}

fn local(ty: &str, at: usize) -> String {
    assert!(at < LOCALS_MAX, "a function of the suite with {at} results");
    format!("${ty}_{at}")
}

/// The type that values of the type with these letters have in the driver.
fn ty(letters: &str) -> &'static str {
    match letters {
        "i" => "i32",
        "f" => "f32",
        "F" => "f64",
        "v" => "v128",
        _ => "i64",
    }
}

fn constant(argument: &WastArg<'_>) -> String {
    let WastArg::Core(argument) = argument else {
        panic!("an argument for a component");
    };
    match argument {
        WastArgCore::I32(value) => format!("(i32.const {value})"),
        WastArgCore::I64(value) => format!("(i64.const {value})"),
        // By their bits: text has no word for every NaN.
        WastArgCore::F32(value) => format!("(f32.reinterpret_i32 (i32.const {}))", value.bits),
        WastArgCore::F64(value) => format!("(f64.reinterpret_i64 (i64.const {}))", value.bits),
        WastArgCore::V128(value) => v128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(_) => "(i64.const 0)".to_owned(),
        WastArgCore::RefExtern(number) | WastArgCore::RefHost(number) => external(*number),
    }
}

/// A reference to the host's object `number`.
fn external(number: u32) -> String {
    format!("(i64.const {})", u64::from(number) + 1)
}

fn v128(bits: u128) -> String {
    let (low, high) = (bits as u64, (bits >> 64) as u64);
    format!("(v128.const i64x2 {low} {high})")
}

/// Traps where `result` does not fit `pattern`.
fn check(result: &str, pattern: &WastRet<'_>) -> String {
    let WastRet::Core(pattern) = pattern else {
        panic!("a result of a component");
    };
    let differs = differs(result, pattern);
    format!("(if {differs} (then (unreachable)))")
}

/// An expression that is not 0 where `result` does not fit `pattern`.
fn differs(result: &str, pattern: &WastRetCore<'_>) -> String {
    match pattern {
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
            let all = patterns.iter().map(|pattern| differs(result, pattern));
            let both = |left: String, right: String| format!("(i32.and {left} {right})");
            all.reduce(both).expect("one of some")
        }
        WastRetCore::RefNull(_) => format!("(i64.ne {result} (i64.const 0))"),
        WastRetCore::RefFunc(_) | WastRetCore::RefExtern(None) => format!("(i64.eqz {result})"),
        WastRetCore::RefExtern(Some(number)) | WastRetCore::RefHost(number) => {
            format!("(i64.ne {result} {})", external(*number))
        }
        // Of proposals that are not taken; the module is refused when it is compiled.
        _ => "(i32.const 1)".to_owned(),
    }
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
