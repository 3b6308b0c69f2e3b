//! What the kernel gives to `memory.copy` and `memory.fill`, at every small size, distance and alignment.

#[path = "../kernel/src/arch/memory_functions.rs"]
mod memory_functions;

/// Longer than every block that the loops work on, twice.
const BYTES: usize = 300;
/// Where a range starts, so that all alignments to 16 bytes occur.
const STARTS: std::ops::Range<usize> = 400..417;

unsafe extern "C" {
    fn mewz_memory_move(to: *mut u8, from: *const u8, bytes: u64);
    fn mewz_memory_fill(to: *mut u8, value: i32, bytes: u64);
}

/// A thousand different neighbours.
fn pattern() -> Vec<u8> {
    (0..1024u32).map(|at| (at * 31 + at / 7) as u8).collect()
}

#[test]
fn moves_are_right_at_every_overlap() {
    for from in STARTS.step_by(4) {
        for to in (from - 90..from + 90).chain([0, 700]) {
            for bytes in (0..BYTES).step_by(if bytes_matter(from, to) { 1 } else { 7 }) {
                let mut expected = pattern();
                expected.copy_within(from..from + bytes, to);
                let mut memory = pattern();
                let base = memory.as_mut_ptr();
                // SAFETY: both ranges end before 1024, the length of `memory`.
                unsafe {
                    mewz_memory_move(base.wrapping_add(to), base.wrapping_add(from), bytes as u64);
                };
                assert!(memory == expected, "{bytes} bytes from {from} to {to}");
            }
        }
    }
}

/// Near and far overlaps are tried at every size, the rest at some.
fn bytes_matter(from: usize, to: usize) -> bool {
    from == STARTS.start || from.abs_diff(to) < 3
}

#[test]
fn fills_are_right_at_every_size() {
    for to in STARTS {
        for bytes in 0..BYTES {
            for value in [0, 0x5a, 0xff, 0x1234_5678, -1] {
                let mut expected = pattern();
                expected[to..to + bytes].fill(value as u8);
                let mut memory = pattern();
                // SAFETY: the range ends before 1024, the length of `memory`.
                unsafe {
                    mewz_memory_fill(memory.as_mut_ptr().wrapping_add(to), value, bytes as u64);
                };
                assert!(memory == expected, "{bytes} bytes of {value:#x} at {to}");
            }
        }
    }
}
