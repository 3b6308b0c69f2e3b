//! Physical frames, page tables, the heap, linear memory.

#[allow(unused_imports)]
pub(crate) use mewz_kernel::guest;
