//! Functions at the object's boundary: entries of exports, shims of imports.

use cranelift_codegen::ir::{Function, InstBuilder, MemFlagsData};
use cranelift_frontend::FunctionBuilderContext;

use super::signature::{self, RESULT_SLOT_BYTES};
use super::translate::{Context, Translator};

/// The System V entry of function `index`.
pub(super) fn export<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    index: u32,
) {
    let ty = context.module.function_type(index);
    function.signature = signature::boundary(ty);
    let mut translator = Translator::new(context, function, scratch);
    let entry = translator.begin();
    let mut arguments = translator.builder.block_params(entry).to_vec();
    let results_pointer = (ty.results.len() > 1).then(|| arguments.pop()).flatten();
    translator.enter();
    let results = translator.call_function(index, &arguments);
    translator.leave();
    match results_pointer {
        None => {
            translator.builder.ins().return_(&results);
        }
        Some(pointer) => {
            for (slot, result) in results.iter().enumerate() {
                let offset = RESULT_SLOT_BYTES as i32 * slot as i32;
                let flags = MemFlagsData::trusted();
                translator
                    .builder
                    .ins()
                    .store(flags, *result, pointer, offset);
            }
            translator.builder.ins().return_(&[]);
        }
    }
    translator.finish();
}

/// What calls import `index` for callers that know it by reference: they use the internal convention.
pub(super) fn shim<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    index: u32,
) {
    function.signature = signature::internal(context.module.function_type(index));
    let mut translator = Translator::new(context, function, scratch);
    let entry = translator.begin();
    let arguments = translator.builder.block_params(entry).to_vec();
    let results = translator.call_function(index, &arguments);
    translator.builder.ins().return_(&results);
    translator.finish();
}
