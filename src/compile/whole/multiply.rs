//! Finds functions that multiply 64 by 64 bits into 128, of which WebAssembly has no operator: compilers bring a function
//! of their library, `__multi3`, that puts the product together from four of half the width. The processor has one
//! instruction for all of it.
//!
//! A body is evaluated to the expressions that it stores, sums and products in one order whatever theirs is, and these are
//! compared with the ways to compute the product that are known to be right. So a function is known by what it does, not by
//! its name.

use std::collections::HashMap;

use cranelift_codegen::ir::types;
use wasmparser::{FunctionBody, MemArg, Operator};

use crate::compile::module::FunctionType;

/// Bytes of a body that is worth looking at.
const BODY_BYTES_MAX: usize = 300;
/// The low half of 64 bits.
const LOW: u64 = 0xffff_ffff;

/// A function of an address and two numbers of 128 bits, low halves first, which stores the low 128 bits of their product
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct Multiplication {
    /// The two stores, in their order.
    pub(in crate::compile) stores: [HalfStore; 2],
}

/// A store of half of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct HalfStore {
    /// Offset in the module of the operator, in bytes.
    pub(in crate::compile) offset: u32,
    /// Where it goes, from the address.
    pub(in crate::compile) argument: MemArg,
    /// Whether it is the high half.
    pub(in crate::compile) is_high: bool,
}

/// Recognises a body of type `ty`.
pub(super) fn recognise(ty: &FunctionType, body: &FunctionBody<'_>) -> Option<Multiplication> {
    let is_candidate = ty.parameters
        == [types::I32, types::I64, types::I64, types::I64, types::I64]
        && ty.results.is_empty()
        && body.as_bytes().len() <= BODY_BYTES_MAX;
    if !is_candidate {
        return None;
    }
    let mut evaluation = Evaluation::default();
    let stored = evaluation.body(body)?;
    let ways = [Evaluation::by_halves, Evaluation::with_carries];
    let known = ways
        .into_iter()
        .flat_map(|way| [(way, [1, 2, 3, 4]), (way, [3, 4, 1, 2])]);
    known.into_iter().find_map(|(way, parameters)| {
        let (low, high) = way(&mut evaluation, parameters);
        let mut stores = stored.iter().map(|(offset, argument, value)| {
            let is_high = match argument.offset {
                0 if *value == low => false,
                8 if *value == high => true,
                _ => return None,
            };
            Some(HalfStore {
                offset: *offset,
                argument: *argument,
                is_high,
            })
        });
        let stores = [stores.next()??, stores.next()??];
        (stores[0].is_high != stores[1].is_high).then_some(Multiplication { stores })
    })
}

/// An expression, by its place among all.
type Id = u32;

/// An expression of 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Expression {
    Parameter(u32),
    Constant(u64),
    /// In ascending order, none of them a sum.
    Sum(Vec<Id>),
    /// In ascending order.
    Product(Id, Id),
    /// In ascending order.
    And(Id, Id),
    /// In ascending order.
    Or(Id, Id),
    ShiftLeft(Id, Id),
    ShiftRight(Id, Id),
    /// 1 if the first is less than the second, without sign.
    Less(Id, Id),
}

/// All expressions met so far; equal ones have one place.
#[derive(Default)]
struct Evaluation {
    ids: HashMap<Expression, Id>,
    expressions: Vec<Expression>,
}

impl Evaluation {
    fn add(&mut self, expression: Expression) -> Id {
        if let Some(id) = self.ids.get(&expression) {
            return *id;
        }
        let id = self.expressions.len() as Id;
        self.expressions.push(expression.clone());
        self.ids.insert(expression, id);
        id
    }

    fn sum(&mut self, left: Id, right: Id) -> Id {
        let mut terms = Vec::new();
        for id in [left, right] {
            match &self.expressions[id as usize] {
                Expression::Sum(inner) => terms.extend_from_slice(inner),
                _ => terms.push(id),
            }
        }
        terms.sort_unstable();
        self.add(Expression::Sum(terms))
    }

    fn product(&mut self, left: Id, right: Id) -> Id {
        self.add(Expression::Product(left.min(right), left.max(right)))
    }

    fn and(&mut self, left: Id, right: Id) -> Id {
        self.add(Expression::And(left.min(right), left.max(right)))
    }

    fn or(&mut self, left: Id, right: Id) -> Id {
        self.add(Expression::Or(left.min(right), left.max(right)))
    }

    fn constant(&mut self, value: u64) -> Id {
        self.add(Expression::Constant(value))
    }

