//! A way through all entries of a unit that stops at those which tell of functions, scopes, namespaces and types.
//!
//! Most entries are of types and variables, and most of a standard library's are of functions that the module does not have.
//! So what has the same shape is looked at once: how many bytes to pass over, and whether to stop. What that can't
//! tell, damage too, is left to gimli.
//!
//! Source: DWARF 5, section 7.5.

use gimli::{
    Abbreviation, AttributeSpecification, DwTag, Encoding, Section as _, UnitOffset, UnitRef,
};
use gimli::{constants as at, constants as form, constants as tag};

use super::Unusable;
use super::input::Slice;
use super::wanted::DEPTH_MAX;

/// Shapes that are kept, by their codes: compilers number them from 1.
const CODES_MAX: usize = 1 << 14;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing that is told.
    Other,
    /// A namespace, or a type that functions can be in.
    Space,
    /// A function without code.
    Declaration,
    /// A function that may have code.
    Function,
    /// A block, or a body that became part of a function.
    Scope,
}

/// An entry at which the way stops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) offset: UnitOffset,
    pub(super) depth: isize,
    /// The least depth of the entries since the stop before, this one included.
    pub(super) depth_min: isize,
    pub(super) tag: DwTag,
    pub(super) role: Role,
}

/// The way through one unit.
pub(super) struct Walk<'r, 'a> {
    unit: UnitRef<'r, Slice<'a>>,
    /// The unit from its first byte.
    bytes: &'a [u8],
    place: usize,
    depth: isize,
    /// By code.
    shapes: Vec<Option<Shape>>,
}

/// What entries of one shape are, and how long.
#[derive(Clone, Debug)]
struct Shape {
    tag: DwTag,
    role: Role,
    has_children: bool,
    /// `None` where gimli must tell.
    parts: Option<Vec<Part>>,
}

/// A part of an entry, as far as its length goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Bytes(usize),
    Leb128,
    /// Bytes behind their count, which is LEB128.
    Block,
    /// Bytes behind their count of so many bytes.
    BlockOf(usize),
    /// Bytes up to a zero.
    Text,
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(super) fn new(unit: UnitRef<'r, Slice<'a>>) -> Self {
        let header = &unit.header;
        let root = header.root_offset();
        let start = root.to_debug_info_offset(header);
        let start = start.and_then(|start| start.0.checked_sub(root.0));
        let all: &'a [u8] = unit.dwarf.debug_info.reader().slice();
        let end = start.and_then(|start| start.checked_add(header.length_including_self()));
        let bytes = start.zip(end);
        let bytes = bytes.and_then(|(start, end)| all.get(start..end));
        Self {
            bytes: bytes.unwrap_or_default(),
            unit,
            place: root.0,
            depth: 0,
            shapes: Vec::new(),
        }
    }

    /// Goes on to the next stop.
    pub(super) fn next(&mut self) -> Result<Option<Stop>, Unusable> {
        let mut depth_min = isize::MAX;
        while self.place < self.bytes.len() {
            let (offset, depth) = (self.place, self.depth);
            if depth > DEPTH_MAX {
                return Err(Unusable(format!(
                    "its entries nest deeper than {DEPTH_MAX}"
                )));
            }
            if self.bytes[offset] == 0 {
                self.place += 1;
                self.depth -= 1;
                continue;
            }
            let passed = match self.pass() {
                Some(passed) => passed,
                None => match self.pass_slowly()? {
                    Some(passed) => passed,
                    None => continue,
                },
            };
            let (tag, role) = passed;
            depth_min = depth_min.min(depth);
            if role != Role::Other {
                return Ok(Some(Stop {
                    offset: UnitOffset(offset),
                    depth,
                    depth_min,
                    tag,
                    role,
                }));
            }
        }
        Ok(None)
    }

    /// Passes over an entry by its shape, if that is enough.
    fn pass(&mut self) -> Option<(DwTag, Role)> {
        let (code, mut place) = number(self.bytes, self.place)?;
        let index = usize::try_from(code).ok()?;
        if !matches!(self.shapes.get(index), Some(Some(_))) {
            self.learn(index)?;
        }
        let shape = self.shapes[index].as_ref()?;
        for part in shape.parts.as_ref()? {
            place = part.end(self.bytes, place)?;
        }
        if place > self.bytes.len() {
            return None;
        }
        self.place = place;
        self.depth += isize::from(shape.has_children);
        Some((shape.tag, shape.role))
    }

    /// Passes over an entry as it stands there; `None` for the end of a list.
    fn pass_slowly(&mut self) -> Result<Option<(DwTag, Role)>, Unusable> {
        let place = UnitOffset(self.place);
        let mut entries = self.unit.entries_raw(Some(place))?;
        let abbreviation = entries.read_abbreviation()?;
        self.depth += entries.next_depth();
        if let Some(abbreviation) = abbreviation {
            entries.skip_attributes(abbreviation.attributes())?;
        }
        self.place = entries.next_offset().0;
        Ok(abbreviation.map(|abbreviation| (abbreviation.tag(), role(abbreviation))))
    }

    /// Looks at the shape with code `index`.
    fn learn(&mut self, index: usize) -> Option<()> {
        if index >= CODES_MAX {
            return None;
        }
        let abbreviation = self.unit.abbreviations.get(index as u64)?;
        if self.shapes.len() <= index {
            self.shapes.resize(index + 1, None);
        }
        self.shapes[index] = Some(Shape {
            tag: abbreviation.tag(),
            role: role(abbreviation),
            has_children: abbreviation.has_children(),
            parts: parts(abbreviation.attributes(), self.unit.encoding()),
        });
        Some(())
    }
}

