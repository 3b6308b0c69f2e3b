//! Where a value is: expressions about locals and globals of the module become ones about registers and the frame.

use std::ops::Range;

use gimli::constants as op;
use gimli::write::{Address, ConvertUnit, Expression};
use gimli::{DieReference, Operation, Register};

use super::input::Slice;
use super::native::{FRAME_POINTER, Function, LocalPlace, Program, Storage};

/// Bytes of an address in the module.
const WASM_ADDRESS_BYTES: u8 = 4;

/// Addresses from here on stand for what the module's linker left out.
const TOMBSTONES: u64 = 0xffff_fffe;

/// Most pieces of code in which one local may lie at different places.
const PIECES_MAX: usize = 10_000;

/// What is known where an expression stands.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    pub(super) unit: &'s ConvertUnit<'s, Slice<'a>>,
    pub(super) program: &'s Program<'s>,
    /// The function around it, if that has code.
    pub(super) function: Option<&'s Function<'s>>,
}

/// An expression taken apart; `None` where it holds what can't be told.
pub(super) fn operations<'a>(
    scope: &Scope<'_, 'a>,
    expression: gimli::Expression<Slice<'a>>,
) -> Option<Vec<Operation<Slice<'a>>>> {
    let mut operations = expression.operations(scope.unit.read_unit.encoding());
    let mut all = Vec::new();
    while let Some(operation) = operations.next().ok()? {
        all.push(operation);
    }
    Some(all)
}

