//! The collector: which exceptions does nothing refer to?
//!
//! It looks at every word of the stack that may be a reference, down to the frame that entered the module, and at the tables
//! and globals of all modules that hold references. A word that is the address of an exception keeps it, whatever it means.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Function, InstBuilder, Value};
use cranelift_frontend::FunctionBuilderContext;
use mewz_abi::application::TableInstance;
use mewz_abi::exception::{Exception, ExceptionModule, Exceptions, state};

use super::ExceptionFunction;
use super::data::{WORD_BYTES, slot_bytes};
use super::pool::{chunk_at, load, offset, store, store_number};
use crate::compile::symbols::Single;
use crate::compile::translate::{Context, Translator};

/// `uint64_t mewz_collect_exceptions(void)`.
pub(super) fn collect<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
) {
    let mut t = Translator::new(context, function, scratch);
    t.begin();
    let own = t.own_exceptions();
    let stack = t.builder.ins().get_stack_pointer(I64);
    let stack_end = stack_end(&mut t);
    scan_words(&mut t, stack, stack_end);
    each_module(&mut t, |t, module| {
        let globals = load(t, module, offset!(ExceptionModule, globals));
        let len = load(t, module, offset!(ExceptionModule, globals_len));
        each_address(t, globals, len, |t, global| {
            let end = t.builder.ins().iadd_imm_s(global, WORD_BYTES as i64);
            scan_words(t, global, end);
        });
        let tables = load(t, module, offset!(ExceptionModule, tables));
        let len = load(t, module, offset!(ExceptionModule, tables_len));
        each_address(t, tables, len, scan_table);
        // The exceptions of others may carry references to ours, and may be alive.
        let [other, done] = [(); 2].map(|()| t.create_block(&[]));
        let is_own = t.builder.ins().icmp(IntCC::Equal, module, own);
        t.builder.ins().brif(is_own, done, &[], other, &[]);
        t.builder.switch_to_block(other);
        each_chunk(t, module, scan_table);
        t.jump(done, &[]);
        t.builder.switch_to_block(done);
    });
    drain(&mut t, own);
    let free = sweep(&mut t, own);
    t.builder.ins().return_(&[free]);
    t.finish();
}

/// First byte behind the frames of modules: those of the last one's caller follow.
fn stack_end(t: &mut Translator<'_>) -> Value {
    let own = t.builder.ins().get_frame_pointer(I64);
    let frame_block = t.create_block(&[I64]);
    let module_block = t.create_block(&[I64]);
    let [is_there, up, outside] = [(); 3].map(|()| t.create_block(&[]));
    let list = t.symbol(Single::Exceptions.into());
    t.jump(frame_block, &[own]);
    t.builder.switch_to_block(frame_block);
    let frame = t.builder.block_params(frame_block)[0];
    let return_address = load(t, frame, 8);
    let first = load(t, list, offset!(Exceptions, first));
    t.jump(module_block, &[first]);
    t.builder.switch_to_block(module_block);
    let module = t.builder.block_params(module_block)[0];
    t.builder.ins().brif(module, is_there, &[], outside, &[]);
    t.builder.switch_to_block(is_there);
    let text_start = load(t, module, offset!(ExceptionModule, text_start));
    let text_end = load(t, module, offset!(ExceptionModule, text_end));
    let next = load(t, module, offset!(ExceptionModule, next));
    let distance = t.builder.ins().isub(return_address, text_start);
    let before = t.builder.ins().iadd_imm_s(distance, -1);
    let len = t.builder.ins().isub(text_end, text_start);
    let is_of_module = t.builder.ins().icmp(IntCC::UnsignedLessThan, before, len);
    t.builder
        .ins()
        .brif(is_of_module, up, &[], module_block, &[next.into()]);
    t.builder.switch_to_block(up);
    let above = load(t, frame, 0);
    t.jump(frame_block, &[above]);
    t.builder.switch_to_block(outside);
    t.builder.ins().iadd_imm_s(frame, 2 * WORD_BYTES as i64)
}

