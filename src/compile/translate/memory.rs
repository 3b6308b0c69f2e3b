//! Linear memory: addresses, loads, stores, size, growth and bulk operations.
//!
//! An access with a 32-bit index needs no bounds check: with a 32-bit offset it stays within the reservation, of which only
//! the valid part is mapped. With a 64-bit index, or pages smaller than the processor's, it does. Bulk operations check,
//! because the runtime functions behind them may not fault.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Opcode, Type, Value, types};
use mewz_abi::trap::TrapKind;
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::translator::{Region, Translator, trap_code};
use crate::compile::module::Memory;
use crate::compile::options::MemoryBase;
use crate::compile::plan::Place;
use crate::compile::runtime::RuntimeFunction;

/// Bytes from a `MemoryInstance` to its count of valid bytes.
const INSTANCE_BYTES: i32 = 8;

/// Where byte 0 of linear memory lies.
pub(super) enum Base {
    /// At an address that is known when compiling.
    Constant(u64),
    /// Where the instance at this place says.
    Load(Place),
    /// The module has no memory.
    None,
}

/// Whether `operator` wants an i32 that it finds on the stack in 64 bits: as an address, an index of a table, or for a local,
/// which may become one. A load before it then widens for free.
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
            | Operator::I64ExtendI32U
            | Operator::CallIndirect { .. }
            | Operator::TableGet { .. }
    )
}

/// The memory that an access is to.
pub(super) fn memory_of(argument: &MemArg) -> u32 {
    match argument.target {
        MemArgTarget::Memory(memory) => memory,
        MemArgTarget::Array(_) => unreachable!("validation refuses arrays"),
    }
}

/// Bytes that a widening load or a narrowing store accesses.
pub(super) fn access_bytes(opcode: Opcode) -> u32 {
    match opcode {
        Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,
        Opcode::Uload16 | Opcode::Sload16 | Opcode::Istore16 => 2,
        Opcode::Uload32 | Opcode::Sload32 | Opcode::Istore32 => 4,
        Opcode::Sload8x8
        | Opcode::Uload8x8
        | Opcode::Sload16x4
        | Opcode::Uload16x4
        | Opcode::Sload32x2
        | Opcode::Uload32x2 => 8,
        other => unreachable!("{other} is not a widening load or a narrowing store"),
    }
}

