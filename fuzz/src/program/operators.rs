//! Operators without side effects: opcodes, type letters, what must be done about NaNs and traps.
//!
//! Source: core specification 2.0, section 5.4, "Instructions".

use std::ops::RangeInclusive;
use std::sync::OnceLock;

/// An operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator {
    /// 0, or the prefix.
    pub(crate) prefix: u8,
    pub(crate) code: u32,
    /// Type letters, as in the object's contract.
    pub(crate) parameters: &'static str,
    pub(crate) care: Care,
}

/// What an operator needs beside its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Nothing,
    /// Divides: may trap.
    Divides,
    /// Truncates: may trap.
    Truncates,
    /// The last operand's bits show in the result, those of a NaN too.
    ShowsLast,
    /// The result is f32x4 or f64x2 whose NaNs the specification leaves open.
    OpenNans32,
    OpenNans64,
    /// The number of a lane follows, below this.
    Lane(u8),
    /// As [`Care::Lane`] and [`Care::ShowsLast`].
    LaneShowsLast(u8),
    /// An operator of relaxed SIMD.
    Relaxed,
    /// 16 numbers of lanes follow, each below 32.
    Lanes,
}

/// Prefix of saturating truncations and bulk operators.
pub(crate) const MORE: u8 = 0xfc;
/// Prefix of atomic operators.
pub(crate) const ATOMIC: u8 = 0xfe;
/// Prefix of vector operators.
pub(crate) const VECTOR: u8 = 0xfd;

/// Prefix, codes, parameters, result, care.
type Row = (u8, RangeInclusive<u32>, &'static str, &'static str, Care);

