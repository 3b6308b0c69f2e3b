//! Constant expressions: first values of globals, elements and offsets, folded as far as the module alone allows.

use wasmparser::{ConstExpr, Operator};

use super::module::Global;

/// A constant expression after folding.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Initializer {
    /// A number; the low bytes of it are the value's bits. A null reference is 0.
    Bits(u128),
    /// A reference to a function.
    Function(u32),
    /// Known at instantiation only: it reads imported globals.
    Steps(Vec<Step>),
}

/// A step of a constant expression on a stack of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Pushes an i32.
    I32(i32),
    /// Pushes an i64.
    I64(i64),
    /// Pushes an f32, by its bits.
    F32(u32),
    /// Pushes an f64, by its bits.
    F64(u64),
    /// Pushes a v128, by its bits.
    V128(u128),
    /// Pushes a null reference.
    Null,
    /// Pushes a reference to a function.
    Function(u32),
    /// Pushes a global's value.
    Global(u32),
    /// Replaces two values by one.
    Binary(BinaryStep),
}

/// An operator of the extended constant expressions; the flag tells 64 bits from 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryStep {
    /// Sum.
    Add {
        /// Whether the values are i64.
        is_64: bool,
    },
    /// Difference.
    Sub {
        /// Whether the values are i64.
        is_64: bool,
    },
    /// Product.
    Mul {
        /// Whether the values are i64.
        is_64: bool,
    },
}

impl Initializer {
    /// Reads a validated expression; `globals` are those that may be read.
    pub(super) fn read(expression: &ConstExpr<'_>, globals: &[Global]) -> wasmparser::Result<Self> {
        let mut steps = Vec::new();
        for operator in expression.get_operators_reader() {
            steps.extend(step(&operator?));
        }
        Ok(fold(&steps, globals).unwrap_or(Initializer::Steps(steps)))
    }

    /// Whether the value is known without instantiating the module.
    pub(super) fn is_constant(&self) -> bool {
        !matches!(self, Initializer::Steps(_))
    }

    /// The value as an index, i32 or i64, where it is known.
    pub(super) fn as_index(&self) -> Option<u64> {
        match self {
            Initializer::Bits(bits) => Some(*bits as u64),
            _ => None,
        }
    }

    /// Every function that the expression refers to.
    pub(super) fn functions(&self) -> Vec<u32> {
        match self {
            Initializer::Bits(_) => Vec::new(),
            Initializer::Function(index) => vec![*index],
            Initializer::Steps(steps) => steps
                .iter()
                .filter_map(|step| match step {
                    Step::Function(index) => Some(*index),
                    _ => None,
                })
                .collect(),
        }
    }
}

fn step(operator: &Operator<'_>) -> Option<Step> {
    Some(match operator {
        Operator::I32Const { value } => Step::I32(*value),
        Operator::I64Const { value } => Step::I64(*value),
        Operator::F32Const { value } => Step::F32(value.bits()),
        Operator::F64Const { value } => Step::F64(value.bits()),
        Operator::V128Const { value } => Step::V128(value.i128() as u128),
        Operator::RefNull { .. } => Step::Null,
        Operator::RefFunc { function_index } => Step::Function(*function_index),
        Operator::GlobalGet { global_index } => Step::Global(*global_index),
        Operator::I32Add => Step::Binary(BinaryStep::Add { is_64: false }),
        Operator::I32Sub => Step::Binary(BinaryStep::Sub { is_64: false }),
        Operator::I32Mul => Step::Binary(BinaryStep::Mul { is_64: false }),
        Operator::I64Add => Step::Binary(BinaryStep::Add { is_64: true }),
        Operator::I64Sub => Step::Binary(BinaryStep::Sub { is_64: true }),
        Operator::I64Mul => Step::Binary(BinaryStep::Mul { is_64: true }),
        Operator::End => return None,
        other => unreachable!("validation lets only constant operators through, not {other:?}"),
    })
}

/// The value of `steps`, where no step needs an instance.
fn fold(steps: &[Step], globals: &[Global]) -> Option<Initializer> {
    let mut stack: Vec<Initializer> = Vec::new();
    for step in steps {
        let value = match step {
            Step::I32(value) => Initializer::Bits(u128::from(*value as u32)),
            Step::I64(value) => Initializer::Bits(u128::from(*value as u64)),
            Step::F32(bits) => Initializer::Bits(u128::from(*bits)),
            Step::F64(bits) => Initializer::Bits(u128::from(*bits)),
            Step::V128(bits) => Initializer::Bits(*bits),
            Step::Null => Initializer::Bits(0),
            Step::Function(index) => Initializer::Function(*index),
            Step::Global(index) => globals.get(*index as usize)?.constant()?.clone(),
            Step::Binary(operator) => {
                let (Initializer::Bits(right), Initializer::Bits(left)) =
                    (stack.pop()?, stack.pop()?)
                else {
                    return None;
                };
                Initializer::Bits(operator.apply(left, right))
            }
        };
        stack.push(value);
    }
    stack.pop()
}

impl BinaryStep {
    fn apply(self, left: u128, right: u128) -> u128 {
        let (left, right) = (left as u64, right as u64);
        let (result, is_64) = match self {
            BinaryStep::Add { is_64 } => (left.wrapping_add(right), is_64),
            BinaryStep::Sub { is_64 } => (left.wrapping_sub(right), is_64),
            BinaryStep::Mul { is_64 } => (left.wrapping_mul(right), is_64),
        };
        u128::from(if is_64 {
            result
        } else {
            u64::from(result as u32)
        })
    }
}
