//! From pieces to the object: code and what is known of it, data and descriptor.

use cranelift_codegen::isa::TargetIsa;
use mewz_abi::application::{
    APPLICATION_MAGIC, APPLICATION_VERSION, application_flags, export_kind,
};
use mewz_abi::exception::{Exceptions, Handler, Tag};
use mewz_abi::symbol;

use super::codegen::Task;
use super::content::Content;
use super::dwarf::{self, DebugSection, DebugTarget, ModuleInfo, Unusable};
use super::error::CompileError;
use super::exceptions;
use super::layout::Layout;
use super::module::{Item, Module};
use super::names;
use super::options::Options;
use super::pieces::Piece;
use super::placed_code::{PlacedCode, TRAP_SITE_BYTES, section};
use super::plan::CountersPlace;
use super::symbol_table::{SectionIndex, SymbolTable};
use super::symbols::{Single, SymbolId};
use super::target::cpu_features;
use crate::relocatable::{Binding, Object, Relocation, RelocationKind, Section, SectionKind};

/// Most bytes of code: a call reaches 2 GiB.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// What goes into the object.
pub(super) struct Parts<'a> {
    /// The module.
    pub(super) module: &'a Module<'a>,
    /// The caller's choices.
    pub(super) options: &'a Options,
    /// Where its data lies.
    pub(super) layout: Layout,
    /// What was compiled.
    pub(super) tasks: Vec<Task<'a>>,
    /// The code of each task.
    pub(super) pieces: Vec<Piece>,
}

/// An object that was made.
pub(super) struct Assembly {
    /// The object.
    pub(super) object: Object,
    /// Why it has no debug information although it should.
    pub(super) debug_problem: Option<String>,
}

/// Makes the object, with debug information by that of the module, `info`, where this is wanted.
///
/// # Errors
///
/// It would be too large.
pub(super) fn assemble(
    parts: Parts<'_>,
    info: Result<Option<ModuleInfo<'_>>, Unusable>,
    isa: &dyn TargetIsa,
) -> Result<Assembly, CompileError> {
    let mut text_bytes = 0_u64;
    let starts = parts.pieces.iter().map(|piece| {
        let code = &piece.code;
        let start = text_bytes.next_multiple_of(u64::from(code.alignment));
        text_bytes = start + code.bytes.len() as u64;
        start
    });
    let starts = starts.collect();
    if text_bytes > TEXT_BYTES_MAX {
        return Err(CompileError::TooLarge(format!(
            "{text_bytes} bytes of code"
        )));
    }
    let mut assembler = Assembler::new(parts, starts, text_bytes);
    let code = PlacedCode {
        parts: &assembler.parts,
        starts: &assembler.starts,
        text_bytes,
    };
    let symbols = &mut assembler.symbols;
    let mut of_code = None;
    let debug = rayon::in_place_scope(|scope| {
        scope.spawn(|_| {
            of_code = Some((
                code.text(symbols),
                code.traps(),
                code.handlers(),
                code.addresses(),
                code.unwind(isa, symbols),
            ));
        });
        match info? {
            Some(info) => dwarf::sections(&code, &info),
            None => Ok(Vec::new()),
        }
    });
    let (text, traps, handlers, addresses, unwind) = of_code.expect("the scope waits for it");
    let (debug, debug_problem) = match debug {
        Ok(debug) => (debug, None),
        Err(problem) => (Vec::new(), Some(problem.to_string())),
    };
    let handlers_len = handlers.size / size_of::<Handler>() as u64;
    exceptions::fill(
        assembler.parts.module,
        &mut assembler.parts.layout,
        assembler.text_bytes,
        handlers_len,
    );
    assembler.descriptor(traps.size);
    let [state, constants, bytes, zero] = assembler.data();
    let mut sections = vec![
        text, state, traps, addresses, unwind, constants, bytes, zero, handlers,
    ];
    assembler.append_debug(debug, &mut sections);
    let object = Object {
        sections,
        symbols: assembler.symbols.finish(),
    };
    Ok(Assembly {
        object,
        debug_problem,
    })
}

struct Assembler<'a> {
    parts: Parts<'a>,
    /// Where each task's code lies in the code section.
    starts: Vec<u64>,
    text_bytes: u64,
    symbols: SymbolTable,
}