/// Scans what has been marked but not looked at, until there is none.
fn drain(t: &mut Translator<'_>, own: Value) {
    let [header, body, done] = [(); 3].map(|()| t.create_block(&[]));
    t.jump(header, &[]);
    t.builder.switch_to_block(header);
    let waiting = load(t, own, offset!(ExceptionModule, waiting));
    t.builder.ins().brif(waiting, body, &[], done, &[]);
    t.builder.switch_to_block(body);
    let next = load(t, waiting, offset!(Exception, next));
    store(t, next, own, offset!(ExceptionModule, waiting));
    let payload = size_of::<Exception>() as i64;
    let payload = t.builder.ins().iadd_imm_s(waiting, payload);
    let bytes = slot_bytes(t.context.module) as i64;
    let end = t.builder.ins().iadd_imm_s(waiting, bytes);
    scan_words(t, payload, end);
    t.jump(header, &[]);
    t.builder.switch_to_block(done);
}

/// Frees what is not marked; returns how many are free.
fn sweep(t: &mut Translator<'_>, own: Value) -> Value {
    store_number(t, 0, own, offset!(ExceptionModule, free));
    // The module's own cell counts: chunks have no block parameters in common.
    store_number(t, 0, own, offset!(ExceptionModule, waiting));
    each_chunk(t, own, |t, chunk| {
        let (start, end) = elements(t, chunk);
        let bytes = slot_bytes(t.context.module);
        each(t, start, end, bytes, |t, exception| {
            let [keep, free, done] = [(); 3].map(|()| t.create_block(&[]));
            let is = load(t, exception, offset!(Exception, state));
            let is_reached = t
                .builder
                .ins()
                .icmp_imm_u(IntCC::Equal, is, state::REACHED as i64);
            t.builder.ins().brif(is_reached, keep, &[], free, &[]);
            t.builder.switch_to_block(keep);
            store_number(t, state::REFERENCED, exception, offset!(Exception, state));
            t.jump(done, &[]);
            t.builder.switch_to_block(free);
            let next = load(t, own, offset!(ExceptionModule, free));
            store(t, next, exception, offset!(Exception, next));
            store_number(t, state::FREE, exception, offset!(Exception, state));
            store(t, exception, own, offset!(ExceptionModule, free));
            let count = load(t, own, offset!(ExceptionModule, waiting));
            let count = t.builder.ins().iadd_imm_s(count, 1);
            store(t, count, own, offset!(ExceptionModule, waiting));
            t.jump(done, &[]);
            t.builder.switch_to_block(done);
        });
    });
    let free = load(t, own, offset!(ExceptionModule, waiting));
    store_number(t, 0, own, offset!(ExceptionModule, waiting));
    free
}

/// `void mewz_scan_for_exceptions(const uint64_t *start, const uint64_t *end)`.
pub(super) fn scan<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
) {
    let mut t = Translator::new(context, function, scratch);
    let entry = t.begin();
    let [start, end] = *t.builder.block_params(entry) else {
        unreachable!("the function has two parameters");
    };
    let own = t.own_exceptions();
    each(&mut t, start, end, WORD_BYTES, |t, at| {
        let word = load(t, at, 0);
        each_chunk(t, own, |t, chunk| mark(t, own, chunk, word));
    });
    t.builder.ins().return_(&[]);
    t.finish();
}

/// Marks the exception at `word` if there is one in `chunk`.
fn mark(t: &mut Translator<'_>, own: Value, chunk: Value, word: Value) {
    let (first, end) = elements(t, chunk);
    let [inside, exact, alive, done] = [(); 4].map(|()| t.create_block(&[]));
    let offset = t.builder.ins().isub(word, first);
    let bytes = t.builder.ins().isub(end, first);
    let is_inside = t.builder.ins().icmp(IntCC::UnsignedLessThan, offset, bytes);
    t.builder.ins().brif(is_inside, inside, &[], done, &[]);
    t.builder.switch_to_block(inside);
    let slot = slot_bytes(t.context.module) as i64;
    let within = t.builder.ins().urem_imm_u(offset, slot);
    t.builder.ins().brif(within, done, &[], exact, &[]);
    t.builder.switch_to_block(exact);
    let is = load(t, word, offset!(Exception, state));
    let is_new = t.builder.ins().iadd_imm_s(is, -(state::THROWN as i64));
    let is_new = t
        .builder
        .ins()
        .icmp_imm_u(IntCC::UnsignedLessThan, is_new, 2);
    t.builder.ins().brif(is_new, alive, &[], done, &[]);
    t.builder.switch_to_block(alive);
    store_number(t, state::REACHED, word, offset!(Exception, state));
    let next = load(t, own, offset!(ExceptionModule, waiting));
    store(t, next, word, offset!(Exception, next));
    store(t, word, own, offset!(ExceptionModule, waiting));
    t.jump(done, &[]);
    t.builder.switch_to_block(done);
}

