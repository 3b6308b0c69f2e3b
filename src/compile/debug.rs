//! Where code comes from: the section `.mewz.addresses`, its writer and its reader.
//!
//! The section is not loaded. It begins with the version (u32, 3) and the count of functions (u32), little endian. All that
//! follows is LEB128 numbers. First the names of functions whose bodies became part of others: their count, then for each
//! its index in the module, the name's length in bytes and the name.
//!
//! Each function follows, in order of address: bytes from the end of the function before (from the start of the code for the
//! first), bytes of its code, its index in the module plus 1 (0 for code that is not of the module), where its body begins
//! in the module file, bytes of its bodies, bytes of its rows, then these. A body is one that became part of the function: its own function's index, the offset in
//! the module file of the call that it replaces, and the body that this call stands in: 0 for the function itself, else a
//! body's place in the list, from 1. A row is: bytes of code since the row before (since the function's start), unsigned, the
//! difference of the offset from the body's start to the row before (to 0), signed, and, only in functions with bodies, the
//! body it belongs to, in the same numbers. A row holds up to the next; offset 0 says that the code there comes from no
//! operator.

use std::collections::BTreeSet;
use std::ops::Range;

use cranelift_codegen::Final;
use cranelift_codegen::MachSrcLoc;

use super::leb128::{write_signed, write_unsigned};
use super::translate::InlinedBodies;

/// Version of the section.
const VERSION: u32 = 3;

/// Bodies in bodies that are followed; more are taken as damage.
const NESTING_MAX: usize = 1000;

/// Where an instruction comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Index in the module of the function whose code it is; `None` for code that is not of the module.
    pub function_index: Option<u32>,
    /// The operator's offset in the module file, in bytes.
    pub wasm_offset: Option<u32>,
    /// The bodies that it stands in which became part of that function, innermost first.
    pub inlined: Vec<Inlined>,
}

/// A body that became part of another function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inlined {
    /// Its function's index in the module.
    pub function_index: u32,
    /// Offset in the module file of the call that it replaces.
    pub call_offset: u32,
}

/// Looks up the instruction at `code_offset`, bytes from the start of the code, in the content of `.mewz.addresses`.
///
/// `None` where no function is there, or where the section is of another version or damaged.
#[must_use]
pub fn look_up(section: &[u8], code_offset: u64) -> Option<Location> {
    let (mut reader, functions) = Reader::new(section)?;
    for _ in 0..reader.unsigned()? {
        reader.name()?;
    }
    let mut end = 0_u64;
    for _ in 0..functions {
        let function = reader.function(end)?;
        end = function.code.end;
        if function.code.contains(&code_offset) {
            let (offset, body) = function.row_at(code_offset)?;
            return Some(Location {
                function_index: function.index,
                wasm_offset: function.wasm_offset(offset),
                inlined: chain(&read_bodies(function.bodies)?, body)?,
            });
        }
    }
    None
}

/// The name of function `index` of the module, if its body became part of another.
#[must_use]
pub fn inlined_name(section: &[u8], index: u32) -> Option<&str> {
    let (mut reader, _) = Reader::new(section)?;
    for _ in 0..reader.unsigned()? {
        let (named, name) = reader.name()?;
        if named == u64::from(index) {
            return str::from_utf8(name).ok();
        }
    }
    None
}

/// A function in the section, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLocations {
    /// Where its code lies, in bytes from the start of all code.
    pub code: Range<u64>,
    /// Its index in the module; `None` for code that is not of the module.
    pub function_index: Option<u32>,
    /// Bytes from the function's start, and the offset in the module of the operator that the code from there on comes
    /// from, where there is one; ascending.
    pub rows: Vec<(u64, Option<u32>)>,
}

/// Every function in the content of `.mewz.addresses`; those that can be read where it is damaged.
#[must_use]
pub fn functions(section: &[u8]) -> Vec<FunctionLocations> {
    let Some((mut reader, count)) = Reader::new(section) else {
        return Vec::new();
    };
    for _ in 0..reader.unsigned().unwrap_or(0) {
        if reader.name().is_none() {
            return Vec::new();
        }
    }
    let mut end = 0;
    let functions = (0..count).map_while(|_| {
        let function = reader.function(end)?;
        end = function.code.end;
        let rows = function.rows();
        let rows = rows.map(|(at, offset, _)| (at, function.wasm_offset(offset)));
        Some(FunctionLocations {
            rows: rows.collect(),
            function_index: function.index,
            code: function.code,
        })
    });
    functions.collect()
}

