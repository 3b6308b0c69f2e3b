//! The module's locals: variables of the code generator, or memory on the stack in functions of absurd size.

use std::collections::HashMap;

use cranelift_codegen::ir::{
    Block, InstBuilder, StackSlot, StackSlotData, StackSlotKey, StackSlotKind, Type, Value,
    ValueLabel, types,
};
use cranelift_frontend::Variable;
use wasmparser::{FunctionBody, Operator};

use super::translator::Translator;
use crate::compile::dwarf::slot_key;
use crate::compile::module::{FunctionType, code_type};
use crate::compile::options::{DebugLevel, OptLevel};

/// Bytes of a local on the stack.
const SLOT_BYTES: u32 = 16;

/// Places where control meets, times locals, that variables are used for. A variable costs up to one value at each such
/// place, so the product bounds memory and time; compilers' output stays far below.
const MEETINGS_AND_LOCALS_MAX: usize = 1 << 23;

/// Places where control meets that variables are used for at all: a `br_table` that gives each of its targets a value takes
/// time that grows with the square of their count.
const MEETINGS_MAX: usize = 16_000;

/// A local.
#[derive(Clone, Copy)]
pub(super) enum Local {
    /// A variable, which the code generator keeps where it likes.
    Variable(Variable),
    /// An i32 in a variable of 64 bits, its high half 0: addresses that come from locals need no widening.
    Wide(Variable),
    /// Memory on the stack.
    Slot(StackSlot, i32, Type),
}

