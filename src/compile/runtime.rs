//! The functions that the operating system answers beside imports; an object names only those that it calls.

use cranelift_codegen::ir::Signature;
use cranelift_codegen::ir::types::{I32, I64};
use mewz_abi::symbol;

use super::signature::system_v;

/// A function of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RuntimeFunction {
    /// `mewz_memory_grow`.
    MemoryGrow,
    /// `mewz_table_grow`.
    TableGrow,
    /// `mewz_memory_move`.
    MemoryMove,
    /// `mewz_memory_fill`.
    MemoryFill,
    /// `mewz_sleep`.
    Sleep,
}

impl RuntimeFunction {
    const ALL: [RuntimeFunction; 5] = [
        RuntimeFunction::MemoryGrow,
        RuntimeFunction::TableGrow,
        RuntimeFunction::MemoryMove,
        RuntimeFunction::MemoryFill,
        RuntimeFunction::Sleep,
    ];

    /// The function with this number.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Its symbol.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            RuntimeFunction::MemoryGrow => symbol::MEMORY_GROW,
            RuntimeFunction::TableGrow => symbol::TABLE_GROW,
            RuntimeFunction::MemoryMove => symbol::MEMORY_MOVE,
            RuntimeFunction::MemoryFill => symbol::MEMORY_FILL,
            RuntimeFunction::Sleep => symbol::SLEEP,
        }
    }

    /// Its signature, as `mewz_abi::symbol` describes it.
    pub(super) fn signature(self) -> Signature {
        match self {
            RuntimeFunction::MemoryGrow => system_v(&[I64, I64], &[I64]),
            RuntimeFunction::TableGrow => system_v(&[I64, I64, I64], &[I64]),
            RuntimeFunction::MemoryMove => system_v(&[I64, I64, I64], &[]),
            RuntimeFunction::MemoryFill => system_v(&[I64, I32, I64], &[]),
            RuntimeFunction::Sleep => system_v(&[I64], &[]),
        }
    }
}