/// A function as it stands in the section.
struct FunctionEntry<'a> {
    code: Range<u64>,
    index: Option<u32>,
    body_offset: i64,
    bodies: &'a [u8],
    rows: &'a [u8],
}

impl<'a> FunctionEntry<'a> {
    /// Bytes from the function's start, offset from the body's and body of each row, as far as they can be read.
    fn rows(&self) -> impl Iterator<Item = (u64, i64, u64)> + use<'a> {
        let mut reader = Reader { bytes: self.rows };
        let has_bodies = !self.bodies.is_empty();
        let (mut at, mut offset) = (0_u64, 0_i64);
        std::iter::from_fn(move || {
            at = at.checked_add(reader.unsigned()?)?;
            offset = offset.checked_add(reader.signed()?)?;
            let body = if has_bodies { reader.unsigned()? } else { 0 };
            Some((at, offset, body))
        })
    }

    /// The offset and the body of the row that holds at `code_offset` of all code.
    fn row_at(&self, code_offset: u64) -> Option<(i64, u64)> {
        let until = code_offset.checked_sub(self.code.start)?;
        let rows = self.rows().take_while(|(at, ..)| *at <= until);
        let last = rows.last();
        Some(last.map_or((0, 0), |(_, offset, body)| (offset, body)))
    }

    /// The offset in the module of `offset` from the body's start; 0 is none.
    fn wasm_offset(&self, offset: i64) -> Option<u32> {
        match offset {
            0 => None,
            _ => u32::try_from(self.body_offset.checked_add(offset)?).ok(),
        }
    }
}

/// The bodies of a function, each with the number of that which its call stands in.
fn read_bodies(bodies: &[u8]) -> Option<Vec<(Inlined, u64)>> {
    let mut all = Vec::new();
    let mut reader = Reader { bytes: bodies };
    while !reader.bytes.is_empty() {
        let function_index = u32::try_from(reader.unsigned()?).ok()?;
        let call_offset = u32::try_from(reader.unsigned()?).ok()?;
        let inlined = Inlined {
            function_index,
            call_offset,
        };
        all.push((inlined, reader.unsigned()?));
    }
    Some(all)
}

/// Those of the bodies `all` from `body` outwards.
fn chain(all: &[(Inlined, u64)], mut body: u64) -> Option<Vec<Inlined>> {
    let mut chain = Vec::new();
    while let Some(at) = body.checked_sub(1) {
        let (inlined, caller) = all.get(usize::try_from(at).ok()?)?;
        chain.push(*inlined);
        if chain.len() > NESTING_MAX {
            return None;
        }
        body = *caller;
    }
    Some(chain)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What follows the head, and the count of functions.
    fn new(section: &'a [u8]) -> Option<(Self, u32)> {
        let mut reader = Reader { bytes: section };
        let is_known = reader.u32()? == VERSION;
        let functions = reader.u32()?;
        is_known.then_some((reader, functions))
    }

    /// A function's index and name.
    fn name(&mut self) -> Option<(u64, &'a [u8])> {
        let index = self.unsigned()?;
        let len = usize::try_from(self.unsigned()?).ok()?;
        Some((index, self.take(len)?))
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(u32::from_le_bytes(*number))
    }

    /// A function; the one before ends at `end`.
    fn function(&mut self, end: u64) -> Option<FunctionEntry<'a>> {
        let start = end.checked_add(self.unsigned()?)?;
        let end = start.checked_add(self.unsigned()?)?;
        let index = self.unsigned()?.checked_sub(1);
        let body_offset = i64::try_from(self.unsigned()?).ok()?;
        let bodies_len = usize::try_from(self.unsigned()?).ok()?;
        let rows_len = usize::try_from(self.unsigned()?).ok()?;
        Some(FunctionEntry {
            code: start..end,
            index: index.and_then(|index| u32::try_from(index).ok()),
            body_offset,
            bodies: self.take(bodies_len)?,
            rows: self.take(rows_len)?,
        })
    }

    fn unsigned(&mut self) -> Option<u64> {
        self.number().map(|(value, _, _)| value)
    }

    fn signed(&mut self) -> Option<i64> {
        let (value, bits, last) = self.number()?;
        let is_negative = last & 0x40 != 0 && bits < 64;
        let extension = if is_negative { u64::MAX << bits } else { 0 };
        Some((value | extension) as i64)
    }

    /// A LEB128 number, its width in bits and its last byte.
    fn number(&mut self) -> Option<(u64, u32, u8)> {
        let (mut value, mut bits) = (0_u64, 0_u32);
        loop {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f).checked_shl(bits)?;
            bits += 7;
            if byte & 0x80 == 0 {
                return Some((value, bits, *byte));
            }
        }
    }
}

