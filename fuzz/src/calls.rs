//! What is called, with which arguments.

use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload, TypeRef, ValType};

use crate::random::Random;

/// Calls of one module.
const CALLS_MAX: usize = 8;

/// A call of an exported function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its place among the exports.
    pub(crate) export: u16,
    /// Type letters, as in the object's contract, and bits; a reference is null or the number of an external one.
    pub(crate) arguments: Vec<(char, u128)>,
    /// How many results it has.
    pub(crate) results: usize,
}

/// Calls of the exported functions of `wasm`, in turn, with arguments that follow from `random`.
pub(crate) fn plan(wasm: &[u8], random: &mut Random) -> Result<Vec<Call>, BinaryReaderError> {
    let functions = exported_functions(wasm)?;
    let rounds = CALLS_MAX.div_ceil(functions.len().max(1)).min(3);
    let mut calls = Vec::new();
    for _ in 0..rounds {
        for (export, parameters, results) in &functions {
            let arguments = parameters
                .iter()
                .map(|letter| (*letter, bits(*letter, random)));
            calls.push(Call {
                export: *export,
                arguments: arguments.collect(),
                results: *results,
            });
        }
    }
    calls.truncate(CALLS_MAX);
    Ok(calls)
}

/// Places among the exports, type letters of parameters, count of results; without those that can't be called from outside.
fn exported_functions(wasm: &[u8]) -> Result<Vec<(u16, Vec<char>, usize)>, BinaryReaderError> {
    let mut types = Vec::new();
    let mut functions = Vec::new();
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    for kind in group?.into_types() {
                        types.push(match kind.composite_type.inner {
                            wasmparser::CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(index) = import?.ty {
                        functions.push(index);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    functions.push(index?);
                }
            }
            Payload::ExportSection(section) => {
                for (place, export) in section.into_iter().enumerate() {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        exported.push((place as u16, functions[export.index as usize]));
                    }
                }
            }
            _ => {}
        }
    }
    let callable = exported.into_iter().filter_map(|(place, index)| {
        let function = types[index as usize].as_ref()?;
        let parameters: Option<Vec<char>> = function.params().iter().map(letter).collect();
        Some((place, parameters?, function.results().len()))
    });
    Ok(callable.collect())
}

/// The letter of a type of which there is a value outside.
fn letter(kind: &ValType) -> Option<char> {
    Some(match kind {
        ValType::I32 => 'i',
        ValType::I64 => 'I',
        ValType::F32 => 'f',
        ValType::F64 => 'F',
        ValType::V128 => 'v',
        ValType::Ref(kind) if kind.is_nullable() && kind.is_extern_ref() => 'e',
        ValType::Ref(kind) if *kind == wasmparser::RefType::FUNCREF => 'p',
        ValType::Ref(_) => return None,
    })
}

/// Integers at whose sides operators change what they do.
pub(crate) const INTEGERS: [u64; 28] = [
    0,
    1,
    2,
    3,
    7,
    8,
    31,
    32,
    33,
    63,
    64,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

/// Floats at whose sides operators change what they do: the borders of the integer types above all.
pub(crate) const FLOATS: [f64; 26] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    1.5,
    2.5,
    -2.5,
    0.499_999_999_999_999_94,
    127.0,
    -129.0,
    65_535.0,
    2_147_483_647.0,
    2_147_483_648.0,
    -2_147_483_648.0,
    -2_147_483_649.0,
    4_294_967_295.0,
    4_294_967_296.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    18_446_744_073_709_551_616.0,
    5e-324,
    3.4e38,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// The bits of a value of the type `letter`; often one that is on a border.
pub(crate) fn bits(letter: char, random: &mut Random) -> u128 {
    match letter {
        'i' => u128::from(integer(random) as u32),
        'I' => u128::from(integer(random)),
        'f' => u128::from(float32(random)),
        'F' => u128::from(float64(random)),
        'v' => match random.below(4) {
            0 => u128::from(integer(random)) << 64 | u128::from(integer(random)),
            1 => (0..4).fold(0, |bits, _| bits << 32 | u128::from(float32(random))),
            2 => u128::from(float64(random)) << 64 | u128::from(float64(random)),
            _ => (0..16).fold(0, |bits, _| bits << 8 | u128::from(integer(random) as u8)),
        },
        'e' => random.below(4) as u128,
        _ => 0,
    }
}

fn integer(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.bits(),
        1 => random.bits() >> random.below(64),
        2 => random.below(20) as u64,
        _ => random.pick(&INTEGERS),
    }
}

fn float32(random: &mut Random) -> u32 {
    match random.below(8) {
        0 => random.bits() as u32,
        1 => f32::NAN.to_bits(),
        _ => (random.pick(&FLOATS) as f32).to_bits(),
    }
}

fn float64(random: &mut Random) -> u64 {
    match random.below(8) {
        0 => random.bits(),
        1 => f64::NAN.to_bits(),
        _ => random.pick(&FLOATS).to_bits(),
    }
}
