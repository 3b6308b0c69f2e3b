//! Numbers: constants, comparison, arithmetic, conversion, choice.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};

use super::translator::Translator;
/// Makes the instruction of a unary operator.
type Unary = fn(&mut Translator<'_>, Value) -> Value;
/// Makes the instruction of a binary operator.
type Binary = fn(&mut Translator<'_>, Value, Value) -> Value;

impl Translator<'_> {
    /// Replaces one value.
    pub(super) fn unary(&mut self, make: Unary) {
        let value = self.pop();
        let result = make(self, value);
        self.push(result);
    }

    /// Replaces two values by one.
    pub(super) fn binary(&mut self, make: Binary) {
        let (left, right) = self.pop2();
        let result = make(self, left, right);
        self.push(result);
    }

    /// Pushes an i32.
    pub(super) fn i32_const(&mut self, value: i32) {
        let value = match self.slot {
            Some(slot) => {
                let wide = self.slot_value(slot);
                self.narrow(wide)
            }
            None => self.ins().iconst(types::I32, i64::from(value as u32)),
        };
        self.push(value);
    }

    /// Pushes an i64.
    pub(super) fn i64_const(&mut self, value: i64) {
        let value = match self.slot {
            Some(slot) => self.slot_value(slot),
            None => self.ins().iconst(types::I64, value),
        };
        self.push(value);
    }

    /// Pushes an f32 by its bits.
    pub(super) fn f32_const(&mut self, bits: u32) {
        let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(bits);
        let value = self.ins().f32const(bits);
        self.push(value);
    }

    /// Pushes an f64 by its bits.
    pub(super) fn f64_const(&mut self, bits: u64) {
        let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(bits);
        let value = self.ins().f64const(bits);
        self.push(value);
    }

    /// Compares two integers.
    pub(super) fn compare(&mut self, condition: IntCC) {
        let (left, right) = self.pop2();
        let result = self.ins().icmp(condition, left, right);
        self.push_truth(result);
    }

    /// Compares two floats.
    pub(super) fn compare_floats(&mut self, condition: FloatCC) {
        let (left, right) = self.pop2();
        let result = self.ins().fcmp(condition, left, right);
        self.push_truth(result);
    }

    /// `eqz`.
    pub(super) fn is_zero(&mut self) {
        let value = self.pop();
        let result = self.ins().icmp_imm_u(IntCC::Equal, value, 0);
        self.push_truth(result);
    }

    /// Pushes a comparison's result as the i32 that it is in WebAssembly.
    pub(super) fn push_truth(&mut self, truth: Value) {
        let value = self.ins().uextend(types::I32, truth);
        self.push(value);
    }

    /// A conversion that `make` does to `to`.
    pub(super) fn convert(
        &mut self,
        to: Type,
        make: fn(&mut Translator<'_>, Type, Value) -> Value,
    ) {
        let value = self.pop();
        let result = make(self, to, value);
        self.push(result);
    }

    /// Takes the bits as those of another type of the same size.
    pub(super) fn reinterpret(&mut self, to: Type) {
        let value = self.pop();
        let result = self.ins().bitcast(to, MemFlagsData::new(), value);
        self.push(result);
    }

    /// Extends the low bits, a signed number of type `from`.
    pub(super) fn extend_low(&mut self, from: Type, to: Type) {
        let value = self.pop();
        let low = self.ins().ireduce(from, value);
        let result = self.ins().sextend(to, low);
        self.push(result);
    }

    /// `select`.
    pub(super) fn select(&mut self) {
        let (left, right, condition) = self.pop3();
        let result = self.ins().select(condition, left, right);
        self.push(result);
    }
}
