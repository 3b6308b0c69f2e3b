//! Randomness of the processor.

use core::arch::asm;

use super::cpu::time_stamp;
use super::processor::Processor;

/// Attempts for a word; Intel's guide to the generator asks for ten.
const ATTEMPTS: usize = 16;
/// Readings of the time stamp counter that go into a word.
const JITTER_READINGS: u32 = 32;

/// A word of the processor's generator, `None` where it has none or does not answer.
pub(crate) fn processor_word(processor: Processor) -> Option<u64> {
    if processor.has_seed()
        && let Some(word) = (0..ATTEMPTS).find_map(|_| seed())
    {
        return Some(word);
    }
    if processor.has_random() {
        return (0..ATTEMPTS).find_map(|_| random());
    }
    None
}

/// A word mixed from the time that reading the time takes: little randomness, but some on every machine.
pub(crate) fn jitter_word() -> u64 {
    (0..JITTER_READINGS).fold(0x9e37_79b9_7f4a_7c15, |word: u64, _| {
        (word ^ time_stamp())
            .rotate_left(7)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
    })
}

fn seed() -> Option<u64> {
    let (word, is_good): (u64, u8);
    // SAFETY: the caller asked CPUID; the instruction changes nothing else.
    unsafe {
        asm!("rdseed {}", "setc {}", out(reg) word, out(reg_byte) is_good, options(nomem, nostack));
    };
    (is_good != 0).then_some(word)
}

fn random() -> Option<u64> {
    let (word, is_good): (u64, u8);
    // SAFETY: the caller asked CPUID; the instruction changes nothing else.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) is_good, options(nomem, nostack));
    };
    (is_good != 0).then_some(word)
}
