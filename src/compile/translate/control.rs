//! Blocks, branches and code that can't run.
//!
//! A block's end gets a block of the intermediate code only when something branches there; otherwise the operands simply
//! stay on the stack. Results pass as block parameters.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, JumpTableData, Type, Value, types};
use mewz_abi::trap::TrapKind;
use wasmparser::{BlockType, BrTable, Operator, ValType};

use super::exceptions::Clause;
use super::translator::{Translator, trap_code};
use crate::compile::module::code_type;

/// An enclosing block.
pub(super) struct Frame<'a> {
    pub(super) kind: FrameKind,
    parameters: &'a [Type],
    pub(super) results: &'a [Type],
    /// Operands below the block's parameters.
    pub(super) height: usize,
    /// Where branches to the block go: the header of a loop, else the code after the block, once one branches there.
    pub(super) target: Option<Block>,
    /// How often the body or loop was entered, where that is known.
    pub(super) entered: Option<u64>,
}

/// What kind of block it is.
pub(super) enum FrameKind {
    Function,
    Block,
    Loop,
    If {
        /// Where the condition's falsehood leads, until `else` claims it.
        otherwise: Option<Block>,
        /// What `else` finds on the stack.
        parameters: Vec<Value>,
    },
    /// `try_table`.
    TryTable {
        clauses: Vec<Clause>,
        /// Where each clause leads, counted from outside the block.
        labels: Vec<u32>,
    },
    /// `try` of the legacy encoding, up to its first clause.
    LegacyTry {
        clauses: Vec<Clause>,
        /// The clause that comes next.
        next: usize,
    },
    /// A clause of the legacy encoding.
    LegacyCatch {
        clauses: Vec<Clause>,
        /// The clause that comes next.
        next: usize,
        /// What it has taken.
        exception: Value,
    },
    /// A clause of the legacy encoding that nothing leads to.
    LegacyDead {
        clauses: Vec<Clause>,
        /// The clause that comes next.
        next: usize,
    },
    /// `try` of the legacy encoding that ends with `delegate`.
    Delegate {
        /// The block that is asked next, counted from outside.
        depth: u32,
    },
}

impl<'a> Frame<'a> {
    /// The body of a function with these results, `height` operands below it.
    pub(super) fn function(results: &'a [Type], height: usize) -> Self {
        Frame {
            kind: FrameKind::Function,
            parameters: &[],
            results,
            height,
            target: None,
            entered: None,
        }
    }

    /// Types of the values that a branch to the block passes.
    fn branch_types(&self) -> &'a [Type] {
        match self.kind {
            FrameKind::Loop => self.parameters,
            _ => self.results,
        }
    }
}

impl<'a> Translator<'a> {
    /// `block`.
    pub(super) fn begin_block(&mut self, ty: BlockType) {
        self.push_frame(FrameKind::Block, ty, None);
    }

    /// `loop`.
    pub(super) fn begin_loop(&mut self, ty: BlockType) {
        let (parameters, _) = self.block_types(ty);
        let header = self.create_block(parameters);
        let arguments = self.pop_many(parameters.len());
        self.jump(header, &arguments);
        self.builder.switch_to_block(header);
        self.push_parameters(header);
        self.push_frame(FrameKind::Loop, ty, Some(header));
        self.loop_depth += 1;
    }

    /// `if`.
    pub(super) fn begin_if(&mut self, ty: BlockType) {
        let condition = self.pop();
        let then = self.builder.create_block();
        let otherwise = self.builder.create_block();
        self.ins().brif(condition, then, &[], otherwise, &[]);
        self.builder.seal_block(then);
        self.builder.seal_block(otherwise);
        self.builder.switch_to_block(then);
        let (parameters, _) = self.block_types(ty);
        let parameters = self.peek_many(parameters.len());
        let kind = FrameKind::If {
            otherwise: Some(otherwise),
            parameters,
        };
        self.push_frame(kind, ty, None);
    }

    /// `else`, whether or not the code before it can run.
    pub(super) fn begin_else(&mut self) {
        if self.is_reachable {
            let results = self.frame(0).results;
            let arguments = self.pop_many(results.len());
            let target = self.target(0);
            self.jump(target, &arguments);
        }
        let frame = self.frames.last_mut().expect("validation pairs `else`");
        let FrameKind::If {
            otherwise,
            parameters,
        } = &mut frame.kind
        else {
            unreachable!("validation pairs `else` with `if`");
        };
        let block = otherwise.take().expect("validation allows one `else`");
        let parameters = std::mem::take(parameters);
        let height = frame.height;
        self.stack.truncate(height);
        self.stack.extend(parameters);
        self.builder.switch_to_block(block);
        self.is_reachable = true;
    }

