//! Fixed-width SIMD: the table of its 236 operators.
//!
//! A v128 on the value stack is always an `I8X16`; an operator that sees other lanes takes them by `pop_lanes` and
//! `push_lanes`, which cost no instruction. Source: section 4.4.3 of the core specification, "Vector Instructions".

pub(super) mod float;
mod lanes;
mod memory;
mod relaxed;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Opcode, Type, Value};
use wasmparser::Operator as O;

use super::rounding::{Rounding, round};
use super::translator::Translator;
use crate::compile::options::TargetCpu;

/// Translates an operator of fixed-width SIMD that can run.
#[rustfmt::skip]
pub(super) fn translate(t: &mut Translator<'_>, operator: &O<'_>) {
    match *operator {
        // Memory.
        O::V128Load { memarg } => t.load(&memarg, I8X16),
        O::V128Store { memarg } => t.store(&memarg),
        O::V128Load8x8S { memarg } => memory::load_extend(t, &memarg, Opcode::Sload8x8),
        O::V128Load8x8U { memarg } => memory::load_extend(t, &memarg, Opcode::Uload8x8),
        O::V128Load16x4S { memarg } => memory::load_extend(t, &memarg, Opcode::Sload16x4),
        O::V128Load16x4U { memarg } => memory::load_extend(t, &memarg, Opcode::Uload16x4),
        O::V128Load32x2S { memarg } => memory::load_extend(t, &memarg, Opcode::Sload32x2),
        O::V128Load32x2U { memarg } => memory::load_extend(t, &memarg, Opcode::Uload32x2),
        O::V128Load8Splat { memarg } => memory::load_splat(t, &memarg, I8X16),
        O::V128Load16Splat { memarg } => memory::load_splat(t, &memarg, I16X8),
        O::V128Load32Splat { memarg } => memory::load_splat(t, &memarg, I32X4),
        O::V128Load64Splat { memarg } => memory::load_splat(t, &memarg, I64X2),
        O::V128Load32Zero { memarg } => memory::load_zero(t, &memarg, I32X4),
        O::V128Load64Zero { memarg } => memory::load_zero(t, &memarg, I64X2),
        O::V128Load8Lane { memarg, lane } => memory::load_lane(t, &memarg, I8X16, lane),
        O::V128Load16Lane { memarg, lane } => memory::load_lane(t, &memarg, I16X8, lane),
        O::V128Load32Lane { memarg, lane } => memory::load_lane(t, &memarg, I32X4, lane),
        O::V128Load64Lane { memarg, lane } => memory::load_lane(t, &memarg, I64X2, lane),
        O::V128Store8Lane { memarg, lane } => memory::store_lane(t, &memarg, I8X16, lane),
        O::V128Store16Lane { memarg, lane } => memory::store_lane(t, &memarg, I16X8, lane),
        O::V128Store32Lane { memarg, lane } => memory::store_lane(t, &memarg, I32X4, lane),
        O::V128Store64Lane { memarg, lane } => memory::store_lane(t, &memarg, I64X2, lane),

        // Constants and lanes.
        O::V128Const { value } => lanes::constant(t, value.bytes()),
        O::I8x16Shuffle { lanes } => lanes::shuffle(t, &lanes),
        O::I8x16Swizzle => lanes::swizzle(t),
        O::I8x16Splat => lanes::splat(t, I8X16),
        O::I16x8Splat => lanes::splat(t, I16X8),
        O::I32x4Splat => lanes::splat(t, I32X4),
        O::I64x2Splat => lanes::splat(t, I64X2),
        O::F32x4Splat => lanes::splat(t, F32X4),
        O::F64x2Splat => lanes::splat(t, F64X2),
        O::I8x16ExtractLaneS { lane } => lanes::extract_signed(t, I8X16, lane),
        O::I8x16ExtractLaneU { lane } => lanes::extract_unsigned(t, I8X16, lane),
        O::I8x16ReplaceLane { lane } => lanes::replace(t, I8X16, lane),
        O::I16x8ExtractLaneS { lane } => lanes::extract_signed(t, I16X8, lane),
        O::I16x8ExtractLaneU { lane } => lanes::extract_unsigned(t, I16X8, lane),
        O::I16x8ReplaceLane { lane } => lanes::replace(t, I16X8, lane),
        O::I32x4ExtractLane { lane } => lanes::extract(t, I32X4, lane),
        O::I32x4ReplaceLane { lane } => lanes::replace(t, I32X4, lane),
        O::I64x2ExtractLane { lane } => lanes::extract(t, I64X2, lane),
        O::I64x2ReplaceLane { lane } => lanes::replace(t, I64X2, lane),
        O::F32x4ExtractLane { lane } => lanes::extract(t, F32X4, lane),
        O::F32x4ReplaceLane { lane } => lanes::replace(t, F32X4, lane),
        O::F64x2ExtractLane { lane } => lanes::extract(t, F64X2, lane),
        O::F64x2ReplaceLane { lane } => lanes::replace(t, F64X2, lane),

        // Bits.
        O::V128Not => unary(t, I8X16, |t, x| t.ins().bnot(x)),
        O::V128And => binary(t, I8X16, |t, x, y| t.ins().band(x, y)),
        O::V128AndNot => binary(t, I8X16, |t, x, y| t.ins().band_not(x, y)),
        O::V128Or => binary(t, I8X16, |t, x, y| t.ins().bor(x, y)),
        O::V128Xor => binary(t, I8X16, |t, x, y| t.ins().bxor(x, y)),
        O::V128Bitselect => bitselect(t),
        O::V128AnyTrue => test(t, I8X16, |t, x| t.ins().vany_true(x)),

        // Integer comparisons.
        O::I8x16Eq => compare_integers(t, I8X16, IntCC::Equal),
        O::I8x16Ne => compare_integers(t, I8X16, IntCC::NotEqual),
        O::I8x16LtS => compare_integers(t, I8X16, IntCC::SignedLessThan),
        O::I8x16LtU => compare_integers(t, I8X16, IntCC::UnsignedLessThan),
        O::I8x16GtS => compare_integers(t, I8X16, IntCC::SignedGreaterThan),
        O::I8x16GtU => compare_integers(t, I8X16, IntCC::UnsignedGreaterThan),
        O::I8x16LeS => compare_integers(t, I8X16, IntCC::SignedLessThanOrEqual),
        O::I8x16LeU => compare_integers(t, I8X16, IntCC::UnsignedLessThanOrEqual),
        O::I8x16GeS => compare_integers(t, I8X16, IntCC::SignedGreaterThanOrEqual),
        O::I8x16GeU => compare_integers(t, I8X16, IntCC::UnsignedGreaterThanOrEqual),
        O::I16x8Eq => compare_integers(t, I16X8, IntCC::Equal),
        O::I16x8Ne => compare_integers(t, I16X8, IntCC::NotEqual),
        O::I16x8LtS => compare_integers(t, I16X8, IntCC::SignedLessThan),
        O::I16x8LtU => compare_integers(t, I16X8, IntCC::UnsignedLessThan),
        O::I16x8GtS => compare_integers(t, I16X8, IntCC::SignedGreaterThan),
        O::I16x8GtU => compare_integers(t, I16X8, IntCC::UnsignedGreaterThan),
        O::I16x8LeS => compare_integers(t, I16X8, IntCC::SignedLessThanOrEqual),
        O::I16x8LeU => compare_integers(t, I16X8, IntCC::UnsignedLessThanOrEqual),
        O::I16x8GeS => compare_integers(t, I16X8, IntCC::SignedGreaterThanOrEqual),
        O::I16x8GeU => compare_integers(t, I16X8, IntCC::UnsignedGreaterThanOrEqual),
        O::I32x4Eq => compare_integers(t, I32X4, IntCC::Equal),
        O::I32x4Ne => compare_integers(t, I32X4, IntCC::NotEqual),
        O::I32x4LtS => compare_integers(t, I32X4, IntCC::SignedLessThan),
        O::I32x4LtU => compare_integers(t, I32X4, IntCC::UnsignedLessThan),
        O::I32x4GtS => compare_integers(t, I32X4, IntCC::SignedGreaterThan),
        O::I32x4GtU => compare_integers(t, I32X4, IntCC::UnsignedGreaterThan),
        O::I32x4LeS => compare_integers(t, I32X4, IntCC::SignedLessThanOrEqual),
        O::I32x4LeU => compare_integers(t, I32X4, IntCC::UnsignedLessThanOrEqual),
        O::I32x4GeS => compare_integers(t, I32X4, IntCC::SignedGreaterThanOrEqual),
        O::I32x4GeU => compare_integers(t, I32X4, IntCC::UnsignedGreaterThanOrEqual),
        O::I64x2Eq => compare_integers(t, I64X2, IntCC::Equal),
        O::I64x2Ne => compare_integers(t, I64X2, IntCC::NotEqual),
        O::I64x2LtS => compare_integers(t, I64X2, IntCC::SignedLessThan),
        O::I64x2GtS => compare_integers(t, I64X2, IntCC::SignedGreaterThan),
        O::I64x2LeS => compare_integers(t, I64X2, IntCC::SignedLessThanOrEqual),
        O::I64x2GeS => compare_integers(t, I64X2, IntCC::SignedGreaterThanOrEqual),

        // Float comparisons.
        O::F32x4Eq => compare_floats(t, F32X4, FloatCC::Equal),
        O::F32x4Ne => compare_floats(t, F32X4, FloatCC::NotEqual),
        O::F32x4Lt => compare_floats(t, F32X4, FloatCC::LessThan),
        O::F32x4Gt => compare_floats(t, F32X4, FloatCC::GreaterThan),
        O::F32x4Le => compare_floats(t, F32X4, FloatCC::LessThanOrEqual),
        O::F32x4Ge => compare_floats(t, F32X4, FloatCC::GreaterThanOrEqual),
        O::F64x2Eq => compare_floats(t, F64X2, FloatCC::Equal),
        O::F64x2Ne => compare_floats(t, F64X2, FloatCC::NotEqual),
        O::F64x2Lt => compare_floats(t, F64X2, FloatCC::LessThan),
        O::F64x2Gt => compare_floats(t, F64X2, FloatCC::GreaterThan),
        O::F64x2Le => compare_floats(t, F64X2, FloatCC::LessThanOrEqual),
        O::F64x2Ge => compare_floats(t, F64X2, FloatCC::GreaterThanOrEqual),

        // Integer arithmetic.
        O::I8x16Abs => unary(t, I8X16, |t, x| t.ins().iabs(x)),
        O::I8x16Neg => unary(t, I8X16, |t, x| t.ins().ineg(x)),
        O::I8x16Popcnt => unary(t, I8X16, |t, x| t.ins().popcnt(x)),
        O::I8x16AllTrue => test(t, I8X16, |t, x| t.ins().vall_true(x)),
        O::I8x16Bitmask => bitmask(t, I8X16),
        O::I8x16Shl => shift(t, I8X16, |t, x, count| t.ins().ishl(x, count)),
        O::I8x16ShrS => shift(t, I8X16, |t, x, count| t.ins().sshr(x, count)),
        O::I8x16ShrU => shift(t, I8X16, |t, x, count| t.ins().ushr(x, count)),
        O::I8x16Add => binary(t, I8X16, |t, x, y| t.ins().iadd(x, y)),
        O::I8x16Sub => binary(t, I8X16, |t, x, y| t.ins().isub(x, y)),
        O::I8x16AddSatS => binary(t, I8X16, |t, x, y| t.ins().sadd_sat(x, y)),
        O::I8x16AddSatU => binary(t, I8X16, |t, x, y| t.ins().uadd_sat(x, y)),
        O::I8x16SubSatS => binary(t, I8X16, |t, x, y| t.ins().ssub_sat(x, y)),
        O::I8x16SubSatU => binary(t, I8X16, |t, x, y| t.ins().usub_sat(x, y)),
        O::I8x16MinS => binary(t, I8X16, |t, x, y| t.ins().smin(x, y)),
        O::I8x16MinU => binary(t, I8X16, |t, x, y| t.ins().umin(x, y)),
        O::I8x16MaxS => binary(t, I8X16, |t, x, y| t.ins().smax(x, y)),
        O::I8x16MaxU => binary(t, I8X16, |t, x, y| t.ins().umax(x, y)),
        O::I8x16AvgrU => binary(t, I8X16, |t, x, y| t.ins().avg_round(x, y)),
        O::I16x8Abs => unary(t, I16X8, |t, x| t.ins().iabs(x)),
        O::I16x8Neg => unary(t, I16X8, |t, x| t.ins().ineg(x)),
        O::I16x8AllTrue => test(t, I16X8, |t, x| t.ins().vall_true(x)),
        O::I16x8Bitmask => bitmask(t, I16X8),
        O::I16x8Shl => shift(t, I16X8, |t, x, count| t.ins().ishl(x, count)),
        O::I16x8ShrS => shift(t, I16X8, |t, x, count| t.ins().sshr(x, count)),
        O::I16x8ShrU => shift(t, I16X8, |t, x, count| t.ins().ushr(x, count)),
        O::I16x8Add => binary(t, I16X8, |t, x, y| t.ins().iadd(x, y)),
        O::I16x8Sub => binary(t, I16X8, |t, x, y| t.ins().isub(x, y)),
        O::I16x8AddSatS => binary(t, I16X8, |t, x, y| t.ins().sadd_sat(x, y)),
        O::I16x8AddSatU => binary(t, I16X8, |t, x, y| t.ins().uadd_sat(x, y)),
        O::I16x8SubSatS => binary(t, I16X8, |t, x, y| t.ins().ssub_sat(x, y)),
        O::I16x8SubSatU => binary(t, I16X8, |t, x, y| t.ins().usub_sat(x, y)),
        O::I16x8Mul => binary(t, I16X8, |t, x, y| t.ins().imul(x, y)),
        O::I16x8MinS => binary(t, I16X8, |t, x, y| t.ins().smin(x, y)),
        O::I16x8MinU => binary(t, I16X8, |t, x, y| t.ins().umin(x, y)),
        O::I16x8MaxS => binary(t, I16X8, |t, x, y| t.ins().smax(x, y)),
        O::I16x8MaxU => binary(t, I16X8, |t, x, y| t.ins().umax(x, y)),
        O::I16x8AvgrU => binary(t, I16X8, |t, x, y| t.ins().avg_round(x, y)),
        O::I16x8Q15MulrSatS => binary(t, I16X8, |t, x, y| t.ins().sqmul_round_sat(x, y)),
        O::I32x4Abs => unary(t, I32X4, |t, x| t.ins().iabs(x)),
        O::I32x4Neg => unary(t, I32X4, |t, x| t.ins().ineg(x)),
        O::I32x4AllTrue => test(t, I32X4, |t, x| t.ins().vall_true(x)),
        O::I32x4Bitmask => bitmask(t, I32X4),
        O::I32x4Shl => shift(t, I32X4, |t, x, count| t.ins().ishl(x, count)),
        O::I32x4ShrS => shift(t, I32X4, |t, x, count| t.ins().sshr(x, count)),
        O::I32x4ShrU => shift(t, I32X4, |t, x, count| t.ins().ushr(x, count)),
        O::I32x4Add => binary(t, I32X4, |t, x, y| t.ins().iadd(x, y)),
        O::I32x4Sub => binary(t, I32X4, |t, x, y| t.ins().isub(x, y)),
        O::I32x4Mul => binary(t, I32X4, |t, x, y| t.ins().imul(x, y)),
        O::I32x4MinS => binary(t, I32X4, |t, x, y| t.ins().smin(x, y)),
        O::I32x4MinU => binary(t, I32X4, |t, x, y| t.ins().umin(x, y)),
        O::I32x4MaxS => binary(t, I32X4, |t, x, y| t.ins().smax(x, y)),
        O::I32x4MaxU => binary(t, I32X4, |t, x, y| t.ins().umax(x, y)),
        O::I64x2Abs => unary(t, I64X2, |t, x| t.ins().iabs(x)),
        O::I64x2Neg => unary(t, I64X2, |t, x| t.ins().ineg(x)),
        O::I64x2AllTrue => test(t, I64X2, |t, x| t.ins().vall_true(x)),
        O::I64x2Bitmask => bitmask(t, I64X2),
        O::I64x2Shl => shift(t, I64X2, |t, x, count| t.ins().ishl(x, count)),
        O::I64x2ShrS => shift(t, I64X2, |t, x, count| t.ins().sshr(x, count)),
        O::I64x2ShrU => shift(t, I64X2, |t, x, count| t.ins().ushr(x, count)),
        O::I64x2Add => binary(t, I64X2, |t, x, y| t.ins().iadd(x, y)),
        O::I64x2Sub => binary(t, I64X2, |t, x, y| t.ins().isub(x, y)),
        O::I64x2Mul => binary(t, I64X2, |t, x, y| t.ins().imul(x, y)),
        O::I32x4DotI16x8S => binary(t, I16X8, dot),

        // Integers of half or double width.
        O::I8x16NarrowI16x8S => binary(t, I16X8, |t, x, y| t.ins().snarrow(x, y)),
        O::I8x16NarrowI16x8U => binary(t, I16X8, |t, x, y| t.ins().unarrow(x, y)),
        O::I16x8NarrowI32x4S => binary(t, I32X4, |t, x, y| t.ins().snarrow(x, y)),
        O::I16x8NarrowI32x4U => binary(t, I32X4, |t, x, y| t.ins().unarrow(x, y)),
        O::I16x8ExtendLowI8x16S => unary(t, I8X16, |t, x| t.ins().swiden_low(x)),
        O::I16x8ExtendHighI8x16S => unary(t, I8X16, |t, x| t.ins().swiden_high(x)),
        O::I16x8ExtendLowI8x16U => unary(t, I8X16, |t, x| t.ins().uwiden_low(x)),
        O::I16x8ExtendHighI8x16U => unary(t, I8X16, |t, x| t.ins().uwiden_high(x)),
        O::I32x4ExtendLowI16x8S => unary(t, I16X8, |t, x| t.ins().swiden_low(x)),
        O::I32x4ExtendHighI16x8S => unary(t, I16X8, |t, x| t.ins().swiden_high(x)),
        O::I32x4ExtendLowI16x8U => unary(t, I16X8, |t, x| t.ins().uwiden_low(x)),
        O::I32x4ExtendHighI16x8U => unary(t, I16X8, |t, x| t.ins().uwiden_high(x)),
        O::I64x2ExtendLowI32x4S => unary(t, I32X4, |t, x| t.ins().swiden_low(x)),
        O::I64x2ExtendHighI32x4S => unary(t, I32X4, |t, x| t.ins().swiden_high(x)),
        O::I64x2ExtendLowI32x4U => unary(t, I32X4, |t, x| t.ins().uwiden_low(x)),
        O::I64x2ExtendHighI32x4U => unary(t, I32X4, |t, x| t.ins().uwiden_high(x)),
        O::I16x8ExtMulLowI8x16S => multiply_widened(t, I8X16, |t, x| t.ins().swiden_low(x)),
        O::I16x8ExtMulHighI8x16S => multiply_widened(t, I8X16, |t, x| t.ins().swiden_high(x)),
        O::I16x8ExtMulLowI8x16U => multiply_widened(t, I8X16, |t, x| t.ins().uwiden_low(x)),
        O::I16x8ExtMulHighI8x16U => multiply_widened(t, I8X16, |t, x| t.ins().uwiden_high(x)),
        O::I32x4ExtMulLowI16x8S => multiply_widened(t, I16X8, |t, x| t.ins().swiden_low(x)),
        O::I32x4ExtMulHighI16x8S => multiply_widened(t, I16X8, |t, x| t.ins().swiden_high(x)),
        O::I32x4ExtMulLowI16x8U => multiply_widened(t, I16X8, |t, x| t.ins().uwiden_low(x)),
        O::I32x4ExtMulHighI16x8U => multiply_widened(t, I16X8, |t, x| t.ins().uwiden_high(x)),
        O::I64x2ExtMulLowI32x4S => multiply_widened(t, I32X4, |t, x| t.ins().swiden_low(x)),
        O::I64x2ExtMulHighI32x4S => multiply_widened(t, I32X4, |t, x| t.ins().swiden_high(x)),
        O::I64x2ExtMulLowI32x4U => multiply_widened(t, I32X4, |t, x| t.ins().uwiden_low(x)),
        O::I64x2ExtMulHighI32x4U => multiply_widened(t, I32X4, |t, x| t.ins().uwiden_high(x)),
        O::I16x8ExtAddPairwiseI8x16S => unary(t, I8X16, add_pairwise_signed),
        O::I16x8ExtAddPairwiseI8x16U => unary(t, I8X16, add_pairwise_unsigned),
        O::I32x4ExtAddPairwiseI16x8S => unary(t, I16X8, add_pairwise_signed),
        O::I32x4ExtAddPairwiseI16x8U => unary(t, I16X8, add_pairwise_unsigned),

        // Float arithmetic.
        O::F32x4Ceil => unary(t, F32X4, |t, x| round(t, x, Rounding::Ceil)),
        O::F32x4Floor => unary(t, F32X4, |t, x| round(t, x, Rounding::Floor)),
        O::F32x4Trunc => unary(t, F32X4, |t, x| round(t, x, Rounding::Trunc)),
        O::F32x4Nearest => unary(t, F32X4, |t, x| round(t, x, Rounding::Nearest)),
        O::F32x4Abs => unary(t, F32X4, |t, x| t.ins().fabs(x)),
        O::F32x4Neg => unary(t, F32X4, |t, x| t.ins().fneg(x)),
        O::F32x4Sqrt => unary(t, F32X4, |t, x| t.ins().sqrt(x)),
        O::F32x4Add => binary(t, F32X4, |t, x, y| t.ins().fadd(x, y)),
        O::F32x4Sub => binary(t, F32X4, |t, x, y| t.ins().fsub(x, y)),
        O::F32x4Mul => binary(t, F32X4, |t, x, y| t.ins().fmul(x, y)),
        O::F32x4Div => binary(t, F32X4, |t, x, y| t.ins().fdiv(x, y)),
        O::F32x4Min => binary(t, F32X4, |t, x, y| t.ins().fmin(x, y)),
        O::F32x4Max => binary(t, F32X4, |t, x, y| t.ins().fmax(x, y)),
        O::F32x4PMin => binary(t, F32X4, float::pseudo_min),
        O::F32x4PMax => binary(t, F32X4, float::pseudo_max),
        O::F64x2Ceil => unary(t, F64X2, |t, x| round(t, x, Rounding::Ceil)),
        O::F64x2Floor => unary(t, F64X2, |t, x| round(t, x, Rounding::Floor)),
        O::F64x2Trunc => unary(t, F64X2, |t, x| round(t, x, Rounding::Trunc)),
        O::F64x2Nearest => unary(t, F64X2, |t, x| round(t, x, Rounding::Nearest)),
        O::F64x2Abs => unary(t, F64X2, |t, x| t.ins().fabs(x)),
        O::F64x2Neg => unary(t, F64X2, |t, x| t.ins().fneg(x)),
        O::F64x2Sqrt => unary(t, F64X2, |t, x| t.ins().sqrt(x)),
        O::F64x2Add => binary(t, F64X2, |t, x, y| t.ins().fadd(x, y)),
        O::F64x2Sub => binary(t, F64X2, |t, x, y| t.ins().fsub(x, y)),
        O::F64x2Mul => binary(t, F64X2, |t, x, y| t.ins().fmul(x, y)),
        O::F64x2Div => binary(t, F64X2, |t, x, y| t.ins().fdiv(x, y)),
        O::F64x2Min => binary(t, F64X2, |t, x, y| t.ins().fmin(x, y)),
        O::F64x2Max => binary(t, F64X2, |t, x, y| t.ins().fmax(x, y)),
        O::F64x2PMin => binary(t, F64X2, float::pseudo_min),
        O::F64x2PMax => binary(t, F64X2, float::pseudo_max),

        // Conversions.
        O::I32x4TruncSatF32x4S => unary(t, F32X4, |t, x| t.ins().fcvt_to_sint_sat(I32X4, x)),
        O::I32x4TruncSatF32x4U => unary(t, F32X4, |t, x| t.ins().fcvt_to_uint_sat(I32X4, x)),
        O::F32x4ConvertI32x4S => unary(t, I32X4, |t, x| t.ins().fcvt_from_sint(F32X4, x)),
        O::F32x4ConvertI32x4U => unary(t, I32X4, |t, x| t.ins().fcvt_from_uint(F32X4, x)),
        O::I32x4TruncSatF64x2SZero => unary(t, F64X2, float::truncate_signed_zero),
        O::I32x4TruncSatF64x2UZero => unary(t, F64X2, float::truncate_unsigned_zero),
        O::F64x2ConvertLowI32x4S => unary(t, I32X4, float::convert_low_signed),
        O::F64x2ConvertLowI32x4U => unary(t, I32X4, float::convert_low_unsigned),
        O::F32x4DemoteF64x2Zero => unary(t, F64X2, |t, x| t.ins().fvdemote(x)),
        O::F64x2PromoteLowF32x4 => unary(t, F32X4, |t, x| t.ins().fvpromote_low(x)),
        ref other => relaxed::translate(t, other),
    }
}

