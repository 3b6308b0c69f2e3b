//! What instantiation and entries do for exceptions.

use cranelift_codegen::ir::{InstBuilder, Value};
use mewz_abi::exception::{ExceptionModule, Exceptions};

use super::pool::{load, offset, store};
use crate::compile::symbols::Single;
use crate::compile::translate::Translator;

impl Translator<'_> {
    /// Adds the module to the list of those that take part.
    pub(in crate::compile) fn register_exceptions(&mut self) {
        if self.context.plan.exceptions.is_none() {
            return;
        }
        let own = self.own_exceptions();
        let list = self.symbol(Single::Exceptions.into());
        let next = load(self, list, offset!(Exceptions, first));
        store(self, next, own, offset!(ExceptionModule, next));
        store(self, own, list, offset!(Exceptions, first));
    }

    /// Takes note that the module is entered from outside.
    pub(in crate::compile) fn enter(&mut self) {
        self.count_entry(1);
    }

    /// Takes note that the module is left again.
    pub(in crate::compile) fn leave(&mut self) {
        self.count_entry(-1);
    }

    fn count_entry(&mut self, difference: i64) {
        if !self.context.module.has_exceptions() {
            return;
        }
        let own = self.own_exceptions();
        let entered = load(self, own, offset!(ExceptionModule, entered));
        let entered = self.builder.ins().iadd_imm_s(entered, difference);
        store(self, entered, own, offset!(ExceptionModule, entered));
    }

    /// The address of the module's `ExceptionModule`.
    pub(super) fn own_exceptions(&mut self) -> Value {
        let place = self.context.plan.exceptions;
        self.place_address(place.expect("only modules with exceptions ask for it"))
    }
}