/// What an expression holds in each piece of the function's code, in bytes from its start; one for all code that is
/// `None` where it is the same everywhere.
pub(super) fn by_code(
    scope: &Scope<'_, '_>,
    operations: &[Operation<Slice<'_>>],
    is_frame: bool,
) -> Option<Vec<(Option<Range<u32>>, Expression)>> {
    let locals = operations.iter().filter_map(|operation| match operation {
        Operation::WasmLocal { index } => Some(*index),
        _ => None,
    });
    let mut locals: Vec<u32> = locals.collect();
    locals.sort_unstable();
    locals.dedup();
    if locals.is_empty() {
        return Some(vec![(None, converted(scope, operations, &[], is_frame)?)]);
    }
    let function = scope.function?;
    let whole = 0..function.len();
    let mut pieces: Vec<(Range<u32>, Vec<LocalPlace>)> = vec![(whole.clone(), Vec::new())];
    for local in locals {
        let places = function.places_of(local);
        pieces = crossed(&pieces, places);
        if pieces.is_empty() || pieces.len() > PIECES_MAX {
            return None;
        }
    }
    let mut all = Vec::with_capacity(pieces.len());
    for (range, places) in pieces {
        let expression = converted(scope, operations, &places, is_frame)?;
        let range = (range != whole).then_some(range);
        all.push((range, expression));
    }
    Some(all)
}

/// The pieces in which one more local has a place. Of two places of the same local at once, the earlier holds.
fn crossed(
    pieces: &[(Range<u32>, Vec<LocalPlace>)],
    places: &[LocalPlace],
) -> Vec<(Range<u32>, Vec<LocalPlace>)> {
    let mut all = Vec::new();
    for (range, known) in pieces {
        let mut from = range.start;
        for place in places {
            let start = place.start.max(from);
            let end = place.end.min(range.end);
            if start >= end {
                continue;
            }
            let mut known = known.clone();
            known.push(*place);
            all.push((start..end, known));
            from = end;
            if all.len() > PIECES_MAX {
                return all;
            }
        }
    }
    all
}

/// The expression for the machine, with locals at `places`; `None` where it can't be told. A frame's base is an address that
/// is computed, all others say a place or a value.
fn converted(
    scope: &Scope<'_, '_>,
    operations: &[Operation<Slice<'_>>],
    places: &[LocalPlace],
    is_frame: bool,
) -> Option<Expression> {
    let mut out = Expression::new();
    if is_frame {
        // gdb describes places in a frame by one register and a number if the frame's base begins with a register, and fails
        // where something comes behind that. Otherwise it shows the expression.
        out.op(op::DW_OP_nop);
    }
    let mut is_at_start = true;
    let mut rest = operations;
    while let [operation, tail @ ..] = rest {
        rest = tail;
        let starts = std::mem::replace(&mut is_at_start, false);
        match operation {
            Operation::WasmLocal { index } => {
                let place = places.iter().find(|place| place.local == *index)?;
                let is_alone = starts
                    && matches!(
                        rest,
                        [Operation::StackValue]
                            | [Operation::StackValue, Operation::Piece { .. }, ..]
                    );
                if is_frame || !is_alone {
                    push_local(&mut out, place.storage)?;
                } else {
                    // The stack's value is what the place holds.
                    rest = &rest[1..];
                    describe_local(&mut out, place.storage);
                }
            }
            Operation::WasmGlobal { index } => {
                out.op_addr(scope.program.global(*index)?);
                out.op_deref_size(WASM_ADDRESS_BYTES);
            }
            Operation::StackValue if is_frame && rest.is_empty() => {}
            Operation::Piece { .. } => {
                simple(scope, operation, &mut out)?;
                is_at_start = true;
            }
            operation => simple(scope, operation, &mut out)?,
        }
    }
    Some(out)
}

/// Pushes a local's value.
fn push_local(out: &mut Expression, storage: Storage) -> Option<()> {
    match storage {
        // Registers of vectors hold no address.
        Storage::Register(number) if number >= gimli::X86_64::XMM0.0 => return None,
        Storage::Register(number) => out.op_breg(Register(number), 0),
        Storage::Spilled(offset) => {
            out.op_breg(FRAME_POINTER, offset.into());
            out.op_deref();
        }
        Storage::Copy(offset, bytes) => {
            out.op_breg(FRAME_POINTER, offset.into());
            out.op_deref_size(bytes.min(8));
        }
    }
    Some(())
}

/// Says where a local's value is; that of a copy only what it is, since nobody reads what is written there.
fn describe_local(out: &mut Expression, storage: Storage) {
    match storage {
        Storage::Register(number) => out.op_reg(Register(number)),
        Storage::Spilled(offset) => out.op_breg(FRAME_POINTER, offset.into()),
        Storage::Copy(offset, bytes) if bytes <= 8 => {
            out.op_breg(FRAME_POINTER, offset.into());
            out.op_deref_size(bytes);
            out.op(op::DW_OP_stack_value);
        }
        Storage::Copy(offset, _) => out.op_breg(FRAME_POINTER, offset.into()),
    }
}

/// An operation that means the same on both machines.
fn simple(
    scope: &Scope<'_, '_>,
    operation: &Operation<Slice<'_>>,
    out: &mut Expression,
) -> Option<()> {
    let unit = scope.unit;
    match operation {
        Operation::Deref {
            base_type,
            size,
            space: false,
        } => match base_type.0 {
            0 => out.op_deref_size(*size),
            _ => out.op_deref_type(*size, unit.convert_unit_ref(*base_type).ok()?),
        },
        Operation::Pick { index } => out.op_pick(*index),
        Operation::PlusConstant { value } => out.op_plus_uconst(*value),
        Operation::UnsignedConstant { value } => out.op_constu(*value),
        Operation::SignedConstant { value } => out.op_consts(*value),
        Operation::FrameOffset { offset } => out.op_fbreg(*offset),
        Operation::Piece {
            size_in_bits,
            bit_offset: None,
        } => out.op_piece(size_in_bits / 8),
        Operation::Piece {
            size_in_bits,
            bit_offset: Some(offset),
        } => out.op_bit_piece(*size_in_bits, *offset),
        Operation::ImplicitValue { data } => out.op_implicit_value(data.slice().into()),
        Operation::Address { address } => out.op_addr(linear(*address)?),
        Operation::AddressIndex { index } => {
            out.op_addr(linear(unit.read_unit.address(*index).ok()?)?);
        }
        Operation::ConstantIndex { index } => {
            out.op_constu(unit.read_unit.address(*index).ok()?);
        }
        Operation::TypedLiteral { base_type, value } => {
            let base = unit.convert_unit_ref(*base_type).ok()?;
            out.op_const_type(base, value.slice().into());
        }
        Operation::Convert { base_type } => out.op_convert(match base_type.0 {
            0 => None,
            _ => Some(unit.convert_unit_ref(*base_type).ok()?),
        }),
        Operation::Reinterpret { base_type } => out.op_reinterpret(match base_type.0 {
            0 => None,
            _ => Some(unit.convert_unit_ref(*base_type).ok()?),
        }),
        Operation::ImplicitPointer { value, byte_offset } => {
            let entry = unit.convert_debug_info_ref(*value).ok()?;
            out.op_implicit_pointer(entry, *byte_offset);
        }
        Operation::Call {
            offset: DieReference::UnitRef(offset),
        } => out.op_call(unit.convert_unit_ref(*offset).ok()?),
        other => out.op(plain(other)?),
    }
    Some(())
}

/// Operations without operands.
fn plain(operation: &Operation<Slice<'_>>) -> Option<gimli::DwOp> {
    Some(match operation {
        Operation::Drop => op::DW_OP_drop,
        Operation::Swap => op::DW_OP_swap,
        Operation::Rot => op::DW_OP_rot,
        Operation::Abs => op::DW_OP_abs,
        Operation::And => op::DW_OP_and,
        Operation::Div => op::DW_OP_div,
        Operation::Minus => op::DW_OP_minus,
        Operation::Mod => op::DW_OP_mod,
        Operation::Mul => op::DW_OP_mul,
        Operation::Neg => op::DW_OP_neg,
        Operation::Not => op::DW_OP_not,
        Operation::Or => op::DW_OP_or,
        Operation::Plus => op::DW_OP_plus,
        Operation::Shl => op::DW_OP_shl,
        Operation::Shr => op::DW_OP_shr,
        Operation::Shra => op::DW_OP_shra,
        Operation::Xor => op::DW_OP_xor,
        Operation::Eq => op::DW_OP_eq,
        Operation::Ge => op::DW_OP_ge,
        Operation::Gt => op::DW_OP_gt,
        Operation::Le => op::DW_OP_le,
        Operation::Lt => op::DW_OP_lt,
        Operation::Ne => op::DW_OP_ne,
        Operation::Nop => op::DW_OP_nop,
        Operation::PushObjectAddress => op::DW_OP_push_object_address,
        Operation::StackValue => op::DW_OP_stack_value,
        // Branches, threads, values at the entry, places on the operand stack, registers of another machine.
        _ => return None,
    })
}

/// An address in linear memory 0, which lies at 0; `None` for what the linker left out.
fn linear(address: u64) -> Option<Address> {
    (address != 0 && address < TOMBSTONES).then_some(Address::Constant(address))
}