fn scan_words(t: &mut Translator<'_>, start: Value, end: Value) {
    let signature = ExceptionFunction::Scan.signature();
    let scan = t.function(Single::ScanForExceptions.into(), signature);
    t.builder.ins().call(scan, &[start, end]);
}

fn scan_table(t: &mut Translator<'_>, table: Value) {
    let (start, end) = elements(t, table);
    scan_words(t, start, end);
}

/// Start and end of a table's elements.
fn elements(t: &mut Translator<'_>, table: Value) -> (Value, Value) {
    let start = load(t, table, offset!(TableInstance, elements));
    let len = load(t, table, offset!(TableInstance, len));
    let bytes = t
        .builder
        .ins()
        .ishl_imm_u(len, i64::from(WORD_BYTES.ilog2()));
    let end = t.builder.ins().iadd(start, bytes);
    (start, end)
}

fn each_module<'a>(t: &mut Translator<'a>, body: impl FnOnce(&mut Translator<'a>, Value)) {
    let list = t.symbol(Single::Exceptions.into());
    let first = load(t, list, offset!(Exceptions, first));
    let header = t.create_block(&[I64]);
    let [inside, done] = [(); 2].map(|()| t.create_block(&[]));
    t.jump(header, &[first]);
    t.builder.switch_to_block(header);
    let module = t.builder.block_params(header)[0];
    t.builder.ins().brif(module, inside, &[], done, &[]);
    t.builder.switch_to_block(inside);
    body(t, module);
    let next = load(t, module, offset!(ExceptionModule, next));
    t.jump(header, &[next]);
    t.builder.switch_to_block(done);
}

fn each_chunk<'a>(
    t: &mut Translator<'a>,
    module: Value,
    body: impl FnOnce(&mut Translator<'a>, Value),
) {
    let len = load(t, module, offset!(ExceptionModule, chunks_len));
    let zero = t.builder.ins().iconst(I64, 0);
    let start = chunk_at(t, module, zero);
    let end = chunk_at(t, module, len);
    each(t, start, end, size_of::<TableInstance>() as u64, body);
}

/// For each address in an array of `len`.
fn each_address<'a>(
    t: &mut Translator<'a>,
    array: Value,
    len: Value,
    body: impl FnOnce(&mut Translator<'a>, Value),
) {
    let bytes = t
        .builder
        .ins()
        .ishl_imm_u(len, i64::from(WORD_BYTES.ilog2()));
    let end = t.builder.ins().iadd(array, bytes);
    each(t, array, end, WORD_BYTES, |t, at| {
        let address = load(t, at, 0);
        body(t, address);
    });
}

/// A loop from `start` to `end` in steps.
fn each<'a>(
    t: &mut Translator<'a>,
    start: Value,
    end: Value,
    step: u64,
    body: impl FnOnce(&mut Translator<'a>, Value),
) {
    let header = t.create_block(&[I64]);
    let [inside, done] = [(); 2].map(|()| t.create_block(&[]));
    t.jump(header, &[start]);
    t.builder.switch_to_block(header);
    let at = t.builder.block_params(header)[0];
    let is_more = t.builder.ins().icmp(IntCC::UnsignedLessThan, at, end);
    t.builder.ins().brif(is_more, inside, &[], done, &[]);
    t.builder.switch_to_block(inside);
    body(t, at);
    let next = t.builder.ins().iadd_imm_s(at, step as i64);
    t.jump(header, &[next]);
    t.builder.switch_to_block(done);
}
