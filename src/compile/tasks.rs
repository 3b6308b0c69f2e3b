//! From a validated module to an object: what is to be compiled, and the order of the steps.

use super::assemble::{self, Assembly, Parts};
use super::codegen::{self, Task, Work};
use super::dwarf::{self, ModuleInfo, Unusable};
use super::error::CompileError;
use super::exceptions::ExceptionFunction;
use super::instantiate::STEPS_PER_FUNCTION;
use super::layout::{self, Layout};
use super::module::{Item, Module};
use super::names;
use super::options::{OptLevel, Options};
use super::pieces::Piece;
use super::profile::RunCounts;
use super::symbols::{Single, SymbolId};
use super::target;
use super::translate::Context;
use super::whole::Inlining;

/// Compiles a validated module to an object, with a look at what earlier runs counted.
///
/// # Errors
///
/// As [`super::compile`].
pub(super) fn run(
    module: &Module<'_>,
    options: &Options,
    counts: Option<&RunCounts>,
) -> Result<Assembly, CompileError> {
    let isa = target::isa(options);
    let inlining =
        (options.opt_level == OptLevel::Module).then(|| Inlining::decide(module, counts));
    let inlining = inlining.as_ref();
    let layout = layout::lay_out(module, options, inlining)?;
    let tasks = tasks(module, &layout);
    let context = Context {
        module,
        plan: &layout.plan,
        options,
        target: isa.frontend_config(),
        inlining,
        counts,
    };
    let all: Vec<usize> = (0..tasks.len()).collect();
    let (code, info) = with_info(module, options, || {
        codegen::compile_all(&context, &*isa, &tasks, &all)
    });
    let code = code?;
    let parts = Parts {
        module,
        options,
        layout,
        tasks,
        pieces: code.into_iter().map(Piece::from).collect(),
    };
    assemble::assemble(parts, info, &*isa)
}

/// Generates code by `generate`, and at the same time reads the module's debug information if it is wanted.
pub(super) fn with_info<'a, T: Send>(
    module: &Module<'a>,
    options: &Options,
    generate: impl FnOnce() -> T + Send,
) -> (T, Result<Option<ModuleInfo<'a>>, Unusable>) {
    // Who takes what comes second generates code on all cores; what comes first is small beside it.
    let read = || dwarf::read(module, options.debug);
    let (info, code) = rayon::join(read, generate);
    (code, info)
}

/// Everything that is to be compiled, in the order of the code section.
pub(super) fn tasks<'a>(module: &Module<'a>, layout: &Layout) -> Vec<Task<'a>> {
    let mut tasks = bodies(module, layout);
    tasks.extend(entries(module));
    tasks.extend(instantiation(layout));
    if module.has_exceptions() {
        tasks.extend(exceptions());
    }
    tasks
}

/// The module's own functions, and shims of imports that are known by reference.
fn bodies<'a>(module: &Module<'a>, layout: &Layout) -> Vec<Task<'a>> {
    let names = names::functions(module);
    let places = layout.plan.functions.iter().zip(names).enumerate();
    let tasks = places.filter_map(|(index, (place, name))| {
        let wasm_index = index as u32;
        let work = match wasm_index.checked_sub(module.functions_imported) {
            Some(body) => Work::Body(wasm_index, module.bodies[body as usize].clone()),
            None => Work::Shim(wasm_index),
        };
        Some(Task {
            id: place.internal?,
            name,
            wasm_index: Some(wasm_index),
            work,
        })
    });
    tasks.collect()
}

/// Entries of exported functions.
fn entries<'a>(module: &Module<'a>) -> impl Iterator<Item = Task<'a>> {
    let exports = module.exports.iter().enumerate();
    exports.filter_map(|(number, export)| match export.item {
        Item::Function(index) => Some(Task {
            id: SymbolId::Entry(number as u32),
            name: names::export_symbol(export.name),
            wasm_index: None,
            work: Work::Entry(index),
        }),
        _ => None,
    })
}

/// Functions that every object with exceptions has.
fn exceptions<'a>() -> impl Iterator<Item = Task<'a>> {
    let functions = ExceptionFunction::ALL.into_iter();
    functions.map(|function| Task {
        id: function.symbol().into(),
        name: function.name().to_owned(),
        wasm_index: None,
        work: Work::Exceptions(function),
    })
}

/// Functions that instantiate the module.
fn instantiation<'a>(layout: &Layout) -> Vec<Task<'a>> {
    let task = |id, name: &str, work| Task {
        id,
        name: name.to_owned(),
        wasm_index: None,
        work,
    };
    let parts = layout.steps.chunks(STEPS_PER_FUNCTION).zip(0..);
    let mut tasks: Vec<_> = parts
        .map(|(steps, part)| {
            let work = Work::Steps(steps.to_vec());
            task(
                SymbolId::InstantiatePart(part),
                "mewz_instantiate_part",
                work,
            )
        })
        .collect();
    let work = Work::Instantiate(tasks.len() as u32);
    tasks.push(task(Single::Instantiate.into(), "mewz_instantiate", work));
    tasks
}
