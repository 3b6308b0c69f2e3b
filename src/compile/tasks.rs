//! From a validated module to an object: what is to be compiled, and the order of the steps.

use cranelift_module::{FuncId, Linkage, Module as _};
use cranelift_object::{ObjectBuilder, ObjectModule};

use super::codegen::{self, Task, Work};
use super::error::CompileError;
use super::instantiate::STEPS_PER_FUNCTION;
use super::layout::{self, Layout};
use super::module::{Item, Module};
use super::names;
use super::object::{self, Parts};
use super::options::{OptLevel, Options};
use super::signature;
use super::target;
use super::translate::Context;
use super::whole::Inlining;

/// Compiles a module to the bytes of an object.
///
/// # Errors
///
/// As [`super::compile`].
pub(super) fn run(module: &Module<'_>, options: &Options) -> Result<Vec<u8>, CompileError> {
    let isa = target::isa(options);
    let library_name = cranelift_module::default_libcall_names();
    let builder = ObjectBuilder::new(isa.clone(), "module", library_name)
        .expect("the target has an object format");
    let mut object = ObjectModule::new(builder);
    let inlining = (options.opt_level == OptLevel::Module).then(|| Inlining::decide(module));
    let inlining = inlining.as_ref();
    let layout = layout::lay_out(module, options, inlining, &mut object)?;
    let mut tasks = bodies(module, &layout);
    tasks.extend(entries(module, &mut object));
    let instantiate = instantiation(&layout, &mut object, &mut tasks);
    let context = Context {
        module,
        plan: &layout.plan,
        options,
        target: isa.frontend_config(),
        inlining,
    };
    let code = codegen::compile_all(&context, &*isa, &tasks)?;
    let parts = Parts {
        module,
        options,
        layout,
        tasks,
        code,
        instantiate,
    };
    object::write(parts, object, &*isa)
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
fn entries<'a>(module: &Module<'a>, object: &mut ObjectModule) -> Vec<Task<'a>> {
    let functions = module
        .exports
        .iter()
        .filter_map(|export| match export.item {
            Item::Function(index) => Some((export.name, index)),
            _ => None,
        });
    let tasks = functions.map(|(name, index)| {
        let name = names::export_symbol(name);
        let signature = signature::boundary(module.function_type(index));
        let id = object
            .declare_function(&name, Linkage::Export, &signature)
            .expect("validation lets each name be exported once");
        Task {
            id,
            name,
            wasm_index: None,
            work: Work::Entry(index),
        }
    });
    tasks.collect()
}

/// Functions that instantiate the module; returns the one that is all of it.
fn instantiation(layout: &Layout, object: &mut ObjectModule, tasks: &mut Vec<Task<'_>>) -> FuncId {
    let mut add = |name: &str, work| {
        let id = declare_local(object, &signature::system_v(&[], &[]));
        tasks.push(Task {
            id,
            name: name.to_owned(),
            wasm_index: None,
            work,
        });
        id
    };
    let parts = layout
        .steps
        .chunks(STEPS_PER_FUNCTION)
        .map(|steps| add("mewz_instantiate_part", Work::Steps(steps.to_vec())))
        .collect();
    add("mewz_instantiate", Work::Instantiate(parts))
}

fn declare_local(
    object: &mut ObjectModule,
    signature: &cranelift_codegen::ir::Signature,
) -> FuncId {
    object
        .declare_anonymous_function(signature)
        .expect("anonymous declarations never clash")
}
