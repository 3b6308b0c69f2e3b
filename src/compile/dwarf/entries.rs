//! Entries: what describes living code and data is copied, with places of the machine.

use std::collections::HashMap;
use std::ops::Range;

use gimli::write::{
    AttributeValue, ConvertUnit, ConvertUnitEntry, Expression, FilterUnitEntry, FilterUnitSection,
    Location, LocationList, RangeList, Unit, UnitEntryId,
};
use gimli::{AttributeValue as Read, DebugInfoOffset, DebugTypeSignature, DwAt, DwTag, Encoding};
use gimli::{constants as at, constants as tag};

use super::Unusable;
use super::expression::{self, Scope};
use super::files::Files;
use super::frames::{Known, Share, Sources, Writer, frames};
use super::input::Slice;
use super::native::{Function, Program, code_address, joined};
use super::output::{self, DebugSection};
use super::results;
use super::units::code_ranges;

/// Bytes of an address of the machine.
const ADDRESS_BYTES: u8 = 8;

/// Bytes of a pointer of the program.
const POINTER_BYTES: u8 = 4;

/// gdb skips the code before a function's first statement by the line table where the compiler is known to write good
/// ones: it looks for this word.
const PRODUCER: &[u8] = b"clang ";

/// Pieces of lists that are written, all told: what no compiler comes near.
pub(super) const PIECES_MAX: usize = 1 << 24;

/// Writes the debug information of `program` by that of the module.
pub(super) fn convert(sources: &Sources<'_, '_>) -> Result<Vec<DebugSection>, Unusable> {
    let Sources {
        tables,
        program,
        lines,
        ..
    } = *sources;
    let mut filter = FilterUnitSection::new(&tables.dwarf)?;
    let mut types = HashMap::new();
    while let Some(mut unit) = filter.read_unit()? {
        // What refers to a type in a unit of its own does so by its signature.
        let header = &unit.read_unit.header;
        if let gimli::UnitType::Type {
            type_signature,
            type_offset,
        } = header.type_()
            && type_offset.is_in_bounds(&unit.read_unit)
            && let Some(place) = type_offset.to_debug_info_offset(header)
        {
            types.insert(type_signature, place);
            unit.require_entry(type_offset);
        }
        let mut entry = unit.null_entry();
        while unit.read_entry(&mut entry)? {
            if is_wanted(&entry, program) {
                unit.require_entry(entry.read_entry.offset());
            }
        }
    }
    let mut written = gimli::write::Dwarf::new();
    let mut units = written.convert_with_filter(filter)?;
    let mut budget = PIECES_MAX;
    // The code of each unit that is written.
    let mut code = Vec::new();
    let mut index = 0;
    while let Some((mut unit, root)) = units.read_unit()? {
        let encoding = unit.unit.encoding();
        unit.unit.set_encoding(Encoding {
            address_size: ADDRESS_BYTES,
            format: gimli::Format::Dwarf32,
            version: encoding.version.max(4),
        });
        let files = lines.write(index, &mut unit, program)?;
        let mut converter = Converter {
            unit,
            program,
            sources,
            index,
            files,
            types: &types,
            with_parts: Vec::new(),
            functions: Vec::new(),
            code: Vec::new(),
            budget,
        };
        code.extend(converter.unit(root, lines.functions_of(index))?);
        budget = converter.budget;
        index += 1;
    }
    output::write(&mut written, &code)
}

/// Whether an entry is kept for its own sake: functions with code, variables with a place, what names are looked up in.
fn is_wanted(entry: &FilterUnitEntry<'_, Slice<'_>>, program: &Program<'_>) -> bool {
    match entry.read_entry.tag() {
        tag::DW_TAG_subprogram => {
            let mut ranges = pc_ranges(entry.read_unit, &entry.read_entry).into_iter();
            ranges.any(|range| program.function_at(range.start).is_some())
        }
        tag::DW_TAG_variable => {
            let is_global = matches!(
                entry.parent_tag,
                None | Some(
                    tag::DW_TAG_namespace | tag::DW_TAG_structure_type | tag::DW_TAG_class_type
                )
            );
            let has = |name| entry.read_entry.attr_value(name).is_some();
            is_global && (has(at::DW_AT_location) || has(at::DW_AT_const_value))
        }
        tag::DW_TAG_imported_module => true,
        _ => false,
    }
}

