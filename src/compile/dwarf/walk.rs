//! A way through all entries of a unit that stops at those which tell of living functions, scopes, namespaces and types.
//!
//! Most entries are of types and variables, and most of a standard library's are of functions that the module does not have.
//! So what has the same shape is looked at once: how many bytes to pass over, and whether to stop. Functions without code are
//! passed over with all that is in them, but for namespaces and types: these may hold functions that have some. What shapes
//! can't tell, damage too, is left to gimli.
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

/// Above all depths, those of damage too.
const NOWHERE: isize = isize::MIN / 2;

/// Bytes of an address that is looked at.
const ADDRESS_BYTES: usize = 4;

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

/// What the way comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// An entry that tells of something.
    Stop(Stop),
    /// A function without code, at this depth, was passed over, and in it is what comes to be stopped at.
    Around(isize),
    /// The end of the innermost of what was entered.
    End,
}

/// An entry at which the way stops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) offset: UnitOffset,
    pub(super) depth: isize,
    pub(super) tag: DwTag,
    pub(super) role: Role,
    pub(super) has_children: bool,
}

/// What is around the place that the way has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Within {
    /// How deep the innermost of what was entered and has not ended is.
    pub(super) depth: isize,
    /// The innermost namespace or type, if no function is between.
    pub(super) space: Option<u32>,
    /// Whether it is a function of which more is wanted than namespaces and types.
    pub(super) is_function: bool,
}

impl Within {
    /// Nothing was entered.
    pub(super) const NOTHING: Self = Self {
        depth: NOWHERE,
        space: None,
        is_function: false,
    };
}

/// The way through one unit.
pub(super) struct Walk<'r, 'a> {
    unit: UnitRef<'r, Slice<'a>>,
    /// Whether there is code at an address that is of interest.
    is_alive: &'r dyn Fn(u64) -> bool,
    /// The unit from its first byte.
    bytes: &'a [u8],
    place: usize,
    depth: isize,
    within: Within,
    /// How deep a function without code is that is passed over, the outermost.
    passed: Option<isize>,
    /// Where something ends at the latest: what was entered, or what is passed over.
    floor: isize,
    /// From each function's entry on, the space around functions.
    spaces: Vec<(UnitOffset, Option<u32>)>,
    /// By code.
    shapes: Vec<Shape>,
    /// The parts of all shapes but those that they begin with.
    parts: Vec<Part>,
}

/// What entries of one shape are, and how long.
#[derive(Clone, Copy, Debug)]
struct Shape {
    length: Length,
    role: Role,
    has_children: bool,
    /// Where in the first bytes the address of its code is.
    address: Option<u8>,
    tag: DwTag,
    /// Bytes of known length, behind the code.
    bytes: u16,
    /// The parts behind these: the first, and how many.
    parts: u32,
    parts_len: u16,
}

/// How the length of an entry is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// No entry of this shape was seen.
    Unknown,
    /// By its parts.
    Told,
    /// gimli must tell.
    Odd,
}

impl Shape {
    const UNKNOWN: Self = Self {
        length: Length::Unknown,
        role: Role::Other,
        has_children: false,
        tag: tag::DW_TAG_null,
        bytes: 0,
        parts: 0,
        parts_len: 0,
        address: None,
    };

    /// Where an entry ends whose attributes begin at `place`.
    #[inline(always)]
    fn end(&self, parts: &[Part], bytes: &[u8], place: usize) -> Option<usize> {
        let mut end = place + usize::from(self.bytes);
        if self.parts_len > 0 {
            let parts = &parts[self.parts as usize..][..usize::from(self.parts_len)];
            for part in parts {
                end = part.end(bytes, end)?;
            }
        }
        (end <= bytes.len()).then_some(end)
    }
}

/// A part of an entry whose length it tells itself, and how many bytes of known length are behind it.
#[derive(Clone, Copy, Debug)]
struct Part {
    kind: Kind,
    behind: u32,
}

