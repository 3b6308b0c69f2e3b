//! A program made of scripts: their modules as the compiler makes them, a driver for each script, and the list of turns.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use mewz::compile::{
    CompileError, FunctionCache, MemoryBase, OptLevel, Options, RegisterAllocator,
    compile_incremental,
};
use mewz::relocatable::Object;

use crate::merge::{Merge, Part, Turn};
use crate::plan::{Act, Module, Outcome, Plan};
use crate::step;

/// A script whose modules are compiled.
pub(crate) struct Script {
    pub(crate) plan: Plan,
    /// Those of the plan; `None` for a module that is refused because it needs a proposal that is not taken.
    objects: Vec<Option<Object>>,
}

/// Scripts in one object.
pub(crate) struct Program {
    pub(crate) object: Object,
    /// What each turn stands for.
    pub(crate) turns: Vec<Steps>,
}

/// Some steps of a script that are carried out in one turn.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    /// The script's place in the list of scripts.
    pub(crate) script: usize,
    first_line: usize,
    last_line: usize,
    pub(crate) outcome: Outcome,
}

impl Script {
    /// Compiles the modules of `plan`.
    pub(crate) fn compile(plan: Plan) -> Self {
        let mut objects: Vec<Option<Object>> = Vec::new();
        let uses_spectest = plan
            .modules
            .iter()
            .any(|module| module.imports.iter().any(|(provider, _)| *provider == 0));
        for (number, module) in plan.modules.iter().enumerate() {
            let is_there = |(provider, _): &(usize, usize)| objects[*provider].is_some();
            let is_wanted = number > 0 || uses_spectest;
            let object =
                (is_wanted && module.imports.iter().all(is_there)).then(|| compile(module));
            objects.push(object.flatten());
        }
        Self { plan, objects }
    }

    /// How many assertions can be carried out.
    pub(crate) fn assertions(&self) -> usize {
        let steps = self.plan.steps.iter();
        steps
            .filter(|step| step.is_assertion && self.has(&step.act))
            .count()
    }

    fn has(&self, act: &Act) -> bool {
        let (Act::Instantiate(module) | Act::Use(module, ..)) = act;
        self.objects[*module].is_some()
    }
}

fn compile(module: &Module) -> Option<Object> {
    let options = Options {
        memory_base: match module.is_at_zero {
            true => MemoryBase::Constant(mewz_abi::address::MEMORY_BASE),
            false => MemoryBase::Instance,
        },
        ..Options::default()
    };
    match compile_incremental(&module.wasm, &options, &mut FunctionCache::new()) {
        Ok(assembled) => Some(assembled.object),
        Err(CompileError::Unsupported { .. }) => None,
        Err(error) => panic!("a module of the suite is not compiled: {error}"),
    }
}

/// Makes a program of `scripts`; up to `steps_max` steps that must return share a turn.
pub(crate) fn program(scripts: &[Script], steps_max: usize) -> Program {
    let mut merge = Merge::default();
    let mut turns = Vec::new();
    let mut steps = Vec::new();
    for (number, script) in scripts.iter().enumerate() {
        let driver = Driver::new(number, script, steps_max);
        let parts = script.merge(&mut merge);
        let part = driver.merge(&mut merge, &parts);
        for (turn, of) in driver.turns {
            let turn = match turn {
                DriverTurn::Function(at) => Turn::Call(part.exports[at]),
                DriverTurn::Instantiate(module) => {
                    let part = parts[module]
                        .as_ref()
                        .expect("the driver knows which are there");
                    if script.plan.modules[module].is_at_zero {
                        turns.push(Turn::Memory(part.memories[0]));
                        steps.push(of.clone().for_preparation());
                    }
                    Turn::Call(part.instantiate)
                }
            };
            turns.push(turn);
            steps.push(of);
        }
    }
    Program {
        object: merge.finish(&turns),
        turns: steps,
    }
}

