//! Debug information without types and variables: lines, functions, and the bodies that are part of them; of functions that
//! are not of interest the lines alone.

use gimli::write::{LineProgram, LineString, LineStringTable, Sections, StringTable};
use gimli::{AttributeValue, DwLang, Encoding, Format, LineEncoding, SectionId, UnitRef};
use gimli::{constants as at, constants as form, constants as tag};
use rayon::prelude::*;

use super::Unusable;
use super::compact::CompactUnit;
use super::entries::{PIECES_MAX, joined_code, producer};
use super::files::Files;
use super::frames::{Entries as _, Frame, Known, Share, Sources, Value, Writer, frames};
use super::input::Slice;
use super::lines::LineTable;
use super::native::Function;
use super::output::{self, Buffer, DebugSection};

/// What is written: the version that every debugger reads.
pub(super) const ENCODING: Encoding = Encoding {
    address_size: 8,
    format: Format::Dwarf32,
    version: 4,
};

/// Code that is written of together at least, in bytes: groups know nothing of each other and are written at the same time.
const CODE_AT_ONCE: u64 = 16 << 10;

/// Functions of one unit that are looked at together.
const FUNCTIONS_AT_ONCE: usize = 200;

/// Functions that one thread takes at least, of those of one unit.
const FUNCTIONS_AT_LEAST: usize = 8;

/// Writes the debug information of the module that `sources` are of.
pub(super) fn convert(sources: &Sources<'_, '_>) -> Result<Vec<DebugSection>, Unusable> {
    let groups = groups(sources);
    let parts = groups
        .par_iter()
        .with_max_len(1)
        .map(|group| write(sources, group));
    let parts: Vec<Vec<DebugSection>> = parts.collect::<Result<_, _>>()?;
    Ok(output::joined(parts))
}

/// Functions of one unit, by their places in the program, in the order of their code.
struct UnitFunctions {
    unit: usize,
    functions: Vec<usize>,
}

/// The units that have code, in groups that do not depend on anything but the module.
fn groups(sources: &Sources<'_, '_>) -> Vec<Vec<UnitFunctions>> {
    let mut functions: Vec<Vec<usize>> = vec![Vec::new(); sources.tables.units.len()];
    for (place, function) in sources.program.functions().iter().enumerate() {
        let by_entry = || {
            let told = sources.scopes.told(function.index)?;
            Some(told.entry.0)
        };
        if let Some(unit) = sources.lines.unit_of(place).or_else(by_entry) {
            functions[unit].push(place);
        }
    }
    let mut groups: Vec<Vec<UnitFunctions>> = Vec::new();
    let mut room = 0;
    for (unit, mut functions) in functions.into_iter().enumerate() {
        if functions.is_empty() {
            continue;
        }
        functions.sort_by_key(|place| sources.program.functions()[*place].code.start);
        if room == 0 || groups.is_empty() {
            groups.push(Vec::new());
            room = CODE_AT_ONCE;
        }
        let code = |place: &usize| sources.program.functions()[*place].len();
        let code: u64 = functions.iter().map(|place| u64::from(code(place))).sum();
        room = room.saturating_sub(code);
        let last = groups.last_mut();
        let last = last.expect("there is one");
        last.push(UnitFunctions { unit, functions });
    }
    groups
}

/// Writes the units of one group.
fn write(
    sources: &Sources<'_, '_>,
    group: &[UnitFunctions],
) -> Result<Vec<DebugSection>, Unusable> {
    let mut sections = Sections::new(Buffer::default());
    let mut strings = StringTable::default();
    let mut line_strings = LineStringTable::default();
    let mut code = Vec::with_capacity(group.len());
    // More than any compiler's has, for each group: what is broken must not grow without bounds.
    let mut budget = PIECES_MAX;
    for UnitFunctions { unit, functions } in group {
        let read = sources.tables.units.head(*unit);
        let root = Root::read(read.unit_ref(&sources.tables.dwarf));
        let mut unit = CompactUnit::new(&mut sections);
        if read.line_program.is_some() {
            unit.line_program = root.line_table(&mut line_strings);
        }
        let all = functions.iter();
        let all = all.map(|place| sources.program.functions()[*place].code.clone());
        let all = joined_code(all.collect());
        let list = unit.list(&all)?;
        let mut writer = Writer {
            sources,
            unit: &mut unit,
            line_strings: &mut line_strings,
            files: &mut Files::default(),
            known: &mut Known::default(),
        };
        write_functions(&mut writer, functions, &mut budget);
        root.write(&mut unit, list, &mut strings, &mut line_strings)?;
        unit.write()?;
        code.push(all);
    }
    line_strings.write(&mut sections.debug_line_str)?;
    strings.write(&mut sections.debug_str)?;
    output::finished(sections, &code)
}

