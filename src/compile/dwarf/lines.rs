//! Line tables: read whole, then written again for each unit in the order of its code.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use gimli::write::{ConvertUnit, LineProgram, LineRow, LineStringTable};
use gimli::{ColumnType, Dwarf, LineEncoding, UnitRef};
use rayon::prelude::*;

use super::Unusable;
use super::files::Files;
use super::input::Slice;
use super::native::{Function, Program};
use super::rows::{self, Rows};
use super::sequences::Sequences;
use crate::compile::debug::Span;

/// A row of the module's line table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) address: u64,
    pub(super) file: u64,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) is_statement: bool,
    pub(super) ends_prologue: bool,
}

/// A place in the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourcePlace {
    /// The unit in whose line table the file has its number.
    pub(super) unit: usize,
    pub(super) file: u64,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Rows of code that follows each other.
struct Sequence {
    start: u64,
    end: u64,
    unit: usize,
    rows: Vec<Row>,
}

impl Sequence {
    /// The unit and the row of the operator at `address`, which is within, with the addresses for which it holds.
    fn row_around(&self, address: u64) -> Option<(usize, &Row, Range<u64>)> {
        let after = self.rows.partition_point(|row| row.address <= address);
        let row = self.rows[..after].last()?;
        let end = self.rows.get(after).map_or(self.end, |next| next.address);
        Some((self.unit, row, row.address..end))
    }
}

/// The row that tells of a function's code from some byte of it on.
pub(super) struct Found<'l> {
    start: u32,
    unit: usize,
    row: &'l Row,
}

/// All line tables of the module.
pub(super) struct Lines<'a> {
    /// By address.
    sequences: Vec<Sequence>,
    /// Functions of each unit that its line table tells of, by their places in the program, in the order of the code.
    functions: HashMap<usize, Vec<usize>>,
    /// The unit of each function, by its place in the program.
    unit_of: Vec<Option<usize>>,
    /// The units, which hold the names of files.
    units: Vec<gimli::Unit<Slice<'a>>>,
}

impl<'a> Lines<'a> {
    /// Reads all line tables.
    pub(super) fn read(dwarf: &Dwarf<Slice<'a>>, program: &Program<'_>) -> Result<Self, Unusable> {
        let mut headers = Vec::new();
        let mut all = dwarf.units();
        while let Some(header) = all.next()? {
            headers.push(header);
        }
        let units = headers.into_par_iter().map(|header| dwarf.unit(header));
        let units: Vec<_> = units.collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        let tables = units.iter().enumerate().filter_map(|(unit, read)| {
            let table = read.line_program.clone()?;
            // Units may share one; that of a type names files with it.
            if matches!(read.header.type_(), gimli::UnitType::Type { .. }) {
                return None;
            }
            seen.insert(table.header().offset().0)
                .then_some((unit, table))
        });
        let tables: Vec<_> = tables.collect();
        let sequences = tables
            .into_par_iter()
            .map(|(unit, table)| sequences(table, unit, program));
        let sequences: Vec<Vec<Sequence>> = sequences.collect::<Result<_, _>>()?;
        let mut sequences: Vec<Sequence> = sequences.into_iter().flatten().collect();
        sequences.sort_by_key(|sequence| sequence.start);
        let mut lines = Self {
            sequences,
            functions: HashMap::new(),
            unit_of: Vec::new(),
            units,
        };
        let functions = program.functions().iter();
        lines.unit_of = functions
            .map(|function| lines.row_of(function).map(|(unit, _)| unit))
            .collect();
        for (place, unit) in lines.unit_of.iter().enumerate() {
            if let Some(unit) = unit {
                lines.functions.entry(*unit).or_default().push(place);
            }
        }
        for functions in lines.functions.values_mut() {
            functions.sort_by_key(|place| program.functions()[*place].code.start);
        }
        Ok(lines)
    }

    /// The functions of unit `unit`, by their places in the program.
    pub(super) fn functions_of(&self, unit: usize) -> &[usize] {
        self.functions.get(&unit).map_or(&[], Vec::as_slice)
    }

    /// The unit whose line table tells of the function at `place`.
    pub(super) fn unit_of(&self, place: usize) -> Option<usize> {
        self.unit_of[place]
    }

    /// The units of the module.
    pub(super) fn units(&self) -> &[gimli::Unit<Slice<'a>>] {
        &self.units
    }

    /// The place of the operator at `address` in the sources.
    pub(super) fn place_at(&self, address: u64) -> Option<SourcePlace> {
        let (unit, row) = self.row_at(address)?;
        (row.line != 0).then_some(SourcePlace {
            unit,
            file: row.file,
            line: row.line,
            column: row.column,
        })
    }

    /// The unit and the row of the operator at `address`.
    fn row_at(&self, address: u64) -> Option<(usize, &Row)> {
        let (unit, row, _) = self.row_around(address)?;
        Some((unit, row))
    }

