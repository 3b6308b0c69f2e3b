//! The specification suite, WebAssembly 2.0 with SIMD: every script, run in this process against compiled code.
//!
//! `MEWZ_BLESS=1 cargo test --test spec` writes `docs/spec.md` anew. `MEWZ_SPEC=NAME` runs the scripts that contain NAME.

#[path = "../host/mod.rs"]
mod host;

mod expect;
mod report;
mod script;
mod suite;

use host::store::Bases;
use report::Report;

#[test]
fn every_script_passes_with_memories_at_constant_addresses() {
    let reports = suite::run(Bases::Constant);
    check(&reports);
    if suite::filter().is_none() {
        report::check_table(&reports);
    }
}

#[test]
fn every_script_passes_with_memories_where_their_instances_say() {
    check(&suite::run(Bases::Instance));
}

#[test]
fn scripts_pass_with_memory_at_address_zero() {
    check(&suite::run(Bases::Zero));
}

fn check(reports: &[Report]) {
    let failures: Vec<_> = reports
        .iter()
        .flat_map(|report| &report.failures)
        .map(String::as_str)
        .collect();
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
