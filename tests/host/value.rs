//! Values as they travel between a test and compiled code.

/// A value, by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
    /// A function reference or an external one; 0 is null.
    Reference(u64),
}

impl Value {
    /// The value of type `letter` (see `mewz_abi::symbol`) whose bits are the lowest of `bits`.
    pub(crate) fn from_bits(letter: char, bits: u128) -> Self {
        match letter {
            'i' => Value::I32(bits as u32),
            'I' => Value::I64(bits as u64),
            'f' => Value::F32(bits as u32),
            'F' => Value::F64(bits as u64),
            'v' => Value::V128(bits),
            'p' | 'e' => Value::Reference(bits as u64),
            _ => panic!("no type has the letter `{letter}`"),
        }
    }

    pub(crate) fn letter_matches(self, letter: char) -> bool {
        match self {
            Value::I32(_) => letter == 'i',
            Value::I64(_) => letter == 'I',
            Value::F32(_) => letter == 'f',
            Value::F64(_) => letter == 'F',
            Value::V128(_) => letter == 'v',
            Value::Reference(_) => letter == 'p' || letter == 'e',
        }
    }
}
