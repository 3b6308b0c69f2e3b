//! Bytes to a validated [`Module`].

use rayon::prelude::*;
use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, FuncToValidate, FuncValidatorAllocations,
    FunctionBody, Import, Imports, KnownCustom, Name, Operator, Parser, Payload, TableInit,
    TypeRef, ValType, ValidPayload, Validator, ValidatorResources,
};

use super::error::CompileError;
use super::features::{self, FEATURES};
use super::initializer::Initializer;
use super::module::{
    DataSegment, ElementSegment, Export, Function, FunctionType, Global, ImportName, Item, Memory,
    Module, SegmentMode, Table, Tag,
};
use super::relocated::Relocated;

/// Logarithm of the size of a page that a module gives no size for, base 2.
const PAGE_BYTES_LOG2: u32 = mewz_abi::address::WASM_PAGE_BYTES.ilog2();

/// Most bytes that a 32-bit index can address.
const MEMORY_BYTES_MAX: u64 = 1 << 32;

/// What compilers of the LLVM family call the global that points to the end of their stack in linear memory.
const STACK_POINTER: &str = "__stack_pointer";

/// Reads and validates a whole module.
///
/// # Errors
///
/// As [`super::compile`].
pub(super) fn module(wasm: &[u8]) -> Result<Module<'_>, CompileError> {
    let (mut module, bodies) = sections(wasm)?;
    validate(wasm, &mut module, bodies)?;
    Ok(module)
}

/// Validates `bodies` of `wasm` and takes note of what they do that the plan must know.
///
/// # Errors
///
/// The error nearest to the module's start.
pub(super) fn validate(
    wasm: &[u8],
    module: &mut Module<'_>,
    bodies: Vec<Body<'_>>,
) -> Result<(), CompileError> {
    let uses = validate_bodies(bodies).map_err(|error| features::explain(wasm, &error))?;
    for used in uses {
        match used {
            Use::GrowsTable(index) => module.tables[index as usize].is_grown = true,
            Use::WritesTable(index) => module.tables[index as usize].is_written = true,
            Use::Data(index) => module.data[index as usize].is_used = true,
            Use::Element(index) => module.elements[index as usize].is_used = true,
            Use::Throws => module.exceptions.throws = true,
            Use::Catches => module.exceptions.catches = true,
        }
    }
    Ok(())
}

/// Reads and validates everything but the bodies.
///
/// # Errors
///
/// As [`super::compile`].
pub(super) fn without_bodies(wasm: &[u8]) -> Result<Module<'_>, CompileError> {
    sections(wasm).map(|(module, _)| module)
}

/// A body that is still to be validated.
pub(super) type Body<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Reads a module and validates everything but the bodies.
///
/// # Errors
///
/// As [`super::compile`].
pub(super) fn sections(wasm: &[u8]) -> Result<(Module<'_>, Vec<Body<'_>>), CompileError> {
    if !wasm.starts_with(b"\0asm") {
        return Err(CompileError::NotWasm);
    }
    if Parser::is_component(wasm) {
        return Err(CompileError::Component);
    }
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut module = Module::default();
    let mut bodies = Vec::new();
    for payload in parser.parse_all(wasm) {
        let payload = payload.map_err(|error| features::explain(wasm, &error))?;
        let valid = validator
            .payload(&payload)
            .map_err(|error| features::explain(wasm, &error))?;
        if let ValidPayload::Func(to_validate, body) = valid {
            module.bodies.push(body.clone());
            bodies.push((to_validate, body));
        } else {
            module
                .section(payload)
                .map_err(|error| features::explain(wasm, &error))?;
        }
    }
    module.note_references();
    // Checks of bounds are made for offsets that are known.
    let has_guard = module.memories.first().is_some_and(Memory::has_guard);
    module.relocated.settle(has_guard);
    Ok((module, bodies))
}

/// Something that a body does which the plan must know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    GrowsTable(u32),
    WritesTable(u32),
    Data(u32),
    Element(u32),
    Throws,
    Catches,
}

