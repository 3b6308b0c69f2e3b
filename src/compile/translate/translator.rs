//! The translator of one function: its values, its blocks and what every group of operators needs.

use std::collections::HashMap;

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::entity::packed_option::PackedOption;
use cranelift_codegen::ir::{
    self, AliasRegionData, Block, ExtFuncData, ExternalName, FuncRef, GlobalValue, GlobalValueData,
    InstBuilder, MemFlagsData, SigRef, StackSlot, TrapCode, Type, UserExternalName, Value, types,
};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder, FunctionBuilderContext};
use mewz_abi::trap::TrapKind;
use wasmparser::{FunctionBody, Operator};

use super::control::Frame;
use super::exceptions::LegacyTry;
use super::inline::InlinedBodies;
use super::locals::Local;
use super::profile::BodyCounters;
use super::size::Size;
use crate::compile::dwarf::WantedLocals;
use crate::compile::error::CompileError;
use crate::compile::module::{FunctionType, Module};
use crate::compile::options::{OptLevel, Options};
use crate::compile::plan::{Place, Plan};
use crate::compile::profile::{RunCounts, begins_block};
use crate::compile::relocated::{Places, Slot, Slots};
use crate::compile::runtime::RuntimeFunction;
use crate::compile::signature;
use crate::compile::symbols::SymbolId;
use crate::compile::whole::Inlining;

/// What is the same for every function of a module.
pub(in crate::compile) struct Context<'a> {
    /// The module.
    pub(in crate::compile) module: &'a Module<'a>,
    /// Where its parts lie.
    pub(in crate::compile) plan: &'a Plan,
    /// The caller's choices.
    pub(in crate::compile) options: &'a Options,
    /// Facts about the target.
    pub(in crate::compile) target: TargetFrontendConfig,
    /// Which calls become bodies, where the whole module is looked at.
    pub(in crate::compile) inlining: Option<&'a Inlining>,
    /// What earlier runs counted.
    pub(in crate::compile) counts: Option<&'a RunCounts>,
}

/// Values that one function may pass to blocks and calls, all told: a bound on what a small module can ask of the code
/// generator, far above what a compiler emits.
const PASSED_VALUES_MAX: usize = 1 << 22;

/// Loops in loops; the code generator's time grows with the square of it.
const LOOP_DEPTH_MAX: usize = 10_000;

/// Translates one function.
pub(in crate::compile) struct Translator<'a> {
    /// The builder of the intermediate code.
    pub(in crate::compile) builder: FunctionBuilder<'a>,
    /// What is the same for every function.
    pub(in crate::compile) context: &'a Context<'a>,
    /// Operands, in the order of the specification's stack. Vectors on it are always of type `I8X16`.
    pub(super) stack: Vec<Value>,
    /// Enclosing blocks, the function's own first.
    pub(super) frames: Vec<Frame<'a>>,
    /// The frame of the body that is being translated: not the first inside a body that became part of this function.
    pub(super) body_frame: usize,
    /// Offset in the module of the operator that is being translated.
    pub(super) offset: u32,
    /// Bodies that became part of this function.
    pub(super) inlined: InlinedBodies,
    /// The body that is being translated.
    pub(super) body: Option<FunctionBody<'a>>,
    /// Blocks of the legacy encoding of exceptions, by the offsets of their first operators.
    pub(super) legacy: HashMap<u32, LegacyTry>,
    /// Whether the code here can run.
    pub(super) is_reachable: bool,
    /// Blocks begun inside code that can't run.
    pub(super) dead_depth: usize,
    /// How many loops enclose the code here.
    pub(super) loop_depth: usize,
    /// Values of 64 bits that equal an i32 without sign, and values of 32 bits that are their low half.
    twins: SecondaryMap<Value, Twin>,
    /// The slot of the operator that is being translated.
    pub(super) slot: Option<Slot>,
    /// Whether the next operator takes a value as an address or to a local.
    pub(super) is_next_wide: bool,
    /// The module's locals.
    pub(super) locals: Vec<Local>,
    /// Those of the function's own that debug information wants.
    pub(super) wanted: Option<&'a WantedLocals>,
    /// Where some of them are kept too.
    pub(super) kept_slots: HashMap<u32, StackSlot>,
    /// Where instructions write that are there for debuggers alone.
    pub(super) mark_slot: Option<StackSlot>,
    /// What counts of the function's size.
    pub(super) size: Size,
    /// Values passed so far; see [`PASSED_VALUES_MAX`].
    passed_values: usize,
    symbols: HashMap<SymbolId, GlobalValue>,
    functions: HashMap<SymbolId, FuncRef>,
    signatures: HashMap<u32, SigRef>,
    memory_base: Option<Value>,
    /// Counters of the body that is being translated, where what runs is counted.
    pub(super) counters: Option<BodyCounters>,
}

