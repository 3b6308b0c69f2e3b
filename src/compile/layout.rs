//! Lays a module's data out in sections and settles the plan that code refers to.

use std::collections::{BTreeMap, HashMap};
use std::mem::offset_of;

use mewz_abi::application::{TableInstance, memory_flags};

use mewz_abi::exception::{ExceptionModule, Exceptions};

use super::content::Content;
use super::error::CompileError;
use super::exceptions;
use super::initializer::Initializer;
use super::module::{FunctionType, Module, SegmentMode};
use super::options::{MemoryBase, Options};
use super::plan::{CountersPlace, FunctionPlace, Place, Plan, SegmentPlace, TablePlace};
use super::profile::Counters;
use super::segments::{self, Runs};
use super::symbols::{Single, SymbolId};
use super::whole::Inlining;

/// Bytes of a global's slot.
const GLOBAL_BYTES: usize = 16;
/// Bytes of a table's element.
const ELEMENT_BYTES: u64 = 8;
/// Bytes of a counter.
const COUNTER_BYTES: u64 = 8;
/// Tables up to this many bytes are always laid out with their elements; larger ones only where they are mostly full.
const TABLE_BYTES_SMALL: u64 = 1 << 20;
/// Most bytes of data of an object: code reaches all of it with 32 bits.
const DATA_BYTES_MAX: u64 = 1 << 30;

/// What is laid out.
pub(super) struct Layout {
    /// Where everything lies.
    pub(super) plan: Plan,
    /// Content of the section of state.
    pub(super) state: Content,
    /// Length of the section of zeros.
    pub(super) zero_bytes: u64,
    /// Content of the section of constants with addresses.
    pub(super) addresses: Content,
    /// Content of the section of constants without.
    pub(super) bytes: Content,
    /// Indices of types that differ, with the offsets in `bytes` of what stands for each.
    pub(super) types: Vec<(u32, u64)>,
    /// Indices of the tags that are defined here, with the offsets in `addresses` of what they are.
    pub(super) tags: Vec<(u32, u64)>,
    /// Offset in `state` of the list of modules that deal with exceptions.
    pub(super) exceptions: Option<u64>,
    /// Offset among the zeros of room for the first exceptions.
    pub(super) exception_room: u64,
    /// What is left to do at instantiation, in order, before the start function.
    pub(super) steps: Vec<InstantiationStep>,
}

/// Something that only instantiation can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InstantiationStep {
    /// Evaluate and store the first value of a global.
    Global(u32),
    /// Fill a table with its first element.
    Table(u32),
    /// Evaluate and store a reference of an element segment.
    Element {
        /// The segment.
        segment: u32,
        /// The item in it.
        item: u32,
        /// Where it goes.
        place: Place,
    },
    /// Apply an active element segment.
    Elements(u32),
    /// Apply an active data segment whose bytes are at `content`.
    Data {
        /// The segment.
        segment: u32,
        /// Its bytes.
        content: Place,
    },
    /// Copy runs of bytes to where they are known to fit.
    Runs {
        /// The memory.
        memory: u32,
        /// Offset and length of each run, two u64 each.
        rows: Place,
        /// How many.
        count: u32,
        /// The bytes of all.
        content: Place,
    },
}

/// Lays out `module`.
///
/// # Errors
///
/// The data is too large.
pub(super) fn lay_out(
    module: &Module<'_>,
    options: &Options,
    inlining: Option<&Inlining>,
) -> Result<Layout, CompileError> {
    let mut layout = Layout {
        plan: Plan::default(),
        state: Content::default(),
        zero_bytes: 0,
        addresses: Content::default(),
        bytes: Content::default(),
        types: Vec::new(),
        tags: Vec::new(),
        exceptions: None,
        exception_room: 0,
        steps: Vec::new(),
    };
    layout.types(module);
    layout.functions(module, inlining);
    // Early, so that its offsets depend on nothing that a small change of the module moves.
    layout.exceptions(module);
    layout.globals(module);
    layout.memories(module, options);
    let contents = layout.tables_and_elements(module)?;
    layout.data(module);
    // Late, for the same reason: a function more makes a table longer.
    layout.table_contents(module, contents);
    if options.counts_runs {
        layout.counters(module);
    }
    layout.type_identities();
    let total =
        layout.state.len() + layout.zero_bytes + layout.addresses.len() + layout.bytes.len();
    if total > DATA_BYTES_MAX {
        return Err(CompileError::TooLarge(format!(
            "tables, globals and data need {total} bytes, more than {DATA_BYTES_MAX}"
        )));
    }
    Ok(layout)
}

