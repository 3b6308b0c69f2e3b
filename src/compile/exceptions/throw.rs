//! Throwing: from frame to frame until a clause takes the exception.
//!
//! Nothing is undone before a clause is found, so where none is, the stack still shows who threw. Functions that make calls
//! have frame pointers, and keep nothing in registers across a call that a clause may follow.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Function, InstBuilder, Value};
use cranelift_frontend::FunctionBuilderContext;
use mewz_abi::exception::{CLAUSE_ALL, Exception, ExceptionModule, Exceptions, Handler, state};
use mewz_abi::trap::TrapKind;

use super::ExceptionFunction;
use super::pool::{load, load_u32, offset, store, store_number};
use crate::compile::symbols::Single;
use crate::compile::translate::{Context, Translator, trap_code};

/// Logarithm of a `Handler`'s bytes, base 2.
const HANDLER_BYTES_LOG2: i64 = 4;
const _: () = assert!(size_of::<Handler>() == 1 << HANDLER_BYTES_LOG2);

/// A frame that is being looked at.
struct FrameValues {
    /// The frame of the callee: what the callee was called from is above its frame pointer.
    callee: Value,
    /// The frame pointer of the function that made the call.
    pointer: Value,
    /// Where the call returns to.
    return_address: Value,
}

/// `void mewz_throw(Exception *)`.
pub(super) fn throw<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
) {
    let mut t = Translator::new(context, function, scratch);
    let entry = t.begin();
    let exception = t.builder.block_params(entry)[0];
    let list = t.symbol(Single::Exceptions.into());
    store(&mut t, exception, list, offset!(Exceptions, thrown));
    let own = t.builder.ins().get_frame_pointer(I64);

    let frame_block = t.create_block(&[I64]);
    let module_block = t.create_block(&[I64]);
    let search_block = t.create_block(&[I64, I64]);
    let row_block = t.create_block(&[I64]);
    let next_frame = t.create_block(&[]);
    let uncaught = t.create_block(&[]);
    t.jump(frame_block, &[own]);

    t.builder.switch_to_block(frame_block);
    let callee = t.builder.block_params(frame_block)[0];
    let frame = FrameValues {
        callee,
        pointer: load(&mut t, callee, 0),
        return_address: load(&mut t, callee, 8),
    };
    let first = load(&mut t, list, offset!(Exceptions, first));
    t.jump(module_block, &[first]);

    // The module whose call it is.
    t.builder.switch_to_block(module_block);
    let module = t.builder.block_params(module_block)[0];
    let is_there = t.create_block(&[]);
    t.builder.ins().brif(module, is_there, &[], uncaught, &[]);
    t.builder.switch_to_block(is_there);
    let text_start = load(&mut t, module, offset!(ExceptionModule, text_start));
    let text_end = load(&mut t, module, offset!(ExceptionModule, text_end));
    // A return address may be the first byte behind the code, never the first byte of it.
    let distance = t.builder.ins().isub(frame.return_address, text_start);
    let before = t.builder.ins().iadd_imm_s(distance, -1);
    let len = t.builder.ins().isub(text_end, text_start);
    let is_of_module = t.builder.ins().icmp(IntCC::UnsignedLessThan, before, len);
    let zero = t.builder.ins().iconst(I64, 0);
    let handlers_len = load(&mut t, module, offset!(ExceptionModule, handlers_len));
    let handlers = load(&mut t, module, offset!(ExceptionModule, handlers));
    let next = load(&mut t, module, offset!(ExceptionModule, next));
    t.builder.ins().brif(
        is_of_module,
        search_block,
        &[zero.into(), handlers_len.into()],
        module_block,
        &[next.into()],
    );

    // The first clause of the call, by halves.
    t.builder.switch_to_block(search_block);
    let [low, high] = *t.builder.block_params(search_block) else {
        unreachable!("the block has two parameters");
    };
    let probe = t.create_block(&[]);
    let is_more = t.builder.ins().icmp(IntCC::UnsignedLessThan, low, high);
    t.builder
        .ins()
        .brif(is_more, probe, &[], row_block, &[low.into()]);
    t.builder.switch_to_block(probe);
    let sum = t.builder.ins().iadd(low, high);
    let middle = t.builder.ins().ushr_imm_u(sum, 1);
    let row = row_at(&mut t, handlers, middle);
    let at = load_u32(&mut t, row, offset!(Handler, return_offset));
    let is_before = t.builder.ins().icmp(IntCC::UnsignedLessThan, at, distance);
    let above = t.builder.ins().iadd_imm_s(middle, 1);
    let low = t.builder.ins().select(is_before, above, low);
    let high = t.builder.ins().select(is_before, high, middle);
    t.jump(search_block, &[low, high]);

    // The clauses of the call in turn.
    t.builder.switch_to_block(row_block);
    let index = t.builder.block_params(row_block)[0];
    let is_row = t.create_block(&[]);
    let is_inside = t
        .builder
        .ins()
        .icmp(IntCC::UnsignedLessThan, index, handlers_len);
    t.builder
        .ins()
        .brif(is_inside, is_row, &[], next_frame, &[]);
    t.builder.switch_to_block(is_row);
    let row = row_at(&mut t, handlers, index);
    let at = load_u32(&mut t, row, offset!(Handler, return_offset));
    let is_of_call = t.builder.ins().icmp(IntCC::Equal, at, distance);
    let clause_block = t.create_block(&[]);
    t.builder
        .ins()
        .brif(is_of_call, clause_block, &[], next_frame, &[]);
    t.builder.switch_to_block(clause_block);
    let clause = load_u32(&mut t, row, offset!(Handler, clause));
    let tag_index = t.builder.ins().ushr_imm_u(clause, 1);
    let takes_all = t
        .builder
        .ins()
        .icmp_imm_u(IntCC::Equal, tag_index, i64::from(CLAUSE_ALL));
    let taken = t.create_block(&[]);
    let compare = t.create_block(&[]);
    t.builder.ins().brif(takes_all, taken, &[], compare, &[]);
    t.builder.switch_to_block(compare);
    let tags = load(&mut t, module, offset!(ExceptionModule, tags));
    let tag_offset = t.builder.ins().ishl_imm_u(tag_index, 3);
    let tag = t.builder.ins().iadd(tags, tag_offset);
    let tag = load(&mut t, tag, 0);
    let actual = load(&mut t, exception, offset!(Exception, tag));
    let is_taken = t.builder.ins().icmp(IntCC::Equal, tag, actual);
    let following = t.builder.ins().iadd_imm_s(index, 1);
    t.builder
        .ins()
        .brif(is_taken, taken, &[], row_block, &[following.into()]);

    t.builder.switch_to_block(next_frame);
    // Frames ascend; one that does not is none of ours.
    let ascends = t
        .builder
        .ins()
        .icmp(IntCC::UnsignedGreaterThan, frame.pointer, frame.callee);
    t.builder
        .ins()
        .brif(ascends, frame_block, &[frame.pointer.into()], uncaught, &[]);

    t.builder.switch_to_block(uncaught);
    t.builder.ins().return_(&[]);

    t.builder.switch_to_block(taken);
    let keeps = t.builder.ins().band_imm_u(clause, 1);
    note_taken(&mut t, exception, keeps);
    land(&mut t, exception, row, text_start, frame.pointer);
    t.finish();
}

