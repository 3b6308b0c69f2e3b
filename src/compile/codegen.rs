//! Every function to machine code: on all cores, largest first, each core with one context of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cranelift_codegen::CompiledCode;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::LibCall;
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::isa::unwind::UnwindInfo;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{FuncId, ModuleReloc, ModuleRelocTarget};
use mewz_abi::trap::TrapKind;
use wasmparser::FunctionBody;

use super::debug::{self, Rows};
use super::entry;
use super::error::CompileError;
use super::instantiate;
use super::layout::InstantiationStep;
use super::signature;
use super::translate::{Context, InlinedBodies, Translator, trap_kind};

/// A function to compile.
pub(super) struct Task<'a> {
    /// Its symbol.
    pub(super) id: FuncId,
    /// Its name, for symbols and errors.
    pub(super) name: String,
    /// The module's function that it is or stands for.
    pub(super) wasm_index: Option<u32>,
    /// What it does.
    pub(super) work: Work<'a>,
}

/// What a function does.
pub(super) enum Work<'a> {
    /// A body of the module.
    Body(u32, FunctionBody<'a>),
    /// A shim for an import.
    Shim(u32),
    /// An entry for an export.
    Entry(u32),
    /// Steps of instantiation.
    Steps(Vec<InstantiationStep>),
    /// All of instantiation.
    Instantiate(Vec<FuncId>),
}

impl Work<'_> {
    /// About how long it takes.
    fn weight(&self) -> usize {
        match self {
            Work::Body(_, body) => body.as_bytes().len(),
            Work::Steps(steps) => steps.len() * 16,
            Work::Shim(_) | Work::Entry(_) | Work::Instantiate(_) => 16,
        }
    }
}

/// A compiled function.
pub(super) struct Code {
    /// The machine code.
    pub(super) bytes: Vec<u8>,
    /// Its alignment.
    pub(super) alignment: u64,
    /// What must be relocated in it.
    pub(super) relocations: Vec<ModuleReloc>,
    /// Where it traps on purpose.
    pub(super) traps: Vec<Trap>,
    /// Rows of the address map.
    pub(super) locations: Rows,
    /// How to unwind it.
    pub(super) unwind: Option<UnwindInfo>,
}

impl Code {
    /// A function of a run-time library that the code calls; objects have none, so the translator avoids what would.
    fn library_call(&self) -> Option<LibCall> {
        let mut names = self.relocations.iter().map(|relocation| &relocation.name);
        names.find_map(|name| match name {
            ModuleRelocTarget::LibCall(call) => Some(*call),
            _ => None,
        })
    }
}

/// An instruction that traps on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trap {
    /// Bytes from the function's start.
    pub(super) code_offset: u32,
    /// Bytes from the module's start.
    pub(super) wasm_offset: u32,
    /// The cause.
    pub(super) kind: TrapKind,
}

/// Compiles `tasks`; the results are in the same order.
///
/// # Errors
///
/// The error of the first task that fails.
pub(super) fn compile_all(
    context: &Context<'_>,
    isa: &dyn TargetIsa,
    tasks: &[Task<'_>],
) -> Result<Vec<Code>, CompileError> {
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(tasks[*index].work.weight()));
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<Code, CompileError>>>> =
        Mutex::new(tasks.iter().map(|_| None).collect());
    rayon::broadcast(|_| {
        let mut generator = Generator::new(context, isa);
        let mut done = Vec::new();
        while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, generator.compile(&tasks[*index])));
        }
        let mut results = results.lock().expect("no thread panics with the lock");
        for (index, result) in done {
            results[index] = Some(result);
        }
    });
    let results = results
        .into_inner()
        .expect("no thread panics with the lock");
    results
        .into_iter()
        .map(|result| result.expect("every task is taken once"))
        .collect()
}

/// One thread's code generator.
struct Generator<'a> {
    context: &'a Context<'a>,
    isa: &'a dyn TargetIsa,
    code: cranelift_codegen::Context,
    scratch: FunctionBuilderContext,
    control: ControlPlane,
}

impl<'a> Generator<'a> {
    fn new(context: &'a Context<'a>, isa: &'a dyn TargetIsa) -> Self {
        Self {
            context,
            isa,
            code: cranelift_codegen::Context::new(),
            scratch: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
        }
    }

    fn compile(&mut self, task: &Task<'_>) -> Result<Code, CompileError> {
        self.code.clear();
        let inlined = self.translate(&task.work).map_err(|error| {
            // It is left half-way through the function, and the next one needs it empty.
            self.scratch = FunctionBuilderContext::new();
            named(error, &task.name)
        })?;
        self.code
            .compile(self.isa, &mut self.control)
            .map_err(|error| CompileError::Codegen {
                function: task.name.clone(),
                message: error.inner.to_string(),
            })?;
        let code = self.code.compiled_code().expect("compilation went well");
        let unwind = code
            .create_unwind_info(self.isa)
            .map_err(|error| CompileError::Codegen {
                function: task.name.clone(),
                message: error.to_string(),
            })?;
        let code = collect(code, unwind, task.id, &self.code.func, &inlined);
        match code.library_call() {
            None => Ok(code),
            Some(call) => Err(CompileError::Codegen {
                function: task.name.clone(),
                message: format!("it would call the library function `{call}`"),
            }),
        }
    }

    fn translate(&mut self, work: &Work<'_>) -> Result<InlinedBodies, CompileError> {
        let context = self.context;
        let function = &mut self.code.func;
        let scratch = &mut self.scratch;
        match work {
            Work::Body(index, body) => {
                let ty = context.module.function_type(*index);
                function.signature = signature::internal(ty);
                return Translator::new(context, function, scratch).translate(ty, body);
            }
            Work::Shim(index) => entry::shim(context, function, scratch, *index),
            Work::Entry(index) => entry::export(context, function, scratch, *index),
            Work::Steps(steps) => instantiate::part(context, function, scratch, steps),
            Work::Instantiate(parts) => instantiate::whole(context, function, scratch, parts),
        }
        Ok(InlinedBodies::default())
    }
}

/// Puts the function's name into an error.
fn named(error: CompileError, name: &str) -> CompileError {
    match error {
        CompileError::Codegen { message, .. } => CompileError::Codegen {
            function: name.to_owned(),
            message,
        },
        other => other,
    }
}

fn collect(
    code: &CompiledCode,
    unwind: Option<UnwindInfo>,
    id: FuncId,
    function: &cranelift_codegen::ir::Function,
    inlined: &InlinedBodies,
) -> Code {
    let buffer = &code.buffer;
    let relocations = buffer.relocs().iter();
    let relocations =
        relocations.map(|relocation| ModuleReloc::from_mach_reloc(relocation, function, id));
    let locations = buffer.get_srclocs_sorted();
    let wasm_offset = |code_offset: u32| {
        let after = locations.partition_point(|location| location.start <= code_offset);
        let location = locations[..after].last()?;
        (code_offset < location.end && !location.loc.is_default())
            .then(|| inlined.resolve(location.loc).1)
    };
    let traps = buffer.traps().iter().filter_map(|trap| {
        Some(Trap {
            code_offset: trap.offset,
            wasm_offset: wasm_offset(trap.offset).unwrap_or(0),
            kind: trap_kind(trap.code)?,
        })
    });
    Code {
        bytes: buffer.data().to_vec(),
        alignment: u64::from(buffer.alignment),
        relocations: relocations.collect(),
        traps: traps.collect(),
        locations: debug::encode_rows(locations, inlined),
        unwind,
    }
}
