//! Debug information without types and variables: lines, functions, and the bodies that are part of them.

use gimli::write::{AttributeValue, LineProgram, LineString, LineStringTable, StringTable, Unit};
use gimli::{Encoding, Format, LineEncoding};
use gimli::{constants as at, constants as tag};
use rayon::prelude::*;

use super::Unusable;
use super::entries::{PIECES_MAX, producer, root_ranges};
use super::files::Files;
use super::frames::{Known, Share, Sources, Writer, frames};
use super::output::{self, DebugSection};

/// What is written: the version that every debugger reads.
const ENCODING: Encoding = Encoding {
    address_size: 8,
    format: Format::Dwarf32,
    version: 4,
};

/// Functions that are written together at least: groups know nothing of each other and are written at the same time.
const FUNCTIONS_AT_ONCE: usize = 200;

/// Writes the debug information of the module that `sources` are of.
pub(super) fn convert(sources: &Sources<'_, '_>) -> Result<Vec<DebugSection>, Unusable> {
    let groups = groups(sources);
    let parts = groups.par_iter().map(|group| write(sources, group));
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
    let mut functions: Vec<Vec<usize>> = vec![Vec::new(); sources.lines.units().len()];
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
            room = FUNCTIONS_AT_ONCE;
        }
        room = room.saturating_sub(functions.len());
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
    let mut written = gimli::write::Dwarf::new();
    let mut code = Vec::with_capacity(group.len());
    // More than any compiler's has, for each group: what is broken must not grow without bounds.
    let mut budget = PIECES_MAX;
    for functions in group {
        let mut unit = Unit::new(ENCODING, LineProgram::none());
        let gimli::write::Dwarf {
            line_strings,
            strings,
            ..
        } = &mut written;
        let mut files = Files::default();
        root(&mut unit, sources, functions.unit, strings, line_strings);
        let mut table = std::mem::replace(&mut unit.line_program, LineProgram::none());
        if !table.is_none() {
            sources.lines.fill(
                &functions.functions,
                sources.dwarf,
                sources.program,
                &mut table,
                line_strings,
                &mut files,
            );
        }
        unit.line_program = table;
        let ranges = functions.functions.iter();
        let ranges = ranges.map(|place| sources.program.functions()[*place].code.clone());
        code.push(root_ranges(&mut unit, ranges.collect()));
        let mut known = Known::default();
        let mut writer = Writer {
            sources,
            unit: &mut unit,
            line_strings,
            files: &mut files,
            known: &mut known,
        };
        for place in &functions.functions {
            function(&mut writer, *place, &mut budget);
        }
        written.units.add(unit);
    }
    output::write(&mut written, &code)
}

/// Writes a unit's own attributes, and an empty line table with its folder.
fn root(
    unit: &mut Unit,
    sources: &Sources<'_, '_>,
    index: usize,
    strings: &mut StringTable,
    line_strings: &mut LineStringTable,
) {
    let read = &sources.lines.units()[index];
    let mut cursor = read.entries();
    let entry = cursor.next_dfs().ok().flatten();
    let from = read.unit_ref(sources.dwarf);
    let text = |name| {
        let value = entry.and_then(|entry| entry.attr_value(name))?;
        let text = from.attr_string(value).ok()?.to_vec();
        (!text.is_empty() && !text.contains(&0)).then_some(text)
    };
    let id = unit.root();
    let made_by = producer(&text(at::DW_AT_producer).unwrap_or_default());
    let name = text(at::DW_AT_name);
    let folder = text(at::DW_AT_comp_dir);
    let texts = [
        (at::DW_AT_producer, Some(made_by)),
        (at::DW_AT_name, name.clone()),
        (at::DW_AT_comp_dir, folder.clone()),
    ];
    for (attribute, text) in texts {
        if let Some(text) = text {
            let text = AttributeValue::StringRef(strings.add(text));
            unit.get_mut(id).set(attribute, text);
        }
    }
    let language = entry.and_then(|entry| entry.attr_value(at::DW_AT_language));
    if let Some(gimli::AttributeValue::Language(language)) = language {
        let language = AttributeValue::Language(language);
        unit.get_mut(id).set(at::DW_AT_language, language);
    }
    if read.line_program.is_some() {
        let unnamed = || b"?".to_vec();
        unit.line_program = LineProgram::new(
            ENCODING,
            LineEncoding::default(),
            LineString::new(folder.unwrap_or_else(unnamed), ENCODING, line_strings),
            None,
            LineString::new(name.unwrap_or_else(unnamed), ENCODING, line_strings),
            None,
        );
    }
}

/// Writes the function at `place` of the program, if its entry is known, with the bodies that are part of it.
fn function(writer: &mut Writer<'_, '_, '_>, place: usize, budget: &mut usize) {
    let sources = writer.sources;
    let function = &sources.program.functions()[place];
    let id = match sources.scopes.told(function.index) {
        Some(told) => {
            let naming = sources.scopes.naming(told.entry);
            let parent = writer.space(&naming);
            let id = writer.unit.add(parent, tag::DW_TAG_subprogram);
            writer.name(id, &naming);
            writer.code(id, function, std::slice::from_ref(&(0..function.len())));
            id
        }
        None if function.parts.is_empty() => return,
        None => writer.unnamed(function),
    };
    let frames = frames(function, sources, Share::All, budget);
    writer.frames(function, &frames, |_| id);
}
