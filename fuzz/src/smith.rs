//! Modules by wasm-smith.

use arbitrary::{Arbitrary as _, Unstructured};
use wasm_smith::{Config, Module};

use crate::random::Random;

/// What a module may do before it is stopped: loops and calls, all its life.
const FUEL: u32 = 3000;

/// A module that ends, needs nothing and exports everything; some seeds make none.
pub(crate) fn module(random: &mut Random) -> Option<Vec<u8>> {
    let bytes_len = 500 + random.below(3000);
    let bytes: Vec<u8> = (0..bytes_len / 8)
        .flat_map(|_| random.bits().to_le_bytes())
        .collect();
    let mut source = Unstructured::new(&bytes);
    let mut config = Config::arbitrary(&mut source).ok()?;
    limit(&mut config, random);
    let mut module = Module::new(config, &mut source).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

fn limit(config: &mut Config, random: &mut Random) {
    config.max_imports = 0;
    config.min_funcs = 2;
    config.max_funcs = 8;
    config.max_types = 12;
    config.max_globals = 12;
    config.max_data_segments = 6;
    config.max_element_segments = 6;
    config.max_elements = 20;
    config.max_instructions = 20 + random.below(200);
    config.export_everything = true;
    config.min_memories = 1;
    config.max_memories = 1 + random.below(3);
    config.max_memory32_bytes = 1 << (16 + random.below(3));
    config.max_memory64_bytes = 1 << (16 + random.below(3));
    config.memory_max_size_required = true;
    config.max_tables = 3;
    config.max_table_elements = 100;
    config.table_max_size_required = true;
    config.min_uleb_size = config.min_uleb_size.clamp(1, 5);
    // Most modules avoid traps, so that they get far.
    config.disallow_traps = random.chance(3, 4);
    // NaNs are not determined otherwise.
    config.canonicalize_nans = true;

    config.sign_extension_ops_enabled = true;
    config.saturating_float_to_int_enabled = true;

    config.tail_call_enabled = random.chance(1, 2);
    config.memory64_enabled = random.chance(1, 2);
    config.custom_page_sizes_enabled = random.chance(1, 4);

    config.relaxed_simd_enabled = false;
    config.exceptions_enabled = random.chance(1, 4);
    config.gc_enabled = false;
    config.threads_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.wide_arithmetic_enabled = random.chance(1, 4);
    config.custom_descriptors_enabled = false;
    config.compact_imports_enabled = false;
}
