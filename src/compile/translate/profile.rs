//! Counting what runs, and what earlier counts say of the code here.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use wasmparser::FunctionBody;

use super::translator::Translator;
use crate::compile::module::FunctionType;
use crate::compile::plan::Place;
use crate::compile::profile::{CALL_TARGETS, Sites};
use crate::compile::whole::Guard;

/// Bytes of a counter.
const COUNTER_BYTES: i32 = 8;
/// Bytes of the counters of a callee: its index and 1, and how often it was called.
const TARGET_BYTES: i64 = 16;

/// A block is cold that runs less than once in so many rounds of the loop around it, or calls of its function.
const COLD_PART: u64 = 64;

/// The counters of a body.
pub(super) struct BodyCounters {
    sites: Sites,
    first: Place,
}

impl BodyCounters {
    fn place(&self, counter: u32) -> Place {
        Place {
            offset: self.first.offset + COUNTER_BYTES as u32 * counter,
            ..self.first
        }
    }
}

impl Translator<'_> {
    /// The counters of `body`, where the code counts what runs.
    pub(super) fn counters_of(&self, body: &FunctionBody<'_>) -> Option<BodyCounters> {
        let place = self.context.plan.counters.as_ref()?;
        let bodies = &self.context.module.bodies;
        let number = bodies
            .binary_search_by_key(&body.range().start, |body| body.range().start)
            .expect("a body is one of the module's");
        let start = place.counters.starts[number] as u32;
        Some(BodyCounters {
            sites: Sites::of(body),
            first: Place {
                offset: place.first.offset + COUNTER_BYTES as u32 * start,
                ..place.first
            },
        })
    }

    /// Begins a block behind the operator at `offset`, or at a body's first byte: counts it, or knows it to be cold. One
    /// that `enters` is the first of a loop or a body.
    pub(super) fn begin_counted(&mut self, offset: u32, enters: bool) {
        if let Some(counters) = &self.counters {
            let place = counters.place(counters.sites.block(offset));
            let (address, offset) = self.place(place);
            let flags = MemFlagsData::trusted();
            let count = self.ins().load(types::I64, flags, address, offset);
            let more = self.ins().iadd_imm_s(count, 1);
            self.ins().store(flags, more, address, offset);
        }
        let Some(count) = self.context.counts.and_then(|counts| counts.block(offset)) else {
            return;
        };
        // The first frame at or outside the block itself: a loop's first block is compared with what is around the loop.
        let around = self.frames.iter().rev().skip(usize::from(enters));
        let entered = around
            .filter_map(|frame| frame.entered)
            .next()
            .unwrap_or(count);
        if enters && let Some(frame) = self.frames.last_mut() {
            frame.entered = Some(count);
        }
        if count < entered.div_ceil(COLD_PART) {
            self.set_cold();
        }
    }

    /// Puts the block here behind the rest of the function.
    pub(super) fn set_cold(&mut self) {
        let entry = self.builder.func.layout.entry_block();
        if let Some(block) = self.builder.current_block()
            && entry != Some(block)
        {
            self.builder.set_cold_block(block);
        }
    }

    /// Counts the callee of a call through a table, by its index there.
    pub(super) fn count_callee(&mut self, index: Value) {
        let Some(counters) = &self.counters else {
            return;
        };
        let place = counters.place(counters.sites.call(self.offset));
        let flags = MemFlagsData::trusted();
        let index = self.widen(index);
        let key = self.ins().iadd_imm_s(index, 1);
        let first = self.place_address(place);
        let last = TARGET_BYTES * i64::from(CALL_TARGETS - 1);
        let last = self.ins().iadd_imm_s(first, last);
        let look = self.create_block(&[types::I64]);
        let [other, found, free, next, lose, lost, done] =
            std::array::from_fn(|_| self.builder.create_block());

        self.jump(look, &[first]);
        self.builder.switch_to_block(look);
        let at = self.builder.block_params(look)[0];
        let known = self.ins().load(types::I64, flags, at, 0);
        let is_it = self.ins().icmp(IntCC::Equal, known, key);
        self.ins().brif(is_it, found, &[], other, &[]);

        self.builder.switch_to_block(other);
        self.ins().brif(known, next, &[], free, &[]);

        self.builder.switch_to_block(next);
        let is_last = self.ins().icmp(IntCC::Equal, at, last);
        let following = self.ins().iadd_imm_s(at, TARGET_BYTES);
        let following = [following.into()];
        self.ins().brif(is_last, lose, &[], look, &following);

        // The last one makes room when it was called less often than all that come after it: so a callee that is called
        // more often than all others is found, whoever was first.
        self.builder.switch_to_block(lose);
        let count = self.ins().load(types::I64, flags, at, COUNTER_BYTES);
        let less = self.ins().iadd_imm_s(count, -1);
        self.ins().brif(less, lost, &[], free, &[]);
        self.builder.switch_to_block(lost);
        self.ins().store(flags, less, at, COUNTER_BYTES);
        self.ins().jump(done, &[]);

        self.builder.switch_to_block(free);
        let one = self.ins().iconst(types::I64, 1);
        self.ins().store(flags, key, at, 0);
        self.ins().store(flags, one, at, COUNTER_BYTES);
        self.ins().jump(done, &[]);

        self.builder.switch_to_block(found);
        let count = self.ins().load(types::I64, flags, at, COUNTER_BYTES);
        let more = self.ins().iadd_imm_s(count, 1);
        self.ins().store(flags, more, at, COUNTER_BYTES);
        self.ins().jump(done, &[]);

        for block in [look, other, found, free, next, lose, lost, done] {
            self.builder.seal_block(block);
        }
        self.builder.switch_to_block(done);
    }
}

impl<'a> Translator<'a> {
    /// A call through a table that asks for its likely callees first.
    pub(super) fn call_guarded(
        &mut self,
        type_index: u32,
        table: u32,
        index: Value,
        arguments: &[Value],
        guards: &[Guard],
    ) {
        let ty: &'a FunctionType = &self.context.module.types[type_index as usize];
        let results = ty.results.len();
        let behind = self.create_block(&ty.results);
        let mut reference = None;
        for guard in guards {
            let is_it = match guard.index {
                Some(known) => self
                    .ins()
                    .icmp_imm_u(IntCC::Equal, index, known.cast_signed()),
                None => {
                    let actual = *reference.get_or_insert_with(|| self.table_load(table, index));
                    let place = self.context.plan.functions[guard.function as usize].reference;
                    let expected = self.place_address(place.expect("a table holds the function"));
                    self.ins().icmp(IntCC::Equal, actual, expected)
                }
            };
            let likely = self.builder.create_block();
            let next = self.builder.create_block();
            self.ins().brif(is_it, likely, &[], next, &[]);
            self.builder.seal_block(likely);
            self.builder.seal_block(next);
            self.builder.switch_to_block(likely);
            if guard.is_inlined {
                self.inline(guard.function, ty, arguments);
            } else {
                let results = self.call_function(guard.function, arguments);
                self.stack.extend(results);
            }
            if self.is_reachable {
                let results = self.pop_many(results);
                self.jump(behind, &results);
            }
            self.is_reachable = true;
            self.builder.switch_to_block(next);
            if guard.is_nearly_all {
                self.set_cold();
            }
        }
        let reference = reference.unwrap_or_else(|| self.table_load(table, index));
        self.call_reference(type_index, reference, arguments);
        let results = self.pop_many(results);
        self.jump(behind, &results);
        self.builder.seal_block(behind);
        self.builder.switch_to_block(behind);
        self.push_parameters(behind);
    }
}
