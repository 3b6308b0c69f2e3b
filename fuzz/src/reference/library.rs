//! The functions of wasmtime's C interface, from the library of the Python package.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;

/// Something of wasmtime's, known by its address.
pub(crate) type Handle = *mut c_void;

/// `wasmtime_val_t`: a kind, and bits of up to 24 bytes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Val {
    pub(crate) kind: u8,
    pub(crate) bits: [u64; 3],
}

/// `wasmtime_extern_t`: a kind, and what names the thing within its store.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Extern {
    pub(crate) kind: u8,
    pub(crate) name: [u64; 3],
}

/// `wasmtime_instance_t`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Instance {
    name: [u64; 2],
}

/// `wasm_byte_vec_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Bytes {
    pub(crate) size: usize,
    pub(crate) data: *mut u8,
}

#[allow(dead_code)]
macro_rules! library {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Addresses of functions, named as in `wasm.h` and `wasmtime.h`.
        pub(crate) struct Library {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            /// Loads the library at `path`, for as long as the process lives.
            pub(crate) fn open(path: &Path) -> Result<Self, String> {
                let library = load(path)?;
                Ok(Self {
                    $($name: {
                        let address = find(library, concat!(stringify!($name), "\0"))?;
                        // SAFETY: the function of this name has this type in the version that scripts/test-tools installs.
                        unsafe { std::mem::transmute::<Handle, unsafe extern "C" fn($($argument),*) $(-> $result)?>(address) }
                    },)*
                })
            }
        }
    };
}

library! {
    wasm_config_new() -> Handle;
    wasmtime_config_strategy_set(Handle, u8);
    wasmtime_config_cranelift_opt_level_set(Handle, u8);
    wasmtime_config_cranelift_regalloc_algorithm_set(Handle, u8);
    wasmtime_config_parallel_compilation_set(Handle, bool);
    wasmtime_config_memory_init_cow_set(Handle, bool);
    wasmtime_config_native_unwind_info_set(Handle, bool);
    wasmtime_config_wasm_multi_memory_set(Handle, bool);
    wasmtime_config_wasm_memory64_set(Handle, bool);
    wasmtime_config_wasm_threads_set(Handle, bool);
    wasmtime_config_wasm_tail_call_set(Handle, bool);
    wasmtime_config_wasm_relaxed_simd_set(Handle, bool);
    wasmtime_config_wasm_relaxed_simd_deterministic_set(Handle, bool);
    wasmtime_config_wasm_exceptions_set(Handle, bool);
    wasmtime_config_wasm_function_references_set(Handle, bool);
    wasmtime_config_wasm_gc_set(Handle, bool);
    wasmtime_config_wasm_wide_arithmetic_set(Handle, bool);
    wasmtime_config_wasm_custom_page_sizes_set(Handle, bool);
    wasm_engine_new_with_config(Handle) -> Handle;
    wasmtime_store_new(Handle, Handle, Handle) -> Handle;
    wasmtime_store_delete(Handle);
    wasmtime_store_context(Handle) -> Handle;
    wasmtime_module_new(Handle, *const u8, usize, *mut Handle) -> Handle;
    wasmtime_module_delete(Handle);
    wasmtime_instance_new(Handle, Handle, *const Extern, usize, *mut Instance, *mut Handle) -> Handle;
    wasmtime_instance_export_nth(Handle, *const Instance, usize, *mut *const c_char, *mut usize, *mut Extern) -> bool;
    wasmtime_func_call(Handle, *const [u64; 3], *const Val, usize, *mut Val, usize, *mut Handle) -> Handle;
    wasmtime_global_get(Handle, *const [u64; 3], *mut Val);
    wasmtime_table_get(Handle, *const [u64; 3], u64, *mut Val) -> bool;
    wasmtime_table_size(Handle, *const [u64; 3]) -> u64;
    wasmtime_memory_data(Handle, *const [u64; 3]) -> *const u8;
    wasmtime_memory_data_size(Handle, *const [u64; 3]) -> usize;
    wasmtime_context_take_exception(Handle, *mut [u64; 3]) -> bool;
    wasmtime_externref_new(Handle, Handle, Handle, *mut [u64; 3]) -> bool;
    wasmtime_externref_data(Handle, *const [u64; 3]) -> Handle;
    wasmtime_val_unroot(*mut Val);
    wasmtime_trap_code(Handle, *mut u8) -> bool;
    wasm_trap_message(Handle, *mut Bytes);
    wasm_trap_delete(Handle);
    wasmtime_error_message(Handle, *mut Bytes);
    wasmtime_error_delete(Handle);
    wasm_byte_vec_delete(*mut Bytes);
}

fn load(path: &Path) -> Result<Handle, String> {
    let path =
        CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the path ends with a zero; what the library does when it is loaded is its affair.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        Err(reason())
    } else {
        Ok(library)
    }
}

fn find(library: Handle, name: &str) -> Result<Handle, String> {
    // SAFETY: the library is open, and the name ends with a zero.
    let address = unsafe { libc::dlsym(library, name.as_ptr().cast()) };
    if address.is_null() {
        Err(reason())
    } else {
        Ok(address)
    }
}

/// Why the last call of the loader failed.
fn reason() -> String {
    // SAFETY: no other thread uses the loader.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "the loader does not say why".to_owned();
    }
    // SAFETY: a text of the loader ends with a zero, and lives until it is called again.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
