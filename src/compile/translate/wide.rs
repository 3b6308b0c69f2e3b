//! Wide arithmetic: numbers of 128 bits as two i64 each, the low half first.

use cranelift_codegen::ir::{InstBuilder, Value};

use super::translator::Translator;

impl Translator<'_> {
    /// `i64.add128` and `i64.sub128`.
    pub(super) fn wide_binary(&mut self, make: fn(&mut Translator<'_>, Value, Value) -> Value) {
        let right = self.pop_wide();
        let left = self.pop_wide();
        let result = make(self, left, right);
        self.push_wide(result);
    }

    /// `i64.mul_wide_s` and `i64.mul_wide_u`: `extend` widens the factors.
    pub(super) fn wide_multiply(&mut self, extend: fn(&mut Translator<'_>, Value) -> Value) {
        let (left, right) = self.pop2();
        let (left, right) = (extend(self, left), extend(self, right));
        let product = self.ins().imul(left, right);
        self.push_wide(product);
    }

    fn pop_wide(&mut self) -> Value {
        let (low, high) = self.pop2();
        self.ins().iconcat(low, high)
    }

    fn push_wide(&mut self, value: Value) {
        let (low, high) = self.ins().isplit(value);
        self.push(low);
        self.push(high);
    }
}