impl Translator<'_> {
    /// Declares parameters and locals and gives them their first values.
    pub(super) fn declare_locals(
        &mut self,
        entry: Block,
        ty: &FunctionType,
        body: &FunctionBody<'_>,
    ) -> wasmparser::Result<()> {
        let groups = groups(body)?;
        let declared: usize = groups.iter().map(|(count, _)| *count as usize).sum();
        let count = ty.parameters.len() + declared;
        self.wanted = self
            .context
            .module
            .wanted
            .of(self.context.module, body.range().start as u32);
        if self.wanted.is_some_and(|wanted| !wanted.told.is_empty()) {
            self.builder.func.collect_debug_info();
        }
        let slot = wants_memory(body, count)?.then(|| {
            self.builder.create_sized_stack_slot(StackSlotData::new(
                StackSlotKind::ExplicitSlot,
                SLOT_BYTES * count as u32,
                4,
            ))
        });
        for index in 0..ty.parameters.len() {
            let value = self.builder.block_params(entry)[index];
            self.declare_local(slot, value);
        }
        self.declare_zeros(slot, groups);
        Ok(())
    }

    /// Lets debuggers know of the value of local `index` from here on.
    fn tell(&mut self, index: u32, value: Value) {
        let Some(wanted) = self.wanted.filter(|_| self.inlined.is_outermost()) else {
            return;
        };
        if wanted.kept.contains(&index) {
            let slot = self.kept_slot(index, value);
            self.ins().stack_store(types::I64, value, slot, 0);
        } else if wanted.told.contains(&index) {
            self.label(index, value);
        }
    }

    /// Says that `value` is what local `index` holds.
    fn label(&mut self, index: u32, value: Value) {
        let is_told = self
            .wanted
            .is_some_and(|wanted| self.inlined.is_outermost() && wanted.told.contains(&index));
        if is_told {
            self.builder
                .set_val_label(value, ValueLabel::from_u32(index));
        }
    }

    /// Leaves an instruction where there may be none otherwise, so that a debugger can stop at the line of a `break`.
    pub(super) fn mark(&mut self) {
        let options = self.context.options;
        if options.debug != DebugLevel::Full || options.opt_level != OptLevel::None {
            return;
        }
        let slot = match self.mark_slot {
            Some(slot) => slot,
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 1, 0);
                *self
                    .mark_slot
                    .insert(self.builder.create_sized_stack_slot(data))
            }
        };
        let zero = self.ins().iconst(types::I8, 0);
        self.ins().stack_store(types::I64, zero, slot, 0);
    }

    /// The slot in which local `index` is kept too.
    fn kept_slot(&mut self, index: u32, value: Value) -> StackSlot {
        if let Some(slot) = self.kept_slots.get(&index) {
            return *slot;
        }
        let bytes = self.builder.func.dfg.value_type(value).bytes();
        let key = StackSlotKey::new(slot_key(index, bytes));
        let data = StackSlotData::new_with_key(
            StackSlotKind::ExplicitSlot,
            bytes,
            bytes.trailing_zeros() as u8,
            key,
        );
        let slot = self.builder.create_sized_stack_slot(data);
        self.kept_slots.insert(index, slot);
        slot
    }

    /// Declares the locals of a body that became part of this function; `arguments` are its parameters.
    pub(super) fn declare_inlined(
        &mut self,
        arguments: &[Value],
        body: &FunctionBody<'_>,
    ) -> wasmparser::Result<()> {
        for argument in arguments {
            self.declare_local(None, *argument);
        }
        self.declare_zeros(None, groups(body)?);
        Ok(())
    }

    fn declare_zeros(&mut self, slot: Option<StackSlot>, groups: Vec<(u32, Type)>) {
        let mut zeros: HashMap<Type, Value> = HashMap::new();
        for (count, ty) in groups {
            for _ in 0..count {
                let zero = *zeros.entry(ty).or_insert_with(|| self.zero(ty));
                self.declare_local(slot, zero);
            }
        }
    }

    fn declare_local(&mut self, slot: Option<StackSlot>, value: Value) {
        let ty = self.builder.func.dfg.value_type(value);
        let local = match slot {
            None if ty == types::I32 => Local::Wide(self.builder.declare_var(types::I64)),
            None => Local::Variable(self.builder.declare_var(ty)),
            Some(slot) => Local::Slot(slot, SLOT_BYTES as i32 * self.locals.len() as i32, ty),
        };
        self.locals.push(local);
        self.define_local(self.locals.len() as u32 - 1, value);
    }

    /// `local.get`.
    pub(super) fn local_get(&mut self, index: u32) {
        let value = match self.locals[index as usize] {
            Local::Variable(variable) => {
                let value = self.builder.use_var(variable);
                self.label(index, value);
                value
            }
            Local::Wide(variable) => {
                let wide = self.builder.use_var(variable);
                self.label(index, wide);
                self.narrow(wide)
            }
            Local::Slot(slot, offset, ty) => self.ins().stack_load(types::I64, ty, slot, offset),
        };
        self.push(value);
    }

    /// `local.set`.
    pub(super) fn local_set(&mut self, index: u32) {
        let value = self.pop();
        self.define_local(index, value);
    }

    /// `local.tee`.
    pub(super) fn local_tee(&mut self, index: u32) {
        let value = self.pop();
        self.define_local(index, value);
        self.push(value);
    }

    fn define_local(&mut self, index: u32, value: Value) {
        match self.locals[index as usize] {
            Local::Variable(variable) => {
                self.builder.def_var(variable, value);
                self.tell(index, value);
            }
            Local::Wide(variable) => {
                let wide = self.widen(value);
                self.builder.def_var(variable, wide);
                self.tell(index, wide);
            }
            Local::Slot(slot, offset, _) => {
                self.ins().stack_store(types::I64, value, slot, offset);
            }
        }
    }
}

/// The declared locals of a body: counts and types.
fn groups(body: &FunctionBody<'_>) -> wasmparser::Result<Vec<(u32, Type)>> {
    let mut groups = Vec::new();
    for group in body.get_locals_reader()? {
        let (count, ty) = group?;
        groups.push((count, code_type(ty)));
    }
    Ok(groups)
}

/// Whether a function with so many locals is so large that they must be memory.
fn wants_memory(body: &FunctionBody<'_>, locals: usize) -> wasmparser::Result<bool> {
    let is_too_much = |meetings: usize| {
        meetings > MEETINGS_MAX || meetings.saturating_mul(locals) > MEETINGS_AND_LOCALS_MAX
    };
    // An operator that makes control meet has two bytes.
    if !is_too_much(body.as_bytes().len() / 2) {
        return Ok(false);
    }
    let mut meetings = 0;
    let mut is_in_try = false;
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Try { .. } | Operator::TryTable { .. } => {
                is_in_try = true;
                meetings += 1;
            }
            // Each may lead to the clauses, where all of them meet.
            Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Rethrow { .. } => meetings += usize::from(is_in_try),
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::BrIf { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
            | Operator::BrTable { .. } => meetings += 1,
            _ => {}
        }
    }
    Ok(is_too_much(meetings))
}
