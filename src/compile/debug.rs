//! Where code comes from: the section `.mewz.addresses`, its writer and its reader.
//!
//! The section is not loaded. It begins with the version (u32, 1) and the count of functions (u32), little endian. Each
//! function follows, in order of address, as LEB128 numbers: bytes from the end of the function before (from the start of
//! the code for the first), bytes of its code, its index in the module plus 1 (0 for code that is not of the module), bytes
//! of its rows. A row is two LEB128 numbers: bytes of code since the row before (since the function's start), unsigned, and
//! the difference of the offset in the module file to the row before (to 0), signed. A row holds up to the next; offset 0
//! says that the code there comes from no operator.

use cranelift_codegen::Final;
use cranelift_codegen::MachSrcLoc;

/// Version of the section.
const VERSION: u32 = 1;

/// Where an instruction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The function's index in the module; `None` for code that is not of the module.
    pub function_index: Option<u32>,
    /// The operator's offset in the module file, in bytes.
    pub wasm_offset: Option<u32>,
}

/// Looks up the instruction at `code_offset`, bytes from the start of the code, in the content of `.mewz.addresses`.
///
/// `None` where no function is there, or where the section is of another version or damaged.
#[must_use]
pub fn look_up(section: &[u8], code_offset: u64) -> Option<Location> {
    let mut reader = Reader { bytes: section };
    if reader.u32()? != VERSION {
        return None;
    }
    let mut end = 0_u64;
    for _ in 0..reader.u32()? {
        let start = end.checked_add(reader.unsigned()?)?;
        end = start.checked_add(reader.unsigned()?)?;
        let function = reader.unsigned()?;
        let rows_len = usize::try_from(reader.unsigned()?).ok()?;
        let rows = reader.take(rows_len)?;
        if (start..end).contains(&code_offset) {
            return Some(Location {
                function_index: function.checked_sub(1).and_then(|i| u32::try_from(i).ok()),
                wasm_offset: look_up_row(rows, code_offset - start),
            });
        }
    }
    None
}

fn look_up_row(rows: &[u8], code_offset: u64) -> Option<u32> {
    let mut reader = Reader { bytes: rows };
    let (mut at, mut wasm_offset, mut found) = (0_u64, 0_i64, 0_i64);
    while !reader.bytes.is_empty() {
        at = at.checked_add(reader.unsigned()?)?;
        wasm_offset = wasm_offset.checked_add(reader.signed()?)?;
        if at > code_offset {
            break;
        }
        found = wasm_offset;
    }
    u32::try_from(found).ok().filter(|offset| *offset != 0)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
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

/// The rows of one function; its locations ascend.
///
/// Code before the first operator's counts to it: a frame that finds no room on the stack traps there.
pub(super) fn encode_rows(locations: &[MachSrcLoc<Final>]) -> Vec<u8> {
    let mut rows = Rows::default();
    let is_known = |location: &MachSrcLoc<Final>| !location.loc.is_default();
    let Some(first) = locations.iter().position(is_known) else {
        return rows.bytes;
    };
    rows.push(0, locations[first].loc.bits());
    let mut end = locations[first].start;
    for location in &locations[first..] {
        if location.start > end {
            rows.push(end, 0);
        }
        let wasm_offset = if is_known(location) {
            location.loc.bits()
        } else {
            0
        };
        rows.push(location.start, wasm_offset);
        end = location.end;
    }
    rows.push(end, 0);
    rows.bytes
}

#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
    code_offset: u32,
    wasm_offset: u32,
}

impl Rows {
    fn push(&mut self, code_offset: u32, wasm_offset: u32) {
        if wasm_offset == self.wasm_offset {
            return;
        }
        write_unsigned(&mut self.bytes, u64::from(code_offset - self.code_offset));
        write_signed(
            &mut self.bytes,
            i64::from(wasm_offset) - i64::from(self.wasm_offset),
        );
        self.code_offset = code_offset;
        self.wasm_offset = wasm_offset;
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
    /// Its rows, by [`encode_rows`].
    pub(super) rows: &'a [u8],
}

/// The whole section; `functions` ascend.
pub(super) fn encode(functions: &[FunctionRows<'_>]) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    bytes.extend_from_slice(&(functions.len() as u32).to_le_bytes());
    let mut end = 0;
    for function in functions {
        write_unsigned(&mut bytes, function.start - end);
        write_unsigned(&mut bytes, function.len);
        let index = function.wasm_index.map_or(0, |index| u64::from(index) + 1);
        write_unsigned(&mut bytes, index);
        write_unsigned(&mut bytes, function.rows.len() as u64);
        bytes.extend_from_slice(function.rows);
        end = function.start + function.len;
    }
    bytes
}

fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