/// How the length of a part is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By the bytes that it has.
    Leb128,
    /// By a count that is LEB128.
    Block,
    /// By a count of so many bytes.
    BlockOf(u8),
    /// By the zero that ends it.
    Text,
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(super) fn new(unit: UnitRef<'r, Slice<'a>>, is_alive: &'r dyn Fn(u64) -> bool) -> Self {
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
            is_alive,
            place: root.0,
            depth: 0,
            within: Within::NOTHING,
            passed: None,
            floor: NOWHERE,
            spaces: Vec::new(),
            shapes: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Says what is around what comes, when that has changed.
    pub(super) fn set_within(&mut self, within: Within) {
        self.within = within;
        self.floor = self.passed.unwrap_or(within.depth);
    }

    /// From each function's entry on, in ascending order, the space around functions.
    pub(super) fn into_spaces(self) -> Vec<(UnitOffset, Option<u32>)> {
        self.spaces
    }

    /// Goes on to the next event.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Unusable> {
        loop {
            self.skim();
            let offset = self.place;
            let Some(first) = self.bytes.get(offset) else {
                return Ok(None);
            };
            if *first == 0 {
                self.place += 1;
                if self.leave() {
                    return Ok(Some(Event::End));
                }
                continue;
            }
            let shape = match self.pass() {
                Some(shape) => shape,
                None => match self.pass_slowly()? {
                    Some(shape) => shape,
                    None if self.leave() => return Ok(Some(Event::End)),
                    None => continue,
                },
            };
            let depth = self.depth;
            if shape.has_children {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(Unusable(format!(
                        "its entries nest deeper than {DEPTH_MAX}"
                    )));
                }
            }
            if shape.role == Role::Other || !self.is_stop(&shape, offset, depth) {
                continue;
            }
            if let Some(passed) = self.passed.take() {
                // Once that is entered, this entry comes again.
                (self.place, self.depth) = (offset, depth);
                return Ok(Some(Event::Around(passed)));
            }
            return Ok(Some(Event::Stop(Stop {
                offset: UnitOffset(offset),
                depth,
                tag: shape.tag,
                role: shape.role,
                has_children: shape.has_children,
            })));
        }
    }

    /// Passes over entries that tell of nothing, as long as shapes can say so.
    fn skim(&mut self) {
        let (bytes, floor) = (self.bytes, self.floor);
        let (shapes, parts) = (self.shapes.as_slice(), self.parts.as_slice());
        let wants_scopes = self.wants_scopes();
        let (mut place, mut depth) = (self.place, self.depth);
        while let Some(first) = bytes.get(place) {
            if *first == 0 {
                if depth <= floor + 1 {
                    break;
                }
                (place, depth) = (place + 1, depth - 1);
                continue;
            }
            let Some((code, behind)) = number(bytes, place) else {
                break;
            };
            let Some(shape) = shapes.get(code as usize) else {
                break;
            };
            let is_passed = shape.role == Role::Other || shape.role == Role::Scope && !wants_scopes;
            if !is_passed || shape.length != Length::Told || depth >= DEPTH_MAX {
                break;
            }
            let Some(end) = shape.end(parts, bytes, behind) else {
                break;
            };
            place = end;
            depth += isize::from(shape.has_children);
        }
        (self.place, self.depth) = (place, depth);
    }

    /// Whether to stop at scopes.
    fn wants_scopes(&self) -> bool {
        self.within.is_function && self.passed.is_none()
    }

    /// Leaves a list of entries; whether what was entered last ends with it.
    fn leave(&mut self) -> bool {
        self.depth -= 1;
        if self.depth > self.floor {
            return false;
        }
        if self.passed.is_some_and(|passed| self.depth <= passed) {
            self.passed = None;
            self.floor = self.within.depth;
        }
        self.depth <= self.within.depth
    }

    /// Whether to stop at an entry that tells of something; notes what is around functions, and those to pass over.
    fn is_stop(&mut self, shape: &Shape, offset: usize, depth: isize) -> bool {
        match shape.role {
            Role::Other => false,
            Role::Space => true,
            Role::Scope => self.wants_scopes(),
            Role::Declaration | Role::Function => {
                self.note_function(UnitOffset(offset));
                let is_alive = shape.role == Role::Function && self.may_live(shape, offset);
                let is_stop = is_alive || (self.within.is_function && shape.has_children);
                if !is_stop && shape.has_children && self.passed.is_none() {
                    self.passed = Some(depth);
                    self.floor = depth;
                }
                is_stop
            }
        }
    }

    /// Notes what is around the function whose entry is at `offset`.
    fn note_function(&mut self, offset: UnitOffset) {
        let space = self.within.space.filter(|_| self.passed.is_none());
        if self.spaces.last().and_then(|(_, space)| *space) != space {
            self.spaces.push((offset, space));
        }
    }

    /// Whether the function whose entry is at `offset` may have code that is of interest.
    fn may_live(&self, shape: &Shape, offset: usize) -> bool {
        let address = shape.address.and_then(|at| {
            let (_, place) = number(self.bytes, offset)?;
            self.bytes.get(place + at as usize..)?.first_chunk()
        });
        address.is_none_or(|address| (self.is_alive)(u32::from_le_bytes(*address).into()))
    }

    /// Passes over an entry by its shape, if that is enough.
    fn pass(&mut self) -> Option<Shape> {
        let (code, behind) = number(self.bytes, self.place)?;
        let index = usize::try_from(code).ok()?;
        let shape = match self.shapes.get(index).copied() {
            Some(shape) if shape.length != Length::Unknown => shape,
            _ => self.learn(index)?,
        };
        if shape.length == Length::Odd {
            return None;
        }
        self.place = shape.end(&self.parts, self.bytes, behind)?;
        Some(shape)
    }

    /// Passes over an entry as it stands there; `None` for the end of a list.
    fn pass_slowly(&mut self) -> Result<Option<Shape>, Unusable> {
        let place = UnitOffset(self.place);
        let mut entries = self.unit.entries_raw(Some(place))?;
        let abbreviation = entries.read_abbreviation()?;
        if let Some(abbreviation) = abbreviation {
            entries.skip_attributes(abbreviation.attributes())?;
        }
        self.place = entries.next_offset().0;
        Ok(abbreviation.map(|abbreviation| Shape {
            length: Length::Odd,
            role: role(abbreviation),
            has_children: abbreviation.has_children(),
            tag: abbreviation.tag(),
            ..Shape::UNKNOWN
        }))
    }

    /// Looks at the shape with code `index`.
    #[cold]
    fn learn(&mut self, index: usize) -> Option<Shape> {
        if index >= CODES_MAX {
            return None;
        }
        let abbreviation = self.unit.abbreviations.get(index as u64)?;
        let mut shape = Shape {
            length: Length::Told,
            role: role(abbreviation),
            has_children: abbreviation.has_children(),
            tag: abbreviation.tag(),
            ..Shape::UNKNOWN
        };
        let first = self.parts.len();
        // Bytes of known length at the end of what was looked at.
        let mut bytes = 0;
        for attribute in abbreviation.attributes() {
            let is_first = self.parts.len() == first;
            match size(attribute, self.unit.encoding()) {
                Some(Size::Bytes(more)) => {
                    let is_address = attribute.name() == at::DW_AT_low_pc
                        && attribute.form() == form::DW_FORM_addr
                        && more == ADDRESS_BYTES;
                    if is_first && is_address {
                        shape.address = u8::try_from(bytes).ok();
                    }
                    bytes += more;
                }
                Some(Size::Told(kind)) => {
                    self.put_bytes(&mut shape, first, std::mem::take(&mut bytes));
                    self.parts.push(Part { kind, behind: 0 });
                }
                None => shape.length = Length::Odd,
            }
        }
        self.put_bytes(&mut shape, first, bytes);
        let mut attributes = abbreviation.attributes().iter();
        if attributes.any(|attribute| attribute.name() == at::DW_AT_ranges) {
            shape.address = None;
        }
        shape.parts = first as u32;
        match u16::try_from(self.parts.len() - first) {
            Ok(len) => shape.parts_len = len,
            Err(_) => shape.length = Length::Odd,
        }
        if self.shapes.len() <= index {
            self.shapes.resize(index + 1, Shape::UNKNOWN);
        }
        self.shapes[index] = shape;
        Some(shape)
    }

    /// Adds `bytes` of known length to what `shape` has, whose parts begin at `first`.
    fn put_bytes(&mut self, shape: &mut Shape, first: usize, bytes: usize) {
        match self.parts[first..].last_mut() {
            Some(last) => last.behind = bytes as u32,
            None => match u16::try_from(bytes) {
                Ok(bytes) => shape.bytes = bytes,
                Err(_) => shape.length = Length::Odd,
            },
        }
    }
}