    /// `end`, whether or not the code before it can run.
    pub(super) fn end_block(&mut self) {
        self.end_missing_else();
        let mut frame = self.frames.pop().expect("validation pairs `end`");
        if let FrameKind::TryTable { .. } = frame.kind {
            self.end_try_table(&mut frame);
        }
        let target = frame.target;
        match frame.kind {
            FrameKind::Loop => {
                self.loop_depth -= 1;
                self.builder
                    .seal_block(target.expect("a loop has a header"));
            }
            FrameKind::Function => self.end_function(&frame),
            _ => {
                if let Some(target) = target {
                    self.continue_at(target, frame.height, frame.results.len());
                }
            }
        }
    }

    /// An `if` without `else` passes its parameters on as results.
    fn end_missing_else(&mut self) {
        let frame = self.frames.last_mut().expect("validation pairs `end`");
        let FrameKind::If {
            otherwise,
            parameters,
        } = &mut frame.kind
        else {
            return;
        };
        let Some(block) = otherwise.take() else {
            return;
        };
        let parameters = std::mem::take(parameters);
        let (height, results) = (frame.height, frame.results.len());
        let target = self.target(0);
        if self.is_reachable {
            let arguments = self.pop_many(results);
            self.jump(target, &arguments);
        }
        self.stack.truncate(height);
        self.stack.extend(parameters);
        self.is_reachable = true;
        self.builder.switch_to_block(block);
    }

    /// The end of a body: the function's own returns, one that became part of it goes on behind the call.
    fn end_function(&mut self, frame: &Frame<'_>) {
        if let Some(target) = frame.target {
            self.continue_at(target, frame.height, frame.results.len());
        }
        if !self.frames.is_empty() {
            return;
        }
        if self.is_reachable {
            let results = self.pop_many(frame.results.len());
            self.ins().return_(&results);
        }
        self.is_reachable = false;
    }

    /// Goes on at `target`, the code after a block, with the block's results on the stack.
    fn continue_at(&mut self, target: Block, height: usize, results: usize) {
        if self.is_reachable {
            let arguments = self.pop_many(results);
            self.jump(target, &arguments);
        }
        self.stack.truncate(height);
        self.builder.seal_block(target);
        self.builder.switch_to_block(target);
        self.push_parameters(target);
        self.is_reachable = true;
    }

    /// `br`.
    pub(super) fn branch(&mut self, depth: u32) {
        self.mark();
        let count = self.frame(depth).branch_types().len();
        let arguments = self.pop_many(count);
        if depth as usize == self.frames.len() - 1 {
            self.ins().return_(&arguments);
        } else {
            let target = self.target(depth);
            self.jump(target, &arguments);
        }
        self.is_reachable = false;
    }

    /// `br_if`.
    pub(super) fn branch_if(&mut self, depth: u32) {
        let condition = self.pop();
        self.branch_where(condition, depth);
    }

    /// `br_on_null`.
    pub(super) fn branch_on_null(&mut self, depth: u32) {
        let reference = self.pop();
        let is_null = self.ins().icmp_imm_u(IntCC::Equal, reference, 0);
        self.branch_where(is_null, depth);
        self.push(reference);
    }

    /// `br_on_non_null`: the reference is the last value that a branch passes.
    pub(super) fn branch_on_non_null(&mut self, depth: u32) {
        let reference = self.peek_many(1)[0];
        self.branch_where(reference, depth);
        self.pop();
    }