impl Layout {
    /// Finds equal types.
    fn types(&mut self, module: &Module<'_>) {
        let mut known: HashMap<&FunctionType, u32> = HashMap::new();
        for (index, ty) in module.types.iter().enumerate() {
            let index = index as u32;
            let first = *known.entry(ty).or_insert(index);
            self.plan.types.push(SymbolId::Type(first));
        }
    }

    /// Lays down what stands for each type: last, so that a new type moves nothing that code refers to by its offset.
    fn type_identities(&mut self) {
        for (symbol, index) in self.plan.types.iter().zip(0..) {
            if *symbol == SymbolId::Type(index) {
                let offset = self.bytes.append(&[0]);
                self.types.push((index, offset));
            }
        }
    }

    fn counters(&mut self, module: &Module<'_>) {
        let counters = Counters::of(module);
        self.zero_bytes = self.zero_bytes.next_multiple_of(16);
        let first = place(Single::Zero, self.zero_bytes);
        self.zero_bytes += COUNTER_BYTES * counters.len;
        self.plan.counters = Some(CountersPlace { first, counters });
    }

    fn functions(&mut self, module: &Module<'_>, inlining: Option<&Inlining>) {
        for (index, function) in module.functions.iter().enumerate() {
            let index = index as u32;
            let is_imported = module.is_imported(index);
            let code = SymbolId::Function(index);
            let has_code = match inlining {
                // What a clause may take an exception of is called in the internal convention.
                _ if is_imported => function.is_referenced || module.exceptions.catches,
                Some(inlining) => inlining.is_needed(index),
                None => true,
            };
            let internal = has_code.then_some(code);
            let reference = internal.filter(|_| function.is_referenced).map(|code| {
                let offset = self.addresses.address(code, 0);
                let identity = self.plan.types[function.type_index as usize];
                self.addresses.address(identity, 0);
                place(Single::Addresses, offset)
            });
            self.plan.functions.push(FunctionPlace {
                internal,
                import: is_imported.then_some(SymbolId::ImportedFunction(index)),
                reference,
            });
        }
    }

    fn globals(&mut self, module: &Module<'_>) {
        for (index, global) in module.globals.iter().enumerate() {
            let Some(initial) = &global.initial else {
                let symbol = SymbolId::ImportedGlobal(index as u32);
                self.plan.globals.push(Some(place(symbol, 0)));
                continue;
            };
            if global.constant().is_some() && !global.is_exported {
                self.plan.globals.push(None);
                continue;
            }
            let offset = self.state.align(GLOBAL_BYTES);
            match initial {
                Initializer::Bits(bits) => {
                    self.state.append(&bits.to_le_bytes());
                }
                Initializer::Function(function) => {
                    self.reference(*function);
                    self.state.u64(0);
                }
                Initializer::Steps(_) => {
                    self.state.zeros(GLOBAL_BYTES);
                    self.steps.push(InstantiationStep::Global(index as u32));
                }
            }
            let place = place(Single::State, offset);
            self.plan.globals.push(Some(place));
        }
    }

    /// Appends a reference to a function to the state.
    fn reference(&mut self, function: u32) {
        let reference = self.plan.functions[function as usize]
            .reference
            .expect("functions in initialisers are referenced");
        self.state
            .address(reference.data, u64::from(reference.offset));
    }

