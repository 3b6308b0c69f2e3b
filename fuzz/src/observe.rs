//! What a module does under mewz: one line of JSON per call of an export, then one with its globals and memory.

use std::fmt::Write as _;

use mewz::compile::TargetCpu;
use mewz_abi::application::MemoryInstance;
use mewz_abi::trap::TrapKind;
use serde_json::{Value as Json, json};

use crate::host::instance::LoadError;
use crate::host::map::read;
use crate::host::store::{Bases, CallError, Store};
use crate::host::types::External;
use crate::host::value::Value;

/// What happened, in order. After an exhausted stack nothing is comparable, so that is the last then.
pub(crate) fn observe(wasm: &[u8], target_cpu: TargetCpu) -> Vec<Json> {
    let mut store = Store::new(Bases::Instance, target_cpu);
    let instance = match store.instantiate(wasm) {
        Ok(instance) => instance,
        Err(LoadError::Start(CallError::Trap(kind))) => return vec![json!({"trap": kind.name()})],
        Err(error) => return vec![json!({"error": format!("{error:?}")})],
    };
    let exports = &store.instances[instance].exports;
    let mut names: Vec<&String> = exports.keys().collect();
    names.sort();
    let mut seen = Vec::new();
    for name in &names {
        let export = &exports[*name];
        let External::Function {
            parameters,
            results,
        } = &export.kind
        else {
            continue;
        };
        // Vectors can't cross the border of JavaScript.
        if parameters.contains('v') || results.contains('v') {
            continue;
        }
        let arguments: Vec<Value> = (1..).zip(parameters.chars()).map(argument).collect();
        // SAFETY: the address is that of an exported function of this type.
        let outcome = unsafe { store.call(export.address, &arguments, results) };
        let (key, outcome_text) = match &outcome {
            Ok(values) => ("results", text(values)),
            Err(CallError::Trap(kind)) => ("trap", kind.name().to_owned()),
            Err(CallError::Crash(fault)) => ("error", format!("{fault:?}")),
        };
        seen.push(json!({
            "call": name, "parameters": parameters, "types": results, key: outcome_text,
        }));
        if outcome == Err(CallError::Trap(TrapKind::CallStackExhausted)) {
            return seen;
        }
    }
    let state = names.iter().filter_map(|name| {
        let export = &exports[*name];
        Some(json!([name, state(&export.kind, export.address)?]))
    });
    seen.push(json!({"state": state.collect::<Vec<_>>()}));
    seen
}

/// The argument at a place, counted from 1; `reference` makes the same.
fn argument((place, letter): (u32, char)) -> Value {
    match letter {
        'i' => Value::I32(place * 3),
        'I' => Value::I64(u64::from(place) * 5),
        'f' => Value::F32((place as f32 * 1.5).to_bits()),
        'F' => Value::F64((f64::from(place) * 2.5).to_bits()),
        _ => Value::Reference(0),
    }
}

/// Values as text; the bits of a NaN don't show.
fn text(values: &[Value]) -> String {
    let mut out = String::new();
    for value in values {
        let written = match value {
            Value::I32(value) => write!(out, "i{value} "),
            Value::I64(value) => write!(out, "I{value} "),
            Value::F32(bits) if f32::from_bits(*bits).is_nan() => write!(out, "fNaN "),
            Value::F32(bits) => write!(out, "f{bits} "),
            Value::F64(bits) if f64::from_bits(*bits).is_nan() => write!(out, "FNaN "),
            Value::F64(bits) => write!(out, "F{bits} "),
            Value::V128(bits) => write!(out, "v{bits} "),
            Value::Reference(reference) => write!(out, "r{} ", u8::from(*reference != 0)),
        };
        written.expect("a string takes all text");
    }
    out
}

/// The state of a global that JavaScript can read, or of a memory.
fn state(kind: &External, address: u64) -> Option<String> {
    match kind {
        External::Memory { .. } => {
            // SAFETY: the address of an exported memory is that of its instance.
            let memory: MemoryInstance = unsafe { read(address) };
            // SAFETY: that many bytes from the base on are mapped, and nothing runs that could change them.
            let bytes = unsafe {
                std::slice::from_raw_parts(memory.base as *const u8, memory.bytes as usize)
            };
            // FNV-1a, 32 bits.
            let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            });
            Some(format!("memory of {} bytes, {hash}", bytes.len()))
        }
        External::Global { value, .. } => {
            let bits = match value {
                'v' => return None,
                // SAFETY: the address of an exported global is that of its value, of this type.
                'i' | 'f' => u128::from(unsafe { read::<u32>(address) }),
                // SAFETY: as above.
                _ => u128::from(unsafe { read::<u64>(address) }),
            };
            Some(text(&[Value::from_bits(*value, bits)]))
        }
        _ => None,
    }
}
