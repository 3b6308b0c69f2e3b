//! Linear memory: addresses, loads, stores, size, growth and bulk operations.
//!
//! An access needs no bounds check: a 32-bit index plus a 32-bit offset stays within the reservation, of which only the
//! valid part is mapped. Bulk operations check, because the runtime functions behind them may not fault.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value, types};
use mewz_abi::trap::TrapKind;
use wasmparser::{MemArg, Operator};

use super::translator::{Region, Translator};
use crate::compile::options::MemoryBase;
use crate::compile::plan::Place;
use crate::compile::runtime::RuntimeFunction;

/// Bytes from a `MemoryInstance` to its count of valid bytes.
const INSTANCE_BYTES: i32 = 8;
/// Logarithm of a WebAssembly page, base 2.
const PAGE_BYTES_LOG2: i64 = 16;

/// Where byte 0 of linear memory lies.
pub(super) enum Base {
    /// At an address that is known when compiling.
    Constant(u64),
    /// Where the instance at this place says.
    Load(Place),
    /// The module has no memory.
    None,
}

/// Whether `operator` wants an i32 that it finds on the stack in 64 bits: as an address, or for a local, which may become
/// one. A load before it then widens for free.
pub(super) fn takes_wide(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::I32Load { .. }
            | Operator::I32Load8U { .. }
            | Operator::I32Load8S { .. }
            | Operator::I32Load16U { .. }
            | Operator::I32Load16S { .. }
            | Operator::I64Load { .. }
            | Operator::F32Load { .. }
            | Operator::F64Load { .. }
            | Operator::V128Load { .. }
    )
}