fn row_at(t: &mut Translator<'_>, handlers: Value, index: Value) -> Value {
    let offset = t.builder.ins().ishl_imm_u(index, HANDLER_BYTES_LOG2);
    t.builder.ins().iadd(handlers, offset)
}

/// The clause may keep a reference; if it does not and nobody has one, the exception is free from now on. What it carries
/// stays until the next one is made, and the clause reads it at once.
fn note_taken(t: &mut Translator<'_>, exception: Value, keeps: Value) {
    let [keep, leave, free, done] = [(); 4].map(|()| t.create_block(&[]));
    t.builder.ins().brif(keeps, keep, &[], leave, &[]);
    t.builder.switch_to_block(keep);
    store_number(t, state::REFERENCED, exception, offset!(Exception, state));
    t.jump(done, &[]);
    t.builder.switch_to_block(leave);
    let was = load(t, exception, offset!(Exception, state));
    let is_sole = t
        .builder
        .ins()
        .icmp_imm_u(IntCC::Equal, was, state::THROWN as i64);
    t.builder.ins().brif(is_sole, free, &[], done, &[]);
    t.builder.switch_to_block(free);
    let owner = load(t, exception, offset!(Exception, owner));
    let next = load(t, owner, offset!(ExceptionModule, free));
    store(t, next, exception, offset!(Exception, next));
    store_number(t, state::FREE, exception, offset!(Exception, state));
    store(t, exception, owner, offset!(ExceptionModule, free));
    t.jump(done, &[]);
    t.builder.switch_to_block(done);
}

/// Goes on at the clause of `row`.
fn land(
    t: &mut Translator<'_>,
    exception: Value,
    row: Value,
    text_start: Value,
    frame_pointer: Value,
) {
    let frame_bytes = load_u32(t, row, offset!(Handler, frame_bytes));
    let stack_pointer = t.builder.ins().isub(frame_pointer, frame_bytes);
    let handler = load_u32(t, row, offset!(Handler, handler_offset));
    let handler = t.builder.ins().iadd(text_start, handler);
    let signature = ExceptionFunction::Land.signature();
    let land = t.function(Single::Land.into(), signature);
    let arguments = [exception, stack_pointer, frame_pointer, handler];
    t.builder.ins().call(land, &arguments);
    t.builder.ins().trap(trap_code(TrapKind::Unreachable));
}
