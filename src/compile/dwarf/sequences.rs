//! Sequences of a line table as bytes, when they are said: gimli keeps each instruction until the table is written.
//!
//! The bytes are those that gimli writes.
//!
//! Source: DWARF 4, section 6.2.5.

use gimli::constants as op;
use gimli::write::{FileId, LineProgram, LineRow, Relocation, RelocationTarget};
use rustc_hash::FxHashMap;

use super::native::CODE;
use crate::compile::leb128::{write_signed, write_unsigned};

/// The first special instruction, the least line that they advance by, and how many lines there are.
const SPECIAL_FIRST: u64 = 13;
const LINE_BASE: i64 = -5;
const LINE_RANGE: u64 = 14;

/// The special instruction that advances nothing.
const SPECIAL_NOTHING: u64 = SPECIAL_FIRST.wrapping_add_signed(-LINE_BASE);

/// Addresses by which the largest special instruction advances.
const CONSTANT_ADVANCE: u64 = (u8::MAX as u64 - SPECIAL_FIRST) / LINE_RANGE;

/// Bytes of an address.
const ADDRESS_BYTES: u8 = 8;

/// The sequences of one table, whose header says what gimli's default says.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    pub(super) bytes: Vec<u8>,
    /// What is to be relocated in these.
    pub(super) relocations: Vec<Relocation>,
    /// Numbers of the table's files.
    files: FxHashMap<FileId, u64>,
}

/// What the row before says.
struct Before {
    address: u64,
    file: u64,
    line: u64,
    column: u64,
    is_statement: bool,
}

impl Sequences {
    /// Adds the sequence of `len` bytes of code, which begin at `start` of all code; the files are those of `table`.
    pub(super) fn push(&mut self, table: &LineProgram, start: u64, rows: &[LineRow], len: u64) {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&[0, 1 + ADDRESS_BYTES, op::DW_LNE_set_address.0]);
        self.relocations.push(Relocation {
            offset: bytes.len(),
            size: ADDRESS_BYTES,
            target: RelocationTarget::Symbol(CODE),
            addend: start as i64,
            eh_pe: None,
        });
        bytes.extend_from_slice(&[0; ADDRESS_BYTES as usize]);
        let mut before = Before {
            address: 0,
            file: 1,
            line: 1,
            column: 0,
            is_statement: true,
        };
        for row in rows {
            let file = number(&mut self.files, table, row.file);
            push_row(bytes, row, file, &mut before);
        }
        if len != before.address {
            bytes.push(op::DW_LNS_advance_pc.0);
            write_unsigned(bytes, len - before.address);
        }
        bytes.extend_from_slice(&[0, 1, op::DW_LNE_end_sequence.0]);
    }
}

/// The number of `file` in a table: they count from 1.
fn number(known: &mut FxHashMap<FileId, u64>, table: &LineProgram, file: FileId) -> u64 {
    *known.entry(file).or_insert_with(|| {
        let mut all = table.files().zip(1..);
        let found = all.find(|((id, ..), _)| *id == file);
        found.map_or(0, |(_, number)| number)
    })
}

fn push_row(bytes: &mut Vec<u8>, row: &LineRow, file: u64, before: &mut Before) {
    if row.prologue_end {
        bytes.push(op::DW_LNS_set_prologue_end.0);
    }
    if row.is_statement != before.is_statement {
        bytes.push(op::DW_LNS_negate_stmt.0);
    }
    if file != before.file {
        bytes.push(op::DW_LNS_set_file.0);
        write_unsigned(bytes, file);
    }
    if row.column != before.column {
        bytes.push(op::DW_LNS_set_column.0);
        write_unsigned(bytes, row.column);
    }
    let lines = (row.line as i64).wrapping_sub(before.line as i64);
    let mut special = SPECIAL_NOTHING;
    let in_special = lines.wrapping_sub(LINE_BASE);
    if (0..LINE_RANGE as i64).contains(&in_special) {
        special = SPECIAL_FIRST + in_special as u64;
    } else {
        bytes.push(op::DW_LNS_advance_line.0);
        write_signed(bytes, lines);
    }
    let addresses = row.address_offset - before.address;
    let is_enough = special + addresses * LINE_RANGE <= u8::MAX.into();
    let left = if is_enough {
        addresses
    } else {
        // One that advances by no line takes the most of them.
        addresses - CONSTANT_ADVANCE
    };
    if special + left * LINE_RANGE <= u8::MAX.into() {
        if !is_enough {
            bytes.push(op::DW_LNS_const_add_pc.0);
        }
        special += left * LINE_RANGE;
    } else {
        bytes.push(op::DW_LNS_advance_pc.0);
        write_unsigned(bytes, addresses);
    }
    bytes.push(match special {
        SPECIAL_NOTHING => op::DW_LNS_copy.0,
        special => special as u8,
    });
    *before = Before {
        address: row.address_offset,
        file,
        line: row.line,
        column: row.column,
        is_statement: row.is_statement,
    };
}
