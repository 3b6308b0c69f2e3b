//! Reads a body without its surroundings: a digest that is free of indices, and what the indices
//! and the slots were.

use std::ops::Range;

use wasmparser::{BlockType, Catch, FunctionBody, HeapType, Operator, TryTable, ValType};

use crate::compile::module::ExceptionUse;
use crate::compile::relocated::{Places, Slots};

/// Something outside the function that its body names by an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::compile) struct Reference {
    /// Of which index space.
    pub(in crate::compile) kind: Kind,
    /// The index.
    pub(in crate::compile) index: u32,
}

/// Index spaces, and ways to name an entry of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(in crate::compile) enum Kind {
    /// A function that is called.
    Function,
    /// A function whose reference is taken.
    FunctionReference,
    /// A type.
    Type,
    /// A table.
    Table,
    /// A table that is grown.
    GrownTable,
    /// A global.
    Global,
    /// A data segment.
    Data,
    /// An element segment.
    Element,
    /// A tag.
    Tag,
}

/// Kinds of references.
const KINDS: usize = 9;

impl Kind {
    const ALL: [Kind; KINDS] = [
        Kind::Function,
        Kind::FunctionReference,
        Kind::Type,
        Kind::Table,
        Kind::GrownTable,
        Kind::Global,
        Kind::Data,
        Kind::Element,
        Kind::Tag,
    ];

    /// The kind with this number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What a body is, apart from what its indices stand for. The body's bytes alone decide about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::compile) struct Reading {
    /// Stands for the body with its indices numbered in the order in which they first occur.
    pub(in crate::compile) digest: [u8; 32],
    /// What the numbers stand for.
    pub(in crate::compile) references: Vec<Reference>,
    /// The values of its slots.
    pub(in crate::compile) constants: Vec<u64>,
    /// What it does with exceptions.
    pub(in crate::compile) exceptions: ExceptionUse,
}

impl Reading {
    /// That of code which is made for function `index` and has no body.
    pub(in crate::compile) fn of_function(index: u32) -> Self {
        Self {
            digest: [0; 32],
            references: vec![Reference {
                kind: Kind::Function,
                index,
            }],
            constants: Vec::new(),
            exceptions: ExceptionUse::default(),
        }
    }
}

/// Reads bodies one after the other.
#[derive(Debug, Default)]
pub(in crate::compile) struct BodyReader {
    /// The body with the immediates of operators that name anything set to 0.
    bytes: Vec<u8>,
    /// Offset and immediates of each of these operators.
    immediates: Vec<u32>,
    references: Vec<Reference>,
    constants: Vec<u64>,
    exceptions: ExceptionUse,
    /// For each kind and index, the body in which it occurred last, and its number there.
    numbers: [Vec<(u32, u32)>; KINDS],
    body: u32,
    /// Whether the operator at hand names something.
    has_reference: bool,
    /// Whether the body can be told apart from its surroundings.
    is_free: bool,
}

/// Indices from here on are not looked at: a module has fewer entries.
const INDEX_MAX: u32 = 1 << 24;

