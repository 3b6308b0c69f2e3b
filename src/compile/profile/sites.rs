//! What is counted of a body, and where its counters lie.

use rayon::prelude::*;
use wasmparser::{FunctionBody, Operator};

use crate::compile::module::Module;

/// Callees that are told apart at one call through a table.
pub(in crate::compile) const CALL_TARGETS: u32 = 4;
/// Counters of a call through a table: for each callee its index in the table and 1, and how often it was called.
const CALL_COUNTERS: u32 = 2 * CALL_TARGETS;

/// Bodies that one thread reads before it looks for more.
const READ_AT_ONCE: usize = 64;

/// What is counted of a body, by offsets in the module.
#[derive(Clone, Debug, Default)]
pub(in crate::compile) struct Sites {
    /// The body's first byte, then every operator behind which a block begins.
    pub(super) blocks: Vec<u32>,
    /// Calls through tables, with the tables.
    pub(super) calls: Vec<(u32, u32)>,
}

impl Sites {
    /// Those of a validated body.
    pub(in crate::compile) fn of(body: &FunctionBody<'_>) -> Self {
        let mut sites = Self {
            blocks: vec![body.range().start as u32],
            calls: Vec::new(),
        };
        let operators = body.get_operators_reader().expect("validation reads them");
        for operator in operators.into_iter_with_offsets() {
            let (operator, offset) = operator.expect("validation has read every operator");
            if begins_block(&operator) {
                sites.blocks.push(offset as u32);
            } else if let Operator::CallIndirect { table_index, .. } = operator {
                sites.calls.push((offset as u32, table_index));
            }
        }
        // Nothing of the body comes after its own end.
        sites.blocks.pop();
        sites
    }

    /// How many counters they have.
    pub(super) fn counters(&self) -> u64 {
        self.blocks.len() as u64 + u64::from(CALL_COUNTERS) * self.calls.len() as u64
    }

    /// The counter of the block that begins at `offset`.
    pub(in crate::compile) fn block(&self, offset: u32) -> u32 {
        let found = self.blocks.binary_search(&offset);
        found.expect("every block is among the sites") as u32
    }

    /// The first counter of the call at `offset`.
    pub(in crate::compile) fn call(&self, offset: u32) -> u32 {
        let found = self.calls.binary_search_by_key(&offset, |(call, _)| *call);
        let number = found.expect("every call through a table is among the sites") as u32;
        self.blocks.len() as u32 + CALL_COUNTERS * number
    }
}

/// Whether a block begins behind the operator.
pub(in crate::compile) fn begins_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::BrIf { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
    )
}

/// The counters of a module: those of its bodies one after the other.
#[derive(Clone, Debug, Default)]
pub(in crate::compile) struct Counters {
    /// The first counter of each body.
    pub(in crate::compile) starts: Vec<u64>,
    /// How many there are.
    pub(in crate::compile) len: u64,
}

impl Counters {
    /// Those of a validated module.
    pub(in crate::compile) fn of(module: &Module<'_>) -> Self {
        let bodies = module.bodies.par_iter().with_min_len(READ_AT_ONCE);
        let lens: Vec<u64> = bodies.map(|body| Sites::of(body).counters()).collect();
        let mut counters = Self::default();
        for len in lens {
            counters.starts.push(counters.len);
            counters.len += len;
        }
        counters
    }
}
