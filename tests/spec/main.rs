//! The specification suite: every script of every version and proposal, run in this process against compiled code.
//!
//! `MEWZ_BLESS=1 cargo test --test spec` writes `docs/spec.md` anew. `MEWZ_SPEC=NAME` runs the scripts that contain NAME.

#[path = "../host/mod.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod host;

mod expect;
mod report;
mod script;
mod scripts;
mod suite;

use host::store::Bases;
use mewz::compile::{OptLevel, Options, RegisterAllocator, TargetCpu};
use report::Report;

#[test]
fn every_script_passes_with_memories_at_constant_addresses() {
    let reports = suite::run(Bases::Constant, &options(OptLevel::Function, TargetCpu::V2));
    check(&reports);
    if scripts::filter().is_none() {
        report::check_table(&reports);
    }
}

#[test]
fn every_script_passes_on_the_oldest_processor_with_memories_where_their_instances_say() {
    let options = options(OptLevel::Function, TargetCpu::V1);
    check(&suite::run(Bases::Instance, &options));
}

#[test]
fn every_script_passes_without_optimisation_and_with_registers_given_in_one_pass() {
    let options = Options {
        register_allocator: RegisterAllocator::SinglePass,
        ..options(OptLevel::None, TargetCpu::V2)
    };
    check(&suite::run(Bases::Constant, &options));
}

#[test]
fn scripts_pass_with_memory_at_address_zero() {
    let options = options(OptLevel::Module, TargetCpu::V2);
    check(&suite::run(Bases::Zero, &options));
}

#[test]
fn every_script_passes_optimised_as_a_whole_on_the_newest_processor_that_is_here() {
    let has_v3 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt");
    let has_v4 = has_v3
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512bitalg");
    let target_cpu = match (has_v3, has_v4) {
        (_, true) => TargetCpu::V4,
        (true, false) => TargetCpu::V3,
        _ => TargetCpu::V2,
    };
    let options = options(OptLevel::Module, target_cpu);
    check(&suite::run(Bases::Constant, &options));
}

/// With the code generator's own checks.
fn options(opt_level: OptLevel, target_cpu: TargetCpu) -> Options {
    Options {
        opt_level,
        target_cpu,
        verify: true,
        ..Options::default()
    }
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