const ROWS: &[Row] = &[
    (0, 0x45..=0x45, "i", "i", Care::Nothing),
    (0, 0x46..=0x4f, "ii", "i", Care::Nothing),
    (0, 0x50..=0x50, "I", "i", Care::Nothing),
    (0, 0x51..=0x5a, "II", "i", Care::Nothing),
    (0, 0x5b..=0x60, "ff", "i", Care::Nothing),
    (0, 0x61..=0x66, "FF", "i", Care::Nothing),
    (0, 0x67..=0x69, "i", "i", Care::Nothing),
    (0, 0x6a..=0x6c, "ii", "i", Care::Nothing),
    (0, 0x6d..=0x70, "ii", "i", Care::Divides),
    (0, 0x71..=0x78, "ii", "i", Care::Nothing),
    (0, 0x79..=0x7b, "I", "I", Care::Nothing),
    (0, 0x7c..=0x7e, "II", "I", Care::Nothing),
    (0, 0x7f..=0x82, "II", "I", Care::Divides),
    (0, 0x83..=0x8a, "II", "I", Care::Nothing),
    (0, 0x8b..=0x91, "f", "f", Care::Nothing),
    (0, 0x92..=0x97, "ff", "f", Care::Nothing),
    (0, 0x98..=0x98, "ff", "f", Care::ShowsLast),
    (0, 0x99..=0x9f, "F", "F", Care::Nothing),
    (0, 0xa0..=0xa5, "FF", "F", Care::Nothing),
    (0, 0xa6..=0xa6, "FF", "F", Care::ShowsLast),
    (0, 0xa7..=0xa7, "I", "i", Care::Nothing),
    (0, 0xa8..=0xa9, "f", "i", Care::Truncates),
    (0, 0xaa..=0xab, "F", "i", Care::Truncates),
    (0, 0xac..=0xad, "i", "I", Care::Nothing),
    (0, 0xae..=0xaf, "f", "I", Care::Truncates),
    (0, 0xb0..=0xb1, "F", "I", Care::Truncates),
    (0, 0xb2..=0xb3, "i", "f", Care::Nothing),
    (0, 0xb4..=0xb5, "I", "f", Care::Nothing),
    (0, 0xb6..=0xb6, "F", "f", Care::Nothing),
    (0, 0xb7..=0xb8, "i", "F", Care::Nothing),
    (0, 0xb9..=0xba, "I", "F", Care::Nothing),
    (0, 0xbb..=0xbb, "f", "F", Care::Nothing),
    (0, 0xbc..=0xbc, "f", "i", Care::ShowsLast),
    (0, 0xbd..=0xbd, "F", "I", Care::ShowsLast),
    (0, 0xbe..=0xbe, "i", "f", Care::Nothing),
    (0, 0xbf..=0xbf, "I", "F", Care::Nothing),
    (0, 0xc0..=0xc1, "i", "i", Care::Nothing),
    (0, 0xc2..=0xc4, "I", "I", Care::Nothing),
    (MORE, 0..=1, "f", "i", Care::Nothing),
    (MORE, 2..=3, "F", "i", Care::Nothing),
    (MORE, 4..=5, "f", "I", Care::Nothing),
    (MORE, 6..=7, "F", "I", Care::Nothing),
    (VECTOR, 13..=13, "vv", "v", Care::Lanes),
    (VECTOR, 14..=14, "vv", "v", Care::Nothing),
    (VECTOR, 15..=17, "i", "v", Care::Nothing),
    (VECTOR, 18..=18, "I", "v", Care::Nothing),
    (VECTOR, 19..=19, "f", "v", Care::ShowsLast),
    (VECTOR, 20..=20, "F", "v", Care::ShowsLast),
    (VECTOR, 21..=22, "v", "i", Care::Lane(16)),
    (VECTOR, 23..=23, "vi", "v", Care::Lane(16)),
    (VECTOR, 24..=25, "v", "i", Care::Lane(8)),
    (VECTOR, 26..=26, "vi", "v", Care::Lane(8)),
    (VECTOR, 27..=27, "v", "i", Care::Lane(4)),
    (VECTOR, 28..=28, "vi", "v", Care::Lane(4)),
    (VECTOR, 29..=29, "v", "I", Care::Lane(2)),
    (VECTOR, 30..=30, "vI", "v", Care::Lane(2)),
    (VECTOR, 31..=31, "v", "f", Care::Lane(4)),
    (VECTOR, 32..=32, "vf", "v", Care::LaneShowsLast(4)),
    (VECTOR, 33..=33, "v", "F", Care::Lane(2)),
    (VECTOR, 34..=34, "vF", "v", Care::LaneShowsLast(2)),
    (VECTOR, 35..=76, "vv", "v", Care::Nothing),
    (VECTOR, 77..=77, "v", "v", Care::Nothing),
    (VECTOR, 78..=81, "vv", "v", Care::Nothing),
    (VECTOR, 82..=82, "vvv", "v", Care::Nothing),
    (VECTOR, 83..=83, "v", "i", Care::Nothing),
    (VECTOR, 94..=94, "v", "v", Care::OpenNans32),
    (VECTOR, 95..=95, "v", "v", Care::OpenNans64),
    (VECTOR, 96..=98, "v", "v", Care::Nothing),
    (VECTOR, 99..=100, "v", "i", Care::Nothing),
    (VECTOR, 101..=102, "vv", "v", Care::Nothing),
    (VECTOR, 103..=106, "v", "v", Care::OpenNans32),
    (VECTOR, 107..=109, "vi", "v", Care::Nothing),
    (VECTOR, 110..=115, "vv", "v", Care::Nothing),
    (VECTOR, 116..=117, "v", "v", Care::OpenNans64),
    (VECTOR, 118..=121, "vv", "v", Care::Nothing),
    (VECTOR, 122..=122, "v", "v", Care::OpenNans64),
    (VECTOR, 123..=123, "vv", "v", Care::Nothing),
    (VECTOR, 124..=129, "v", "v", Care::Nothing),
    (VECTOR, 130..=130, "vv", "v", Care::Nothing),
    (VECTOR, 131..=132, "v", "i", Care::Nothing),
    (VECTOR, 133..=134, "vv", "v", Care::Nothing),
    (VECTOR, 135..=138, "v", "v", Care::Nothing),
    (VECTOR, 139..=141, "vi", "v", Care::Nothing),
    (VECTOR, 142..=147, "vv", "v", Care::Nothing),
    (VECTOR, 148..=148, "v", "v", Care::OpenNans64),
    (VECTOR, 149..=153, "vv", "v", Care::Nothing),
    (VECTOR, 155..=159, "vv", "v", Care::Nothing),
    (VECTOR, 160..=161, "v", "v", Care::Nothing),
    (VECTOR, 163..=164, "v", "i", Care::Nothing),
    (VECTOR, 167..=170, "v", "v", Care::Nothing),
    (VECTOR, 171..=173, "vi", "v", Care::Nothing),
    (VECTOR, 174..=174, "vv", "v", Care::Nothing),
    (VECTOR, 177..=177, "vv", "v", Care::Nothing),
    (VECTOR, 181..=186, "vv", "v", Care::Nothing),
    (VECTOR, 188..=191, "vv", "v", Care::Nothing),
    (VECTOR, 192..=193, "v", "v", Care::Nothing),
    (VECTOR, 195..=196, "v", "i", Care::Nothing),
    (VECTOR, 199..=202, "v", "v", Care::Nothing),
    (VECTOR, 203..=205, "vi", "v", Care::Nothing),
    (VECTOR, 206..=206, "vv", "v", Care::Nothing),
    (VECTOR, 209..=209, "vv", "v", Care::Nothing),
    (VECTOR, 213..=223, "vv", "v", Care::Nothing),
    (VECTOR, 224..=225, "v", "v", Care::Nothing),
    (VECTOR, 227..=227, "v", "v", Care::OpenNans32),
    (VECTOR, 228..=233, "vv", "v", Care::OpenNans32),
    (VECTOR, 234..=235, "vv", "v", Care::Nothing),
    (VECTOR, 236..=237, "v", "v", Care::Nothing),
    (VECTOR, 239..=239, "v", "v", Care::OpenNans64),
    (VECTOR, 240..=245, "vv", "v", Care::OpenNans64),
    (VECTOR, 246..=247, "vv", "v", Care::Nothing),
    (VECTOR, 248..=255, "v", "v", Care::Nothing),
    // Relaxed: those that have one result on the way to it. wasmtime fuses the steps of multiply and add, mewz does not;
    // and the dot product of four bytes goes by way of 16 bits in mewz, as its operator of two does, in wasmtime not.
    (VECTOR, 0x100..=0x100, "vv", "v", Care::Relaxed),
    (VECTOR, 0x101..=0x104, "v", "v", Care::Relaxed),
    (VECTOR, 0x109..=0x10c, "vvv", "v", Care::Relaxed),
    (VECTOR, 0x111..=0x112, "vv", "v", Care::Relaxed),
];

