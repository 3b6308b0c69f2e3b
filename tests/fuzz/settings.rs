//! How a module is compiled: drawn from its seed.

use std::sync::OnceLock;

use mewz::compile::{MemoryBase, OptLevel, Options, RegisterAllocator, TargetCpu};

use crate::host::map::Reservation;
use crate::host::store::Bases;

/// What is chosen for one module.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) bases: Bases,
    pub(crate) options: Options,
    /// What a profile is invented from.
    pub(crate) profile: Option<u64>,
}

impl Settings {
    /// Those of a seed; the same on all machines of one processor level.
    pub(crate) fn of(seed: u64) -> Self {
        // Consecutive seeds differ in their lowest bits alone.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let mut draw = |bound: u64| {
            let drawn = state % bound;
            state /= bound;
            drawn as usize
        };
        let opt_levels = [OptLevel::None, OptLevel::Function, OptLevel::Module];
        let register_allocators = [
            RegisterAllocator::Backtracking,
            RegisterAllocator::Backtracking,
            RegisterAllocator::SinglePass,
        ];
        let levels = levels();
        let bases = bases();
        #[allow(clippy::needless_update, reason = "what is not drawn stays as it is")]
        Self {
            bases: bases[draw(bases.len() as u64)],
            // The whole module is looked at in every third case.
            profile: (draw(2) == 0).then_some(seed),
            options: Options {
                counts_runs: draw(8) == 0,
                // Each store says where its memories are.
                memory_base: MemoryBase::Instance,
                opt_level: opt_levels[draw(3)],
                register_allocator: register_allocators[draw(3)],
                target_cpu: levels[draw(levels.len() as u64)],
                verify: draw(8) == 0,
                ..Options::default()
            },
        }
    }
}

/// Where memories can lie in this process.
fn bases() -> &'static [Bases] {
    static BASES: OnceLock<Vec<Bases>> = OnceLock::new();
    BASES.get_or_init(|| {
        let mut bases = vec![Bases::Constant, Bases::Instance];
        // Not everybody may map address 0.
        if Reservation::at(0, 1 << 16).is_ok() {
            bases.push(Bases::Zero);
        }
        bases
    })
}

/// The processor levels that this machine has.
fn levels() -> &'static [TargetCpu] {
    static LEVELS: OnceLock<Vec<TargetCpu>> = OnceLock::new();
    LEVELS.get_or_init(|| {
        let v2 = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("popcnt");
        let v3 = v2
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt");
        let v4 = v3
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512bitalg");
        let has = [true, v2, v3, v4];
        let all = [TargetCpu::V1, TargetCpu::V2, TargetCpu::V3, TargetCpu::V4];
        let here = all.into_iter().zip(has).filter(|(_, has)| *has);
        here.map(|(level, _)| level).collect()
    })
}
