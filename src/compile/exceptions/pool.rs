//! Where exceptions live: making room for one.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem, ExceptionTag, Function,
    InstBuilder, MemFlagsData, Value,
};
use cranelift_frontend::FunctionBuilderContext;
use mewz_abi::application::TableInstance;
use mewz_abi::exception::{CHUNKS_LEN, Exception, ExceptionModule, state};
use mewz_abi::trap::TrapKind;

use super::data::{FIRST_CHUNK_LEN, WORD_BYTES, first_chunk_bytes, slot_bytes};
use super::{CLAUSE_NEVER, ExceptionFunction};
use crate::compile::runtime::RuntimeFunction;
use crate::compile::symbols::Single;
use crate::compile::translate::{Context, Translator, trap_code};

/// Bytes from a structure to one of its fields.
macro_rules! offset {
    ($structure:ident, $field:ident) => {
        std::mem::offset_of!($structure, $field) as i32
    };
}
pub(super) use offset;

/// `Exception *mewz_new_exception(Tag *)`: from the free ones, else from those that were never used, else after the
/// collector has run or the pool has grown.
pub(super) fn new<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
) {
    let mut t = Translator::new(context, function, scratch);
    let entry = t.begin();
    let tag = t.builder.block_params(entry)[0];
    let own = t.own_exceptions();
    let [start, reuse, fresh, take, slow] = [(); 5].map(|()| t.create_block(&[]));
    let done = t.create_block(&[I64]);
    t.jump(start, &[]);

    t.builder.switch_to_block(start);
    let free = load(&mut t, own, offset!(ExceptionModule, free));
    t.builder.ins().brif(free, reuse, &[], fresh, &[]);

    t.builder.switch_to_block(reuse);
    let next = load(&mut t, free, offset!(Exception, next));
    store(&mut t, next, own, offset!(ExceptionModule, free));
    t.jump(done, &[free]);

    t.builder.switch_to_block(fresh);
    let first = load(&mut t, own, offset!(ExceptionModule, fresh));
    let end = load(&mut t, own, offset!(ExceptionModule, fresh_end));
    let is_there = t.builder.ins().icmp(IntCC::NotEqual, first, end);
    t.builder.ins().brif(is_there, take, &[], slow, &[]);

    t.builder.switch_to_block(take);
    let bytes = slot_bytes(context.module) as i64;
    let next = t.builder.ins().iadd_imm_s(first, bytes);
    store(&mut t, next, own, offset!(ExceptionModule, fresh));
    t.jump(done, &[first]);

    t.builder.switch_to_block(slow);
    let room = load(&mut t, own, offset!(ExceptionModule, room));
    let [collect, grow, exhausted, end] = [(); 4].map(|()| t.create_block(&[]));
    let entered = load(&mut t, own, offset!(ExceptionModule, entered));
    let is_known = t.builder.ins().icmp_imm_u(IntCC::Equal, entered, 1);
    t.builder.ins().brif(is_known, collect, &[], grow, &[]);

    t.builder.switch_to_block(collect);
    let free = call_collector(&mut t);
    let twice = t.builder.ins().ishl_imm_u(free, 1);
    let is_enough = t
        .builder
        .ins()
        .icmp(IntCC::UnsignedGreaterThan, twice, room);
    t.builder.ins().brif(is_enough, start, &[], grow, &[]);

    t.builder.switch_to_block(grow);
    grow_pool(&mut t, own, room, start, exhausted);

    t.builder.switch_to_block(exhausted);
    let free = load(&mut t, own, offset!(ExceptionModule, free));
    t.builder.ins().brif(free, start, &[], end, &[]);
    t.builder.switch_to_block(end);
    t.builder.ins().trap(trap_code(TrapKind::OutOfMemory));

    t.builder.switch_to_block(done);
    let exception = t.builder.block_params(done)[0];
    store(&mut t, tag, exception, offset!(Exception, tag));
    store(&mut t, own, exception, offset!(Exception, owner));
    store_number(&mut t, state::THROWN, exception, offset!(Exception, state));
    t.builder.ins().return_(&[exception]);
    t.finish();
}

