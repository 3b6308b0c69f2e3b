//! Vector operators. Operands and results on the stack are of type `I8X16`; an operator casts to the lanes it needs.

use wasmparser::Operator;

use super::translator::Translator;

/// Translates an operator of the fixed-width SIMD group.
pub(super) fn translate(translator: &mut Translator<'_>, operator: &Operator<'_>) {
    match operator {
        Operator::V128Const { value } => {
            let value = translator.vector_constant(value.i128() as u128);
            translator.push(value);
        }
        other => unreachable!("validation lets no other operator through: {other:?}"),
    }
}
