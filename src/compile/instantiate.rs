//! Code that instantiates the module: what could not be laid out when compiling, in the order of the specification.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Function, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilderContext;

use super::initializer::{BinaryStep, Initializer, Step};
use super::layout::InstantiationStep;
use super::module::{SegmentMode, code_type};
use super::plan::Place;
use super::signature;
use super::symbols::SymbolId;
use super::translate::{Context, Translator};

/// Steps that one function takes: more would make it slow to compile.
pub(super) const STEPS_PER_FUNCTION: usize = 256;

/// `instantiate` itself: calls the functions that take the steps, then the start function.
pub(super) fn whole<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    parts: u32,
) {
    function.signature = signature::system_v(&[], &[]);
    let mut translator = Translator::new(context, function, scratch);
    translator.begin();
    translator.register_exceptions();
    for part in 0..parts {
        let part = SymbolId::InstantiatePart(part);
        let part = translator.function(part, signature::system_v(&[], &[]));
        translator.builder.ins().call(part, &[]);
    }
    if let Some(start) = context.module.start {
        translator.enter();
        translator.call_function(start, &[]);
        translator.leave();
    }
    translator.builder.ins().return_(&[]);
    translator.finish();
}

/// A function that takes some steps.
pub(super) fn part<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    steps: &[InstantiationStep],
) {
    function.signature = signature::system_v(&[], &[]);
    let mut translator = Translator::new(context, function, scratch);
    translator.begin();
    for step in steps {
        translator.instantiation_step(step);
    }
    translator.builder.ins().return_(&[]);
    translator.finish();
}

impl Translator<'_> {
    fn instantiation_step(&mut self, step: &InstantiationStep) {
        let module = self.context.module;
        match step {
            InstantiationStep::Global(index) => {
                let global = &module.globals[*index as usize];
                let initial = global
                    .initial
                    .as_ref()
                    .expect("imported globals have no step");
                let value = self.evaluate(code_type(global.ty), initial);
                self.store_global(*index, value);
            }
            InstantiationStep::Table(index) => self.fill_table(*index),
            InstantiationStep::Element {
                segment,
                item,
                place,
            } => {
                let initial = &module.elements[*segment as usize].items[*item as usize];
                let value = self.evaluate(types::I64, initial);
                let address = self.place_address(*place);
                self.builder
                    .ins()
                    .store(MemFlagsData::trusted(), value, address, 0);
            }
            InstantiationStep::Elements(segment) => self.apply_elements(*segment),
            InstantiationStep::Data { segment, content } => self.apply_data(*segment, *content),
            InstantiationStep::Runs {
                memory,
                rows,
                count,
                content,
            } => self.copy_runs(*memory, *rows, *count, *content),
        }
    }

    fn fill_table(&mut self, index: u32) {
        let table = &self.context.module.tables[index as usize];
        let initial = table
            .initial
            .as_ref()
            .expect("only such tables have a step");
        let value = self.evaluate(types::I64, initial);
        let first = self.context.plan.tables[index as usize].elements;
        let start = self.place_address(first.expect("the table is the module's own"));
        let count = self.builder.ins().iconst(types::I64, table.min as i64);
        self.fill_elements(start, value, count);
    }

    fn apply_elements(&mut self, index: u32) {
        let segment = &self.context.module.elements[index as usize];
        let SegmentMode::Active { target, offset } = &segment.mode else {
            unreachable!("only active segments are applied");
        };
        let is_64 = self.context.module.tables[*target as usize].index_64;
        let to = self.evaluate_index(is_64, offset);
        let from = self.builder.ins().iconst(types::I64, 0);
        let count = segment.items.len() as i64;
        let count = self.builder.ins().iconst(types::I64, count);
        self.initialise_elements(index, *target, to, from, count);
        self.elem_drop(index);
    }

    fn apply_data(&mut self, index: u32, content: Place) {
        let segment = &self.context.module.data[index as usize];
        let SegmentMode::Active { target, offset } = &segment.mode else {
            unreachable!("only active segments are applied");
        };
        let is_64 = self.context.module.memories[*target as usize].index_64;
        let to = self.evaluate_index(is_64, offset);
        let len = segment.bytes.len() as i64;
        let len = self.builder.ins().iconst(types::I64, len);
        let to = self.checked_range(*target, to, len);
        let from = self.place_address(content);
        self.move_bytes(to, from, len);
    }

    /// A loop over runs that are known to fit.
    fn copy_runs(&mut self, memory: u32, rows: Place, count: u32, content: Place) {
        let first_row = self.place_address(rows);
        let end = self
            .builder
            .ins()
            .iadd_imm_s(first_row, i64::from(count) * 16);
        let first_byte = self.place_address(content);
        let body = self.create_block(&[types::I64, types::I64]);
        self.jump(body, &[first_row, first_byte]);
        self.builder.switch_to_block(body);
        let [row, from] = *self.builder.block_params(body) else {
            unreachable!("the block has two parameters");
        };
        let flags = MemFlagsData::trusted().with_readonly();
        let offset = self.builder.ins().load(types::I64, flags, row, 0);
        let len = self.builder.ins().load(types::I64, flags, row, 8);
        let to = self.memory_address(memory, offset);
        self.move_bytes(to, from, len);
        let row = self.builder.ins().iadd_imm_s(row, 16);
        let from = self.builder.ins().iadd(from, len);
        let is_done = self.builder.ins().icmp(IntCC::Equal, row, end);
        let done = self.builder.create_block();
        let arguments = [row.into(), from.into()];
        self.builder
            .ins()
            .brif(is_done, done, &[], body, &arguments);
        self.builder.seal_block(body);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
    }

    /// The value of a constant expression that is an index, in 64 bits.
    fn evaluate_index(&mut self, is_64: bool, initial: &Initializer) -> Value {
        let ty = if is_64 { types::I64 } else { types::I32 };
        let index = self.evaluate(ty, initial);
        self.widen(index)
    }

    /// The value of a constant expression of type `ty`.
    fn evaluate(&mut self, ty: Type, initial: &Initializer) -> Value {
        let Initializer::Steps(steps) = initial else {
            return self.constant(ty, initial);
        };
        let mut stack: Vec<Value> = Vec::new();
        for step in steps {
            let value = match step {
                Step::I32(value) => self.bits(types::I32, *value as u32),
                Step::I64(value) => self.bits(types::I64, *value as u64),
                Step::F32(bits) => self.bits(types::F32, *bits),
                Step::F64(bits) => self.bits(types::F64, *bits),
                Step::V128(bits) => self.constant(types::I8X16, &Initializer::Bits(*bits)),
                Step::Null => self.bits(types::I64, 0_u32),
                Step::Function(index) => self.function_reference(*index),
                Step::Global(index) => self.global_value(*index),
                Step::Binary(operator) => {
                    let right = stack.pop().expect("validation keeps the stack deep enough");
                    let left = stack.pop().expect("validation keeps the stack deep enough");
                    let ins = self.builder.ins();
                    match operator {
                        BinaryStep::Add { .. } => ins.iadd(left, right),
                        BinaryStep::Sub { .. } => ins.isub(left, right),
                        BinaryStep::Mul { .. } => ins.imul(left, right),
                    }
                }
            };
            stack.push(value);
        }
        stack.pop().expect("a constant expression has a value")
    }

    fn bits(&mut self, ty: Type, bits: impl Into<u128>) -> Value {
        self.constant(ty, &Initializer::Bits(bits.into()))
    }
}
