//! What a module does when mewz compiles it.

use std::sync::Arc;

use mewz::compile::{CountersError, Profile, profile};
use mewz_abi::application::{MemoryInstance, TableInstance};
use mewz_abi::symbol;
use mewz_abi::trap::TrapKind;

use crate::host::instance::{InstanceExport, LoadError};
use crate::host::map::read;
use crate::host::store::{CallError, Store};
use crate::host::types::{External, Interface};
use crate::host::value::Value;
use crate::observe::{Observer, TABLE_LEN_SEEN};
use crate::settings::Settings;
use crate::stream::Call;

/// What happens, in the words of `fuzz/src/observe.rs`; an error where the module is refused or a fault is no trap.
pub(crate) fn observe(wasm: &[u8], calls: &[Call], settings: &Settings) -> Result<String, String> {
    let interface = Interface::read(wasm)?;
    let mut options = settings.options.clone();
    if let Some(seed) = settings.profile {
        options.profile = invented_profile(wasm, seed).map(Arc::new);
    }
    let mut store = Store::with_options(settings.bases, options);
    let mut observer = Observer::default();
    let instance = match store.instantiate(wasm) {
        Ok(instance) => instance,
        Err(LoadError::Start(CallError::Trap(kind))) => {
            observer.trap(kind.name());
            return Ok(observer.text);
        }
        Err(error) => return Err(format!("{error:?}")),
    };
    let exports: Vec<InstanceExport> = interface
        .exports
        .iter()
        .map(|(name, _)| store.instances[instance].exports[name].clone())
        .collect();
    state(&mut observer, &exports);
    for (number, call) in calls.iter().enumerate() {
        observer.call(number);
        let export = &exports[call.export];
        let External::Function { results, .. } = &export.kind else {
            return Err("a call of something that is no function".to_owned());
        };
        // SAFETY: the address is that of an exported function of this type.
        match unsafe { store.call(export.address, &call.arguments, results) } {
            Ok(values) => {
                for (letter, value) in symbol::types(results).zip(values) {
                    observer.value(kind(letter), bits(value));
                }
            }
            Err(CallError::Trap(kind)) => {
                observer.trap(kind.name());
                // How deep a stack is, is nobody's contract.
                if kind == TrapKind::CallStackExhausted {
                    break;
                }
            }
            Err(CallError::Crash(fault)) => return Err(format!("call {number}: {fault:x?}")),
        }
        state(&mut observer, &exports);
    }
    Ok(observer.text)
}

/// A profile of counters that no run left behind: whatever they are, the program stays what it is.
fn invented_profile(wasm: &[u8], seed: u64) -> Option<Profile> {
    let Err(CountersError::Length { expected, .. }) = profile(wasm, &[0]) else {
        return None;
    };
    let mut state = seed;
    let counters = (0..expected / 8).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let drawn = state >> 59;
        // Indices in tables as well as counts.
        if drawn < 12 { drawn } else { 1 << drawn }
    });
    let bytes: Vec<u8> = counters.flat_map(u64::to_le_bytes).collect();
    profile(wasm, &bytes).ok()
}

/// The letter that stands for a type to the observer: functions are alike, whatever is known of their types.
fn kind(letters: &str) -> char {
    match letters.chars().next() {
        Some('P' | 'r' | 'R') => 'p',
        Some('E') => 'e',
        Some('X' | 'y' | 'Y') => 'x',
        letter => letter.expect("a type has letters"),
    }
}

fn bits(value: Value) -> u128 {
    match value {
        Value::I32(bits) | Value::F32(bits) => bits.into(),
        Value::I64(bits) | Value::F64(bits) | Value::Reference(bits) => bits.into(),
        Value::V128(bits) => bits,
    }
}

fn state(observer: &mut Observer, exports: &[InstanceExport]) {
    observer.state();
    for (at, export) in exports.iter().enumerate() {
        match &export.kind {
            External::Function { .. } | External::Tag { .. } => {}
            External::Global { value, .. } => {
                let bits = match value.as_str() {
                    // SAFETY: the address of an exported global is that of its value, of this type.
                    "i" | "f" => u128::from(unsafe { read::<u32>(export.address) }),
                    // SAFETY: as above.
                    "v" => unsafe { read::<u128>(export.address) },
                    // SAFETY: as above.
                    _ => u128::from(unsafe { read::<u64>(export.address) }),
                };
                observer.value(kind(value), bits);
            }
            External::Table { element, .. } => {
                // SAFETY: the address of an exported table is that of its instance.
                let table: TableInstance = unsafe { read(export.address) };
                observer.table(table.len);
                for at in 0..table.len.min(TABLE_LEN_SEEN) {
                    // SAFETY: the table has that many elements.
                    let bits: u64 = unsafe { read(table.elements + 8 * at) };
                    observer.value(kind(element), bits.into());
                }
            }
            External::Memory { .. } => {
                // SAFETY: the address of an exported memory is that of its instance.
                let memory: MemoryInstance = unsafe { read(export.address) };
                let start = memory.base as *const u8;
                if start.is_null() {
                    // Rust knows no slice at address 0.
                    observer.memory(at, &zero_based(memory.bytes));
                    continue;
                }
                // SAFETY: that many bytes from the base on are mapped, and nothing runs that could change them.
                let bytes = unsafe { std::slice::from_raw_parts(start, memory.bytes as usize) };
                observer.memory(at, bytes);
            }
        }
    }
}

/// A copy of the memory at address 0.
fn zero_based(len: u64) -> Vec<u8> {
    let mut bytes = vec![0u8; len as usize];
    // What the optimiser does not know to be null, it can't rule out.
    let start = std::hint::black_box(std::ptr::null::<libc::c_void>());
    // SAFETY: the source is mapped, the target was just made; the C function takes address 0 for an address.
    unsafe { libc::memmove(bytes.as_mut_ptr().cast(), start, len as usize) };
    bytes
}
