//! Every function to machine code: on all cores, largest first, each core with one context of its own.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{self, ExternalName};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{
    CompiledCode, Final, FinalizedMachReloc, FinalizedRelocTarget, MachSrcLoc,
};
use cranelift_frontend::FunctionBuilderContext;
use wasmparser::FunctionBody;

use super::debug;
use super::dwarf;
use super::entry;
use super::error::CompileError;
use super::exceptions::{self, ExceptionFunction};
use super::instantiate;
use super::layout::InstantiationStep;
use super::options::DebugLevel;
use super::pieces::{Code, CodeRelocation, Trap};
use super::signature;
use super::symbols::SymbolId;
use super::target;
use super::translate::{Context, InlinedBodies, Size, Translator, trap_kind};
use super::unwind;
use crate::relocatable::RelocationKind;

/// A function to compile.
pub(super) struct Task<'a> {
    /// Its symbol.
    pub(super) id: SymbolId,
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
    /// A function that every object with exceptions has.
    Exceptions(ExceptionFunction),
    /// All of instantiation, of which so many functions take the steps.
    Instantiate(u32),
}

impl Work<'_> {
    /// Where its body lies in the module, in bytes from the start; 0 for what has none.
    pub(super) fn wasm_offset(&self) -> u32 {
        match self {
            Work::Body(_, body) => body.range().start as u32,
            _ => 0,
        }
    }

    /// The range of its body in the module, if it has one.
    pub(super) fn body(&self) -> Option<Range<u64>> {
        match self {
            Work::Body(_, body) => Some(body.range()),
            _ => None,
        }
    }

    /// About how long it takes.
    fn weight(&self) -> usize {
        match self {
            Work::Body(_, body) => body.as_bytes().len(),
            Work::Steps(steps) => steps.len() * 16,
            Work::Shim(_) | Work::Entry(_) | Work::Instantiate(_) | Work::Exceptions(_) => 16,
        }
    }
}

/// Compiles those of `tasks` that are `chosen`; the results are in the order of the choice.
///
/// # Errors
///
/// The error of the first task that fails.
pub(super) fn compile_all(
    context: &Context<'_>,
    isa: &dyn TargetIsa,
    tasks: &[Task<'_>],
    chosen: &[usize],
) -> Result<Vec<Code>, CompileError> {
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(tasks[chosen[*index]].work.weight()));
    let frugal = target::isa(&context.options.frugal());
    let targets = Targets {
        chosen: isa,
        frugal: &*frugal,
    };
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<Code, CompileError>>>> =
        Mutex::new(chosen.iter().map(|_| None).collect());
    rayon::broadcast(|_| {
        let mut generator = Generator::new(context, targets);
        let mut done = Vec::new();
        while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, generator.compile(&tasks[chosen[*index]])));
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

/// Hands the intermediate code of each of `tasks` to `show`, as it is when it has been optimised.
///
/// # Errors
///
/// The first error, of a task or of `show`.
pub(super) fn optimize_each<'t, E: From<CompileError>>(
    context: &Context<'_>,
    isa: &dyn TargetIsa,
    tasks: impl Iterator<Item = &'t Task<'t>>,
    mut show: impl FnMut(&Task<'_>, &ir::Function, &InlinedBodies) -> Result<(), E>,
) -> Result<(), E> {
    let frugal = target::isa(&context.options.frugal());
    let targets = Targets {
        chosen: isa,
        frugal: &*frugal,
    };
    let mut generator = Generator::new(context, targets);
    for task in tasks {
        if let Work::Exceptions(ExceptionFunction::Land) = task.work {
            // It has no intermediate code.
            continue;
        }
        let (inlined, isa) = generator.begin(task)?;
        let Generator { code, control, .. } = &mut generator;
        code.optimize(isa, control)
            .map_err(|error| CompileError::Codegen {
                function: task.name.clone(),
                message: error.to_string(),
            })?;
        show(task, &code.func, &inlined)?;
    }
    Ok(())
}

/// The code generator's settings.
#[derive(Clone, Copy)]
struct Targets<'a> {
    /// Those that the caller chose.
    chosen: &'a dyn TargetIsa,
    /// Those for functions that are [large](Size::is_large): time and memory grow with their size alone.
    frugal: &'a dyn TargetIsa,
}

/// One thread's code generator.
struct Generator<'a> {
    context: &'a Context<'a>,
    targets: Targets<'a>,
    code: cranelift_codegen::Context,
    scratch: FunctionBuilderContext,
    control: ControlPlane,
}

impl<'a> Generator<'a> {
    fn new(context: &'a Context<'a>, targets: Targets<'a>) -> Self {
        Self {
            context,
            targets,
            code: cranelift_codegen::Context::new(),
            scratch: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
        }
    }

