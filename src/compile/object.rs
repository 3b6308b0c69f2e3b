//! The finished object: code, data, descriptor, trap table, address map and unwind tables.

use std::collections::HashMap;

use cranelift_codegen::isa::TargetIsa;
use cranelift_module::{DataId, FuncId, Linkage, Module as _, ModuleReloc, ModuleRelocTarget};
use cranelift_object::{ObjectModule, ObjectProduct};
use mewz_abi::application::{APPLICATION_MAGIC, APPLICATION_VERSION, export_kind};
use mewz_abi::symbol;
use object::write::{Relocation, SectionId, StandardSection, Symbol, SymbolId, SymbolSection};
use object::{RelocationEncoding, RelocationFlags, RelocationKind, SectionKind};
use object::{SymbolFlags, SymbolKind, SymbolScope};

use super::codegen::{Code, Task, Work};
use super::content::{Content, Target};
use super::debug::{self, FunctionRows};
use super::error::CompileError;
use super::layout::{Layout, import_data};
use super::module::{Item, Module, letter};
use super::names;
use super::options::Options;
use super::runtime::{self, RuntimeFunction};
use super::target::cpu_features;
use super::unwind;

/// Bytes of a `TrapSite`.
const TRAP_SITE_BYTES: usize = 12;

/// Section of everything that changes at run time.
const STATE_SECTION: &str = ".mewz.state";

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
    pub(super) code: Vec<Code>,
    /// `instantiate`.
    pub(super) instantiate: FuncId,
}

/// Writes the object.
///
/// # Errors
///
/// It would be too large.
pub(super) fn write(
    mut parts: Parts<'_>,
    mut object: ObjectModule,
    isa: &dyn TargetIsa,
) -> Result<Vec<u8>, CompileError> {
    let text_bytes: u64 = parts
        .code
        .iter()
        .map(|code| code.bytes.len() as u64 + 16)
        .sum();
    if text_bytes > TEXT_BYTES_MAX {
        return Err(CompileError::TooLarge(format!(
            "{text_bytes} bytes of code"
        )));
    }
    for (task, code) in parts.tasks.iter().zip(&mut parts.code) {
        for relocation in &mut code.relocations {
            bind(relocation, &mut object);
        }
        object
            .define_function_bytes(task.id, code.alignment, &code.bytes, &code.relocations)
            .expect("every task has a symbol of its own");
    }
    let traps = import_data(&mut object, "mewz_traps");
    let application = import_data(&mut object, symbol::APPLICATION);
    let product = object.finish();
    let mut writer = Writer::new(parts, product, traps);
    writer.name_functions();
    writer.traps();
    writer.addresses();
    writer.unwind(isa);
    writer.descriptor(application);
    writer.data();
    writer
        .product
        .object
        .write()
        .map_err(|error| CompileError::TooLarge(error.to_string()))
}

/// Binds a call of the runtime to its undefined symbol.
fn bind(relocation: &mut ModuleReloc, object: &mut ObjectModule) {
    if let ModuleRelocTarget::User {
        namespace: runtime::NAMESPACE,
        index,
    } = relocation.name
    {
        let function = RuntimeFunction::from_number(index).expect("the translator names it");
        relocation.name = object
            .declare_function(function.symbol(), Linkage::Import, &function.signature())
            .expect("names of the runtime clash with nothing")
            .into();
    }
}

struct Writer<'a> {
    parts: Parts<'a>,
    product: ObjectProduct,
    text: SectionId,
    text_symbol: SymbolId,
    state: SectionId,
    /// Entries of exported functions, by symbol.
    entries: HashMap<String, FuncId>,
    traps_data: DataId,
    traps_len: u64,
}

impl<'a> Writer<'a> {
    fn new(parts: Parts<'a>, mut product: ObjectProduct, traps_data: DataId) -> Self {
        let text = product.object.section_id(StandardSection::Text);
        let text_symbol = product.object.section_symbol(text);
        let is_entry = |task: &&Task<'_>| matches!(task.work, Work::Entry(_));
        let entries = parts.tasks.iter().filter(is_entry);
        let entries = entries.map(|task| (task.name.clone(), task.id)).collect();
        let object = &mut product.object;
        let state = object.add_section(Vec::new(), STATE_SECTION.into(), SectionKind::Data);
        Self {
            state,
            entries,
            parts,
            product,
            text,
            text_symbol,
            traps_data,
            traps_len: 0,
        }
    }

    /// Where each task's code lies in the code section.
    fn code_offset(&self, task: &Task<'_>) -> u64 {
        let symbol = self.product.function_symbol(task.id);
        self.product.object.symbol(symbol).value
    }

    /// Gives local functions their own names, which may repeat. Those of entries are settled already.
    fn name_functions(&mut self) {
        for task in &self.parts.tasks {
            if matches!(task.work, Work::Entry(_)) {
                continue;
            }
            let symbol = self.product.function_symbol(task.id);
            self.product.object.symbol_mut(symbol).name = task.name.clone().into_bytes();
        }
    }