/// The name of a compiler as gdb trusts it.
pub(super) fn producer(named: &[u8]) -> Vec<u8> {
    if named.starts_with(PRODUCER) {
        named.to_vec()
    } else {
        [PRODUCER, named].concat()
    }
}

/// Says that `unit` has the code in `code`, in bytes from the start of all code, and answers with that in order.
fn root_ranges(unit: &mut Unit, code: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let ranges = joined_code(code);
    if ranges.is_empty() {
        return ranges;
    }
    let address = code_address(0);
    let pairs = ranges.iter().map(|range| gimli::write::Range::OffsetPair {
        begin: range.start,
        end: range.end,
    });
    let list = std::iter::once(gimli::write::Range::BaseAddress { address }).chain(pairs);
    let list = unit.ranges.add(RangeList(list.collect()));
    let root = unit.root();
    let zero = gimli::write::Address::Constant(0);
    let root = unit.get_mut(root);
    root.set(at::DW_AT_low_pc, AttributeValue::Address(zero));
    root.set(at::DW_AT_ranges, AttributeValue::RangeListRef(list));
    ranges
}

/// Ranges of all code in order, those that touch as one.
pub(super) fn joined_code(mut code: Vec<Range<u64>>) -> Vec<Range<u64>> {
    code.sort_by_key(|range| range.start);
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for range in code {
        match ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    }
    ranges
}

/// The addresses that an entry says its code has.
fn pc_ranges<'a>(
    unit: gimli::UnitRef<'_, Slice<'a>>,
    entry: &gimli::DebuggingInformationEntry<Slice<'a>>,
) -> Vec<Range<u64>> {
    let Ok(mut ranges) = code_ranges(unit, entry) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    while let Ok(Some(range)) = ranges.next() {
        if range.begin < range.end {
            all.push(range.begin..range.end);
        }
    }
    all
}

/// A unit while it is copied.
struct Converter<'c, 'a> {
    unit: ConvertUnit<'c, Slice<'a>>,
    program: &'c Program<'c>,
    sources: &'c Sources<'c, 'a>,
    /// The unit's place among the module's.
    index: usize,
    files: Files,
    /// Types in units of their own.
    types: &'c HashMap<DebugTypeSignature, DebugInfoOffset>,
    /// Functions that others are part of, with their entries.
    with_parts: Vec<(UnitEntryId, &'c Function<'c>)>,
    /// The functions around the entry that is copied, with their depths.
    functions: Vec<(isize, Option<&'c Function<'c>>)>,
    /// The code that the unit has, in bytes from the start of all code.
    code: Vec<Range<u64>>,
    budget: usize,
}

impl<'c, 'a> Converter<'c, 'a> {
    /// Copies the unit below `root`; `functions` are those that its line table tells of. Returns where its code lies, in
    /// bytes from the start of all code; `None` where there is nothing to tell.
    fn unit(
        &mut self,
        root: ConvertUnitEntry<'c, Slice<'a>>,
        functions: &[usize],
    ) -> Result<Option<Vec<Range<u64>>>, Unusable> {
        let root_id = self.unit.unit.root();
        self.code.extend(
            functions
                .iter()
                .map(|at| self.program.functions()[*at].code.clone()),
        );
        self.root(root_id, &root);
        let mut entry = root;
        let mut is_empty = self.code.is_empty();
        while let Some(id) = self.unit.read_entry(&mut entry)? {
            let Some(id) = id else { continue };
            if is_of_calls(entry.read_entry.tag()) {
                continue;
            }
            is_empty = false;
            let depth = entry.read_entry.depth();
            while self.functions.last().is_some_and(|(at, _)| *at >= depth) {
                self.functions.pop();
            }
            let id = self.unit.add_entry(Some(id), &entry);
            self.entry(id, &entry);
        }
        if is_empty {
            self.unit.skip();
            return Ok(None);
        }
        self.parts(functions);
        let code = std::mem::take(&mut self.code);
        Ok(Some(root_ranges(self.unit.unit, code)))
    }