    fn memories(&mut self, module: &Module<'_>, options: &Options) {
        for (index, memory) in module.memories.iter().enumerate() {
            if memory.is_imported {
                let symbol = SymbolId::ImportedMemory(index as u32);
                self.plan.memories.push(place(symbol, 0));
                continue;
            }
            let base = match options.memory_base {
                MemoryBase::Constant(base) if index == 0 => base,
                _ => 0,
            };
            let flags = match memory.index_64 {
                true => memory_flags::INDEX_64,
                false => 0,
            };
            let offset = self.state.align(16);
            self.state.u64(base);
            self.state.u64(memory.min_bytes);
            self.state.u64(memory.max_bytes);
            self.state.u32(flags);
            self.state.u32(memory.page_bytes_log2);
            let place = place(Single::State, offset);
            self.plan.memories.push(place);
        }
    }

    /// Lays down instances of tables and segments of elements; returns what the tables hold.
    fn tables_and_elements(&mut self, module: &Module<'_>) -> Result<TableContents, CompileError> {
        check_table_sizes(module)?;
        let mut contents = TableContents::new(module);
        let first_dynamic = contents.fill(module);
        for (index, table) in module.tables.iter().enumerate() {
            if contents.is_dynamic(module, index) {
                self.steps.push(InstantiationStep::Table(index as u32));
            }
            let instance = if table.is_imported {
                place(SymbolId::ImportedTable(index as u32), 0)
            } else {
                self.state.align(16);
                place(Single::State, self.state.zeros(size_of::<TableInstance>()))
            };
            self.plan.tables.push(TablePlace {
                instance,
                elements: None,
            });
        }
        self.element_segments(module, first_dynamic);
        Ok(contents)
    }

    /// Lays down what tables hold, and fills their instances.
    fn table_contents(&mut self, module: &Module<'_>, mut contents: TableContents) {
        for (index, table) in module.tables.iter().enumerate() {
            if table.is_imported {
                continue;
            }
            let elements =
                self.table_elements(contents.tables[index].take(), table.min * ELEMENT_BYTES);
            let addressable = match table.index_64 {
                true => u64::MAX,
                false => u64::from(u32::MAX),
            };
            let places = &mut self.plan.tables[index];
            places.elements = Some(elements);
            let at = u64::from(places.instance.offset);
            let field = |offset: usize| at + offset as u64;
            let state = &mut self.state;
            state.set_address(
                field(offset_of!(TableInstance, elements)),
                elements.data,
                u64::from(elements.offset),
            );
            for (offset, value) in [
                (offset_of!(TableInstance, len), table.min),
                (
                    offset_of!(TableInstance, len_max),
                    table.max.unwrap_or(addressable),
                ),
                (offset_of!(TableInstance, capacity), table.min),
            ] {
                state.set_u64(field(offset), value);
            }
        }
    }

    /// Tags, and what run time needs to know of exceptions.
    fn exceptions(&mut self, module: &Module<'_>) {
        for (index, tag) in module.tags.iter().enumerate() {
            if !tag.is_imported {
                let offset = self.addresses.align(8);
                let identity = self.plan.types[tag.type_index as usize];
                self.addresses.address(identity, 0);
                self.addresses.u64(index as u64);
                self.tags.push((index as u32, offset));
            }
        }
        if !module.takes_part_in_exceptions() {
            return;
        }
        let list = self.state.align(16);
        self.state.zeros(size_of::<Exceptions>());
        let own = self.state.zeros(size_of::<ExceptionModule>());
        self.plan.exceptions = Some(place(Single::State, own));
        self.exceptions = Some(list);
        if module.has_exceptions() {
            self.zero_bytes = self.zero_bytes.next_multiple_of(16);
            self.exception_room = self.zero_bytes;
            self.zero_bytes += exceptions::first_chunk_bytes(module);
        }
    }

    /// Lays down a table's first elements: in the state where any is set, else among the zeros.
    fn table_elements(&mut self, elements: Option<Vec<u32>>, bytes: u64) -> Place {
        let Some(elements) = elements.filter(|elements| elements.iter().any(|e| *e != 0)) else {
            let offset = self.zero_bytes;
            self.zero_bytes += bytes;
            return place(Single::Zero, offset);
        };
        let offset = self.state.align(16);
        for element in elements {
            match element.checked_sub(1) {
                Some(function) => self.reference(function),
                None => {
                    self.state.u64(0);
                }
            }
        }
        place(Single::State, offset)
    }