/// What equals a value, in the other width.
#[derive(Clone, Copy, Default)]
struct Twin {
    value: PackedOption<Value>,
    /// The block in which it can be used; all where the value itself can, if there is none.
    block: PackedOption<Block>,
}

impl Twin {
    /// A value that was made of the other just now.
    fn here(value: Value, builder: &FunctionBuilder<'_>) -> Self {
        Self {
            value: value.into(),
            block: builder.current_block().into(),
        }
    }

    /// A value that the other was made of.
    fn everywhere(value: Value) -> Self {
        Self {
            value: value.into(),
            block: None.into(),
        }
    }
}

impl<'a> Translator<'a> {
    /// Begins a function; `function` has its signature set.
    pub(in crate::compile) fn new(
        context: &'a Context<'a>,
        function: &'a mut ir::Function,
        scratch: &'a mut FunctionBuilderContext,
    ) -> Self {
        Self {
            builder: FunctionBuilder::new(function, scratch),
            context,
            stack: Vec::new(),
            frames: Vec::new(),
            body_frame: 0,
            offset: 0,
            inlined: InlinedBodies::default(),
            body: None,
            legacy: HashMap::new(),
            is_reachable: true,
            dead_depth: 0,
            loop_depth: 0,
            twins: SecondaryMap::new(),
            slot: None,
            is_next_wide: false,
            locals: Vec::new(),
            wanted: None,
            kept_slots: HashMap::new(),
            mark_slot: None,
            size: Size::default(),
            passed_values: 0,
            symbols: HashMap::new(),
            functions: HashMap::new(),
            signatures: HashMap::new(),
            memory_base: None,
            counters: None,
        }
    }

    /// Translates a whole validated body of type `ty`; returns the bodies that became part of it, and
    /// what it asks of the code generator.
    ///
    /// # Errors
    ///
    /// The function asks more of the code generator than it may.
    pub(in crate::compile) fn translate(
        mut self,
        ty: &'a FunctionType,
        body: &FunctionBody<'a>,
    ) -> Result<(InlinedBodies, Size), CompileError> {
        let entry = self.begin();
        self.declare_locals(entry, ty, body).map_err(invalid)?;
        self.frames.push(Frame::function(&ty.results, 0));
        self.operators(body)?;
        let inlined = std::mem::take(&mut self.inlined);
        let size = self.size();
        self.finish();
        Ok((inlined, size))
    }

    /// Translates the operators of a body.
    ///
    /// # Errors
    ///
    /// As [`Translator::translate`].
    pub(super) fn operators(&mut self, body: &FunctionBody<'a>) -> Result<(), CompileError> {
        let outer = self.body.replace(body.clone());
        let counters = self.counters_of(body);
        let outer_counters = std::mem::replace(&mut self.counters, counters);
        self.begin_counted(body.range().start as u32, true);
        let operators = body.get_operators_reader().map_err(invalid)?;
        let mut operators = operators.into_iter_with_offsets().peekable();
        let mut slots = Slots::new(self.slot_places(body));
        let body_range = body.range();
        while let Some(operator) = operators.next() {
            let (operator, offset) = operator.map_err(invalid)?;
            let next = operators.peek().and_then(|next| next.as_ref().ok());
            self.is_next_wide = next.is_some_and(|(next, _)| super::memory::takes_wide(next));
            self.offset = offset as u32;
            let begins_block = next.is_some() && begins_block(&operator);
            let end = next.map_or(body_range.end, |(_, next)| *next);
            let bytes = (offset - body_range.start) as usize..(end - body_range.start) as usize;
            let slot = slots.of(&operator, self.offset, &body.as_bytes()[bytes]);
            self.slot = slot.map(|(slot, _)| slot);
            self.builder.set_srcloc(self.inlined.location(self.offset));
            self.operator(&operator);
            if self.is_reachable && begins_block {
                let enters = matches!(operator, Operator::Loop { .. });
                self.begin_counted(offset as u32, enters);
            }
            self.measure();
            self.check_size()?;
        }
        self.body = outer;
        self.counters = outer_counters;
        Ok(())
    }

