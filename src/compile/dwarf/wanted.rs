//! Which locals of which functions the module's DWARF mentions: these get places that a debugger can be told.

use std::collections::{BTreeMap, BTreeSet};

use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Expression, Operation, UnitRef};
use gimli::{DW_AT_frame_base, DW_TAG_subprogram};

use super::Unusable;
use super::input::{Slice, dwarf};
use crate::compile::module::Module;

/// Entries in entries that are followed. Compilers stay far below, and what writes them goes down by calling itself.
pub(super) const DEPTH_MAX: isize = 500;

/// What functions want, by where their bodies begin, in bytes from the start of the code section's content.
#[derive(Clone, Debug, Default)]
pub(in crate::compile) struct Wanted(BTreeMap<u64, WantedLocals>);

/// What one function wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::compile) struct WantedLocals {
    /// Locals that are also kept on the stack, where they are as long as the function runs.
    pub(in crate::compile) kept: BTreeSet<u32>,
    /// Locals whose registers are told, while they have some.
    pub(in crate::compile) told: BTreeSet<u32>,
}

impl Wanted {
    /// What the function whose body begins at `body_offset` of the module wants.
    pub(in crate::compile) fn of(
        &self,
        module: &Module<'_>,
        body_offset: u32,
    ) -> Option<&WantedLocals> {
        let address = body_offset.checked_sub(module.code_offset)?;
        self.0.get(&u64::from(address))
    }
}

/// Reads which locals `module`'s DWARF mentions.
///
/// The local that a frame's address is in is set once and kept. Variables that lie in locals are kept where `keeps_all` says
/// so or no variable of the function moves, as in code that was not optimised; elsewhere keeping them would cost much (one
/// loop took 2.1 times as long), and registers must do.
///
/// # Errors
///
/// The DWARF is broken.
pub(in crate::compile) fn wanted(module: &Module<'_>, keeps_all: bool) -> Result<Wanted, Unusable> {
    let Some(dwarf) = dwarf(module) else {
        return Ok(Wanted::default());
    };
    let mut all = Wanted::default();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        of_unit(&dwarf, unit.unit_ref(&dwarf), keeps_all, &mut all)?;
    }
    Ok(all)
}

/// A function while its entries are read.
struct Function {
    depth: isize,
    address: Option<u64>,
    frame: BTreeSet<u32>,
    variables: BTreeSet<u32>,
    is_moving: bool,
}

fn of_unit<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: UnitRef<'_, Slice<'a>>,
    keeps_all: bool,
    all: &mut Wanted,
) -> Result<(), Unusable> {
    let mut functions: Vec<Function> = Vec::new();
    let mut entries = unit.entries_raw(None)?;
    let mut entry = DebuggingInformationEntry::null();
    while !entries.is_empty() {
        if !entries.read_entry(&mut entry)? {
            continue;
        }
        let depth = entry.depth();
        if depth > DEPTH_MAX {
            return Err(Unusable(format!(
                "its entries nest deeper than {DEPTH_MAX}"
            )));
        }
        while functions.last().is_some_and(|last| last.depth >= depth) {
            all.finish(functions.pop());
        }
        if entry.tag() == DW_TAG_subprogram {
            let low = entry.attr_value(gimli::DW_AT_low_pc);
            let address = low.and_then(|value| dwarf.attr_address(&unit, value).ok().flatten());
            functions.push(Function {
                depth,
                address,
                frame: BTreeSet::new(),
                variables: BTreeSet::new(),
                is_moving: false,
            });
        }
        let Some(function) = functions.last_mut() else {
            continue;
        };
        for attribute in entry.attrs() {
            match attribute.value() {
                AttributeValue::Exprloc(expression) => {
                    let into = if attribute.name() == DW_AT_frame_base {
                        &mut function.frame
                    } else {
                        &mut function.variables
                    };
                    mentioned(&unit, expression, into);
                }
                value @ (AttributeValue::LocationListsRef(_)
                | AttributeValue::DebugLocListsIndex(_)) => {
                    function.is_moving = !keeps_all;
                    let Ok(Some(mut list)) = unit.attr_locations(value) else {
                        continue;
                    };
                    while let Ok(Some(location)) = list.next() {
                        mentioned(&unit, location.data, &mut function.variables);
                    }
                }
                _ => {}
            }
        }
    }
    for function in functions.drain(..) {
        all.finish(Some(function));
    }
    Ok(())
}

impl Wanted {
    fn finish(&mut self, function: Option<Function>) {
        let Some(function) = function else { return };
        let Some(address) = function.address else {
            return;
        };
        let mut wanted = WantedLocals {
            kept: function.frame,
            told: function.variables,
        };
        if !function.is_moving {
            wanted.kept.append(&mut wanted.told);
        }
        wanted.told.retain(|local| !wanted.kept.contains(local));
        if wanted != WantedLocals::default() {
            self.0.insert(address, wanted);
        }
    }
}

/// Adds the locals that `expression` names.
fn mentioned<'a>(
    unit: &UnitRef<'_, Slice<'a>>,
    expression: Expression<Slice<'a>>,
    into: &mut BTreeSet<u32>,
) {
    let mut operations = expression.operations(unit.encoding());
    while let Ok(Some(operation)) = operations.next() {
        if let Operation::WasmLocal { index } = operation {
            into.insert(index);
        }
    }
}