impl BodyReader {
    /// Reads `body`, which need not be valid and has slots at some of `places`; `None` where its code can't be kept.
    pub(in crate::compile) fn read(
        &mut self,
        body: &FunctionBody<'_>,
        places: Places<'_>,
    ) -> Option<Reading> {
        self.bytes.clear();
        self.bytes.extend_from_slice(body.as_bytes());
        self.immediates.clear();
        self.references.clear();
        self.constants.clear();
        self.exceptions = ExceptionUse::default();
        let mut slots = Slots::new(places);
        self.body += 1;
        self.is_free = true;
        let start = body.range().start;
        for group in body.get_locals_reader().ok()? {
            self.value_type(group.ok()?.1);
        }
        let operators = body.get_operators_reader().ok()?;
        let mut operators = operators.into_iter_with_offsets().peekable();
        while let Some(operator) = operators.next() {
            let (operator, offset) = operator.ok()?;
            let first = self.immediates.len();
            self.immediates.push((offset - start) as u32);
            self.has_reference = false;
            let end = match operators.peek() {
                Some(Ok((_, next))) => (next - start) as usize,
                _ => self.bytes.len(),
            };
            let range = (offset - start) as usize..end;
            let bytes = &mut self.bytes[range.clone()];
            if let Some((slot, at)) = slots.of(&operator, offset as u32, bytes) {
                bytes[at].fill(0);
                self.immediates.push(slot.number);
                self.constants.push(slot.value);
                continue;
            }
            self.operator(&operator);
            self.exceptions.throws |= throws(&operator);
            self.exceptions.catches |= catches(&operator);
            if !self.has_reference {
                self.immediates.truncate(first);
                continue;
            }
            self.forget(range);
        }
        if !self.is_free {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.bytes.len() as u64).to_le_bytes());
        hasher.update(&self.bytes);
        for immediate in &self.immediates {
            hasher.update(&immediate.to_le_bytes());
        }
        Some(Reading {
            digest: hasher.finalize().into(),
            references: self.references.clone(),
            constants: self.constants.clone(),
            exceptions: self.exceptions,
        })
    }

    /// Sets the immediates of the operator at `range` to 0: what they are has been noted.
    fn forget(&mut self, range: Range<usize>) {
        let operator = &mut self.bytes[range];
        let is_prefix = operator[0] >= FIRST_PREFIX;
        if is_prefix && operator[1] & 0x80 != 0 {
            // The operator itself has more than one byte behind its prefix.
            self.is_free = false;
        }
        operator[1 + usize::from(is_prefix)..].fill(0);
    }

    fn reference(&mut self, kind: Kind, index: u32) {
        if index >= INDEX_MAX {
            self.is_free = false;
            return;
        }
        self.has_reference = true;
        let numbers = &mut self.numbers[kind as usize];
        if numbers.len() <= index as usize {
            numbers.resize(index as usize + 1, (0, 0));
        }
        let entry = &mut numbers[index as usize];
        if entry.0 != self.body {
            *entry = (self.body, self.references.len() as u32);
            self.references.push(Reference { kind, index });
        }
        self.immediates.push(entry.1);
    }

    /// An immediate that is no index of another thing, in an operator that may have one.
    fn number(&mut self, value: u32) {
        self.immediates.push(value);
    }

    fn block_type(&mut self, ty: BlockType) {
        match ty {
            BlockType::Empty => self.number(0),
            BlockType::Type(ty) => {
                self.number(1);
                self.value_type(ty);
            }
            BlockType::FuncType(index) => {
                self.number(2);
                self.reference(Kind::Type, index);
            }
        }
    }

    fn try_table(&mut self, table: &TryTable) {
        self.block_type(table.ty);
        self.number(table.catches.len() as u32);
        for catch in &table.catches {
            let (kind, tag, label) = match catch {
                Catch::One { tag, label } => (0, Some(tag), label),
                Catch::OneRef { tag, label } => (1, Some(tag), label),
                Catch::All { label } => (2, None, label),
                Catch::AllRef { label } => (3, None, label),
            };
            self.number(kind);
            if let Some(tag) = tag {
                self.reference(Kind::Tag, *tag);
            }
            self.number(*label);
        }
    }

    fn value_type(&mut self, ty: ValType) {
        if let ValType::Ref(reference) = ty {
            self.heap_type(reference.heap_type());
        }
    }

    /// Types that name others are rare, and what they are depends on more than one entry: such code is not kept.
    fn heap_type(&mut self, ty: HeapType) {
        self.is_free &= matches!(ty, HeapType::Abstract { .. });
    }
}

/// Whether an operator throws: the whole module is laid out by whether one does.
fn throws(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. }
    )
}

/// Whether an operator begins a block that takes what is thrown.
fn catches(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Try { .. } | Operator::TryTable { .. })
}

/// First of the bytes that an operator of several bytes begins with: section 5.4 of the core specification.
const FIRST_PREFIX: u8 = 0xfb;

