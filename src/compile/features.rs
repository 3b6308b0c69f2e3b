//! Which WebAssembly is taken, and what a module wants that is not.

use wasmparser::{Error, Validator, WasmFeatures};

use super::error::CompileError;

/// WebAssembly 2.0 and the proposals that are taken beside it.
pub(super) const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// Proposals that are not taken, by their names on the list of proposals; what one builds on stands before it.
const PROPOSALS: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::GC, "gc"),
    (WasmFeatures::STACK_SWITCHING, "stack-switching"),
    (WasmFeatures::COMPACT_IMPORTS, "compact-import-section"),
    (WasmFeatures::MEMORY_CONTROL, "memory-control"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom-descriptors"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything-threads",
    ),
];

/// What an error of validating `wasm` means to a caller: a proposal that is wanting, or a mistake.
pub(super) fn explain(wasm: &[u8], error: &Error) -> CompileError {
    let offset = error.offset() as usize;
    match wanted(wasm, error) {
        Some(proposal) => CompileError::Unsupported { proposal, offset },
        None => CompileError::Invalid {
            offset,
            message: error.message().to_owned(),
        },
    }
}

/// The proposal without which `wasm` fails with `error`.
fn wanted(wasm: &[u8], error: &Error) -> Option<&'static str> {
    if let Some(feature) = error.missing_wasm_feature() {
        let known = PROPOSALS.iter().find(|(flag, _)| feature.contains(*flag));
        return Some(known.map_or("of a later WebAssembly", |(_, name)| name));
    }
    // The validator holds subtypes to rules of its own even where all proposals are there.
    if error.message().contains("gc proposal must be enabled") {
        return Some("gc");
    }
    // Some of the validator's errors don't say that a proposal would mend them; then trying tells.
    let everything = PROPOSALS
        .iter()
        .fold(FEATURES, |all, (flag, _)| all | *flag);
    validate(wasm, everything).ok()?;
    let mut features = FEATURES;
    PROPOSALS.iter().find_map(|(flag, name)| {
        features |= *flag;
        let gets_further = match validate(wasm, features) {
            Ok(()) => true,
            Err(next) => next.offset() > error.offset(),
        };
        gets_further.then_some(*name)
    })
}

fn validate(wasm: &[u8], features: WasmFeatures) -> Result<(), Error> {
    let mut validator = Validator::new_with_features(features);
    validator.validate_all(wasm).map(|_| ())
}
