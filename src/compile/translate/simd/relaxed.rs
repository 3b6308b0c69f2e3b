//! Relaxed SIMD: the table of its 20 operators, and what they need beyond those of fixed-width SIMD.
//!
//! The proposal leaves results open within narrow bounds. Here they are always those of the operators that are not
//! relaxed, and where there is none, of the simplest steps: the same on every processor. In particular `relaxed_madd`
//! rounds the product and the sum, with FMA at hand as without. Source: the proposal's overview, "Operators".

use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator as O;

use super::super::translator::Translator;
use super::{
    add_pairwise_signed, binary, bitselect, cast, float, lanes, pop_lanes, push_lanes, unary,
};

/// Translates an operator of relaxed SIMD that can run.
pub(super) fn translate(t: &mut Translator<'_>, operator: &O<'_>) {
    match operator {
        O::I8x16RelaxedSwizzle => lanes::swizzle(t),
        O::I32x4RelaxedTruncF32x4S => unary(t, F32X4, |t, x| t.ins().fcvt_to_sint_sat(I32X4, x)),
        O::I32x4RelaxedTruncF32x4U => unary(t, F32X4, |t, x| t.ins().fcvt_to_uint_sat(I32X4, x)),
        O::I32x4RelaxedTruncF64x2SZero => unary(t, F64X2, float::truncate_signed_zero),
        O::I32x4RelaxedTruncF64x2UZero => unary(t, F64X2, float::truncate_unsigned_zero),
        O::F32x4RelaxedMadd => multiply_add(t, F32X4, |t, product, z| t.ins().fadd(product, z)),
        O::F32x4RelaxedNmadd => multiply_add(t, F32X4, |t, product, z| t.ins().fsub(z, product)),
        O::F64x2RelaxedMadd => multiply_add(t, F64X2, |t, product, z| t.ins().fadd(product, z)),
        O::F64x2RelaxedNmadd => multiply_add(t, F64X2, |t, product, z| t.ins().fsub(z, product)),
        O::I8x16RelaxedLaneselect
        | O::I16x8RelaxedLaneselect
        | O::I32x4RelaxedLaneselect
        | O::I64x2RelaxedLaneselect => bitselect(t),
        O::F32x4RelaxedMin => binary(t, F32X4, |t, x, y| t.ins().fmin(x, y)),
        O::F32x4RelaxedMax => binary(t, F32X4, |t, x, y| t.ins().fmax(x, y)),
        O::F64x2RelaxedMin => binary(t, F64X2, |t, x, y| t.ins().fmin(x, y)),
        O::F64x2RelaxedMax => binary(t, F64X2, |t, x, y| t.ins().fmax(x, y)),
        O::I16x8RelaxedQ15mulrS => binary(t, I16X8, |t, x, y| t.ins().sqmul_round_sat(x, y)),
        O::I16x8RelaxedDotI8x16I7x16S => binary(t, I8X16, dot),
        O::I32x4RelaxedDotI8x16I7x16AddS => dot_add(t),
        other => unreachable!("validation lets no other operator through: {other:?}"),
    }
}

/// The product of the first two lanes, and what `add` makes of it and the third.
fn multiply_add(
    t: &mut Translator<'_>,
    lanes: Type,
    add: fn(&mut Translator<'_>, Value, Value) -> Value,
) {
    let z = pop_lanes(t, lanes);
    binary(t, lanes, |t, x, y| {
        let product = t.ins().fmul(x, y);
        add(t, product, z)
    });
}

/// Sums of the products of two neighbours each, all signed, in 16 bits that wrap.
fn dot(t: &mut Translator<'_>, x: Value, y: Value) -> Value {
    let ((x_even, x_odd), (y_even, y_odd)) = (halves(t, x), halves(t, y));
    let even = t.ins().imul(x_even, y_even);
    let odd = t.ins().imul(x_odd, y_odd);
    t.ins().iadd(even, odd)
}

/// The bytes at even and at odd places, each widened to 16 bits with its sign.
fn halves(t: &mut Translator<'_>, bytes: Value) -> (Value, Value) {
    let pairs = cast(t, bytes, I16X8);
    let raised = t.ins().ishl_imm_u(pairs, 8);
    let even = t.ins().sshr_imm_u(raised, 8);
    let odd = t.ins().sshr_imm_u(pairs, 8);
    (even, odd)
}

/// As [`dot`], then sums of two neighbours each and the third operand, in 32 bits.
fn dot_add(t: &mut Translator<'_>) {
    let z = pop_lanes(t, I32X4);
    let y = pop_lanes(t, I8X16);
    let x = pop_lanes(t, I8X16);
    let pairs = dot(t, x, y);
    let sums = add_pairwise_signed(t, pairs);
    let result = t.ins().iadd(sums, z);
    push_lanes(t, result);
}
