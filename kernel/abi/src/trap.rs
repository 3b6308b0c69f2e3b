//! The named traps.

/// Why an application ended without its will. The numbers are part of the object's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum TrapKind {
    /// The operator `unreachable`.
    Unreachable = 1,
    /// A load, store or bulk operation outside linear memory, a data segment included.
    MemoryOutOfBounds = 2,
    /// An integer division or remainder by zero.
    IntegerDivideByZero = 3,
    /// A signed division, or a truncation of a float, whose result the type can't hold.
    IntegerOverflow = 4,
    /// A truncation of NaN to an integer.
    InvalidConversionToInteger = 5,
    /// A call through a null table element or reference.
    IndirectCallToNull = 6,
    /// A call through a reference of another type.
    IndirectCallTypeMismatch = 7,
    /// A table access, element segment included, outside the table.
    TableOutOfBounds = 8,
    /// The stack's guard page was reached.
    CallStackExhausted = 9,
    /// A call of an import that nobody answers.
    MissingImport = 10,
    /// A null reference where one is needed (`ref.as_non_null` and the like).
    NullReference = 11,
    /// No memory is left in the machine to back a page of linear memory or stack, or an exception.
    OutOfMemory = 12,
    /// An exception that no clause takes before it leaves the module.
    UncaughtException = 13,
    /// An atomic access whose address is not a multiple of its size.
    UnalignedAtomic = 14,
    /// `memory.atomic.wait32` or `wait64` on a memory that is not shared.
    SharedMemoryExpected = 15,
    /// `memory.atomic.wait32` or `wait64` without a time limit: no other thread could end the wait.
    EndlessWait = 16,
    /// An access at the first addresses of linear memory, where the module's compiler puts nothing.
    NullDereference = 17,
}

impl TrapKind {
    /// The signal that a program of another system would have got, by the numbers of GDB's `signals.def`.
    #[must_use]
    pub fn signal(self) -> u8 {
        const ILLEGAL_INSTRUCTION: u8 = 4;
        const ABORT: u8 = 6;
        const BUS: u8 = 10;
        const ARITHMETIC: u8 = 8;
        const SEGMENT: u8 = 11;
        const SYSTEM_CALL: u8 = 12;
        match self {
            TrapKind::MemoryOutOfBounds
            | TrapKind::TableOutOfBounds
            | TrapKind::IndirectCallToNull
            | TrapKind::NullReference
            | TrapKind::NullDereference
            | TrapKind::CallStackExhausted => SEGMENT,
            TrapKind::IntegerDivideByZero
            | TrapKind::IntegerOverflow
            | TrapKind::InvalidConversionToInteger => ARITHMETIC,
            TrapKind::OutOfMemory | TrapKind::UnalignedAtomic => BUS,
            TrapKind::MissingImport => SYSTEM_CALL,
            TrapKind::UncaughtException => ABORT,
            TrapKind::Unreachable
            | TrapKind::IndirectCallTypeMismatch
            | TrapKind::SharedMemoryExpected
            | TrapKind::EndlessWait => ILLEGAL_INSTRUCTION,
        }
    }

    /// All of them, ascending.
    pub const ALL: [TrapKind; 17] = [
        TrapKind::Unreachable,
        TrapKind::MemoryOutOfBounds,
        TrapKind::IntegerDivideByZero,
        TrapKind::IntegerOverflow,
        TrapKind::InvalidConversionToInteger,
        TrapKind::IndirectCallToNull,
        TrapKind::IndirectCallTypeMismatch,
        TrapKind::TableOutOfBounds,
        TrapKind::CallStackExhausted,
        TrapKind::MissingImport,
        TrapKind::NullReference,
        TrapKind::OutOfMemory,
        TrapKind::UncaughtException,
        TrapKind::UnalignedAtomic,
        TrapKind::SharedMemoryExpected,
        TrapKind::EndlessWait,
        TrapKind::NullDereference,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }

    /// The kind in words, as the specification's tests have them where they name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TrapKind::Unreachable => "unreachable",
            TrapKind::MemoryOutOfBounds => "out of bounds memory access",
            TrapKind::IntegerDivideByZero => "integer divide by zero",
            TrapKind::IntegerOverflow => "integer overflow",
            TrapKind::InvalidConversionToInteger => "invalid conversion to integer",
            TrapKind::IndirectCallToNull => "indirect call to null",
            TrapKind::IndirectCallTypeMismatch => "indirect call type mismatch",
            TrapKind::TableOutOfBounds => "out of bounds table access",
            TrapKind::CallStackExhausted => "call stack exhausted",
            TrapKind::MissingImport => "missing import",
            TrapKind::NullReference => "null reference",
            TrapKind::OutOfMemory => "out of memory",
            TrapKind::UncaughtException => "uncaught exception",
            TrapKind::UnalignedAtomic => "unaligned atomic",
            TrapKind::SharedMemoryExpected => "expected shared memory",
            TrapKind::EndlessWait => "wait without end",
            TrapKind::NullDereference => "null pointer dereference",
        }
    }
}
