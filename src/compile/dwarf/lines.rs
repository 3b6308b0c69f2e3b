//! Line tables: read whole, beside the code's generation, then written again for each unit in the order of its code.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use gimli::write::{ConvertUnit, LineProgram, LineRow, LineStringTable};
use gimli::{ColumnType, Dwarf, LineEncoding, UnitRef};
use rayon::prelude::*;

use super::Unusable;
use super::files::Files;
use super::input::Slice;
use super::native::{Bodies, Function, Program};
use super::rows::{self, Rows};
use super::sequences::Sequences;
use super::units::{Depth, Units};
use crate::compile::debug::Span;

/// A row of the module's line table; there are many, and no compiler's numbers need more bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) address: u32,
    pub(super) file: u32,
    pub(super) line: u32,
    pub(super) column: u32,
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
    /// Its rows, among those of which table.
    table: usize,
    rows: Range<usize>,
}

/// The row that tells of a function's code from some byte of it on.
pub(super) struct Found<'l> {
    start: u32,
    unit: usize,
    row: &'l Row,
}

/// All line tables of the module: what can be read before there is code.
pub(in crate::compile) struct LineTables<'a> {
    pub(super) dwarf: Dwarf<Slice<'a>>,
    pub(super) bodies: Bodies,
    /// By address.
    sequences: Vec<Sequence>,
    /// The rows of each table; those of one sequence by address.
    rows: Vec<Vec<Row>>,
    /// The units, which hold the names of files.
    pub(super) units: Units<'a>,
}

/// The lines of a program's code.
pub(super) struct Lines<'t, 'a> {
    tables: &'t LineTables<'a>,
    /// Functions of each unit that its line table tells of, by their places in the program, in the order of the code.
    functions: HashMap<usize, Vec<usize>>,
    /// The unit of each function, by its place in the program.
    unit_of: Vec<Option<usize>>,
}

impl<'a> LineTables<'a> {
    /// Reads those of `dwarf`, as far as they tell of `bodies`.
    pub(super) fn read(
        dwarf: Dwarf<Slice<'a>>,
        bodies: Bodies,
        depth: Depth,
    ) -> Result<Self, Unusable> {
        let units = Units::read(&dwarf, &bodies, depth)?;
        let mut seen = HashSet::new();
        let tables = (0..units.len()).filter_map(|unit| {
            let head = units.head(unit);
            let table = head
                .line_program
                .as_ref()
                .filter(|_| units.has_code(unit))?;
            // Units may share one; that of a type names files with it.
            if matches!(head.header.type_(), gimli::UnitType::Type { .. }) {
                return None;
            }
            seen.insert(table.header().offset().0)
                .then_some((unit, table))
        });
        let tables: Vec<_> = tables.collect();
        let read = tables.par_iter().map(|(_, table)| rows(table, &bodies));
        let read: Vec<Rows> = read.collect::<Result<_, _>>()?;
        let mut sequences = Vec::new();
        let mut all = Vec::with_capacity(read.len());
        for (table, (read, (unit, _))) in read.into_iter().zip(tables).enumerate() {
            let mut first = 0;
            for (last, end) in read.sequences {
                sequences.push(Sequence {
                    start: read.rows[first].address.into(),
                    end,
                    unit,
                    table,
                    rows: first..last,
                });
                first = last;
            }
            all.push(read.rows);
        }
        sequences.sort_by_key(|sequence| sequence.start);
        Ok(Self {
            dwarf,
            bodies,
            sequences,
            rows: all,
            units,
        })
    }

    /// The unit and the row of the operator at `address`.
    fn row_at(&self, address: u64) -> Option<(usize, &Row)> {
        let (unit, row, _) = self.row_around(address)?;
        Some((unit, row))
    }

    /// As [`LineTables::row_at`], with the addresses for which the row holds.
    fn row_around(&self, address: u64) -> Option<(usize, &Row, Range<u64>)> {
        let (sequence, _) = self.sequence_around(address)?;
        self.row_in(sequence, address)
    }

    /// As [`LineTables::row_around`], for an operator that is within `sequence`.
    fn row_in(&self, sequence: &Sequence, address: u64) -> Option<(usize, &Row, Range<u64>)> {
        let rows = &self.rows[sequence.table][sequence.rows.clone()];
        let after = rows.partition_point(|row| u64::from(row.address) <= address);
        let row = rows[..after].last()?;
        let next = rows.get(after);
        let end = next.map_or(sequence.end, |next| next.address.into());
        Some((sequence.unit, row, row.address.into()..end))
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
}

impl<'t, 'a> Lines<'t, 'a> {
    /// Those that `tables` tell of the code of `program`.
    pub(super) fn new(tables: &'t LineTables<'a>, program: &Program<'_>) -> Self {
        let functions = program.functions().par_iter();
        let unit_of = functions.map(|function| tables.row_of(function).map(|(unit, _)| unit));
        let mut lines = Self {
            tables,
            functions: HashMap::new(),
            unit_of: unit_of.collect(),
        };
        for (place, unit) in lines.unit_of.iter().enumerate() {
            if let Some(unit) = unit {
                lines.functions.entry(*unit).or_default().push(place);
            }
        }
        for functions in lines.functions.values_mut() {
            functions.sort_by_key(|place| program.functions()[*place].code.start);
        }
        lines
    }

