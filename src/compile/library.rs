//! What the code generator calls where the processor lacks an instruction: rounding before SSE4.1, byte shuffles before
//! SSSE3. The object holds these functions itself, so that nothing undefined is left but imports and the runtime.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{
    Function, InstBuilder, LibCall, MemFlagsData, Signature, StackSlotData, StackSlotKind, Type,
    Value, types,
};
use cranelift_frontend::FunctionBuilderContext;

use super::signature::system_v;
use super::translate::{Context, Translator};

/// The symbol of a library function, or `None` for one that is not supplied.
pub(super) fn name(call: LibCall) -> Option<&'static str> {
    Some(match call {
        LibCall::CeilF32 => "mewz_ceil_f32",
        LibCall::CeilF64 => "mewz_ceil_f64",
        LibCall::FloorF32 => "mewz_floor_f32",
        LibCall::FloorF64 => "mewz_floor_f64",
        LibCall::TruncF32 => "mewz_trunc_f32",
        LibCall::TruncF64 => "mewz_trunc_f64",
        LibCall::NearestF32 => "mewz_nearest_f32",
        LibCall::NearestF64 => "mewz_nearest_f64",
        LibCall::X86Pshufb => "mewz_shuffle_bytes",
        _ => return None,
    })
}

/// The signature of a library function that [`name`] knows.
pub(super) fn signature(call: LibCall) -> Signature {
    match call {
        LibCall::X86Pshufb => system_v(&[types::I8X16, types::I8X16], &[types::I8X16]),
        LibCall::CeilF32 | LibCall::FloorF32 | LibCall::TruncF32 | LibCall::NearestF32 => {
            system_v(&[types::F32], &[types::F32])
        }
        _ => system_v(&[types::F64], &[types::F64]),
    }
}

/// Writes the body of a library function.
pub(super) fn define<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    call: LibCall,
) {
    function.signature = signature(call);
    let mut translator = Translator::new(context, function, scratch);
    let entry = translator.begin();
    let arguments = translator.builder.block_params(entry).to_vec();
    let result = match (call, arguments.as_slice()) {
        (LibCall::X86Pshufb, [bytes, mask]) => shuffle_bytes(&mut translator, *bytes, *mask),
        (_, [value]) => round(&mut translator, call, *value),
        _ => unreachable!("the signature has one or two parameters"),
    };
    translator.builder.ins().return_(&[result]);
    translator.finish();
}

/// Rounds by adding and taking away the number from which on a float has no fraction: the processor's own rounding to
/// nearest does the work. What is that large already, and NaN, is its own result (times one, so that a NaN becomes quiet).
fn round(translator: &mut Translator<'_>, call: LibCall, value: Value) -> Value {
    let ins = |translator: &mut Translator<'_>, number: f64, ty: Type| match ty {
        types::F32 => translator.builder.ins().f32const(number as f32),
        _ => translator.builder.ins().f64const(number),
    };
    let ty = translator.builder.func.dfg.value_type(value);
    let whole = if ty == types::F32 {
        f64::from(1_u32 << 23)
    } else {
        (1_u64 << 52) as f64
    };
    let whole = ins(translator, whole, ty);
    let one = ins(translator, 1.0, ty);
    let magnitude = translator.builder.ins().fabs(value);
    let signed_whole = translator.builder.ins().fcopysign(whole, value);
    let sum = translator.builder.ins().fadd(value, signed_whole);
    let nearest = translator.builder.ins().fsub(sum, signed_whole);
    let rounded = match call {
        LibCall::NearestF32 | LibCall::NearestF64 => nearest,
        LibCall::FloorF32 | LibCall::FloorF64 => {
            step_back(translator, nearest, value, one, FloatCC::GreaterThan)
        }
        LibCall::CeilF32 | LibCall::CeilF64 => {
            step_back(translator, nearest, value, one, FloatCC::LessThan)
        }
        _ => {
            let whole_magnitude = translator.builder.ins().fabs(nearest);
            step_back(
                translator,
                whole_magnitude,
                magnitude,
                one,
                FloatCC::GreaterThan,
            )
        }
    };
    let rounded = translator.builder.ins().fcopysign(rounded, value);
    let quiet = translator.builder.ins().fmul(value, one);
    let has_fraction = translator
        .builder
        .ins()
        .fcmp(FloatCC::LessThan, magnitude, whole);
    translator
        .builder
        .ins()
        .select(has_fraction, rounded, quiet)
}

/// `nearest`, or one less (more, for `LessThan`) where it went past `value`.
fn step_back(
    translator: &mut Translator<'_>,
    nearest: Value,
    value: Value,
    one: Value,
    past: FloatCC,
) -> Value {
    let went_past = translator.builder.ins().fcmp(past, nearest, value);
    let back = match past {
        FloatCC::GreaterThan => translator.builder.ins().fsub(nearest, one),
        _ => translator.builder.ins().fadd(nearest, one),
    };
    translator.builder.ins().select(went_past, back, nearest)
}

/// `pshufb`: each byte of the result is the byte that the mask's low four bits name, or 0 where the mask's high bit is set.
fn shuffle_bytes(translator: &mut Translator<'_>, bytes: Value, mask: Value) -> Value {
    let slot = |translator: &mut Translator<'_>| {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4);
        let slot = translator.builder.create_sized_stack_slot(data);
        translator.builder.ins().stack_addr(types::I64, slot, 0)
    };
    let flags = MemFlagsData::trusted();
    let (from, to) = (slot(translator), slot(translator));
    translator.builder.ins().store(flags, bytes, from, 0);
    for lane in 0..16_u8 {
        let chosen = translator.builder.ins().extractlane(mask, lane);
        let index = translator.builder.ins().band_imm_u(chosen, 15);
        let index = translator.builder.ins().uextend(types::I64, index);
        let address = translator.builder.ins().iadd(from, index);
        let byte = translator.builder.ins().load(types::I8, flags, address, 0);
        let sign = translator.builder.ins().sshr_imm_u(chosen, 7);
        let byte = translator.builder.ins().band_not(byte, sign);
        translator
            .builder
            .ins()
            .store(flags, byte, to, i32::from(lane));
    }
    translator.builder.ins().load(types::I8X16, flags, to, 0)
}
