//! Files of a line table that is written: the unit's own, and those of other units whose code is here.

use gimli::UnitRef;
use gimli::write::{FileId, LineProgram, LineString, LineStringTable};
use rustc_hash::FxHashMap;

use super::input::Slice;

/// The files of one unit's line table.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The unit whose numbers are known; `None` for a table that begins empty.
    unit: Option<usize>,
    /// Its files, by their numbers in the module.
    own: Vec<FileId>,
    /// Files of other units, by unit and number.
    foreign: FxHashMap<(usize, u64), Option<FileId>>,
    /// The one of these that was asked for last: mostly it is asked for again.
    last: Option<((usize, u64), Option<FileId>)>,
}

impl Files {
    /// Those of a table that has the files `own` of the unit at `unit`.
    pub(super) fn of_unit(unit: usize, own: Vec<FileId>) -> Self {
        Self {
            unit: Some(unit),
            own,
            ..Self::default()
        }
    }

    /// Those of the unit itself.
    pub(super) fn own(&self) -> &[FileId] {
        &self.own
    }

    /// File `number` of the unit `from`, which stands at `unit`; it is added where it is not there. `None` where it has no name.
    pub(super) fn find(
        &mut self,
        (unit, from): (usize, UnitRef<'_, Slice<'_>>),
        number: u64,
        table: &mut LineProgram,
        strings: &mut LineStringTable,
    ) -> Option<FileId> {
        if self.unit == Some(unit) {
            if number == 0 && table.version() <= 4 {
                return None;
            }
            return self.own.get(usize::try_from(number).ok()?).copied();
        }
        let key = (unit, number);
        if let Some((_, known)) = self.last.filter(|(last, _)| *last == key) {
            return known;
        }
        let added = || add(from, number, table, strings);
        let found = *self.foreign.entry(key).or_insert_with(added);
        self.last = Some((key, found));
        found
    }
}

fn add(
    from: UnitRef<'_, Slice<'_>>,
    number: u64,
    table: &mut LineProgram,
    strings: &mut LineStringTable,
) -> Option<FileId> {
    let header = from.line_program.as_ref()?.header();
    let entry = header.file(number)?;
    let name = from.attr_string(entry.path_name()).ok()?;
    let own = from.comp_dir.map_or(&[][..], |folder| folder.slice());
    let of_table = match table.get_directory(table.default_directory()) {
        LineString::String(folder) => folder.as_slice(),
        LineString::LineStringRef(folder) => strings.get(*folder),
        LineString::StringRef(_) => &[],
    };
    // The table's own is put before what is relative by who reads it.
    let mut folder = match own == of_table && !own.starts_with(b"/") {
        true => Vec::new(),
        false => own.to_vec(),
    };
    if let Some(below) = entry.directory(header) {
        let below = from.attr_string(below).ok()?;
        if below.starts_with(b"/") || folder.is_empty() {
            folder = below.to_vec();
        } else if folder != below.slice() {
            folder.push(b'/');
            folder.extend_from_slice(below.slice());
        }
    }
    if folder.is_empty() {
        folder = own.to_vec();
    }
    if folder.is_empty() || name.is_empty() {
        return None;
    }
    let encoding = table.encoding();
    let folder = LineString::new(folder, encoding, strings);
    let folder = table.add_directory(folder);
    let name = LineString::new(name.to_vec(), encoding, strings);
    Some(table.add_file(name, folder, None))
}