    /// The functions of unit `unit`, by their places in the program.
    pub(super) fn functions_of(&self, unit: usize) -> &[usize] {
        self.functions.get(&unit).map_or(&[], Vec::as_slice)
    }

    /// The unit whose line table tells of the function at `place`.
    pub(super) fn unit_of(&self, place: usize) -> Option<usize> {
        self.unit_of[place]
    }

    /// The place of the operator at `address` in the sources.
    pub(super) fn place_at(&self, address: u64) -> Option<SourcePlace> {
        let (unit, row) = self.tables.row_at(address)?;
        (row.line != 0).then_some(SourcePlace {
            unit,
            file: row.file.into(),
            line: row.line.into(),
            column: row.column.into(),
        })
    }

    /// Writes the line table of unit `index`; its files are the answer.
    pub(super) fn write(
        &self,
        index: usize,
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
            rows: Vec::new(),
            is_zig: self.is_zig(functions),
        };
        for place in functions {
            let function = &program.functions()[*place];
            self.write_function(function, &self.found(function), &mut to);
        }
        unit.set_line_program(table, files.own().to_vec());
        Ok(files)
    }

    /// The rows that tell of the code of `function`, in the order of the code.
    pub(super) fn found(&self, function: &Function<'_>) -> Vec<Found<'t>> {
        let mut all: Vec<Found<'t>> = Vec::new();
        // The addresses of the row before: what follows is mostly among them, or in the sequence that it is of.
        let mut around = 0..0;
        let mut sequence: Option<(&'t Sequence, u64)> = None;
        for span in &function.spans {
            let operator = u64::from(span.operator);
            if around.contains(&operator) {
                continue;
            }
            let same =
                sequence.filter(|(sequence, end)| (sequence.start..*end).contains(&operator));
            sequence = same.or_else(|| self.tables.sequence_around(operator));
            let row = sequence.and_then(|(sequence, _)| self.tables.row_in(sequence, operator));
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
        to: &mut LineTable<'_>,
    ) {
        let tables = self.tables;
        let mut rows = std::mem::take(&mut to.rows);
        let mut last: Option<(usize, &Row)> = None;
        let mut last_place = None;
        for Found { start, unit, row } in found {
            if last == Some((*unit, *row)) {
                continue;
            }
            let from = tables.units.head(*unit).unit_ref(&tables.dwarf);
            let files = &mut *to.files;
            let Some(file) = files.find((*unit, from), row.file.into(), to.program, to.strings)
            else {
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
                line: row.line.into(),
                column: row.column.into(),
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
        } else {
            to.program.begin_sequence(Some(function.address(0)));
            for row in &rows {
                *to.program.row() = *row;
                to.program.generate_row();
            }
            to.program.end_sequence(u64::from(function.len()));
        }
        rows.clear();
        to.rows = rows;
    }

    /// Whether Zig's compiler made the unit that `functions` are of.
    pub(super) fn is_zig(&self, functions: &[usize]) -> bool {
        let tables = self.tables;
        let unit = functions.first().and_then(|place| self.unit_of[*place]);
        unit.is_some_and(|unit| is_zig(&tables.units.head(unit).unit_ref(&tables.dwarf)))
    }
}

/// A line table while it is written.
pub(super) struct LineTable<'t> {
    pub(super) program: &'t mut LineProgram,
    pub(super) strings: &'t mut LineStringTable,
    pub(super) files: &'t mut Files,
    /// Where sequences go to instead of the table.
    pub(super) sequences: Option<&'t mut Sequences>,
    /// Room for the rows of a function.
    pub(super) rows: Vec<LineRow>,
    /// Whether Zig's compiler made what it tells of.
    pub(super) is_zig: bool,
}

/// Reads the rows of one table, as far as there is code.
fn rows(
    table: &gimli::IncompleteLineProgram<Slice<'_>>,
    bodies: &Bodies,
) -> Result<Rows, Unusable> {
    // What was removed from the module keeps its rows, at addresses where no code is.
    let alive = |address| bodies.at(address).is_some();
    let mut all = match rows::living(table.header(), alive) {
        Some(all) => all,
        None => all_rows(table.clone(), alive)?,
    };
    let mut first = 0;
    for (last, _) in &all.sequences {
        let rows = &mut all.rows[first..*last];
        if !rows.is_sorted_by_key(|row| row.address) {
            rows.sort_by_key(|row| row.address);
        }
        first = *last;
    }
    Ok(all)
}

/// What [`rows::living`] answers, by gimli.
fn all_rows(
    table: gimli::IncompleteLineProgram<Slice<'_>>,
    alive: impl Fn(u64) -> bool,
) -> Result<Rows, Unusable> {
    let mut all = Rows::default();
    let mut rows = table.rows();
    let mut is_alive = None;
    while let Some((_, row)) = rows.next_row()? {
        if !*is_alive.get_or_insert_with(|| alive(row.address())) {
            if row.end_sequence() {
                is_alive = None;
            }
            continue;
        }
        if !row.end_sequence() {
            // What is larger is damage.
            let small = |number| u32::try_from(number).unwrap_or(u32::MAX);
            all.rows.push(Row {
                address: small(row.address()),
                file: small(row.file_index()),
                line: small(row.line().map_or(0, |line| line.get())),
                column: small(match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => column.get(),
                }),
                is_statement: row.is_stmt(),
                ends_prologue: row.prologue_end(),
            });
            continue;
        }
        is_alive = None;
        if all.rows.len() > all.whole() {
            all.end_sequence(row.address());
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
