//! Generates modules from seeds, and tells what each does under wasmtime: a stream of cases on standard output.
//!
//!     mewz-fuzz LIBRARY seeds FIRST COUNT     a case for each seed
//!     mewz-fuzz LIBRARY module FILE SEED      the module in FILE, with the calls that follow from SEED
//!
//! `tests/fuzz/stream.rs` reads the stream.

mod calls;
mod observe;
mod program;
mod random;
mod reference;
mod smith;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use calls::Call;
use random::Random;
use reference::Reference;

/// What one case may take before wasmtime is thought to hang.
const CASE_SECONDS_MAX: u32 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments[..] {
        [library, "seeds", first, count] => {
            let reference = Reference::new(Path::new(library))?;
            let first: u64 = first.parse()?;
            for seed in first..first + count.parse::<u64>()? {
                // SAFETY: no handler is installed: a late alarm ends the process, which the reader notices.
                unsafe { libc::alarm(CASE_SECONDS_MAX) };
                let mut random = Random::new(seed);
                let wasm = module(&mut random).unwrap_or_default();
                tell(&mut out, seed, &wasm, &reference, &mut random)?;
            }
        }
        [library, "module", file, seed] => {
            let reference = Reference::new(Path::new(library))?;
            let seed = seed.parse()?;
            let wasm = std::fs::read(file)?;
            tell(&mut out, seed, &wasm, &reference, &mut Random::new(seed))?;
        }
        [] | [_, ..] => {
            return Err("mewz-fuzz LIBRARY (seeds FIRST COUNT | module FILE SEED)".into());
        }
    }
    Ok(())
}

/// The module of a seed; some have none.
fn module(random: &mut Random) -> Option<Vec<u8>> {
    if random.chance(1, 6) {
        smith::module(random)
    } else {
        Some(program::module(random))
    }
}

/// Writes a case: seed, module, calls, what happens; the last is empty where wasmtime refuses the module.
fn tell(
    out: &mut impl Write,
    seed: u64,
    wasm: &[u8],
    reference: &Reference,
    random: &mut Random,
) -> Result<(), Box<dyn Error>> {
    let calls = if wasm.is_empty() {
        Vec::new()
    } else {
        calls::plan(wasm, random)?
    };
    let (refused, seen) = match reference.observe(wasm, &calls) {
        _ if wasm.is_empty() => (0, String::new()),
        Ok(seen) => (0, seen),
        Err(message) => (1, message),
    };
    out.write_all(&seed.to_le_bytes())?;
    out.write_all(&(wasm.len() as u32).to_le_bytes())?;
    out.write_all(wasm)?;
    out.write_all(&(calls.len() as u32).to_le_bytes())?;
    for call in &calls {
        write_call(out, call)?;
    }
    out.write_all(&[refused])?;
    out.write_all(&(seen.len() as u32).to_le_bytes())?;
    out.write_all(seen.as_bytes())?;
    Ok(())
}

fn write_call(out: &mut impl Write, call: &Call) -> io::Result<()> {
    out.write_all(&call.export.to_le_bytes())?;
    out.write_all(&(call.arguments.len() as u16).to_le_bytes())?;
    for (letter, bits) in &call.arguments {
        out.write_all(&[*letter as u8])?;
        out.write_all(&bits.to_le_bytes())?;
    }
    Ok(())
}
