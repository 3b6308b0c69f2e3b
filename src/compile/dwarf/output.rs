//! The new sections, with what is to be relocated in them.

use std::ops::Range;

use gimli::write::{EndianVec, RelocateWriter, Relocation, RelocationTarget, Sections};
use gimli::{LittleEndian, SectionId};

use super::Unusable;
use super::native;

/// The section of entries.
const INFO: &str = ".debug_info";

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

/// Writes `dwarf`, whose units have `code`; empty sections are left out.
pub(super) fn write(
    dwarf: &mut gimli::write::Dwarf,
    code: &[Vec<Range<u64>>],
) -> Result<Vec<DebugSection>, Unusable> {
    let mut sections = Sections::new(Buffer::default());
    dwarf.write(&mut sections)?;
    finished(sections, code)
}

/// What was written of units that have `code`; empty sections are left out.
pub(super) fn finished(
    mut sections: Sections<Buffer>,
    code: &[Vec<Range<u64>>],
) -> Result<Vec<DebugSection>, Unusable> {
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
    let info = all.iter().find(|section| section.name == INFO);
    let Some(info) = info else {
        return Ok(Vec::new());
    };
    let addresses = unit_addresses(&info.bytes, code);
    all.push(addresses);
    Ok(all)
}

/// The sections `parts` as one of each name, in their order.
pub(super) fn joined(parts: Vec<Vec<DebugSection>>) -> Vec<DebugSection> {
    let mut all: Vec<DebugSection> = Vec::new();
    for part in parts {
        // Where each section of this part begins in that of all.
        let starts: Vec<(&str, i64)> = all
            .iter()
            .map(|section| (section.name, section.bytes.len() as i64))
            .collect();
        let start_of = |name: &str| {
            let start = starts.iter().find(|(known, _)| *known == name);
            start.map_or(0, |(_, start)| *start)
        };
        for section in part {
            let start = start_of(section.name);
            let relocations = section.relocations.into_iter().map(|relocation| {
                let moved = match relocation.target {
                    DebugTarget::Section(target) => start_of(target),
                    DebugTarget::Code | DebugTarget::State => 0,
                };
                DebugRelocation {
                    offset: relocation.offset + start as u64,
                    addend: relocation.addend + moved,
                    ..relocation
                }
            });
            let known = all.iter_mut().find(|known| known.name == section.name);
            match known {
                Some(known) => {
                    known.bytes.extend_from_slice(&section.bytes);
                    known.relocations.extend(relocations);
                }
                None => all.push(DebugSection {
                    name: section.name,
                    bytes: section.bytes,
                    relocations: relocations.collect(),
                }),
            }
        }
    }
    all
}

/// The section that tells of each unit where its code is. Without it gdb also takes addresses of variables for those of code.
///
/// Source: DWARF 5, section 6.1.2.
fn unit_addresses(info: &[u8], code: &[Vec<Range<u64>>]) -> DebugSection {
    let mut section = DebugSection {
        name: SectionId::DebugAranges.name(),
        bytes: Vec::new(),
        relocations: Vec::new(),
    };
    let mut unit = 0;
    for ranges in code {
        // A unit begins with its length, as does what is written of it here: 32 bits that do not count themselves.
        let Some(len) = info.get(unit..).and_then(|rest| rest.first_chunk()) else {
            break;
        };
        let bytes = &mut section.bytes;
        let entries_bytes = 16 * (ranges.len() as u32 + 1);
        bytes.extend_from_slice(&(entries_bytes + 12).to_le_bytes());
        bytes.extend_from_slice(&2_u16.to_le_bytes());
        section.relocations.push(DebugRelocation {
            offset: bytes.len() as u64,
            target: DebugTarget::Section(INFO),
            addend: unit as i64,
        });
        // The unit's place; bytes of an address and of a segment; up to a multiple of an entry's size.
        bytes.extend_from_slice(&[0, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        for range in ranges {
            section.relocations.push(DebugRelocation {
                offset: bytes.len() as u64,
                target: DebugTarget::Code,
                addend: range.start as i64,
            });
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(&(range.end - range.start).to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 16]);
        unit += 4 + u32::from_le_bytes(*len) as usize;
    }
    section
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
pub(super) struct Buffer {
    bytes: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl Buffer {
    /// What is there of it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.slice()
    }
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
