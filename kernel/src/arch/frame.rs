//! The registers of interrupted code, where the interrupt stubs keep them.

use mewz_abi::record::REGISTER_NAMES;

/// What a stub saves, in memory order.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct InterruptFrame {
    /// R15 down to R8.
    pub(crate) r15_to_r8: [u64; 8],
    /// RBP.
    pub(crate) rbp: u64,
    /// RDI.
    pub(crate) rdi: u64,
    /// RSI.
    pub(crate) rsi: u64,
    /// RDX.
    pub(crate) rdx: u64,
    /// RCX.
    pub(crate) rcx: u64,
    /// RBX.
    pub(crate) rbx: u64,
    /// RAX.
    pub(crate) rax: u64,
    /// The vector.
    pub(crate) vector: u64,
    /// The processor's error code, 0 where it gives none.
    pub(crate) error: u64,
    /// The instruction that was interrupted or that faulted.
    pub(crate) rip: u64,
    /// Code segment.
    pub(crate) cs: u64,
    /// Flags.
    pub(crate) rflags: u64,
    /// The stack pointer.
    pub(crate) rsp: u64,
    /// Stack segment.
    pub(crate) ss: u64,
}

impl InterruptFrame {
    /// What the registers hold, by `mewz_abi::record::REGISTER_NAMES`.
    pub(crate) fn registers(&self) -> [u64; REGISTER_NAMES.len()] {
        let [r15, r14, r13, r12, r11, r10, r9, r8] = self.r15_to_r8;
        [
            self.rax,
            self.rbx,
            self.rcx,
            self.rdx,
            self.rsi,
            self.rdi,
            self.rbp,
            self.rsp,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
            self.rflags,
        ]
    }
}
