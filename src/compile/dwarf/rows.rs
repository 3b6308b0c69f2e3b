//! Rows of a line table's program, those of living code alone: of the rest no row is made, and its instructions are passed
//! over.
//!
//! gimli makes all rows, and most of a standard library's are of functions that the module does not have. What is not as
//! compilers write it, damage too, is left to gimli.
//!
//! Source: DWARF 5, section 6.2.5.

use gimli::LineProgramHeader;
use gimli::constants as op;

use super::input::Slice;
use super::lines::Row;

/// Addresses from here on say that code was removed.
const TOMBSTONE_FIRST: u64 = 0xffff_fffe;

/// Bytes of an address.
const ADDRESS_BYTES: u8 = 4;

/// Rows of one table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Those of all sequences, as they come.
    pub(super) rows: Vec<Row>,
    /// Of each sequence, which has rows, where these end among all, and where their code ends.
    pub(super) sequences: Vec<(usize, u64)>,
}

impl Rows {
    /// How many rows of whole sequences there are.
    pub(super) fn whole(&self) -> usize {
        self.sequences.last().map_or(0, |(end, _)| *end)
    }

    /// Ends a sequence whose code ends at `end`.
    pub(super) fn end_sequence(&mut self, end: u64) {
        self.sequences.push((self.rows.len(), end));
    }
}

/// Reads the rows of those sequences whose first `is_alive`; `None` where gimli must do so.
pub(super) fn living(
    header: &LineProgramHeader<Slice<'_>>,
    is_alive: impl Fn(u64) -> bool,
) -> Option<Rows> {
    let is_usual = header.maximum_operations_per_instruction() == 1
        && header.address_size() == ADDRESS_BYTES
        && header.line_range() != 0
        && header.opcode_base() > op::DW_LNS_set_isa.0;
    if !is_usual {
        return None;
    }
    let mut machine = Machine {
        unit: header.minimum_instruction_length().into(),
        first_special: header.opcode_base(),
        line_base: header.line_base().into(),
        line_range: header.line_range(),
        rest: header.raw_program_buf().slice(),
        registers: Registers::new(header),
        is_set: false,
    };
    let mut all = Rows::default();
    // A sequence that does not end is none.
    while !machine.rest.is_empty() {
        let is_empty = all.rows.len() == all.whole();
        let is_over = match machine.step()? {
            Done::Nothing => false,
            Done::Row if is_empty && !is_alive(machine.registers.address) => {
                machine.pass()?;
                true
            }
            Done::Row => {
                all.rows.push(machine.registers.row()?);
                machine.registers.ends_prologue = false;
                false
            }
            Done::Removed if is_empty => {
                machine.pass()?;
                true
            }
            Done::Removed => return None,
            Done::End if is_empty => true,
            Done::End => {
                all.end_sequence(machine.registers.address);
                true
            }
        };
        if is_over {
            machine.registers = Registers::new(header);
            machine.is_set = false;
        }
    }
    Some(all)
}

/// A line table's program while it runs.
struct Machine<'a> {
    /// By how much addresses advance at least.
    unit: u64,
    first_special: u8,
    line_base: i64,
    line_range: u8,
    /// The instructions that are left.
    rest: &'a [u8],
    registers: Registers,
    /// Whether the sequence's address was set.
    is_set: bool,
}

struct Registers {
    address: u64,
    file: u64,
    line: u64,
    column: u64,
    is_statement: bool,
    ends_prologue: bool,
}

/// What an instruction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Nothing,
    /// It made a row.
    Row,
    /// It said that the sequence's code was removed.
    Removed,
    /// It ended the sequence.
    End,
}

impl Registers {
    fn new(header: &LineProgramHeader<Slice<'_>>) -> Self {
        Self {
            address: 0,
            file: 1,
            line: 1,
            column: 0,
            is_statement: header.default_is_stmt(),
            ends_prologue: false,
        }
    }

    fn row(&self) -> Option<Row> {
        Some(Row {
            address: u32::try_from(self.address).ok()?,
            file: u32::try_from(self.file).ok()?,
            line: u32::try_from(self.line).ok()?,
            column: u32::try_from(self.column).ok()?,
            is_statement: self.is_statement,
            ends_prologue: self.ends_prologue,
        })
    }

    fn advance_line(&mut self, by: i64) {
        self.line = match by {
            ..0 => self.line.saturating_sub(by.unsigned_abs()),
            _ => self.line.wrapping_add(by as u64),
        };
    }

    fn advance(&mut self, by: u64) -> Option<()> {
        self.address = self.address.checked_add(by)?;
        (self.address <= u32::MAX.into()).then_some(())
    }
}

