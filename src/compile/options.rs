//! What can be chosen about code generation; settled by the caller, the same in every later step.

use std::sync::Arc;

use super::profile::Profile;

/// Choices for one compilation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// The least processor that the code must run on.
    pub target_cpu: TargetCpu,
    /// Where linear memory 0 lies.
    pub memory_base: MemoryBase,
    /// How much time goes into better code.
    pub opt_level: OptLevel,
    /// How values get their registers.
    pub register_allocator: RegisterAllocator,
    /// Whether the code counts what runs, for a [`Profile`].
    pub counts_runs: bool,
    /// Whether an access at the first addresses of memory 0 is to trap, where the module's compiler puts nothing there.
    pub null_guard: bool,
    /// How much of the module's debug information the object has.
    pub debug: DebugLevel,
    /// What earlier runs counted; code of [`OptLevel::Module`] alone depends on it.
    pub profile: Option<Arc<Profile>>,
    /// Whether an edit of the module is expected: below [`OptLevel::Module`] the code is then made without the values of
    /// constants that a linker left room for, so that an edit which moves data leaves the code of other functions as it is.
    pub expects_edits: bool,
    /// Whether the code generator checks its own intermediate code (tests; slow).
    pub verify: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target_cpu: TargetCpu::V2,
            memory_base: MemoryBase::Constant(mewz_abi::address::MEMORY_BASE),
            opt_level: OptLevel::Function,
            register_allocator: RegisterAllocator::Backtracking,
            counts_runs: false,
            null_guard: false,
            debug: DebugLevel::None,
            profile: None,
            expects_edits: false,
            verify: false,
        }
    }
}

impl Options {
    /// The same choices, but for code generation whose time and memory grow with a function's size alone.
    pub(super) fn frugal(&self) -> Self {
        Self {
            opt_level: OptLevel::None,
            register_allocator: RegisterAllocator::SinglePass,
            ..self.clone()
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

/// How much time goes into better code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptLevel {
    /// None: code that follows the module, operator by operator.
    None,
    /// Each function is optimised by itself, so that a change in one leaves the others' code as it is.
    Function,
    /// The whole module: small functions become part of their callers.
    Module,
}

/// How much debug information an object has, where its module has some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DebugLevel {
    /// None.
    #[default]
    None,
    /// Lines of all code; of the program's own units also their functions, and the bodies that became part of these. Other
    /// functions have their symbols. The code is that of [`DebugLevel::None`].
    Lines,
    /// The functions of libraries too, with what became part of them: all that a backtrace can show. The code is that of
    /// [`DebugLevel::None`].
    Frames,
    /// Types and variables too. Locals have places that debuggers can be told, which changes the code.
    Full,
}

/// How values get their registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterAllocator {
    /// By splitting and moving ranges until they fit: the better code.
    Backtracking,
    /// In one pass over the code: takes less time, and the code is larger and slower.
    SinglePass,
}
