//! What a module is made of before its code: types, functions, memory, tables, globals, and what its code leans to.

use crate::calls;
use crate::random::Random;

/// What the code of a module leans to.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Type letters, as often as they are wanted.
    pub(crate) letters: Vec<char>,
    pub(crate) vectors: bool,
    pub(crate) floats: bool,
    /// Whether there are external references: wasmtime's quicker compiler knows none.
    pub(crate) references: bool,
    /// Proposals that not all modules use.
    pub(crate) relaxed: bool,
    pub(crate) atomics: bool,
    pub(crate) wide: bool,
    pub(crate) exceptions: bool,
    /// Levels of expressions.
    pub(crate) depth: usize,
    pub(crate) functions_max: usize,
    pub(crate) operators_max: usize,
    pub(crate) locals_max: usize,
    /// Cases of a `br_table`, and entries of a large one.
    pub(crate) cases_max: usize,
    pub(crate) entries_max: usize,
    /// Weights of local.set, global.set, store, if, loop, block, br_table, br_if, call, bulk operators, table
    /// operators, blocks with several results.
    pub(crate) statements: [usize; 12],
}

/// A function's type; each has its own in the type section.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) parameters: String,
    pub(crate) results: String,
}

/// A global.
#[derive(Clone, Debug)]
pub(crate) struct Global {
    pub(crate) letter: char,
    pub(crate) mutable: bool,
    pub(crate) bits: u128,
}

/// A memory; its first 60 KiB are always there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) is_64: bool,
    /// Logarithm of the bytes of a page, base 2: 0 or 16.
    pub(crate) page_bytes_log2: u32,
    pub(crate) pages: u64,
    pub(crate) pages_max: Option<u64>,
}

impl Memory {
    fn new(random: &mut Random) -> Self {
        let page_bytes_log2 = if random.chance(1, 8) { 0 } else { 16 };
        let pages = match page_bytes_log2 {
            0 => 61_500 + random.below(9000) as u64,
            _ => 1 + random.below(2) as u64,
        };
        Self {
            is_64: random.chance(1, 5),
            page_bytes_log2,
            pages,
            pages_max: random.chance(1, 2).then_some(pages + 3),
        }
    }

    pub(crate) fn bytes(self) -> u64 {
        self.pages << self.page_bytes_log2
    }
}

/// A module without its code.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) functions: Vec<Function>,
    /// What a call of each function costs at most; known from the last to the first.
    pub(crate) costs: Vec<u64>,
    /// What a call may cost.
    pub(crate) cost_max: u64,
    pub(crate) globals: Vec<Global>,
    pub(crate) memories: Vec<Memory>,
    /// Type letters of what each kind of exception carries.
    pub(crate) tags: Vec<String>,
    /// A power of two.
    pub(crate) table_len: usize,
    /// The functions in the table, by their places; they call nobody through it.
    pub(crate) table: Vec<usize>,
}

impl Plan {
    pub(crate) fn new(random: &mut Random) -> Self {
        let shape = Shape::new(random);
        let mut plan = Self {
            functions: Vec::new(),
            costs: Vec::new(),
            cost_max: 3000 << random.below(4),
            globals: Vec::new(),
            memories: vec![Memory::new(random)],
            tags: Vec::new(),
            table_len: 1 << random.below(5),
            table: Vec::new(),
            shape,
        };
        while random.chance(1, 6) {
            plan.memories.push(Memory::new(random));
        }
        for _ in 0..1 + random.below(plan.shape.functions_max) {
            let parameters_max = if random.chance(1, 12) { 16 } else { 4 };
            let results_max = if random.chance(1, 6) { 5 } else { 1 };
            let parameters = random.below(parameters_max + 1);
            let results = random.below(results_max + 1);
            plan.functions.push(Function {
                parameters: (0..parameters).map(|_| plan.letter(random)).collect(),
                results: (0..results).map(|_| plan.letter(random)).collect(),
            });
        }
        while plan.shape.exceptions && (plan.tags.is_empty() || random.chance(1, 3)) {
            let carried = random.below(4);
            let letters = (0..carried).map(|_| plan.letter(random)).collect();
            plan.tags.push(letters);
        }
        plan.costs = vec![0; plan.functions.len()];
        for _ in 0..random.below(8) {
            let letter = plan.letter(random);
            plan.globals.push(Global {
                letter,
                mutable: random.chance(3, 4),
                bits: if letter == 'e' {
                    0
                } else {
                    calls::bits(letter, random)
                },
            });
        }
        // The last third of the functions lie in the table: who calls through it stands before them.
        let first = plan.functions.len() - plan.functions.len() / 3;
        plan.table = (first..plan.functions.len()).take(plan.table_len).collect();
        if !plan.has_function_references() {
            plan.table.clear();
        }
        plan
    }