impl<'a> Assembler<'a> {
    fn new(mut parts: Parts<'a>, starts: Vec<u64>, text_bytes: u64) -> Self {
        let mut symbols = SymbolTable::new(parts.module);
        for ((task, piece), start) in parts.tasks.iter_mut().zip(&parts.pieces).zip(&starts) {
            let binding = match task.id {
                SymbolId::Entry(_) => Binding::Global,
                _ => Binding::Local,
            };
            let place = (SectionIndex::Text, *start);
            let size = piece.code.bytes.len() as u64;
            symbols.define_function(
                task.id,
                std::mem::take(&mut task.name),
                place,
                size,
                binding,
            );
        }
        for (name, single, section) in [
            ("", Single::Text, SectionIndex::Text),
            ("mewz_state", Single::State, SectionIndex::State),
            ("mewz_zero", Single::Zero, SectionIndex::Zero),
            ("mewz_addresses", Single::Addresses, SectionIndex::Addresses),
            ("mewz_bytes", Single::Bytes, SectionIndex::Bytes),
            ("mewz_traps", Single::Traps, SectionIndex::Traps),
            ("mewz_handlers", Single::Handlers, SectionIndex::Handlers),
        ] {
            symbols.define_data(single, name.into(), (section, 0), 0, Binding::Local);
        }
        for (ty, offset) in &parts.layout.types {
            let name = names::type_symbol(&parts.module.types[*ty as usize]);
            let place = (SectionIndex::Bytes, *offset);
            symbols.define_data(SymbolId::Type(*ty), name, place, 1, Binding::Weak);
        }
        for (tag, offset) in &parts.layout.tags {
            let name = names::tag(parts.module, *tag);
            let place = (SectionIndex::Addresses, *offset);
            let size = size_of::<Tag>() as u64;
            symbols.define_data(SymbolId::Tag(*tag), name, place, size, Binding::Local);
        }
        if let Some(list) = parts.layout.exceptions {
            let name = symbol::EXCEPTIONS.to_owned();
            let place = (SectionIndex::State, list);
            let size = size_of::<Exceptions>() as u64;
            symbols.define_data(Single::Exceptions, name, place, size, Binding::Weak);
        }
        Self {
            parts,
            starts,
            text_bytes,
            symbols,
        }
    }

    /// Appends the sections for debuggers to `sections`.
    fn append_debug(&mut self, debug: Vec<DebugSection>, sections: &mut Vec<Section>) {
        let first = sections.len() as u32;
        let starts: Vec<(&str, u32)> = debug
            .iter()
            .zip(first..)
            .map(|(section, at)| (section.name, self.symbols.define_section(at)))
            .collect();
        for DebugSection {
            name,
            bytes,
            relocations,
        } in debug
        {
            let relocations = relocations.iter().map(|relocation| {
                let (kind, symbol) = match relocation.target {
                    DebugTarget::Code => {
                        (RelocationKind::Absolute64, self.symbols.index(Single::Text))
                    }
                    DebugTarget::State => (
                        RelocationKind::Absolute64,
                        self.symbols.index(Single::State),
                    ),
                    DebugTarget::Section(target) => {
                        let start = starts.iter().find(|(name, _)| *name == target);
                        let (_, symbol) = start.expect("what is referred to is there");
                        (RelocationKind::Absolute32, *symbol)
                    }
                };
                Relocation {
                    offset: relocation.offset,
                    kind,
                    symbol,
                    addend: relocation.addend,
                }
            });
            sections.push(Section {
                align: 1,
                relocations: relocations.collect(),
                ..section(name, SectionKind::Unloaded, bytes)
            });
        }
    }

    /// The descriptor, its arrays and the exports.
    fn descriptor(&mut self, trap_bytes: u64) {
        let module = self.parts.module;
        let plan = &self.parts.layout.plan;
        let memories: Vec<_> = plan.memories.clone();
        let mut tables: Vec<_> = plan.tables.iter().map(|table| table.instance).collect();
        tables.extend(exceptions::instances(module, plan.exceptions));
        let arrays = [memories, tables].map(|places| {
            let content = &mut self.parts.layout.addresses;
            let start = content.align(8);
            for place in &places {
                content.address(place.data, u64::from(place.offset));
            }
            (start, places.len() as u64)
        });
        let exports = self.exports();
        let content = &mut self.parts.layout.addresses;
        let offset = content.align(16);
        content.u64(APPLICATION_MAGIC);
        content.u32(APPLICATION_VERSION);
        let has_guard = self.parts.options.null_guard && module.leaves_null_alone();
        content.u32(if has_guard {
            application_flags::NULL_GUARD
        } else {
            0
        });
        content.u64(cpu_features(self.parts.options.target_cpu));
        content.address(Single::Instantiate, 0);
        match start_entry(module) {
            Some(start) => content.address(start, 0),
            None => content.u64(0),
        };
        for (array, len) in arrays {
            content.address(Single::Addresses, array);
            content.u64(len);
        }
        content.address(Single::Addresses, exports);
        content.u64(module.exports.len() as u64);
        content.address(Single::Traps, 0);
        content.u64(trap_bytes / TRAP_SITE_BYTES as u64);
        content.address(Single::Text, 0);
        content.address(Single::Text, self.text_bytes);
        match self.parts.layout.exceptions {
            Some(_) => content.address(Single::Exceptions, 0),
            None => content.u64(0),
        };
        match &self.parts.layout.plan.counters {
            Some(CountersPlace { first, counters }) => {
                content.address(first.data, u64::from(first.offset));
                content.u64(counters.len);
            }
            None => {
                content.u64(0);
                content.u64(0);
            }
        }
        let len = content.len() - offset;
        let place = (SectionIndex::Addresses, offset);
        let name = symbol::APPLICATION.to_owned();
        self.symbols
            .define_data(Single::Application, name, place, len, Binding::Global);
    }

