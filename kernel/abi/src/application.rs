//! The object's contract: what `mewz compile` leaves in an object and any operating system can read.
//!
//! All structures are `repr(C)`, little endian, pointers 64 bits wide. Code follows the System V calling convention at
//! every boundary (imports, exports, [`Application::instantiate`]); `i32`, `i64`, `f32`, `f64` and `v128` travel as
//! the C types of their size, references as 64-bit values. A function with two or more results takes, after its
//! parameters, a pointer to an array of 16-byte slots that it fills in order, and returns nothing.

/// `mewzapp\0` in memory order.
pub const APPLICATION_MAGIC: u64 = u64::from_le_bytes(*b"mewzapp\0");

/// Version of every structure in this file.
pub const APPLICATION_VERSION: u32 = 1;

/// `mewzwin\0` in memory order.
pub const WINDOW_MAGIC: u64 = u64::from_le_bytes(*b"mewzwin\0");

/// The descriptor of a compiled module, at symbol [`crate::symbol::APPLICATION`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Application {
    /// [`APPLICATION_MAGIC`].
    pub magic: u64,
    /// [`APPLICATION_VERSION`].
    pub version: u32,
    /// Bits of [`application_flags`].
    pub flags: u32,
    /// Features that the processor must have: bits of [`cpu`].
    pub cpu_features: u64,
    /// `void instantiate(void)`: evaluates initialisers, fills tables and memories in the order of the specification,
    /// then calls the start function. Call it once, after the memories are reserved. It may trap.
    pub instantiate: u64,
    /// `void start(void)`: the export `_start`, or 0 where there is none.
    pub start: u64,
    /// Array of pointers to [`MemoryInstance`], imported ones first; null where an imported one is unresolved.
    pub memories: u64,
    /// Length of `memories`.
    pub memories_len: u64,
    /// Array of pointers to [`TableInstance`], imported ones first, those that exceptions lie in last.
    pub tables: u64,
    /// Length of `tables`.
    pub tables_len: u64,
    /// Array of [`Export`].
    pub exports: u64,
    /// Length of `exports`.
    pub exports_len: u64,
    /// Array of [`TrapSite`], ascending by offset.
    pub traps: u64,
    /// Length of `traps`.
    pub traps_len: u64,
    /// First byte of the module's code.
    pub text_start: u64,
    /// First byte after the module's code.
    pub text_end: u64,
    /// The [`crate::exception::Exceptions`], or 0 where the module knows of no exceptions.
    pub exceptions: u64,
    /// Array of u64 in which the code counts what runs, all 0 at first; 0 where it does not count.
    pub counters: u64,
    /// Length of `counters`.
    pub counters_len: u64,
}

/// Bits of [`Application::flags`].
pub mod application_flags {
    /// The module's compiler puts nothing at the first [`crate::address::PAGE_BYTES`] of memory 0, so an access there is a
    /// mistake, and may be told as one. What does not know this bit lets such an access pass.
    pub const NULL_GUARD: u32 = 1;
}

/// Bits of [`Application::cpu_features`], each named after the flag of CPUID.
pub mod cpu {
    /// SSE3.
    pub const SSE3: u64 = 1 << 0;
    /// SSSE3.
    pub const SSSE3: u64 = 1 << 1;
    /// SSE4.1.
    pub const SSE41: u64 = 1 << 2;
    /// SSE4.2.
    pub const SSE42: u64 = 1 << 3;
    /// POPCNT.
    pub const POPCNT: u64 = 1 << 4;
    /// CMPXCHG16B.
    pub const CX16: u64 = 1 << 5;
    /// AVX.
    pub const AVX: u64 = 1 << 6;
    /// AVX2.
    pub const AVX2: u64 = 1 << 7;
    /// FMA.
    pub const FMA: u64 = 1 << 8;
    /// BMI1.
    pub const BMI1: u64 = 1 << 9;
    /// BMI2.
    pub const BMI2: u64 = 1 << 10;
    /// LZCNT.
    pub const LZCNT: u64 = 1 << 11;
    /// AVX-512 F, DQ and VL together: what the code generator uses of x86-64-v4.
    pub const AVX512: u64 = 1 << 12;

    /// Name of each bit, as people know it.
    pub const NAMES: [(u64, &str); 13] = [
        (SSE3, "SSE3"),
        (SSSE3, "SSSE3"),
        (SSE41, "SSE4.1"),
        (SSE42, "SSE4.2"),
        (POPCNT, "POPCNT"),
        (CX16, "CMPXCHG16B"),
        (AVX, "AVX"),
        (AVX2, "AVX2"),
        (FMA, "FMA"),
        (BMI1, "BMI1"),
        (BMI2, "BMI2"),
        (LZCNT, "LZCNT"),
        (AVX512, "AVX-512"),
    ];
}

