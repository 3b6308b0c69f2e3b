//! Compiled functions before they have a place: each is a piece that knows nothing of the others.

use std::sync::Arc;

use mewz_abi::exception::Handler;
use mewz_abi::trap::TrapKind;

use super::debug::Rows;
use super::dwarf::Places;
use super::incremental::binding;
use super::incremental::reading::Reading;
use super::plan::Plan;
use super::symbols::SymbolId;
use crate::relocatable::RelocationKind;

/// A compiled function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    /// The machine code.
    pub(super) bytes: Vec<u8>,
    /// Its alignment.
    pub(super) alignment: u32,
    /// What must be relocated in it.
    pub(super) relocations: Vec<CodeRelocation>,
    /// Where it traps on purpose.
    pub(super) traps: Vec<Trap>,
    /// Clauses that take exceptions which pass its calls, by offsets from the function's start; those of one call follow
    /// each other in the order of trying.
    pub(super) handlers: Vec<Handler>,
    /// Rows of the address map; see `debug`.
    pub(super) locations: Rows,
    /// How to unwind it: a record of `unwind`, or nothing.
    pub(super) unwind: Vec<u8>,
    /// Bytes of code before that of the first operator.
    pub(super) entry_bytes: u32,
    /// Where the locals are that debug information mentions.
    pub(super) places: Places,
}

/// A function's code as this module uses it.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The code.
    pub(super) code: Arc<Code>,
    /// What its targets are numbers of; `None` where they are symbols of this module.
    pub(super) reading: Option<Arc<Reading>>,
}

impl Piece {
    /// The symbol that a relocation is about; `None` for the function itself.
    pub(super) fn target(&self, relocation: &CodeRelocation, plan: &Plan) -> Option<SymbolId> {
        let target = relocation.target?;
        Some(match &self.reading {
            None => target,
            Some(reading) => binding::bound(target, &reading.references, plan)
                .expect("code that is kept refers to what its function names"),
        })
    }

    /// The clauses of its calls, with tags of this module.
    pub(super) fn handlers(&self) -> impl Iterator<Item = Handler> {
        self.code.handlers.iter().map(|handler| Handler {
            clause: match &self.reading {
                None => handler.clause,
                Some(reading) => binding::bound_clause(handler.clause, &reading.references)
                    .expect("code that is kept refers to what its function names"),
            },
            ..*handler
        })
    }

    /// What is to be stored for a relocation that is about slot `slot`.
    pub(super) fn constant(&self, relocation: &CodeRelocation, slot: u32) -> i64 {
        let value = self.reading.as_ref().map_or(0, |reading| {
            *reading
                .constants
                .get(slot as usize)
                .expect("code that is kept has the slots of its function")
        });
        value.cast_signed().wrapping_add(relocation.addend)
    }
}

impl From<Code> for Piece {
    fn from(code: Code) -> Self {
        Self {
            code: Arc::new(code),
            reading: None,
        }
    }
}

/// A value to be stored in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeRelocation {
    /// Bytes from the function's start.
    pub(super) offset: u32,
    /// How.
    pub(super) kind: RelocationKind,
    /// The address of what; `None` for that of the function itself.
    pub(super) target: Option<SymbolId>,
    /// Bytes to add to it. In code that is not kept, a slot's value is part of it.
    pub(super) addend: i64,
}

/// An instruction that traps on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trap {
    /// Bytes from the function's start.
    pub(super) code_offset: u32,
    /// Bytes from the start of the function's body, modulo 2^32; 0 where the code comes from no operator.
    pub(super) wasm_offset: u32,
    /// The cause.
    pub(super) kind: TrapKind,
}
