//! What can be chosen about code generation; settled by the caller, the same in every later step.

/// Choices for one compilation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// The least processor that the code must run on.
    pub target_cpu: TargetCpu,
    /// Where linear memory 0 lies.
    pub memory_base: MemoryBase,
    /// Whether the code generator checks its own intermediate code (tests; slow).
    pub verify: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target_cpu: TargetCpu::V2,
            memory_base: MemoryBase::Constant(mewz_abi::address::MEMORY_BASE),
            verify: false,
        }
    }
}

/// A named processor, after the levels of the x86-64 psABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetCpu {
    /// `x86-64`: SSE2.
    V1,
    /// `x86-64-v2`: SSE4.2, POPCNT.
    V2,
    /// `x86-64-v3`: AVX2, BMI, FMA, LZCNT.
    V3,
    /// `x86-64-v4`: AVX-512.
    V4,
}

/// Where linear memory 0 lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryBase {
    /// At this address, known when compiling: every access is a bare address.
    Constant(u64),
    /// Where the memory's `MemoryInstance` says; read once per function that needs it.
    Instance,
}
