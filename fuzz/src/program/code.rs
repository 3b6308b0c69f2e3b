//! Bytes of a function's body.

/// Operators that the generator names.
pub(crate) mod op {
    pub(crate) const UNREACHABLE: u8 = 0x00;
    pub(crate) const BLOCK: u8 = 0x02;
    pub(crate) const LOOP: u8 = 0x03;
    pub(crate) const IF: u8 = 0x04;
    pub(crate) const ELSE: u8 = 0x05;
    pub(crate) const THROW: u8 = 0x08;
    pub(crate) const THROW_REF: u8 = 0x0a;
    pub(crate) const END: u8 = 0x0b;
    pub(crate) const BR: u8 = 0x0c;
    pub(crate) const BR_IF: u8 = 0x0d;
    pub(crate) const BR_TABLE: u8 = 0x0e;
    pub(crate) const RETURN: u8 = 0x0f;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CALL_INDIRECT: u8 = 0x11;
    pub(crate) const RETURN_CALL: u8 = 0x12;
    pub(crate) const RETURN_CALL_INDIRECT: u8 = 0x13;
    pub(crate) const CALL_REF: u8 = 0x14;
    pub(crate) const RETURN_CALL_REF: u8 = 0x15;
    pub(crate) const DROP: u8 = 0x1a;
    pub(crate) const SELECT: u8 = 0x1b;
    pub(crate) const SELECT_TYPED: u8 = 0x1c;
    pub(crate) const TRY_TABLE: u8 = 0x1f;
    /// Clauses of it, each before a label; the first two have a tag before that.
    pub(crate) const CATCH: u8 = 0;
    pub(crate) const CATCH_REF: u8 = 1;
    pub(crate) const CATCH_ALL: u8 = 2;
    pub(crate) const CATCH_ALL_REF: u8 = 3;
    pub(crate) const LOCAL_GET: u8 = 0x20;
    pub(crate) const LOCAL_SET: u8 = 0x21;
    pub(crate) const LOCAL_TEE: u8 = 0x22;
    pub(crate) const GLOBAL_GET: u8 = 0x23;
    pub(crate) const GLOBAL_SET: u8 = 0x24;
    pub(crate) const TABLE_GET: u8 = 0x25;
    pub(crate) const TABLE_SET: u8 = 0x26;
    pub(crate) const MEMORY_SIZE: u8 = 0x3f;
    pub(crate) const MEMORY_GROW: u8 = 0x40;
    pub(crate) const I32_CONST: u8 = 0x41;
    pub(crate) const I64_CONST: u8 = 0x42;
    pub(crate) const F32_CONST: u8 = 0x43;
    pub(crate) const F64_CONST: u8 = 0x44;
    pub(crate) const I32_LT_U: u8 = 0x49;
    pub(crate) const F32_NE: u8 = 0x5c;
    pub(crate) const F64_NE: u8 = 0x62;
    pub(crate) const I32_ADD: u8 = 0x6a;
    pub(crate) const I32_AND: u8 = 0x71;
    pub(crate) const I32_OR: u8 = 0x72;
    pub(crate) const I32_SHL: u8 = 0x74;
    pub(crate) const I64_OR: u8 = 0x84;
    pub(crate) const I64_XOR: u8 = 0x85;
    pub(crate) const I32_WRAP_I64: u8 = 0xa7;
    pub(crate) const I64_EXTEND_I32_U: u8 = 0xad;
    pub(crate) const REF_NULL: u8 = 0xd0;
    pub(crate) const REF_IS_NULL: u8 = 0xd1;
    pub(crate) const REF_FUNC: u8 = 0xd2;
    pub(crate) const REF_AS_NON_NULL: u8 = 0xd4;
    /// The type (ref null INDEX), before the index.
    pub(crate) const REF_NULL_TYPE: u8 = 0x63;
    /// After [`super::super::operators::MORE`].
    pub(crate) const MEMORY_INIT: u32 = 8;
    pub(crate) const DATA_DROP: u32 = 9;
    pub(crate) const MEMORY_COPY: u32 = 10;
    pub(crate) const MEMORY_FILL: u32 = 11;
    pub(crate) const TABLE_INIT: u32 = 12;
    pub(crate) const TABLE_COPY: u32 = 14;
    pub(crate) const TABLE_SIZE: u32 = 16;
    pub(crate) const TABLE_FILL: u32 = 17;
    /// After [`super::super::operators::VECTOR`].
    pub(crate) const V128_CONST: u32 = 12;
    pub(crate) const F32X4_NE: u32 = 66;
    pub(crate) const F64X2_NE: u32 = 72;
    pub(crate) const V128_BITSELECT: u32 = 82;
}

/// Code as it grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code(pub(crate) Vec<u8>);

impl Code {
    pub(crate) fn op(&mut self, code: u8) {
        self.0.push(code);
    }

    /// An operator with one index.
    pub(crate) fn op_index(&mut self, code: u8, index: u32) {
        self.op(code);
        self.unsigned(index.into());
    }

    /// An operator that may have a prefix.
    pub(crate) fn prefixed(&mut self, prefix: u8, code: u32) {
        if prefix == 0 {
            self.op(code as u8);
        } else {
            self.op(prefix);
            self.unsigned(code.into());
        }
    }

    pub(crate) fn i32_const(&mut self, value: i32) {
        self.op(op::I32_CONST);
        self.signed(value.into());
    }

    pub(crate) fn unsigned(&mut self, mut value: u64) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    pub(crate) fn signed(&mut self, mut value: i64) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            let is_sign = low & 0x40 != 0;
            if (value == 0 && !is_sign) || (value == -1 && is_sign) {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

/// The byte of a value type.
pub(crate) fn type_byte(letter: char) -> u8 {
    match letter {
        'i' => 0x7f,
        'I' => 0x7e,
        'f' => 0x7d,
        'F' => 0x7c,
        'v' => 0x7b,
        'p' => 0x70,
        'e' => 0x6f,
        'x' => 0x69,
        _ => panic!("no type has the letter `{letter}`"),
    }
}