    /// As [`Lines::row_at`], with the addresses for which the row holds.
    fn row_around(&self, address: u64) -> Option<(usize, &Row, Range<u64>)> {
        let (sequence, _) = self.sequence_around(address)?;
        sequence.row_around(address)
    }

    /// The sequence that tells of `address`, and the addresses up to which no other does.
    fn sequence_around(&self, address: u64) -> Option<(&Sequence, u64)> {
        let after = self
            .sequences
            .partition_point(|sequence| sequence.start <= address);
        let sequence = self.sequences[..after].last()?;
        let next = self.sequences.get(after);
        let end = next.map_or(sequence.end, |next| next.start.min(sequence.end));
        (address < sequence.end).then_some((sequence, end))
    }

    /// The first row of a function's code; where there is none of the function itself, as of what a linker adds, that of the
    /// first body that became part of it.
    fn row_of(&self, function: &Function<'_>) -> Option<(usize, &Row)> {
        let first = |address: fn(&Span) -> u32| {
            let mut spans = function.spans.iter();
            spans.find_map(|span| self.row_at(u64::from(address(span))))
        };
        first(|span| span.own).or_else(|| first(|span| span.operator))
    }

    /// Writes the line table of unit `index`; its files are the answer.
    pub(super) fn write(
        &self,
        index: usize,
        dwarf: &Dwarf<Slice<'a>>,
        unit: &mut ConvertUnit<'_, Slice<'a>>,
        program: &Program<'_>,
    ) -> Result<Files, Unusable> {
        let encoding = unit.unit.encoding();
        let Some(table) = unit.read_line_program(Some(encoding), Some(LineEncoding::default()))?
        else {
            return Ok(Files::default());
        };
        let (mut table, files) = table.program();
        let mut files = Files::of_unit(index, files);
        let functions = self.functions_of(index);
        let mut to = LineTable {
            program: &mut table,
            strings: unit.line_strings,
            files: &mut files,
            sequences: None,
            is_zig: self.is_zig(functions, dwarf),
        };
        for place in functions {
            let function = &program.functions()[*place];
            self.write_function(function, &self.found(function), dwarf, &mut to);
        }
        unit.set_line_program(table, files.own().to_vec());
        Ok(files)
    }

