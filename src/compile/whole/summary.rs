//! What a body does, as far as deciding about it goes: its size, its calls, whether it comes back.

use super::multiply::{self, Multiplication};
use crate::compile::module::FunctionType;
use crate::compile::profile::{RunCounts, Target, begins_block};
use wasmparser::{Catch, FunctionBody, Operator};

/// Bytes of a body that count at least as one operator: what costs nothing still takes time to translate.
const BYTES_PER_COST: usize = 8;
/// What a call costs, in operators: passing arguments, saving registers.
const CALL_COST: u32 = 4;
/// Declared locals that cost as much as an operator.
const LOCALS_PER_COST: u32 = 4;
/// What a multiplication to 128 bits costs, in operators.
const MULTIPLICATION_COST: u32 = 7;

/// What a body does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// About how many instructions it becomes.
    pub(super) cost: u32,
    /// Calls of functions by index, in the order of the body; behind them those that [`super::guard`] adds.
    pub(super) calls: Vec<CallSite>,
    /// Calls through tables, in the order of the body, where runs were counted.
    pub(super) indirect_calls: Vec<IndirectCall>,
    /// Whether its end or a `return` can be reached.
    pub(super) returns: bool,
    /// What it is, if it multiplies to 128 bits.
    pub(super) multiplication: Option<Multiplication>,
    /// Whether it holds operators that belong to a function of their own.
    pub(super) is_fixed: bool,
}

/// A call of a function by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallSite {
    /// The operator's offset in the module, in bytes.
    pub(super) offset: u32,
    /// The function called.
    pub(super) callee: u32,
    /// How many loops enclose it.
    pub(super) loop_depth: u32,
    /// Whether the module says that it does not come back.
    pub(super) is_last: bool,
    /// How often it ran, where that was counted.
    pub(super) count: Option<u64>,
    /// What it stands for, if it is a likely callee of a call through a table.
    pub(super) guard: Option<Target>,
}

/// A call through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndirectCall {
    /// The operator's offset in the module, in bytes.
    pub(super) offset: u32,
    /// The type of the callee.
    pub(super) type_index: u32,
    /// How many loops enclose it.
    pub(super) loop_depth: u32,
    /// How often it ran, where that was counted.
    pub(super) count: Option<u64>,
}

/// Looks at a validated body of type `ty`, and at how often its parts ran.
pub(super) fn summarise(
    ty: &FunctionType,
    body: &FunctionBody<'_>,
    counts: Option<&RunCounts>,
) -> Summary {
    let block_count = |offset: u32| counts.and_then(|counts| counts.block(offset));
    let mut walk = Walk {
        count: block_count(body.range().start as u32),
        ..Walk::default()
    };
    let mut locals = 0_u32;
    let reader = body.get_locals_reader().expect("validation reads locals");
    for group in reader {
        let (count, _) = group.expect("validation reads locals");
        locals = locals.saturating_add(count);
    }
    let operators = body.get_operators_reader().expect("validation reads them");
    walk.frames.push(Frame::new(false, true));
    for operator in operators.into_iter_with_offsets() {
        let (operator, offset) = operator.expect("validation has read every operator");
        walk.operator(&operator, offset as u32);
        if begins_block(&operator) {
            walk.count = block_count(offset as u32);
        }
    }
    let multiplication = multiply::recognise(ty, body);
    let least = (body.as_bytes().len() / BYTES_PER_COST) as u32;
    let cost = match multiplication {
        Some(_) => MULTIPLICATION_COST,
        None => walk.cost.max(least) + locals / LOCALS_PER_COST,
    };
    Summary {
        cost,
        multiplication,
        calls: walk.calls,
        indirect_calls: walk.indirect_calls,
        returns: walk.returns,
        is_fixed: walk.is_fixed,
    }
}

#[derive(Default)]
struct Walk {
    cost: u32,
    calls: Vec<CallSite>,
    returns: bool,
    is_fixed: bool,
    frames: Vec<Frame>,
    loop_depth: u32,
    indirect_calls: Vec<IndirectCall>,
    /// How often the block here ran.
    count: Option<u64>,
    /// Whether the operator before is a call that can run.
    is_behind_call: bool,
}

/// A block that is open.
struct Frame {
    is_loop: bool,
    /// Whether it is an `if` whose condition's falsehood leads behind it, as far as seen.
    lacks_else: bool,
    /// Whether code behind it can run, as far as seen.
    is_left: bool,
    /// Whether the code at its start can run, so that an `else` can.
    is_entered: bool,
    /// Whether the code here can run.
    is_reachable: bool,
}

impl Frame {
    fn new(is_loop: bool, is_entered: bool) -> Self {
        Self {
            is_loop,
            lacks_else: false,
            is_left: false,
            is_entered,
            is_reachable: is_entered,
        }
    }
}