impl Translator<'_> {
    /// Where a memory lies. An imported one lies where its owner put it.
    fn base_of(&self, memory: u32) -> Base {
        let Some(ty) = self.context.module.memories.get(memory as usize) else {
            return Base::None;
        };
        match self.context.options.memory_base {
            MemoryBase::Constant(base) if memory == 0 && !ty.is_imported => Base::Constant(base),
            _ => Base::Load(self.context.plan.memories[memory as usize]),
        }
    }

    /// Where memory 0 lies.
    pub(super) fn memory_base_kind(&self) -> Base {
        self.base_of(0)
    }

    /// The address of byte 0 of a memory that lies where its instance says.
    fn loaded_base(&mut self, memory: u32, place: Place) -> Value {
        if memory == 0 {
            return self.loaded_memory_base();
        }
        let (address, offset) = self.place(place);
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        self.ins().load(types::I64, flags, address, offset)
    }

    /// Pops an index; returns an address and an offset for an access of `bytes` bytes.
    pub(super) fn address(&mut self, argument: &MemArg, bytes: u32) -> (Value, i32) {
        let memory = memory_of(argument);
        let index = self.pop();
        let (index, offset) = if let Some(slot) = self.slot {
            // Memory 0 has a guard where there are slots.
            let (index, constant) = self.split_index(index);
            let offset = self.slot_value(slot);
            (self.ins().iadd(index, offset), constant)
        } else if self.memory(memory).has_guard() {
            let (index, constant) = self.split_index(index);
            (index, argument.offset + constant)
        } else {
            let index = self.widen(index);
            self.check_access(memory, index, argument.offset, bytes);
            (index, argument.offset)
        };
        let (address, offset) = match self.base_of(memory) {
            Base::Constant(base) => (index, base.wrapping_add(offset)),
            Base::Load(place) => {
                let base = self.loaded_base(memory, place);
                (self.ins().iadd(base, index), offset)
            }
            Base::None => unreachable!("validation lets no access without a memory through"),
        };
        match i32::try_from(offset) {
            Ok(offset) => (address, offset),
            Err(_) => {
                let offset = self.ins().iconst(types::I64, offset as i64);
                (self.ins().iadd(address, offset), 0)
            }
        }
    }

    /// Traps unless `bytes` bytes from `index` and `offset` on are valid.
    fn check_access(&mut self, memory: u32, index: Value, offset: u64, bytes: u32) {
        let &Memory {
            index_64,
            min_bytes,
            ..
        } = self.memory(memory);
        let kind = TrapKind::MemoryOutOfBounds;
        let Some(end) = offset.checked_add(u64::from(bytes)) else {
            let always = self.ins().iconst(types::I8, 1);
            self.trap_if(always, kind);
            return;
        };
        let valid = self.memory_bytes(memory);
        let end_constant = self.ins().iconst(types::I64, end.cast_signed());
        let is_outside = if !index_64 {
            // Both are below 2^33.
            let end = self.ins().iadd(index, end_constant);
            self.ins().icmp(IntCC::UnsignedGreaterThan, end, valid)
        } else if end <= min_bytes {
            // A memory never shrinks, so the difference can't wrap.
            let last = self.ins().isub(valid, end_constant);
            self.ins().icmp(IntCC::UnsignedGreaterThan, index, last)
        } else {
            let end = self
                .ins()
                .uadd_overflow_trap(index, end_constant, trap_code(kind));
            self.ins().icmp(IntCC::UnsignedGreaterThan, end, valid)
        };
        self.trap_if(is_outside, kind);
    }

    fn memory(&self, index: u32) -> &Memory {
        &self.context.module.memories[index as usize]
    }

    /// A load of a whole `ty`.
    pub(super) fn load(&mut self, argument: &MemArg, ty: Type) {
        let (address, offset) = self.address(argument, ty.bytes());
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
        let (address, offset) = self.address(argument, access_bytes(opcode));
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
        let bytes = self.builder.func.dfg.value_type(value).bytes();
        let (address, offset) = self.address(argument, bytes);
        let flags = self.memory_flags();
        self.ins().store(flags, value, address, offset);
    }

    /// A store of the low bytes of a value; `opcode` is one of the narrowing stores.
    pub(super) fn store_narrowing(&mut self, argument: &MemArg, opcode: Opcode) {
        let value = self.pop();
        let (address, offset) = self.address(argument, access_bytes(opcode));
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
        let page_bytes_log2 = self.memory(memory).page_bytes_log2;
        let pages = self.ins().ushr_imm_u(bytes, i64::from(page_bytes_log2));
        self.push_count(memory, pages);
    }

    /// `memory.grow`.
    pub(super) fn memory_grow(&mut self, memory: u32) {
        let pages = self.pop();
        let pages = self.widen(pages);
        let plan = self.context.plan;
        let instance = self.place_address(plan.memories[memory as usize]);
        let old = self.call_runtime(RuntimeFunction::MemoryGrow, &[instance, pages]);
        let old = old.expect("mewz_memory_grow has a result");
        self.push_count(memory, old);
    }

    /// Pushes a count of pages, in the type of the memory's index.
    fn push_count(&mut self, memory: u32, pages: Value) {
        let pages = match self.memory(memory).index_64 {
            true => pages,
            false => self.ins().ireduce(types::I32, pages),
        };
        self.push(pages);
    }

    /// `memory.fill`.
    pub(super) fn memory_fill(&mut self, memory: u32) {
        let (to, value, len) = self.pop3();
        let to = self.widen(to);
        let has_guard = self.memory(memory).has_guard();
        if has_guard {
            let address = self.memory_address(memory, to);
            if self.fill_small(address, value, len) {
                return;
            }
        }
        let wide_len = self.widen(len);
        let to = self.checked_range(memory, to, wide_len);
        if has_guard || !self.fill_small(to, value, len) {
            self.call_runtime(RuntimeFunction::MemoryFill, &[to, value, wide_len]);
        }
    }

    /// `memory.copy`.
    pub(super) fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        let (to, from, len) = self.pop3();
        let (to, from) = (self.widen(to), self.widen(from));
        let has_guards = self.memory(to_memory).has_guard() && self.memory(from_memory).has_guard();
        if has_guards {
            let from = self.memory_address(from_memory, from);
            let to = self.memory_address(to_memory, to);
            if self.copy_small(to, from, len) {
                return;
            }
        }
        let wide_len = self.widen(len);
        let from = self.checked_range(from_memory, from, wide_len);
        let to = self.checked_range(to_memory, to, wide_len);
        if has_guards || !self.copy_small(to, from, len) {
            self.move_bytes(to, from, wide_len);
        }
    }

    /// `memory.init`.
    pub(super) fn memory_init(&mut self, segment: u32, memory: u32) {
        let (to, from, len) = self.pop3();
        let (to, from, len) = (self.widen(to), self.widen(from), self.widen(len));
        let place = self.context.plan.data[segment as usize].expect("a named segment has a place");
        let (address, offset) = self.place(place.len);
        let flags = self.state_flags(Region::Instances);
        let valid = self.ins().load(types::I64, flags, address, offset);
        self.check_range(from, len, valid, false, TrapKind::MemoryOutOfBounds);
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
        let is_64 = self.memory(memory).index_64;
        self.check_range(index, len, bytes, is_64, TrapKind::MemoryOutOfBounds);
        self.memory_address(memory, index)
    }

    /// The address of byte `index` of a memory.
    pub(in crate::compile) fn memory_address(&mut self, memory: u32, index: Value) -> Value {
        match self.base_of(memory) {
            Base::Constant(0) | Base::None => index,
            Base::Constant(base) => {
                let base = self.ins().iconst(types::I64, base as i64);
                self.ins().iadd(base, index)
            }
            Base::Load(place) => {
                let base = self.loaded_base(memory, place);
                self.ins().iadd(base, index)
            }
        }
    }

    /// Traps unless `index + len <= valid`. Unless `is_64`, both are 32-bit numbers in 64 bits, so the sum can't wrap.
    pub(super) fn check_range(
        &mut self,
        index: Value,
        len: Value,
        valid: Value,
        is_64: bool,
        kind: TrapKind,
    ) {
        let end = match is_64 {
            true => self.ins().uadd_overflow_trap(index, len, trap_code(kind)),
            false => self.ins().iadd(index, len),
        };
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
