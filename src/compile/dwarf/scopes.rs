//! What the module's DWARF tells of functions but for types and variables: names, blocks, and the bodies that the module's
//! own compiler made part of them.

use std::ops::Range;
use std::sync::OnceLock;

use gimli::{AttributeValue, DebuggingInformationEntry, DwTag, UnitOffset, UnitRef};
use gimli::{constants as at, constants as tag};
use rayon::prelude::*;

use super::Unusable;
use super::input::Slice;
use super::lines::{LineTables, SourcePlace};
use super::said::{Said, name_at, text};
use super::units::{EntryPlace, code_ranges};
use super::walk::{Event, Role, Stop, Walk, Within};

/// References from entry to entry that are followed for a name.
const REFERENCES_MAX: usize = 8;

/// Names around a function that are told.
pub(super) const SPACES_MAX: usize = 32;

/// Scopes in scopes that are told of; what lies deeper counts to the innermost of these.
const SCOPE_DEPTH_MAX: u32 = 128;

/// A function that the module's DWARF tells of.
#[derive(Debug)]
pub(super) struct Told {
    /// Its entry.
    pub(super) entry: EntryPlace,
    /// Its blocks and the bodies in it; those around others come first.
    pub(super) scopes: Vec<Scope>,
    /// From each address on, ascending, the innermost scope.
    changes: Vec<(u64, Option<u32>)>,
}

/// A block, or a body that the module's compiler made part of a function.
#[derive(Debug)]
pub(super) struct Scope {
    /// The one around it.
    pub(super) parent: Option<u32>,
    depth: u32,
    /// Its entry, in the unit of its function.
    pub(super) entry: UnitOffset,
    /// What it is a body of; `None` for a block.
    pub(super) body: Option<InlinedScope>,
}

/// A body that the module's compiler made part of a function.
#[derive(Debug)]
pub(super) struct InlinedScope {
    /// The entry of its function.
    pub(super) origin: EntryPlace,
    /// The call that it stands for.
    pub(super) call: Option<SourcePlace>,
}

impl Told {
    /// The innermost scope at `address`.
    pub(super) fn scope_at(&self, address: u64) -> Option<u32> {
        self.scope_around(address).0
    }

    /// As [`Told::scope_at`], with the addresses for which it holds.
    pub(super) fn scope_around(&self, address: u64) -> (Option<u32>, Range<u64>) {
        let after = self.changes.partition_point(|(start, _)| *start <= address);
        let end = self
            .changes
            .get(after)
            .map_or(u64::MAX, |(start, _)| *start);
        match after.checked_sub(1) {
            Some(at) => (self.changes[at].1, self.changes[at].0..end),
            None => (None, 0..end),
        }
    }

    /// The innermost body of another function, from the scope at `place` outwards.
    pub(super) fn inlined_from(&self, mut place: Option<u32>) -> Option<u32> {
        while let Some(at) = place {
            let scope = &self.scopes[at as usize];
            if scope.body.is_some() {
                return place;
            }
            place = scope.parent;
        }
        None
    }
}

/// A namespace or type that functions are in: its unit's place among the module's, and its own in that.
pub(super) type SpacePlace = (usize, u32);

/// What a function is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Naming<'a> {
    /// Its name in the sources.
    pub(super) name: Option<&'a [u8]>,
    /// That of its symbol.
    pub(super) linkage_name: Option<&'a [u8]>,
    /// The innermost namespace or type around it.
    pub(super) space: Option<SpacePlace>,
    /// Whether other units can name it.
    pub(super) is_external: bool,
}

/// Functions of the module, by its DWARF.
pub(super) struct Scopes {
    told: Vec<Told>,
    /// Where in these each body is, by its place among the module's.
    of_bodies: Vec<Option<u32>>,
    /// What is around functions, of each unit; of those without code when it is asked for.
    around: Vec<OnceLock<Around>>,
}

/// What is around functions in one unit.
#[derive(Default)]
struct Around {
    /// Namespaces and types: what is around them, and their entries.
    spaces: Vec<(Option<u32>, DwTag, UnitOffset)>,
    /// From each function's entry on, in ascending order, the innermost one around functions.
    functions: Vec<(UnitOffset, Option<u32>)>,
}