/// A linear memory at run time. The operating system owns `base` and `bytes`; compiled code reads them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemoryInstance {
    /// Address of byte 0; set by the operating system before `instantiate` (the compiler writes the constant base, or 0).
    pub base: u64,
    /// Bytes that are valid now, a multiple of the page size. The compiler writes the declared minimum.
    pub bytes: u64,
    /// Declared maximum, in bytes; without one, the most that the index type can address (4 GiB for 32 bits).
    pub bytes_max: u64,
    /// Bits of [`memory_flags`].
    pub flags: u32,
    /// Logarithm of the page size, base 2: 16.
    pub page_bytes_log2: u32,
}

/// Bits of [`MemoryInstance::flags`].
pub mod memory_flags {
    /// The index type is i64: accesses carry explicit bounds checks.
    pub const INDEX_64: u32 = 1;
}

/// A table at run time.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TableInstance {
    /// Address of element 0; each element is 8 bytes: a reference, 0 is null.
    pub elements: u64,
    /// Elements that are valid now.
    pub len: u64,
    /// Declared maximum, in elements; without one, 2^32 - 1.
    pub len_max: u64,
    /// Elements that fit at `elements` without moving them.
    pub capacity: u64,
}

/// What a function reference points to.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FunctionReference {
    /// The function in the module's internal calling convention: only compiled code calls it.
    pub code: u64,
    /// Address that is equal for equal types: a symbol named by [`crate::symbol::write_type`], weak, shared by objects.
    pub type_identity: u64,
}

/// An export. The address is of a System V function, a [`MemoryInstance`], a [`TableInstance`], a global's value or a
/// [`crate::exception::Tag`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Export {
    /// Address of the name: UTF-8, not terminated.
    pub name: u64,
    /// Bytes of the name.
    pub name_len: u32,
    /// One of [`export_kind`].
    pub kind: u32,
    /// Address of the type's text: not terminated; for functions as in [`crate::symbol`], for tables and globals the
    /// letters of one type.
    pub type_text: u64,
    /// Bytes of the type's text.
    pub type_text_len: u64,
    /// Address of what is exported.
    pub address: u64,
}

/// Values of [`Export::kind`]: those of the binary format, section 5.5.10 of the core specification.
pub mod export_kind {
    /// A function.
    pub const FUNCTION: u32 = 0;
    /// A table.
    pub const TABLE: u32 = 1;
    /// A memory.
    pub const MEMORY: u32 = 2;
    /// A global.
    pub const GLOBAL: u32 = 3;
    /// A tag of exceptions.
    pub const TAG: u32 = 4;
}

/// An instruction that traps on purpose. Out-of-bounds accesses are not listed: the fault's address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TrapSite {
    /// Bytes from [`Application::text_start`] to the instruction.
    pub code_offset: u32,
    /// Bytes from the start of the module file to the operator.
    pub wasm_offset: u32,
    /// A [`crate::trap::TrapKind`].
    pub kind: u32,
}

/// The head of an application window: its first bytes in memory, written by the linker.
///
/// Addresses are virtual; each segment is page aligned and ascends in this order: header and read-only data, text, data.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct WindowHeader {
    /// [`WINDOW_MAGIC`].
    pub magic: u64,
    /// [`APPLICATION_VERSION`].
    pub version: u32,
    /// Bits of [`window_flags`].
    pub flags: u32,
    /// Names this build; equal inputs have equal ones.
    pub build_id: [u8; 16],
    /// Address of the [`Application`].
    pub application: u64,
    /// First byte after the read-only data, which begins with this header.
    pub read_only_end: u64,
    /// First byte of code: page aligned.
    pub text_start: u64,
    /// First byte after the code, stubs included.
    pub text_end: u64,
    /// First byte of writable data: page aligned.
    pub data_start: u64,
    /// First byte after the writable data that has content in the image.
    pub data_end: u64,
    /// First byte after the writable data that starts as zero and has no content in the image.
    pub zero_end: u64,
    /// First [`MissingImport`] in the code segment.
    pub missing_imports: u64,
    /// Count of missing imports.
    pub missing_imports_len: u64,
    /// Physical address, page aligned, of the [`crate::pack`] behind the window; 0 where the image carries none.
    pub pack: u64,
    /// Bytes of the pack.
    pub pack_bytes: u64,
}

/// Bits of [`WindowHeader::flags`].
pub mod window_flags {
    /// There is no application yet: the kernel keeps the room up to `zero_end` free, comes up, tells so by
    /// `RecordKind::Parked`, and reads the header again when `RecordKind::Release` says that a window is there.
    pub const PARKED: u32 = 1;
    /// A kernel with a stub for debuggers waits for one before the application's first instruction.
    pub const WAITS_FOR_DEBUGGER: u32 = 2;
}

/// The code of an import that nobody answers: the instruction `ud2` and, behind it, the name for a message.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MissingImport {
    /// `ud2` (0f 0b), then zeros.
    pub code: u64,
    /// Address of the text `module.field`: UTF-8, not terminated.
    pub name: u64,
    /// Bytes of the name.
    pub name_len: u64,
}

/// First bytes of [`MissingImport::code`]: `ud2`, in Intel's manual "Undefined instruction".
pub const MISSING_IMPORT_CODE: u64 = 0x0b0f;