impl Part {
    /// Where it ends that begins at `place`.
    fn end(self, bytes: &[u8], place: usize) -> Option<usize> {
        match self {
            Self::Bytes(count) => place.checked_add(count),
            Self::Leb128 => {
                let len = bytes
                    .get(place..)?
                    .iter()
                    .position(|byte| byte & 0x80 == 0)?;
                Some(place + len + 1)
            }
            Self::Block => {
                let (count, place) = number(bytes, place)?;
                place.checked_add(usize::try_from(count).ok()?)
            }
            Self::BlockOf(size) => {
                let count = bytes.get(place..place.checked_add(size)?)?.iter().rev();
                let count = count.fold(0, |count, byte| count << 8 | usize::from(*byte));
                (place + size).checked_add(count)
            }
            Self::Text => Some(place + memchr::memchr(0, bytes.get(place..)?)? + 1),
        }
    }
}

/// The LEB128 number at `place`, and where it ends.
fn number(bytes: &[u8], place: usize) -> Option<(u64, usize)> {
    let (mut value, mut bits) = (0_u64, 0_u32);
    for (byte, end) in bytes.get(place..)?.iter().zip(place + 1..) {
        if bits > 56 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << bits;
        bits += 7;
        if byte & 0x80 == 0 {
            return Some((value, end));
        }
    }
    None
}

fn role(abbreviation: &Abbreviation) -> Role {
    match abbreviation.tag() {
        tag::DW_TAG_namespace
        | tag::DW_TAG_module
        | tag::DW_TAG_structure_type
        | tag::DW_TAG_class_type
        | tag::DW_TAG_union_type
        | tag::DW_TAG_enumeration_type
        | tag::DW_TAG_interface_type => Role::Space,
        tag::DW_TAG_subprogram => {
            let mut attributes = abbreviation.attributes().iter();
            let has_code = attributes
                .any(|attribute| matches!(attribute.name(), at::DW_AT_low_pc | at::DW_AT_ranges));
            match has_code {
                true => Role::Function,
                false => Role::Declaration,
            }
        }
        tag::DW_TAG_inlined_subroutine
        | tag::DW_TAG_lexical_block
        | tag::DW_TAG_try_block
        | tag::DW_TAG_catch_block => Role::Scope,
        _ => Role::Other,
    }
}

/// The parts of what has such attributes, those of known length as one.
fn parts(attributes: &[AttributeSpecification], encoding: Encoding) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for attribute in attributes {
        let part = part(attribute, encoding)?;
        match (parts.last_mut(), part) {
            (Some(Part::Bytes(last)), Part::Bytes(more)) => *last += more,
            _ => parts.push(part),
        }
    }
    Some(parts)
}

fn part(attribute: &AttributeSpecification, encoding: Encoding) -> Option<Part> {
    Some(match attribute.form() {
        form::DW_FORM_block | form::DW_FORM_exprloc => Part::Block,
        form::DW_FORM_block1 => Part::BlockOf(1),
        form::DW_FORM_block2 => Part::BlockOf(2),
        form::DW_FORM_block4 => Part::BlockOf(4),
        form::DW_FORM_string => Part::Text,
        form::DW_FORM_udata
        | form::DW_FORM_sdata
        | form::DW_FORM_ref_udata
        | form::DW_FORM_strx
        | form::DW_FORM_addrx
        | form::DW_FORM_loclistx
        | form::DW_FORM_rnglistx => Part::Leb128,
        form::DW_FORM_implicit_const | form::DW_FORM_flag_present => Part::Bytes(0),
        form::DW_FORM_data1
        | form::DW_FORM_ref1
        | form::DW_FORM_flag
        | form::DW_FORM_strx1
        | form::DW_FORM_addrx1 => Part::Bytes(1),
        form::DW_FORM_data2 | form::DW_FORM_ref2 | form::DW_FORM_strx2 | form::DW_FORM_addrx2 => {
            Part::Bytes(2)
        }
        form::DW_FORM_data4 | form::DW_FORM_ref4 | form::DW_FORM_strx4 | form::DW_FORM_addrx4 => {
            Part::Bytes(4)
        }
        form::DW_FORM_data8 | form::DW_FORM_ref8 | form::DW_FORM_ref_sig8 => Part::Bytes(8),
        form::DW_FORM_addr => Part::Bytes(encoding.address_size.into()),
        form::DW_FORM_strp | form::DW_FORM_line_strp | form::DW_FORM_sec_offset => {
            Part::Bytes(encoding.format.word_size().into())
        }
        _ => return None,
    })
}
