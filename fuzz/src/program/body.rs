//! The body of one function as it grows: its locals, labels and what it may still do.

use super::code::{Code, op, type_byte};
use super::operators::VECTOR;
use super::shape::{Function, Plan};
use crate::random::Random;

/// A loop's own local, which nothing else writes.
const COUNTERS: usize = 4;

/// A place that a branch can go to.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// Type letters of what a branch takes along.
    pub(crate) carries: String,
    /// Loops are not left to branches: their counters end them.
    pub(crate) is_loop: bool,
}

/// One function's code under way.
pub(crate) struct Body<'a> {
    pub(crate) random: &'a mut Random,
    pub(crate) plan: &'a Plan,
    /// This function's place among all.
    pub(crate) index: usize,
    pub(crate) code: Code,
    /// Type letters of parameters and locals; the last ones are the generator's own.
    pub(crate) locals: Vec<char>,
    /// Locals that expressions may read and statements may write: the first ones.
    pub(crate) free_locals: usize,
    pub(crate) labels: Vec<Label>,
    /// Loops around.
    pub(crate) loops: usize,
    /// How often the code that comes now runs per call, at most.
    pub(crate) times: u64,
    /// What a call costs, at most, in operators and what callees cost.
    pub(crate) cost: u64,
    /// Operators that may still be written.
    pub(crate) room: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(random: &'a mut Random, plan: &'a Plan, index: usize) -> Self {
        let Function {
            parameters,
            results,
        } = &plan.functions[index];
        let mut locals: Vec<char> = parameters.chars().collect();
        for _ in 0..random.below(plan.shape.locals_max + 1) {
            locals.push(plan.letter(random));
        }
        let free_locals = locals.len();
        locals.extend(std::iter::repeat_n('i', COUNTERS));
        // Where NaNs become the one NaN.
        locals.extend(['f', 'F', 'v']);
        if plan.shape.exceptions {
            // What was caught.
            locals.push('x');
        }
        Self {
            room: 10 + random.below(plan.shape.operators_max),
            random,
            plan,
            index,
            code: Code::default(),
            locals,
            free_locals,
            labels: vec![Label {
                carries: results.clone(),
                is_loop: false,
            }],
            loops: 0,
            times: 1,
            cost: 0,
        }
    }

    /// Notes that an operator was written.
    pub(crate) fn spend(&mut self) {
        self.room = self.room.saturating_sub(1);
        self.cost += self.times;
    }

    /// The local that counts the innermost loop, and those around it.
    pub(crate) fn counter(&self, depth: usize) -> u32 {
        (self.free_locals + depth) as u32
    }

    /// Whether another loop has a counter left.
    pub(crate) fn may_loop(&self) -> bool {
        self.loops < COUNTERS
    }

    /// A local of the type `letter`; counters may be read too.
    pub(crate) fn local(&mut self, letter: char, to_write: bool) -> Option<u32> {
        let end = self.free_locals + if to_write { 0 } else { self.loops };
        let known: Vec<u32> = (0..end)
            .filter(|at| self.locals[*at] == letter)
            .map(|at| at as u32)
            .collect();
        (!known.is_empty()).then(|| self.random.pick(&known))
    }

    /// Makes any NaN on the stack, an `f`, `F`, or the lanes of a vector of them, the positive quiet one without payload.
    pub(crate) fn one_nan(&mut self, kind: Nans) {
        let (letter, place) = match kind {
            Nans::F32 => ('f', 0),
            Nans::F64 => ('F', 1),
            Nans::F32x4 | Nans::F64x2 => ('v', 2),
        };
        let local = (self.free_locals + COUNTERS + place) as u32;
        debug_assert_eq!(self.locals[local as usize], letter);
        let code = &mut self.code;
        code.op_index(op::LOCAL_SET, local);
        match kind {
            Nans::F32 => {
                code.op(op::F32_CONST);
                code.0.extend(f32::NAN.to_bits().to_le_bytes());
            }
            Nans::F64 => {
                code.op(op::F64_CONST);
                code.0.extend(f64::NAN.to_bits().to_le_bytes());
            }
            Nans::F32x4 => {
                code.prefixed(VECTOR, op::V128_CONST);
                code.0
                    .extend([f32::NAN.to_bits().to_le_bytes(); 4].concat());
            }
            Nans::F64x2 => {
                code.prefixed(VECTOR, op::V128_CONST);
                code.0
                    .extend([f64::NAN.to_bits().to_le_bytes(); 2].concat());
            }
        }
        for _ in 0..3 {
            code.op_index(op::LOCAL_GET, local);
        }
        match kind {
            Nans::F32 => code.0.extend([op::F32_NE, op::SELECT]),
            Nans::F64 => code.0.extend([op::F64_NE, op::SELECT]),
            Nans::F32x4 => {
                code.prefixed(VECTOR, op::F32X4_NE);
                code.prefixed(VECTOR, op::V128_BITSELECT);
            }
            Nans::F64x2 => {
                code.prefixed(VECTOR, op::F64X2_NE);
                code.prefixed(VECTOR, op::V128_BITSELECT);
            }
        }
    }

    /// The finished body: locals and code, without its size.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.code.op(op::END);
        let parameters = self.plan.functions[self.index].parameters.len();
        let own = &self.locals[parameters..];
        let mut out = Code::default();
        out.unsigned(own.len() as u64);
        for letter in own {
            out.0.extend([1, type_byte(*letter)]);
        }
        out.0.extend(self.code.0);
        out.0
    }
}

/// Where there may be NaNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nans {
    F32,
    F64,
    F32x4,
    F64x2,
}

impl Nans {
    /// Those of a scalar type that has some.
    pub(crate) fn of(letter: char) -> Option<Self> {
        match letter {
            'f' => Some(Nans::F32),
            'F' => Some(Nans::F64),
            _ => None,
        }
    }
}