    /// A type that this module leans to.
    pub(crate) fn letter(&self, random: &mut Random) -> char {
        random.pick(&self.shape.letters)
    }

    /// The type, without parameters, of a block that leaves what a tag carries; the tag's own stands before it.
    pub(crate) fn carried_type(&self, tag: usize) -> usize {
        self.functions.len() + 2 * tag + 1
    }

    /// Whether functions are referred to.
    pub(crate) fn has_function_references(&self) -> bool {
        self.shape.letters.contains(&'p')
    }

    /// A global of the type `letter`.
    pub(crate) fn global(&self, letter: char, to_write: bool, random: &mut Random) -> Option<u32> {
        let known: Vec<u32> = (0..)
            .zip(&self.globals)
            .filter(|(_, global)| global.letter == letter && (global.mutable || !to_write))
            .map(|(at, _)| at)
            .collect();
        (!known.is_empty()).then(|| random.pick(&known))
    }

    /// Where a function lies in the table.
    pub(crate) fn table_place(&self, function: usize) -> Option<usize> {
        self.table.iter().position(|at| *at == function)
    }
}

impl Shape {
    fn new(random: &mut Random) -> Self {
        let references = random.chance(1, 6);
        let letters = if references {
            "iiiiIIIfFFvvpe"
        } else {
            "iiiiIIIfFFvvp"
        };
        let usual = Shape {
            letters: letters.chars().collect(),
            references,
            relaxed: random.chance(1, 12),
            atomics: random.chance(1, 12),
            wide: random.chance(1, 8),
            exceptions: random.chance(1, 8),
            vectors: true,
            floats: true,
            depth: 2 + random.below(3),
            functions_max: 4,
            operators_max: 15 << random.below(4),
            locals_max: 6,
            cases_max: 6,
            entries_max: 20,
            statements: [8, 2, 6, 3, 3, 1, 1, 2, 3, 1, 1, 1],
        };
        // Most are small: a mistake in what one operator becomes shows at once, and more of them can be tried.
        if random.chance(2, 3) {
            // Without what makes wasmtime compile passages between its worlds, which takes it longer than the rest.
            let is_plain = random.chance(3, 4);
            return Shape {
                letters: if is_plain {
                    "iiiIIffFFvvv".chars().collect()
                } else {
                    usual.letters
                },
                statements: if is_plain {
                    [8, 2, 6, 3, 3, 1, 1, 2, 2, 0, 0, 1]
                } else {
                    usual.statements
                },
                functions_max: 2,
                operators_max: 12,
                locals_max: 3,
                depth: 3,
                ..usual
            };
        }
        match random.below(10) {
            // Integers alone.
            0 | 1 => Shape {
                letters: "iiI".chars().collect(),
                vectors: false,
                floats: false,
                ..usual
            },
            // Vectors.
            2 => Shape {
                letters: "vvvvvvifFI".chars().collect(),
                ..usual
            },
            // Floats.
            3 => Shape {
                letters: "fFfFfFiI".chars().collect(),
                vectors: false,
                ..usual
            },
            // Memory.
            4 => Shape {
                statements: [3, 1, 20, 2, 6, 1, 0, 2, 1, 4, 1, 0],
                ..usual
            },
            // Control.
            5 => Shape {
                letters: "iiiIF".chars().collect(),
                depth: 2,
                cases_max: 14,
                entries_max: 600,
                statements: [3, 1, 2, 6, 6, 4, 6, 8, 2, 0, 0, 3],
                ..usual
            },
            // Calls.
            6 | 7 => Shape {
                functions_max: 12,
                operators_max: 40,
                depth: 2,
                statements: [4, 1, 2, 2, 2, 1, 0, 1, 10, 0, 2, 1],
                ..usual
            },
            // Many locals.
            8 => Shape {
                locals_max: 80,
                operators_max: 200,
                ..usual
            },
            _ => usual,
        }
    }
}