/// Takes a v128 from the value stack, as lanes of `lanes`.
fn pop_lanes(t: &mut Translator<'_>, lanes: Type) -> Value {
    let vector = t.pop();
    cast(t, vector, lanes)
}

/// Puts a vector of any lanes on the value stack.
fn push_lanes(t: &mut Translator<'_>, vector: Value) {
    let vector = cast(t, vector, I8X16);
    t.push(vector);
}

/// The same 128 bits as lanes of `lanes`.
pub(super) fn cast(t: &mut Translator<'_>, vector: Value, lanes: Type) -> Value {
    if t.builder.func.dfg.value_type(vector) == lanes {
        return vector;
    }
    let flags = MemFlagsData::new().with_endianness(Endianness::Little);
    t.ins().bitcast(lanes, flags, vector)
}

/// Whether SSSE3 and SSE4.1 are missing: there the code generator calls library functions for a few operators, which an
/// object doesn't have.
pub(super) fn lacks_sse4(t: &Translator<'_>) -> bool {
    t.context.options.target_cpu == TargetCpu::V1
}

/// A vector whose bytes are `bytes`.
pub(super) fn vector_constant(t: &mut Translator<'_>, lanes: Type, bytes: &[u8; 16]) -> Value {
    let constant = t.builder.func.dfg.constants.insert(bytes.as_slice().into());
    t.ins().vconst(lanes, constant)
}

