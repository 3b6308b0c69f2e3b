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
    /// The value of the type with these letters (see `mewz_abi::symbol`) whose bits are the lowest of `bits`.
    pub(crate) fn from_bits(letters: &str, bits: u128) -> Self {
        match letters {
            "i" => Value::I32(bits as u32),
            "I" => Value::I64(bits as u64),
            "f" => Value::F32(bits as u32),
            "F" => Value::F64(bits as u64),
            "v" => Value::V128(bits),
            _ => Value::Reference(bits as u64),
        }
    }

    /// Whether it is a value of the type with these letters, as far as bits tell.
    pub(crate) fn fits(self, letters: &str) -> bool {
        match self {
            Value::I32(_) => letters == "i",
            Value::I64(_) => letters == "I",
            Value::F32(_) => letters == "f",
            Value::F64(_) => letters == "F",
            Value::V128(_) => letters == "v",
            Value::Reference(0) => {
                matches!(letters.as_bytes()[0], b'p' | b'e' | b'x' | b'y' | b'r')
            }
            Value::Reference(_) => !matches!(letters, "i" | "I" | "f" | "F" | "v"),
        }
    }
}
