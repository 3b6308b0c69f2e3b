//! How much a function asks of the code generator.

use super::translator::Translator;

/// Operators up to which a function is compiled as the caller chose.
const OPERATORS_MAX: usize = 1 << 17;

/// Blocks of the intermediate code, likewise: an optimiser's look-ups and the splitting of ranges of values each take time
/// that grows with the square of their count.
const BLOCKS_MAX: usize = 12_000;

/// Loops in loops, likewise: moving code out of loops looks at each of them, for each operator and each loop again.
const LOOP_DEPTH_MAX: usize = 64;

/// Values that are alive at once, likewise: each that has no register is tried against all others.
const VALUES_ALIVE_MAX: usize = 4_000;

/// What counts of a function's size, taken while it is translated.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::compile) struct Size {
    operators: usize,
    blocks: usize,
    loop_depth: usize,
    values_alive: usize,
}

impl Size {
    /// Whether the function is so large that it gets the settings whose time grows with its size alone: far beyond what a
    /// compiler makes of a program.
    pub(in crate::compile) fn is_large(&self) -> bool {
        self.operators > OPERATORS_MAX
            || self.blocks > BLOCKS_MAX
            || self.loop_depth > LOOP_DEPTH_MAX
            || self.values_alive > VALUES_ALIVE_MAX
    }
}

impl Translator<'_> {
    /// Takes note of an operator, which has been translated.
    pub(super) fn measure(&mut self) {
        let values_alive = self.stack.len() + self.locals.len();
        let size = &mut self.size;
        size.operators += 1;
        size.loop_depth = size.loop_depth.max(self.loop_depth);
        size.values_alive = size.values_alive.max(values_alive);
    }

    /// The size of what has been translated so far.
    pub(super) fn size(&self) -> Size {
        Size {
            blocks: self.builder.func.dfg.num_blocks(),
            ..self.size
        }
    }
}