impl Translator<'_> {
    /// Where memory 0 lies. An imported one lies where its owner put it.
    pub(super) fn memory_base_kind(&self) -> Base {
        let Some(memory) = self.context.module.memories.first() else {
            return Base::None;
        };
        match self.context.options.memory_base {
            MemoryBase::Constant(base) if !memory.is_imported => Base::Constant(base),
            _ => Base::Load(self.context.plan.memories[0]),
        }
    }

    /// Pops an index; returns an address and an offset for a load or store.
    pub(super) fn address(&mut self, argument: &MemArg) -> (Value, i32) {
        let index = self.pop();
        let index = self.widen(index);
        let (address, offset) = match self.memory_base_kind() {
            Base::Constant(base) => (index, base.wrapping_add(argument.offset)),
            _ => {
                let base = self.loaded_memory_base();
                (self.ins().iadd(base, index), argument.offset)
            }
        };
        match i32::try_from(offset) {
            Ok(offset) => (address, offset),
            Err(_) => {
                let offset = self.ins().iconst(types::I64, offset as i64);
                (self.ins().iadd(address, offset), 0)
            }
        }
    }

    /// A load of a whole `ty`.
    pub(super) fn load(&mut self, argument: &MemArg, ty: Type) {
        let (address, offset) = self.address(argument);
        let flags = self.memory_flags();
        let value = if ty == types::I32 && self.is_next_wide {
            let wide = self.ins().uload32(flags, address, offset);
            self.narrow(wide)
        } else {
            self.ins().load(ty, flags, address, offset)
        };
        self.push(value);
    }

    /// A load that widens to `ty`; `opcode` is one of the widening loads.
    pub(super) fn load_widening(&mut self, argument: &MemArg, opcode: Opcode, ty: Type) {
        let (address, offset) = self.address(argument);
        let flags = self.memory_flags();
        let is_wide = ty == types::I32 && self.is_next_wide;
        let ins = self.ins();
        let value = match opcode {
            Opcode::Uload8 if is_wide => {
                let wide = ins.uload8(types::I64, flags, address, offset);
                self.narrow(wide)
            }
            Opcode::Uload16 if is_wide => {
                let wide = ins.uload16(types::I64, flags, address, offset);
                self.narrow(wide)
            }
            Opcode::Uload8 => ins.uload8(ty, flags, address, offset),
            Opcode::Sload8 => ins.sload8(ty, flags, address, offset),
            Opcode::Uload16 => ins.uload16(ty, flags, address, offset),
            Opcode::Sload16 => ins.sload16(ty, flags, address, offset),
            Opcode::Uload32 => ins.uload32(flags, address, offset),
            Opcode::Sload32 => ins.sload32(flags, address, offset),
            other => unreachable!("{other} is not a widening load"),
        };
        self.push(value);
    }

    /// A store of a whole value.
    pub(super) fn store(&mut self, argument: &MemArg) {
        let value = self.pop();
        let (address, offset) = self.address(argument);
        let flags = self.memory_flags();
        self.ins().store(flags, value, address, offset);
    }

    /// A store of the low bytes of a value; `opcode` is one of the narrowing stores.
    pub(super) fn store_narrowing(&mut self, argument: &MemArg, opcode: Opcode) {
        let value = self.pop();
        let (address, offset) = self.address(argument);
        let flags = self.memory_flags();
        let ins = self.ins();
        match opcode {
            Opcode::Istore8 => ins.istore8(flags, value, address, offset),
            Opcode::Istore16 => ins.istore16(flags, value, address, offset),
            Opcode::Istore32 => ins.istore32(flags, value, address, offset),
            other => unreachable!("{other} is not a narrowing store"),
        };
    }

    /// `memory.size`.
    pub(super) fn memory_size(&mut self, memory: u32) {
        let bytes = self.memory_bytes(memory);
        let pages = self.ins().ushr_imm_u(bytes, PAGE_BYTES_LOG2);
        let pages = self.ins().ireduce(types::I32, pages);
        self.push(pages);
    }

    /// `memory.grow`.
    pub(super) fn memory_grow(&mut self, memory: u32) {
        let pages = self.pop();
        let pages = self.widen(pages);
        let plan = self.context.plan;
        let instance = self.place_address(plan.memories[memory as usize]);
        let old = self.call_runtime(RuntimeFunction::MemoryGrow, &[instance, pages]);
        let old = old.expect("mewz_memory_grow has a result");
        let old = self.ins().ireduce(types::I32, old);
        self.push(old);
    }

    /// `memory.fill`.
    pub(super) fn memory_fill(&mut self, memory: u32) {
        let (to, value, len) = self.pop3();
        let to = self.widen(to);
        let address = self.memory_address(to);
        if self.fill_small(address, value, len) {
            return;
        }
        let len = self.widen(len);
        let to = self.checked_range(memory, to, len);
        self.call_runtime(RuntimeFunction::MemoryFill, &[to, value, len]);
    }

    /// `memory.copy`.
    pub(super) fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        let (to, from, len) = self.pop3();
        let (to, from) = (self.widen(to), self.widen(from));
        let addresses = (self.memory_address(to), self.memory_address(from));
        if self.copy_small(addresses.0, addresses.1, len) {
            return;
        }
        let len = self.widen(len);
        let from = self.checked_range(from_memory, from, len);
        let to = self.checked_range(to_memory, to, len);
        self.move_bytes(to, from, len);
    }

    /// `memory.init`.
    pub(super) fn memory_init(&mut self, segment: u32, memory: u32) {
        let (to, from, len) = self.pop3();
        let (to, from, len) = (self.widen(to), self.widen(from), self.widen(len));
        let place = self.context.plan.data[segment as usize].expect("a named segment has a place");
        let (address, offset) = self.place(place.len);
        let flags = self.state_flags(Region::Instances);
        let valid = self.ins().load(types::I64, flags, address, offset);
        self.check_range(from, len, valid, TrapKind::MemoryOutOfBounds);
        let to = self.checked_range(memory, to, len);
        let content = self.place_address(place.content);
        let from = self.ins().iadd(content, from);
        self.move_bytes(to, from, len);
    }

    /// `data.drop`.
    pub(super) fn data_drop(&mut self, segment: u32) {
        let place = self.context.plan.data[segment as usize].expect("a named segment has a place");
        self.drop_segment(place.len);
    }

    /// Sets the length of a segment to 0.
    pub(super) fn drop_segment(&mut self, len: Place) {
        let (address, offset) = self.place(len);
        let flags = self.state_flags(Region::Instances);
        let zero = self.ins().iconst(types::I64, 0);
        self.ins().store(flags, zero, address, offset);
    }

    /// `memmove` on checked addresses.
    pub(in crate::compile) fn move_bytes(&mut self, to: Value, from: Value, len: Value) {
        self.call_runtime(RuntimeFunction::MemoryMove, &[to, from, len]);
    }

    /// The address of byte `index` of a memory, `len` bytes from which are valid; traps where they are not.
    pub(in crate::compile) fn checked_range(
        &mut self,
        memory: u32,
        index: Value,
        len: Value,
    ) -> Value {
        let bytes = self.memory_bytes(memory);
        self.check_range(index, len, bytes, TrapKind::MemoryOutOfBounds);
        self.memory_address(index)
    }

    /// The address of byte `index` of memory 0.
    pub(in crate::compile) fn memory_address(&mut self, index: Value) -> Value {
        match self.memory_base_kind() {
            Base::Constant(0) => index,
            Base::Constant(base) => {
                let base = self.ins().iconst(types::I64, base as i64);
                self.ins().iadd(base, index)
            }
            _ => {
                let base = self.loaded_memory_base();
                self.ins().iadd(base, index)
            }
        }
    }

    /// Traps unless `index + len <= valid`. Both are 32-bit numbers in 64 bits, so the sum can't wrap.
    pub(super) fn check_range(&mut self, index: Value, len: Value, valid: Value, kind: TrapKind) {
        let end = self.ins().iadd(index, len);
        let is_outside = self.ins().icmp(IntCC::UnsignedGreaterThan, end, valid);
        self.trap_if(is_outside, kind);
    }

    fn memory_bytes(&mut self, memory: u32) -> Value {
        let (address, offset) = self.place(self.context.plan.memories[memory as usize]);
        let flags = self.state_flags(Region::Instances);
        self.ins()
            .load(types::I64, flags, address, offset + INSTANCE_BYTES)
    }
}