impl Scopes {
    /// Reads them of the units of `tables` that are not left out, for those bodies that `is_wanted`.
    pub(super) fn read(
        tables: &LineTables<'_>,
        is_wanted: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Self, Unusable> {
        let units = &tables.units;
        let all = (0..units.len()).into_par_iter();
        let read = all.map(|index| {
            if !units.has_code(index) || units.is_left_out(index) {
                return Ok(None);
            }
            let reader = Reader::new(tables, index, is_wanted).ok_or_else(|| {
                let problem = "the shapes of a unit's entries can't be read";
                Unusable(problem.to_owned())
            })?;
            reader.read().map(Some)
        });
        let read: Vec<_> = read.collect::<Result<_, Unusable>>()?;
        let mut scopes = Self {
            told: Vec::new(),
            of_bodies: vec![None; tables.bodies.len()],
            around: Vec::with_capacity(read.len()),
        };
        for read in read {
            let (all, around) = match read {
                Some((all, around)) => (all, OnceLock::from(around)),
                None => (Vec::new(), OnceLock::new()),
            };
            for (body, told) in all {
                if scopes.of_bodies[body].is_none() {
                    scopes.of_bodies[body] = Some(scopes.told.len() as u32);
                    scopes.told.push(told);
                }
            }
            scopes.around.push(around);
        }
        Ok(scopes)
    }

    /// What is told of the function with body `index`.
    pub(super) fn told(&self, index: usize) -> Option<&Told> {
        let place = self.of_bodies[index]?;
        Some(&self.told[place as usize])
    }

    /// Reads what the function is called whose entry is at `place`.
    pub(super) fn naming<'a>(&self, tables: &LineTables<'a>, place: EntryPlace) -> Naming<'a> {
        let mut naming = Naming::default();
        let mut next = Some(place);
        for _ in 0..REFERENCES_MAX {
            let Some((index, offset)) = next.take() else {
                break;
            };
            let Some(unit) = tables.units.whole(index, &tables.dwarf) else {
                break;
            };
            let unit = unit.unit_ref(&tables.dwarf);
            let Ok(said) = Said::read(unit, offset) else {
                break;
            };
            let text = |value: Option<_>| text(unit, value?);
            naming.name = naming.name.or_else(|| text(said.name));
            let linkage = || text(said.linkage_name).or_else(|| text(said.old_linkage_name));
            naming.linkage_name = naming.linkage_name.or_else(linkage);
            naming.is_external |= said.is_external;
            let space = || Some((index, self.around_of(tables, index).of(offset)?));
            naming.space = naming.space.or_else(space);
            let reference = said.origin.or(said.specification);
            next = reference.and_then(|value| tables.units.referred(index, value));
        }
        naming
    }

    /// What is around functions of unit `index`; nothing where that can't be read.
    fn around_of(&self, tables: &LineTables<'_>, index: usize) -> &Around {
        self.around[index].get_or_init(|| {
            let reader = Reader::new(tables, index, &|_| false);
            let read = reader.and_then(|reader| reader.read().ok());
            read.map(|(_, around)| around).unwrap_or_default()
        })
    }

    /// The namespace or type around the one at `place`.
    pub(super) fn around(
        &self,
        tables: &LineTables<'_>,
        (index, place): SpacePlace,
    ) -> Option<SpacePlace> {
        let (around, ..) = self.around_of(tables, index).spaces[place as usize];
        Some((index, around?))
    }

    /// The kind and the name of the namespace or type at `place`; the name is empty where it has none.
    pub(super) fn space<'a>(
        &self,
        tables: &LineTables<'a>,
        (index, place): SpacePlace,
    ) -> (DwTag, &'a [u8]) {
        let (_, kind, entry) = self.around_of(tables, index).spaces[place as usize];
        let unit = tables.units.whole(index, &tables.dwarf);
        let name = unit.map(|unit| name_at(unit.unit_ref(&tables.dwarf), entry));
        (kind, name.unwrap_or_default())
    }
}

impl Around {
    /// What is right around the entry of a function.
    fn of(&self, function: UnitOffset) -> Option<u32> {
        let after = self.functions.partition_point(|(at, _)| *at <= function);
        self.functions[after.checked_sub(1)?].1
    }
}

/// Something that entries are in.
struct Open {
    depth: isize,
    kind: OpenKind,
}

enum OpenKind {
    /// A namespace or type, by its place.
    Space(u32),
    /// A function: what is told of it, and its scopes so far with what they cover.
    Function(Option<Box<OpenFunction>>),
    /// A scope of the function around it.
    Scope(u32),
}

struct OpenFunction {
    body: usize,
    entry: UnitOffset,
    scopes: Vec<Scope>,
    ranges: Vec<(Range<u64>, u32)>,
}

