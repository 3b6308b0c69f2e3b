//! Rounding of floats to integers that stay floats, scalars and lanes.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32, F32X4, F64X2, I8X16};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use super::simd::float::choose;
use super::simd::{cast, lacks_sse4, vector_constant};
use super::translator::Translator;

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

/// Rounds a float, or every lane of a vector of floats.
pub(super) fn round(t: &mut Translator<'_>, x: Value, rounding: Rounding) -> Value {
    let ty = t.builder.func.dfg.value_type(x);
    if !lacks_sse4(t) {
        return match rounding {
            Rounding::Ceil => t.ins().ceil(x),
            Rounding::Floor => t.ins().floor(x),
            Rounding::Trunc => t.ins().trunc(x),
            Rounding::Nearest => t.ins().nearest(x),
        };
    }
    if ty.is_vector() {
        return round_by_addition(t, x, rounding);
    }
    let lanes = if ty == F32 { F32X4 } else { F64X2 };
    let vector = t.ins().scalar_to_vector(lanes, x);
    let vector = round_by_addition(t, vector, rounding);
    t.ins().extractlane(vector, 0)
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