    /// Branches where `condition` is not 0.
    fn branch_where(&mut self, condition: Value, depth: u32) {
        let count = self.frame(depth).branch_types().len();
        let arguments = block_arguments(&self.peek_many(count));
        let target = self.target(depth);
        let next = self.builder.create_block();
        self.ins().brif(condition, target, &arguments, next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// `br_table`. Where values pass, each block branched to gets one block that passes them, however often the table names
    /// it.
    pub(super) fn branch_table(&mut self, table: &BrTable<'_>) {
        let index = self.pop();
        let count = self.frame(table.default()).branch_types().len();
        let arguments = self.peek_many(count);
        let mut passing: Vec<(u32, Block)> = Vec::new();
        let mut by_depth: Vec<Option<Block>> = vec![None; self.frames.len()];
        let mut destination = |this: &mut Self, depth: u32| {
            if let Some(block) = by_depth[depth as usize] {
                return block;
            }
            let block = if count == 0 {
                this.target(depth)
            } else {
                let block = this.builder.create_block();
                passing.push((depth, block));
                block
            };
            by_depth[depth as usize] = Some(block);
            block
        };
        let mut blocks = Vec::with_capacity(table.len() as usize);
        for depth in table.targets() {
            let depth = depth.expect("validation has read the table");
            blocks.push(destination(self, depth));
        }
        let default = destination(self, table.default());
        let pool = &mut self.builder.func.dfg.value_lists;
        let default = ir_block_call(default, pool);
        let calls: Vec<_> = blocks
            .into_iter()
            .map(|block| ir_block_call(block, pool))
            .collect();
        let table = self
            .builder
            .create_jump_table(JumpTableData::new(default, &calls));
        self.ins().br_table(index, table);
        for (depth, block) in passing {
            self.builder.seal_block(block);
            self.builder.switch_to_block(block);
            self.count_passed(count);
            let target = self.target(depth);
            self.jump(target, &arguments);
        }
        self.is_reachable = false;
    }

    /// `return`.
    pub(super) fn return_results(&mut self) {
        let depth = self.frames.len() - 1 - self.body_frame;
        self.branch(depth as u32);
    }

    /// `unreachable`.
    pub(super) fn trap_unreachable(&mut self) {
        let block = self.builder.current_block();
        self.ins().trap(trap_code(TrapKind::Unreachable));
        // Whatever leads here is rare: its code goes behind the rest.
        let is_entry = |block: &Block| self.builder.func.layout.entry_block() == Some(*block);
        if let Some(block) = block.filter(|block| !is_entry(block)) {
            self.builder.set_cold_block(block);
        }
        self.is_reachable = false;
    }

    /// Keeps track of nesting where code can't run, so as to find where it can again.
    pub(super) fn dead_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.dead_depth += 1,
            Operator::Catch { .. } | Operator::CatchAll if self.dead_depth == 0 => {
                self.begin_legacy_catch();
            }
            Operator::Else if self.dead_depth == 0 => self.begin_else(),
            Operator::End | Operator::Delegate { .. } if self.dead_depth == 0 => self.end_block(),
            Operator::End | Operator::Delegate { .. } => self.dead_depth -= 1,
            _ => {}
        }
    }

    pub(super) fn push_frame(&mut self, kind: FrameKind, ty: BlockType, target: Option<Block>) {
        let (parameters, results) = self.block_types(ty);
        self.frames.push(Frame {
            kind,
            parameters,
            results,
            height: self.stack.len() - parameters.len(),
            target,
            entered: None,
        });
    }

    pub(super) fn frame(&self, depth: u32) -> &Frame<'a> {
        &self.frames[self.frames.len() - 1 - depth as usize]
    }

    /// The block that branches to the frame at `depth` go to.
    pub(super) fn target(&mut self, depth: u32) -> Block {
        if let Some(block) = self.frame(depth).target {
            return block;
        }
        let results = self.frame(depth).results;
        let block = self.create_block(results);
        let index = self.frames.len() - 1 - depth as usize;
        self.frames[index].target = Some(block);
        block
    }

    /// A block that takes values of these types.
    pub(in crate::compile) fn create_block(&mut self, parameters: &[Type]) -> Block {
        self.count_passed(parameters.len());
        let block = self.builder.create_block();
        for ty in parameters {
            self.builder.append_block_param(block, *ty);
        }
        block
    }

    pub(super) fn push_parameters(&mut self, block: Block) {
        self.stack
            .extend_from_slice(self.builder.block_params(block));
    }

    /// Jumps to `target`, which takes `arguments`.
    pub(in crate::compile) fn jump(&mut self, target: Block, arguments: &[Value]) {
        let arguments = block_arguments(arguments);
        self.ins().jump(target, &arguments);
    }

    fn block_types(&self, ty: BlockType) -> (&'a [Type], &'a [Type]) {
        match ty {
            BlockType::Empty => (&[], &[]),
            BlockType::Type(ty) => (&[], one_type(ty)),
            BlockType::FuncType(index) => {
                let ty = &self.context.module.types[index as usize];
                (&ty.parameters, &ty.results)
            }
        }
    }
}

fn block_arguments(values: &[Value]) -> Vec<BlockArg> {
    values.iter().copied().map(BlockArg::Value).collect()
}

fn ir_block_call(
    block: Block,
    pool: &mut cranelift_codegen::ir::ValueListPool,
) -> cranelift_codegen::ir::BlockCall {
    cranelift_codegen::ir::BlockCall::new(block, std::iter::empty::<BlockArg>(), pool)
}

fn one_type(ty: ValType) -> &'static [Type] {
    match code_type(ty) {
        types::I32 => &[types::I32],
        types::I64 => &[types::I64],
        types::F32 => &[types::F32],
        types::F64 => &[types::F64],
        _ => &[types::I8X16],
    }
}