impl Walk {
    fn operator(&mut self, operator: &Operator<'_>, offset: u32) {
        let is_reachable = self.here().is_reachable;
        let was_behind_call = std::mem::take(&mut self.is_behind_call);
        match operator {
            Operator::Block { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => {
                let is_if = matches!(operator, Operator::If { .. });
                if is_reachable && let Operator::TryTable { try_table } = operator {
                    for catch in &try_table.catches {
                        self.leave(label(catch));
                    }
                }
                self.is_fixed |=
                    matches!(operator, Operator::Try { .. } | Operator::TryTable { .. });
                let mut frame = Frame::new(false, is_reachable);
                frame.lacks_else = is_reachable && is_if;
                self.frames.push(frame);
                self.cost += u32::from(is_if);
                return;
            }
            Operator::Loop { .. } => {
                self.frames.push(Frame::new(true, is_reachable));
                self.loop_depth += 1;
                return;
            }
            Operator::Else | Operator::Catch { .. } | Operator::CatchAll => {
                let frame = self.here();
                frame.is_left |= frame.is_reachable;
                frame.lacks_else = false;
                frame.is_reachable = frame.is_entered;
                return;
            }
            Operator::End | Operator::Delegate { .. } => return self.end(),
            _ if !is_reachable => return,
            _ => {}
        }
        match operator {
            Operator::Br { relative_depth } => {
                self.leave(*relative_depth);
                self.here().is_reachable = false;
            }
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => self.leave(*relative_depth),
            Operator::BrTable { targets } => {
                for depth in targets.targets() {
                    self.leave(depth.expect("validation has read the table"));
                }
                self.leave(targets.default());
                self.here().is_reachable = false;
                self.cost += targets.len();
            }
            Operator::Return => {
                self.returns = true;
                self.here().is_reachable = false;
            }
            Operator::Unreachable => {
                if was_behind_call && let Some(call) = self.calls.last_mut() {
                    call.is_last = true;
                }
                self.here().is_reachable = false;
            }
            Operator::Call { function_index } => {
                self.calls.push(CallSite {
                    offset,
                    callee: *function_index,
                    loop_depth: self.loop_depth,
                    is_last: false,
                    count: self.count,
                    guard: None,
                });
                self.is_behind_call = true;
                self.cost += CALL_COST;
            }
            Operator::ReturnCall { function_index } => {
                // A call of its own kind, which never becomes the body.
                self.calls.push(CallSite {
                    offset,
                    callee: *function_index,
                    loop_depth: self.loop_depth,
                    is_last: true,
                    count: self.count,
                    guard: None,
                });
                self.end_by_call();
            }
            Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                self.end_by_call();
            }
            Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {
                self.is_fixed |= matches!(operator, Operator::Rethrow { .. });
                self.cost += CALL_COST;
                self.here().is_reachable = false;
            }
            Operator::CallIndirect { type_index, .. } => {
                if self.count.is_some() {
                    self.indirect_calls.push(IndirectCall {
                        offset,
                        type_index: *type_index,
                        loop_depth: self.loop_depth,
                        count: self.count,
                    });
                }
                self.cost += CALL_COST;
            }
            Operator::CallRef { .. } => self.cost += CALL_COST,
            Operator::Drop => self.is_behind_call = was_behind_call,
            _ if is_free(operator) => {}
            _ => self.cost += 1,
        }
    }

    /// A call in place of the function's own end: it belongs to a function of its own.
    fn end_by_call(&mut self) {
        self.is_fixed = true;
        self.returns = true;
        self.cost += CALL_COST;
        self.here().is_reachable = false;
    }

    fn here(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("validation pairs `end`")
    }

    /// Takes note of a branch.
    fn leave(&mut self, depth: u32) {
        let at = self.frames.len() - 1 - depth as usize;
        if at == 0 {
            self.returns = true;
        }
        self.frames[at].is_left = true;
        self.cost += 1;
    }

    fn end(&mut self) {
        let frame = self.frames.pop().expect("validation pairs `end`");
        self.loop_depth -= u32::from(frame.is_loop);
        // A branch to a loop goes to its start.
        let is_left = frame.is_reachable || frame.lacks_else || (frame.is_left && !frame.is_loop);
        match self.frames.last_mut() {
            Some(outer) => outer.is_reachable = is_left,
            None => self.returns |= is_left,
        }
    }
}

/// Whether an operator moves values without an instruction of its own.
fn is_free(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::Nop
    )
}

/// Where a catch clause leads, seen from outside its `try_table`.
fn label(catch: &Catch) -> u32 {
    match catch {
        Catch::One { label, .. }
        | Catch::OneRef { label, .. }
        | Catch::All { label }
        | Catch::AllRef { label } => *label,
    }
}
