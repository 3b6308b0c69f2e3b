//! What the processor can do, and switching it on.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mewz_abi::application::cpu;

use super::cpu::{control4, cpuid, msr, read_msr, set_control4, set_extended_control0, write_msr};

/// Whether XSAVE is on: interrupt stubs save more than FXSAVE does.
pub(super) static HAS_EXTENDED_STATE: AtomicBool = AtomicBool::new(false);
/// Bytes that XSAVE stores.
pub(super) static EXTENDED_STATE_BYTES: AtomicU64 = AtomicU64::new(0);

/// Bits of CR4, Intel's manual, volume 3, section 2.5.
mod control4_bit {
    pub(super) const PGE: u64 = 1 << 7;
    pub(super) const UMIP: u64 = 1 << 11;
    pub(super) const OSXSAVE: u64 = 1 << 18;
    pub(super) const SMEP: u64 = 1 << 20;
    pub(super) const SMAP: u64 = 1 << 21;
}

/// Most bytes that an interrupt stub stores on its stack; a processor that needs more gets no AVX.
const EXTENDED_STATE_BYTES_MAX: u64 = 4096;

/// Register sets, bits of XCR0.
const X87_SSE_AVX: u64 = 7;
const AVX512_STATE: u64 = 7 << 5;

/// What CPUID tells, as far as the kernel asks.
#[derive(Clone, Copy)]
pub(crate) struct Processor {
    features_ecx: u32,
    extended_ebx: u32,
    extended_ecx: u32,
    amd_ecx: u32,
    amd_edx: u32,
}

impl Processor {
    /// Asks the processor.
    pub(crate) fn detect() -> Self {
        let has_leaf_7 = cpuid(0, 0).eax >= 7;
        let leaf_7 = cpuid(7, 0);
        let amd = cpuid(0x8000_0001, 0);
        Self {
            features_ecx: cpuid(1, 0).ecx,
            extended_ebx: if has_leaf_7 { leaf_7.ebx } else { 0 },
            extended_ecx: if has_leaf_7 { leaf_7.ecx } else { 0 },
            amd_ecx: amd.ecx,
            amd_edx: amd.edx,
        }
    }

    /// Whether kernel code can be kept from reaching user pages.
    pub(crate) fn has_smap(self) -> bool {
        self.extended_ebx & 1 << 20 != 0
    }

    /// Whether a page can be kept from being executed; the boot code switches that on.
    pub(crate) fn has_no_execute(self) -> bool {
        self.amd_edx & 1 << 20 != 0
    }

    /// Whether pages of 1 GiB are there.
    pub(crate) fn has_huge_pages(self) -> bool {
        self.amd_edx & 1 << 26 != 0
    }

    /// Whether RDRAND is there.
    pub(crate) fn has_random(self) -> bool {
        self.features_ecx & 1 << 30 != 0
    }

    /// Whether RDSEED is there.
    pub(crate) fn has_seed(self) -> bool {
        self.extended_ebx & 1 << 18 != 0
    }

    /// Whether a machine monitor runs it whose local APIC timer counts nanoseconds: QEMU, by itself or with KVM.
    pub(crate) fn is_virtual(self) -> bool {
        let name = cpuid(0x4000_0000, 0);
        self.features_ecx & 1 << 31 != 0
            && ([name.ebx, name.ecx, name.edx]
                .map(u32::to_le_bytes)
                .concat_is(b"TCGTCGTCGTCG")
                || [name.ebx, name.ecx, name.edx]
                    .map(u32::to_le_bytes)
                    .concat_is(b"KVMKVMKVM\0\0\0"))
    }

