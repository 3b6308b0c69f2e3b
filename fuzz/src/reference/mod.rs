//! What a module does under wasmtime.

mod library;

use std::path::Path;
use std::ptr;

use crate::calls::Call;
use crate::observe::{Observer, TABLE_LEN_SEEN};
use library::{Bytes, Extern, Handle, Instance, Library, Val};

/// `WASMTIME_EXTERN_*`.
const FUNCTION: u8 = 0;
const GLOBAL: u8 = 1;
const TABLE: u8 = 2;
const MEMORY: u8 = 3;

/// `WASMTIME_*` kinds of values, and their letters in the object's contract.
const KINDS: [(u8, char); 8] = [
    (0, 'i'),
    (1, 'I'),
    (2, 'f'),
    (3, 'F'),
    (4, 'v'),
    (5, 'p'),
    (6, 'e'),
    (8, 'x'),
];

/// `WASMTIME_TRAP_CODE_*` in words of `mewz_abi::trap`.
const TRAPS: [(u8, &str); 11] = [
    (0, "call stack exhausted"),
    (1, "out of bounds memory access"),
    (2, "unaligned atomic"),
    (3, "out of bounds table access"),
    (4, "indirect call to null"),
    (5, "indirect call type mismatch"),
    (6, "integer overflow"),
    (7, "integer divide by zero"),
    (8, "invalid conversion to integer"),
    (9, "unreachable"),
    (13, "null reference"),
];

/// `WASMTIME_STRATEGY_*`: the compilers that there are.
const CRANELIFT: u8 = 1;
const WINCH: u8 = 2;

/// wasmtime, ready to compile.
pub(crate) struct Reference {
    library: Library,
    /// Its baseline compiler: quicker, and not made of the parts that mewz is made of. It does not know all proposals.
    baseline: Handle,
    cranelift: Handle,
}

impl Reference {
    pub(crate) fn new(path: &Path) -> Result<Self, String> {
        let library = Library::open(path)?;
        Ok(Self {
            baseline: engine(&library, WINCH),
            cranelift: engine(&library, CRANELIFT),
            library,
        })
    }

    /// What happens, in the words of `observe.rs`; the error where wasmtime does not take the module.
    pub(crate) fn observe(&self, wasm: &[u8], calls: &[Call]) -> Result<String, String> {
        let (engine, module) = match self.module(self.baseline, wasm) {
            Ok(module) => (self.baseline, module),
            Err(_) => (self.cranelift, self.module(self.cranelift, wasm)?),
        };
        // SAFETY: the engine lives; without data there is nothing to finalise.
        let store =
            unsafe { (self.library.wasmtime_store_new)(engine, ptr::null_mut(), ptr::null_mut()) };
        let mut run = Run {
            library: &self.library,
            // SAFETY: the store was made just now.
            context: unsafe { (self.library.wasmtime_store_context)(store) },
            observer: Observer::default(),
        };
        let outcome = run.all(module, calls);
        let text = run.observer.text;
        // SAFETY: nothing refers to them any more.
        unsafe {
            (self.library.wasmtime_store_delete)(store);
            (self.library.wasmtime_module_delete)(module);
        }
        outcome.map(|()| text).map_err(|error| self.message(error))
    }

    fn module(&self, engine: Handle, wasm: &[u8]) -> Result<Handle, String> {
        let mut module = ptr::null_mut();
        // SAFETY: the engine lives, and the bytes are there.
        let error = unsafe {
            (self.library.wasmtime_module_new)(engine, wasm.as_ptr(), wasm.len(), &mut module)
        };
        if error.is_null() {
            Ok(module)
        } else {
            Err(self.message(error))
        }
    }

    /// The words of an error, which is freed.
    fn message(&self, error: Handle) -> String {
        let mut bytes = Bytes {
            size: 0,
            data: ptr::null_mut(),
        };
        // SAFETY: the error is ours; the bytes are copied before they are freed.
        unsafe {
            (self.library.wasmtime_error_message)(error, &mut bytes);
            (self.library.wasmtime_error_delete)(error);
            let text = std::slice::from_raw_parts(bytes.data, bytes.size);
            let text = String::from_utf8_lossy(text).into_owned();
            (self.library.wasm_byte_vec_delete)(&mut bytes);
            text
        }
    }
}

