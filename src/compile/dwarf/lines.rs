//! Line tables: read whole, then written again for each unit in the order of its code.

use std::collections::HashMap;

use gimli::write::{ConvertUnit, FileId, LineProgram, LineRow, LineString, LineStringTable};
use gimli::{ColumnType, Dwarf, LineEncoding, UnitRef};

use super::Unusable;
use super::input::Slice;
use super::native::{Function, Program};

/// A row of the module's line table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    address: u64,
    file: u64,
    line: u64,
    column: u64,
    is_statement: bool,
    ends_prologue: bool,
}

/// Rows of code that follows each other.
struct Sequence {
    start: u64,
    end: u64,
    unit: usize,
    rows: Vec<Row>,
}

/// All line tables of the module.
pub(super) struct Lines<'a> {
    /// By address.
    sequences: Vec<Sequence>,
    /// Functions of each unit that its line table tells of, by their places in the program, in the order of the code.
    functions: HashMap<usize, Vec<usize>>,
    /// The units, which hold the names of files.
    units: Vec<gimli::Unit<Slice<'a>>>,
}

impl<'a> Lines<'a> {
    /// Reads all line tables.
    pub(super) fn read(dwarf: &Dwarf<Slice<'a>>, program: &Program<'_>) -> Result<Self, Unusable> {
        let mut lines = Self {
            sequences: Vec::new(),
            functions: HashMap::new(),
            units: Vec::new(),
        };
        let mut seen = std::collections::HashSet::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            let unit = dwarf.unit(header)?;
            if let Some(table) = unit.line_program.clone()
                && seen.insert(table.header().offset().0)
            {
                lines.read_table(table, lines.units.len(), program)?;
            }
            lines.units.push(unit);
        }
        lines.sequences.sort_by_key(|sequence| sequence.start);
        for (index, function) in program.functions().iter().enumerate() {
            if let Some((unit, _)) = lines.row_of(function) {
                lines.functions.entry(unit).or_default().push(index);
            }
        }
        for functions in lines.functions.values_mut() {
            functions.sort_by_key(|index| program.functions()[*index].code.start);
        }
        Ok(lines)
    }

    fn read_table(
        &mut self,
        table: gimli::IncompleteLineProgram<Slice<'a>>,
        unit: usize,
        program: &Program<'_>,
    ) -> Result<(), Unusable> {
        let mut rows = table.rows();
        let mut sequence: Vec<Row> = Vec::new();
        while let Some((_, row)) = rows.next_row()? {
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
            let mut rows = std::mem::take(&mut sequence);
            let Some(first) = rows.first() else { continue };
            // What was removed from the module keeps its rows, at addresses where no code is.
            if program.function_at(first.address).is_none() {
                continue;
            }
            rows.sort_by_key(|row| row.address);
            self.sequences.push(Sequence {
                start: rows[0].address,
                end: row.address(),
                unit,
                rows,
            });
        }
        Ok(())
    }

    /// The functions of unit `unit`, by their places in the program.
    pub(super) fn functions_of(&self, unit: usize) -> &[usize] {
        self.functions.get(&unit).map_or(&[], Vec::as_slice)
    }

    /// The unit and the row of the operator at `address`.
    fn row_at(&self, address: u64) -> Option<(usize, &Row)> {
        let after = self
            .sequences
            .partition_point(|sequence| sequence.start <= address);
        let sequence = self.sequences[..after].last()?;
        if address >= sequence.end {
            return None;
        }
        let after = sequence.rows.partition_point(|row| row.address <= address);
        Some((sequence.unit, sequence.rows[..after].last()?))
    }

    /// The first row of a function's code.
    fn row_of(&self, function: &Function<'_>) -> Option<(usize, &Row)> {
        let mut spans = function.spans.iter();
        spans.find_map(|span| self.row_at(u64::from(span.own)))
    }

    /// Writes the line table of unit `index`.
    pub(super) fn write(
        &self,
        index: usize,
        dwarf: &Dwarf<Slice<'a>>,
        unit: &mut ConvertUnit<'_, Slice<'a>>,
        program: &Program<'_>,
    ) -> Result<(), Unusable> {
        let encoding = unit.unit.encoding();
        let Some(table) = unit.read_line_program(Some(encoding), Some(LineEncoding::default()))?
        else {
            return Ok(());
        };
        let (table, files) = table.program();
        let mut writer = Writer {
            lines: self,
            dwarf,
            unit: index,
            strings: unit.line_strings,
            table,
            files,
            foreign: HashMap::new(),
        };
        for function in self.functions_of(index) {
            writer.function(&program.functions()[*function]);
        }
        let Writer { table, files, .. } = writer;
        unit.set_line_program(table, files);
        Ok(())
    }
}

