//! How much the tests try that make up their input.

/// Rounds of such a test, of which there are `usual` by default: `MEWZ_KERNEL_FUZZ=N` makes N times as many.
pub fn rounds(usual: u64) -> u64 {
    let factor = std::env::var("MEWZ_KERNEL_FUZZ").map_or(1, |factor| factor.parse().unwrap());
    usual * factor
}
