//! Calls: direct, through tables, and of imports.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value, types,
};
use mewz_abi::trap::TrapKind;

use super::exceptions::Callee;
use super::translator::Translator;
use crate::compile::module::FunctionType;
use crate::compile::runtime::RuntimeFunction;
use crate::compile::signature::{self, RESULT_SLOT_BYTES};
use crate::compile::symbols::SymbolId;

/// Bytes from a `FunctionReference` to its code.
const REFERENCE_CODE: i32 = 0;
/// Bytes from a `FunctionReference` to its type's identity.
const REFERENCE_TYPE: i32 = 8;

impl<'a> Translator<'a> {
    /// `call`.
    pub(super) fn call(&mut self, index: u32) {
        let context = self.context;
        let ty = context.module.function_type(index);
        let arguments = self.pop_many(ty.parameters.len());
        if self.is_inlined_here() {
            self.inline(index, ty, &arguments);
            return;
        }
        let results = self.call_function(index, &arguments);
        self.stack.extend(results);
    }

    /// Calls function `index` of the module, imported or not.
    pub(in crate::compile) fn call_function(
        &mut self,
        index: u32,
        arguments: &[Value],
    ) -> Vec<Value> {
        let context = self.context;
        let ty = context.module.function_type(index);
        let place = context.plan.functions[index as usize];
        // The System V convention says nothing of registers where an exception passes: there the shim is called.
        if let Some(import) = place.import
            && !self.has_clauses()
        {
            return self.call_boundary(import, ty, arguments);
        }
        let id = place.internal.expect("a function is imported or has code");
        let function = self.function(id, signature::internal(ty));
        self.count_passed(ty.results.len());
        self.call_with_clauses(Callee::Direct(function), arguments)
    }

