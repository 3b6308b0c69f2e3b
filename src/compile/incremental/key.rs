//! Keys: a digest of all that a function's code depends on, and of nothing that merely moves.
//!
//! Whoever lets code below `OptLevel::Module` depend on another fact of the module adds it here. The structures are taken
//! apart field by field, so that a new field does not compile before someone has decided.

use wasmparser::FunctionBody;

use super::reading::{Kind, Reading, Reference};
use crate::compile::dwarf::WantedLocals;
use crate::compile::initializer::Initializer;
use crate::compile::module::{Function, Global, Memory, Module, Table, Tag};
use crate::compile::options::{DebugLevel, Options};
use crate::compile::plan::{FunctionPlace, Place, Plan, SegmentPlace, TablePlace};
use crate::compile::relocated::Places;
use crate::compile::symbols::SymbolId;

/// Names a function's code.
pub(super) type Key = [u8; 16];

/// Makes the keys of one module.
pub(in crate::compile) struct Keys<'a> {
    module: &'a Module<'a>,
    plan: &'a Plan,
    /// What every function depends on.
    surroundings: Key,
    /// A digest of each type.
    types: Vec<Key>,
    /// What code depends on of each global.
    globals: Vec<Key>,
    /// What code depends on of each table.
    tables: Vec<Key>,
}

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::compile) enum Subject {
    /// A body of the module.
    Body,
    /// The entry of an export.
    Entry,
    /// What calls an import for those who know it by reference.
    Shim,
}

impl<'a> Keys<'a> {
    /// Keys of functions of `module` as `plan` lays it out.
    pub(in crate::compile) fn new(
        module: &'a Module<'a>,
        plan: &'a Plan,
        options: &Options,
    ) -> Self {
        let mut text = Text::default();
        text.add(env!("CARGO_PKG_VERSION"));
        text.add(cranelift_codegen::VERSION);
        // Whether the first page is guarded is the descriptor's affair.
        let of_code = Options {
            null_guard: false,
            // Lines and frames are told of code as it is.
            debug: match options.debug {
                DebugLevel::Full => DebugLevel::Full,
                DebugLevel::Frames | DebugLevel::Lines | DebugLevel::None => DebugLevel::None,
            },
            ..options.clone()
        };
        text.add(&format!("{of_code:?}"));
        for (memory, place) in module.memories.iter().zip(&plan.memories) {
            text.memory(memory, *place);
        }
        // Entries count how often the module is entered.
        text.flags(&[module.has_exceptions()]);
        text.place(plan.exceptions);
        // A type's letters tell its structure, whatever the indices of the types that it names.
        let types = module.types.iter().map(|ty| digest(&format!("{ty:?}")));
        let globals = (0..module.globals.len()).map(|index| global(module, plan, index));
        let tables = module.tables.iter().zip(&plan.tables);
        Self {
            globals: globals.collect(),
            tables: tables
                .map(|(table, place)| digest_table(module, table, place))
                .collect(),
            module,
            plan,
            surroundings: text.finish(),
            types: types.collect(),
        }
    }

    /// The key of the code that stands for function `index`; `None` where the body names what is not there.
    pub(in crate::compile) fn key(
        &self,
        subject: Subject,
        index: u32,
        reading: &Reading,
    ) -> Option<Key> {
        let mut text = Text(Vec::with_capacity(256));
        text.key(&self.surroundings);
        text.0.push(subject as u8);
        text.0.extend_from_slice(&reading.digest);
        if let Some(wanted) = self.wanted(subject, index) {
            text.add(&format!("{wanted:?}"));
        }
        self.describe(
            &mut text,
            Reference {
                kind: Kind::Function,
                index,
            },
        )?;
        for reference in &reading.references {
            self.describe(&mut text, *reference)?;
        }
        Some(text.finish())
    }

    /// The locals of function `index` that debug information wants.
    fn wanted(&self, subject: Subject, index: u32) -> Option<&WantedLocals> {
        let body = index.checked_sub(self.module.functions_imported)?;
        let body = self.module.bodies.get(body as usize)?;
        let wanted = self
            .module
            .wanted
            .of(self.module, body.range().start as u32);
        wanted.filter(|_| subject == Subject::Body)
    }

    /// All that code depends on of what `reference` names.
    fn describe(&self, text: &mut Text, reference: Reference) -> Option<()> {
        let Reference { kind, index } = reference;
        text.0.push(kind as u8);
        let at = index as usize;
        match kind {
            Kind::Type => text.key(self.types.get(at)?),
            Kind::Function => self.function(text, index)?,
            Kind::FunctionReference => {
                self.function(text, index)?;
                text.place(self.plan.functions[at].reference);
            }
            Kind::Table | Kind::GrownTable => text.key(self.tables.get(at)?),
            Kind::Global => text.key(self.globals.get(at)?),
            Kind::Data => text.segment(*self.plan.data.get(at)?),
            Kind::Element => text.segment(*self.plan.elements.get(at)?),
            // What it carries; where it lies is in the relocation.
            Kind::Tag => {
                let Tag {
                    type_index,
                    is_imported,
                } = self.module.tags.get(at)?;
                text.key(self.types.get(*type_index as usize)?);
                text.flags(&[*is_imported]);
            }
        }
        Some(())
    }

