//! Writes an object as a relocatable ELF64 file, by the writer that belongs to the code generator.

use cranelift_module::{ModuleError, default_libcall_names};
use cranelift_object::object::write::{self, SectionId, StandardSection, SymbolId, SymbolSection};
use cranelift_object::object::{
    self, RelocationEncoding, RelocationFlags, SymbolFlags, SymbolKind, SymbolScope,
};
use cranelift_object::{ObjectBuilder, ObjectModule};

use super::options::Options;
use super::target;
use crate::relocatable::{
    Binding, Object, Relocation, RelocationKind, Section, SectionKind, Symbol,
};

/// The bytes of an ELF file.
///
/// # Errors
///
/// The format has no room for it.
pub(super) fn write(from: &Object) -> Result<Vec<u8>, write::Error> {
    // What the code was made for plays no part in the file.
    let isa = target::isa(&Options::default());
    let builder: Result<_, ModuleError> =
        ObjectBuilder::new(isa, "module", default_libcall_names());
    let module = ObjectModule::new(builder.expect("the target has an object format"));
    // Empty but for the note that the stack need not be executable.
    let mut to = module.finish().object;
    let sections: Vec<SectionId> = from
        .sections
        .iter()
        .map(|section| add_section(&mut to, section))
        .collect();
    let symbols: Vec<SymbolId> = from
        .symbols
        .iter()
        .map(|symbol| match symbol.definition {
            Some((section, 0)) if symbol.name.is_empty() => {
                to.section_symbol(sections[section as usize])
            }
            _ => to.add_symbol(symbol_of(symbol, &sections)),
        })
        .collect();
    for (section, id) in from.sections.iter().zip(&sections) {
        for relocation in &section.relocations {
            let relocation = relocation_of(relocation, &symbols);
            to.add_relocation(*id, relocation)?;
        }
    }
    to.write()
}

fn add_section<'a>(to: &mut write::Object<'a>, section: &'a Section) -> SectionId {
    use object::SectionKind as Elf;
    let kind = match section.kind {
        SectionKind::Text => Elf::Text,
        SectionKind::ReadOnly | SectionKind::Unwind => Elf::ReadOnlyData,
        SectionKind::ReadOnlyAfterRelocation => Elf::ReadOnlyDataWithRel,
        SectionKind::Data => Elf::Data,
        SectionKind::Zero => Elf::UninitializedData,
        SectionKind::Unloaded => Elf::Other,
    };
    let id = match section.kind {
        // The format has a kind of its own for them.
        SectionKind::Unwind => to.section_id(StandardSection::EhFrame),
        _ => to.add_section(Vec::new(), section.name.into(), kind),
    };
    match section.kind {
        SectionKind::Zero => {
            to.append_section_bss(id, section.size, section.align);
        }
        _ => to.set_section_data(id, section.bytes.as_slice(), section.align),
    }
    id
}

fn symbol_of(symbol: &Symbol, sections: &[SectionId]) -> write::Symbol {
    let (section, value) = match symbol.definition {
        None => (SymbolSection::Undefined, 0),
        Some((section, value)) => (SymbolSection::Section(sections[section as usize]), value),
    };
    write::Symbol {
        name: symbol.name.clone().into_bytes(),
        value,
        size: symbol.size,
        kind: if symbol.is_function {
            SymbolKind::Text
        } else {
            SymbolKind::Data
        },
        scope: match (symbol.binding, symbol.definition) {
            (Binding::Local, _) => SymbolScope::Compilation,
            (_, None) => SymbolScope::Unknown,
            (_, Some(_)) => SymbolScope::Dynamic,
        },
        weak: symbol.binding == Binding::Weak,
        section,
        flags: SymbolFlags::None,
    }
}

fn relocation_of(relocation: &Relocation, symbols: &[SymbolId]) -> write::Relocation {
    let (kind, size) = match relocation.kind {
        RelocationKind::Absolute64 => (object::RelocationKind::Absolute, 64),
        RelocationKind::Absolute32 => (object::RelocationKind::Absolute, 32),
        RelocationKind::Relative32 => (object::RelocationKind::Relative, 32),
    };
    write::Relocation {
        offset: relocation.offset,
        symbol: symbols[relocation.symbol as usize],
        addend: relocation.addend,
        flags: RelocationFlags::Generic {
            kind,
            encoding: RelocationEncoding::Generic,
            size,
        },
    }
}
