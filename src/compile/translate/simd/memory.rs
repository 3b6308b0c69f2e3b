//! Fixed-width SIMD: loads and stores, widening, spreading and of one lane.

use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use wasmparser::MemArg;

use super::super::memory::access_bytes;
use super::super::translator::Translator;
use super::{pop_lanes, push_lanes};

/// Loads eight bytes as lanes that become twice as wide; `opcode` is one of the widening vector loads.
pub(super) fn load_extend(t: &mut Translator<'_>, memarg: &MemArg, opcode: Opcode) {
    let (address, offset) = t.address(memarg, access_bytes(opcode));
    let flags = t.memory_flags();
    let ins = t.ins();
    let vector = match opcode {
        Opcode::Sload8x8 => ins.sload8x8(flags, address, offset),
        Opcode::Uload8x8 => ins.uload8x8(flags, address, offset),
        Opcode::Sload16x4 => ins.sload16x4(flags, address, offset),
        Opcode::Uload16x4 => ins.uload16x4(flags, address, offset),
        Opcode::Sload32x2 => ins.sload32x2(flags, address, offset),
        Opcode::Uload32x2 => ins.uload32x2(flags, address, offset),
        other => unreachable!("{other} is not a widening vector load"),
    };
    push_lanes(t, vector);
}

pub(super) fn load_splat(t: &mut Translator<'_>, memarg: &MemArg, lanes: Type) {
    let lane = load_value(t, memarg, lanes.lane_type());
    let vector = t.ins().splat(lanes, lane);
    push_lanes(t, vector);
}

/// Loads one lane; the others are zero.
pub(super) fn load_zero(t: &mut Translator<'_>, memarg: &MemArg, lanes: Type) {
    let lane = load_value(t, memarg, lanes.lane_type());
    let vector = t.ins().scalar_to_vector(lanes, lane);
    push_lanes(t, vector);
}

pub(super) fn load_lane(t: &mut Translator<'_>, memarg: &MemArg, lanes: Type, lane: u8) {
    let vector = pop_lanes(t, lanes);
    let scalar = load_value(t, memarg, lanes.lane_type());
    let vector = t.ins().insertlane(vector, scalar, lane);
    push_lanes(t, vector);
}

pub(super) fn store_lane(t: &mut Translator<'_>, memarg: &MemArg, lanes: Type, lane: u8) {
    let vector = pop_lanes(t, lanes);
    let scalar = t.ins().extractlane(vector, lane);
    let (address, offset) = t.address(memarg, lanes.lane_type().bytes());
    let flags = t.memory_flags();
    t.ins().store(flags, scalar, address, offset);
}

/// Loads a value of type `ty` from the index on the value stack.
fn load_value(t: &mut Translator<'_>, memarg: &MemArg, ty: Type) -> Value {
    let (address, offset) = t.address(memarg, ty.bytes());
    let flags = t.memory_flags();
    t.ins().load(ty, flags, address, offset)
}
