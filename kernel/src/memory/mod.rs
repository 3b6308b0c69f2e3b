//! Physical frames, page tables, the heap, linear memory.

pub(crate) mod guest;
