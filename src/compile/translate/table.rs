//! Tables: access, size, growth and bulk operations. An element is a reference of eight bytes.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use mewz_abi::trap::TrapKind;

use super::translator::{Region, Translator};
use crate::compile::options::OptLevel;
use crate::compile::runtime::RuntimeFunction;

/// Bytes from a `TableInstance` to the address of its elements.
const INSTANCE_ELEMENTS: i32 = 0;
/// Bytes from a `TableInstance` to its length.
const INSTANCE_LEN: i32 = 8;
/// Logarithm of an element's bytes, base 2.
const ELEMENT_BYTES_LOG2: i64 = 3;

impl Translator<'_> {
    /// `table.get`.
    pub(super) fn table_get(&mut self, table: u32) {
        let index = self.pop();
        let value = self.table_load(table, index);
        self.push(value);
    }

    /// The element at `index`; traps where there is none.
    pub(super) fn table_load(&mut self, table: u32, index: Value) -> Value {
        let address = self.element_address(table, index);
        let flags = self.state_flags(Region::Tables);
        self.ins().load(types::I64, flags, address, 0)
    }

    /// `table.set`.
    pub(super) fn table_set(&mut self, table: u32) {
        let (index, value) = self.pop2();
        let address = self.element_address(table, index);
        let flags = self.state_flags(Region::Tables);
        self.ins().store(flags, value, address, 0);
    }

    /// `table.size`.
    pub(super) fn table_size(&mut self, table: u32) {
        let len = self.table_len(table);
        self.push_len(table, len);
    }

    /// Pushes a count of elements, in the type of the table's index.
    fn push_len(&mut self, table: u32, len: Value) {
        let len = match self.context.module.tables[table as usize].index_64 {
            true => len,
            false => self.ins().ireduce(types::I32, len),
        };
        self.push(len);
    }

    /// `table.grow`.
    pub(super) fn table_grow(&mut self, table: u32) {
        let (value, count) = self.pop2();
        let count = self.widen(count);
        let plan = self.context.plan;
        let instance = self.place_address(plan.tables[table as usize].instance);
        let old = self.call_runtime(RuntimeFunction::TableGrow, &[instance, count, value]);
        let old = old.expect("mewz_table_grow has a result");
        self.push_len(table, old);
    }

    /// `table.fill`.
    pub(super) fn table_fill(&mut self, table: u32) {
        let (index, value, count) = self.pop3();
        let (index, count) = (self.widen(index), self.widen(count));
        let start = self.checked_elements(table, index, count);
        self.fill_elements(start, value, count);
    }

    /// `table.copy`.
    pub(super) fn table_copy(&mut self, to_table: u32, from_table: u32) {
        let (to, from, count) = self.pop3();
        let (to, from, count) = (self.widen(to), self.widen(from), self.widen(count));
        let from = self.checked_elements(from_table, from, count);
        let to = self.checked_elements(to_table, to, count);
        let bytes = self.ins().ishl_imm_u(count, ELEMENT_BYTES_LOG2);
        self.move_bytes(to, from, bytes);
    }

    /// `table.init`.
    pub(super) fn table_init(&mut self, segment: u32, table: u32) {
        let (to, from, count) = self.pop3();
        let (to, from, count) = (self.widen(to), self.widen(from), self.widen(count));
        self.initialise_elements(segment, table, to, from, count);
    }

    /// Copies references of a segment to a table; traps where either is too short. All three have 64 bits; `from` and
    /// `count` are 32-bit numbers.
    pub(in crate::compile) fn initialise_elements(
        &mut self,
        segment: u32,
        table: u32,
        to: Value,
        from: Value,
        count: Value,
    ) {
        let place =
            self.context.plan.elements[segment as usize].expect("a named segment has a place");
        let (address, offset) = self.place(place.len);
        let flags = self.state_flags(Region::Instances);
        let valid = self.ins().load(types::I64, flags, address, offset);
        self.check_range(from, count, valid, false, TrapKind::TableOutOfBounds);
        let to = self.checked_elements(table, to, count);
        let content = self.place_address(place.content);
        let from = self.element_at(content, from);
        let bytes = self.ins().ishl_imm_u(count, ELEMENT_BYTES_LOG2);
        self.move_bytes(to, from, bytes);
    }

    /// `elem.drop`.
    pub(in crate::compile) fn elem_drop(&mut self, segment: u32) {
        let place =
            self.context.plan.elements[segment as usize].expect("a named segment has a place");
        self.drop_segment(place.len);
    }

    /// Stores `value` in `count` elements from the address `start` on.
    pub(in crate::compile) fn fill_elements(&mut self, start: Value, value: Value, count: Value) {
        let end = self.element_at(start, count);
        let header = self.create_block(&[types::I64]);
        let body = self.builder.create_block();
        let done = self.builder.create_block();
        self.jump(header, &[start]);
        self.builder.switch_to_block(header);
        let at = self.builder.block_params(header)[0];
        let is_done = self.ins().icmp(IntCC::Equal, at, end);
        self.ins().brif(is_done, done, &[], body, &[]);
        self.builder.seal_block(body);
        self.builder.switch_to_block(body);
        let flags = self.state_flags(Region::Tables);
        self.ins().store(flags, value, at, 0);
        let next = self.ins().iadd_imm_s(at, 1 << ELEMENT_BYTES_LOG2);
        self.jump(header, &[next]);
        self.builder.seal_block(header);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
    }

    /// The address of the element at `index`; traps where there is none.
    fn element_address(&mut self, table: u32, index: Value) -> Value {
        let index = self.widen(index);
        let len = self.table_len(table);
        let is_outside = self
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_if(is_outside, TrapKind::TableOutOfBounds);
        let elements = self.elements(table);
        self.element_at(elements, index)
    }

    /// The address of element `index`, from which `count` elements are valid; traps where they are not.
    fn checked_elements(&mut self, table: u32, index: Value, count: Value) -> Value {
        let len = self.table_len(table);
        let is_64 = self.context.module.tables[table as usize].index_64;
        self.check_range(index, count, len, is_64, TrapKind::TableOutOfBounds);
        let elements = self.elements(table);
        self.element_at(elements, index)
    }

    fn element_at(&mut self, elements: Value, index: Value) -> Value {
        let offset = self.ins().ishl_imm_u(index, ELEMENT_BYTES_LOG2);
        self.ins().iadd(elements, offset)
    }

    fn table_len(&mut self, table: u32) -> Value {
        let context = self.context;
        let module_table = &context.module.tables[table as usize];
        let is_whole = context.options.opt_level == OptLevel::Module;
        if module_table.is_fixed() && is_whole {
            return self.ins().iconst(types::I64, module_table.min as i64);
        }
        let (address, offset) = self.place(context.plan.tables[table as usize].instance);
        let flags = match module_table.is_fixed() {
            // A number in the code of a function would change with every function that the table gains.
            true => MemFlagsData::trusted().with_readonly(),
            false => self.state_flags(Region::Instances),
        };
        self.ins()
            .load(types::I64, flags, address, offset + INSTANCE_LEN)
    }

    /// The address of element 0.
    fn elements(&mut self, table: u32) -> Value {
        let context = self.context;
        let place = context.plan.tables[table as usize];
        match place.elements {
            Some(elements) if context.module.tables[table as usize].is_fixed() => {
                self.place_address(elements)
            }
            _ => {
                let (address, offset) = self.place(place.instance);
                let flags = self.state_flags(Region::Instances);
                self.ins()
                    .load(types::I64, flags, address, offset + INSTANCE_ELEMENTS)
            }
        }
    }
}