    /// Lays down the segments that operators or instantiation need.
    fn element_segments(&mut self, module: &Module<'_>, first_dynamic: usize) {
        let mut applications = Vec::new();
        for (index, segment) in module.elements.iter().enumerate() {
            let is_applied =
                index >= first_dynamic && matches!(segment.mode, SegmentMode::Active { .. });
            if !segment.is_used && !is_applied {
                self.plan.elements.push(None);
                continue;
            }
            let has_content = is_applied || matches!(segment.mode, SegmentMode::Passive);
            let content = if has_content {
                self.element_items(index as u32, &segment.items)
            } else {
                place(Single::Bytes, 0)
            };
            let len = if has_content { segment.items.len() } else { 0 };
            let len = self.segment_len(len as u64);
            self.plan.elements.push(Some(SegmentPlace { content, len }));
            if is_applied {
                applications.push(InstantiationStep::Elements(index as u32));
            }
        }
        self.steps.extend(applications);
    }

    fn element_items(&mut self, segment: u32, items: &[Initializer]) -> Place {
        let is_constant = items.iter().all(Initializer::is_constant);
        let offset = match is_constant {
            true => self.addresses.align(8),
            false => self.state.align(8),
        };
        for (item, initial) in items.iter().enumerate() {
            let reference = match initial {
                Initializer::Function(function) => {
                    self.plan.functions[*function as usize].reference
                }
                _ => None,
            };
            let content = if is_constant {
                &mut self.addresses
            } else {
                &mut self.state
            };
            let at = match reference {
                Some(place) => content.address(place.data, u64::from(place.offset)),
                None => content.u64(0),
            };
            if !initial.is_constant() {
                self.steps.push(InstantiationStep::Element {
                    segment,
                    item: item as u32,
                    place: place(Single::State, at),
                });
            }
        }
        let data = if is_constant {
            Single::Addresses
        } else {
            Single::State
        };
        place(data, offset)
    }

    /// A cell with the current length of a segment.
    fn segment_len(&mut self, len: u64) -> Place {
        self.state.align(8);
        place(Single::State, self.state.u64(len))
    }

    /// Lays down data segments: those that are known to fit as runs, others with a step each.
    fn data(&mut self, module: &Module<'_>) {
        let mut waiting = Waiting::new(module);
        for (index, segment) in module.data.iter().enumerate() {
            let mut place_of_segment = None;
            match &segment.mode {
                SegmentMode::Active { target, offset } => {
                    let min_bytes = module.memories[*target as usize].min_bytes;
                    let end = |offset: u64| offset.checked_add(segment.bytes.len() as u64);
                    let fits = |offset: &u64| end(*offset).is_some_and(|end| end <= min_bytes);
                    match offset.as_index().filter(fits) {
                        Some(offset) => waiting.add(*target, offset, segment.bytes),
                        None => {
                            self.runs(&mut waiting);
                            waiting.is_zeroed.fill(false);
                            let content = self.segment_bytes(segment.bytes);
                            self.steps.push(InstantiationStep::Data {
                                segment: index as u32,
                                content,
                            });
                        }
                    }
                    if segment.is_used {
                        place_of_segment = Some((place(Single::Bytes, 0), 0));
                    }
                }
                _ if segment.is_used => {
                    let content = self.segment_bytes(segment.bytes);
                    place_of_segment = Some((content, segment.bytes.len() as u64));
                }
                _ => {}
            }
            let segment_place = place_of_segment.map(|(content, len)| SegmentPlace {
                content,
                len: self.segment_len(len),
            });
            self.plan.data.push(segment_place);
        }
        self.runs(&mut waiting);
    }

    fn segment_bytes(&mut self, bytes: &[u8]) -> Place {
        place(Single::Bytes, self.bytes.append(bytes))
    }

    /// Lays down what waits, memory by memory.
    fn runs(&mut self, waiting: &mut Waiting<'_>) {
        for (memory, segments) in std::mem::take(&mut waiting.segments) {
            let is_zeroed = waiting.is_zeroed[memory as usize];
            let Runs { rows, bytes } = segments::flatten(&segments, is_zeroed);
            if rows.is_empty() {
                continue;
            }
            let at = self.bytes.align(16);
            for (offset, len) in &rows {
                self.bytes.u64(*offset);
                self.bytes.u64(*len);
            }
            let content = self.segment_bytes(&bytes);
            self.steps.push(InstantiationStep::Runs {
                memory,
                rows: place(Single::Bytes, at),
                count: rows.len() as u32,
                content,
            });
        }
    }
}

