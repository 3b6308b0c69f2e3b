//! The target of code generation: its processor, its settings.

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable as _};
use mewz_abi::application::cpu;

use super::options::{OptLevel, Options, RegisterAllocator, TargetCpu};

/// An ELF target of the System V convention; nothing of Linux itself is used.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Flags of the code generator, with the bit that the descriptor has for each.
const FLAGS: [(&str, u64, TargetCpu); 15] = [
    ("has_sse3", cpu::SSE3, TargetCpu::V2),
    ("has_ssse3", cpu::SSSE3, TargetCpu::V2),
    ("has_sse41", cpu::SSE41, TargetCpu::V2),
    ("has_sse42", cpu::SSE42, TargetCpu::V2),
    ("has_popcnt", cpu::POPCNT, TargetCpu::V2),
    ("has_cmpxchg16b", cpu::CX16, TargetCpu::V2),
    ("has_avx", cpu::AVX, TargetCpu::V3),
    ("has_avx2", cpu::AVX2, TargetCpu::V3),
    ("has_fma", cpu::FMA, TargetCpu::V3),
    ("has_bmi1", cpu::BMI1, TargetCpu::V3),
    ("has_bmi2", cpu::BMI2, TargetCpu::V3),
    ("has_lzcnt", cpu::LZCNT, TargetCpu::V3),
    ("has_avx512f", cpu::AVX512, TargetCpu::V4),
    ("has_avx512dq", cpu::AVX512, TargetCpu::V4),
    ("has_avx512vl", cpu::AVX512, TargetCpu::V4),
];

/// Settings that hold for every compilation.
const SETTINGS: [(&str, &str); 8] = [
    ("is_pic", "false"),
    ("enable_probestack", "true"),
    ("probestack_strategy", "inline"),
    ("preserve_frame_pointers", "true"),
    ("unwind_info", "true"),
    ("enable_multi_ret_implicit_sret", "true"),
    ("log2_min_function_alignment", "4"),
    // A stack touches its pages in order, so that the guard page (4096 bytes) can't be jumped over: a frame larger than this
    // is probed; half a page leaves room for what calls push between two probes.
    ("probestack_size_log2", "11"),
];

/// The code generator's target for these options.
pub(super) fn isa(options: &Options) -> OwnedTargetIsa {
    let mut flags = settings::builder();
    let chosen = [
        ("opt_level", opt_level(options.opt_level)),
        ("regalloc_algorithm", algorithm(options.register_allocator)),
        (
            "enable_verifier",
            if options.verify { "true" } else { "false" },
        ),
    ];
    for (name, value) in SETTINGS.into_iter().chain(chosen) {
        flags
            .set(name, value)
            .expect("the code generator has this setting");
    }
    let mut builder = isa::lookup_by_name(TRIPLE).expect("the code generator is built for x86-64");
    for (name, _, level) in FLAGS {
        if rank(level) <= rank(options.target_cpu) {
            builder
                .enable(name)
                .expect("the code generator has this flag");
        }
    }
    builder
        .finish(settings::Flags::new(flags))
        .expect("the settings fit together")
}

fn opt_level(level: OptLevel) -> &'static str {
    match level {
        OptLevel::None => "none",
        OptLevel::Function | OptLevel::Module => "speed",
    }
}

fn algorithm(allocator: RegisterAllocator) -> &'static str {
    match allocator {
        RegisterAllocator::Backtracking => "backtracking",
        RegisterAllocator::SinglePass => "single_pass",
    }
}

/// What the descriptor says the processor must have.
pub(super) fn cpu_features(target: TargetCpu) -> u64 {
    FLAGS
        .iter()
        .filter(|(_, _, level)| rank(*level) <= rank(target))
        .fold(0, |bits, (_, bit, _)| bits | bit)
}

fn rank(level: TargetCpu) -> u8 {
    match level {
        TargetCpu::V1 => 1,
        TargetCpu::V2 => 2,
        TargetCpu::V3 => 3,
        TargetCpu::V4 => 4,
    }
}