    /// The features that compiled code can ask for, as bits of `mewz_abi::application::cpu`.
    pub(crate) fn features(self) -> u64 {
        let bits_1 = [
            (0, cpu::SSE3),
            (9, cpu::SSSE3),
            (12, cpu::FMA),
            (13, cpu::CX16),
            (19, cpu::SSE41),
            (20, cpu::SSE42),
            (23, cpu::POPCNT),
            (28, cpu::AVX),
        ];
        let bits_7 = [(3, cpu::BMI1), (5, cpu::AVX2), (8, cpu::BMI2)];
        let mut features = 0;
        for (bit, feature) in bits_1 {
            features |= if self.features_ecx >> bit & 1 != 0 {
                feature
            } else {
                0
            };
        }
        for (bit, feature) in bits_7 {
            features |= if self.extended_ebx >> bit & 1 != 0 {
                feature
            } else {
                0
            };
        }
        if self.amd_ecx & 1 << 5 != 0 {
            features |= cpu::LZCNT;
        }
        // F, DQ, VL: what the code generator uses of x86-64-v4.
        let foundation = 1 << 16 | 1 << 17 | 1 << 31;
        if self.extended_ebx & foundation == foundation {
            features |= cpu::AVX512;
        }
        if self.extended_state(features) == 0 {
            features &= !(cpu::AVX | cpu::AVX2 | cpu::FMA | cpu::AVX512);
        }
        features
    }

    /// The register sets to switch on for `features`, as bits of XCR0; 0 where XSAVE can't serve them.
    fn extended_state(self, features: u64) -> u64 {
        let wanted = if features & cpu::AVX512 != 0 {
            X87_SSE_AVX | AVX512_STATE
        } else {
            X87_SSE_AVX
        };
        let has_xsave = self.features_ecx & 1 << 26 != 0;
        if has_xsave && u64::from(cpuid(0xd, 0).eax) & wanted == wanted {
            wanted
        } else {
            0
        }
    }

    /// Switches on what guards the kernel: pages of the application are neither executed nor reached by mistake.
    pub(crate) fn enable_guards(self) {
        let mut control = control4() | control4_bit::PGE;
        if self.extended_ebx & 1 << 7 != 0 {
            control |= control4_bit::SMEP;
        }
        if self.has_smap() {
            control |= control4_bit::SMAP;
        }
        if self.extended_ecx & 1 << 2 != 0 {
            control |= control4_bit::UMIP;
        }
        // SAFETY: CPUID tells that each is there (global pages: on every 64-bit processor); the kernel reaches no
        // user page, and reads no descriptor table register outside ring 0.
        unsafe { set_control4(control) };
    }

    /// Switches on the registers behind `features`; returns `false` where interrupt stubs could not save them.
    pub(crate) fn enable_registers(self, features: u64) -> bool {
        if features & (cpu::AVX | cpu::AVX2 | cpu::FMA | cpu::AVX512) == 0 {
            return true;
        }
        let state = self.extended_state(features);
        if state == 0 {
            return false;
        }
        // SAFETY: CPUID tells that XSAVE is there; nothing uses it yet.
        unsafe { set_control4(control4() | control4_bit::OSXSAVE) };
        // SAFETY: CR4.OSXSAVE was just set, and `extended_state` names only what CPUID lists.
        unsafe { set_extended_control0(state) };
        let bytes = u64::from(cpuid(0xd, 0).ebx);
        if bytes > EXTENDED_STATE_BYTES_MAX {
            return false;
        }
        EXTENDED_STATE_BYTES.store(bytes.next_multiple_of(64), Ordering::Relaxed);
        HAS_EXTENDED_STATE.store(true, Ordering::Release);
        true
    }
}

/// Whether the local APIC is there and on; switches it on.
pub(crate) fn enable_local_apic() {
    const ENABLE: u64 = 1 << 11;
    const X2APIC: u64 = 1 << 10;
    // SAFETY: every 64-bit processor has the register.
    let base = unsafe { read_msr(msr::APIC_BASE) };
    assert!(
        base & X2APIC == 0,
        "the firmware left the local APIC in x2APIC mode"
    );
    // SAFETY: the address stays as it was; the interrupt flag is off.
    unsafe { write_msr(msr::APIC_BASE, base | ENABLE) };
}

/// Comparison of a vendor's name, which CPUID hands out in three words.
trait NameWords {
    /// Whether the words are these bytes.
    fn concat_is(self, name: &[u8; 12]) -> bool;
}

impl NameWords for [[u8; 4]; 3] {
    fn concat_is(self, name: &[u8; 12]) -> bool {
        self.as_flattened() == name
    }
}