    /// Writes the rows of exports; returns where they begin.
    fn exports(&mut self) -> u64 {
        let module = self.parts.module;
        let mut rows = Content::default();
        for (number, export) in module.exports.iter().enumerate() {
            let kind = match export.item {
                Item::Function(_) => export_kind::FUNCTION,
                Item::Table(_) => export_kind::TABLE,
                Item::Memory(_) => export_kind::MEMORY,
                Item::Global(_) => export_kind::GLOBAL,
                Item::Tag(_) => export_kind::TAG,
            };
            let text = type_text(module, export.item);
            let name_at = self.parts.layout.bytes.append(export.name.as_bytes());
            let text_at = self.parts.layout.bytes.append(text.as_bytes());
            rows.address(Single::Bytes, name_at);
            rows.u32(export.name.len() as u32);
            rows.u32(kind);
            rows.address(Single::Bytes, text_at);
            rows.u64(text.len() as u64);
            let (target, addend) = self.exported(number as u32, export.name, export.item);
            rows.address(target, addend);
        }
        let content = &mut self.parts.layout.addresses;
        let start = content.align(8);
        content.append(&rows.bytes);
        for mut relocation in rows.relocations {
            relocation.offset += start;
            content.relocations.push(relocation);
        }
        start
    }

    /// The address of an export; names what is not a function.
    fn exported(&mut self, number: u32, name: &str, item: Item) -> (SymbolId, u64) {
        let plan = &self.parts.layout.plan;
        let place = match item {
            Item::Function(_) => return (SymbolId::Entry(number), 0),
            Item::Tag(index) => return self.exported_tag(number, name, index),
            Item::Table(index) => plan.tables[index as usize].instance,
            Item::Memory(index) => plan.memories[index as usize],
            Item::Global(index) => {
                plan.globals[index as usize].expect("an exported global has a place")
            }
        };
        let offset = u64::from(place.offset);
        if place.data == Single::State.into() {
            let at = (SectionIndex::State, offset);
            let name = names::export_symbol(name);
            let entry = SymbolId::Entry(number);
            self.symbols
                .define_data(entry, name, at, 0, Binding::Global);
        }
        (place.data, offset)
    }

    fn exported_tag(&mut self, number: u32, name: &str, index: u32) -> (SymbolId, u64) {
        let tag = SymbolId::Tag(index);
        let own = self.parts.layout.tags.iter().find(|(own, _)| *own == index);
        if let Some((_, offset)) = own {
            let at = (SectionIndex::Addresses, *offset);
            let name = names::export_symbol(name);
            let entry = SymbolId::Entry(number);
            self.symbols
                .define_data(entry, name, at, 0, Binding::Global);
        }
        (tag, 0)
    }

    /// The sections of data: state, constants with addresses, constants without, zeros.
    fn data(&mut self) -> [Section; 4] {
        let layout = &mut self.parts.layout;
        let state = std::mem::take(&mut layout.state);
        let addresses = std::mem::take(&mut layout.addresses);
        let bytes = std::mem::take(&mut layout.bytes);
        let zero_bytes = layout.zero_bytes;
        let constants = SectionKind::ReadOnlyAfterRelocation;
        [
            self.content(".mewz.state", SectionKind::Data, state),
            self.content(".data.rel.ro", constants, addresses),
            self.content(".rodata", SectionKind::ReadOnly, bytes),
            Section {
                size: zero_bytes,
                ..section(".bss", SectionKind::Zero, Vec::new())
            },
        ]
    }

    fn content(&mut self, name: &'static str, kind: SectionKind, content: Content) -> Section {
        let relocations = content.relocations.iter().map(|relocation| Relocation {
            offset: relocation.offset,
            kind: RelocationKind::Absolute64,
            symbol: self.symbols.index(relocation.target),
            addend: relocation.addend,
        });
        Section {
            relocations: relocations.collect(),
            ..section(name, kind, content.bytes)
        }
    }
}

/// The entry of `_start`.
fn start_entry(module: &Module<'_>) -> Option<SymbolId> {
    module.start_export()?;
    let number = module
        .exports
        .iter()
        .position(|export| export.name == "_start")?;
    Some(SymbolId::Entry(number as u32))
}

/// The text of an export's type.
fn type_text(module: &Module<'_>, item: Item) -> String {
    match item {
        Item::Function(index) => {
            let ty = module.function_type(index);
            format!("{}${}", ty.parameter_letters, ty.result_letters)
        }
        Item::Table(index) => module.letters(module.tables[index as usize].element),
        Item::Memory(_) => String::new(),
        Item::Global(index) => module.letters(module.globals[index as usize].ty),
        Item::Tag(index) => module.payload(index).parameter_letters.clone(),
    }
}