    fn traps(&mut self) {
        let mut sites: Vec<[u32; 3]> = Vec::new();
        for (task, code) in self.parts.tasks.iter().zip(&self.parts.code) {
            let start = self.code_offset(task) as u32;
            sites.extend(
                code.traps
                    .iter()
                    .map(|trap| [start + trap.code_offset, trap.wasm_offset, trap.kind as u32]),
            );
        }
        sites.sort_unstable();
        sites.dedup_by_key(|site| site[0]);
        self.traps_len = sites.len() as u64;
        let mut bytes = Vec::with_capacity(sites.len() * TRAP_SITE_BYTES);
        for field in sites.iter().flatten() {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        let kind = SectionKind::ReadOnlyData;
        let section = self.add_section(symbol::TRAP_SECTION, kind, &bytes, 4);
        self.define(self.traps_data, section, 0, bytes.len() as u64);
    }

    fn addresses(&mut self) {
        let functions: Vec<FunctionRows<'_>> = self
            .parts
            .tasks
            .iter()
            .zip(&self.parts.code)
            .map(|(task, code)| FunctionRows {
                start: self.code_offset(task),
                len: code.bytes.len() as u64,
                wasm_index: task.wasm_index,
                rows: &code.locations,
            })
            .collect();
        let bytes = debug::encode(&functions, &names::functions(self.parts.module));
        self.add_section(symbol::ADDRESS_SECTION, SectionKind::Other, &bytes, 1);
    }

    fn unwind(&mut self, isa: &dyn TargetIsa) {
        let functions: Vec<_> = self
            .parts
            .tasks
            .iter()
            .zip(&self.parts.code)
            .filter_map(|(task, code)| Some((self.code_offset(task), code.unwind.as_ref()?)))
            .collect();
        let (bytes, relocations) = unwind::encode(isa, &functions);
        let section = self.product.object.section_id(StandardSection::EhFrame);
        self.product.object.append_section_data(section, &bytes, 8);
        for relocation in relocations {
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::Relative,
                encoding: RelocationEncoding::Generic,
                size: 32,
            };
            self.relocate(
                section,
                relocation.offset,
                self.text_symbol,
                relocation.addend,
                flags,
            );
        }
    }

    /// The descriptor, its arrays and the exports.
    fn descriptor(&mut self, application: DataId) {
        let module = self.parts.module;
        let plan = &self.parts.layout.plan;
        let memories: Vec<_> = plan.memories.clone();
        let tables: Vec<_> = plan.tables.iter().map(|table| table.instance).collect();
        let arrays = [memories, tables].map(|places| {
            let content = &mut self.parts.layout.addresses;
            let start = content.align(8);
            for place in &places {
                content.address(Target::Data(place.data), u64::from(place.offset));
            }
            (start, places.len() as u64)
        });
        let exports = self.exports();
        let start = self.start_entry();
        let text_bytes = self.product.object.section(self.text).data().len() as u64;
        let constants = Target::Data(self.parts.layout.sections.addresses);
        let traps = Target::Data(self.traps_data);
        let instantiate = Target::Function(self.parts.instantiate);
        let content = &mut self.parts.layout.addresses;
        let offset = content.align(16);
        content.u64(APPLICATION_MAGIC);
        content.u32(APPLICATION_VERSION);
        content.u32(0);
        content.u64(cpu_features(self.parts.options.target_cpu));
        content.address(instantiate, 0);
        match start {
            Some(start) => content.address(Target::Function(start), 0),
            None => content.u64(0),
        };
        for (array, len) in arrays {
            content.address(constants, array);
            content.u64(len);
        }
        content.address(constants, exports);
        content.u64(module.exports.len() as u64);
        content.address(traps, 0);
        content.u64(self.traps_len);
        content.address(Target::Text, 0);
        content.address(Target::Text, text_bytes);
        let len = content.len() - offset;
        let section = self.constants_section();
        self.define(application, section, offset, len);
        let symbol = self.product.data_symbol(application);
        self.product.object.symbol_mut(symbol).scope = SymbolScope::Dynamic;
    }