    /// Where `body` may have slots: where functions become part of others, none has.
    fn slot_places(&self, body: &FunctionBody<'a>) -> Places<'a> {
        let Context {
            module, options, ..
        } = self.context;
        match options.opt_level {
            OptLevel::Module => Places::default(),
            OptLevel::None | OptLevel::Function => {
                module.relocated.places(body, options.expects_edits)
            }
        }
    }

    /// Begins the entry block.
    pub(in crate::compile) fn begin(&mut self) -> Block {
        let entry = self.builder.create_block();
        self.builder.append_block_params_for_function_params(entry);
        self.builder.switch_to_block(entry);
        self.builder.seal_block(entry);
        if let super::memory::Base::Load(instance) = self.memory_base_kind() {
            let (address, offset) = self.place(instance);
            let flags = MemFlagsData::trusted().with_readonly();
            let base = self.ins().load(types::I64, flags, address, offset);
            self.memory_base = Some(base);
        }
        entry
    }

    /// Ends the function.
    pub(in crate::compile) fn finish(mut self) {
        self.builder.seal_all_blocks();
        self.builder.finalize(self.context.target);
    }

    fn operator(&mut self, operator: &Operator<'_>) {
        if self.is_reachable {
            super::operators::translate(self, operator);
        } else {
            self.dead_operator(operator);
        }
    }

    fn check_size(&self) -> Result<(), CompileError> {
        let message = if self.passed_values > PASSED_VALUES_MAX {
            format!("more than {PASSED_VALUES_MAX} values pass between its blocks")
        } else if self.loop_depth > LOOP_DEPTH_MAX {
            format!("its loops nest deeper than {LOOP_DEPTH_MAX}")
        } else {
            return Ok(());
        };
        Err(CompileError::Codegen {
            function: String::new(),
            message,
        })
    }
}

fn invalid(error: wasmparser::Error) -> CompileError {
    CompileError::Invalid {
        offset: error.offset() as usize,
        message: error.to_string(),
    }
}

/// The operand stack.
impl Translator<'_> {
    /// Pushes a value. A vector must be of type `I8X16`.
    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Pops a value.
    pub(super) fn pop(&mut self) -> Value {
        self.stack
            .pop()
            .expect("validation keeps the stack deep enough")
    }

    /// Pops two values; the first returned is the one that was pushed first.
    pub(super) fn pop2(&mut self) -> (Value, Value) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// Pops three values, returned in the order in which they were pushed.
    pub(super) fn pop3(&mut self) -> (Value, Value, Value) {
        let third = self.pop();
        let (first, second) = self.pop2();
        (first, second, third)
    }

    /// Pops `count` values, returned in the order in which they were pushed.
    pub(super) fn pop_many(&mut self, count: usize) -> Vec<Value> {
        self.count_passed(count);
        self.stack.split_off(self.stack.len() - count)
    }

    /// Copies the topmost `count` values.
    pub(super) fn peek_many(&mut self, count: usize) -> Vec<Value> {
        self.count_passed(count);
        self.stack[self.stack.len() - count..].to_vec()
    }

    /// Takes note that `count` values pass to a block or a call.
    pub(super) fn count_passed(&mut self, count: usize) {
        self.passed_values += count;
    }
}

/// Instructions.
impl<'a> Translator<'a> {
    /// Where the next instruction goes.
    pub(super) fn ins(&mut self) -> FuncInstBuilder<'_, 'a> {
        self.builder.ins()
    }