    /// Evaluates a body without branches to what it stores at parameter 0: offset of the operator, place, value.
    fn body(&mut self, body: &FunctionBody<'_>) -> Option<Vec<(u32, MemArg, Id)>> {
        let mut locals: Vec<Id> = (0..5).map(|i| self.add(Expression::Parameter(i))).collect();
        let address = locals[0];
        for group in body.get_locals_reader().ok()? {
            let (count, _) = group.ok()?;
            // A local that is read before it is written would be 0, which no known way does.
            locals.resize(locals.len() + count.min(64) as usize, Id::MAX);
        }
        let mut stack: Vec<Id> = Vec::new();
        let mut stores = Vec::new();
        let operators = body.get_operators_reader().ok()?;
        for operator in operators.into_iter_with_offsets() {
            let (operator, offset) = operator.ok()?;
            let mut binary = |this: &mut Self, make: fn(&mut Self, Id, Id) -> Id| {
                let right = stack.pop()?;
                let left = stack.pop()?;
                stack.push(make(this, left, right));
                Some(())
            };
            match operator {
                Operator::I64Add => binary(self, Self::sum)?,
                Operator::I64Mul => binary(self, Self::product)?,
                Operator::I64And => binary(self, Self::and)?,
                Operator::I64Or => binary(self, Self::or)?,
                Operator::I64Shl => binary(self, |t, x, y| t.add(Expression::ShiftLeft(x, y)))?,
                Operator::I64ShrU => binary(self, |t, x, y| t.add(Expression::ShiftRight(x, y)))?,
                Operator::I64LtU => binary(self, |t, x, y| t.add(Expression::Less(x, y)))?,
                Operator::I64GtU => binary(self, |t, x, y| t.add(Expression::Less(y, x)))?,
                Operator::I64ExtendI32U => {
                    let narrow = self.expressions.get(*stack.last()? as usize)?;
                    if !matches!(narrow, Expression::Less(..)) {
                        return None;
                    }
                }
                Operator::I64Const { value } => stack.push(self.constant(value as u64)),
                Operator::LocalGet { local_index } => {
                    let value = *locals.get(local_index as usize)?;
                    if value == Id::MAX {
                        return None;
                    }
                    stack.push(value);
                }
                Operator::LocalSet { local_index } => {
                    *locals.get_mut(local_index as usize)? = stack.pop()?;
                }
                Operator::LocalTee { local_index } => {
                    *locals.get_mut(local_index as usize)? = *stack.last()?;
                }
                Operator::I64Store { memarg } => {
                    let value = stack.pop()?;
                    if stack.pop()? != address {
                        return None;
                    }
                    stores.push((offset as u32, memarg, value));
                }
                Operator::End => break,
                _ => return None,
            }
        }
        (stores.len() == 2).then_some(stores)
    }

    /// The halves of both numbers' low 64 bits (of the first, low and high, then of the second), and what the high 64 bits
    /// add to the product's.
    fn parts(&mut self, parameters: [u32; 4]) -> ([Id; 4], Id) {
        let [a, a_high, b, b_high] = parameters.map(|i| self.add(Expression::Parameter(i)));
        let [low, bits] = [LOW, 32].map(|value| self.constant(value));
        let halves = [
            self.and(a, low),
            self.add(Expression::ShiftRight(a, bits)),
            self.and(b, low),
            self.add(Expression::ShiftRight(b, bits)),
        ];
        let (left, right) = (self.product(a, b_high), self.product(a_high, b));
        (halves, self.sum(left, right))
    }

    /// Each sum of half products is kept within 64 bits: `t = a1*b0 + (a0*b0 >> 32)`, `u = a0*b1 + (t & LOW)`; low is `u << 32 | (a0*b0 & LOW)`, high `a1*b1 + (t >> 32) + (u >> 32)` and what the
    /// high halves add.
    fn by_halves(&mut self, parameters: [u32; 4]) -> (Id, Id) {
        let ([a0, a1, b0, b1], rest) = self.parts(parameters);
        let [low, bits] = [LOW, 32].map(|value| self.constant(value));
        let lowest = self.product(a0, b0);
        let carry = self.add(Expression::ShiftRight(lowest, bits));
        let (first, second) = (self.product(a1, b0), self.product(a0, b1));
        let t = self.sum(first, carry);
        let t_low = self.and(t, low);
        let u = self.sum(second, t_low);
        let [t_high, u_high] = [t, u].map(|sum| self.add(Expression::ShiftRight(sum, bits)));
        let (top, end) = (
            self.add(Expression::ShiftLeft(u, bits)),
            self.and(lowest, low),
        );
        let product_low = self.or(top, end);
        let mut high = self.product(a1, b1);
        for term in [t_high, u_high, rest] {
            high = self.sum(high, term);
        }
        (product_low, high)
    }

    /// Sums may wrap, and tell so by being less than what was added: `q = a0*b1`, `s = q + a1*b0`,
    /// low is `a0*b0 + (s << 32)`, high `a1*b1 + ((s < q) << 32 | s >> 32) + (low < a0*b0)` and what the high halves add.
    fn with_carries(&mut self, parameters: [u32; 4]) -> (Id, Id) {
        let ([a0, a1, b0, b1], rest) = self.parts(parameters);
        let bits = self.constant(32);
        let lowest = self.product(a0, b0);
        let (q, other) = (self.product(a0, b1), self.product(a1, b0));
        let s = self.sum(q, other);
        let s_top = self.add(Expression::ShiftLeft(s, bits));
        let low = self.sum(lowest, s_top);
        let wrapped = self.add(Expression::Less(s, q));
        let wrapped = self.add(Expression::ShiftLeft(wrapped, bits));
        let s_high = self.add(Expression::ShiftRight(s, bits));
        let middle = self.or(wrapped, s_high);
        let carry = self.add(Expression::Less(low, lowest));
        let mut high = self.product(a1, b1);
        for term in [middle, carry, rest] {
            high = self.sum(high, term);
        }
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::recognise;
    use crate::compile::read;

    #[test]
    fn functions_are_known_by_what_they_do() {
        let wasm = wat::parse_str(include_str!("../../../tests/host/multiply.wat")).unwrap();
        let module = read::module(&wasm).unwrap();
        let known: Vec<bool> = (0..)
            .zip(&module.bodies)
            .map(|(index, body)| recognise(module.function_type(index), body))
            .map(|found| found.is_some())
            .collect();
        assert_eq!(known, [true, true, false, false, false]);
    }
}
