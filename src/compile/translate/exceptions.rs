//! Exceptions: throwing, and blocks with clauses that take what calls inside them throw.
//!
//! A call inside such a block is one that may go on elsewhere: at the landing of a clause, which gets the exception's
//! address. A clause gets its landing when the first call could lead to it. The landings of `try_table` unpack what the
//! exception carries and branch; those of the legacy `try` begin the code of its `catch`.

use std::collections::HashMap;

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem, ExceptionTag, FuncRef,
    InstBuilder, MemFlagsData, SigRef, Type, Value,
};
use mewz_abi::exception::CLAUSE_ALL;
use mewz_abi::trap::TrapKind;
use wasmparser::{BlockType, Catch, FunctionBody, Operator, TryTable};

use super::control::{Frame, FrameKind};
use super::translator::{Translator, trap_code};
use crate::compile::exceptions::{ExceptionFunction, payload_offsets};
use crate::compile::symbols::SymbolId;

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// A function by its name.
    Direct(FuncRef),
    /// Code at an address.
    Indirect(SigRef, Value),
}

/// A clause of an enclosing block.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// The tag that it takes; all where there is none.
    tag: Option<u32>,
    /// Whether it keeps a reference to the exception.
    keeps: bool,
    /// Where it begins, once something may lead there.
    landing: Option<Block>,
}

impl Clause {
    fn new(tag: Option<u32>, keeps: bool) -> Self {
        Self {
            tag,
            keeps,
            landing: None,
        }
    }

    /// Its number in the tables of the object.
    fn number(&self) -> ExceptionTag {
        let number = self.tag.unwrap_or(CLAUSE_ALL) << 1 | u32::from(self.keeps);
        ExceptionTag::with_number(number).expect("there are fewer tags")
    }
}

/// A block of the legacy encoding, known from its end: its clauses follow the code that needs to know them.
#[derive(Clone, Debug, Default)]
pub(super) struct LegacyTry {
    clauses: Vec<Clause>,
    /// Where it passes exceptions on to.
    delegate: Option<u32>,
}

/// Throwing.
impl Translator<'_> {
    /// `throw`.
    pub(super) fn throw(&mut self, tag: u32) {
        let module = self.context.module;
        let types = &module.payload(tag).parameters;
        let values = self.pop_many(types.len());
        let address = self.symbol(SymbolId::Tag(tag));
        let new = self.exception_function(ExceptionFunction::New);
        let call = self.ins().call(new, &[address]);
        let exception = self.builder.inst_results(call)[0];
        let (offsets, _) = payload_offsets(types);
        for (value, offset) in values.into_iter().zip(offsets) {
            self.ins().store(PAYLOAD_FLAGS, value, exception, offset);
        }
        self.raise(exception);
    }

    /// `throw_ref`.
    pub(super) fn throw_ref(&mut self) {
        let exception = self.pop();
        self.trap_unless(exception, TrapKind::NullReference);
        self.raise(exception);
    }

    /// `rethrow`.
    pub(super) fn rethrow(&mut self, depth: u32) {
        let at = self.frames.len() - 1 - depth as usize;
        let FrameKind::LegacyCatch { exception, .. } = self.frames[at].kind else {
            unreachable!("validation lets only clauses that run be named");
        };
        self.raise(exception);
    }

    fn raise(&mut self, exception: Value) {
        let throw = self.exception_function(ExceptionFunction::Throw);
        self.call_with_clauses(Callee::Direct(throw), &[exception]);
        self.ins().trap(trap_code(TrapKind::UncaughtException));
        self.is_reachable = false;
    }

    fn exception_function(&mut self, function: ExceptionFunction) -> FuncRef {
        self.function(function.symbol().into(), function.signature())
    }
}

/// What an exception carries lies where values of sixteen bytes need not be aligned.
const PAYLOAD_FLAGS: MemFlagsData = MemFlagsData::new().with_notrap();

