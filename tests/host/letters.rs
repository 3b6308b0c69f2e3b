//! Letters of types as `mewz_abi::symbol` has them, made from what the validator says.

use mewz_abi::symbol::HASH_DIGITS;
use wasmparser::types::{CoreTypeId, TypesRef};
use wasmparser::{AbstractHeapType, HeapType, RefType, UnpackedIndex, ValType};

/// Letters of a function type that are not hashed.
const LETTERS_MAX: usize = 40;

/// Letters of a function type's parameters and results.
pub(crate) fn function(types: TypesRef<'_>, id: CoreTypeId) -> (String, String) {
    let list = |values: &[ValType]| values.iter().map(|value| one(types, *value)).collect();
    let function = types[id].unwrap_func();
    (list(function.params()), list(function.results()))
}

/// Letters of a type.
pub(crate) fn one(types: TypesRef<'_>, value: ValType) -> String {
    match value {
        ValType::I32 => "i".into(),
        ValType::I64 => "I".into(),
        ValType::F32 => "f".into(),
        ValType::F64 => "F".into(),
        ValType::V128 => "v".into(),
        ValType::Ref(kind) => reference(types, kind),
    }
}

fn reference(types: TypesRef<'_>, reference: RefType) -> String {
    let letters = match reference.heap_type() {
        HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func => "p".into(),
            AbstractHeapType::Exn => "x".into(),
            AbstractHeapType::NoExn => "y".into(),
            _ => "e".into(),
        },
        HeapType::Concrete(index) | HeapType::Exact(index) => match index {
            UnpackedIndex::Id(id) => function_reference(types, id),
            index => panic!("{index:?} in a validated module without recursive types"),
        },
    };
    if reference.is_nullable() {
        return letters;
    }
    letters[..1].to_ascii_uppercase() + &letters[1..]
}

fn function_reference(types: TypesRef<'_>, id: CoreTypeId) -> String {
    let (parameters, results) = function(types, id);
    let letters = format!("{parameters}_{results}_");
    if letters.len() <= LETTERS_MAX {
        return format!("r{letters}");
    }
    let hash = blake3::hash(letters.as_bytes()).to_hex();
    format!("rh{}", &hash[..HASH_DIGITS])
}

/// Whether every value of the type with letters `have` is one of the type with letters `wanted`.
pub(crate) fn is_subtype(have: &str, wanted: &str) -> bool {
    let heap = |letters: &str| letters[..1].to_ascii_lowercase() + &letters[1..];
    let is_reference = |letters: &str| "pexyr".contains(&heap(letters)[..1]);
    if have == wanted {
        return true;
    }
    if !is_reference(have) || !is_reference(wanted) {
        return false;
    }
    let null_fits = wanted.starts_with(char::is_lowercase) || have.starts_with(char::is_uppercase);
    let (have, wanted) = (heap(have), heap(wanted));
    let heap_fits = have == wanted
        || (have.starts_with('r') && wanted == "p")
        || (have == "y" && wanted == "x");
    null_fits && heap_fits
}