    /// Adds entries for the bodies that this compiler made part of functions; its line table tells of `functions`.
    fn parts(&mut self, functions: &[usize]) {
        let sources = self.sources;
        let mut known = Known::default();
        let with_entry = std::mem::take(&mut self.with_parts).into_iter();
        let with_entry = with_entry.map(|(id, function)| (Some(id), function));
        let functions = functions
            .iter()
            .map(|place| &self.program.functions()[*place]);
        let without_entry = functions.filter(|function| {
            !function.parts.is_empty() && sources.scopes.told(function.index).is_none()
        });
        for (id, function) in with_entry.chain(without_entry.map(|function| (None, function))) {
            let told = sources.scopes.told(function.index);
            let told = told.filter(|told| told.entry.0 == self.index);
            let frames = frames(function, sources, Share::Ours, &mut self.budget);
            // Where each call stands: what is in a block belongs there.
            let calls = frames.iter().map(|frame| {
                let told = told?;
                let scope = told.scope_at(frame.call_address?)?;
                let entry = told.scopes[scope as usize].entry;
                self.unit.convert_unit_ref(entry).ok()
            });
            let calls: Vec<Option<UnitEntryId>> = calls.collect();
            let mut writer = Writer {
                sources: self.sources,
                unit: self.unit.unit,
                line_strings: self.unit.line_strings,
                files: &mut self.files,
                known: &mut known,
            };
            let id = id.unwrap_or_else(|| writer.unnamed(function));
            writer.frames(function, &frames, |at| calls[at].unwrap_or(id));
        }
    }

    /// The unit's own attributes but for its code.
    fn root(&mut self, id: UnitEntryId, root: &ConvertUnitEntry<'c, Slice<'a>>) {
        for attribute in root.read_entry.attrs() {
            let name = attribute.name();
            if has_no_copy(name) || is_of_code(name) || name == at::DW_AT_stmt_list {
                continue;
            }
            if name == at::DW_AT_producer {
                let value = self.unit.read_unit.attr_string(attribute.value());
                let known = producer(value.map_or(&[][..], |producer| producer.slice()));
                let known = self.unit.strings.add(known);
                self.set(id, name, AttributeValue::StringRef(known));
            } else {
                self.copy(id, root, attribute);
            }
        }
    }

    fn entry(&mut self, id: UnitEntryId, entry: &ConvertUnitEntry<'c, Slice<'a>>) {
        let kind = entry.read_entry.tag();
        self.code_of(id, kind, entry);
        let is_main = self.is_main(entry);
        for attribute in entry.read_entry.attrs() {
            let name = attribute.name();
            if has_no_copy(name) || is_of_code(name) {
                continue;
            }
            // The symbol is `__main_argc_argv` or the like; people know it by its name.
            if is_main && name == at::DW_AT_linkage_name {
                continue;
            }
            self.copy(id, entry, attribute);
        }
        let is_pointer = matches!(
            kind,
            tag::DW_TAG_pointer_type
                | tag::DW_TAG_reference_type
                | tag::DW_TAG_rvalue_reference_type
        );
        if is_pointer && self.unit.unit.get(id).get(at::DW_AT_byte_size).is_none() {
            let bytes = AttributeValue::Data1(POINTER_BYTES);
            self.set(id, at::DW_AT_byte_size, bytes);
        }
    }

    /// Whether an entry is C's `main`.
    fn is_main(&self, entry: &ConvertUnitEntry<'c, Slice<'a>>) -> bool {
        let name = entry.read_entry.attr_value(at::DW_AT_name);
        let name = name.and_then(|name| self.unit.read_unit.attr_string(name).ok());
        entry.read_entry.tag() == tag::DW_TAG_subprogram
            && name.is_some_and(|name| name.slice() == b"main")
            && entry.read_entry.attr_value(at::DW_AT_external).is_some()
    }