    /// The zero of a type, null for references.
    pub(super) fn zero(&mut self, ty: Type) -> Value {
        match ty {
            types::F32 => self.ins().f32const(0.0),
            types::F64 => self.ins().f64const(0.0),
            types::I8X16 => self.vector_constant(0),
            _ => self.ins().iconst(ty, 0),
        }
    }

    /// A vector by its bits.
    pub(super) fn vector_constant(&mut self, bits: u128) -> Value {
        let bytes = bits.to_le_bytes().to_vec().into();
        let handle = self.builder.func.dfg.constants.insert(bytes);
        self.ins().vconst(types::I8X16, handle)
    }

    /// Traps if `condition` holds.
    pub(super) fn trap_if(&mut self, condition: Value, kind: TrapKind) {
        self.ins().trapnz(condition, trap_code(kind));
    }

    /// Traps unless `condition` holds.
    pub(super) fn trap_unless(&mut self, condition: Value, kind: TrapKind) {
        self.ins().trapz(condition, trap_code(kind));
    }

    /// Widens an i32 without sign to 64 bits; an i64, as an index may be, is as it is.
    pub(in crate::compile) fn widen(&mut self, value: Value) -> Value {
        if self.builder.func.dfg.value_type(value) == types::I64 {
            return value;
        }
        if let Some(wide) = self.twin(value) {
            return wide;
        }
        let wide = self.ins().uextend(types::I64, value);
        self.twins[value] = Twin::here(wide, &self.builder);
        self.twins[wide] = Twin::everywhere(value);
        wide
    }

    /// The i32 that `wide` holds; its high half is 0, and [`Translator::widen`] will know.
    pub(super) fn narrow(&mut self, wide: Value) -> Value {
        if let Some(value) = self.twin(wide) {
            return value;
        }
        let value = self.ins().ireduce(types::I32, wide);
        self.twins[wide] = Twin::here(value, &self.builder);
        self.twins[value] = Twin::everywhere(wide);
        value
    }

    /// The value of the other width, where the code here can use it.
    fn twin(&self, value: Value) -> Option<Value> {
        let twin = &self.twins[value];
        let is_usable = twin.block.is_none() || twin.block.expand() == self.builder.current_block();
        twin.value.expand().filter(|_| is_usable)
    }

    /// Flags of an access to linear memory: it can trap, and it is disjoint from everything else of the object.
    pub(super) fn memory_flags(&mut self) -> MemFlagsData {
        self.region(MemFlagsData::new(), Region::Memory)
    }

    /// Flags of an access to the module's state: globals, instances, tables.
    pub(super) fn state_flags(&mut self, region: Region) -> MemFlagsData {
        self.region(MemFlagsData::trusted(), region)
    }

    fn region(&mut self, flags: MemFlagsData, region: Region) -> MemFlagsData {
        let region = self.builder.func.dfg.alias_regions.insert(AliasRegionData {
            user_id: region as u32,
            description: region.description().into(),
        });
        flags.with_alias_region(Some(region))
    }
}

/// Kinds of places in memory that never overlap.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(super) enum Region {
    /// Linear memory.
    Memory = 1,
    /// Values of globals.
    Globals = 2,
    /// `MemoryInstance`, `TableInstance` and lengths of segments.
    Instances = 3,
    /// Elements of tables.
    Tables = 4,
}

impl Region {
    const fn description(self) -> &'static str {
        match self {
            Region::Memory => "linear memory",
            Region::Globals => "globals",
            Region::Instances => "instances",
            Region::Tables => "table elements",
        }
    }
}

/// Symbols.
impl<'a> Translator<'a> {
    /// The address of the symbol at `place`, and the bytes to add to it.
    pub(super) fn place(&mut self, place: Place) -> (Value, i32) {
        let address = self.symbol(place.data);
        let offset = i32::try_from(place.offset).expect("the object's size is checked");
        (address, offset)
    }

    /// The address of `place`.
    pub(in crate::compile) fn place_address(&mut self, place: Place) -> Value {
        let (address, offset) = self.place(place);
        match offset {
            0 => address,
            _ => self.ins().iadd_imm_s(address, i64::from(offset)),
        }
    }

