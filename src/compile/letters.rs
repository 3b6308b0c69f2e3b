//! Letters of types: how symbols name them, and words for people. `mewz_abi::symbol` has the list.

use mewz_abi::symbol::{HASH_DIGITS, types as split};
use wasmparser::{AbstractHeapType, HeapType, RefType, ValType};

use super::module::FunctionType;

/// Letters of a function type that stand for themselves in a reference; longer ones become a hash.
const LETTERS_MAX: usize = 40;

/// Letters of a value type; `types` are the module's function types as far as they are read.
pub(super) fn letters(ty: ValType, types: &[FunctionType]) -> String {
    match ty {
        ValType::I32 => "i".to_owned(),
        ValType::I64 => "I".to_owned(),
        ValType::F32 => "f".to_owned(),
        ValType::F64 => "F".to_owned(),
        ValType::V128 => "v".to_owned(),
        ValType::Ref(reference) => reference_letters(reference, types),
    }
}

fn reference_letters(reference: RefType, types: &[FunctionType]) -> String {
    let letters = match reference.heap_type() {
        HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func => "p".to_owned(),
            AbstractHeapType::Exn => "x".to_owned(),
            AbstractHeapType::NoExn => "y".to_owned(),
            _ => "e".to_owned(),
        },
        HeapType::Concrete(index) | HeapType::Exact(index) => {
            let index = index.as_module_index();
            let ty = index.and_then(|index| types.get(index as usize));
            let ty = ty.expect("without recursive types, a type refers to earlier ones");
            format!("r{}", function_letters(ty))
        }
    };
    if reference.is_nullable() {
        return letters;
    }
    let (first, rest) = letters.split_at(1);
    first.to_ascii_uppercase() + rest
}

fn function_letters(ty: &FunctionType) -> String {
    let letters = format!("{}_{}_", ty.parameter_letters, ty.result_letters);
    if letters.len() <= LETTERS_MAX {
        return letters;
    }
    let hash = blake3::hash(letters.as_bytes()).to_hex();
    format!("h{}", &hash[..HASH_DIGITS])
}

/// What the letters of several types stand for, in words.
pub(super) fn words(letters: &str) -> Vec<String> {
    split(letters).map(word).collect()
}

/// What the letters of one type stand for, in words.
pub(super) fn word(letters: &str) -> String {
    let word = match letters {
        "i" => "i32",
        "I" => "i64",
        "f" => "f32",
        "F" => "f64",
        "v" => "v128",
        "p" => "funcref",
        "P" => "(ref func)",
        "e" => "externref",
        "E" => "(ref extern)",
        "x" => "exnref",
        "X" => "(ref exn)",
        "y" => "nullexnref",
        "Y" => "(ref noexn)",
        function => return function_word(function),
    };
    word.to_owned()
}

/// A reference to functions of a known type.
fn function_word(letters: &str) -> String {
    let (first, rest) = letters.split_at(1);
    let null = if first == "r" { "null " } else { "" };
    if let Some(hash) = rest.strip_prefix('h') {
        return format!("(ref {null}func {hash})");
    }
    // Parameters up to the first `_` that is outside of any type, results up to the second.
    let mut parts = [String::new(), String::new()];
    let mut at = 0;
    for ty in split(rest) {
        match ty {
            "_" => at += 1,
            ty if at < 2 => {
                let separator = if parts[at].is_empty() { "" } else { ", " };
                parts[at] += &format!("{separator}{}", word(ty));
            }
            _ => break,
        }
    }
    let [parameters, results] = parts;
    format!("(ref {null}func ({parameters}) -> ({results}))")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn letters_have_words() {
        assert_eq!(
            words("iRxri__P_i_v"),
            [
                "i32",
                "(ref func (exnref, (ref null func (i32) -> ()), (ref func)) -> (i32))",
                "v128"
            ]
        );
        assert_eq!(words("r__"), ["(ref null func () -> ())"]);
    }
}
