//! Frames: for each function the bodies that are part of its code, whoever put them there, as a debugger is to show them.
//!
//! A module's compiler makes bodies part of functions, and so does this one at the level of the module; the former's stand
//! in the module's DWARF, the latter's in the address map. Here both become one tree, by what each piece of code comes from.

use std::fmt::{self, Write as _};
use std::hash::Hash;
use std::ops::Range;

use gimli::constants as tag;
use gimli::constants as at;
use gimli::write::{AttributeValue, FileId, LineProgram, LineStringTable, Unit, UnitEntryId};
use gimli::{DwAt, DwTag};
use rustc_hash::FxHashMap;

use super::files::Files;
use super::lines::{LineTables, Lines, SourcePlace};
use super::native::{Function, Program, code_address};
use super::scopes::{Naming, SPACES_MAX, Scopes, SpacePlace, Told};
use super::units::EntryPlace;

/// Frames in frames; what lies deeper counts to the innermost of these. What writes them calls itself.
const DEPTH_MAX: u32 = 200;

/// How symbols begin that are made of names of Rust or C++.
const MANGLED: [&str; 2] = ["_R", "_Z"];

/// Bytes of a name that a symbol is made of at most: some say much in few bytes.
const NAME_BYTES_MAX: usize = 1 << 12;

/// A body that is part of a function's code.
#[derive(Debug)]
pub(super) struct Frame {
    /// The frame around it; `None` where that is the function.
    pub(super) parent: Option<usize>,
    /// What it is a body of.
    pub(super) origin: Origin,
    /// Address, in the module, of the call that it stands for; for those that this compiler put there.
    pub(super) call_address: Option<u64>,
    /// The call's place in the sources.
    call: Option<SourcePlace>,
    /// Its code, in bytes from the function's start.
    pub(super) ranges: Vec<Range<u32>>,
    depth: u32,
}

/// Which function a body is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// That of an entry of the module's DWARF.
    Entry(EntryPlace),
    /// That of a body of the module, of which the DWARF tells nothing.
    Body(usize),
}

/// Which frames are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All.
    All,
    /// Those that this compiler put there, and what is in them: the function's own entries tell of the others.
    Ours,
}

/// The frames of `function`, each behind that around it; pieces of their code are taken from `budget`.
pub(super) fn frames(
    function: &Function<'_>,
    program: &Sources<'_, '_>,
    share: Share,
    budget: &mut usize,
) -> Vec<Frame> {
    let mut builder = Builder {
        function,
        sources: program,
        share,
        frames: Vec::new(),
        of_parts: vec![None; function.parts.len()],
        of_scopes: FxHashMap::default(),
    };
    // What the piece before came from: the next one mostly comes from the same.
    let mut last: Option<(u32, Range<u64>, Option<usize>)> = None;
    for span in &function.spans {
        let operator = u64::from(span.operator);
        let frame = match &last {
            Some((body, around, frame)) if *body == span.body && around.contains(&operator) => {
                *frame
            }
            _ => {
                let (scope, around) = builder.scope(span.body, operator);
                let frame = builder.frame(span.body, scope);
                last = Some((span.body, around, frame));
                frame
            }
        };
        let mut next = frame;
        while let Some(at) = next {
            let frame = &mut builder.frames[at];
            match frame.ranges.last_mut() {
                Some(range) if range.end == span.start => range.end = span.end,
                _ if *budget == 0 => {}
                _ => {
                    *budget -= 1;
                    frame.ranges.push(span.start..span.end);
                }
            }
            next = frame.parent;
        }
    }
    builder.frames
}

/// What frames are found by.
pub(super) struct Sources<'s, 'a> {
    pub(super) tables: &'s LineTables<'a>,
    pub(super) program: &'s Program<'s>,
    pub(super) lines: &'s Lines<'s, 'a>,
    pub(super) scopes: &'s Scopes,
}

struct Builder<'b, 'a> {
    function: &'b Function<'b>,
    sources: &'b Sources<'b, 'a>,
    share: Share,
    frames: Vec<Frame>,
    /// The frames of the bodies that this compiler put there.
    of_parts: Vec<Option<usize>>,
    /// Those that the module's put into them, by body and scope.
    of_scopes: FxHashMap<(u32, u32), Option<usize>>,
}

