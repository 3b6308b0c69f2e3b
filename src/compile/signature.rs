//! Signatures of the code generator for the two calling conventions.

use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
use cranelift_codegen::isa::CallConv;

use super::module::FunctionType;

/// Bytes of a slot for one of several results at a boundary.
pub(super) const RESULT_SLOT_BYTES: u32 = 16;

/// How functions of the module call each other.
pub(super) fn internal(ty: &FunctionType) -> Signature {
    with(CallConv::Tail, &ty.parameters, &ty.results)
}

/// A function of the object's own that the module's functions call.
pub(super) fn helper(parameters: &[Type], results: &[Type]) -> Signature {
    with(CallConv::Tail, parameters, results)
}

/// How a function of this type is called across the object's boundary.
pub(super) fn boundary(ty: &FunctionType) -> Signature {
    match ty.results.as_slice() {
        [] | [_] => with(CallConv::SystemV, &ty.parameters, &ty.results),
        _ => {
            let mut signature = with(CallConv::SystemV, &ty.parameters, &[]);
            signature.params.push(AbiParam::new(types::I64));
            signature
        }
    }
}

/// A System V function of the runtime or of the object itself.
pub(super) fn system_v(parameters: &[Type], results: &[Type]) -> Signature {
    with(CallConv::SystemV, parameters, results)
}

fn with(convention: CallConv, parameters: &[Type], results: &[Type]) -> Signature {
    Signature {
        params: parameters.iter().map(|ty| AbiParam::new(*ty)).collect(),
        returns: results.iter().map(|ty| AbiParam::new(*ty)).collect(),
        call_conv: convention,
    }
}