/// Writes the lines of all `functions`, then the entries of those of interest: files have their numbers in this order.
fn write_functions(
    writer: &mut Writer<'_, '_, '_, CompactUnit<'_>>,
    functions: &[usize],
    budget: &mut usize,
) {
    let sources = writer.sources;
    let function = |place: &usize| &sources.program.functions()[*place];
    if !writer.unit.line_program.is_none() {
        let mut to = LineTable {
            program: &mut writer.unit.line_program,
            strings: writer.line_strings,
            files: writer.files,
            sequences: Some(&mut writer.unit.sequences),
            rows: Vec::new(),
            is_zig: sources.lines.is_zig(functions),
        };
        for some in functions.chunks(FUNCTIONS_AT_ONCE) {
            let found = some.par_iter().with_min_len(FUNCTIONS_AT_LEAST);
            let found: Vec<_> = found
                .map(|place| sources.lines.found(function(place)))
                .collect();
            for (place, found) in some.iter().zip(&found) {
                let lines = sources.lines;
                lines.write_function(function(place), found, &mut to);
            }
        }
    }
    let functions = functions.iter().copied();
    let functions = functions.filter(|place| has_entry(sources, function(place)));
    let functions: Vec<usize> = functions.collect();
    for some in functions.chunks(FUNCTIONS_AT_ONCE) {
        // Each has its share, so that the outcome does not depend on who comes first.
        let share = *budget / some.len();
        let made = some.par_iter().with_min_len(FUNCTIONS_AT_LEAST);
        let made: Vec<_> = made
            .map(|place| {
                let mut left = share;
                let frames = frames(function(place), sources, Share::All, &mut left);
                (frames, share - left)
            })
            .collect();
        for (place, (frames, used)) in some.iter().zip(made) {
            *budget -= used;
            write_function(writer, function(place), &frames);
        }
    }
}

/// Whether `function` has an entry: it is told of, or others became part of it.
fn has_entry(sources: &Sources<'_, '_>, function: &Function<'_>) -> bool {
    sources.scopes.told(function.index).is_some() || !function.parts.is_empty()
}

/// Writes the entry of `function` with its `frames`.
fn write_function(
    writer: &mut Writer<'_, '_, '_, CompactUnit<'_>>,
    function: &Function<'_>,
    frames: &[Frame],
) {
    let sources = writer.sources;
    let id = match sources.scopes.told(function.index) {
        Some(told) => {
            let naming = sources.scopes.naming(sources.tables, told.entry);
            let parent = writer.space(&naming);
            let id = writer.unit.add(parent, tag::DW_TAG_subprogram);
            writer.name(id, &naming);
            writer.code(id, function, std::slice::from_ref(&(0..function.len())));
            id
        }
        None => writer.unnamed(function),
    };
    writer.frames(function, frames, |_| id);
}

/// What a unit says of itself.
struct Root {
    producer: Vec<u8>,
    name: Option<Vec<u8>>,
    folder: Option<Vec<u8>>,
    language: Option<DwLang>,
}

impl Root {
    fn read(unit: UnitRef<'_, Slice<'_>>) -> Self {
        let mut cursor = unit.entries();
        let entry = cursor.next_dfs().ok().flatten();
        let text = |name| {
            let value = entry.and_then(|entry| entry.attr_value(name))?;
            let text = unit.attr_string(value).ok()?.to_vec();
            (!text.is_empty() && !text.contains(&0)).then_some(text)
        };
        let language = entry.and_then(|entry| entry.attr_value(at::DW_AT_language));
        Self {
            producer: producer(&text(at::DW_AT_producer).unwrap_or_default()),
            name: text(at::DW_AT_name),
            folder: text(at::DW_AT_comp_dir),
            language: match language {
                Some(AttributeValue::Language(language)) => Some(language),
                _ => None,
            },
        }
    }

    /// An empty line table with the unit's folder.
    fn line_table(&self, strings: &mut LineStringTable) -> LineProgram {
        let mut text = |text: &Option<Vec<u8>>| {
            let text = text.clone().unwrap_or_else(|| b"?".to_vec());
            LineString::new(text, ENCODING, strings)
        };
        let (folder, name) = (text(&self.folder), text(&self.name));
        LineProgram::new(ENCODING, LineEncoding::default(), folder, None, name, None)
    }

    /// Writes this as the attributes of `unit`, and its line table; the list of its code is at `list`.
    fn write(
        self,
        unit: &mut CompactUnit<'_>,
        list: usize,
        strings: &mut StringTable,
        line_strings: &mut LineStringTable,
    ) -> Result<(), Unusable> {
        let id = unit.begin_root();
        let texts = [
            (at::DW_AT_producer, Some(self.producer)),
            (at::DW_AT_name, self.name),
            (at::DW_AT_comp_dir, self.folder),
        ];
        for (attribute, text) in texts {
            if let Some(text) = text {
                let text = strings.add(text);
                let place = strings.offset(text).0;
                unit.set_place(attribute, form::DW_FORM_strp, SectionId::DebugStr, place);
            }
        }
        if let Some(language) = self.language {
            let language = Value::Number(language.0.into());
            unit.set(id, at::DW_AT_language, language);
        }
        let (ranges, form) = (SectionId::DebugRanges, form::DW_FORM_sec_offset);
        // The base address of lists of ranges.
        unit.set(id, at::DW_AT_low_pc, Value::Code(0));
        unit.set_place(at::DW_AT_ranges, form, ranges, list);
        if unit.has_lines() {
            let lines = unit.write_lines(line_strings, strings)?;
            unit.set_place(at::DW_AT_stmt_list, form, SectionId::DebugLine, lines);
        }
        Ok(())
    }
}
