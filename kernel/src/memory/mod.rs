//! Physical frames, page tables, the heap, linear memory.

pub(crate) mod direct;
pub(crate) mod fault;
pub(crate) mod heap;
pub(crate) mod linear;
pub(crate) mod paging;
#[cfg(feature = "debugger")]
pub(crate) mod peek;
pub(crate) mod physical;
pub(crate) mod stack;
pub(crate) mod start_information;
pub(crate) mod table;
pub(crate) mod window;
