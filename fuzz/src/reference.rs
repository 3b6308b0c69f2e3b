//! What modules do under node, and how that is compared.

use std::error::Error;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::observe;
use mewz::compile::TargetCpu;

/// The script that node runs.
const SCRIPT: &str = include_str!("../reference.mjs");

/// Traps that node does not tell apart: what it says, and what mewz may say.
const VAGUE: [(&str, [&str; 2]); 2] = [
    (
        "conversion",
        ["integer overflow", "invalid conversion to integer"],
    ),
    (
        "indirect call",
        ["indirect call to null", "indirect call type mismatch"],
    ),
];

/// What `modules` do under node, each as [`observe::observe`] says it.
pub(crate) fn observe(modules: &[(u64, Vec<u8>)]) -> Result<Vec<Vec<Json>>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut plan = Vec::new();
    for (seed, wasm) in modules {
        let file = folder.path().join(format!("{seed}.wasm"));
        std::fs::write(&file, wasm)?;
        // Node does not tell types of exports; mewz does.
        let calls = observe::observe(wasm, TargetCpu::V1);
        plan.push(json!({"file": file, "calls": calls}));
    }
    let (script, input) = (
        folder.path().join("reference.mjs"),
        folder.path().join("plan"),
    );
    std::fs::write(&script, SCRIPT)?;
    std::fs::write(&input, serde_json::to_vec(&plan)?)?;
    let output = Command::new("node").arg(&script).arg(&input).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The first difference between what node and mewz saw.
pub(crate) fn difference(expected: &[Json], found: &[Json]) -> Option<String> {
    for (at, found) in found.iter().enumerate() {
        let Some(expected) = expected.get(at) else {
            return Some(format!("{found} is more than node saw"));
        };
        let is_exhausted = |seen: &Json| seen["trap"] == "call stack exhausted";
        if is_exhausted(expected) || is_exhausted(found) {
            // How deep a stack is, is nobody's contract.
            return None;
        }
        if !agree(expected, found) {
            return Some(format!("{found}, but node: {expected}"));
        }
    }
    None
}

fn agree(expected: &Json, found: &Json) -> bool {
    let vague = VAGUE.iter().find(|(word, _)| expected["trap"] == *word);
    match vague {
        Some((_, words)) => words.iter().any(|word| found["trap"] == *word),
        None => expected == found,
    }
}
