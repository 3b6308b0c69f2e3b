//! Modules from seeds.

use arbitrary::{Arbitrary as _, Unstructured};
use wasm_smith::{Config, Module};

/// What a module may do before it is stopped: branches and calls.
const FUEL: u32 = 100_000;

/// A module of WebAssembly 2.0 that ends, needs nothing and exports everything; some seeds make none.
pub(crate) fn module(seed: u64) -> Option<Vec<u8>> {
    let bytes = bytes(seed);
    let mut source = Unstructured::new(&bytes);
    let mut config = Config::arbitrary(&mut source).ok()?;
    limit(&mut config, seed);
    let mut module = Module::new(config, &mut source).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

/// Numbers that look random, by xorshift.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next)
        .take(4000 + (seed % 60_000) as usize)
        .collect()
}

fn limit(config: &mut Config, seed: u64) {
    config.max_imports = 0;
    config.min_funcs = 6;
    config.max_funcs = 15;
    config.max_instructions = 1000;
    config.export_everything = true;
    config.min_memories = 1;
    config.max_memories = 1;
    config.max_memory32_bytes = 1 << 20;
    config.memory_max_size_required = true;
    config.max_tables = 3;
    config.max_table_elements = 1000;
    // Most modules avoid traps, so that they get far.
    config.disallow_traps = !seed.is_multiple_of(4);
    // NaNs are not determined otherwise.
    config.canonicalize_nans = true;

    config.bulk_memory_enabled = true;
    config.reference_types_enabled = true;
    config.simd_enabled = true;
    config.multi_value_enabled = true;
    config.sign_extension_ops_enabled = true;
    config.saturating_float_to_int_enabled = true;

    config.relaxed_simd_enabled = false;
    config.exceptions_enabled = false;
    config.tail_call_enabled = false;
    config.memory64_enabled = false;
    config.gc_enabled = false;
    config.threads_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.custom_page_sizes_enabled = false;
    config.wide_arithmetic_enabled = false;
    config.custom_descriptors_enabled = false;
    config.compact_imports_enabled = false;
    // Node takes them only in later versions.
    config.extended_const_enabled = false;
}
