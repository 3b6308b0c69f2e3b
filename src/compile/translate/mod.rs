//! Operators to intermediate code: one translator per function, one file per group of operators.

mod atomic;
mod bound;
mod bulk;
mod call;
mod control;
mod exceptions;
mod inline;
mod locals;
mod memory;
mod numeric;
mod operators;
mod profile;
mod rounding;
mod simd;
mod size;
mod state;
mod table;
mod translator;
mod wide;

pub(super) use inline::InlinedBodies;
pub(super) use size::Size;
pub(super) use translator::{Context, Translator, trap_code, trap_kind};