impl<'b> Builder<'b, '_> {
    /// What is told of body `number` of the function.
    fn told(&self, number: u32) -> Option<&'b Told> {
        let body = match number.checked_sub(1) {
            None => self.function.index,
            Some(at) => self.function.parts[at as usize].body,
        };
        self.sources.scopes.told(body)
    }

    /// The innermost body that the module's compiler put around `address` of body `number`, and the addresses for which
    /// that holds.
    fn scope(&self, number: u32, address: u64) -> (Option<u32>, Range<u64>) {
        if number == 0 && self.share == Share::Ours {
            return (None, 0..u64::MAX);
        }
        let Some(told) = self.told(number) else {
            return (None, 0..u64::MAX);
        };
        let (scope, around) = told.scope_around(address);
        (told.inlined_from(scope), around)
    }

    /// The frame of `scope` of body `number`, or that of the body; `None` for the function itself.
    fn frame(&mut self, number: u32, scope: Option<u32>) -> Option<usize> {
        let Some(scope) = scope else {
            return self.part(number);
        };
        if let Some(known) = self.of_scopes.get(&(number, scope)) {
            return *known;
        }
        let told = self.told(number)?;
        let outer = told.inlined_from(told.scopes[scope as usize].parent);
        let parent = self.frame(number, outer);
        let frame = told.scopes[scope as usize].body.as_ref().map(|body| {
            let origin = Origin::Entry(body.origin);
            self.add(parent, origin, None, body.call)
        });
        let frame = frame.unwrap_or(parent);
        self.of_scopes.insert((number, scope), frame);
        frame
    }

    /// The frame of body `number`.
    fn part(&mut self, number: u32) -> Option<usize> {
        let at = number.checked_sub(1)? as usize;
        if let Some(known) = self.of_parts[at] {
            return Some(known);
        }
        let part = self.function.parts[at];
        let (scope, _) = self.scope(part.caller, part.call);
        let parent = self.frame(part.caller, scope);
        let origin = match self.told(number) {
            Some(told) => Origin::Entry(told.entry),
            None => Origin::Body(part.body),
        };
        let call = self.sources.lines.place_at(part.call);
        let frame = self.add(parent, origin, Some(part.call), call);
        self.of_parts[at] = frame;
        frame
    }

    /// Adds a frame, unless it lies too deep: then it counts to that around it.
    fn add(
        &mut self,
        parent: Option<usize>,
        origin: Origin,
        call_address: Option<u64>,
        call: Option<SourcePlace>,
    ) -> Option<usize> {
        let depth = parent.map_or(0, |parent| self.frames[parent].depth + 1);
        if depth > DEPTH_MAX {
            return parent;
        }
        self.frames.push(Frame {
            parent,
            origin,
            call_address,
            call,
            ranges: Vec::new(),
            depth,
        });
        Some(self.frames.len() - 1)
    }
}

/// The name of Rust that `symbol` is made of, or `symbol` as it is; `None` where the name is too long.
fn demangled(symbol: &str) -> Option<String> {
    let mut name = Bounded(String::new());
    let written = write!(name, "{:#}", rustc_demangle::demangle(symbol));
    written.ok().map(|()| name.0)
}

/// A name of at most so many bytes.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > NAME_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The entries of a unit while they are written. What is added gets its attributes before the next is added.
pub(super) trait Entries {
    /// Names an entry.
    type Id: Copy + Eq + Hash;

    /// The entry that all others are in.
    fn root(&self) -> Self::Id;

    /// Adds an entry behind those that `parent` has.
    fn add(&mut self, parent: Self::Id, tag: DwTag) -> Self::Id;

    /// Gives an entry an attribute.
    fn set(&mut self, id: Self::Id, name: DwAt, value: Value<'_, Self::Id>);

    /// Gives an entry code of `function`, in bytes from its start.
    fn set_ranges(&mut self, id: Self::Id, function: &Function<'_>, ranges: &[Range<u32>]);

    /// The line table; none where the module has none.
    fn line_table(&mut self) -> &mut LineProgram;
}

/// What an attribute says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'v, Id> {
    /// An address, in bytes from the start of all code.
    Code(u64),
    Number(u64),
    Text(&'v [u8]),
    /// Yes.
    Flag,
    Entry(Id),
    /// A file of the line table.
    File(FileId),
}

impl Entries for Unit {
    type Id = UnitEntryId;

    fn root(&self) -> UnitEntryId {
        Self::root(self)
    }

    fn add(&mut self, parent: UnitEntryId, tag: DwTag) -> UnitEntryId {
        Self::add(self, parent, tag)
    }

    fn set(&mut self, id: UnitEntryId, name: DwAt, value: Value<'_, UnitEntryId>) {
        let value = match value {
            Value::Code(offset) => AttributeValue::Address(code_address(offset)),
            Value::Number(number) => AttributeValue::Udata(number),
            Value::Text(text) => AttributeValue::String(text.to_vec()),
            Value::Flag => AttributeValue::Flag(true),
            Value::Entry(entry) => AttributeValue::UnitRef(entry),
            Value::File(file) => AttributeValue::FileIndex(Some(file)),
        };
        self.get_mut(id).set(name, value);
    }

    fn set_ranges(&mut self, id: UnitEntryId, function: &Function<'_>, ranges: &[Range<u32>]) {
        let list = self.ranges.add(function.range_list(ranges));
        let list = AttributeValue::RangeListRef(list);
        self.get_mut(id).set(at::DW_AT_ranges, list);
    }

    fn line_table(&mut self) -> &mut LineProgram {
        &mut self.line_program
    }
}

/// Entries for frames in one unit while they are written.
pub(super) struct Writer<'w, 's, 'a, E: Entries> {
    pub(super) sources: &'w Sources<'s, 'a>,
    pub(super) unit: &'w mut E,
    pub(super) line_strings: &'w mut LineStringTable,
    pub(super) files: &'w mut Files,
    pub(super) known: &'w mut Known<'a, E::Id>,
}

/// Entries that a unit has already.
#[derive(Debug)]
pub(super) struct Known<'a, Id> {
    /// Functions that frames are bodies of.
    origins: FxHashMap<Origin, Id>,
    /// Namespaces and types, by what is around them, kind and name.
    spaces: FxHashMap<(Id, DwTag, &'a [u8]), Id>,
    /// The same by their place in what was read.
    places: FxHashMap<SpacePlace, Id>,
}

impl<Id> Default for Known<'_, Id> {
    fn default() -> Self {
        Self {
            origins: FxHashMap::default(),
            spaces: FxHashMap::default(),
            places: FxHashMap::default(),
        }
    }
}

