//! Entries of one unit that are written as they are said: what debug information without types and variables consists of.
//!
//! gimli's own tree of entries keeps each in memory of its own, with a list of attributes that is looked through; that took
//! a fifth of what lines cost. Here the bytes of an entry's attributes go behind those of the entry before. When all are
//! there, they are put in the order of the tree, and references become known. The bytes are those that gimli writes.
//!
//! Source: DWARF 4, sections 7.5 and 2.17.3.

use std::ops::Range;

use gimli::write::{
    FileId, LineProgram, LineStringTable, RelocateWriter as _, Relocation, RelocationTarget,
    Sections, StringTable, Writer as _,
};
use gimli::{DwAt, DwForm, DwTag, SectionId};
use gimli::{constants as at, constants as form, constants as tag};
use rustc_hash::FxHashMap;

use super::Unusable;
use super::brief::ENCODING;
use super::frames::{Entries, Value};
use super::native::{CODE, Function};
use super::output::Buffer;
use super::sequences::Sequences;
use crate::compile::leb128::write_unsigned;

/// Bytes of an address.
const ADDRESS_BYTES: u8 = 8;

/// Bytes of a place in a section, and of a reference to an entry.
const OFFSET_BYTES: u8 = 4;

/// The entry that all others are in.
const ROOT: u32 = 0;

/// One unit.
pub(super) struct CompactUnit<'s> {
    /// The sections that it goes to; lists of ranges do so at once.
    sections: &'s mut Sections<Buffer>,
    /// Its line table; none where the module has none.
    pub(super) line_program: LineProgram,
    /// The sequences of that.
    pub(super) sequences: Sequences,
    entries: Vec<Entry>,
    /// The attributes of all entries, those of one behind each other.
    bytes: Vec<u8>,
    /// What is to be relocated in these, with its offset in them.
    relocations: Vec<Relocation>,
    /// References to entries: where in the bytes, and to which.
    references: Vec<(u32, u32)>,
    /// Name and form of each attribute.
    forms: Vec<(DwAt, DwForm)>,
    /// Lists of ranges that are written, by their function's address, their count and a digest.
    lists: FxHashMap<(u64, usize, u64), usize>,
    /// Numbers of the line table's files.
    files: FxHashMap<FileId, u64>,
    has_files: bool,
}

/// An entry: its attributes begin where those of the entry before end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: DwTag,
    first_child: u32,
    last_child: u32,
    next: u32,
    bytes: u32,
    relocations: u32,
    references: u32,
    forms: u32,
    digest: u64,
}

/// No entry: the root is nobody's child.
const NONE: u32 = ROOT;

impl<'s> CompactUnit<'s> {
    pub(super) fn new(sections: &'s mut Sections<Buffer>) -> Self {
        let mut unit = Self {
            sections,
            line_program: LineProgram::none(),
            sequences: Sequences::default(),
            entries: Vec::new(),
            bytes: Vec::new(),
            relocations: Vec::new(),
            references: Vec::new(),
            forms: Vec::new(),
            lists: FxHashMap::default(),
            files: FxHashMap::default(),
            has_files: false,
        };
        unit.push(tag::DW_TAG_compile_unit);
        unit
    }

    /// Writes the list of ranges of all the unit's code, and answers with its place.
    pub(super) fn list(&mut self, ranges: &[Range<u64>]) -> Result<usize, Unusable> {
        Ok(write_list(self.sections, ranges.iter().cloned())?)
    }

    /// Writes the line table, and answers with its place.
    pub(super) fn write_lines(
        &mut self,
        line_strings: &mut LineStringTable,
        strings: &mut StringTable,
    ) -> Result<usize, Unusable> {
        let to = &mut self.sections.debug_line;
        let place = self
            .line_program
            .write(to, ENCODING, line_strings, strings)?;
        let to = &mut to.0;
        let moved = to.len();
        to.write(&self.sequences.bytes)?;
        for relocation in &self.sequences.relocations {
            to.relocate(Relocation {
                offset: relocation.offset + moved,
                ..*relocation
            });
        }
        // The table's length, which does not count itself.
        let length = to.len() - place.0 - usize::from(OFFSET_BYTES);
        to.write_udata_at(place.0, length as u64, OFFSET_BYTES)?;
        Ok(place.0)
    }

    /// Whether the line table says anything, or is referred to.
    pub(super) fn has_lines(&self) -> bool {
        !self.line_program.is_none() && (!self.sequences.bytes.is_empty() || self.has_files)
    }

    /// Begins the unit's own attributes, which come last.
    pub(super) fn begin_root(&mut self) -> u32 {
        self.push(tag::DW_TAG_compile_unit)
    }

    /// Gives the last entry an attribute that is a place in another section.
    pub(super) fn set_place(&mut self, name: DwAt, form: DwForm, section: SectionId, place: usize) {
        self.form(name, form);
        self.relocations.push(Relocation {
            offset: self.bytes.len(),
            size: OFFSET_BYTES,
            target: RelocationTarget::Section(section),
            addend: place as i64,
            eh_pe: None,
        });
        self.bytes.extend_from_slice(&[0; OFFSET_BYTES as usize]);
    }

