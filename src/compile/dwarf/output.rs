//! The new sections, with what is to be relocated in them.

use gimli::write::{EndianVec, RelocateWriter, Relocation, RelocationTarget, Sections};
use gimli::{LittleEndian, SectionId};

use super::Unusable;
use super::native;

/// A section for debuggers.
#[derive(Debug)]
pub(in crate::compile) struct DebugSection {
    /// Its name.
    pub(in crate::compile) name: &'static str,
    /// Its content.
    pub(in crate::compile) bytes: Vec<u8>,
    /// Values to be stored in it.
    pub(in crate::compile) relocations: Vec<DebugRelocation>,
}

/// A value to be stored in a section for debuggers.
#[derive(Clone, Copy, Debug)]
pub(in crate::compile) struct DebugRelocation {
    /// Where, in bytes from the section's start.
    pub(in crate::compile) offset: u64,
    /// What.
    pub(in crate::compile) target: DebugTarget,
    /// Bytes to add to it.
    pub(in crate::compile) addend: i64,
}

/// What a value is the place of: addresses have eight bytes, places in sections four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) enum DebugTarget {
    /// The first byte of code.
    Code,
    /// The first byte of the state.
    State,
    /// The first byte of a section for debuggers.
    Section(&'static str),
}

/// Writes `dwarf`; empty sections are left out.
pub(super) fn write(dwarf: &mut gimli::write::Dwarf) -> Result<Vec<DebugSection>, Unusable> {
    let mut sections = Sections::new(Buffer::default());
    dwarf.write(&mut sections)?;
    let mut all = Vec::new();
    sections.for_each_mut(|id, buffer| {
        let buffer = std::mem::take(buffer);
        let bytes = buffer.bytes.into_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        let relocations = buffer.relocations.iter().map(relocation);
        all.push(DebugSection {
            name: id.name(),
            bytes,
            relocations: relocations.collect::<Result<_, Unusable>>()?,
        });
        Ok::<_, Unusable>(())
    })?;
    // Debuggers look for entries first: without them the rest is nothing.
    let has_entries = all.iter().any(|section| section.name == SectionId::DebugInfo.name());
    Ok(if has_entries { all } else { Vec::new() })
}

fn relocation(from: &Relocation) -> Result<DebugRelocation, Unusable> {
    let (target, bytes) = match from.target {
        RelocationTarget::Symbol(native::CODE) => (DebugTarget::Code, 8),
        RelocationTarget::Symbol(_) => (DebugTarget::State, 8),
        RelocationTarget::Section(id) => (DebugTarget::Section(id.name()), 4),
    };
    if from.size != bytes {
        return Err(Unusable(format!("a reference has {} bytes", from.size)));
    }
    Ok(DebugRelocation {
        offset: from.offset as u64,
        target,
        addend: from.addend,
    })
}

/// A section while it is written.
#[derive(Clone, Debug)]
struct Buffer {
    bytes: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: EndianVec::new(LittleEndian),
            relocations: Vec::new(),
        }
    }
}

impl RelocateWriter for Buffer {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}