/// All operators whose result is of the type `letter`.
pub(crate) fn with_result(letter: char) -> &'static [Operator] {
    static LISTS: OnceLock<[Vec<Operator>; 5]> = OnceLock::new();
    const LETTERS: [char; 5] = ['i', 'I', 'f', 'F', 'v'];
    let lists = LISTS.get_or_init(|| LETTERS.map(list));
    let at = LETTERS.iter().position(|known| *known == letter);
    at.map_or(&[], |at| &lists[at])
}

fn list(letter: char) -> Vec<Operator> {
    let rows = ROWS.iter().filter(|row| row.3.starts_with(letter));
    rows.flat_map(|(prefix, codes, parameters, _, care)| {
        codes.clone().map(|code| Operator {
            prefix: *prefix,
            code,
            parameters,
            care: *care,
        })
    })
    .collect()
}

/// A load or store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) prefix: u8,
    pub(crate) code: u32,
    /// The type that is loaded or stored.
    pub(crate) letter: char,
    /// Logarithm of the bytes that are touched, base 2: the largest alignment too.
    pub(crate) bytes_log2: u8,
    /// For an access to a lane: lanes that there are.
    pub(crate) lanes: u8,
}

const fn access(prefix: u8, code: u32, letter: char, bytes_log2: u8) -> Access {
    Access {
        prefix,
        code,
        letter,
        bytes_log2,
        lanes: 0,
    }
}

const fn lane_access(code: u32, bytes_log2: u8) -> Access {
    Access {
        prefix: VECTOR,
        code,
        letter: 'v',
        bytes_log2,
        lanes: 16 >> bytes_log2,
    }
}

pub(crate) const LOADS: [Access; 31] = [
    access(0, 0x28, 'i', 2),
    access(0, 0x29, 'I', 3),
    access(0, 0x2a, 'f', 2),
    access(0, 0x2b, 'F', 3),
    access(0, 0x2c, 'i', 0),
    access(0, 0x2d, 'i', 0),
    access(0, 0x2e, 'i', 1),
    access(0, 0x2f, 'i', 1),
    access(0, 0x30, 'I', 0),
    access(0, 0x31, 'I', 0),
    access(0, 0x32, 'I', 1),
    access(0, 0x33, 'I', 1),
    access(0, 0x34, 'I', 2),
    access(0, 0x35, 'I', 2),
    access(VECTOR, 0, 'v', 4),
    access(VECTOR, 1, 'v', 3),
    access(VECTOR, 2, 'v', 3),
    access(VECTOR, 3, 'v', 3),
    access(VECTOR, 4, 'v', 3),
    access(VECTOR, 5, 'v', 3),
    access(VECTOR, 6, 'v', 3),
    access(VECTOR, 7, 'v', 0),
    access(VECTOR, 8, 'v', 1),
    access(VECTOR, 9, 'v', 2),
    access(VECTOR, 10, 'v', 3),
    access(VECTOR, 92, 'v', 2),
    access(VECTOR, 93, 'v', 3),
    lane_access(84, 0),
    lane_access(85, 1),
    lane_access(86, 2),
    lane_access(87, 3),
];

/// Atomic operators that leave a value: their first codes, and how many operands they have beside the address.
pub(crate) const ATOMICS: [(u32, usize); 8] = [
    (0x10, 0),
    (0x1e, 1),
    (0x25, 1),
    (0x2c, 1),
    (0x33, 1),
    (0x3a, 1),
    (0x41, 1),
    (0x48, 2),
];

/// The first code of atomic stores.
pub(crate) const ATOMIC_STORE: u32 = 0x17;

/// What follows the first code of each of them: type and logarithm of the bytes.
pub(crate) const ATOMIC_FORMS: [(char, u8); 7] = [
    ('i', 2),
    ('I', 3),
    ('i', 0),
    ('i', 1),
    ('I', 0),
    ('I', 1),
    ('I', 2),
];

pub(crate) const STORES: [Access; 14] = [
    access(0, 0x36, 'i', 2),
    access(0, 0x37, 'I', 3),
    access(0, 0x38, 'f', 2),
    access(0, 0x39, 'F', 3),
    access(0, 0x3a, 'i', 0),
    access(0, 0x3b, 'i', 1),
    access(0, 0x3c, 'I', 0),
    access(0, 0x3d, 'I', 1),
    access(0, 0x3e, 'I', 2),
    access(VECTOR, 11, 'v', 4),
    lane_access(88, 0),
    lane_access(89, 1),
    lane_access(90, 2),
    lane_access(91, 3),
];
