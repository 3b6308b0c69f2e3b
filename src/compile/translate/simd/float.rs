//! Fixed-width SIMD: what floats need beyond one instruction.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F64X2, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};

use super::super::translator::Translator;
use super::{cast, lacks_sse4, vector_constant};

/// `y < x ? y : x`, in this order of operands: it decides about NaN and about zeros.
pub(super) fn pseudo_min(t: &mut Translator<'_>, x: Value, y: Value) -> Value {
    let is_less = t.ins().fcmp(FloatCC::LessThan, y, x);
    choose(t, is_less, y, x)
}

/// `x < y ? y : x`, in this order of operands: it decides about NaN and about zeros.
pub(super) fn pseudo_max(t: &mut Translator<'_>, x: Value, y: Value) -> Value {
    let is_less = t.ins().fcmp(FloatCC::LessThan, x, y);
    choose(t, is_less, y, x)
}

// The code generator takes the next four only in these shapes.

/// `i32x4.trunc_sat_f64x2_s_zero`.
pub(super) fn truncate_signed_zero(t: &mut Translator<'_>, x: Value) -> Value {
    let wide = t.ins().fcvt_to_sint_sat(I64X2, x);
    let zero = vector_constant(t, I64X2, &[0; 16]);
    t.ins().snarrow(wide, zero)
}

/// `i32x4.trunc_sat_f64x2_u_zero`.
pub(super) fn truncate_unsigned_zero(t: &mut Translator<'_>, x: Value) -> Value {
    if lacks_sse4(t) {
        // The shape below rounds by a library function there, which an object doesn't have.
        let zero = vector_constant(t, I32X4, &[0; 16]);
        return (0..2).fold(zero, |result, lane: u8| {
            let float = t.ins().extractlane(x, lane);
            let integer = t.ins().fcvt_to_uint_sat(I32, float);
            t.ins().insertlane(result, integer, lane)
        });
    }
    let wide = t.ins().fcvt_to_uint_sat(I64X2, x);
    let zero = vector_constant(t, I64X2, &[0; 16]);
    t.ins().uunarrow(wide, zero)
}

/// `f64x2.convert_low_i32x4_s`.
pub(super) fn convert_low_signed(t: &mut Translator<'_>, x: Value) -> Value {
    let wide = t.ins().swiden_low(x);
    t.ins().fcvt_from_sint(F64X2, wide)
}

/// `f64x2.convert_low_i32x4_u`.
pub(super) fn convert_low_unsigned(t: &mut Translator<'_>, x: Value) -> Value {
    let wide = t.ins().uwiden_low(x);
    t.ins().fcvt_from_uint(F64X2, wide)
}

/// The lanes of `yes` where `condition` is set, else those of `no`.
pub(in crate::compile::translate) fn choose(
    t: &mut Translator<'_>,
    condition: Value,
    yes: Value,
    no: Value,
) -> Value {
    let lanes = t.builder.func.dfg.value_type(yes);
    let condition = cast(t, condition, lanes);
    t.ins().bitselect(condition, yes, no)
}
