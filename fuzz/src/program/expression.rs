//! Expressions: trees of operators over constants, locals, globals, memory and calls.

use super::body::{Body, Nans};
use super::code::{op, type_byte};
use super::operators::{self, Access, Care, Operator};
use super::shape::Memory;
use crate::calls;

/// Divisions and truncations that are left to trap, one in so many.
const CARELESS: usize = 12;

/// In an access's alignment: the index of a memory follows.
const MEMORY_INDEX_FOLLOWS: u64 = 0x40;

/// Where an access goes, beside the address on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    memory: usize,
    offset: u64,
}

impl Body<'_> {
    /// Leaves a value of the type `letter` on the stack.
    pub(crate) fn expression(&mut self, letter: char, depth: usize) {
        if depth == 0 || self.room == 0 {
            return self.leaf(letter);
        }
        self.spend();
        let depth = depth - 1;
        match self.random.below(100) {
            0..=14 => self.leaf(letter),
            15..=29 => self.load(letter, depth),
            30..=35 => self.select(letter, depth),
            36..=40 => self.if_else(letter, depth),
            41..=44 => self.block(letter, depth),
            45..=48 => self.tee(letter, depth),
            49..=56 => {
                if !self.call_for(letter, depth) {
                    self.operator(letter, depth);
                }
            }
            57..=58 => self.special(letter, depth),
            _ => self.operator(letter, depth),
        }
    }

    /// A condition: often a comparison of something with a constant.
    pub(crate) fn condition(&mut self, depth: usize) {
        self.expression('i', depth);
        if self.random.chance(1, 3) {
            self.code.i32_const(1);
            self.code.op(op::I32_AND);
        }
    }

    fn leaf(&mut self, letter: char) {
        self.spend();
        let from_local = self
            .random
            .chance(3, 4)
            .then(|| self.local(letter, false))
            .flatten();
        if let Some(local) = from_local {
            return self.code.op_index(op::LOCAL_GET, local);
        }
        let global = self.plan.global(letter, false, self.random);
        if let Some(global) = global.filter(|_| self.random.chance(1, 3)) {
            return self.code.op_index(op::GLOBAL_GET, global);
        }
        self.constant(letter);
    }

    fn constant(&mut self, letter: char) {
        let bits = calls::bits(letter, self.random);
        match letter {
            'i' => self.code.i32_const(bits as i32),
            'I' => {
                self.code.op(op::I64_CONST);
                self.code.signed(bits as i64);
            }
            'f' => {
                self.code.op(op::F32_CONST);
                self.code.0.extend((bits as u32).to_le_bytes());
            }
            'F' => {
                self.code.op(op::F64_CONST);
                self.code.0.extend((bits as u64).to_le_bytes());
            }
            'v' => {
                self.code.prefixed(operators::VECTOR, op::V128_CONST);
                self.code.0.extend(bits.to_le_bytes());
            }
            'p' if self.random.chance(1, 2) => {
                let function = self.random.below(self.plan.functions.len());
                self.code.op_index(op::REF_FUNC, function as u32);
            }
            _ => {
                self.code.op(op::REF_NULL);
                self.code.op(type_byte(letter));
            }
        }
    }

    fn operator(&mut self, letter: char, depth: usize) {
        if letter == 'I' && self.plan.shape.wide && self.random.chance(1, 6) {
            return self.wide(depth);
        }
        let known = operators::with_result(letter);
        if known.is_empty() {
            return self.special(letter, depth);
        }
        let mut chosen = self.random.pick(known);
        let is_wanted = |operator: &Operator, plan: &super::shape::Plan| {
            let vectors = plan.shape.vectors || !operator.parameters.contains('v');
            let floats = plan.shape.floats || !operator.parameters.contains(['f', 'F']);
            vectors && floats
        };
        for _ in 0..4 {
            if is_wanted(&chosen, self.plan) {
                break;
            }
            chosen = self.random.pick(known);
        }
        if chosen.care == Care::Relaxed && !self.plan.shape.relaxed {
            chosen = known[0];
        }
        self.apply(chosen, depth);
    }

    /// Operands and operator, with whatever it needs to be determined.
    fn apply(&mut self, operator: Operator, depth: usize) {
        let parameters = operator.parameters;
        for (at, parameter) in parameters.chars().enumerate() {
            self.expression(parameter, depth);
            if at + 1 < parameters.len() {
                continue;
            }
            let is_careless = self.random.chance(1, CARELESS);
            match operator.care {
                Care::ShowsLast | Care::LaneShowsLast(_) => {
                    if let Some(nans) = Nans::of(parameter) {
                        self.one_nan(nans);
                    }
                }
                Care::Divides if !is_careless => {
                    // Never 0; the one quotient that overflows is rare enough.
                    self.constant_two_bits(parameter);
                }
                Care::Truncates if !is_careless => {
                    // A small number, if not a NaN: the argument of a saturating truncation, truncated to a byte.
                    self.small(parameter);
                }
                _ => {}
            }
        }
        self.code.prefixed(operator.prefix, operator.code);
        match operator.care {
            Care::Lane(lanes) | Care::LaneShowsLast(lanes) => {
                let lane = self.random.below(lanes.into());
                self.code.0.push(lane as u8);
            }
            Care::Lanes => {
                let is_regular = self.random.chance(1, 2);
                let (start, step) = (self.random.below(32), self.random.below(4));
                for at in 0..16 {
                    let lane = match is_regular {
                        true => (start + at * step) % 32,
                        false => self.random.below(32),
                    };
                    self.code.0.push(lane as u8);
                }
            }
            Care::OpenNans32 => self.one_nan(Nans::F32x4),
            Care::OpenNans64 => self.one_nan(Nans::F64x2),
            _ => {}
        }
    }

    /// Sets the second bit of the divisor on the stack, so that it is neither 0 nor 1.
    fn constant_two_bits(&mut self, letter: char) {
        if letter == 'i' {
            self.code.i32_const(2);
            self.code.op(op::I32_OR);
        } else {
            self.code.op(op::I64_CONST);
            self.code.signed(2);
            self.code.op(op::I64_OR);
        }
    }

    /// Makes the float on the stack one that every integer type can hold.
    fn small(&mut self, letter: char) {
        let (to_integer, to_float) = if letter == 'f' { (0, 0xb3) } else { (2, 0xb8) };
        self.code.prefixed(operators::MORE, to_integer);
        self.code.i32_const(0xff);
        self.code.op(op::I32_AND);
        self.code.op(to_float);
    }

    /// An atomic operator that leaves a value of this type, on an aligned address for the most part.
    fn atomic(&mut self, letter: char, depth: usize) {
        let (first, operands) = self.random.pick(&operators::ATOMICS);
        self.atomic_access(first, operands, letter, depth);
    }

    /// The atomic access of this family and type.
    pub(crate) fn atomic_access(
        &mut self,
        first: u32,
        operands: usize,
        letter: char,
        depth: usize,
    ) {
        let forms = (0..).zip(operators::ATOMIC_FORMS);
        let forms: Vec<(u32, u8)> = forms
            .filter(|(_, (form, _))| *form == letter)
            .map(|(at, (_, bytes_log2))| (at, bytes_log2))
            .collect();
        let (at, bytes_log2) = self.random.pick(&forms);
        let memory = self.memory();
        self.expression('i', depth.min(2));
        let mask = if self.random.chance(1, 40) {
            0x7fff
        } else {
            0x7ff8
        };
        self.code.i32_const(mask);
        self.code.op(op::I32_AND);
        self.widen_index(memory);
        for _ in 0..operands {
            self.expression(letter, depth.min(2));
        }
        self.code.prefixed(operators::ATOMIC, first + at);
        let offset = 8 * self.random.below(0x100) as u64;
        self.immediates(bytes_log2, Place { memory, offset });
    }

    /// Two numbers of 128 bits, or the product of two of 64: one of the two halves of the result, or both.
    fn wide(&mut self, depth: usize) {
        let (code, operands) = self.random.pick(&[(19, 4), (20, 4), (21, 2), (22, 2)]);
        for _ in 0..operands {
            self.expression('I', depth.min(2));
        }
        self.code.prefixed(operators::MORE, code);
        let join = self.random.pick(&[op::DROP, op::I64_OR, op::I64_XOR]);
        self.code.op(join);
    }

    fn load(&mut self, letter: char, depth: usize) {
        if self.plan.shape.atomics && matches!(letter, 'i' | 'I') && self.random.chance(1, 2) {
            return self.atomic(letter, depth);
        }
        let known: Vec<Access> = operators::LOADS
            .into_iter()
            .filter(|load| load.letter == letter)
            .collect();
        if known.is_empty() {
            return self.special(letter, depth);
        }
        let load = self.random.pick(&known);
        let place = self.address(load.bytes_log2, depth);
        if load.lanes > 0 {
            self.expression('v', depth);
        }
        self.access(load, place);
    }

    /// Writes a load or store whose operands are there.
    pub(crate) fn access(&mut self, access: Access, place: Place) {
        self.code.prefixed(access.prefix, access.code);
        let align = self.random.below(usize::from(access.bytes_log2) + 1);
        self.immediates(align as u8, place);
        if access.lanes > 0 {
            let lane = self.random.below(access.lanes.into());
            self.code.0.push(lane as u8);
        }
    }

    fn immediates(&mut self, align: u8, place: Place) {
        if place.memory == 0 {
            self.code.unsigned(align.into());
        } else {
            self.code.unsigned(u64::from(align) | MEMORY_INDEX_FOLLOWS);
            self.code.unsigned(place.memory as u64);
        }
        self.code.unsigned(place.offset);
    }

    /// Leaves an address on the stack for an access to `1 << bytes_log2` bytes of some memory; says what goes with it.
    pub(crate) fn address(&mut self, bytes_log2: u8, depth: usize) -> Place {
        let memory = self.memory();
        let bytes = 1u64 << bytes_log2;
        let Memory { is_64, .. } = self.plan.memories[memory];
        let end = self.plan.memories[memory].bytes();
        let offset = match self.random.below(40) {
            // Anything, which mostly traps.
            0 => {
                self.expression(if is_64 { 'I' } else { 'i' }, depth);
                let far = if is_64 { u64::MAX } else { 0xffff_ffff };
                let offset = match self.random.below(4) {
                    0 => far - self.random.below(4) as u64,
                    1 => 0x7fff_ffff + self.random.below(4) as u64,
                    _ => self.random.below(64) as u64,
                };
                return Place { memory, offset };
            }
            // At the very end, or one byte past it.
            1 => {
                let past = u64::from(self.random.chance(1, 8));
                self.code.i32_const((end - bytes + past) as i32);
                0
            }
            2 | 3 => {
                self.expression('i', depth);
                self.code.i32_const(0xff);
                self.code.op(op::I32_AND);
                let past = self.random.chance(1, 20);
                end - 0xff - bytes + if past { 0x80 } else { 0 }
            }
            // An element of an array: an index, shifted or not.
            4..=15 => {
                self.expression('i', depth.min(1));
                let mask = self.random.pick(&[0xf, 0x3f, 0xff, 0xfff, 0xff8]);
                self.code.i32_const(mask);
                self.code.op(op::I32_AND);
                if self.random.chance(2, 3) {
                    self.code.i32_const(self.random.below(4) as i32);
                    self.code.op(op::I32_SHL);
                }
                if self.random.chance(1, 2) {
                    self.code.i32_const(self.random.below(0x3000) as i32);
                    self.code.op(op::I32_ADD);
                }
                self.random.below(0x3000) as u64
            }
            16..=23 => {
                self.code.i32_const(self.random.below(0x4000) as i32);
                self.random.below(64) as u64
            }
            _ => {
                self.expression('i', depth);
                self.code
                    .i32_const(self.random.pick(&[0x7fff, 0x7ff8, 0x3ff, 0x7ffc]));
                self.code.op(op::I32_AND);
                match self.random.below(3) {
                    0 => 0,
                    1 => self.random.below(16) as u64,
                    _ => self.random.below(0x6f00) as u64,
                }
            }
        };
        self.widen_index(memory);
        Place { memory, offset }
    }

    /// Some memory; mostly the first.
    pub(crate) fn memory(&mut self) -> usize {
        match self.random.chance(1, 3) {
            true => self.random.below(self.plan.memories.len()),
            false => 0,
        }
    }

    /// Makes the `i32` on the stack an index into a memory.
    pub(crate) fn widen_index(&mut self, memory: usize) {
        if self.plan.memories[memory].is_64 {
            self.code.op(op::I64_EXTEND_I32_U);
        }
    }

    /// Makes the index on the stack, as a memory gives its size, an `i32`.
    pub(crate) fn narrow_index(&mut self, memory: usize) {
        if self.plan.memories[memory].is_64 {
            self.code.op(op::I32_WRAP_I64);
        }
    }

    fn select(&mut self, letter: char, depth: usize) {
        self.expression(letter, depth);
        self.expression(letter, depth);
        self.condition(depth);
        if matches!(letter, 'p' | 'e') || self.random.chance(1, 4) {
            self.code.0.extend([op::SELECT_TYPED, 1, type_byte(letter)]);
        } else {
            self.code.op(op::SELECT);
        }
    }

    fn if_else(&mut self, letter: char, depth: usize) {
        self.condition(depth);
        self.code.0.extend([op::IF, type_byte(letter)]);
        self.inside(letter.to_string(), |body| {
            body.expression(letter, depth);
            body.code.op(op::ELSE);
            body.expression(letter, depth);
        });
    }

    fn block(&mut self, letter: char, depth: usize) {
        self.code.0.extend([op::BLOCK, type_byte(letter)]);
        self.inside(letter.to_string(), |body| {
            body.expression(letter, depth);
            if body.random.chance(2, 3) {
                body.condition(depth.min(2));
                body.code.op_index(op::BR_IF, 0);
                body.code.op(op::DROP);
                body.expression(letter, depth);
            }
        });
    }

    /// Writes what is inside a block that was begun, and its end.
    pub(crate) fn inside(&mut self, carries: String, write: impl FnOnce(&mut Self)) {
        self.labels.push(super::body::Label {
            carries,
            is_loop: false,
        });
        write(self);
        self.labels.pop();
        self.code.op(op::END);
    }

    fn tee(&mut self, letter: char, depth: usize) {
        self.expression(letter, depth);
        if let Some(local) = self.local(letter, true) {
            self.code.op_index(op::LOCAL_TEE, local);
        }
    }

    /// What has no operator in the tables: sizes, references.
    fn special(&mut self, letter: char, depth: usize) {
        let plan = self.plan;
        match letter {
            'i' => match self
                .random
                .below(if plan.has_function_references() { 4 } else { 2 })
            {
                0 => {
                    let memory = self.memory();
                    self.code.op_index(op::MEMORY_SIZE, memory as u32);
                    self.narrow_index(memory);
                }
                1 => {
                    self.code.prefixed(operators::MORE, op::TABLE_SIZE);
                    self.code.unsigned(0);
                }
                2 if self.plan.shape.references => {
                    self.expression('e', depth);
                    self.code.op(op::REF_IS_NULL);
                }
                _ => {
                    self.expression('p', depth);
                    self.code.op(op::REF_IS_NULL);
                }
            },
            'p' if self.random.chance(1, 2) => {
                self.table_index(depth);
                self.code.op_index(op::TABLE_GET, 0);
            }
            _ => self.leaf(letter),
        }
    }

    /// Leaves an index into the table on the stack, mostly one that is there.
    pub(crate) fn table_index(&mut self, depth: usize) {
        if self.random.chance(1, 2) {
            self.code
                .i32_const(self.random.below(self.plan.table_len) as i32);
            return;
        }
        self.expression('i', depth.min(2));
        if !self.random.chance(1, 20) {
            // The length is a power of two.
            self.code.i32_const(self.plan.table_len as i32 - 1);
            self.code.op(op::I32_AND);
        }
    }

    /// Calls something whose only result is of this type, if there is such.
    fn call_for(&mut self, letter: char, depth: usize) -> bool {
        let results = letter.to_string();
        let callee = self.callee(|function| function.results == results);
        match callee {
            Some(callee) => {
                self.call(callee, depth, false);
                true
            }
            None => false,
        }
    }

    /// Operands and a call: direct, through the table where the callee lies in it, or by a reference of its type.
    pub(crate) fn call(&mut self, callee: usize, depth: usize, is_tail: bool) {
        let plan = self.plan;
        for parameter in plan.functions[callee].parameters.chars() {
            self.expression(parameter, depth.min(2));
        }
        self.cost += self.times * plan.costs[callee];
        let direct = if is_tail { op::RETURN_CALL } else { op::CALL };
        let indirect = if is_tail {
            op::RETURN_CALL_INDIRECT
        } else {
            op::CALL_INDIRECT
        };
        let by_reference = if is_tail {
            op::RETURN_CALL_REF
        } else {
            op::CALL_REF
        };
        match plan.table_place(callee) {
            Some(place) if self.random.chance(1, 2) => {
                if self.random.chance(7, 8) {
                    self.code.i32_const(place as i32);
                } else {
                    self.table_index(1);
                }
                self.code.op_index(indirect, callee as u32);
                self.code.0.push(0);
            }
            _ if plan.has_function_references() && self.random.chance(1, 4) => {
                self.reference(callee);
                self.code.op_index(by_reference, callee as u32);
            }
            _ => self.code.op_index(direct, callee as u32),
        }
    }

    /// Leaves a reference to `callee` on the stack, rarely a null one.
    fn reference(&mut self, callee: usize) {
        let index = callee as u32;
        self.code.op_index(op::REF_FUNC, index);
        if self.random.chance(1, 2) {
            self.code.op_index(op::REF_NULL, index);
            self.code.i32_const(1);
            if self.random.chance(1, 20) {
                self.expression('i', 1);
                self.code.op(op::I32_AND);
            }
            self.code.0.extend([op::SELECT_TYPED, 1, op::REF_NULL_TYPE]);
            self.code.signed(callee as i64);
        }
        if self.random.chance(1, 4) {
            self.code.op(op::REF_AS_NON_NULL);
        }
    }

    /// A function that may be called here: after this one, and not too costly.
    pub(crate) fn callee(
        &mut self,
        is_wanted: impl Fn(&super::shape::Function) -> bool,
    ) -> Option<usize> {
        let plan = self.plan;
        let left = plan.cost_max.saturating_sub(self.cost);
        let known: Vec<usize> = (self.index + 1..plan.functions.len())
            .filter(|at| is_wanted(&plan.functions[*at]))
            .filter(|at| plan.costs[*at] * self.times <= left)
            .collect();
        (!known.is_empty()).then(|| self.random.pick(&known))
    }
}
