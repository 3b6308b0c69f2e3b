//! Fixed-width SIMD: what floats need beyond one instruction.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use super::super::translator::Translator;
use super::{cast, lacks_sse4, unary, vector_constant};

/// Which integer a float becomes.
#[derive(Clone, Copy)]
pub(super) enum Rounding {
    /// The least that is not below it.
    Ceil,
    /// The greatest that is not above it.
    Floor,
    /// The nearest that is not farther from zero.
    Trunc,
    /// The nearest, of two the even one.
    Nearest,
}

pub(super) fn round(t: &mut Translator<'_>, lanes: Type, rounding: Rounding) {
    unary(t, lanes, |t, x| {
        if lacks_sse4(t) {
            return round_by_addition(t, x, rounding);
        }
        match rounding {
            Rounding::Ceil => t.ins().ceil(x),
            Rounding::Floor => t.ins().floor(x),
            Rounding::Trunc => t.ins().trunc(x),
            Rounding::Nearest => t.ins().nearest(x),
        }
    });
}

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
fn choose(t: &mut Translator<'_>, condition: Value, yes: Value, no: Value) -> Value {
    let lanes = t.builder.func.dfg.value_type(yes);
    let condition = cast(t, condition, lanes);
    t.ins().bitselect(condition, yes, no)
}

/// Rounds with SSE2 alone: without SSE4.1 the code generator would call library functions, which an object doesn't have.
///
/// Adding 2^(bits of the fraction) to a smaller magnitude leaves no bits for a fraction, and the processor rounds to the
/// nearest, of two the even one; where another rounding wants the neighbour, 1 is added or taken.
fn round_by_addition(t: &mut Translator<'_>, x: Value, rounding: Rounding) -> Value {
    let lanes = t.builder.func.dfg.value_type(x);
    let limit = splat_float(t, lanes, 8_388_608.0, 4_503_599_627_370_496.0);
    let magnitude = t.ins().fabs(x);
    let sum = t.ins().fadd(magnitude, limit);
    let nearest_magnitude = t.ins().fsub(sum, limit);
    let nearest = with_sign_of(t, nearest_magnitude, x);
    let rounded = match rounding {
        Rounding::Nearest => nearest,
        Rounding::Trunc => {
            let condition = t
                .ins()
                .fcmp(FloatCC::GreaterThan, nearest_magnitude, magnitude);
            let excess = one_where(t, condition, lanes);
            t.ins().fsub(nearest_magnitude, excess)
        }
        Rounding::Floor => {
            let condition = t.ins().fcmp(FloatCC::GreaterThan, nearest, x);
            let excess = one_where(t, condition, lanes);
            t.ins().fsub(nearest, excess)
        }
        Rounding::Ceil => {
            let condition = t.ins().fcmp(FloatCC::LessThan, nearest, x);
            let lack = one_where(t, condition, lanes);
            t.ins().fadd(nearest, lack)
        }
    };
    // A zero keeps the sign: the rounding of -0.25 up is -0.
    let rounded = with_sign_of(t, rounded, x);

    // Larger magnitudes are integers already, and adding zero only makes a NaN quiet.
    let has_fraction = t.ins().fcmp(FloatCC::LessThan, magnitude, limit);
    let zero = vector_constant(t, lanes, &[0; 16]);
    let unchanged = t.ins().fadd(x, zero);
    choose(t, has_fraction, rounded, unchanged)
}

/// `float` with the sign bits of `sign` set too.
fn with_sign_of(t: &mut Translator<'_>, float: Value, sign: Value) -> Value {
    let lanes = t.builder.func.dfg.value_type(float);
    let mask = splat_float(t, lanes, -0.0, -0.0);
    let [mask, sign, bits] = [mask, sign, float].map(|value| cast(t, value, I8X16));
    let sign = t.ins().band(mask, sign);
    let bits = t.ins().bor(bits, sign);
    cast(t, bits, lanes)
}

/// 1.0 in the lanes where `condition` is set, else 0.0.
fn one_where(t: &mut Translator<'_>, condition: Value, lanes: Type) -> Value {
    let one = splat_float(t, lanes, 1.0, 1.0);
    let [one, condition] = [one, condition].map(|value| cast(t, value, I8X16));
    let bits = t.ins().band(one, condition);
    cast(t, bits, lanes)
}

/// A constant with the same float in every lane, by its value for each width.
fn splat_float(t: &mut Translator<'_>, lanes: Type, single: f32, double: f64) -> Value {
    let mut bytes = [0; 16];
    if lanes == F32X4 {
        bytes.as_chunks_mut::<4>().0.fill(single.to_le_bytes());
    } else {
        bytes.as_chunks_mut::<8>().0.fill(double.to_le_bytes());
    }
    vector_constant(t, lanes, &bytes)
}