    /// Says which code an entry has.
    fn code_of(&mut self, id: UnitEntryId, kind: DwTag, entry: &ConvertUnitEntry<'c, Slice<'a>>) {
        let read = &entry.read_entry;
        if kind == tag::DW_TAG_subprogram {
            let ranges = pc_ranges(entry.read_unit, read).into_iter();
            let program = self.program;
            let function = { ranges }.find_map(|range| program.function_at(range.start));
            self.functions.push((read.depth(), function));
            if let Some(function) = function {
                self.code.push(function.code.clone());
                self.set_span(id, function, 0..function.len());
                let ty = program.type_of(function);
                if !results::are_the_machines(entry.read_unit, read.offset(), ty) {
                    let other = AttributeValue::CallingConvention(gimli::DW_CC_nocall);
                    self.set(id, at::DW_AT_calling_convention, other);
                }
                if !function.parts.is_empty() {
                    self.with_parts.push((id, function));
                }
            }
            return;
        }
        if !read
            .attrs()
            .iter()
            .any(|attribute| is_of_code(attribute.name()))
        {
            return;
        }
        let Some(function) = self.function() else {
            return;
        };
        if kind == tag::DW_TAG_label {
            let Some(Read::Addr(address)) = read.attr_value(at::DW_AT_low_pc) else {
                return;
            };
            let spans = function.code_of(&(address..function.body.end));
            if let Some(first) = spans.first() {
                let address = AttributeValue::Address(function.address(first.start));
                self.set(id, at::DW_AT_low_pc, address);
            }
            return;
        }
        let mut spans = Vec::new();
        for range in pc_ranges(entry.read_unit, read) {
            spans.extend(function.code_of(&range));
        }
        spans.sort_unstable_by_key(|span| span.start);
        let mut spans = joined(spans);
        if self.budget < spans.len() {
            spans.clear();
        }
        self.budget -= spans.len();
        let spans = function.around_traps(&spans);
        match spans.as_slice() {
            // A block without code must not become part of the one around it.
            [] => self.set_span(id, function, 0..0),
            [span] => self.set_span(id, function, span.clone()),
            spans => {
                let list = self.unit.unit.ranges.add(function.range_list(spans));
                self.set(id, at::DW_AT_ranges, AttributeValue::RangeListRef(list));
            }
        }
    }

    fn set_span(&mut self, id: UnitEntryId, function: &Function<'_>, span: Range<u32>) {
        let low = AttributeValue::Address(function.address(span.start));
        self.set(id, at::DW_AT_low_pc, low);
        let len = u64::from(span.end - span.start);
        self.set(id, at::DW_AT_high_pc, AttributeValue::Udata(len));
    }

    fn set(&mut self, id: UnitEntryId, name: DwAt, value: AttributeValue) {
        self.unit.unit.get_mut(id).set(name, value);
    }

    /// The function with code around the entry that is copied.
    fn function(&self) -> Option<&'c Function<'c>> {
        self.functions.last().and_then(|(_, function)| *function)
    }

    /// Copies an attribute, unless its value can't be told.
    fn copy(
        &mut self,
        id: UnitEntryId,
        entry: &ConvertUnitEntry<'c, Slice<'a>>,
        attribute: &gimli::Attribute<Slice<'a>>,
    ) {
        let name = attribute.name();
        let value = match attribute.value() {
            Read::Exprloc(expression) => self.place(expression, name == at::DW_AT_frame_base),
            value @ (Read::LocationListsRef(_) | Read::DebugLocListsIndex(_)) => {
                self.places(value, name == at::DW_AT_frame_base)
            }
            Read::DebugTypesRef(signature) => {
                let place = self.types.get(&signature);
                let entry = place.and_then(|place| self.unit.convert_debug_info_ref(*place).ok());
                entry.map(AttributeValue::DebugInfoRef)
            }
            Read::Addr(_) | Read::DebugAddrIndex(_) => None,
            _ => {
                let no_address = |_| None;
                let unit = entry.read_unit;
                let value = self
                    .unit
                    .convert_attribute_value(unit, attribute, &no_address);
                value.ok()
            }
        };
        if let Some(value) = value {
            self.set(id, name, value);
        }
    }

