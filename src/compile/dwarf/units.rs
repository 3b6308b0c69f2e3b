//! The module's units. Where lines of libraries are enough, of these the first entry alone is read, until somebody asks for more:
//! a unit of a library brings along hundreds of shapes of entries, which are needed for none of its lines.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebuggingInformationEntry, Dwarf};
use gimli::{LittleEndian, RangeIter, Reader as _, Section as _, UnitHeader, UnitOffset, UnitRef};
use gimli::{constants, constants as at};
use rayon::prelude::*;

use super::Unusable;
use super::input::Slice;
use super::library::is_library;
use super::native::Bodies;

/// An entry: its unit's place among the module's, and where it is in that.
pub(super) type EntryPlace = (usize, UnitOffset);

/// A unit as gimli reads it.
pub(super) type ReadUnit<'a> = gimli::Unit<Slice<'a>>;

/// Of which units more is told than lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Of all.
    All,
    /// Of those that are not of a library; of all where there are no others.
    Own,
}

/// All units of the module.
pub(super) struct Units<'a> {
    all: Vec<Unit<'a>>,
    depth: Depth,
}

struct Unit<'a> {
    /// What is read of it: the shapes of all its entries, or that of the first alone.
    head: ReadUnit<'a>,
    is_whole: bool,
    /// The same with all shapes, where it was asked for; `None` if that can't be read.
    whole: OnceLock<Option<Box<ReadUnit<'a>>>>,
    is_library: bool,
    /// Whether it may have code.
    has_code: bool,
}

impl<'a> Units<'a> {
    /// Reads them; `bodies` are what code may be of.
    pub(super) fn read(
        dwarf: &Dwarf<Slice<'a>>,
        bodies: &Bodies,
        depth: Depth,
    ) -> Result<Self, Unusable> {
        let mut headers = Vec::new();
        let mut all = dwarf.units();
        while let Some(header) = all.next()? {
            headers.push(header);
        }
        let units = headers.into_par_iter().map(|header| {
            let head = match depth {
                Depth::All => None,
                Depth::Own => head(dwarf, header).filter(is_library),
            };
            let is_whole = head.is_none();
            let head = match head {
                Some(head) => head,
                None => dwarf.unit(header)?,
            };
            let is_alive = |range| bodies.within(range).next().is_some();
            Ok(Unit {
                is_library: is_library(&head),
                has_code: !is_without_code(head.unit_ref(dwarf), is_alive),
                head,
                is_whole,
                whole: OnceLock::new(),
            })
        });
        let all: Vec<Unit<'a>> = units.collect::<Result<_, gimli::Error>>()?;
        // Who builds a program where libraries are kept has no other units.
        let is_own =
            |unit: &Unit<'_>| unit.has_code && unit.head.name.is_some() && !unit.is_library;
        let has_own = all.iter().any(is_own);
        let depth = if has_own { depth } else { Depth::All };
        Ok(Self { all, depth })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// What is read of unit `index` in any case: its first entry, and the names of files.
    pub(super) fn head(&self, index: usize) -> &ReadUnit<'a> {
        &self.all[index].head
    }

    /// All of unit `index`; `None` where that can't be read.
    pub(super) fn whole(&self, index: usize, dwarf: &Dwarf<Slice<'a>>) -> Option<&ReadUnit<'a>> {
        let unit = self.all.get(index)?;
        if unit.is_whole {
            return Some(&unit.head);
        }
        let read = || dwarf.unit(unit.head.header).ok().map(Box::new);
        unit.whole.get_or_init(read).as_deref()
    }

    /// The entry that a reference of unit `index` leads to.
    pub(super) fn referred(
        &self,
        index: usize,
        value: AttributeValue<Slice<'a>>,
    ) -> Option<EntryPlace> {
        match value {
            AttributeValue::UnitRef(offset) => Some((index, offset)),
            AttributeValue::DebugInfoRef(offset) => {
                let is_before = |Unit { head, .. }: &Unit<'a>| {
                    let start = head.header.offset().to_debug_info_offset(&head.header);
                    start.is_some_and(|start| start.0 <= offset.0)
                };
                let index = self.all.partition_point(is_before).checked_sub(1)?;
                let offset = offset.to_unit_offset(&self.head(index).header)?;
                Some((index, offset))
            }
            _ => None,
        }
    }

    /// Whether functions of unit `index` are not told.
    pub(super) fn is_left_out(&self, index: usize) -> bool {
        self.depth == Depth::Own && self.all[index].is_library
    }

    /// Whether unit `index` may have code.
    pub(super) fn has_code(&self, index: usize) -> bool {
        self.all[index].has_code
    }
}

/// A unit with the shape of its first entry alone; `None` where that is not the first of the shapes, or can't be read.
fn head<'a>(dwarf: &Dwarf<Slice<'a>>, header: UnitHeader<Slice<'a>>) -> Option<ReadUnit<'a>> {
    let mut shapes = *dwarf.debug_abbrev.reader();
    shapes.skip(header.debug_abbrev_offset().0).ok()?;
    let all = shapes.slice();
    // Its number, its tag and whether there are entries in it.
    shapes.skip_leb128().ok()?;
    shapes.skip_leb128().ok()?;
    shapes.skip(1).ok()?;
    loop {
        let name = shapes.read_uleb128().ok()?;
        let form = shapes.read_uleb128().ok()?;
        match (name, form) {
            (0, 0) => break,
            (_, form) if form == u64::from(constants::DW_FORM_implicit_const.0) => {
                shapes.skip_leb128().ok()?;
            }
            _ => {}
        }
    }
    // A zero ends the list of shapes.
    let mut first = all[..all.len() - shapes.len()].to_vec();
    first.push(0);
    let first = DebugAbbrev::new(&first, LittleEndian).abbreviations(DebugAbbrevOffset(0));
    ReadUnit::new_with_abbreviations(dwarf, header, Arc::new(first.ok()?)).ok()
}

/// The ranges of addresses that `entry` of `unit` says it has.
///
/// # Errors
///
/// They can't be read, or end behind all addresses, which gimli would add up.
pub(super) fn code_ranges<'a>(
    unit: UnitRef<'_, Slice<'a>>,
    entry: &DebuggingInformationEntry<Slice<'a>>,
) -> gimli::Result<RangeIter<Slice<'a>>> {
    let start = entry.attr_value(at::DW_AT_low_pc);
    let start = start.and_then(|start| unit.attr_address(start).ok().flatten());
    if let (Some(start), Some(AttributeValue::Udata(len))) =
        (start, entry.attr_value(at::DW_AT_high_pc))
        && start.checked_add(len).is_none()
    {
        return Err(gimli::Error::AddressOverflow);
    }
    unit.die_ranges(entry)
}

/// Whether a unit says where its code is, and nothing of that `is_alive`, as of most that a library brings along.
fn is_without_code<'a>(
    unit: UnitRef<'_, Slice<'a>>,
    is_alive: impl Fn(Range<u64>) -> bool,
) -> bool {
    let mut entries = unit.entries();
    let Ok(Some(root)) = entries.next_dfs() else {
        return false;
    };
    let has = |name| root.attr(name).is_some();
    let is_told = has(at::DW_AT_ranges) || (has(at::DW_AT_low_pc) && has(at::DW_AT_high_pc));
    let Ok(mut ranges) = code_ranges(unit, root) else {
        return false;
    };
    loop {
        match ranges.next() {
            Ok(Some(range)) if is_alive(range.begin..range.end) => return false,
            Ok(Some(_)) => {}
            Ok(None) => return is_told,
            Err(_) => return false,
        }
    }
}