/// Calls the collector as if it could throw: then no register holds a value across the call, and all references are in
/// memory.
fn call_collector(t: &mut Translator<'_>) -> Value {
    let signature = ExceptionFunction::Collect.signature();
    let collect = t.function(Single::CollectExceptions.into(), signature);
    let signature = t.builder.func.dfg.ext_funcs[collect].signature;
    let (returned, never) = (t.create_block(&[I64]), t.create_block(&[]));
    let pool = &mut t.builder.func.dfg.value_lists;
    let normal = BlockCall::new(returned, [BlockArg::TryCallRet(0)], pool);
    let thrown = BlockCall::new(never, [], pool);
    let tag = ExceptionTag::with_number(CLAUSE_NEVER).expect("it is a number of tags");
    let clauses = [ExceptionTableItem::Tag(tag, thrown)];
    let table = ExceptionTableData::new(signature, normal, clauses);
    let table = t.builder.func.dfg.exception_tables.push(table);
    t.builder.ins().try_call(collect, &[], table);
    t.builder.switch_to_block(never);
    t.builder.ins().trap(trap_code(TrapKind::Unreachable));
    t.builder.switch_to_block(returned);
    t.builder.block_params(returned)[0]
}

/// Adds a chunk with twice the room of the last, and goes on at `start`, or at `exhausted`.
fn grow_pool(
    t: &mut Translator<'_>,
    own: Value,
    room: Value,
    start: cranelift_codegen::ir::Block,
    exhausted: cranelift_codegen::ir::Block,
) {
    let module = t.context.module;
    let len = load(t, own, offset!(ExceptionModule, chunks_len));
    let [some, grown] = [(); 2].map(|()| t.create_block(&[]));
    let is_some = t
        .builder
        .ins()
        .icmp_imm_u(IntCC::UnsignedLessThan, len, CHUNKS_LEN as i64);
    t.builder.ins().brif(is_some, some, &[], exhausted, &[]);
    t.builder.switch_to_block(some);
    let chunk = chunk_at(t, own, len);
    let words = (first_chunk_bytes(module) / WORD_BYTES) as i64;
    let words = t.builder.ins().iconst(I64, words);
    let words = t.builder.ins().ishl(words, len);
    let zero = t.builder.ins().iconst(I64, 0);
    let old = t.call_runtime(RuntimeFunction::TableGrow, &[chunk, words, zero]);
    let old = old.expect("mewz_table_grow has a result");
    let is_grown = t.builder.ins().icmp_imm_u(IntCC::Equal, old, 0);
    t.builder.ins().brif(is_grown, grown, &[], exhausted, &[]);
    t.builder.switch_to_block(grown);
    let first = load(t, chunk, offset!(TableInstance, elements));
    let bytes = t
        .builder
        .ins()
        .ishl_imm_u(words, i64::from(WORD_BYTES.ilog2()));
    let end = t.builder.ins().iadd(first, bytes);
    store(t, first, own, offset!(ExceptionModule, fresh));
    store(t, end, own, offset!(ExceptionModule, fresh_end));
    let len_after = t.builder.ins().iadd_imm_s(len, 1);
    store(t, len_after, own, offset!(ExceptionModule, chunks_len));
    let added = t.builder.ins().iconst(I64, FIRST_CHUNK_LEN as i64);
    let added = t.builder.ins().ishl(added, len);
    let room = t.builder.ins().iadd(room, added);
    store(t, room, own, offset!(ExceptionModule, room));
    t.jump(start, &[]);
}

/// The address of chunk `index` of a module.
pub(super) fn chunk_at(t: &mut Translator<'_>, module: Value, index: Value) -> Value {
    let offset = t
        .builder
        .ins()
        .imul_imm_s(index, size_of::<TableInstance>() as i64);
    let chunk = t.builder.ins().iadd(module, offset);
    t.builder
        .ins()
        .iadd_imm_s(chunk, i64::from(offset!(ExceptionModule, chunks)))
}

/// The word at `offset` bytes from `base`.
pub(super) fn load(t: &mut Translator<'_>, base: Value, offset: i32) -> Value {
    let flags = MemFlagsData::trusted();
    t.builder.ins().load(I64, flags, base, offset)
}

/// The 32-bit number at `offset` bytes from `base`.
pub(super) fn load_u32(t: &mut Translator<'_>, base: Value, offset: i32) -> Value {
    t.builder
        .ins()
        .uload32(MemFlagsData::trusted(), base, offset)
}

/// Stores a word at `offset` bytes from `base`.
pub(super) fn store(t: &mut Translator<'_>, value: Value, base: Value, offset: i32) {
    let flags = MemFlagsData::trusted();
    t.builder.ins().store(flags, value, base, offset);
}

/// Stores a number.
pub(super) fn store_number(t: &mut Translator<'_>, number: u64, base: Value, offset: i32) {
    let number = t.builder.ins().iconst(I64, number as i64);
    store(t, number, base, offset);
}
