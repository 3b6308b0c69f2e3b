//! Statements: what leaves the stack as it was.

use super::body::{Body, Label, Nans};
use super::code::{op, type_byte};
use super::operators::{self, MORE, STORES};

/// The type of a block without parameters and results.
const EMPTY: u8 = 0x40;

impl Body<'_> {
    /// The whole body: statements, then the results.
    pub(crate) fn write(&mut self) {
        let depth = self.plan.shape.depth;
        while self.room > 0 && self.cost < self.plan.cost_max {
            self.statement(3);
        }
        let results = self.plan.functions[self.index].results.clone();
        if self.random.chance(1, 4)
            && let Some(callee) = self.callee(|function| function.results == results)
        {
            return self.call(callee, depth, true);
        }
        for result in results.chars() {
            self.expression(result, depth);
        }
    }

    fn statement(&mut self, nesting: usize) {
        self.spend();
        let depth = self.plan.shape.depth;
        let weights = self.plan.shape.statements;
        let total = weights.iter().sum();
        let mut drawn = self.random.below(total);
        let at = weights.iter().position(|weight| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        if self.plan.shape.exceptions && self.random.chance(1, 4) {
            return match nesting {
                0 => self.throw(depth),
                _ => self.try_statement(nesting - 1),
            };
        }
        match at.unwrap_or(0) {
            0 => self.set_local(depth),
            1 => self.set_global(depth),
            2 => self.store(depth),
            3 if nesting > 0 => self.if_statement(nesting - 1),
            4 if nesting > 0 => self.loop_statement(nesting - 1),
            5 if nesting > 0 => self.block_statement(nesting - 1),
            6 if nesting > 0 => self.switch(nesting - 1),
            7 => self.branch(depth),
            8 => self.call_statement(depth),
            9 => self.bulk(depth),
            10 => self.table_statement(depth),
            11 => self.several_results(depth),
            _ => self.set_local(depth),
        }
    }

    fn set_local(&mut self, depth: usize) {
        let letter = self.plan.letter(self.random);
        self.expression(letter, depth);
        self.take(letter);
    }

    /// Takes the value on the stack into a local, or drops it.
    fn take(&mut self, letter: char) {
        match self.local(letter, true) {
            Some(local) => self.code.op_index(op::LOCAL_SET, local),
            None => self.code.op(op::DROP),
        }
    }

    fn set_global(&mut self, depth: usize) {
        let letter = self.plan.letter(self.random);
        let Some(global) = self.plan.global(letter, true, self.random) else {
            return self.set_local(depth);
        };
        self.expression(letter, depth);
        self.code.op_index(op::GLOBAL_SET, global);
    }

    fn store(&mut self, depth: usize) {
        if self.plan.shape.atomics && self.random.chance(1, 3) {
            let letter = self.random.pick(&['i', 'I']);
            return self.atomic_access(operators::ATOMIC_STORE, 1, letter, depth);
        }
        let mut store = self.random.pick(&STORES);
        if !self.plan.shape.vectors && store.letter == 'v' {
            store = STORES[0];
        }
        let place = self.address(store.bytes_log2, depth);
        self.expression(store.letter, depth);
        if let Some(nans) = Nans::of(store.letter) {
            self.one_nan(nans);
        }
        self.access(store, place);
    }

    fn statements(&mut self, nesting: usize) {
        for _ in 0..1 + self.random.below(3) {
            if self.room > 0 {
                self.statement(nesting);
            }
        }
    }

    fn if_statement(&mut self, nesting: usize) {
        self.condition(self.plan.shape.depth);
        self.code.0.extend([op::IF, EMPTY]);
        self.inside(String::new(), |body| {
            body.statements(nesting);
            if body.random.chance(1, 2) {
                body.code.op(op::ELSE);
                body.statements(nesting);
            }
        });
    }

    fn block_statement(&mut self, nesting: usize) {
        self.code.0.extend([op::BLOCK, EMPTY]);
        self.inside(String::new(), |body| body.statements(nesting));
    }

    /// A loop that counts up or down; nothing but its end goes back to its start.
    fn loop_statement(&mut self, nesting: usize) {
        let rounds = match self.random.below(8) {
            0 => 30,
            _ => 1 + self.random.below(6),
        };
        let is_affordable = self.cost + self.times * rounds as u64 * 10 < self.plan.cost_max;
        if !self.may_loop() || !is_affordable {
            return self.block_statement(nesting);
        }
        let counter = self.counter(self.loops);
        let counts_up = self.random.chance(1, 2);
        let start = if counts_up { 0 } else { rounds as i32 };
        self.code.i32_const(start);
        self.code.op_index(op::LOCAL_SET, counter);
        self.code.0.extend([op::LOOP, EMPTY]);
        self.labels.push(Label {
            carries: String::new(),
            is_loop: true,
        });
        self.loops += 1;
        let times = self.times;
        self.times *= rounds as u64;
        self.statements(nesting);
        self.times = times;
        self.loops -= 1;
        self.code.op_index(op::LOCAL_GET, counter);
        self.code.i32_const(if counts_up { 1 } else { -1 });
        self.code.op(op::I32_ADD);
        self.code.op_index(op::LOCAL_TEE, counter);
        if counts_up {
            self.code.i32_const(rounds as i32);
            self.code.op(op::I32_LT_U);
        }
        self.code.op_index(op::BR_IF, 0);
        self.labels.pop();
        self.code.op(op::END);
    }

    /// Nested blocks with a `br_table` inside the innermost: a `switch` of C.
    fn switch(&mut self, nesting: usize) {
        let cases = 1 + self.random.below(self.plan.shape.cases_max);
        for _ in 0..=cases {
            self.code.0.extend([op::BLOCK, EMPTY]);
            self.labels.push(Label {
                carries: String::new(),
                is_loop: false,
            });
        }
        self.condition_of_switch(cases);
        let entries = match self.random.below(6) {
            0 => self.random.below(self.plan.shape.entries_max),
            1 => 0,
            _ => cases,
        };
        self.code.op_index(op::BR_TABLE, entries as u32);
        for at in 0..=entries {
            // In order, or wild.
            let label = match entries == cases {
                true => at,
                false => self.random.below(cases + 1),
            };
            self.code.unsigned(label as u64);
        }
        for case in 0..=cases {
            self.labels.pop();
            self.code.op(op::END);
            if self.room > 0 && case < 8 {
                self.statement(nesting);
            }
            if self.random.chance(1, 2) {
                self.branch_always();
            }
        }
    }

    fn condition_of_switch(&mut self, cases: usize) {
        self.expression('i', 2);
        if self.random.chance(3, 4) {
            let mask = (cases + 1).next_power_of_two() as i32 - 1;
            self.code.i32_const(mask);
            self.code.op(op::I32_AND);
        }
    }

    /// Labels outside loops' starts, innermost first, with what a branch carries.
    fn targets(&self) -> Vec<(u32, String)> {
        let labels = self.labels.iter().rev().enumerate();
        labels
            .filter(|(_, label)| !label.is_loop && label.carries != "x")
            .map(|(at, label)| (at as u32, label.carries.clone()))
            .collect()
    }

    /// A branch on a condition; whatever it carries is dropped where it is not taken.
    fn branch(&mut self, depth: usize) {
        let targets = self.targets();
        let (label, carries) = targets[self.random.below(targets.len())].clone();
        for letter in carries.chars() {
            self.expression(letter, depth.min(2));
        }
        self.condition(depth);
        self.code.op_index(op::BR_IF, label);
        for _ in carries.chars() {
            self.code.op(op::DROP);
        }
    }

    /// A branch that is taken, if it is to a block around that carries nothing; what follows is unreachable until its end.
    fn branch_always(&mut self) {
        let targets = self.targets();
        let empty: Vec<u32> = targets
            .iter()
            .filter(|(label, carries)| carries.is_empty() && *label < 3)
            .map(|(label, _)| *label)
            .collect();
        let is_function = |label: u32| label as usize + 1 == self.labels.len();
        let Some(label) = empty.first().copied().filter(|label| !is_function(*label)) else {
            return;
        };
        self.code.0.extend([op::BLOCK, EMPTY]);
        self.condition(1);
        self.code.op_index(op::BR_IF, 0);
        self.code.op_index(op::BR, label + 1);
        self.code.op(op::END);
    }

    fn call_statement(&mut self, depth: usize) {
        if self.random.chance(1, 12) {
            return self.leave(depth);
        }
        let Some(callee) = self.callee(|_| true) else {
            return self.set_local(depth);
        };
        self.call(callee, depth, false);
        let results = self.plan.functions[callee].results.clone();
        for letter in results.chars().rev() {
            self.take(letter);
        }
    }

    /// Returns, or traps, on a condition.
    fn leave(&mut self, depth: usize) {
        self.condition(depth);
        self.code.i32_const(7);
        self.code.op(op::I32_AND);
        // Rarely: seven of eight go on.
        self.code.op(0x45);
        self.code.0.extend([op::IF, EMPTY]);
        self.inside(String::new(), |body| {
            if body.random.chance(1, 8) {
                return body.code.op(op::UNREACHABLE);
            }
            let results = body.plan.functions[body.index].results.clone();
            let callee = body.callee(|function| function.results == results);
            if let Some(callee) = callee {
                return body.call(callee, 2, true);
            }
            for letter in results.chars() {
                body.expression(letter, 2);
            }
            body.code.op(op::RETURN);
        });
    }

    /// Throws on a condition.
    fn throw(&mut self, depth: usize) {
        let tag = self.random.below(self.plan.tags.len());
        self.condition(depth);
        self.code.0.extend([op::IF, EMPTY]);
        let carried = &self.plan.tags[tag];
        self.inside(String::new(), |body| {
            for letter in carried.chars() {
                body.expression(letter, 1);
            }
            body.code.op_index(op::THROW, tag as u32);
        });
    }

    /// Statements whose exceptions, or some of them, end up in a block around.
    fn try_statement(&mut self, nesting: usize) {
        match self.random.below(3) {
            0 => self.catch_one(nesting),
            1 => {
                self.code.0.extend([op::BLOCK, EMPTY]);
                self.inside(String::new(), |body| {
                    body.try_body(&[op::CATCH_ALL, 0], nesting)
                });
            }
            _ => self.catch_reference(nesting),
        }
    }

    /// Catches one kind of exception, and takes what it carries.
    fn catch_one(&mut self, nesting: usize) {
        let tag = self.random.below(self.plan.tags.len());
        let carried = &self.plan.tags[tag];
        self.code.op(op::BLOCK);
        self.code.signed(self.plan.carried_type(tag) as i64);
        self.inside(carried.clone(), |body| {
            body.try_body(&[op::CATCH, tag as u8, 0], nesting);
            for letter in carried.chars() {
                body.expression(letter, 2);
            }
        });
        for letter in carried.chars().rev() {
            self.take(letter);
        }
    }

    /// Catches everything by reference, and sometimes throws it again.
    fn catch_reference(&mut self, nesting: usize) {
        let local = self.locals.len() as u32 - 1;
        self.code.0.extend([op::BLOCK, type_byte('x')]);
        self.inside("x".to_owned(), |body| {
            let tag = body.random.below(body.plan.tags.len());
            if body.plan.tags[tag].is_empty() && body.random.chance(1, 2) {
                body.try_body(&[op::CATCH_REF, tag as u8, 0], nesting);
            } else {
                body.try_body(&[op::CATCH_ALL_REF, 0], nesting);
            }
            body.code.0.extend([op::REF_NULL, type_byte('x')]);
        });
        self.code.op_index(op::LOCAL_SET, local);
        self.code.op_index(op::LOCAL_GET, local);
        self.code.op(op::REF_IS_NULL);
        self.code.0.extend([op::IF, EMPTY]);
        self.inside(String::new(), |body| {
            body.set_local(2);
            body.code.op(op::ELSE);
            if body.random.chance(1, 3) {
                body.code.op_index(op::LOCAL_GET, local);
                body.code.op(op::THROW_REF);
            } else {
                body.statements(nesting);
            }
        });
    }

    /// A `try_table` with one clause, which goes to the innermost label.
    fn try_body(&mut self, clause: &[u8], nesting: usize) {
        self.code.0.extend([op::TRY_TABLE, EMPTY, 1]);
        self.code.0.extend(clause);
        self.inside(String::new(), |body| {
            body.statements(nesting);
            if body.random.chance(1, 2) {
                body.throw(2);
            }
        });
    }

    fn bulk(&mut self, depth: usize) {
        let memory = self.memory();
        match self.random.below(12) {
            0..=3 => {
                self.range_start(memory, depth);
                self.expression('i', 2);
                self.range_len();
                self.widen_index(memory);
                self.code.prefixed(MORE, op::MEMORY_FILL);
                self.code.unsigned(memory as u64);
            }
            4..=7 => {
                let from = self.memory();
                self.range_start(memory, depth);
                self.range_start(from, depth);
                self.range_len();
                // The length has the smaller of the index types.
                let both = [memory, from];
                if both.iter().all(|at| self.plan.memories[*at].is_64) {
                    self.widen_index(memory);
                }
                self.code.prefixed(MORE, op::MEMORY_COPY);
                self.code.unsigned(memory as u64);
                self.code.unsigned(from as u64);
            }
            8..=9 => {
                self.range_start(memory, depth);
                self.code.i32_const(self.random.below(8) as i32);
                self.code.i32_const(self.random.below(9) as i32);
                self.code.prefixed(MORE, op::MEMORY_INIT);
                self.code.unsigned(1);
                self.code.unsigned(memory as u64);
            }
            10 if self.random.chance(1, 8) => {
                self.code.prefixed(MORE, op::DATA_DROP);
                self.code.unsigned(1);
            }
            _ => {
                self.code.i32_const(self.random.below(2) as i32);
                self.widen_index(memory);
                self.code.op_index(op::MEMORY_GROW, memory as u32);
                self.narrow_index(memory);
                self.take('i');
            }
        }
    }

    /// Leaves an index into a memory on the stack from which on mostly some bytes are there.
    fn range_start(&mut self, memory: usize, depth: usize) {
        self.expression('i', depth.min(2));
        if !self.random.chance(1, 30) {
            self.code.i32_const(0x7fff);
            self.code.op(op::I32_AND);
        }
        self.widen_index(memory);
    }

    fn range_len(&mut self) {
        self.expression('i', 2);
        self.code.i32_const(0x7f);
        self.code.op(op::I32_AND);
    }

    fn table_statement(&mut self, depth: usize) {
        let drawn = self.random.below(6);
        match drawn {
            0..=2 | 4 if !self.plan.shape.references => self.set_local(depth),
            0..=2 => {
                self.table_index(depth);
                self.expression('e', 1);
                self.code.op_index(op::TABLE_SET, 1);
            }
            3 => {
                self.code
                    .i32_const(self.random.below(self.plan.table_len) as i32);
                self.code.i32_const(self.random.below(2) as i32);
                self.code.i32_const(self.random.below(3) as i32);
                self.code.prefixed(MORE, op::TABLE_INIT);
                self.code.0.extend([1, 0]);
            }
            4 => {
                self.code
                    .i32_const(self.random.below(self.plan.table_len) as i32);
                self.expression('e', 1);
                self.code.i32_const(self.random.below(3) as i32);
                self.code.prefixed(MORE, op::TABLE_FILL);
                self.code.unsigned(1);
            }
            _ => {
                self.code
                    .i32_const(self.random.below(self.plan.table_len) as i32);
                self.code
                    .i32_const(self.random.below(self.plan.table_len) as i32);
                self.code.i32_const(self.random.below(3) as i32);
                self.code.prefixed(MORE, op::TABLE_COPY);
                self.code.0.extend([0, 0]);
            }
        }
    }

    /// A block or loop with parameters and several results, of a function's type.
    fn several_results(&mut self, depth: usize) {
        let plan = self.plan;
        let at = self.random.below(plan.functions.len());
        let (parameters, results) = (&plan.functions[at].parameters, &plan.functions[at].results);
        for letter in parameters.chars() {
            self.expression(letter, depth.min(2));
        }
        self.code.op(op::BLOCK);
        self.code.signed(at as i64);
        self.inside(results.clone(), |body| {
            for letter in parameters.chars().rev() {
                body.take(letter);
            }
            for letter in results.chars() {
                body.expression(letter, depth.min(3));
            }
            if body.random.chance(1, 2) {
                body.condition(2);
                body.code.op_index(op::BR_IF, 0);
            }
        });
        for letter in results.chars().rev() {
            self.take(letter);
        }
    }
}