impl<'a, E: Entries> Writer<'_, '_, 'a, E> {
    /// Writes `frames` of `function`; `below` gives what the one at a place stands in, where that is of
    /// the function itself.
    pub(super) fn frames(
        &mut self,
        function: &Function<'_>,
        frames: &[Frame],
        below: impl Fn(usize) -> E::Id,
    ) {
        let mut ids: Vec<E::Id> = Vec::with_capacity(frames.len());
        for (place, frame) in frames.iter().enumerate() {
            let parent = match frame.parent {
                Some(parent) => ids[parent],
                None => below(place),
            };
            let origin = self.origin(frame.origin);
            let id = self.unit.add(parent, tag::DW_TAG_inlined_subroutine);
            ids.push(id);
            self.unit
                .set(id, at::DW_AT_abstract_origin, Value::Entry(origin));
            self.code(id, function, &frame.ranges);
            self.call(id, frame.call);
        }
    }

    /// Says where the call stands that a frame is for. gdb shows no frame of which nothing is said: then it is line 0.
    fn call(&mut self, id: E::Id, call: Option<SourcePlace>) {
        let table = self.unit.line_table();
        if !table.is_none() {
            let tables = self.sources.tables;
            let known = call.and_then(|call| {
                let from = tables.units.head(call.unit).unit_ref(&tables.dwarf);
                let place = (call.unit, from);
                self.files.find(place, call.file, table, self.line_strings)
            });
            let file = known.or_else(|| table.files().next().map(|(file, ..)| file));
            if let Some(file) = file {
                self.unit.set(id, at::DW_AT_call_file, Value::File(file));
            }
        }
        let line = call.map_or(0, |call| call.line);
        self.unit.set(id, at::DW_AT_call_line, Value::Number(line));
        if let Some(column) = call.map(|call| call.column).filter(|column| *column != 0) {
            let column = Value::Number(column);
            self.unit.set(id, at::DW_AT_call_column, column);
        }
    }

    /// Says which code of `function` an entry has.
    pub(super) fn code(&mut self, id: E::Id, function: &Function<'_>, ranges: &[Range<u32>]) {
        let length = |range: &Range<u32>| u64::from(range.end - range.start);
        let ranges = function.around_traps(ranges);
        match ranges.as_slice() {
            [] | [_] => {
                // What has no code must not become part of what is around it.
                let range = ranges.first().cloned().unwrap_or(0..0);
                let low = Value::Code(function.code.start + u64::from(range.start));
                self.unit.set(id, at::DW_AT_low_pc, low);
                let high = Value::Number(length(&range));
                self.unit.set(id, at::DW_AT_high_pc, high);
            }
            ranges => self.unit.set_ranges(id, function, ranges),
        }
    }

    /// The entry of the function that frames are bodies of.
    pub(super) fn origin(&mut self, origin: Origin) -> E::Id {
        if let Some(known) = self.known.origins.get(&origin) {
            return *known;
        }
        let id = match origin {
            Origin::Entry(place) => {
                let naming = self.sources.scopes.naming(self.sources.tables, place);
                let parent = self.space(&naming);
                let id = self.unit.add(parent, tag::DW_TAG_subprogram);
                self.name(id, &naming);
                id
            }
            Origin::Body(body) => {
                let root = self.unit.root();
                let id = self.unit.add(root, tag::DW_TAG_subprogram);
                self.symbol(id, body);
                id
            }
        };
        let inline = Value::Number(gimli::DW_INL_inlined.0.into());
        self.unit.set(id, at::DW_AT_inline, inline);
        self.known.origins.insert(origin, id);
        id
    }

