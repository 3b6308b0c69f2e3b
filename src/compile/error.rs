//! Why a module can't be compiled.

/// Why a module can't be compiled. Offsets are bytes from the start of the module.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The first bytes are not those of a module.
    #[error("not a WebAssembly module: the file does not begin with `\\0asm`")]
    NotWasm,
    /// The file is a component, not a core module.
    #[error("the file is a WebAssembly component, not a core module")]
    Component,
    /// The module breaks the format or its rules.
    #[error("invalid module at byte {offset:#x}: {message}")]
    Invalid {
        /// Where.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
    /// A proposal that mewz does not take.
    #[error(
        "the module needs the proposal `{proposal}`, at byte {offset:#x}, which mewz does not support"
    )]
    Unsupported {
        /// The proposal's name.
        proposal: &'static str,
        /// Where.
        offset: usize,
    },
    /// The code generator refused a function: a limit of it was reached.
    #[error("cannot generate code for `{function}`: {message}")]
    Codegen {
        /// The function's name.
        function: String,
        /// What the code generator says.
        message: String,
    },
    /// The object would be too large for its format or address range.
    #[error("the object is too large: {0}")]
    TooLarge(String),
}