    /// Translates `task`; answers with the settings to generate its code with.
    fn begin(
        &mut self,
        task: &Task<'_>,
    ) -> Result<(InlinedBodies, &'a dyn TargetIsa), CompileError> {
        self.code.clear();
        let (inlined, size) = self.translate(&task.work).map_err(|error| {
            // It is left half-way through the function, and the next one needs it empty.
            self.scratch = FunctionBuilderContext::new();
            named(error, &task.name)
        })?;
        let isa = if size.is_large() {
            self.targets.frugal
        } else {
            self.targets.chosen
        };
        Ok((inlined, isa))
    }

    fn compile(&mut self, task: &Task<'_>) -> Result<Code, CompileError> {
        if let Work::Exceptions(ExceptionFunction::Land) = task.work {
            return Ok(exceptions::landing());
        }
        let (inlined, isa) = self.begin(task)?;
        self.code
            .compile(isa, &mut self.control)
            .map_err(|error| CompileError::Codegen {
                function: task.name.clone(),
                message: error.inner.to_string(),
            })?;
        let code = self.code.compiled_code().expect("compilation went well");
        let failed = |message: String| CompileError::Codegen {
            function: task.name.clone(),
            message,
        };
        let unwind = unwind::record(isa, code).map_err(|error| failed(error.to_string()))?;
        let body_offset = task.work.wasm_offset();
        let collected = collect(code, unwind, &self.code.func, &inlined, body_offset);
        let mut collected = collected.map_err(failed)?;
        if self.context.options.debug == DebugLevel::Full {
            collected.places = dwarf::places(isa, code);
        }
        Ok(collected)
    }

    fn translate(&mut self, work: &Work<'_>) -> Result<(InlinedBodies, Size), CompileError> {
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
            Work::Exceptions(kind) => exceptions::translate(context, function, scratch, *kind),
            Work::Instantiate(parts) => instantiate::whole(context, function, scratch, *parts),
        }
        Ok((InlinedBodies::default(), Size::default()))
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

/// Takes what is kept of a compiled function whose body is at `body_offset` of the module.
///
/// # Errors
///
/// It calls a library, which objects have none of: the translator avoids what would.
fn collect(
    code: &CompiledCode,
    unwind: Vec<u8>,
    function: &ir::Function,
    inlined: &InlinedBodies,
    body_offset: u32,
) -> Result<Code, String> {
    let buffer = &code.buffer;
    let relocations = buffer.relocs().iter();
    let relocations = relocations.map(|relocation| code_relocation(relocation, function));
    let locations = buffer.get_srclocs_sorted();
    let wasm_offset = |code_offset: u32| {
        let after = locations.partition_point(|location| location.start <= code_offset);
        let location = locations[..after].last()?;
        (code_offset < location.end && !location.loc.is_default())
            .then(|| inlined.resolve(location.loc).1.wrapping_sub(body_offset))
    };
    let traps = buffer.traps().iter().filter_map(|trap| {
        Some(Trap {
            code_offset: trap.offset,
            wasm_offset: wasm_offset(trap.offset).unwrap_or(0),
            kind: trap_kind(trap.code)?,
        })
    });
    Ok(Code {
        bytes: buffer.data().to_vec(),
        alignment: buffer.alignment,
        relocations: relocations.collect::<Result<_, _>>()?,
        traps: traps.collect(),
        handlers: exceptions::handlers(buffer),
        locations: debug::encode_rows(locations, inlined, body_offset),
        unwind,
        entry_bytes: entry_bytes(locations),
        places: Vec::new(),
    })
}

/// Bytes of code before that of the first operator: the frame is set up there, and parameters are put away.
fn entry_bytes(locations: &[MachSrcLoc<Final>]) -> u32 {
    let mut known = locations
        .iter()
        .filter(|location| !location.loc.is_default());
    known.next().map_or(0, |location| location.start)
}

fn code_relocation(
    relocation: &FinalizedMachReloc,
    function: &ir::Function,
) -> Result<CodeRelocation, String> {
    let (target, offset) = match &relocation.target {
        FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
            let name = &function.params.user_named_funcs()[*name];
            let symbol = SymbolId::from_numbers(name.namespace, name.index)
                .expect("the translator names symbols alone");
            (Some(symbol), 0)
        }
        FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)) => {
            return Err(format!("it would call the library function `{call}`"));
        }
        FinalizedRelocTarget::ExternalName(name) => {
            unreachable!("the translator names symbols alone, not {name:?}")
        }
        FinalizedRelocTarget::Func(offset) => (None, i64::from(*offset)),
    };
    Ok(CodeRelocation {
        offset: relocation.offset,
        kind: match relocation.kind {
            Reloc::Abs8 => RelocationKind::Absolute64,
            Reloc::X86PCRel4 | Reloc::X86CallPCRel4 => RelocationKind::Relative32,
            other => unreachable!("code without a procedure linkage table has no `{other}`"),
        },
        target,
        addend: relocation.addend + offset,
    })
}