/// An engine that lives as long as the process.
fn engine(library: &Library, strategy: u8) -> Handle {
    let is_cranelift = strategy == CRANELIFT;
    // SAFETY: the configuration is new and goes to the engine.
    unsafe {
        let config = (library.wasm_config_new)();
        (library.wasmtime_config_strategy_set)(config, strategy);
        // No optimisation: quicker, and what ours does wrong is less likely to be done wrong there as well.
        (library.wasmtime_config_cranelift_opt_level_set)(config, 0);
        (library.wasmtime_config_cranelift_regalloc_algorithm_set)(config, 1);
        (library.wasmtime_config_parallel_compilation_set)(config, false);
        (library.wasmtime_config_memory_init_cow_set)(config, false);
        (library.wasmtime_config_native_unwind_info_set)(config, false);
        (library.wasmtime_config_wasm_multi_memory_set)(config, true);
        (library.wasmtime_config_wasm_memory64_set)(config, true);
        (library.wasmtime_config_wasm_custom_page_sizes_set)(config, true);
        (library.wasmtime_config_wasm_wide_arithmetic_set)(config, true);
        (library.wasmtime_config_wasm_threads_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_tail_call_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_relaxed_simd_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_relaxed_simd_deterministic_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_exceptions_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_function_references_set)(config, is_cranelift);
        (library.wasmtime_config_wasm_gc_set)(config, is_cranelift);
        (library.wasm_engine_new_with_config)(config)
    }
}

/// One instance at work.
struct Run<'a> {
    library: &'a Library,
    context: Handle,
    observer: Observer,
}