/// Code between two offsets from the function's start, and the operator that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// From here on,
    pub(super) start: u32,
    /// up to here.
    pub(super) end: u32,
    /// The operator's offset in the module.
    pub(super) operator: u32,
    /// Of the function's own operators the one that it belongs to: another where bodies became part of the function.
    pub(super) own: u32,
    /// The body that the operator stands in, by its number in [`Rows::bodies`]; 0 for the function's own.
    pub(super) body: u32,
}

/// A body that became part of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartBody {
    /// What it is, and the call that it replaces.
    pub(super) inlined: Inlined,
    /// The body that this call stands in; 0 for the function's own. Less than the body's own number.
    pub(super) caller: u32,
}

/// What the section says of one function's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// The bodies that became part of it.
    bodies: Vec<u8>,
    /// The rows.
    rows: Vec<u8>,
    /// The functions whose bodies these are, ascending.
    inlined: Vec<u32>,
}

impl Rows {
    /// Rows of a function that no body became part of.
    pub(super) fn from_rows(rows: Vec<u8>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// What each piece of the code comes from, in order: the function's body is at `body_offset` of the module, its code has
    /// `len` bytes. A piece that comes from no operator counts to the one before it.
    pub(super) fn spans(&self, body_offset: u32, len: u32) -> Vec<Span> {
        let entry = FunctionEntry {
            code: 0..u64::from(len),
            index: None,
            body_offset: i64::from(body_offset),
            bodies: &self.bodies,
            rows: &self.rows,
        };
        let bodies = self.bodies();
        // Callers come before what is part of them, so one way through finds the outermost call of each.
        let mut calls: Vec<u32> = Vec::with_capacity(bodies.len());
        for body in &bodies {
            let outer = body.caller.checked_sub(1).map(|at| calls[at as usize]);
            calls.push(outer.unwrap_or(body.inlined.call_offset));
        }
        let mut spans: Vec<Span> = Vec::new();
        for (at, offset, body) in entry.rows() {
            let start = at.min(u64::from(len)) as u32;
            if let Some(last) = spans.last_mut() {
                last.end = start;
            }
            let Some(operator) = entry.wasm_offset(offset) else {
                if let Some(last) = spans.last().copied() {
                    spans.push(Span { start, ..last });
                }
                continue;
            };
            let body = u32::try_from(body).unwrap_or(0);
            let call = body.checked_sub(1).and_then(|at| calls.get(at as usize));
            spans.push(Span {
                start,
                end: start,
                operator,
                own: call.copied().unwrap_or(operator),
                body: call.map_or(0, |_| body),
            });
        }
        if let Some(last) = spans.last_mut() {
            last.end = len;
        }
        spans.retain(|span| span.start < span.end);
        spans
    }

    /// The bodies that became part of the function, callers before those that are part of them.
    pub(super) fn bodies(&self) -> Vec<PartBody> {
        let all = read_bodies(&self.bodies).unwrap_or_default().into_iter();
        let numbered = (1..).zip(all);
        let all = numbered.map_while(|(number, (inlined, caller))| {
            let caller = u32::try_from(caller).ok()?;
            (caller < number).then_some(PartBody { inlined, caller })
        });
        all.collect()
    }

    /// The rows, where no body became part of the function.
    pub(super) fn without_bodies(&self) -> Option<&[u8]> {
        self.bodies.is_empty().then_some(&self.rows)
    }
}

/// The rows of one function whose body is at `body_offset` of the module; its locations ascend.
///
/// Code before the first operator's counts to it, or to the call whose body it belongs to: a frame that finds no room on the
/// stack traps there.
pub(super) fn encode_rows(
    locations: &[MachSrcLoc<Final>],
    inlined: &InlinedBodies,
    body_offset: u32,
) -> Rows {
    let relative = |offset: u32| i64::from(offset) - i64::from(body_offset);
    let mut writer = RowWriter {
        has_bodies: !inlined.bodies().is_empty(),
        ..RowWriter::default()
    };
    let is_known = |location: &MachSrcLoc<Final>| !location.loc.is_default();
    if let Some(first) = locations.iter().position(is_known) {
        let outer = outermost(inlined, inlined.resolve(locations[first].loc));
        writer.push(0, relative(outer), 0);
        let mut end = locations[first].start;
        for location in &locations[first..] {
            if location.start > end {
                writer.push(end, 0, 0);
            }
            let (body, wasm_offset) = if is_known(location) {
                let (body, offset) = inlined.resolve(location.loc);
                (body, relative(offset))
            } else {
                (None, 0)
            };
            writer.push(location.start, wasm_offset, number(body));
            end = location.end;
        }
        writer.push(end, 0, 0);
    }
    let mut bodies = Vec::new();
    for body in inlined.bodies() {
        write_unsigned(&mut bodies, u64::from(body.function));
        write_unsigned(&mut bodies, u64::from(body.call_offset));
        write_unsigned(&mut bodies, u64::from(number(body.caller)));
    }
    let mut functions: Vec<u32> = inlined.bodies().iter().map(|body| body.function).collect();
    functions.sort_unstable();
    functions.dedup();
    Rows {
        bodies,
        rows: writer.bytes,
        inlined: functions,
    }
}

/// The offset of the function's own operator that the place `at` belongs to.
fn outermost(inlined: &InlinedBodies, at: (Option<u32>, u32)) -> u32 {
    let (mut body, mut offset) = at;
    while let Some(index) = body {
        let inner = &inlined.bodies()[index as usize];
        (body, offset) = (inner.caller, inner.call_offset);
    }
    offset
}

/// A body as rows name it.
fn number(body: Option<u32>) -> u32 {
    body.map_or(0, |index| index + 1)
}

#[derive(Default)]
struct RowWriter {
    bytes: Vec<u8>,
    has_bodies: bool,
    code_offset: u32,
    wasm_offset: i64,
    body: u32,
}

impl RowWriter {
    fn push(&mut self, code_offset: u32, wasm_offset: i64, body: u32) {
        if (wasm_offset, body) == (self.wasm_offset, self.body) {
            return;
        }
        write_unsigned(&mut self.bytes, u64::from(code_offset - self.code_offset));
        write_signed(&mut self.bytes, wasm_offset - self.wasm_offset);
        if self.has_bodies {
            write_unsigned(&mut self.bytes, u64::from(body));
        }
        self.code_offset = code_offset;
        self.wasm_offset = wasm_offset;
        self.body = body;
    }
}

/// A function in the section.
pub(super) struct FunctionRows<'a> {
    /// Bytes from the start of the code.
    pub(super) start: u64,
    /// Bytes of code.
    pub(super) len: u64,
    /// Its index in the module.
    pub(super) wasm_index: Option<u32>,
    /// Where its body begins in the module.
    pub(super) wasm_offset: u32,
    /// Its rows, by [`encode_rows`].
    pub(super) rows: &'a Rows,
}

