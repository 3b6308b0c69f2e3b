//! Atomic accesses: the table of the operators of the threads proposal, and what they do.
//!
//! There is one thread, so nobody waits for another and nobody can be woken. The accesses themselves are those of the
//! processor all the same: an object says nothing about who else maps its memory.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp as R, InstBuilder, Type, Value};
use mewz_abi::trap::TrapKind;
use wasmparser::{MemArg, Operator as O};

use super::memory::memory_of;
use super::translator::Translator;
use crate::compile::runtime::RuntimeFunction;

/// What a wait answers whose address does not hold the expected value.
const NOT_EQUAL: i64 = 1;
/// What a wait answers whose time is over.
const TIMED_OUT: i64 = 2;

/// Translates an operator of the threads proposal that can run; tells whether it is one.
#[rustfmt::skip]
pub(super) fn translate(t: &mut Translator<'_>, operator: &O<'_>) -> bool {
    match operator {
        O::MemoryAtomicNotify { memarg } => t.atomic_notify(memarg),
        O::MemoryAtomicWait32 { memarg } => t.atomic_wait(memarg, I32),
        O::MemoryAtomicWait64 { memarg } => t.atomic_wait(memarg, I64),
        O::AtomicFence { .. } => drop(t.ins().fence()),
        O::I32AtomicLoad8U { memarg } => t.atomic_load(memarg, I8, I32),
        O::I32AtomicLoad16U { memarg } => t.atomic_load(memarg, I16, I32),
        O::I32AtomicLoad { memarg } => t.atomic_load(memarg, I32, I32),
        O::I64AtomicLoad8U { memarg } => t.atomic_load(memarg, I8, I64),
        O::I64AtomicLoad16U { memarg } => t.atomic_load(memarg, I16, I64),
        O::I64AtomicLoad32U { memarg } => t.atomic_load(memarg, I32, I64),
        O::I64AtomicLoad { memarg } => t.atomic_load(memarg, I64, I64),
        O::I32AtomicStore8 { memarg } => t.atomic_store(memarg, I8),
        O::I32AtomicStore16 { memarg } => t.atomic_store(memarg, I16),
        O::I32AtomicStore { memarg } => t.atomic_store(memarg, I32),
        O::I64AtomicStore8 { memarg } => t.atomic_store(memarg, I8),
        O::I64AtomicStore16 { memarg } => t.atomic_store(memarg, I16),
        O::I64AtomicStore32 { memarg } => t.atomic_store(memarg, I32),
        O::I64AtomicStore { memarg } => t.atomic_store(memarg, I64),
        O::I32AtomicRmw8AddU { memarg } => t.atomic_rmw(memarg, R::Add, I8, I32),
        O::I64AtomicRmw8AddU { memarg } => t.atomic_rmw(memarg, R::Add, I8, I64),
        O::I32AtomicRmw16AddU { memarg } => t.atomic_rmw(memarg, R::Add, I16, I32),
        O::I64AtomicRmw16AddU { memarg } => t.atomic_rmw(memarg, R::Add, I16, I64),
        O::I64AtomicRmw32AddU { memarg } => t.atomic_rmw(memarg, R::Add, I32, I64),
        O::I32AtomicRmwAdd { memarg } => t.atomic_rmw(memarg, R::Add, I32, I32),
        O::I64AtomicRmwAdd { memarg } => t.atomic_rmw(memarg, R::Add, I64, I64),
        O::I32AtomicRmw8SubU { memarg } => t.atomic_rmw(memarg, R::Sub, I8, I32),
        O::I64AtomicRmw8SubU { memarg } => t.atomic_rmw(memarg, R::Sub, I8, I64),
        O::I32AtomicRmw16SubU { memarg } => t.atomic_rmw(memarg, R::Sub, I16, I32),
        O::I64AtomicRmw16SubU { memarg } => t.atomic_rmw(memarg, R::Sub, I16, I64),
        O::I64AtomicRmw32SubU { memarg } => t.atomic_rmw(memarg, R::Sub, I32, I64),
        O::I32AtomicRmwSub { memarg } => t.atomic_rmw(memarg, R::Sub, I32, I32),
        O::I64AtomicRmwSub { memarg } => t.atomic_rmw(memarg, R::Sub, I64, I64),
        O::I32AtomicRmw8AndU { memarg } => t.atomic_rmw(memarg, R::And, I8, I32),
        O::I64AtomicRmw8AndU { memarg } => t.atomic_rmw(memarg, R::And, I8, I64),
        O::I32AtomicRmw16AndU { memarg } => t.atomic_rmw(memarg, R::And, I16, I32),
        O::I64AtomicRmw16AndU { memarg } => t.atomic_rmw(memarg, R::And, I16, I64),
        O::I64AtomicRmw32AndU { memarg } => t.atomic_rmw(memarg, R::And, I32, I64),
        O::I32AtomicRmwAnd { memarg } => t.atomic_rmw(memarg, R::And, I32, I32),
        O::I64AtomicRmwAnd { memarg } => t.atomic_rmw(memarg, R::And, I64, I64),
        O::I32AtomicRmw8OrU { memarg } => t.atomic_rmw(memarg, R::Or, I8, I32),
        O::I64AtomicRmw8OrU { memarg } => t.atomic_rmw(memarg, R::Or, I8, I64),
        O::I32AtomicRmw16OrU { memarg } => t.atomic_rmw(memarg, R::Or, I16, I32),
        O::I64AtomicRmw16OrU { memarg } => t.atomic_rmw(memarg, R::Or, I16, I64),
        O::I64AtomicRmw32OrU { memarg } => t.atomic_rmw(memarg, R::Or, I32, I64),
        O::I32AtomicRmwOr { memarg } => t.atomic_rmw(memarg, R::Or, I32, I32),
        O::I64AtomicRmwOr { memarg } => t.atomic_rmw(memarg, R::Or, I64, I64),
        O::I32AtomicRmw8XorU { memarg } => t.atomic_rmw(memarg, R::Xor, I8, I32),
        O::I64AtomicRmw8XorU { memarg } => t.atomic_rmw(memarg, R::Xor, I8, I64),
        O::I32AtomicRmw16XorU { memarg } => t.atomic_rmw(memarg, R::Xor, I16, I32),
        O::I64AtomicRmw16XorU { memarg } => t.atomic_rmw(memarg, R::Xor, I16, I64),
        O::I64AtomicRmw32XorU { memarg } => t.atomic_rmw(memarg, R::Xor, I32, I64),
        O::I32AtomicRmwXor { memarg } => t.atomic_rmw(memarg, R::Xor, I32, I32),
        O::I64AtomicRmwXor { memarg } => t.atomic_rmw(memarg, R::Xor, I64, I64),
        O::I32AtomicRmw8XchgU { memarg } => t.atomic_rmw(memarg, R::Xchg, I8, I32),
        O::I64AtomicRmw8XchgU { memarg } => t.atomic_rmw(memarg, R::Xchg, I8, I64),
        O::I32AtomicRmw16XchgU { memarg } => t.atomic_rmw(memarg, R::Xchg, I16, I32),
        O::I64AtomicRmw16XchgU { memarg } => t.atomic_rmw(memarg, R::Xchg, I16, I64),
        O::I64AtomicRmw32XchgU { memarg } => t.atomic_rmw(memarg, R::Xchg, I32, I64),
        O::I32AtomicRmwXchg { memarg } => t.atomic_rmw(memarg, R::Xchg, I32, I32),
        O::I64AtomicRmwXchg { memarg } => t.atomic_rmw(memarg, R::Xchg, I64, I64),
        O::I32AtomicRmw8CmpxchgU { memarg } => t.atomic_compare_exchange(memarg, I8, I32),
        O::I32AtomicRmw16CmpxchgU { memarg } => t.atomic_compare_exchange(memarg, I16, I32),
        O::I32AtomicRmwCmpxchg { memarg } => t.atomic_compare_exchange(memarg, I32, I32),
        O::I64AtomicRmw8CmpxchgU { memarg } => t.atomic_compare_exchange(memarg, I8, I64),
        O::I64AtomicRmw16CmpxchgU { memarg } => t.atomic_compare_exchange(memarg, I16, I64),
        O::I64AtomicRmw32CmpxchgU { memarg } => t.atomic_compare_exchange(memarg, I32, I64),
        O::I64AtomicRmwCmpxchg { memarg } => t.atomic_compare_exchange(memarg, I64, I64),
        _ => return false,
    }
    true
}

