//! Globals and references to functions.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use mewz_abi::trap::TrapKind;

use super::translator::{Region, Translator};
use crate::compile::initializer::Initializer;
use crate::compile::module::code_type;

impl Translator<'_> {
    /// `global.get`.
    pub(super) fn global_get(&mut self, index: u32) {
        let value = self.global_value(index);
        self.push(value);
    }

    /// The value of a global.
    pub(in crate::compile) fn global_value(&mut self, index: u32) -> Value {
        let context = self.context;
        let global = &context.module.globals[index as usize];
        if let Some(constant) = global.constant() {
            return self.constant(code_type(global.ty), constant);
        }
        let place = context.plan.globals[index as usize].expect("a variable global has a place");
        let (address, offset) = self.place(place);
        let flags = self.state_flags(Region::Globals);
        self.ins()
            .load(code_type(global.ty), flags, address, offset)
    }

    /// `global.set`.
    pub(super) fn global_set(&mut self, index: u32) {
        let value = self.pop();
        self.store_global(index, value);
    }

    /// Sets a global.
    pub(in crate::compile) fn store_global(&mut self, index: u32, value: Value) {
        let place =
            self.context.plan.globals[index as usize].expect("a variable global has a place");
        let (address, offset) = self.place(place);
        let flags = self.state_flags(Region::Globals);
        self.ins().store(flags, value, address, offset);
    }

    /// A value that is known when compiling.
    pub(in crate::compile) fn constant(
        &mut self,
        ty: cranelift_codegen::ir::Type,
        constant: &Initializer,
    ) -> Value {
        match constant {
            Initializer::Function(index) => self.function_reference(*index),
            Initializer::Bits(bits) => match ty {
                types::F32 => {
                    let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(*bits as u32);
                    self.ins().f32const(bits)
                }
                types::F64 => {
                    let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(*bits as u64);
                    self.ins().f64const(bits)
                }
                types::I8X16 => self.vector_constant(*bits),
                types::I32 => self.ins().iconst(types::I32, i64::from(*bits as u32)),
                _ => self.ins().iconst(ty, *bits as i64),
            },
            Initializer::Steps(_) => unreachable!("the caller asks for constants alone"),
        }
    }

    /// `ref.func`.
    pub(super) fn ref_func(&mut self, index: u32) {
        let reference = self.function_reference(index);
        self.push(reference);
    }

    /// A reference to a function.
    pub(in crate::compile) fn function_reference(&mut self, index: u32) -> Value {
        let place = self.context.plan.functions[index as usize]
            .reference
            .expect("validation lets only declared references through");
        self.place_address(place)
    }

    /// `ref.as_non_null`.
    pub(super) fn ref_as_non_null(&mut self) {
        let reference = self.pop();
        self.trap_unless(reference, TrapKind::NullReference);
        self.push(reference);
    }

    /// `ref.is_null`.
    pub(super) fn ref_is_null(&mut self) {
        let reference = self.pop();
        let is_null =
            self.ins()
                .icmp_imm_u(cranelift_codegen::ir::condcodes::IntCC::Equal, reference, 0);
        let result = self.ins().uextend(types::I32, is_null);
        self.push(result);
    }
}
