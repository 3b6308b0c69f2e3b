//! Exceptions at run time: functions that every object with exceptions has, made of the same intermediate code as the rest.
//! `mewz_abi::exception` describes the structures.

mod collect;
mod data;
mod pool;
mod registration;
mod throw;

use cranelift_codegen::ir::{Function, Signature, types};
use cranelift_codegen::{Final, FinalizedMachExceptionHandler as Found, MachBufferFinalized};
use cranelift_frontend::FunctionBuilderContext;
use mewz_abi::exception::Handler;

pub(super) use data::{fill, first_chunk_bytes, instances, payload_offsets};

use super::pieces::Code;
use super::signature;
use super::symbols::Single;
use super::translate::Context;

/// The clause of a call that is made as if it could throw, so that no register is kept across it: nothing has this tag.
pub(super) const CLAUSE_NEVER: u32 = u32::MAX - 2;

/// One of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExceptionFunction {
    /// Goes on where an exception is taken; returns where nobody takes it.
    Throw,
    /// Goes on in the frame of another function: the only code that is not made by the code generator.
    Land,
    /// Makes room for an exception with a tag.
    New,
    /// Frees exceptions that nothing refers to; returns how many are free then.
    Collect,
    /// Marks the exceptions that words of memory refer to.
    Scan,
}

impl ExceptionFunction {
    /// All of them.
    pub(super) const ALL: [ExceptionFunction; 5] = [
        ExceptionFunction::Throw,
        ExceptionFunction::Land,
        ExceptionFunction::New,
        ExceptionFunction::Collect,
        ExceptionFunction::Scan,
    ];

    /// Its symbol.
    pub(super) fn symbol(self) -> Single {
        match self {
            ExceptionFunction::Throw => Single::Throw,
            ExceptionFunction::Land => Single::Land,
            ExceptionFunction::New => Single::NewException,
            ExceptionFunction::Collect => Single::CollectExceptions,
            ExceptionFunction::Scan => Single::ScanForExceptions,
        }
    }

    /// Its name for debuggers.
    pub(super) fn name(self) -> &'static str {
        match self {
            ExceptionFunction::Throw => "mewz_throw",
            ExceptionFunction::Land => "mewz_land",
            ExceptionFunction::New => "mewz_new_exception",
            ExceptionFunction::Collect => "mewz_collect_exceptions",
            ExceptionFunction::Scan => "mewz_scan_for_exceptions",
        }
    }

    /// How it is called.
    pub(super) fn signature(self) -> Signature {
        use types::I64;
        match self {
            ExceptionFunction::Throw => signature::helper(&[I64], &[]),
            // The registers of this convention are those that [`LANDING`] reads.
            ExceptionFunction::Land => signature::system_v(&[I64, I64, I64, I64], &[]),
            ExceptionFunction::New => signature::helper(&[I64], &[I64]),
            ExceptionFunction::Collect => signature::helper(&[], &[I64]),
            ExceptionFunction::Scan => signature::helper(&[I64, I64], &[]),
        }
    }
}

/// `mov rax, rdi; mov rsp, rsi; mov rbp, rdx; jmp rcx`: the exception to where clauses find it, the frame of the function
/// that takes it, and on to the clause's code.
const LANDING: [u8; 11] = [
    0x48, 0x89, 0xf8, 0x48, 0x89, 0xf4, 0x48, 0x89, 0xd5, 0xff, 0xe1,
];

/// The code of [`ExceptionFunction::Land`].
pub(super) fn landing() -> Code {
    Code {
        bytes: LANDING.to_vec(),
        alignment: 16,
        ..Code::default()
    }
}

/// Translates one of the others.
pub(super) fn translate<'a>(
    context: &'a Context<'a>,
    function: &'a mut Function,
    scratch: &'a mut FunctionBuilderContext,
    kind: ExceptionFunction,
) {
    function.signature = kind.signature();
    match kind {
        ExceptionFunction::Throw => throw::throw(context, function, scratch),
        ExceptionFunction::New => pool::new(context, function, scratch),
        ExceptionFunction::Collect => collect::collect(context, function, scratch),
        ExceptionFunction::Scan => collect::scan(context, function, scratch),
        ExceptionFunction::Land => unreachable!("the code generator does not make it"),
    }
}

/// The clauses of a function's calls.
pub(super) fn handlers(buffer: &MachBufferFinalized<Final>) -> Vec<Handler> {
    let mut handlers = Vec::new();
    for site in buffer.call_sites() {
        for handler in site.exception_handlers {
            let Found::Tag(tag, offset) = handler else {
                unreachable!("the translator makes clauses with numbers alone");
            };
            if tag.as_u32() == CLAUSE_NEVER {
                continue;
            }
            handlers.push(Handler {
                return_offset: site.ret_addr,
                handler_offset: *offset,
                frame_bytes: site.frame_offset.expect("frames have a fixed size"),
                clause: tag.as_u32(),
            });
        }
    }
    handlers
}
