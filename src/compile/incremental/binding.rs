//! Between code that names things by their number in the function and the things of this module.

use mewz_abi::exception::CLAUSE_ALL;

use super::reading::{Kind, Reading, Reference};
use crate::compile::pieces::Code;
use crate::compile::plan::Plan;
use crate::compile::symbols::SymbolId;

/// Replaces what `code` refers to by numbers in `reading`, and takes the values of slots out; tells whether all of it could
/// be.
pub(in crate::compile) fn abstracted(code: &Code, reading: &Reading, plan: &Plan) -> Option<Code> {
    let Reading {
        references,
        constants,
        digest: _,
        exceptions: _,
    } = reading;
    let mut code = code.clone();
    let number = |is_it: &dyn Fn(&Reference) -> bool| {
        let at = references.iter().position(is_it)?;
        Some(at as u32)
    };
    for relocation in &mut code.relocations {
        let Some(target) = relocation.target else {
            continue;
        };
        let is = |reference: &Reference, kind, index| *reference == Reference { kind, index };
        relocation.target = Some(match target {
            SymbolId::Function(index) => {
                SymbolId::Function(number(&|r| is(r, Kind::Function, index))?)
            }
            SymbolId::ImportedFunction(index) => {
                SymbolId::ImportedFunction(number(&|r| is(r, Kind::Function, index))?)
            }
            SymbolId::ImportedGlobal(index) => {
                SymbolId::ImportedGlobal(number(&|r| is(r, Kind::Global, index))?)
            }
            SymbolId::ImportedTable(index) => SymbolId::ImportedTable(number(&|r| {
                r.index == index && matches!(r.kind, Kind::Table | Kind::GrownTable)
            })?),
            SymbolId::Type(first) => SymbolId::Type(number(&|r| {
                r.kind == Kind::Type && plan.types[r.index as usize] == SymbolId::Type(first)
            })?),
            SymbolId::Constant(slot) => {
                let value = constants.get(slot as usize)?.cast_signed();
                relocation.addend = relocation.addend.wrapping_sub(value);
                target
            }
            SymbolId::ImportedMemory(_) | SymbolId::Runtime(_) | SymbolId::Single(_) => target,
            SymbolId::Tag(index) => SymbolId::Tag(number(&|r| is(r, Kind::Tag, index))?),
            SymbolId::Entry(_) | SymbolId::InstantiatePart(_) => return None,
        });
    }
    for handler in &mut code.handlers {
        let is = |r: &Reference, index| r.kind == Kind::Tag && r.index == index;
        handler.clause = with_tag(handler.clause, |index| number(&|r| is(r, index)))?;
    }
    Some(code)
}

/// What a target of abstracted code is in the module of `references`; `None` where the code is not of such a function.
pub(in crate::compile) fn bound(
    target: SymbolId,
    references: &[Reference],
    plan: &Plan,
) -> Option<SymbolId> {
    let index = |number: u32| Some(references.get(number as usize)?.index);
    Some(match target {
        SymbolId::Function(number) => SymbolId::Function(index(number)?),
        SymbolId::ImportedFunction(number) => SymbolId::ImportedFunction(index(number)?),
        SymbolId::ImportedGlobal(number) => SymbolId::ImportedGlobal(index(number)?),
        SymbolId::ImportedTable(number) => SymbolId::ImportedTable(index(number)?),
        SymbolId::Type(number) => *plan.types.get(index(number)? as usize)?,
        SymbolId::Tag(number) => SymbolId::Tag(index(number)?),
        other => other,
    })
}

/// What clause `clause` of abstracted code is in the module of `references`; `None` as for [`bound`].
pub(in crate::compile) fn bound_clause(clause: u32, references: &[Reference]) -> Option<u32> {
    with_tag(clause, |number| {
        Some(references.get(number as usize)?.index)
    })
}

/// A clause, as `mewz_abi::exception::Handler` has it, with another tag in place of its own, if it has one.
fn with_tag(clause: u32, tag: impl FnOnce(u32) -> Option<u32>) -> Option<u32> {
    match clause >> 1 {
        CLAUSE_ALL => Some(clause),
        own => Some(tag(own)? << 1 | clause & 1),
    }
}