    /// Adds an entry for a function of which the module's DWARF tells nothing, as of those that a linker adds.
    pub(super) fn unnamed(&mut self, function: &Function<'_>) -> E::Id {
        let root = self.unit.root();
        let id = self.unit.add(root, tag::DW_TAG_subprogram);
        self.symbol(id, function.index);
        self.code(id, function, std::slice::from_ref(&(0..function.len())));
        id
    }

    /// Gives an entry the names of the function with body `body`, as its symbol has them.
    fn symbol(&mut self, id: E::Id, body: usize) {
        let symbol = self.sources.program.symbol_name(body).replace('\0', "?");
        let name = demangled(&symbol);
        let name = name.as_ref().unwrap_or(&symbol);
        self.text(id, at::DW_AT_name, name.as_bytes());
        if MANGLED.iter().any(|prefix| symbol.starts_with(prefix)) {
            self.text(id, at::DW_AT_linkage_name, symbol.as_bytes());
        }
    }

    /// The entry of what is around a function.
    pub(super) fn space(&mut self, naming: &Naming<'a>) -> E::Id {
        let Sources { tables, scopes, .. } = *self.sources;
        // Those that have no entry yet, innermost first.
        let mut absent = Vec::new();
        let mut next = naming.space;
        let mut parent = loop {
            let Some(place) = next.filter(|_| absent.len() < SPACES_MAX) else {
                break self.unit.root();
            };
            if let Some(known) = self.known.places.get(&place) {
                break *known;
            }
            absent.push(place);
            next = scopes.around(tables, place);
        };
        for place in absent.into_iter().rev() {
            let (kind, name) = scopes.space(tables, place);
            let key = (parent, kind, name);
            parent = match self.known.spaces.get(&key) {
                Some(known) => *known,
                None => {
                    let id = self.unit.add(parent, kind);
                    if !name.is_empty() {
                        self.text(id, at::DW_AT_name, name);
                    }
                    if !matches!(kind, tag::DW_TAG_namespace | tag::DW_TAG_module) {
                        self.unit.set(id, at::DW_AT_declaration, Value::Flag);
                    }
                    self.known.spaces.insert(key, id);
                    id
                }
            };
            self.known.places.insert(place, parent);
        }
        parent
    }

    /// Gives an entry a function's names.
    pub(super) fn name(&mut self, id: E::Id, naming: &Naming<'a>) {
        // The symbol is `__main_argc_argv` or the like; people know it by its name.
        let is_main = naming.is_external && naming.name == Some(b"main") && naming.space.is_none();
        if let Some(name) = naming.name.or(naming.linkage_name) {
            self.text(id, at::DW_AT_name, name);
        }
        if let Some(name) = naming.linkage_name.filter(|_| !is_main) {
            self.text(id, at::DW_AT_linkage_name, name);
        }
        if naming.is_external {
            self.unit.set(id, at::DW_AT_external, Value::Flag);
        }
    }

    /// Names stand where they are said: most are said once, and a reference would be one more relocation.
    fn text(&mut self, id: E::Id, name: DwAt, text: &[u8]) {
        self.unit.set(id, name, Value::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME_BYTES_MAX, demangled};

    /// A symbol of some hundred bytes whose name has a million: each of its types is the one before, twice.
    fn explosive() -> String {
        let place = |symbol: &str| symbol.len() - "_R".len();
        let digits: Vec<char> = ('0'..='9').chain('a'..='z').chain('A'..='Z').collect();
        let reference = |to: usize| match to - 1 {
            to if to < 62 => format!("B{}_", digits[to]),
            to => format!("B{}{}_", digits[to / 62], digits[to % 62]),
        };
        let mut symbol = "_RINvC1a1f".to_owned();
        let mut last = place(&symbol);
        symbol.push_str("TllE");
        for _ in 0..20 {
            let next = place(&symbol);
            let before = reference(last);
            symbol.push_str(&format!("T{before}{before}E"));
            last = next;
        }
        symbol.push('E');
        symbol
    }

    #[test]
    fn names_are_no_longer_than_what_somebody_reads() {
        let name = demangled("_ZN3std2rt10lang_start17h0123456789abcdefE");
        assert_eq!(name.as_deref(), Some("std::rt::lang_start"));
        assert_eq!(demangled("plain").as_deref(), Some("plain"));
        let symbol = explosive();
        let name = format!("{:#}", rustc_demangle::demangle(&symbol));
        assert!(name.len() > 100 * NAME_BYTES_MAX, "{name}");
        assert_eq!(demangled(&symbol), None);
    }
}
