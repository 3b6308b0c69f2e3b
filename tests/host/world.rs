//! Instances of one test in a row, and calls of their exports with numbers.

use mewz::compile::{OptLevel, TargetCpu};

use crate::host::instance::LoadError;
use crate::host::store::{Bases, CallError, Store};
use crate::host::types::External;
use crate::host::value::Value;

/// Instances that were made one after the other; `env` is the first.
pub(crate) struct World {
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(OptLevel::Function)
    }

    /// One whose modules are compiled at this level.
    pub(crate) fn at(opt_level: OptLevel) -> Self {
        Self {
            store: Store::new(Bases::Instance, opt_level, TargetCpu::V2),
        }
    }

    pub(crate) fn instantiate(&mut self, text: &str) -> Result<usize, LoadError> {
        let wasm = wat::parse_str(text).expect("the test's module is well formed");
        self.store.instantiate(&wasm)
    }

    pub(crate) fn add(&mut self, text: &str) -> usize {
        self.instantiate(text).expect("the module is instantiated")
    }

    pub(crate) fn call(
        &self,
        instance: usize,
        name: &str,
        arguments: &[u32],
    ) -> Result<Vec<u64>, CallError> {
        let export = &self.store.instances[instance].exports[name];
        let External::Function { results, .. } = &export.kind else {
            panic!("`{name}` is a function");
        };
        let arguments: Vec<Value> = arguments.iter().map(|value| Value::I32(*value)).collect();
        // SAFETY: the function takes as many i32 as the test passes.
        let values = unsafe { self.store.call(export.address, &arguments, results) }?;
        let bits = values.into_iter().map(|value| match value {
            Value::I32(value) => u64::from(value),
            Value::I64(value) => value,
            other => panic!("{other:?} is no integer"),
        });
        Ok(bits.collect())
    }
}

/// Calls `f` of a module on its own. Every level of optimisation must agree.
pub(crate) fn run(text: &str, arguments: &[u32]) -> Result<Vec<u64>, CallError> {
    let [result, module, none] =
        [OptLevel::Function, OptLevel::Module, OptLevel::None].map(|level| {
            let mut world = World::at(level);
            let instance = world.add(text);
            world.call(instance, "f", arguments)
        });
    assert_eq!(result, module, "with the whole module in view");
    assert_eq!(result, none, "without optimisation");
    result
}