impl Steps {
    /// Where they stand in their script.
    pub(crate) fn lines(&self) -> String {
        let (first, last) = (self.first_line, self.last_line);
        match first == last {
            true => format!("{first}"),
            false => format!("{first} to {last}"),
        }
    }

    /// The same, for a turn that only prepares them.
    fn for_preparation(self) -> Self {
        Self {
            outcome: Outcome::Return,
            ..self
        }
    }
}

impl Script {
    fn merge(&self, merge: &mut Merge) -> Vec<Option<Part>> {
        let mut parts: Vec<Option<Part>> = Vec::new();
        for (module, object) in self.plan.modules.iter().zip(&self.objects) {
            let mut imports = HashMap::new();
            for ((name, field, kind), (provider, export)) in
                module.interface.imports.iter().zip(&module.imports)
            {
                let provider = parts[*provider].as_ref();
                let place = provider.map(|part| part.exports[*export]);
                imports.insert(kind.import_symbol(name, field), place);
            }
            let part = object.as_ref().map(|object| {
                let part = merge.add(object, |symbol| imports.get(symbol).copied().flatten());
                if module.is_at_zero {
                    merge.put_at_zero(part.memories[0]);
                }
                part
            });
            parts.push(part);
        }
        parts
    }
}

/// A module that carries out a script's steps.
struct Driver {
    wasm: Vec<u8>,
    turns: Vec<(DriverTurn, Steps)>,
}

enum DriverTurn {
    /// Calls an export of the driver.
    Function(usize),
    /// Instantiates a module of the script.
    Instantiate(usize),
}

impl Driver {
    fn new(script_number: usize, script: &Script, steps_max: usize) -> Self {
        let mut used = BTreeSet::new();
        let mut functions: Vec<String> = Vec::new();
        let mut turns: Vec<(DriverTurn, Steps)> = Vec::new();
        let mut open = 0;
        for step in script
            .plan
            .steps
            .iter()
            .filter(|step| script.has(&step.act))
        {
            let steps = Steps {
                script: script_number,
                first_line: step.line,
                last_line: step.line,
                outcome: step.outcome.clone(),
            };
            let text = match &step.act {
                Act::Instantiate(module) => {
                    open = 0;
                    turns.push((DriverTurn::Instantiate(*module), steps));
                    continue;
                }
                Act::Use(module, export, text) => {
                    used.insert((*module, *export));
                    text
                }
            };
            let returns = step.outcome == Outcome::Return;
            if open > 0 && returns {
                functions.last_mut().expect("one is open").push_str(text);
                let (_, group) = turns.last_mut().expect("one is open");
                group.last_line = step.line;
                open -= 1;
                continue;
            }
            open = if returns { steps_max - 1 } else { 0 };
            turns.push((DriverTurn::Function(functions.len()), steps));
            functions.push(text.clone());
        }
        let mut text = String::from("(module\n");
        for (module, export) in used {
            let kind = &script.plan.modules[module].interface.exports[export].1;
            text.push_str(&step::import(module, export, kind));
        }
        for (number, function) in functions.iter().enumerate() {
            let locals = step::locals(function);
            writeln!(text, "(func (export \"{number}\") {locals} {function})")
                .expect("strings take all text");
        }
        text.push(')');
        Self {
            wasm: wat::parse_str(&text).expect("the driver is well formed"),
            turns,
        }
    }

    fn merge(&self, merge: &mut Merge, parts: &[Option<Part>]) -> Part {
        // Little code runs once: nothing is gained by making it better.
        let options = Options {
            opt_level: OptLevel::None,
            register_allocator: RegisterAllocator::SinglePass,
            ..Options::default()
        };
        let assembled = compile_incremental(&self.wasm, &options, &mut FunctionCache::new());
        let object = assembled.expect("the driver is compiled").object;
        merge.add(&object, |symbol| {
            let (module, rest) = symbol.split_once('$')?;
            let (export, _) = rest.split_once('$')?;
            let part = parts.get(module.parse::<usize>().ok()?)?.as_ref()?;
            Some(part.exports[export.parse::<usize>().ok()?])
        })
    }
}