impl Part {
    /// Where what is behind it ends, if it begins at `place`.
    #[inline(always)]
    fn end(self, bytes: &[u8], place: usize) -> Option<usize> {
        let first = *bytes.get(place)?;
        let end = match self.kind {
            Kind::Leb128 if first < 0x80 => place + 1,
            Kind::Block if first < 0x80 => place + 1 + usize::from(first),
            kind => kind.end(bytes, place)?,
        };
        end.checked_add(self.behind as usize)
    }
}

impl Kind {
    /// Where what begins at `place` ends.
    fn end(self, bytes: &[u8], place: usize) -> Option<usize> {
        match self {
            Self::Leb128 => {
                let mut rest = bytes.get(place..)?.iter();
                Some(place + rest.position(|byte| byte & 0x80 == 0)? + 1)
            }
            Self::Block => {
                let (count, place) = number(bytes, place)?;
                place.checked_add(usize::try_from(count).ok()?)
            }
            Self::BlockOf(size) => {
                let behind = place.checked_add(size.into())?;
                let count = bytes.get(place..behind)?.iter().rev();
                let count = count.fold(0, |count, byte| count << 8 | usize::from(*byte));
                behind.checked_add(count)
            }
            Self::Text => Some(place + memchr::memchr(0, bytes.get(place..)?)? + 1),
        }
    }
}

