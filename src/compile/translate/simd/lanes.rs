//! Fixed-width SIMD: constants, and single lanes taken, put, spread and moved.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Type, Value};

use super::super::translator::Translator;
use super::{binary, lacks_sse4, pop_lanes, push_lanes, vector_constant};

pub(super) fn constant(t: &mut Translator<'_>, bytes: &[u8; 16]) {
    let vector = vector_constant(t, I8X16, bytes);
    t.push(vector);
}

pub(super) fn splat(t: &mut Translator<'_>, lanes: Type) {
    let scalar = t.pop();
    let lane = to_lane(t, scalar, lanes);
    let vector = t.ins().splat(lanes, lane);
    push_lanes(t, vector);
}

pub(super) fn extract(t: &mut Translator<'_>, lanes: Type, lane: u8) {
    let vector = pop_lanes(t, lanes);
    let scalar = t.ins().extractlane(vector, lane);
    t.push(scalar);
}

pub(super) fn extract_signed(t: &mut Translator<'_>, lanes: Type, lane: u8) {
    let vector = pop_lanes(t, lanes);
    let scalar = t.ins().extractlane(vector, lane);
    let scalar = t.ins().sextend(I32, scalar);
    t.push(scalar);
}

pub(super) fn extract_unsigned(t: &mut Translator<'_>, lanes: Type, lane: u8) {
    let vector = pop_lanes(t, lanes);
    let scalar = t.ins().extractlane(vector, lane);
    let scalar = t.ins().uextend(I32, scalar);
    t.push(scalar);
}

pub(super) fn replace(t: &mut Translator<'_>, lanes: Type, lane: u8) {
    let scalar = t.pop();
    let scalar = to_lane(t, scalar, lanes);
    let vector = pop_lanes(t, lanes);
    let vector = t.ins().insertlane(vector, scalar, lane);
    push_lanes(t, vector);
}

pub(super) fn shuffle(t: &mut Translator<'_>, chosen: &[u8; 16]) {
    binary(t, I8X16, |t, x, y| {
        if lacks_sse4(t) {
            return shuffle_by_lanes(t, x, y, chosen);
        }
        let mask = t.builder.func.dfg.immediates.push(chosen.as_slice().into());
        t.ins().shuffle(x, y, mask)
    });
}

pub(super) fn swizzle(t: &mut Translator<'_>) {
    binary(t, I8X16, |t, x, indices| {
        if lacks_sse4(t) {
            return swizzle_by_lanes(t, x, indices);
        }
        t.ins().swizzle(x, indices)
    });
}

/// The scalar as a lane: i32 loses the bits that a narrower lane can't hold.
fn to_lane(t: &mut Translator<'_>, scalar: Value, lanes: Type) -> Value {
    match lanes.lane_type() {
        narrow @ (I8 | I16) => t.ins().ireduce(narrow, scalar),
        _ => scalar,
    }
}

/// Without SSSE3 the code generator would call a library function, which an object doesn't have.
fn shuffle_by_lanes(t: &mut Translator<'_>, x: Value, y: Value, chosen: &[u8; 16]) -> Value {
    let mut result = vector_constant(t, I8X16, &[0; 16]);
    for (lane, index) in (0..).zip(chosen) {
        let from = if *index < 16 { x } else { y };
        let byte = t.ins().extractlane(from, index % 16);
        result = t.ins().insertlane(result, byte, lane);
    }
    result
}

/// As [`shuffle_by_lanes`], through memory, since the indices are known only at run time.
fn swizzle_by_lanes(t: &mut Translator<'_>, x: Value, indices: Value) -> Value {
    let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4);
    let slot = t.builder.create_sized_stack_slot(slot);
    let base = t.ins().stack_addr(I64, slot, 0);
    let flags = MemFlagsData::trusted();
    t.ins().store(flags, x, base, 0);
    let mut result = vector_constant(t, I8X16, &[0; 16]);
    for lane in 0..16_u8 {
        let index = t.ins().extractlane(indices, lane);
        let index = t.ins().uextend(I64, index);
        let index_in_range = t.ins().band_imm_u(index, 15);
        let address = t.ins().iadd(base, index_in_range);
        let byte = t.ins().load(I8, flags, address, 0);
        let is_in_range = t.ins().icmp_imm_u(IntCC::UnsignedLessThan, index, 16);
        let zero = t.ins().iconst(I8, 0);
        let byte = t.ins().select(is_in_range, byte, zero);
        result = t.ins().insertlane(result, byte, lane);
    }
    result
}