/// One unit while it is read.
struct Reader<'r, 'a> {
    tables: &'r LineTables<'a>,
    index: usize,
    unit: UnitRef<'r, Slice<'a>>,
    is_wanted: &'r dyn Fn(usize) -> bool,
    around: Around,
    told: Vec<(usize, Told)>,
    open: Vec<Open>,
}

impl<'r, 'a> Reader<'r, 'a> {
    /// One of unit `index`; `None` where that can't be read.
    fn new(
        tables: &'r LineTables<'a>,
        index: usize,
        is_wanted: &'r dyn Fn(usize) -> bool,
    ) -> Option<Self> {
        let unit = tables.units.whole(index, &tables.dwarf)?;
        Some(Self {
            tables,
            index,
            unit: unit.unit_ref(&tables.dwarf),
            is_wanted,
            around: Around::default(),
            told: Vec::new(),
            open: Vec::new(),
        })
    }

    fn read(mut self) -> Result<(Vec<(usize, Told)>, Around), Unusable> {
        let (bodies, is_wanted) = (&self.tables.bodies, self.is_wanted);
        let is_alive = |address| bodies.at(address).is_some_and(is_wanted);
        let mut walk = Walk::new(self.unit, &is_alive);
        let mut entry = DebuggingInformationEntry::null();
        while let Some(event) = walk.next()? {
            match event {
                Event::Stop(stop) => self.stop(&stop, &mut entry)?,
                Event::Around(depth) => {
                    let kind = OpenKind::Function(None);
                    self.open.push(Open { depth, kind });
                }
                Event::End => self.close(),
            }
            walk.set_within(self.within());
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.around.functions = walk.into_spaces();
        Ok((self.told, self.around))
    }

    /// Enters what an entry tells of.
    fn stop(
        &mut self,
        stop: &Stop,
        entry: &mut DebuggingInformationEntry<Slice<'a>>,
    ) -> Result<(), Unusable> {
        let kind = match stop.role {
            Role::Space => Some(OpenKind::Space(self.enter_space(stop.tag, stop.offset))),
            Role::Declaration => Some(OpenKind::Function(None)),
            Role::Function | Role::Scope => {
                self.read_entry(stop.offset, entry)?;
                self.enter(entry)
            }
            Role::Other => None,
        };
        if let Some(kind) = kind {
            let depth = stop.depth;
            self.open.push(Open { depth, kind });
            if !stop.has_children {
                self.close();
            }
        }
        Ok(())
    }

    /// What is around what comes.
    fn within(&self) -> Within {
        let Some(Open { depth, kind }) = self.open.last() else {
            return Within::NOTHING;
        };
        let (space, is_function) = match kind {
            OpenKind::Space(place) => (Some(*place), false),
            OpenKind::Function(function) => (None, function.is_some()),
            OpenKind::Scope(_) => (None, true),
        };
        Within {
            depth: *depth,
            space,
            is_function,
        }
    }

    /// Reads the entry at `offset`.
    fn read_entry(
        &self,
        offset: UnitOffset,
        entry: &mut DebuggingInformationEntry<Slice<'a>>,
    ) -> Result<(), Unusable> {
        let mut entries = self.unit.entries_raw(Some(offset))?;
        if let Some(abbreviation) = entries.read_abbreviation()? {
            entry.offset = offset;
            entry.tag = abbreviation.tag();
            entries.read_attributes(abbreviation.attributes(), &mut entry.attrs)?;
        }
        Ok(())
    }

    fn enter(&mut self, entry: &DebuggingInformationEntry<Slice<'a>>) -> Option<OpenKind> {
        match entry.tag() {
            tag::DW_TAG_subprogram => Some(OpenKind::Function(self.enter_function(entry))),
            _ => self.enter_scope(entry).map(OpenKind::Scope),
        }
    }

    fn enter_space(&mut self, kind: DwTag, entry: UnitOffset) -> u32 {
        let place = self.around.spaces.len() as u32;
        let parent = self.space();
        self.around.spaces.push((parent, kind, entry));
        place
    }

    /// The innermost namespace or type, if no function is between.
    fn space(&self) -> Option<u32> {
        match self.open.last()?.kind {
            OpenKind::Space(place) => Some(place),
            OpenKind::Function(_) | OpenKind::Scope(_) => None,
        }
    }

    fn enter_function(
        &mut self,
        entry: &DebuggingInformationEntry<Slice<'a>>,
    ) -> Option<Box<OpenFunction>> {
        let mut ranges = code_ranges(self.unit, entry).ok()?;
        while let Ok(Some(range)) = ranges.next() {
            let body = self.tables.bodies.at(range.begin);
            if range.begin < range.end
                && let Some(body) = body.filter(|body| (self.is_wanted)(*body))
            {
                return Some(Box::new(OpenFunction {
                    body,
                    entry: entry.offset(),
                    scopes: Vec::new(),
                    ranges: Vec::new(),
                }));
            }
        }
        None
    }

    fn enter_scope(&mut self, entry: &DebuggingInformationEntry<Slice<'a>>) -> Option<u32> {
        let number = |name| entry.attr(name).and_then(gimli::Attribute::udata_value);
        let call = number(at::DW_AT_call_line).map(|line| SourcePlace {
            unit: self.index,
            file: file_number(entry).unwrap_or(0),
            line,
            column: number(at::DW_AT_call_column).unwrap_or(0),
        });
        let body = match entry.tag() {
            tag::DW_TAG_inlined_subroutine => {
                let origin = entry.attr_value(at::DW_AT_abstract_origin)?;
                let origin = self.tables.units.referred(self.index, origin)?;
                Some(InlinedScope { origin, call })
            }
            _ => None,
        };
        let parent = match self.open.last()?.kind {
            OpenKind::Scope(place) => Some(place),
            OpenKind::Function(_) | OpenKind::Space(_) => None,
        };
        let mut open = self.open.iter_mut().rev();
        let function = open.find_map(|open| match &mut open.kind {
            OpenKind::Function(function) => Some(function.as_deref_mut()),
            OpenKind::Space(_) | OpenKind::Scope(_) => None,
        })??;
        let depth = parent.map_or(0, |parent| function.scopes[parent as usize].depth + 1);
        if depth > SCOPE_DEPTH_MAX {
            return None;
        }
        let place = function.scopes.len() as u32;
        function.scopes.push(Scope {
            parent,
            depth,
            entry: entry.offset(),
            body,
        });
        if let Ok(mut all) = code_ranges(self.unit, entry) {
            while let Ok(Some(range)) = all.next() {
                if range.begin < range.end {
                    function.ranges.push((range.begin..range.end, place));
                }
            }
        }
        Some(place)
    }

    /// Leaves the innermost of what is open.
    fn close(&mut self) {
        let Some(Open { kind, .. }) = self.open.pop() else {
            return;
        };
        if let OpenKind::Function(Some(function)) = kind {
            let told = Told {
                entry: (self.index, function.entry),
                changes: changes(function.ranges),
                scopes: function.scopes,
            };
            self.told.push((function.body, told));
        }
    }
}

/// The number of the file that a call stands in.
fn file_number(entry: &DebuggingInformationEntry<Slice<'_>>) -> Option<u64> {
    match entry.attr_value(at::DW_AT_call_file)? {
        AttributeValue::FileIndex(number) => Some(number),
        value => value.udata_value(),
    }
}

/// From each address on the innermost of the scopes that have `ranges`; those in others come behind them.
fn changes(mut ranges: Vec<(Range<u64>, u32)>) -> Vec<(u64, Option<u32>)> {
    ranges.sort_by_key(|(range, scope)| (range.start, *scope));
    let mut changes = Vec::with_capacity(2 * ranges.len());
    // The scopes that are open, with their ends.
    let mut open: Vec<(u64, u32)> = Vec::new();
    let close = |open: &mut Vec<(u64, u32)>, changes: &mut Vec<_>, until: u64| {
        while let Some((end, _)) = open.pop_if(|(end, _)| *end <= until) {
            changes.push((end, open.last().map(|(_, scope)| *scope)));
        }
    };
    for (range, scope) in ranges {
        close(&mut open, &mut changes, range.start);
        // One that reaches beyond that around it is broken: it ends there.
        let end = open
            .last()
            .map_or(range.end, |(end, _)| range.end.min(*end));
        changes.push((range.start, Some(scope)));
        open.push((end, scope));
    }
    close(&mut open, &mut changes, u64::MAX);
    changes
}

#[cfg(test)]
mod tests {
    use super::{Told, changes};

    #[test]
    fn the_innermost_scope_holds() {
        let ranges = vec![(0..100, 0), (10..20, 1), (12..14, 2), (30..200, 3)];
        let told = Told {
            entry: (0, gimli::UnitOffset(0)),
            scopes: Vec::new(),
            changes: changes(ranges),
        };
        let scopes = [0, 10, 13, 14, 20, 30, 99, 100].map(|address| told.scope_at(address));
        let expected = [0, 1, 2, 1, 0, 3, 3].map(Some);
        assert_eq!(scopes[..7], expected);
        assert_eq!(scopes[7], None);
    }
}
