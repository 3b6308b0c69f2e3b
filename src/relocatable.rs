//! The object in memory: sections without an address, symbols, relocations. `compile` makes it and writes it as a file,
//! `link` places it.
/// A relocatable object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Sections in the order in which they are placed.
    pub sections: Vec<Section>,
    /// Symbols, local and global ones in any order; names of local ones may repeat.
    pub symbols: Vec<Symbol>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: SectionKind,
    /// Alignment of its address: a power of two.
    pub align: u64,
    /// Bytes that it spans.
    pub size: u64,
    /// Its content: `size` bytes, or none where it is zero.
    pub bytes: Vec<u8>,
    /// Values to be stored in the content.
    pub relocations: Vec<Relocation>,
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Code.
    Text,
    /// Data that nobody writes.
    ReadOnly,
    /// Data that nobody writes once its addresses are in it.
    ReadOnlyAfterRelocation,
    /// Data that is written.
    Data,
    /// Data that is written and is zero at first.
    Zero,
    /// Unwind tables.
    Unwind,
    /// Not in memory: for debuggers.
    Unloaded,
}

/// A symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name; the start of a section may have none.
    pub name: String,
    /// The section and the offset there that it stands for; `None` where somebody else defines it.
    pub definition: Option<(u32, u64)>,
    /// Bytes from there on.
    pub size: u64,
    /// Whether it is a function.
    pub is_function: bool,
    /// Who sees it.
    pub binding: Binding,
}

/// Who sees a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Its object alone.
    Local,
    /// Everybody.
    Global,
    /// Everybody, unless another object defines it too.
    Weak,
}

/// A value to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Where, in bytes from the section's start.
    pub offset: u64,
    /// How.
    pub kind: RelocationKind,
    /// Index of the symbol in [`Object::symbols`].
    pub symbol: u32,
    /// What to add to the symbol's address.
    pub addend: i64,
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelocationKind {
    /// The address, in eight bytes.
    Absolute64,
    /// The address, in four bytes without a sign.
    Absolute32,
    /// The distance from where it stands, in four bytes with a sign.
    Relative32,
}