impl Translator<'_> {
    /// A load of `ty`, widened without sign to `wide`.
    fn atomic_load(&mut self, argument: &MemArg, ty: Type, wide: Type) {
        let address = self.aligned_address(argument, ty);
        let flags = self.memory_flags();
        let value = self.ins().atomic_load(ty, flags, address);
        self.push_widened(value, wide);
    }

    /// A store of the low bytes of a value, as `ty`.
    fn atomic_store(&mut self, argument: &MemArg, ty: Type) {
        let value = self.pop_narrowed(ty);
        let address = self.aligned_address(argument, ty);
        let flags = self.memory_flags();
        self.ins().atomic_store(flags, value, address);
    }

    /// Replaces a `ty` by what `operation` makes of it and an operand; the old one is the result.
    fn atomic_rmw(&mut self, argument: &MemArg, operation: R, ty: Type, wide: Type) {
        let operand = self.pop_narrowed(ty);
        let address = self.aligned_address(argument, ty);
        let flags = self.memory_flags();
        let old = self
            .ins()
            .atomic_rmw(ty, flags, operation, address, operand);
        self.push_widened(old, wide);
    }

    /// Replaces a `ty` that is as expected; the old one is the result.
    ///
    /// Of what is expected, only as many bits count as are compared (github.com/WebAssembly/threads/issues/195).
    fn atomic_compare_exchange(&mut self, argument: &MemArg, ty: Type, wide: Type) {
        let replacement = self.pop_narrowed(ty);
        let expected = self.pop_narrowed(ty);
        let address = self.aligned_address(argument, ty);
        let flags = self.memory_flags();
        let old = self.ins().atomic_cas(flags, address, expected, replacement);
        self.push_widened(old, wide);
    }

    /// `memory.atomic.notify`: nobody waits.
    fn atomic_notify(&mut self, argument: &MemArg) {
        self.pop();
        let address = self.aligned_address(argument, I32);
        let flags = self.memory_flags();
        // It traps where a load would.
        self.ins().atomic_load(I32, flags, address);
        self.i32_const(0);
    }

    /// `memory.atomic.wait32` and `wait64`: nobody but the time limit can end the wait.
    fn atomic_wait(&mut self, argument: &MemArg, ty: Type) {
        let (expected, timeout) = self.pop2();
        let address = self.aligned_address(argument, ty);
        if !self.context.module.memories[memory_of(argument) as usize].is_shared {
            let always = self.ins().iconst(I8, 1);
            self.trap_if(always, TrapKind::SharedMemoryExpected);
        }
        let flags = self.memory_flags();
        let value = self.ins().atomic_load(ty, flags, address);
        let is_equal = self.ins().icmp(IntCC::Equal, value, expected);
        let wait = self.builder.create_block();
        let done = self.create_block(&[I32]);
        let not_equal = self.ins().iconst(I32, NOT_EQUAL);
        self.ins()
            .brif(is_equal, wait, &[], done, &[not_equal.into()]);
        self.builder.seal_block(wait);
        self.builder.switch_to_block(wait);
        let is_endless = self.ins().icmp_imm_s(IntCC::SignedLessThan, timeout, 0);
        self.trap_if(is_endless, TrapKind::EndlessWait);
        self.call_runtime(RuntimeFunction::Sleep, &[timeout]);
        let timed_out = self.ins().iconst(I32, TIMED_OUT);
        self.jump(done, &[timed_out]);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
        let result = self.builder.block_params(done)[0];
        self.push(result);
    }

    /// Pops an index; returns the address of a `ty`, which traps unless it is a multiple of the size.
    fn aligned_address(&mut self, argument: &MemArg, ty: Type) -> Value {
        let (address, offset) = self.address(argument, ty.bytes());
        let address = match offset {
            0 => address,
            _ => self.ins().iadd_imm_s(address, i64::from(offset)),
        };
        if ty.bytes() > 1 {
            // A memory begins at a page of the processor, so what holds for the address holds for the index.
            let rest = self.ins().band_imm_u(address, i64::from(ty.bytes() - 1));
            self.trap_if(rest, TrapKind::UnalignedAtomic);
        }
        address
    }

    fn pop_narrowed(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.narrowed(value, ty)
    }

    fn narrowed(&mut self, value: Value, ty: Type) -> Value {
        if self.builder.func.dfg.value_type(value) == ty {
            return value;
        }
        self.ins().ireduce(ty, value)
    }

    fn push_widened(&mut self, value: Value, wide: Type) {
        let value = if self.builder.func.dfg.value_type(value) == wide {
            value
        } else {
            self.ins().uextend(wide, value)
        };
        self.push(value);
    }
}
