//! The custom sections with debug information, as a reader sees them.

use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};

use crate::compile::module::Module;

/// Bytes of the module.
pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// The module's DWARF; `None` where it has none.
pub(super) fn dwarf<'a>(module: &Module<'a>) -> Option<Dwarf<Slice<'a>>> {
    let sections = &module.debug_sections;
    let named = |id: SectionId| {
        // What was added later is what is wanted.
        let found = sections.iter().rev().find(|(name, _)| *name == id.name());
        found.map_or(&[][..], |(_, bytes)| *bytes)
    };
    if named(SectionId::DebugInfo).is_empty() {
        return None;
    }
    let load = |id: SectionId| Ok::<_, gimli::Error>(Slice::new(named(id), LittleEndian));
    let dwarf = Dwarf::load(load);
    // Loading hands out slices and can't fail.
    dwarf.ok()
}