    /// Writes all entries, when the unit's own attributes are the last that were set.
    pub(super) fn write(self) -> Result<(), Unusable> {
        let Self {
            sections,
            entries,
            bytes,
            relocations,
            references,
            forms,
            ..
        } = self;
        // Where the parts of each entry begin, and where those of the last end.
        let begin = |place: usize| match entries.get(place) {
            Some(entry) => Begin {
                bytes: entry.bytes as usize,
                relocations: entry.relocations as usize,
                references: entry.references as usize,
                forms: entry.forms as usize,
            },
            None => Begin {
                bytes: bytes.len(),
                relocations: relocations.len(),
                references: references.len(),
                forms: forms.len(),
            },
        };
        let own = entries.len() - 1;
        let mut shapes = Shapes::default();
        let abbreviations = sections.debug_abbrev.len();
        let info = &mut sections.debug_info.0;
        let start = info.len();
        let length_at = info.write_initial_length(ENCODING.format)?;
        let length_base = info.len();
        info.write_u16(ENCODING.version)?;
        info.write_offset(abbreviations, SectionId::DebugAbbrev, OFFSET_BYTES)?;
        info.write_u8(ENCODING.address_size)?;
        let mut places = vec![0_u32; own];
        let mut unknown: Vec<(usize, u32)> = Vec::with_capacity(references.len());
        let mut around: Vec<u32> = Vec::new();
        let mut next = ROOT;
        loop {
            let entry = &entries[next as usize];
            let content = match next {
                ROOT => own,
                next => next as usize,
            };
            let [from, to] = [content, content + 1].map(begin);
            let from_entry = &entries[content];
            places[next as usize] = (info.len() - start) as u32;
            let has_children = entry.first_child != NONE;
            let forms = &forms[from.forms..to.forms];
            let code = shapes.code(entry.tag, has_children, forms, from_entry.digest);
            info.write_uleb128(code)?;
            let moved = info.len();
            info.write(&bytes[from.bytes..to.bytes])?;
            for relocation in &relocations[from.relocations..to.relocations] {
                info.relocate(Relocation {
                    offset: relocation.offset - from.bytes + moved,
                    ..*relocation
                });
            }
            for (at, target) in &references[from.references..to.references] {
                unknown.push((*at as usize - from.bytes + moved, *target));
            }
            if has_children {
                around.push(next);
                next = entry.first_child;
                continue;
            }
            // Up to what has another one behind it.
            let mut behind = entry.next;
            while behind == NONE {
                let Some(parent) = around.pop() else { break };
                info.write_u8(0)?;
                behind = entries[parent as usize].next;
            }
            if behind == NONE {
                break;
            }
            next = behind;
        }
        let length = (info.len() - length_base) as u64;
        info.write_initial_length_at(length_at, length, ENCODING.format)?;
        for (at, target) in unknown {
            info.write_udata_at(at, places[target as usize].into(), OFFSET_BYTES)?;
        }
        shapes.write(&mut sections.debug_abbrev.0)?;
        Ok(())
    }

    fn push(&mut self, tag: DwTag) -> u32 {
        let id = self.entries.len() as u32;
        self.entries.push(Entry {
            tag,
            first_child: NONE,
            last_child: NONE,
            next: NONE,
            bytes: self.bytes.len() as u32,
            relocations: self.relocations.len() as u32,
            references: self.references.len() as u32,
            forms: self.forms.len() as u32,
            digest: 0,
        });
        id
    }

    fn form(&mut self, name: DwAt, form: DwForm) {
        self.forms.push((name, form));
        let last = self.entries.last_mut().expect("there is the root");
        last.digest = mixed(last.digest, u64::from(name.0) << 16 | u64::from(form.0));
    }

    /// The number of a file of the line table: they count from 1, in the order of the table.
    fn number(&mut self, file: FileId) -> u64 {
        let table = &self.line_program;
        *self.files.entry(file).or_insert_with(|| {
            let mut known = table.files().zip(1..);
            known
                .find(|((id, ..), _)| *id == file)
                .map_or(0, |(_, number)| number)
        })
    }
}

/// Where the parts of an entry begin.
struct Begin {
    bytes: usize,
    relocations: usize,
    references: usize,
    forms: usize,
}