/// Calls.
impl Translator<'_> {
    /// Whether an exception that a call here lets out would be taken by this function.
    pub(super) fn has_clauses(&self) -> bool {
        let mut taken = false;
        self.each_clause(|_, _, _| {
            taken = true;
            true
        });
        taken
    }

    /// Calls a function of the module's own convention, which may throw; returns its results.
    pub(super) fn call_with_clauses(&mut self, callee: Callee, arguments: &[Value]) -> Vec<Value> {
        let clauses = self.clauses();
        if clauses.is_empty() {
            let call = match callee {
                Callee::Direct(function) => self.ins().call(function, arguments),
                Callee::Indirect(signature, code) => {
                    self.ins().call_indirect(signature, code, arguments)
                }
            };
            return self.builder.inst_results(call).to_vec();
        }
        let signature = match callee {
            Callee::Direct(function) => self.builder.func.dfg.ext_funcs[function].signature,
            Callee::Indirect(signature, _) => signature,
        };
        let returns = self.builder.func.dfg.signatures[signature].returns.iter();
        let returns: Vec<Type> = returns.map(|value| value.value_type).collect();
        let next = self.create_block(&returns);
        self.count_passed(clauses.len());
        let pool = &mut self.builder.func.dfg.value_lists;
        let results = (0..returns.len() as u32).map(BlockArg::TryCallRet);
        let normal = BlockCall::new(next, results, pool);
        let items: Vec<_> = clauses
            .into_iter()
            .map(|(number, landing)| {
                let landing = BlockCall::new(landing, [BlockArg::TryCallExn(0)], pool);
                ExceptionTableItem::Tag(number, landing)
            })
            .collect();
        let table = ExceptionTableData::new(signature, normal, items);
        let table = self.builder.func.dfg.exception_tables.push(table);
        match callee {
            Callee::Direct(function) => self.ins().try_call(function, arguments, table),
            Callee::Indirect(_, code) => self.ins().try_call_indirect(code, arguments, table),
        };
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.builder.block_params(next).to_vec()
    }

    /// The clauses that a call here may lead to, in the order of trying, with their landings.
    fn clauses(&mut self) -> Vec<(ExceptionTag, Block)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut tags: Vec<u32> = Vec::new();
        self.each_clause(|frame, at, clause| {
            match clause.tag {
                Some(tag) if tags.contains(&tag) => return false,
                Some(tag) => tags.push(tag),
                None => {}
            }
            found.push((frame, at));
            clause.tag.is_none()
        });
        let mut clauses = Vec::with_capacity(found.len());
        for (frame, at) in found {
            let landing = match self.clause(frame, at).landing {
                Some(landing) => landing,
                None => {
                    let landing = self.create_block(&[I64]);
                    self.clause(frame, at).landing = Some(landing);
                    landing
                }
            };
            clauses.push((self.clause(frame, at).number(), landing));
        }
        clauses
    }

    /// Looks at enclosing clauses, innermost first, until `look` says that it is enough.
    fn each_clause(&self, mut look: impl FnMut(usize, usize, &Clause) -> bool) {
        let mut end = self.frames.len();
        while let Some(at) = end.checked_sub(1) {
            end = at;
            match &self.frames[at].kind {
                FrameKind::TryTable { clauses, .. } | FrameKind::LegacyTry { clauses, .. } => {
                    for (number, clause) in clauses.iter().enumerate() {
                        if look(at, number, clause) {
                            return;
                        }
                    }
                }
                // What lies between is passed over; the block that it names is asked itself.
                FrameKind::Delegate { depth } => end = at - *depth as usize,
                _ => {}
            }
        }
    }

    fn clause(&mut self, frame: usize, at: usize) -> &mut Clause {
        match &mut self.frames[frame].kind {
            FrameKind::TryTable { clauses, .. } | FrameKind::LegacyTry { clauses, .. } => {
                &mut clauses[at]
            }
            _ => unreachable!("only such blocks have clauses"),
        }
    }
}

/// Blocks with clauses.
impl<'a> Translator<'a> {
    /// `try_table`.
    pub(super) fn begin_try_table(&mut self, table: &TryTable) {
        let clauses = table.catches.iter().map(|catch| match catch {
            Catch::One { tag, .. } => Clause::new(Some(*tag), false),
            Catch::OneRef { tag, .. } => Clause::new(Some(*tag), true),
            Catch::All { .. } => Clause::new(None, false),
            Catch::AllRef { .. } => Clause::new(None, true),
        });
        let labels = table.catches.iter().map(|catch| match catch {
            Catch::One { label, .. }
            | Catch::OneRef { label, .. }
            | Catch::All { label }
            | Catch::AllRef { label } => *label,
        });
        let kind = FrameKind::TryTable {
            clauses: clauses.collect(),
            labels: labels.collect(),
        };
        self.push_frame(kind, table.ty, None);
    }

    /// The landings of a `try_table` whose frame is gone.
    pub(super) fn end_try_table(&mut self, frame: &mut Frame<'a>) {
        let FrameKind::TryTable { clauses, labels } = &mut frame.kind else {
            unreachable!("the caller has looked");
        };
        let clauses = std::mem::take(clauses);
        let labels = std::mem::take(labels);
        if clauses.iter().all(|clause| clause.landing.is_none()) {
            return;
        }
        if self.is_reachable {
            let results = self.pop_many(frame.results.len());
            let target = match frame.target {
                Some(target) => target,
                None => self.create_block(frame.results),
            };
            frame.target = Some(target);
            self.jump(target, &results);
            self.is_reachable = false;
        }
        for (clause, label) in clauses.into_iter().zip(labels) {
            let Some(landing) = clause.landing else {
                continue;
            };
            let exception = self.land(landing);
            let mut values = self.payload(clause.tag, exception);
            if clause.keeps {
                values.push(exception);
            }
            let target = self.target(label);
            self.jump(target, &values);
        }
    }

