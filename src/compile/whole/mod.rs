//! What only a look at the whole module tells: which functions become part of their callers, and which are left then.

mod decide;
mod guard;
mod multiply;
mod order;
mod summary;

pub(super) use decide::Inlining;
pub(super) use guard::Guard;
pub(super) use multiply::Multiplication;