impl Entries for CompactUnit<'_> {
    type Id = u32;

    fn root(&self) -> u32 {
        ROOT
    }

    fn add(&mut self, parent: u32, tag: DwTag) -> u32 {
        let id = self.push(tag);
        let last = std::mem::replace(&mut self.entries[parent as usize].last_child, id);
        match last {
            NONE => self.entries[parent as usize].first_child = id,
            last => self.entries[last as usize].next = id,
        }
        id
    }

    fn set(&mut self, id: u32, name: DwAt, value: Value<'_, u32>) {
        debug_assert_eq!(id as usize + 1, self.entries.len(), "only the last one");
        match value {
            Value::Code(offset) => {
                self.form(name, form::DW_FORM_addr);
                self.relocations.push(Relocation {
                    offset: self.bytes.len(),
                    size: ADDRESS_BYTES,
                    target: RelocationTarget::Symbol(CODE),
                    addend: offset as i64,
                    eh_pe: None,
                });
                self.bytes.extend_from_slice(&[0; ADDRESS_BYTES as usize]);
            }
            Value::Number(number) => {
                self.form(name, form::DW_FORM_udata);
                write_unsigned(&mut self.bytes, number);
            }
            Value::Text(text) => {
                self.form(name, form::DW_FORM_string);
                self.bytes.extend_from_slice(text);
                self.bytes.push(0);
            }
            Value::Flag => {
                self.form(name, form::DW_FORM_flag);
                self.bytes.push(1);
            }
            Value::Entry(target) => {
                self.form(name, form::DW_FORM_ref4);
                self.references.push((self.bytes.len() as u32, target));
                self.bytes.extend_from_slice(&[0; OFFSET_BYTES as usize]);
            }
            Value::File(file) => {
                self.form(name, form::DW_FORM_udata);
                self.has_files = true;
                let number = self.number(file);
                write_unsigned(&mut self.bytes, number);
            }
        }
    }

    fn set_ranges(&mut self, id: u32, function: &Function<'_>, ranges: &[Range<u32>]) {
        debug_assert_eq!(id as usize + 1, self.entries.len(), "only the last one");
        let base = function.code.start;
        let mut digest = 0;
        for range in ranges {
            digest = mixed(digest, u64::from(range.start) << 32 | u64::from(range.end));
        }
        let key = (base, ranges.len(), digest);
        let at = |offset: u32| base + u64::from(offset);
        let wide = ranges.iter().map(|range| at(range.start)..at(range.end));
        let known = self.lists.get(&key).copied();
        let known = known.filter(|at| is_list(&self.sections.debug_ranges.0, *at, wide.clone()));
        let place = known.unwrap_or_else(|| {
            let place = write_list(self.sections, wide);
            let place = place.expect("what is in memory takes more");
            self.lists.insert(key, place);
            place
        });
        let (section, form) = (SectionId::DebugRanges, form::DW_FORM_sec_offset);
        self.set_place(at::DW_AT_ranges, form, section, place);
    }

    fn line_table(&mut self) -> &mut LineProgram {
        &mut self.line_program
    }
}

/// Writes a list of ranges, in bytes from the start of all code, which is the base address of all units.
fn write_list(
    sections: &mut Sections<Buffer>,
    ranges: impl Iterator<Item = Range<u64>>,
) -> Result<usize, gimli::write::Error> {
    let list = &mut sections.debug_ranges.0;
    let place = list.len();
    for range in ranges {
        list.write_u64(range.start)?;
        list.write_u64(range.end)?;
    }
    list.write_u64(0)?;
    list.write_u64(0)?;
    Ok(place)
}

/// Whether the list at `place` has just these ranges, if it has as many.
fn is_list(list: &Buffer, place: usize, ranges: impl Iterator<Item = Range<u64>>) -> bool {
    let pairs = list.bytes().get(place..).unwrap_or_default();
    let mut pairs = pairs.chunks_exact(16);
    let mut ranges = ranges;
    ranges.all(|range| {
        let words = [range.start.to_le_bytes(), range.end.to_le_bytes()];
        pairs.next() == Some(words.as_flattened())
    })
}

/// The shapes of a unit's entries, which have numbers from 1 in the order in which they first occur.
#[derive(Debug, Default)]
struct Shapes {
    all: Vec<Shape>,
    /// The numbers of those with a digest.
    by_digest: FxHashMap<u64, Vec<u64>>,
}

#[derive(Debug)]
struct Shape {
    tag: DwTag,
    has_children: bool,
    forms: Vec<(DwAt, DwForm)>,
}

impl Shapes {
    fn code(
        &mut self,
        tag: DwTag,
        has_children: bool,
        forms: &[(DwAt, DwForm)],
        digest: u64,
    ) -> u64 {
        let digest = mixed(digest, u64::from(tag.0) << 1 | u64::from(has_children));
        let known = self.by_digest.entry(digest).or_default();
        let is_same = |code: &&u64| {
            let shape = &self.all[(**code - 1) as usize];
            (shape.tag, shape.has_children) == (tag, has_children) && shape.forms == forms
        };
        if let Some(code) = known.iter().find(is_same) {
            return *code;
        }
        self.all.push(Shape {
            tag,
            has_children,
            forms: forms.to_vec(),
        });
        let code = self.all.len() as u64;
        known.push(code);
        code
    }

    fn write(&self, to: &mut Buffer) -> Result<(), gimli::write::Error> {
        for (shape, code) in self.all.iter().zip(1..) {
            to.write_uleb128(code)?;
            to.write_uleb128(shape.tag.0.into())?;
            to.write_u8(shape.has_children.into())?;
            for (name, form) in &shape.forms {
                to.write_uleb128(name.0.into())?;
                to.write_uleb128(form.0.into())?;
            }
            to.write_u16(0)?;
        }
        to.write_u8(0)
    }
}

/// A digest with one more word in it; what it is used for compares all of what it finds.
fn mixed(digest: u64, word: u64) -> u64 {
    (digest.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