    /// The address of a data symbol.
    pub(in crate::compile) fn symbol(&mut self, data: SymbolId) -> Value {
        let global = match self.symbols.get(&data) {
            Some(global) => *global,
            None => {
                let name = self.name(data);
                let global = self.builder.create_global_value(GlobalValueData::Symbol {
                    name,
                    offset: 0.into(),
                    colocated: true,
                    tls: false,
                });
                self.symbols.insert(data, global);
                global
            }
        };
        self.ins().symbol_value(types::I64, global)
    }

    /// The value of a slot, which the code generator does not see: it is written into the code later.
    pub(super) fn slot_value(&mut self, slot: Slot) -> Value {
        let name = self.name(SymbolId::Constant(slot.number));
        let global = self.builder.create_global_value(GlobalValueData::Symbol {
            name,
            offset: slot.value.cast_signed().into(),
            colocated: false,
            tls: false,
        });
        self.ins().symbol_value(types::I64, global)
    }

    /// A function to call.
    pub(in crate::compile) fn function(
        &mut self,
        id: SymbolId,
        signature: ir::Signature,
    ) -> FuncRef {
        if let Some(function) = self.functions.get(&id) {
            return *function;
        }
        let signature = self.builder.import_signature(signature);
        let name = self.name(id);
        let function = self.builder.import_function(ExtFuncData {
            name,
            signature,
            colocated: true,
            patchable: false,
        });
        self.functions.insert(id, function);
        function
    }

    /// A function of the runtime, to call.
    pub(super) fn runtime_function(&mut self, function: RuntimeFunction) -> FuncRef {
        self.function(SymbolId::Runtime(function), function.signature())
    }

    /// The signature of internal functions of type `type_index`.
    pub(super) fn internal_signature(&mut self, type_index: u32) -> SigRef {
        if let Some(signature) = self.signatures.get(&type_index) {
            return *signature;
        }
        let ty = &self.context.module.types[type_index as usize];
        let signature = self.builder.import_signature(signature::internal(ty));
        self.signatures.insert(type_index, signature);
        signature
    }

    /// The base of linear memory 0, where it is read from the instance.
    pub(super) fn loaded_memory_base(&self) -> Value {
        self.memory_base.expect("the entry block loads the base")
    }

    fn name(&mut self, symbol: SymbolId) -> ExternalName {
        let (namespace, index) = symbol.numbers();
        let name = UserExternalName { namespace, index };
        ExternalName::user(self.builder.func.declare_imported_user_function(name))
    }
}

/// The code generator's code for a trap.
pub(in crate::compile) fn trap_code(kind: TrapKind) -> TrapCode {
    match kind {
        TrapKind::MemoryOutOfBounds => EXPLICIT_OUT_OF_BOUNDS,
        TrapKind::IntegerDivideByZero => TrapCode::INTEGER_DIVISION_BY_ZERO,
        TrapKind::IntegerOverflow => TrapCode::INTEGER_OVERFLOW,
        TrapKind::InvalidConversionToInteger => TrapCode::BAD_CONVERSION_TO_INTEGER,
        _ => TrapCode::unwrap_user(kind as u8),
    }
}

/// What traps when a bulk operation finds itself out of bounds, by an instruction of its own; an access that faults has the
/// code generator's own code.
const EXPLICIT_OUT_OF_BOUNDS: TrapCode = TrapCode::unwrap_user(TrapKind::MemoryOutOfBounds as u8);

/// The trap that a code of the code generator stands for; `None` where a faulting address tells it.
pub(in crate::compile) fn trap_kind(code: TrapCode) -> Option<TrapKind> {
    match code {
        TrapCode::HEAP_OUT_OF_BOUNDS | TrapCode::STACK_OVERFLOW => None,
        TrapCode::INTEGER_DIVISION_BY_ZERO => Some(TrapKind::IntegerDivideByZero),
        TrapCode::INTEGER_OVERFLOW => Some(TrapKind::IntegerOverflow),
        TrapCode::BAD_CONVERSION_TO_INTEGER => Some(TrapKind::InvalidConversionToInteger),
        user => TrapKind::from_number(u32::from(user.as_raw().get())),
    }
}