    /// A place that is the same in all of the function, as far as the module knows.
    fn place(
        &mut self,
        expression: gimli::Expression<Slice<'a>>,
        is_frame: bool,
    ) -> Option<AttributeValue> {
        let scope = self.scope();
        let operations = expression::operations(&scope, expression)?;
        let mut pieces = expression::by_code(&scope, &operations, is_frame)?;
        if let [(None, _)] = pieces.as_slice() {
            let (_, expression) = pieces.pop()?;
            return Some(AttributeValue::Exprloc(expression));
        }
        let function = self.function()?;
        let all = pieces
            .into_iter()
            .filter_map(|(range, expression)| Some((range?, expression)));
        self.list(function, all.collect())
    }

    /// Places that change on the way through the function.
    fn places(&mut self, value: Read<Slice<'a>>, is_frame: bool) -> Option<AttributeValue> {
        let function = self.function()?;
        let mut list = self.unit.read_unit.attr_locations(value).ok()??;
        let mut all = Vec::new();
        while let Ok(Some(location)) = list.next() {
            let wasm = location.range.begin..location.range.end;
            let scope = self.scope();
            let Some(operations) = expression::operations(&scope, location.data) else {
                continue;
            };
            let Some(pieces) = expression::by_code(&scope, &operations, is_frame) else {
                continue;
            };
            for code in function.code_of(&wasm) {
                for (piece, expression) in &pieces {
                    let span = match piece {
                        None => code.clone(),
                        Some(piece) => code.start.max(piece.start)..code.end.min(piece.end),
                    };
                    if span.start < span.end {
                        all.push((span, expression.clone()));
                    }
                }
                if all.len() > self.budget {
                    return None;
                }
            }
        }
        self.list(function, all)
    }

    fn list(
        &mut self,
        function: &Function<'_>,
        mut all: Vec<(Range<u32>, Expression)>,
    ) -> Option<AttributeValue> {
        if all.is_empty() || all.len() > self.budget {
            return None;
        }
        self.budget -= all.len();
        all.sort_by_key(|(range, _)| range.start);
        let address = function.address(0);
        let pairs = all.into_iter().map(|(range, data)| Location::OffsetPair {
            begin: range.start.into(),
            end: range.end.into(),
            data,
        });
        let list = std::iter::once(Location::BaseAddress { address }).chain(pairs);
        let list = self.unit.unit.locations.add(LocationList(list.collect()));
        Some(AttributeValue::LocationListRef(list))
    }

    fn scope(&self) -> Scope<'_, 'a> {
        Scope {
            unit: &self.unit,
            program: self.program,
            function: self.function(),
        }
    }
}

/// Attributes that say which code an entry has.
fn is_of_code(name: DwAt) -> bool {
    matches!(
        name,
        at::DW_AT_low_pc | at::DW_AT_high_pc | at::DW_AT_ranges | at::DW_AT_entry_pc
    )
}

/// Entries about single instructions, which are others now.
fn is_of_calls(kind: DwTag) -> bool {
    matches!(
        kind,
        tag::DW_TAG_call_site | tag::DW_TAG_GNU_call_site | tag::DW_TAG_call_site_parameter
    )
}

/// Attributes about other sections, and about instructions of the module.
fn has_no_copy(name: DwAt) -> bool {
    matches!(
        name,
        at::DW_AT_macro_info
            | at::DW_AT_macros
            | at::DW_AT_GNU_macros
            | at::DW_AT_GNU_locviews
            | at::DW_AT_GNU_pubnames
            | at::DW_AT_GNU_pubtypes
            | at::DW_AT_call_return_pc
            | at::DW_AT_call_pc
            | at::DW_AT_call_value
            | at::DW_AT_call_target
            | at::DW_AT_call_target_clobbered
            | at::DW_AT_call_data_location
            | at::DW_AT_call_data_value
            | at::DW_AT_GNU_call_site_value
            | at::DW_AT_GNU_call_site_target
            | at::DW_AT_GNU_all_call_sites
            | at::DW_AT_GNU_all_tail_call_sites
            | at::DW_AT_call_all_calls
            | at::DW_AT_call_all_tail_calls
    )
}
