//! The processor's debug registers. Source: Intel's manual, volume 3, section 18.2.

use core::arch::asm;

/// Bits of DR7 that are always 1.
const CONTROL_FIXED: u64 = 1 << 10;
/// DR6 when nothing has happened.
const STATUS_CLEAR: u64 = 0xffff_0ff0;
/// Bit of DR6: a single step is done.
pub(crate) const STATUS_STEP: u64 = 1 << 14;

/// Watches `addresses` as `control`, the value of DR7, says.
pub(crate) fn set(addresses: [u64; 4], control: u64) {
    let [first, second, third, fourth] = addresses;
    // SAFETY: what is watched ends in a debug exception, which is answered.
    unsafe {
        asm!(
            "mov dr7, {off}",
            "mov dr0, {first}",
            "mov dr1, {second}",
            "mov dr2, {third}",
            "mov dr3, {fourth}",
            "mov dr7, {control}",
            off = in(reg) CONTROL_FIXED,
            first = in(reg) first,
            second = in(reg) second,
            third = in(reg) third,
            fourth = in(reg) fourth,
            control = in(reg) control | CONTROL_FIXED,
            options(nostack, preserves_flags)
        );
    };
}

/// Takes what has happened, bits of DR6.
pub(crate) fn take_status() -> u64 {
    let status: u64;
    // SAFETY: DR6 only tells.
    unsafe {
        asm!(
            "mov {status}, dr6",
            "mov dr6, {clear}",
            status = out(reg) status,
            clear = in(reg) STATUS_CLEAR,
            options(nomem, nostack, preserves_flags)
        );
    };
    status
}
