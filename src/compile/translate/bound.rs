//! What is known of numbers where they are made: how large they are at most, and whether a sum can wrap.
//!
//! An index is a number of 32 bits, and a sum in it wraps where 64 bits would not. Where none can wrap, its constant joins
//! the access's own offset, which the processor adds for nothing.

use cranelift_codegen::ir::{InstructionData, Opcode, Value, ValueDef, types};

use super::translator::Translator;

/// How many instructions back a number is followed.
const DEPTH_MAX: u32 = 6;

impl Translator<'_> {
    /// An index in 64 bits and a constant to be added to it: together they are `index`, an i32 without sign.
    pub(super) fn split_index(&mut self, index: Value) -> (Value, u64) {
        if let Some((rest, constant)) = self.sum_with_constant(index)
            && let Ok(limit) = i32::try_from(constant)
            && self.bound(rest, DEPTH_MAX) <= u64::from(u32::MAX) - u64::from(constant)
        {
            let (rest, inner) = self.split_index(rest);
            return (rest, inner + limit as u64);
        }
        (self.widen(index), 0)
    }

    /// The terms of a sum with a constant.
    fn sum_with_constant(&self, value: Value) -> Option<(Value, u32)> {
        let dfg = &self.builder.func.dfg;
        let value = self.before_widening(value);
        if dfg.value_type(value) != types::I32 {
            return None;
        }
        let ValueDef::Result(instruction, 0) = dfg.value_def(value) else {
            return None;
        };
        let InstructionData::Binary {
            opcode: Opcode::Iadd,
            args: [left, right],
        } = dfg.insts[instruction]
        else {
            return None;
        };
        match (self.constant_of(left), self.constant_of(right)) {
            (_, Some(constant)) => Some((left, constant as u32)),
            (Some(constant), None) => Some((right, constant as u32)),
            _ => None,
        }
    }

    /// The i32 that a local was set to, where `value` is what it was read as.
    fn before_widening(&self, value: Value) -> Value {
        let dfg = &self.builder.func.dfg;
        let argument = |value, wanted| match dfg.value_def(dfg.resolve_aliases(value)) {
            ValueDef::Result(instruction, 0) => match dfg.insts[instruction] {
                InstructionData::Unary { opcode, arg } if opcode == wanted => Some(arg),
                _ => None,
            },
            _ => None,
        };
        let set = argument(value, Opcode::Ireduce).and_then(|wide| argument(wide, Opcode::Uextend));
        let set = set.filter(|set| dfg.value_type(*set) == types::I32);
        dfg.resolve_aliases(set.unwrap_or(value))
    }

    /// The most that an integer can be, without sign.
    fn bound(&self, value: Value, depth: u32) -> u64 {
        let dfg = &self.builder.func.dfg;
        let value = dfg.resolve_aliases(value);
        let ty = dfg.value_type(value);
        if !ty.is_int() || ty.bits() > 64 {
            return u64::MAX;
        }
        let most = u64::MAX >> (64 - ty.bits());
        let ValueDef::Result(instruction, 0) = dfg.value_def(value) else {
            return most;
        };
        if depth == 0 {
            return most;
        }
        let bound = |value| self.bound(value, depth - 1);
        let known = match dfg.insts[instruction] {
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } => Some(imm.bits() as u64 & most),
            InstructionData::Load { opcode, .. } => match opcode {
                Opcode::Uload8 => Some(0xff),
                Opcode::Uload16 => Some(0xffff),
                Opcode::Uload32 => Some(0xffff_ffff),
                _ => None,
            },
            InstructionData::Unary { opcode, arg } => match opcode {
                Opcode::Uextend | Opcode::Ireduce => Some(bound(arg)),
                Opcode::Clz | Opcode::Ctz | Opcode::Popcnt => Some(u64::from(ty.bits())),
                _ => None,
            },
            InstructionData::IntCompare { .. } | InstructionData::FloatCompare { .. } => Some(1),
            InstructionData::Ternary {
                opcode: Opcode::Select,
                args: [_, left, right],
            } => Some(bound(left).max(bound(right))),
            InstructionData::Binary {
                opcode,
                args: [left, right],
            } => {
                let shift = || {
                    let count = self.constant_of(right)?;
                    Some(count as u32 % ty.bits())
                };
                match opcode {
                    Opcode::Band => Some(bound(left).min(bound(right))),
                    Opcode::Bor | Opcode::Bxor => {
                        let bits = bound(left) | bound(right);
                        Some(u64::MAX.checked_shr(bits.leading_zeros()).unwrap_or(0))
                    }
                    Opcode::Iadd => bound(left).checked_add(bound(right)),
                    Opcode::Imul => bound(left).checked_mul(bound(right)),
                    Opcode::Ishl => shift().and_then(|count| bound(left).checked_mul(1 << count)),
                    Opcode::Ushr => Some(bound(left) >> shift().unwrap_or(0)),
                    Opcode::Udiv => Some(bound(left)),
                    Opcode::Urem => Some(bound(left).min(bound(right))),
                    _ => None,
                }
            }
            _ => None,
        };
        // What exceeds the type has wrapped, or been cut.
        known.filter(|known| *known <= most).unwrap_or(most)
    }

    /// The value of an i32 or i64 that is a constant.
    pub(super) fn constant_of(&self, value: Value) -> Option<u64> {
        let dfg = &self.builder.func.dfg;
        let is_64 = dfg.value_type(value) == types::I64;
        let ValueDef::Result(instruction, 0) = dfg.value_def(dfg.resolve_aliases(value)) else {
            return None;
        };
        match dfg.insts[instruction] {
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } if is_64 => Some(imm.bits().cast_unsigned()),
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } => Some(u64::from(imm.bits() as u32)),
            _ => None,
        }
    }
}
