//! What a run counted: how often each block was entered, and which functions were called through tables.
//!
//! A module that is compiled to count has a counter for each block and several for each call through a table (`sites`).
//! What they hold at the end becomes a [`Profile`] (`record`), which names functions by what their bodies are (`names`), is
//! kept as text (`format`), and is looked at when the module is compiled again (`counts`). It decides about speed and size
//! of the code alone.

mod counts;
mod format;
mod names;
mod record;
mod sites;

pub(super) use counts::{RunCounts, Target};
pub(super) use sites::{CALL_TARGETS, Counters, Sites, begins_block};

pub use counts::Fit;
pub use format::{Profile, ProfileError};
pub use record::{CountersError, profile};
