//! From the counters of a run to a profile.

use std::collections::HashMap;

use super::format::{CallProfile, FunctionProfile, Profile};
use super::names::{self, FunctionName};
use super::sites::{CALL_TARGETS, Counters, Sites};
use crate::compile::error::CompileError;
use crate::compile::initializer::Initializer;
use crate::compile::module::{Module, SegmentMode};
use crate::compile::{names as symbols, read};

/// Why counters make no profile.
#[derive(Debug, thiserror::Error)]
pub enum CountersError {
    /// The module is not one.
    #[error(transparent)]
    Module(#[from] CompileError),
    /// They are of another module.
    #[error("there are {found} bytes of counters, and the module has {expected}")]
    Length {
        /// How many bytes there are.
        found: usize,
        /// How many the module has.
        expected: u64,
    },
}

/// The profile of a run of `wasm` that left `counters` behind: numbers of 64 bits, little endian, the whole array that
/// `mewz_abi::application::Application::counters` tells of.
///
/// # Errors
///
/// `wasm` is not what was compiled.
pub fn profile(wasm: &[u8], counters: &[u8]) -> Result<Profile, CountersError> {
    let module = read::module(wasm)?;
    let places = Counters::of(&module);
    if counters.len() as u64 != 8 * places.len {
        return Err(CountersError::Length {
            found: counters.len(),
            expected: 8 * places.len,
        });
    }
    let (counters, _) = counters.as_chunks::<8>();
    let names = names::names(&module);
    let labels = symbols::functions(&module);
    let tables: Vec<_> = (0..module.tables.len() as u32)
        .map(|table| elements(&module, table))
        .collect();
    let own = &labels[module.functions_imported as usize..];
    let mut functions = Vec::with_capacity(names.len());
    for (((body, start), name), label) in module
        .bodies
        .iter()
        .zip(&places.starts)
        .zip(&names)
        .zip(own)
    {
        let counter = |at: u32| u64::from_le_bytes(counters[*start as usize + at as usize]);
        let sites = Sites::of(body);
        let blocks: Vec<u64> = (0..sites.blocks.len() as u32).map(counter).collect();
        let has_run = blocks.iter().any(|count| *count > 0);
        let mut calls = Vec::new();
        for ((offset, table), number) in sites.calls.iter().zip(0..) {
            let first = sites.call(*offset);
            for target in 0..CALL_TARGETS {
                let index = counter(first + 2 * target).checked_sub(1);
                let count = counter(first + 2 * target + 1);
                let callee = index.and_then(|index| tables[*table as usize].get(&index));
                let own = callee.and_then(|callee| callee.checked_sub(module.functions_imported));
                if let Some(own) = own {
                    calls.push(CallProfile {
                        call: number,
                        callee: names[own as usize],
                        count,
                    });
                }
            }
        }
        functions.push(FunctionProfile {
            name: *name,
            label: label.replace(char::is_control, " "),
            blocks: if has_run { blocks } else { Vec::new() },
            calls,
        });
    }
    Ok(Profile { functions })
}

/// What a table holds at first, as far as that is known before instantiation.
pub(super) fn elements(module: &Module<'_>, table: u32) -> HashMap<u64, u32> {
    let mut elements = HashMap::new();
    for segment in &module.elements {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let Some(start) = offset.as_index().filter(|_| *target == table) else {
            continue;
        };
        for (item, at) in segment.items.iter().zip(0..) {
            let Some(index) = start.checked_add(at) else {
                continue;
            };
            match item {
                Initializer::Function(function) => elements.insert(index, *function),
                _ => elements.remove(&index),
            };
        }
    }
    elements
}

/// Functions of a module by their names.
pub(super) fn by_name(module: &Module<'_>) -> HashMap<FunctionName, u32> {
    let own = module.functions_imported..;
    names::names(module).into_iter().zip(own).collect()
}
