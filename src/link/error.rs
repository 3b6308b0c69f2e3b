//! Why objects can't be linked.

/// Why objects can't be linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The object breaks the format, or is not a relocatable ELF64 object for x86-64.
    #[error("malformed object: {reason}")]
    MalformedObject {
        /// What is wrong there.
        reason: String,
    },
    /// The kernel is not an ELF64 executable that can be booted.
    #[error("malformed kernel: {reason}")]
    MalformedKernel {
        /// What is wrong there.
        reason: String,
    },
    /// Two objects define the same global symbol.
    #[error("symbol `{symbol}` is defined twice")]
    DuplicateSymbol {
        /// Its name.
        symbol: String,
    },
    /// Nobody defines a symbol that an object uses.
    #[error("undefined symbol `{symbol}`")]
    UndefinedSymbol {
        /// Its name.
        symbol: String,
    },
    /// The module imports a memory, table or global that the kernel does not have; no stub can stand for these.
    #[error("import `{module}.{field}`, a {kind}, is not one that the kernel has")]
    MissingImport {
        /// The module's name.
        module: String,
        /// The field's name.
        field: String,
        /// `memory`, `table` or `global`.
        kind: String,
    },
    /// A relocation of a kind that is not known here.
    #[error("relocation of kind {kind} at {section}+{offset:#x} is not supported")]
    UnsupportedRelocation {
        /// The number in the psABI.
        kind: u32,
        /// The section that holds it.
        section: String,
        /// Bytes from the section's start.
        offset: u64,
    },
    /// A value does not fit the field of its relocation: the symbol is too far away.
    #[error(
        "relocation of kind {kind} at {section}+{offset:#x} can't reach `{symbol}`: {value:#x} does not fit"
    )]
    RelocationOverflow {
        /// The number in the psABI.
        kind: u32,
        /// The section that holds it.
        section: String,
        /// Bytes from the section's start.
        offset: u64,
        /// The symbol's name; empty for a section's symbol.
        symbol: String,
        /// What should have been stored.
        value: i128,
    },
    /// The sections need more room than there is.
    #[error("the program needs {bytes} bytes of code and data, and {bytes_max} is the most")]
    TooLarge {
        /// What is needed, at least.
        bytes: u64,
        /// What there is.
        bytes_max: u64,
    },
    /// The object lacks the symbol that every compiled module has.
    #[error(
        "the object has no symbol `{}`: it was not made by `mewz compile`",
        mewz_abi::symbol::APPLICATION
    )]
    NotAnApplication,
}
