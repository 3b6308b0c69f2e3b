//! Compares compiled code with node on generated modules: results, traps, globals, memory.

mod generate;
#[path = "../../tests/host/mod.rs"]
#[allow(dead_code, reason = "the specification suite needs more of it")]
mod host;
mod observe;
mod reference;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use mewz::compile::TargetCpu;

/// Modules that are handed to one process of node.
const BATCH: u64 = 100;

/// Where modules go that show a difference.
const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/found");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let first: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let count: u64 = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let mut different = 0;
    let mut observations = 0;
    for start in (first..first + count).step_by(BATCH as usize) {
        let seeds = start..(start + BATCH).min(first + count);
        let modules: Vec<_> = seeds
            .filter_map(|seed| Some((seed, generate::module(seed)?)))
            .collect();
        let expected = reference::observe(&modules)?;
        for ((seed, wasm), expected) in modules.iter().zip(expected) {
            for target_cpu in levels() {
                let found = observe::observe(wasm, target_cpu);
                observations += found.len();
                if let Some(difference) = reference::difference(&expected, &found) {
                    different += 1;
                    println!("seed {seed}, {target_cpu:?}: {difference}");
                    keep(*seed, wasm)?;
                }
            }
        }
    }
    println!("{observations} observations, {different} differences");
    Ok(ExitCode::from(u8::from(different > 0)))
}

/// The processor levels that this machine has.
fn levels() -> Vec<TargetCpu> {
    let mut levels = vec![TargetCpu::V1];
    if is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt") {
        levels.push(TargetCpu::V2);
    }
    let v3 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt");
    if v3 {
        levels.push(TargetCpu::V3);
    }
    levels
}

fn keep(seed: u64, wasm: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(FOUND)?;
    std::fs::write(Path::new(FOUND).join(format!("{seed}.wasm")), wasm)
}