    /// `try` of the legacy encoding.
    pub(super) fn begin_legacy_try(&mut self, ty: BlockType) {
        let offset = self.offset;
        if !self.legacy.contains_key(&offset) {
            let body = self.body.clone().expect("an operator stands in a body");
            self.legacy.extend(legacy_tries(&body));
        }
        let known = self.legacy[&offset].clone();
        let kind = match known.delegate {
            Some(depth) => FrameKind::Delegate { depth },
            None => FrameKind::LegacyTry {
                clauses: known.clauses,
                next: 0,
            },
        };
        self.push_frame(kind, ty, None);
    }

    /// `catch` and `catch_all` of the legacy encoding, whether or not the code before it can run.
    pub(super) fn begin_legacy_catch(&mut self) {
        if self.is_reachable {
            let results = self.frame(0).results;
            let arguments = self.pop_many(results.len());
            let target = self.target(0);
            self.jump(target, &arguments);
        }
        let frame = self.frames.last_mut().expect("validation pairs clauses");
        let (clauses, at) = match &mut frame.kind {
            FrameKind::LegacyTry { clauses, next } => (std::mem::take(clauses), *next),
            FrameKind::LegacyCatch { clauses, next, .. }
            | FrameKind::LegacyDead { clauses, next } => (std::mem::take(clauses), *next),
            _ => unreachable!("validation pairs clauses with blocks"),
        };
        let height = frame.height;
        let clause = clauses[at].clone();
        let next = at + 1;
        let Some(landing) = clause.landing else {
            self.set_kind(FrameKind::LegacyDead { clauses, next });
            self.is_reachable = false;
            return;
        };
        let exception = self.land(landing);
        self.stack.truncate(height);
        let values = self.payload(clause.tag, exception);
        self.stack.extend(values);
        self.set_kind(FrameKind::LegacyCatch {
            clauses,
            next,
            exception,
        });
        self.is_reachable = true;
    }

    fn set_kind(&mut self, kind: FrameKind) {
        let frame = self.frames.last_mut().expect("a clause stands in a block");
        frame.kind = kind;
    }

    /// Begins the code at a landing, to which nothing will lead any more; returns the exception.
    fn land(&mut self, landing: Block) -> Value {
        self.builder.switch_to_block(landing);
        self.builder.seal_block(landing);
        self.builder.block_params(landing)[0]
    }

    /// What an exception with this tag carries.
    fn payload(&mut self, tag: Option<u32>, exception: Value) -> Vec<Value> {
        let Some(tag) = tag else {
            return Vec::new();
        };
        let types = &self.context.module.payload(tag).parameters;
        self.count_passed(types.len());
        let (offsets, _) = payload_offsets(types);
        let mut values = Vec::with_capacity(types.len());
        for (ty, offset) in types.iter().zip(offsets) {
            values.push(self.ins().load(*ty, PAYLOAD_FLAGS, exception, offset));
        }
        values
    }
}

/// The blocks of the legacy encoding in a body, by the offsets of their first operators.
fn legacy_tries(body: &FunctionBody<'_>) -> HashMap<u32, LegacyTry> {
    let mut tries: HashMap<u32, LegacyTry> = HashMap::new();
    // Of each open block, the offset of its `try` if it has one.
    let mut open: Vec<Option<u32>> = vec![None];
    let operators = body.get_operators_reader().expect("validation reads them");
    for operator in operators.into_iter_with_offsets() {
        let (operator, offset) = operator.expect("validation has read every operator");
        let here = open.last().copied().flatten();
        match operator {
            Operator::Try { .. } => {
                tries.insert(offset as u32, LegacyTry::default());
                open.push(Some(offset as u32));
            }
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => open.push(None),
            Operator::Catch { tag_index } => here
                .and_then(|at| tries.get_mut(&at))
                .expect("validation pairs clauses")
                .clauses
                .push(Clause::new(Some(tag_index), false)),
            Operator::CatchAll => here
                .and_then(|at| tries.get_mut(&at))
                .expect("validation pairs clauses")
                .clauses
                .push(Clause::new(None, false)),
            Operator::Rethrow { relative_depth } => {
                let at = open[open.len() - 1 - relative_depth as usize];
                let named = at.and_then(|at| tries.get_mut(&at));
                let clause = named.and_then(|named| named.clauses.last_mut());
                clause.expect("validation knows the clause").keeps = true;
            }
            Operator::Delegate { relative_depth } => {
                let named = here.and_then(|at| tries.get_mut(&at));
                named.expect("validation pairs `delegate`").delegate = Some(relative_depth);
                open.pop();
            }
            Operator::End => _ = open.pop(),
            _ => {}
        }
    }
    tries
}