/// All that answers `None` met something that gimli must read.
impl Machine<'_> {
    /// Runs one instruction.
    fn step(&mut self) -> Option<Done> {
        let unit = self.unit;
        let code = self.byte()?;
        if code >= self.first_special {
            let (line, address) = self.special(code);
            self.registers.advance_line(line);
            self.registers.advance(unit * address)?;
            return Some(Done::Row);
        }
        match gimli::DwLns(code) {
            gimli::DwLns(0) => return self.extended(),
            op::DW_LNS_copy => return Some(Done::Row),
            op::DW_LNS_advance_pc => {
                let by = self.number()?.checked_mul(unit)?;
                self.registers.advance(by)?;
            }
            op::DW_LNS_advance_line => {
                let by = self.signed()?;
                self.registers.advance_line(by);
            }
            op::DW_LNS_set_file => self.registers.file = self.number()?,
            op::DW_LNS_set_column => self.registers.column = self.number()?,
            op::DW_LNS_negate_stmt => self.registers.is_statement = !self.registers.is_statement,
            op::DW_LNS_set_basic_block | op::DW_LNS_set_epilogue_begin => {}
            op::DW_LNS_const_add_pc => {
                let (_, address) = self.special(u8::MAX);
                self.registers.advance(unit * address)?;
            }
            op::DW_LNS_fixed_advance_pc => {
                let by = u16::from_le_bytes([self.byte()?, self.byte()?]);
                self.registers.advance(by.into())?;
            }
            op::DW_LNS_set_prologue_end => self.registers.ends_prologue = true,
            op::DW_LNS_set_isa => {
                self.number()?;
            }
            _ => return None,
        }
        Some(Done::Nothing)
    }

    /// Runs an instruction that begins with its length.
    fn extended(&mut self) -> Option<Done> {
        let (code, operands) = self.split_extended()?;
        match code {
            op::DW_LNE_end_sequence => Some(Done::End),
            op::DW_LNE_set_address => {
                let address = u64::from(u32::from_le_bytes(operands.try_into().ok()?));
                if self.is_set || self.registers.address != 0 {
                    return None;
                }
                self.is_set = true;
                self.registers.address = address;
                let is_there = address < TOMBSTONE_FIRST;
                Some(if is_there {
                    Done::Nothing
                } else {
                    Done::Removed
                })
            }
            op::DW_LNE_set_discriminator => Some(Done::Nothing),
            _ => None,
        }
    }

    /// Passes over what is left of a sequence.
    fn pass(&mut self) -> Option<()> {
        let (mut rest, first_special) = (self.rest, self.first_special);
        while let Some((code, behind)) = rest.split_first() {
            rest = behind;
            if *code >= first_special {
                continue;
            }
            match gimli::DwLns(*code) {
                gimli::DwLns(0) => {
                    self.rest = rest;
                    match self.split_extended()? {
                        (op::DW_LNE_end_sequence, _) => return Some(()),
                        (op::DW_LNE_set_discriminator, _) => rest = self.rest,
                        _ => return None,
                    }
                }
                op::DW_LNS_advance_pc
                | op::DW_LNS_advance_line
                | op::DW_LNS_set_file
                | op::DW_LNS_set_column
                | op::DW_LNS_set_isa => loop {
                    let (byte, behind) = rest.split_first()?;
                    rest = behind;
                    if *byte < 0x80 {
                        break;
                    }
                },
                op::DW_LNS_fixed_advance_pc => rest = rest.get(2..)?,
                op::DW_LNS_copy
                | op::DW_LNS_negate_stmt
                | op::DW_LNS_set_basic_block
                | op::DW_LNS_const_add_pc
                | op::DW_LNS_set_prologue_end
                | op::DW_LNS_set_epilogue_begin => {}
                _ => return None,
            }
        }
        self.rest = rest;
        Some(())
    }

    /// By how much a special instruction advances line and address.
    fn special(&self, code: u8) -> (i64, u64) {
        let (adjusted, range) = (code - self.first_special, self.line_range);
        let line = self.line_base + i64::from(adjusted % range);
        (line, u64::from(adjusted / range))
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// The code and the operands of an instruction that begins with its length.
    fn split_extended(&mut self) -> Option<(gimli::DwLne, &[u8])> {
        let len = usize::try_from(self.number()?).ok()?;
        let (instruction, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let (code, operands) = instruction.split_first()?;
        Some((gimli::DwLne(*code), operands))
    }

    fn number(&mut self) -> Option<u64> {
        let (value, _, _) = self.leb128()?;
        Some(value)
    }

    fn signed(&mut self) -> Option<i64> {
        let (value, bits, last) = self.leb128()?;
        let is_negative = last & 0x40 != 0;
        let sign = if is_negative { u64::MAX << bits } else { 0 };
        Some((value | sign) as i64)
    }

    /// A LEB128 number without sign, its bits and its last byte.
    fn leb128(&mut self) -> Option<(u64, u32, u8)> {
        let (mut value, mut bits) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << bits;
            bits += 7;
            if byte & 0x80 == 0 {
                return Some((value, bits, byte));
            }
            if bits > 56 {
                return None;
            }
        }
    }
}