    /// Writes the rows of exports; returns where they begin.
    fn exports(&mut self) -> u64 {
        let module = self.parts.module;
        let mut rows = Content::default();
        for export in &module.exports {
            let kind = match export.item {
                Item::Function(_) => export_kind::FUNCTION,
                Item::Table(_) => export_kind::TABLE,
                Item::Memory(_) => export_kind::MEMORY,
                Item::Global(_) => export_kind::GLOBAL,
            };
            let text = type_text(module, export.item);
            let strings = Target::Data(self.parts.layout.sections.bytes);
            let name_at = self.parts.layout.bytes.append(export.name.as_bytes());
            let text_at = self.parts.layout.bytes.append(text.as_bytes());
            rows.address(strings, name_at);
            rows.u32(export.name.len() as u32);
            rows.u32(kind);
            rows.address(strings, text_at);
            rows.u64(text.len() as u64);
            let (target, addend) = self.exported(export.name, export.item);
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
    fn exported(&mut self, name: &str, item: Item) -> (Target, u64) {
        let plan = &self.parts.layout.plan;
        let place = match item {
            Item::Function(_) => return (Target::Function(self.entry(name)), 0),
            Item::Table(index) => plan.tables[index as usize].instance,
            Item::Memory(index) => plan.memories[index as usize],
            Item::Global(index) => {
                plan.globals[index as usize].expect("an exported global has a place")
            }
        };
        if place.data == self.parts.layout.sections.state {
            let section = self.state;
            self.product.object.add_symbol(Symbol {
                name: names::export_symbol(name).into_bytes(),
                value: u64::from(place.offset),
                size: 0,
                kind: SymbolKind::Data,
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Section(section),
                flags: SymbolFlags::None,
            });
        }
        (Target::Data(place.data), u64::from(place.offset))
    }

    /// The System V entry of an exported function.
    fn entry(&self, name: &str) -> FuncId {
        *self
            .entries
            .get(&names::export_symbol(name))
            .expect("every exported function has an entry")
    }

    /// The entry of `_start`.
    fn start_entry(&self) -> Option<FuncId> {
        self.parts
            .module
            .start_export()
            .map(|_| self.entry("_start"))
    }

    /// Writes the sections of data and defines their symbols.
    fn data(&mut self) {
        let state = std::mem::take(&mut self.parts.layout.state);
        let addresses = std::mem::take(&mut self.parts.layout.addresses);
        let bytes = std::mem::take(&mut self.parts.layout.bytes);
        let symbols = self.parts.layout.sections;
        let (state_section, constants) = (self.state, self.constants_section());
        let strings = self
            .product
            .object
            .section_id(StandardSection::ReadOnlyData);
        let zero = self
            .product
            .object
            .section_id(StandardSection::UninitializedData);
        self.content(state_section, symbols.state, &state);
        self.content(constants, symbols.addresses, &addresses);
        self.content(strings, symbols.bytes, &bytes);
        let zero_bytes = self.parts.layout.zero_bytes;
        self.product.object.append_section_bss(zero, zero_bytes, 16);
        self.define(symbols.zero, zero, 0, zero_bytes);
        for (id, offset) in std::mem::take(&mut self.parts.layout.types) {
            self.define(id, strings, offset, 1);
            let symbol = self.product.data_symbol(id);
            let symbol = self.product.object.symbol_mut(symbol);
            symbol.scope = SymbolScope::Dynamic;
            symbol.weak = true;
        }
    }

    fn content(&mut self, section: SectionId, symbol: DataId, content: &Content) {
        self.product
            .object
            .append_section_data(section, &content.bytes, 16);
        self.define(symbol, section, 0, content.len());
        for relocation in &content.relocations {
            let target = match relocation.target {
                Target::Function(id) => self.product.function_symbol(id),
                Target::Data(id) => self.product.data_symbol(id),
                Target::Text => self.text_symbol,
            };
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::Absolute,
                encoding: RelocationEncoding::Generic,
                size: 64,
            };
            self.relocate(section, relocation.offset, target, relocation.addend, flags);
        }
    }

    fn relocate(
        &mut self,
        section: SectionId,
        offset: u64,
        symbol: SymbolId,
        addend: i64,
        flags: RelocationFlags,
    ) {
        let relocation = Relocation {
            offset,
            symbol,
            addend,
            flags,
        };
        self.product
            .object
            .add_relocation(section, relocation)
            .expect("ELF for x86-64 has these relocations");
    }

    /// Defines a symbol that was declared before its place was known: local to the object.
    fn define(&mut self, id: DataId, section: SectionId, offset: u64, len: u64) {
        let symbol = self.product.data_symbol(id);
        let symbol = self.product.object.symbol_mut(symbol);
        symbol.section = SymbolSection::Section(section);
        symbol.scope = SymbolScope::Compilation;
        symbol.value = offset;
        symbol.size = len;
    }

    fn constants_section(&mut self) -> SectionId {
        self.product
            .object
            .section_id(StandardSection::ReadOnlyDataWithRel)
    }

    fn add_section(
        &mut self,
        name: &str,
        kind: SectionKind,
        bytes: &[u8],
        alignment: u64,
    ) -> SectionId {
        let object = &mut self.product.object;
        let section = object.add_section(Vec::new(), name.into(), kind);
        object.append_section_data(section, bytes, alignment);
        section
    }
}

/// The text of an export's type.
fn type_text(module: &Module<'_>, item: Item) -> String {
    match item {
        Item::Function(index) => {
            let ty = module.function_type(index);
            format!("{}${}", ty.parameter_letters, ty.result_letters)
        }
        Item::Table(index) => letter(module.tables[index as usize].element).to_string(),
        Item::Memory(_) => String::new(),
        Item::Global(index) => letter(module.globals[index as usize].ty).to_string(),
    }
}