/// The whole section; `functions` ascend, and `names` gives those of all functions of the module.
pub(super) fn encode(
    functions: &[FunctionRows<'_>],
    names: impl FnOnce() -> Vec<String>,
) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    bytes.extend_from_slice(&(functions.len() as u32).to_le_bytes());
    let inlined = functions.iter().flat_map(|function| &function.rows.inlined);
    let inlined: BTreeSet<u32> = inlined.copied().collect();
    write_unsigned(&mut bytes, inlined.len() as u64);
    let names = if inlined.is_empty() {
        Vec::new()
    } else {
        names()
    };
    for index in inlined {
        let name = &names[index as usize];
        write_unsigned(&mut bytes, u64::from(index));
        write_unsigned(&mut bytes, name.len() as u64);
        bytes.extend_from_slice(name.as_bytes());
    }
    let mut end = 0;
    for function in functions {
        let Rows { bodies, rows, .. } = function.rows;
        write_unsigned(&mut bytes, function.start - end);
        write_unsigned(&mut bytes, function.len);
        let index = function.wasm_index.map_or(0, |index| u64::from(index) + 1);
        write_unsigned(&mut bytes, index);
        write_unsigned(&mut bytes, u64::from(function.wasm_offset));
        write_unsigned(&mut bytes, bodies.len() as u64);
        write_unsigned(&mut bytes, rows.len() as u64);
        bytes.extend_from_slice(bodies);
        bytes.extend_from_slice(rows);
        end = function.start + function.len;
    }
    bytes
}