    fn function(&self, text: &mut Text, index: u32) -> Option<()> {
        let Function {
            type_index,
            // It shows in the place of the reference.
            is_referenced: _,
        } = self.module.functions.get(index as usize)?;
        let FunctionPlace {
            internal,
            import,
            reference: _,
        } = self.plan.functions[index as usize];
        text.key(&self.types[*type_index as usize]);
        text.flags(&[internal.is_some(), import.is_some()]);
        Some(())
    }
}

fn global(module: &Module<'_>, plan: &Plan, index: usize) -> Key {
    let global = &module.globals[index];
    let Global {
        ty,
        is_mutable,
        initial: _,
        // It shows in the place.
        is_exported: _,
    } = global;
    let mut text = Text::default();
    text.add(&module.letters(*ty));
    text.flags(&[*is_mutable]);
    text.place(plan.globals[index]);
    match global.constant() {
        None => text.flags(&[false]),
        Some(Initializer::Function(function)) => {
            text.flags(&[true, true]);
            text.place(plan.functions[*function as usize].reference);
        }
        Some(constant) => {
            text.flags(&[true, false]);
            text.add(&format!("{constant:?}"));
        }
    }
    text.finish()
}

fn digest_table(module: &Module<'_>, table: &Table, place: &TablePlace) -> Key {
    let Table {
        element,
        // Code reads the length at run time.
        min: _,
        max: _,
        index_64,
        is_imported,
        // Only instantiation looks at it.
        initial: _,
        is_exported,
        is_grown,
        // Only code that depends on a profile looks at it, and that is not kept.
        is_written: _,
    } = table;
    let mut text = Text::default();
    text.add(&module.letters(*element));
    text.flags(&[*index_64]);
    text.flags(&[*is_imported, *is_exported, *is_grown]);
    let TablePlace { instance, elements } = place;
    text.place(Some(*instance));
    text.place(*elements);
    text.finish()
}

/// What a key is made of, while it is read.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn finish(&self) -> Key {
        short_digest(&self.0)
    }

    fn add(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn key(&mut self, key: &Key) {
        self.0.extend_from_slice(key);
    }

    fn flags(&mut self, flags: &[bool]) {
        for flag in flags {
            self.0.push(u8::from(*flag));
        }
    }

    /// A place: what moves is in the relocation, the offset is in the code.
    fn place(&mut self, place: Option<Place>) {
        let Some(Place { data, offset }) = place else {
            return self.flags(&[false]);
        };
        self.flags(&[true]);
        match data {
            SymbolId::ImportedTable(_) | SymbolId::ImportedGlobal(_) => self.number(u64::MAX),
            other => {
                let (namespace, index) = other.numbers();
                self.number(u64::from(namespace) << 32 | u64::from(index));
            }
        }
        self.number(u64::from(offset));
    }

    fn memory(&mut self, memory: &Memory, place: Place) {
        let Memory {
            min_bytes,
            max_bytes,
            index_64,
            page_bytes_log2,
            is_shared,
            pages: _,
            is_imported,
        } = memory;
        // Code that checks nothing does not know how long the memory is: an edit may need another page of it.
        if !memory.has_guard() {
            self.number(*min_bytes);
            self.number(*max_bytes);
        }
        self.flags(&[*index_64, *is_shared, *is_imported]);
        self.number(u64::from(*page_bytes_log2));
        self.place(Some(place));
    }

    fn segment(&mut self, place: Option<SegmentPlace>) {
        self.flags(&[place.is_some()]);
        if let Some(SegmentPlace { content, len }) = place {
            self.place(Some(content));
            self.place(Some(len));
        }
    }
}

/// The key of the reading of `body`, in which `places` may be slots.
pub(super) fn reading_key(body: &FunctionBody<'_>, places: Places<'_>) -> Key {
    let Places { told, at_padded } = places;
    let start = body.range().start as u32;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(at_padded)]);
    hasher.update(&(told.len() as u32).to_le_bytes());
    for place in told {
        hasher.update(&(place - start).to_le_bytes());
    }
    hasher.update(body.as_bytes());
    let mut key = Key::default();
    key.copy_from_slice(&hasher.finalize().as_bytes()[..size_of::<Key>()]);
    key
}

/// A digest of so many bits that no two things have the same.
pub(super) fn short_digest(bytes: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&blake3::hash(bytes).as_bytes()[..size_of::<Key>()]);
    key
}

fn digest(text: &str) -> Key {
    let mut hashed = Text::default();
    hashed.add(text);
    hashed.finish()
}