    /// Calls a System V function of type `ty`.
    fn call_boundary(
        &mut self,
        id: SymbolId,
        ty: &'a FunctionType,
        arguments: &[Value],
    ) -> Vec<Value> {
        let function = self.function(id, signature::boundary(ty));
        self.count_passed(ty.results.len());
        if ty.results.len() < 2 {
            let call = self.ins().call(function, arguments);
            return self.builder.inst_results(call).to_vec();
        }
        let slot = self.builder.create_sized_stack_slot(StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            RESULT_SLOT_BYTES * ty.results.len() as u32,
            4,
        ));
        let pointer = self.ins().stack_addr(types::I64, slot, 0);
        let mut arguments = arguments.to_vec();
        arguments.push(pointer);
        self.ins().call(function, &arguments);
        let mut results = Vec::with_capacity(ty.results.len());
        for (index, ty) in ty.results.iter().enumerate() {
            let offset = RESULT_SLOT_BYTES as i32 * index as i32;
            let flags = MemFlagsData::trusted();
            results.push(self.ins().load(*ty, flags, pointer, offset));
        }
        results
    }

    /// `call_indirect`.
    pub(super) fn call_indirect(&mut self, type_index: u32, table: u32) {
        let context = self.context;
        let ty = &context.module.types[type_index as usize];
        let index = self.pop();
        let arguments = self.pop_many(ty.parameters.len());
        self.count_callee(index);
        let inlining = context.inlining;
        let guards = inlining.map_or(&[][..], |inlining| inlining.guards(self.offset));
        if guards.is_empty() {
            let reference = self.table_load(table, index);
            self.call_reference(type_index, reference, &arguments);
        } else {
            self.call_guarded(type_index, table, index, &arguments, guards);
        }
    }

    /// Calls what must be a function of this type; pushes the results.
    pub(super) fn call_reference(
        &mut self,
        type_index: u32,
        reference: Value,
        arguments: &[Value],
    ) {
        let code = self.checked_code(reference, type_index);
        self.call_code(type_index, code, arguments);
    }

    /// `return_call`. An import is no function of this convention: it is called and its results returned, which leaves this
    /// frame on the stack for as long as the import takes, and no longer.
    pub(super) fn return_call(&mut self, index: u32) {
        let context = self.context;
        let ty = context.module.function_type(index);
        let arguments = self.pop_many(ty.parameters.len());
        let place = context.plan.functions[index as usize];
        if place.import.is_some() {
            let results = self.call_function(index, &arguments);
            self.ins().return_(&results);
        } else {
            let id = place.internal.expect("a function is imported or has code");
            let function = self.function(id, signature::internal(ty));
            self.ins().return_call(function, &arguments);
        }
        self.is_reachable = false;
    }

    /// `return_call_indirect`.
    pub(super) fn return_call_indirect(&mut self, type_index: u32, table: u32) {
        let (code, arguments) = self.indirect_callee(type_index, table);
        let signature = self.internal_signature(type_index);
        self.ins().return_call_indirect(signature, code, &arguments);
        self.is_reachable = false;
    }

    /// `call_ref`.
    pub(super) fn call_ref(&mut self, type_index: u32) {
        let (code, arguments) = self.referenced_callee(type_index);
        self.call_code(type_index, code, &arguments);
    }

    /// `return_call_ref`.
    pub(super) fn return_call_ref(&mut self, type_index: u32) {
        let (code, arguments) = self.referenced_callee(type_index);
        let signature = self.internal_signature(type_index);
        self.ins().return_call_indirect(signature, code, &arguments);
        self.is_reachable = false;
    }

    /// Pops a reference whose type is known, and the arguments below it; returns the code to call with them.
    fn referenced_callee(&mut self, type_index: u32) -> (Value, Vec<Value>) {
        let reference = self.pop();
        self.trap_unless(reference, TrapKind::NullReference);
        let count = self.context.module.types[type_index as usize]
            .parameters
            .len();
        let arguments = self.pop_many(count);
        (self.reference_code(reference), arguments)
    }

    /// Calls code of the module's own convention; pushes the results.
    fn call_code(&mut self, type_index: u32, code: Value, arguments: &[Value]) {
        let signature = self.internal_signature(type_index);
        let results = self.context.module.types[type_index as usize].results.len();
        self.count_passed(results);
        let results = self.call_with_clauses(Callee::Indirect(signature, code), arguments);
        self.stack.extend(results);
    }

    /// Pops the arguments of a call through a table; returns the code to call with them.
    fn indirect_callee(&mut self, type_index: u32, table: u32) -> (Value, Vec<Value>) {
        let ty = &self.context.module.types[type_index as usize];
        let index = self.pop();
        let arguments = self.pop_many(ty.parameters.len());
        let reference = self.table_load(table, index);
        let code = self.checked_code(reference, type_index);
        (code, arguments)
    }

    /// The code of a reference that must be of a function of this type.
    fn checked_code(&mut self, reference: Value, type_index: u32) -> Value {
        self.trap_unless(reference, TrapKind::IndirectCallToNull);
        let flags = MemFlagsData::trusted().with_readonly();
        let actual = self
            .ins()
            .load(types::I64, flags, reference, REFERENCE_TYPE);
        let expected = self.symbol(self.context.plan.types[type_index as usize]);
        let differs = self.ins().icmp(IntCC::NotEqual, actual, expected);
        self.trap_if(differs, TrapKind::IndirectCallTypeMismatch);
        self.reference_code(reference)
    }

    /// The code behind a reference that is not null.
    fn reference_code(&mut self, reference: Value) -> Value {
        let flags = MemFlagsData::trusted().with_readonly();
        self.ins()
            .load(types::I64, flags, reference, REFERENCE_CODE)
    }

    /// Calls a function of the runtime; returns its result, if it has one.
    pub(in crate::compile) fn call_runtime(
        &mut self,
        function: RuntimeFunction,
        arguments: &[Value],
    ) -> Option<Value> {
        let function = self.runtime_function(function);
        let call = self.ins().call(function, arguments);
        self.builder.inst_results(call).first().copied()
    }
}