    /// The rows that tell of the code of `function`, in the order of the code.
    pub(super) fn found(&self, function: &Function<'_>) -> Vec<Found<'_>> {
        let mut all: Vec<Found<'_>> = Vec::new();
        // The addresses of the row before: what follows is mostly among them, or in the sequence that it is of.
        let mut around = 0..0;
        let mut sequence: Option<(&Sequence, u64)> = None;
        for span in &function.spans {
            let operator = u64::from(span.operator);
            if around.contains(&operator) {
                continue;
            }
            let same =
                sequence.filter(|(sequence, end)| (sequence.start..*end).contains(&operator));
            sequence = same.or_else(|| self.sequence_around(operator));
            let row = sequence.and_then(|(sequence, _)| sequence.row_around(operator));
            let Some((unit, row, addresses)) = row else {
                continue;
            };
            around = addresses;
            all.push(Found {
                start: span.start,
                unit,
                row,
            });
        }
        all
    }

    /// Adds the rows that were `found` for `function` to a table.
    pub(super) fn write_function(
        &self,
        function: &Function<'_>,
        found: &[Found<'_>],
        dwarf: &Dwarf<Slice<'a>>,
        to: &mut LineTable<'_>,
    ) {
        let mut rows: Vec<LineRow> = Vec::with_capacity(found.len() + 1);
        let mut last: Option<(usize, &Row)> = None;
        let mut last_place = None;
        for Found { start, unit, row } in found {
            if last == Some((*unit, *row)) {
                continue;
            }
            let from = self.units[*unit].unit_ref(dwarf);
            let files = &mut *to.files;
            let Some(file) = files.find((*unit, from), row.file, to.program, to.strings) else {
                continue;
            };
            last = Some((*unit, row));
            let place = (file, row.line);
            // Code is not in the order of the module: where a row's first instruction went elsewhere, a debugger would find
            // no place to stop at its line.
            let is_statement = row.is_statement || (row.line != 0 && last_place != Some(place));
            last_place = Some(place);
            rows.push(LineRow {
                address_offset: u64::from(*start),
                op_index: 0,
                file,
                line: row.line,
                column: row.column,
                discriminator: 0,
                is_statement,
                basic_block: false,
                prologue_end: row.ends_prologue,
                epilogue_begin: false,
                isa: 0,
            });
        }
        if to.is_zig {
            end_zigs_prologue(&mut rows);
        }
        end_prologue(&mut rows, function);
        if let Some(sequences) = &mut to.sequences {
            let len = function.len().into();
            sequences.push(to.program, function.code.start, &rows, len);
            return;
        }
        to.program.begin_sequence(Some(function.address(0)));
        for row in rows {
            *to.program.row() = row;
            to.program.generate_row();
        }
        to.program.end_sequence(u64::from(function.len()));
    }

    /// Whether Zig's compiler made the unit that `functions` are of.
    pub(super) fn is_zig(&self, functions: &[usize], dwarf: &Dwarf<Slice<'a>>) -> bool {
        let unit = functions.first().and_then(|place| self.unit_of[*place]);
        unit.is_some_and(|unit| is_zig(&self.units[unit].unit_ref(dwarf)))
    }
}

/// A line table while it is written.
pub(super) struct LineTable<'t> {
    pub(super) program: &'t mut LineProgram,
    pub(super) strings: &'t mut LineStringTable,
    pub(super) files: &'t mut Files,
    /// Where sequences go to instead of the table.
    pub(super) sequences: Option<&'t mut Sequences>,
    /// Whether Zig's compiler made what it tells of.
    pub(super) is_zig: bool,
}

/// Reads the rows of one table, as far as there is code.
fn sequences(
    table: gimli::IncompleteLineProgram<Slice<'_>>,
    unit: usize,
    program: &Program<'_>,
) -> Result<Vec<Sequence>, Unusable> {
    // What was removed from the module keeps its rows, at addresses where no code is.
    let alive = |address| {
        let body = program.body_at(address);
        body.is_some_and(|body| program.place_of(body).is_some() || program.is_part(body))
    };
    let all = match rows::living(table.header(), alive) {
        Some(all) => all,
        None => all_rows(table, alive)?,
    };
    let sequences = all.into_iter().map(|Rows { mut rows, end }| {
        rows.sort_by_key(|row| row.address);
        Sequence {
            start: rows[0].address,
            end,
            unit,
            rows,
        }
    });
    Ok(sequences.collect())
}

/// What [`rows::living`] answers, by gimli.
fn all_rows(
    table: gimli::IncompleteLineProgram<Slice<'_>>,
    alive: impl Fn(u64) -> bool,
) -> Result<Vec<Rows>, Unusable> {
    let mut all = Vec::new();
    let mut rows = table.rows();
    let mut sequence: Vec<Row> = Vec::new();
    let mut is_alive = None;
    while let Some((_, row)) = rows.next_row()? {
        if !*is_alive.get_or_insert_with(|| alive(row.address())) {
            if row.end_sequence() {
                is_alive = None;
            }
            continue;
        }
        if !row.end_sequence() {
            sequence.push(Row {
                address: row.address(),
                file: row.file_index(),
                line: row.line().map_or(0, |line| line.get()),
                column: match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => column.get(),
                },
                is_statement: row.is_stmt(),
                ends_prologue: row.prologue_end(),
            });
            continue;
        }
        let rows = std::mem::take(&mut sequence);
        is_alive = None;
        if !rows.is_empty() {
            let end = row.address();
            all.push(Rows { rows, end });
        }
    }
    Ok(all)
}

/// Makes sure that some row ends the prologue: without one, gdb takes that of the function behind this one.
fn end_prologue(rows: &mut Vec<LineRow>, function: &Function<'_>) {
    let Some(first) = rows.first().copied() else {
        return;
    };
    if function.entry_bytes >= function.len() {
        return;
    }
    let at = first.address_offset.max(function.entry_bytes.into());
    // One from before the frame stands, as in optimised code, ends nothing.
    let is_end = |row: &LineRow| {
        let offset = row.address_offset;
        row.prologue_end && offset >= at && offset > first.address_offset
    };
    if rows.iter().any(is_end) {
        return;
    }
    for row in rows.iter_mut() {
        row.prologue_end = false;
    }
    let after = rows.partition_point(|row| row.address_offset <= at);
    let row = LineRow {
        address_offset: at,
        is_statement: true,
        prologue_end: true,
        ..rows[after - 1]
    };
    match &mut rows[after - 1] {
        same if same.address_offset == at => *same = row,
        _ => rows.insert(after, row),
    }
}

/// Whether Zig's compiler made the unit.
fn is_zig(unit: &UnitRef<'_, Slice<'_>>) -> bool {
    let mut entries = unit.entries();
    let root = entries.next_dfs().ok().flatten();
    let producer = root.and_then(|root| root.attr_value(gimli::DW_AT_producer));
    let producer = producer.and_then(|producer| unit.attr_string(producer).ok());
    producer.is_some_and(|producer| producer.slice().starts_with(b"zig"))
}

/// Moves the end of the prologue behind the code that stores arguments. Zig's compiler says that it is over before, in the
/// function's first line: a debugger that stops there shows arguments that nobody has stored.
fn end_zigs_prologue(rows: &mut [LineRow]) {
    let Some(end) = rows.iter().position(|row| row.prologue_end) else {
        return;
    };
    let first_line = rows[0].line;
    let mut behind = rows.iter().skip(end);
    if rows[end].line != first_line {
        return;
    }
    if let Some(next) = behind.position(|row| row.line > first_line && row.is_statement) {
        rows[end].prologue_end = false;
        rows[end + next].prologue_end = true;
    }
}