/// Notes one immediate, by its operator where that matters and by its name. There is no arm for all the rest: whoever makes
/// the reader of modules newer learns here of immediates that are new.
macro_rules! note {
    ($s:ident RefFunc function_index $v:ident) => {
        $s.reference(Kind::FunctionReference, *$v)
    };
    ($s:ident TableGrow table $v:ident) => {
        $s.reference(Kind::GrownTable, *$v)
    };
    ($s:ident $o:ident function_index $v:ident) => {
        $s.reference(Kind::Function, *$v)
    };
    ($s:ident $o:ident type_index $v:ident) => {
        $s.reference(Kind::Type, *$v)
    };
    ($s:ident $o:ident table_index $v:ident) => {
        $s.reference(Kind::Table, *$v)
    };
    ($s:ident $o:ident table $v:ident) => {
        $s.reference(Kind::Table, *$v)
    };
    ($s:ident $o:ident dst_table $v:ident) => {
        $s.reference(Kind::Table, *$v)
    };
    ($s:ident $o:ident src_table $v:ident) => {
        $s.reference(Kind::Table, *$v)
    };
    ($s:ident $o:ident global_index $v:ident) => {
        $s.reference(Kind::Global, *$v)
    };
    // Of a proposal that is not taken.
    ($s:ident Suspend tag_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident tag_index $v:ident) => {
        $s.reference(Kind::Tag, *$v)
    };
    ($s:ident $o:ident data_index $v:ident) => {
        $s.reference(Kind::Data, *$v)
    };
    ($s:ident $o:ident elem_index $v:ident) => {
        $s.reference(Kind::Element, *$v)
    };
    ($s:ident $o:ident blockty $v:ident) => {
        $s.block_type(*$v)
    };
    ($s:ident $o:ident hty $v:ident) => {
        $s.heap_type(*$v)
    };
    ($s:ident $o:ident ty $v:ident) => {
        $s.value_type(*$v)
    };
    ($s:ident $o:ident tys $v:ident) => {
        $v.iter().for_each(|ty| $s.value_type(*ty))
    };
    ($s:ident $o:ident try_table $v:ident) => {
        $s.try_table($v)
    };
    // Memories are few and described with every function.
    ($s:ident $o:ident mem $v:ident) => {
        $s.number(*$v)
    };
    ($s:ident $o:ident dst_mem $v:ident) => {
        $s.number(*$v)
    };
    ($s:ident $o:ident src_mem $v:ident) => {
        $s.number(*$v)
    };
    // These stay in the bytes, for no operator has them beside an index.
    ($s:ident $o:ident value $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident memarg $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident local_index $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident relative_depth $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident targets $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident lane $v:ident) => {
        _ = $v
    };
    ($s:ident $o:ident lanes $v:ident) => {
        _ = $v
    };
    // Proposals that are not taken.
    ($s:ident $o:ident ordering $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident struct_type_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident field_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_type_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_type_index_dst $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_type_index_src $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_size $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_data_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident array_elem_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident from_ref_type $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident to_ref_type $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident cont_type_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident argument_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident result_index $v:ident) => {
        $s.foreign($v)
    };
    ($s:ident $o:ident resume_table $v:ident) => {
        $s.foreign($v)
    };
}

macro_rules! define_operator {
    ($( @$proposal:ident $op:ident $({ $($argument:ident: $ty:ty),* })? => $visit:ident ($($rest:tt)*))*) => {
        impl BodyReader {
            /// Notes what an operator names.
            fn operator(&mut self, operator: &Operator<'_>) {
                match operator {
                    $( Operator::$op $({ $($argument),* })? => { $( $( note!(self $op $argument $argument); )* )? } )*
                    _ => self.is_free = false,
                }
            }

            /// An immediate of an operator whose code is not kept.
            fn foreign<T>(&mut self, _: &T) {
                self.is_free = false;
            }
        }
    };
}

wasmparser::for_each_operator!(define_operator);

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the last body of a module in the text format.
    fn read(text: &str) -> Reading {
        let wasm = wat::parse_str(text).unwrap();
        let module = crate::compile::read::module(&wasm).unwrap();
        let body = module.bodies.last().unwrap();
        BodyReader::default().read(body, Places::default()).unwrap()
    }

    /// Two functions and one that calls them as `order` says.
    fn calls(before: &str, order: &str) -> Reading {
        read(&format!(
            "(module {before} (func $f) (func $g) (func {order}))"
        ))
    }

    #[test]
    fn an_index_may_move() {
        let (near, far) = (
            calls("", "call $f call $g"),
            calls("(func)", "call $f call $g"),
        );
        assert_eq!(near.digest, far.digest);
        assert_ne!(near.references, far.references);
    }

    #[test]
    fn calls_of_others_in_the_same_pattern_are_the_same() {
        let digest = |order| calls("", order).digest;
        assert_eq!(digest("call $f call $g"), digest("call $g call $f"));
        assert_ne!(digest("call $f call $f"), digest("call $f call $g"));
    }

    #[test]
    fn what_is_no_index_counts() {
        let digest = |body: &str| read(&format!("(module (memory 1) (func {body}))")).digest;
        assert_ne!(
            digest("(drop (i32.const 1))"),
            digest("(drop (i32.const 2))")
        );
        assert_ne!(
            digest("(drop (i32.load offset=4 (i32.const 0)))"),
            digest("(drop (i32.load offset=8 (i32.const 0)))")
        );
        assert_ne!(digest("(local i32)"), digest("(local i64)"));
        assert_ne!(
            digest("(block (br 0))"),
            digest("(block (br 1))"),
            "labels are not indices"
        );
    }

    #[test]
    fn an_operator_keeps_its_length() {
        // An index of two bytes moves the operators behind it, and with them what the address map says.
        let many = "(func)".repeat(200);
        assert_ne!(calls("", "call $f").digest, calls(&many, "call $f").digest);
    }
}