/// An operator from vector to vector.
fn unary(
    t: &mut Translator<'_>,
    lanes: Type,
    operation: impl FnOnce(&mut Translator<'_>, Value) -> Value,
) {
    let x = pop_lanes(t, lanes);
    let result = operation(t, x);
    push_lanes(t, result);
}

/// An operator from two vectors to one.
fn binary(
    t: &mut Translator<'_>,
    lanes: Type,
    operation: impl FnOnce(&mut Translator<'_>, Value, Value) -> Value,
) {
    let y = pop_lanes(t, lanes);
    let x = pop_lanes(t, lanes);
    let result = operation(t, x, y);
    push_lanes(t, result);
}

/// A comparison; a lane of the result has all bits set where it holds.
fn compare_integers(t: &mut Translator<'_>, lanes: Type, condition: IntCC) {
    binary(t, lanes, |t, x, y| t.ins().icmp(condition, x, y));
}

/// As [`compare_integers`], for floats.
fn compare_floats(t: &mut Translator<'_>, lanes: Type, condition: FloatCC) {
    binary(t, lanes, |t, x, y| t.ins().fcmp(condition, x, y));
}

/// A shift of every lane by one count, which is taken modulo the width of a lane.
fn shift(
    t: &mut Translator<'_>,
    lanes: Type,
    operation: impl FnOnce(&mut Translator<'_>, Value, Value) -> Value,
) {
    let count = t.pop();
    unary(t, lanes, |t, x| operation(t, x, count));
}

/// A question about a vector, answered by an i32 that is 0 or 1.
fn test(
    t: &mut Translator<'_>,
    lanes: Type,
    operation: impl FnOnce(&mut Translator<'_>, Value) -> Value,
) {
    let x = pop_lanes(t, lanes);
    let answer = operation(t, x);
    let answer = t.ins().uextend(I32, answer);
    t.push(answer);
}

/// The sign bits of all lanes, as an i32.
fn bitmask(t: &mut Translator<'_>, lanes: Type) {
    let x = pop_lanes(t, lanes);
    let bits = t.ins().vhigh_bits(I32, x);
    t.push(bits);
}

fn bitselect(t: &mut Translator<'_>) {
    let mask = t.pop();
    binary(t, I8X16, |t, x, y| t.ins().bitselect(mask, x, y));
}

/// Products of the lanes that `widen` chooses, in twice the width.
fn multiply_widened(
    t: &mut Translator<'_>,
    lanes: Type,
    widen: impl Fn(&mut Translator<'_>, Value) -> Value,
) {
    binary(t, lanes, |t, x, y| {
        let (x, y) = (widen(t, x), widen(t, y));
        t.ins().imul(x, y)
    });
}

// The code generator knows each of the next three shapes as one instruction.

fn dot(t: &mut Translator<'_>, x: Value, y: Value) -> Value {
    let (x_low, y_low) = (t.ins().swiden_low(x), t.ins().swiden_low(y));
    let low = t.ins().imul(x_low, y_low);
    let (x_high, y_high) = (t.ins().swiden_high(x), t.ins().swiden_high(y));
    let high = t.ins().imul(x_high, y_high);
    t.ins().iadd_pairwise(low, high)
}

fn add_pairwise_signed(t: &mut Translator<'_>, x: Value) -> Value {
    let (low, high) = (t.ins().swiden_low(x), t.ins().swiden_high(x));
    t.ins().iadd_pairwise(low, high)
}

fn add_pairwise_unsigned(t: &mut Translator<'_>, x: Value) -> Value {
    let (low, high) = (t.ins().uwiden_low(x), t.ins().uwiden_high(x));
    t.ins().iadd_pairwise(low, high)
}