impl Run<'_> {
    /// Instantiates and calls; after an exhausted stack nothing is comparable, so that is the last then.
    fn all(&mut self, module: Handle, calls: &[Call]) -> Result<(), Handle> {
        let mut instance = Instance::default();
        let mut trap = ptr::null_mut();
        // SAFETY: module and store are of one engine, and the module imports nothing.
        let error = unsafe {
            (self.library.wasmtime_instance_new)(
                self.context,
                module,
                ptr::null(),
                0,
                &mut instance,
                &mut trap,
            )
        };
        if !error.is_null() && self.take_exception() {
            self.exception(error);
            return Ok(());
        }
        if !error.is_null() {
            return Err(error);
        }
        if !trap.is_null() {
            self.trap(trap);
            return Ok(());
        }
        let exports = self.exports(&instance);
        self.state(&exports);
        for (number, call) in calls.iter().enumerate() {
            self.observer.call(number);
            if self.call(&exports[usize::from(call.export)], call)? {
                break;
            }
            self.state(&exports);
        }
        Ok(())
    }

    fn exports(&self, instance: &Instance) -> Vec<Extern> {
        let mut exports = Vec::new();
        loop {
            let mut name = ptr::null();
            let mut name_len = 0;
            let mut export = Extern::default();
            // SAFETY: the instance is one of this store.
            let is_there = unsafe {
                (self.library.wasmtime_instance_export_nth)(
                    self.context,
                    instance,
                    exports.len(),
                    &mut name,
                    &mut name_len,
                    &mut export,
                )
            };
            if !is_there {
                return exports;
            }
            exports.push(export);
        }
    }

    /// Calls and notes what comes; says whether the stack was exhausted.
    fn call(&mut self, export: &Extern, call: &Call) -> Result<bool, Handle> {
        assert_eq!(export.kind, FUNCTION, "calls are of functions");
        let arguments: Vec<Val> = call
            .arguments
            .iter()
            .map(|(letter, bits)| self.argument(*letter, *bits))
            .collect();
        let mut results = vec![Val::default(); call.results];
        let mut trap = ptr::null_mut();
        // SAFETY: the function is one of this store, with these parameters and that many results.
        let error = unsafe {
            (self.library.wasmtime_func_call)(
                self.context,
                &export.name,
                arguments.as_ptr(),
                arguments.len(),
                results.as_mut_ptr(),
                results.len(),
                &mut trap,
            )
        };
        if !error.is_null() && self.take_exception() {
            self.exception(error);
            return Ok(false);
        }
        if !error.is_null() {
            return Err(error);
        }
        if !trap.is_null() {
            return Ok(self.trap(trap));
        }
        for mut result in results {
            self.value(&mut result);
        }
        Ok(false)
    }

    fn argument(&self, letter: char, bits: u128) -> Val {
        let mut val = Val {
            kind: KINDS
                .iter()
                .find(|kind| kind.1 == letter)
                .expect("a letter")
                .0,
            bits: [bits as u64, (bits >> 64) as u64, 0],
        };
        if letter == 'e' && bits != 0 {
            // SAFETY: the context lives; the number is data that is never followed.
            let made = unsafe {
                (self.library.wasmtime_externref_new)(
                    self.context,
                    bits as u64 as Handle,
                    ptr::null_mut(),
                    &mut val.bits,
                )
            };
            assert!(made, "room for a reference");
        }
        val
    }

    /// Notes a value and lets go of it.
    fn value(&mut self, val: &mut Val) {
        let letter = KINDS
            .iter()
            .find(|kind| kind.0 == val.kind)
            .map_or('?', |kind| kind.1);
        let low = u128::from(val.bits[0]);
        let bits = match letter {
            'i' | 'f' => low & u128::from(u32::MAX),
            'I' | 'F' => low,
            'v' => u128::from(val.bits[1]) << 64 | low,
            // A store's number is not 0: that is null.
            'p' if low != 0 => u128::from(val.bits[1]),
            // SAFETY: the reference is one of this store.
            'e' if low != 0 => unsafe {
                (self.library.wasmtime_externref_data)(self.context, &val.bits) as u128
            },
            'x' => u128::from(low != 0),
            _ => 0,
        };
        self.observer.value(letter, bits);
        // SAFETY: the value is this call's own.
        unsafe { (self.library.wasmtime_val_unroot)(val) };
    }

    fn state(&mut self, exports: &[Extern]) {
        self.observer.state();
        for (at, export) in exports.iter().enumerate() {
            match export.kind {
                GLOBAL => {
                    let mut val = Val::default();
                    // SAFETY: the global is one of this store.
                    unsafe {
                        (self.library.wasmtime_global_get)(self.context, &export.name, &mut val);
                    }
                    self.value(&mut val);
                }
                TABLE => self.table(export),
                MEMORY => {
                    // SAFETY: the memory is one of this store, and nothing runs that could change it.
                    let bytes = unsafe {
                        std::slice::from_raw_parts(
                            (self.library.wasmtime_memory_data)(self.context, &export.name),
                            (self.library.wasmtime_memory_data_size)(self.context, &export.name),
                        )
                    };
                    self.observer.memory(at, bytes);
                }
                _ => {}
            }
        }
    }

    fn table(&mut self, export: &Extern) {
        // SAFETY: the table is one of this store.
        let len = unsafe { (self.library.wasmtime_table_size)(self.context, &export.name) };
        self.observer.table(len);
        for element in 0..len.min(TABLE_LEN_SEEN) {
            let mut val = Val::default();
            // SAFETY: as above.
            let is_there = unsafe {
                (self.library.wasmtime_table_get)(self.context, &export.name, element, &mut val)
            };
            assert!(is_there, "element {element} of {len}");
            self.value(&mut val);
        }
    }

    /// Notes a trap, and says whether the stack was exhausted.
    fn trap(&mut self, trap: Handle) -> bool {
        let mut code = u8::MAX;
        // SAFETY: the trap was just handed over.
        let has_code = unsafe { (self.library.wasmtime_trap_code)(trap, &mut code) };
        let known = TRAPS.iter().find(|(number, _)| has_code && *number == code);
        let name = match known {
            Some((_, name)) => (*name).to_owned(),
            None if self.take_exception() => "uncaught exception".to_owned(),
            None => self.trap_message(trap),
        };
        self.observer.trap(&name);
        // SAFETY: nothing refers to it any more.
        unsafe { (self.library.wasm_trap_delete)(trap) };
        known.is_some_and(|(code, _)| *code == 0)
    }

    /// Notes that nobody caught an exception; the error says no more.
    fn exception(&mut self, error: Handle) {
        self.observer.trap("uncaught exception");
        // SAFETY: the error was just handed over.
        unsafe { (self.library.wasmtime_error_delete)(error) };
    }

    /// Lets go of an exception that nobody caught, if that is what ended the call.
    fn take_exception(&self) -> bool {
        let mut exception = [0; 3];
        // SAFETY: the context lives; the reference goes with the store.
        unsafe { (self.library.wasmtime_context_take_exception)(self.context, &mut exception) }
    }

    fn trap_message(&self, trap: Handle) -> String {
        let mut bytes = Bytes {
            size: 0,
            data: ptr::null_mut(),
        };
        // SAFETY: the trap lives; the bytes are copied before they are freed.
        unsafe {
            (self.library.wasm_trap_message)(trap, &mut bytes);
            let text = std::slice::from_raw_parts(bytes.data, bytes.size);
            let text = String::from_utf8_lossy(text).into_owned();
            (self.library.wasm_byte_vec_delete)(&mut bytes);
            text
        }
    }
}