/// Data segments that are known to fit and not laid down yet.
struct Waiting<'a> {
    /// Offset and bytes of each, in order, by memory.
    segments: BTreeMap<u32, Vec<(u64, &'a [u8])>>,
    /// Whether a memory holds nothing but zeros and runs, by memory.
    is_zeroed: Vec<bool>,
}

impl<'a> Waiting<'a> {
    fn new(module: &Module<'_>) -> Self {
        let memories = module.memories.iter();
        Self {
            segments: BTreeMap::new(),
            is_zeroed: memories.map(|memory| !memory.is_imported).collect(),
        }
    }

    fn add(&mut self, memory: u32, offset: u64, bytes: &'a [u8]) {
        let segments = self.segments.entry(memory).or_default();
        segments.push((offset, bytes));
    }
}

/// # Errors
///
/// The tables that are defined here would be too large together.
fn check_table_sizes(module: &Module<'_>) -> Result<(), CompileError> {
    let tables = module.tables.iter().filter(|table| !table.is_imported);
    let elements = tables.fold(0, |sum: u64, table| sum.saturating_add(table.min));
    if elements <= DATA_BYTES_MAX / ELEMENT_BYTES {
        return Ok(());
    }
    Err(CompileError::TooLarge(format!(
        "tables of {elements} elements"
    )))
}

/// First elements of the tables that are defined here: 0 for null, else a function's index and 1.
struct TableContents {
    tables: Vec<Option<Vec<u32>>>,
}

impl TableContents {
    fn new(module: &Module<'_>) -> Self {
        let mut filled = vec![0_u64; module.tables.len()];
        for segment in &module.elements {
            if let SegmentMode::Active { target, .. } = segment.mode {
                filled[target as usize] += segment.items.len() as u64;
            }
        }
        let tables = module.tables.iter().zip(filled).map(|(table, filled)| {
            let is_small = table.min * ELEMENT_BYTES <= TABLE_BYTES_SMALL;
            let is_worth = filled > 0 && (is_small || filled >= table.min / 4);
            let first = match &table.initial {
                None => 0,
                Some(Initializer::Function(function)) => function + 1,
                Some(_) => return None,
            };
            let is_worth = is_worth || (first != 0 && is_small);
            (is_worth && !table.is_imported).then(|| vec![first; table.min as usize])
        });
        Self {
            tables: tables.collect(),
        }
    }

    /// Whether instantiation must fill table `index` with its first element.
    fn is_dynamic(&self, module: &Module<'_>, index: usize) -> bool {
        module.tables[index].initial.is_some() && self.tables[index].is_none()
    }

    /// Applies active segments in order up to the first that instantiation must apply; returns that one's index.
    fn fill(&mut self, module: &Module<'_>) -> usize {
        for (index, segment) in module.elements.iter().enumerate() {
            let SegmentMode::Active { target, offset } = &segment.mode else {
                continue;
            };
            if self.apply(*target, offset, &segment.items).is_none() {
                return index;
            }
        }
        module.elements.len()
    }

    fn apply(&mut self, target: u32, offset: &Initializer, items: &[Initializer]) -> Option<()> {
        let table = self.tables[target as usize].as_mut()?;
        let range = table
            .get_mut(usize::try_from(offset.as_index()?).ok()?..)?
            .get_mut(..items.len())?;
        if !items.iter().all(Initializer::is_constant) {
            return None;
        }
        for (element, item) in range.iter_mut().zip(items) {
            *element = match item {
                Initializer::Function(function) => function + 1,
                _ => 0,
            };
        }
        Some(())
    }
}

/// A place in a section. Its offset fits: [`lay_out`] checks the sections' sizes before anyone uses it.
fn place(data: impl Into<SymbolId>, offset: u64) -> Place {
    Place {
        data: data.into(),
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
    }
}