/// Makes sure that some row ends the prologue: without one, gdb takes that of the function behind this one.
fn end_prologue(rows: &mut Vec<LineRow>, function: &Function<'_>) {
    let Some(first) = rows.first().copied() else {
        return;
    };
    let is_told = rows.iter().any(|row| row.prologue_end);
    if is_told || function.entry_bytes >= function.len() {
        return;
    }
    let at = first.address_offset.max(function.entry_bytes.into());
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

/// A unit's line table while it is written.
struct Writer<'l, 'a> {
    lines: &'l Lines<'a>,
    dwarf: &'l Dwarf<Slice<'a>>,
    unit: usize,
    strings: &'l mut LineStringTable,
    table: LineProgram,
    /// The unit's own files, by their numbers in the module.
    files: Vec<FileId>,
    /// Files of other units, whose functions became part of some here.
    foreign: HashMap<(usize, u64), Option<FileId>>,
}

impl Writer<'_, '_> {
    fn function(&mut self, function: &Function<'_>) {
        let mut rows: Vec<LineRow> = Vec::new();
        let mut last: Option<(usize, Row)> = None;
        let mut last_place = None;
        for span in &function.spans {
            let Some((unit, row)) = self.lines.row_at(u64::from(span.operator)) else {
                continue;
            };
            if last == Some((unit, *row)) {
                continue;
            }
            let Some(file) = self.file(unit, row.file) else {
                continue;
            };
            last = Some((unit, *row));
            let place = (file, row.line);
            // Code is not in the order of the module: where a row's first instruction went elsewhere, a debugger would find
            // no place to stop at its line.
            let is_statement = row.is_statement || (row.line != 0 && last_place != Some(place));
            last_place = Some(place);
            rows.push(LineRow {
                address_offset: u64::from(span.start),
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
        end_prologue(&mut rows, function);
        self.table.begin_sequence(Some(function.address(0)));
        for row in rows {
            *self.table.row() = row;
            self.table.generate_row();
        }
        self.table.end_sequence(u64::from(function.len()));
    }

    fn file(&mut self, unit: usize, file: u64) -> Option<FileId> {
        if unit == self.unit {
            if file == 0 && self.table.version() <= 4 {
                return None;
            }
            return self.files.get(usize::try_from(file).ok()?).copied();
        }
        if let Some(known) = self.foreign.get(&(unit, file)) {
            return *known;
        }
        let added = self.add_foreign(unit, file);
        self.foreign.insert((unit, file), added);
        added
    }

    /// Adds a file of another unit to this one's.
    fn add_foreign(&mut self, unit: usize, file: u64) -> Option<FileId> {
        let unit = UnitRef::new(self.dwarf, &self.lines.units[unit]);
        let header = unit.line_program.as_ref()?.header();
        let entry = header.file(file)?;
        let name = unit.attr_string(entry.path_name()).ok()?;
        let mut folder = unit.comp_dir.map_or(Vec::new(), |folder| folder.to_vec());
        if let Some(below) = entry.directory(header) {
            let below = unit.attr_string(below).ok()?;
            if below.starts_with(b"/") || folder.is_empty() {
                folder = below.to_vec();
            } else if folder != below.slice() {
                folder.push(b'/');
                folder.extend_from_slice(below.slice());
            }
        }
        if folder.is_empty() || name.is_empty() {
            return None;
        }
        let encoding = self.table.encoding();
        let folder = LineString::new(folder, encoding, self.strings);
        let folder = self.table.add_directory(folder);
        let name = LineString::new(name.to_vec(), encoding, self.strings);
        Some(self.table.add_file(name, folder, None))
    }
}