/// The LEB128 number at `place`, and where it ends.
#[inline(always)]
fn number(bytes: &[u8], place: usize) -> Option<(u64, usize)> {
    match bytes.get(place)? {
        byte @ ..0x80 => Some((u64::from(*byte), place + 1)),
        _ => long_number(bytes, place),
    }
}

fn long_number(bytes: &[u8], place: usize) -> Option<(u64, usize)> {
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
    // Nothing is in a namespace or type without children.
    match abbreviation.tag() {
        tag::DW_TAG_namespace
        | tag::DW_TAG_module
        | tag::DW_TAG_structure_type
        | tag::DW_TAG_class_type
        | tag::DW_TAG_union_type
        | tag::DW_TAG_enumeration_type
        | tag::DW_TAG_interface_type
            if abbreviation.has_children() =>
        {
            Role::Space
        }
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

/// The length of an attribute.
enum Size {
    Bytes(usize),
    Told(Kind),
}

/// The length of an attribute, if its form is known.
fn size(attribute: &AttributeSpecification, encoding: Encoding) -> Option<Size> {
    Some(match attribute.form() {
        form::DW_FORM_block | form::DW_FORM_exprloc => Size::Told(Kind::Block),
        form::DW_FORM_block1 => Size::Told(Kind::BlockOf(1)),
        form::DW_FORM_block2 => Size::Told(Kind::BlockOf(2)),
        form::DW_FORM_block4 => Size::Told(Kind::BlockOf(4)),
        form::DW_FORM_string => Size::Told(Kind::Text),
        form::DW_FORM_udata
        | form::DW_FORM_sdata
        | form::DW_FORM_ref_udata
        | form::DW_FORM_strx
        | form::DW_FORM_addrx
        | form::DW_FORM_loclistx
        | form::DW_FORM_rnglistx => Size::Told(Kind::Leb128),
        form::DW_FORM_implicit_const | form::DW_FORM_flag_present => Size::Bytes(0),
        form::DW_FORM_data1
        | form::DW_FORM_ref1
        | form::DW_FORM_flag
        | form::DW_FORM_strx1
        | form::DW_FORM_addrx1 => Size::Bytes(1),
        form::DW_FORM_data2 | form::DW_FORM_ref2 | form::DW_FORM_strx2 | form::DW_FORM_addrx2 => {
            Size::Bytes(2)
        }
        form::DW_FORM_data4 | form::DW_FORM_ref4 | form::DW_FORM_strx4 | form::DW_FORM_addrx4 => {
            Size::Bytes(4)
        }
        form::DW_FORM_data8 | form::DW_FORM_ref8 | form::DW_FORM_ref_sig8 => Size::Bytes(8),
        form::DW_FORM_addr => Size::Bytes(encoding.address_size.into()),
        form::DW_FORM_strp | form::DW_FORM_line_strp | form::DW_FORM_sec_offset => {
            Size::Bytes(encoding.format.word_size().into())
        }
        _ => return None,
    })
}