/// Validates every body; the error is the one nearest to the module's start.
fn validate_bodies(bodies: Vec<Body<'_>>) -> wasmparser::Result<Vec<Use>> {
    let results: Vec<wasmparser::Result<Vec<Use>>> = bodies
        .into_par_iter()
        .with_min_len(16)
        .map_init(
            || Some(FuncValidatorAllocations::default()),
            |allocations, (to_validate, body)| {
                let spare = allocations.take().unwrap_or_default();
                let mut validator = to_validate.into_validator(spare);
                let uses = validate_body(&mut validator, &body)?;
                *allocations = Some(validator.into_allocations());
                Ok(uses)
            },
        )
        .collect();
    let mut all = Vec::new();
    for result in results {
        all.extend(result?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn validate_body(
    validator: &mut wasmparser::FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
) -> wasmparser::Result<Vec<Use>> {
    let mut uses = Vec::new();
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut operators = wasmparser::OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        match operator {
            Operator::TableGrow { table } => uses.push(Use::GrowsTable(table)),
            Operator::MemoryInit { data_index, .. } | Operator::DataDrop { data_index } => {
                uses.push(Use::Data(data_index));
            }
            Operator::TableInit { elem_index, table } => {
                uses.push(Use::Element(elem_index));
                uses.push(Use::WritesTable(table));
            }
            Operator::ElemDrop { elem_index } => uses.push(Use::Element(elem_index)),
            Operator::TableSet { table }
            | Operator::TableFill { table }
            | Operator::TableCopy {
                dst_table: table, ..
            } => uses.push(Use::WritesTable(table)),
            Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {
                uses.push(Use::Throws);
            }
            Operator::Try { .. } | Operator::TryTable { .. } => uses.push(Use::Catches),
            _ => {}
        }
    }
    operators.finish()?;
    uses.sort_unstable();
    uses.dedup();
    Ok(uses)
}

impl<'a> Module<'a> {
    /// Takes in a section that the validator has passed.
    fn section(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    let ty = FunctionType::new(ty.params(), ty.results(), &self.types);
                    self.types.push(ty);
                }
            }
            Payload::ImportSection(section) => {
                for group in section {
                    if let Imports::Single(_, import) = group? {
                        self.import(&import);
                    }
                }
                self.functions_imported = self.functions.len() as u32;
            }
            Payload::FunctionSection(section) => {
                for type_index in section {
                    self.functions.push(function(type_index?));
                }
            }
            Payload::TableSection(section) => {
                for entry in section {
                    let entry = entry?;
                    let initial = match &entry.init {
                        TableInit::RefNull => None,
                        TableInit::Expr(expression) => {
                            Some(Initializer::read(expression, &self.globals)?)
                        }
                    };
                    let initial = initial.filter(|initial| *initial != Initializer::Bits(0));
                    self.tables.push(table(&entry.ty, false, initial));
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    self.memories.push(memory(&ty?, false));
                }
            }
            Payload::TagSection(section) => {
                for ty in section {
                    self.tags.push(Tag {
                        type_index: ty?.func_type_idx,
                        is_imported: false,
                    });
                }
            }
            Payload::GlobalSection(section) => {
                for entry in section {
                    let entry = entry?;
                    let initial = Initializer::read(&entry.init_expr, &self.globals)?;
                    self.globals.push(global(&entry.ty, Some(initial)));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.export(&export?);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for segment in section {
                    let segment = self.element_segment(segment?)?;
                    self.elements.push(segment);
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    let segment = self.data_segment(segment?)?;
                    self.data.push(segment);
                }
            }
            Payload::CodeSectionStart {
                unchecked_range, ..
            } => self.code_offset = unchecked_range.start as u32,
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => self.names(names),
                KnownCustom::Reloc(relocations) if section.name() == "reloc.CODE" => {
                    self.relocated = Relocated::read(&relocations, self.code_offset);
                }
                _ if section.name().starts_with(".debug_") => {
                    let named = (section.name(), section.data());
                    self.debug_sections.push(named);
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &Import<'a>) {
        let item = match import.ty {
            TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) => {
                self.functions.push(function(type_index));
                Item::Function(self.functions.len() as u32 - 1)
            }
            TypeRef::Table(ty) => {
                self.tables.push(table(&ty, true, None));
                Item::Table(self.tables.len() as u32 - 1)
            }
            TypeRef::Memory(ty) => {
                self.memories.push(memory(&ty, true));
                Item::Memory(self.memories.len() as u32 - 1)
            }
            TypeRef::Global(ty) => {
                self.globals.push(global(&ty, None));
                Item::Global(self.globals.len() as u32 - 1)
            }
            TypeRef::Tag(ty) => {
                self.tags.push(Tag {
                    type_index: ty.func_type_idx,
                    is_imported: true,
                });
                Item::Tag(self.tags.len() as u32 - 1)
            }
        };
        self.imports.push(ImportName {
            module: import.module,
            field: import.name,
            item,
        });
    }

    fn export(&mut self, export: &wasmparser::Export<'a>) {
        let index = export.index;
        let item = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => Item::Function(index),
            ExternalKind::Table => {
                self.tables[index as usize].is_exported = true;
                Item::Table(index)
            }
            ExternalKind::Memory => Item::Memory(index),
            ExternalKind::Global => {
                self.globals[index as usize].is_exported = true;
                Item::Global(index)
            }
            ExternalKind::Tag => Item::Tag(index),
        };
        self.exports.push(Export {
            name: export.name,
            item,
        });
    }

    fn element_segment(
        &self,
        segment: wasmparser::Element<'a>,
    ) -> wasmparser::Result<ElementSegment> {
        let mode = match segment.kind {
            ElementKind::Passive => SegmentMode::Passive,
            ElementKind::Declared => SegmentMode::Declared,
            ElementKind::Active {
                table_index,
                offset_expr,
            } => SegmentMode::Active {
                target: table_index.unwrap_or(0),
                offset: Initializer::read(&offset_expr, &self.globals)?,
            },
        };
        let mut items = Vec::new();
        match segment.items {
            ElementItems::Functions(functions) => {
                for index in functions {
                    items.push(Initializer::Function(index?));
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    items.push(Initializer::read(&expression?, &self.globals)?);
                }
            }
        }
        Ok(ElementSegment {
            mode,
            items,
            is_used: false,
        })
    }

    fn data_segment(&self, segment: wasmparser::Data<'a>) -> wasmparser::Result<DataSegment<'a>> {
        let mode = match segment.kind {
            DataKind::Passive => SegmentMode::Passive,
            DataKind::Active {
                memory_index,
                offset_expr,
            } => SegmentMode::Active {
                target: memory_index,
                offset: Initializer::read(&offset_expr, &self.globals)?,
            },
        };
        Ok(DataSegment {
            mode,
            bytes: segment.data,
            is_used: false,
        })
    }

    /// Takes the names of functions and tags. The section is custom: what can't be read is left out, and no error.
    fn names(&mut self, names: wasmparser::NameSectionReader<'a>) {
        for subsection in names.into_iter().map_while(Result::ok) {
            if let Name::Global(map) = subsection {
                let mut named = map.into_iter().map_while(Result::ok);
                let found = named.find(|naming| naming.name == STACK_POINTER);
                self.stack_pointer = found.map(|naming| naming.index);
                continue;
            }
            let (map, names) = match subsection {
                Name::Function(map) => (map, &mut self.function_names),
                Name::Tag(map) => (map, &mut self.tag_names),
                _ => continue,
            };
            for naming in map.into_iter().map_while(Result::ok) {
                names.insert(naming.index, naming.name);
            }
        }
    }

    /// Marks the functions that a reference can be made to.
    fn note_references(&mut self) {
        let mut referenced: Vec<u32> = Vec::new();
        for export in &self.exports {
            if let Item::Function(index) = export.item {
                referenced.push(index);
            }
        }
        for global in &self.globals {
            referenced.extend(global.initial.iter().flat_map(Initializer::functions));
        }
        for table in &self.tables {
            referenced.extend(table.initial.iter().flat_map(Initializer::functions));
        }
        for segment in &self.elements {
            referenced.extend(segment.items.iter().flat_map(Initializer::functions));
        }
        for index in referenced {
            self.functions[index as usize].is_referenced = true;
        }
    }
}

fn function(type_index: u32) -> Function {
    Function {
        type_index,
        is_referenced: false,
    }
}

fn table(ty: &wasmparser::TableType, is_imported: bool, initial: Option<Initializer>) -> Table {
    Table {
        element: ValType::Ref(ty.element_type),
        min: ty.initial,
        max: ty.maximum,
        initial,
        index_64: ty.table64,
        is_imported,
        is_exported: false,
        is_grown: false,
        is_written: false,
    }
}

fn memory(ty: &wasmparser::MemoryType, is_imported: bool) -> Memory {
    let page_bytes_log2 = ty.page_size_log2.unwrap_or(PAGE_BYTES_LOG2);
    let bytes = |pages: u64| pages.saturating_mul(1 << page_bytes_log2);
    let addressable = match ty.memory64 {
        true => u64::MAX,
        false => MEMORY_BYTES_MAX,
    };
    Memory {
        min_bytes: bytes(ty.initial),
        max_bytes: ty.maximum.map_or(addressable, bytes),
        index_64: ty.memory64,
        page_bytes_log2,
        is_shared: ty.shared,
        pages: (ty.initial, ty.maximum),
        is_imported,
    }
}

fn global(ty: &wasmparser::GlobalType, initial: Option<Initializer>) -> Global {
    Global {
        ty: ty.content_type,
        is_mutable: ty.mutable,
        initial,
        is_exported: false,
    }
}
