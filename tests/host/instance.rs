//! One module: compiled, placed, its memories reserved, instantiated.

use std::collections::HashMap;
use std::ops::Range;

use mewz::compile::{CompileError, MemoryBase, Options, compile};
use mewz::link::error::LinkError;
use mewz::link::input::Inputs;
use mewz::link::place::{Placed, Room, place};
use mewz_abi::address::{MEMORY_RESERVATION_BYTES, PAGE_BYTES};
use mewz_abi::application::{
    APPLICATION_MAGIC, APPLICATION_VERSION, Application, Export, MemoryInstance, TableInstance,
    TrapSite, export_kind,
};
use mewz_abi::symbol;
use mewz_abi::trap::TrapKind;

use super::map::{Access, Reservation, read, read_bytes};
use super::runtime::MEMORY_BYTES_MAX;
use super::store::{Bases, CallError, Store};
use super::types::{External, Interface, Limits};

/// Why a module has no instance.
#[derive(Debug)]
pub(crate) enum LoadError {
    Compile(CompileError),
    Link(LinkError),
    /// An import that nobody serves.
    Unlinkable {
        module: String,
        /// The field, and what is wrong with it.
        why: String,
    },
    /// The start function or an active segment failed; what was done before stays.
    Start(CallError),
    /// A memory wants so many bytes, which is more than there are here.
    TooLarge(u64),
    /// The object does not say what the module says.
    Contract(String),
}

/// A module at run time.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) exports: HashMap<String, InstanceExport>,
    text: Range<u64>,
    traps: Vec<TrapSite>,
    /// Address and length of the counters.
    #[allow(dead_code, reason = "profiles alone look at it")]
    counters: (u64, u64),
}

/// Something that an instance exports.
#[derive(Clone, Debug)]
pub(crate) struct InstanceExport {
    pub(crate) kind: External,
    pub(crate) address: u64,
}

impl Instance {
    /// The trap of the instruction at `address`, if it is one of this instance.
    pub(crate) fn trap_at(&self, address: u64) -> Option<TrapKind> {
        let offset = address.checked_sub(self.text.start)?;
        let offset = u32::try_from(offset).ok()?;
        let at = self
            .traps
            .binary_search_by_key(&offset, |site| site.code_offset)
            .ok()?;
        TrapKind::from_number(self.traps[at].kind).filter(|_| self.text.contains(&address))
    }
}

impl Instance {
    /// What the instance has counted so far, as bytes.
    #[allow(dead_code, reason = "profiles alone ask for it")]
    pub(crate) fn counters(&self) -> Vec<u8> {
        let (start, len) = self.counters;
        // SAFETY: the descriptor, whose magic was checked, points to that many counters.
        let counters: Vec<u64> = unsafe { read_array(start, len) };
        counters.into_iter().flat_map(u64::to_le_bytes).collect()
    }
}

impl InstanceExport {
    /// The type as it is now: memories and tables grow.
    fn current_kind(&self) -> External {
        let grown = |max: Option<u64>, instance_max: u64, none: u64| {
            max.or((instance_max < none).then_some(instance_max))
        };
        match &self.kind {
            External::Memory { limits, form } => {
                // SAFETY: the address of an exported memory is that of its instance.
                let memory: MemoryInstance = unsafe { read(self.address) };
                let pages = |bytes: u64| bytes >> form.page_bytes_log2;
                let all = if form.index_64 { u64::MAX } else { 1 << 32 };
                External::Memory {
                    limits: Limits {
                        min: pages(memory.bytes),
                        max: grown(limits.max, pages(memory.bytes_max), pages(all)),
                    },
                    form: *form,
                }
            }
            External::Table {
                limits,
                element,
                index_64,
            } => {
                // SAFETY: the address of an exported table is that of its instance.
                let table: TableInstance = unsafe { read(self.address) };
                let all = if *index_64 {
                    u64::MAX
                } else {
                    u64::from(u32::MAX)
                };
                External::Table {
                    limits: Limits {
                        min: table.len,
                        max: grown(limits.max, table.len_max, all),
                    },
                    element: element.clone(),
                    index_64: *index_64,
                }
            }
            kind => kind.clone(),
        }
    }
}

impl Store {
    /// Compiles, links and instantiates the module `wasm`; answers with its place in `instances`.
    pub(crate) fn instantiate(&mut self, wasm: &[u8]) -> Result<usize, LoadError> {
        // Compiled once without a base as well, so that a module that is refused is refused before anything is mapped.
        mewz::compile::interface(wasm).map_err(LoadError::Compile)?;
        let interface = match Interface::read(wasm) {
            Ok(interface) => interface,
            Err(message) => {
                let result = compile(wasm, &self.options(MemoryBase::Instance));
                let error = result.err().map(LoadError::Compile);
                return Err(error.unwrap_or(LoadError::Contract(format!(
                    "a module that is invalid was compiled: {message}"
                ))));
            }
        };
        self.bind_imports(&interface)?;
        let reservation = self.reserve_memory(&interface);
        let base = self.memory_base(&interface, reservation.as_ref());
        let compiled = compile(wasm, &self.options(base)).map_err(LoadError::Compile)?;
        let (placed, application) = self.place(&compiled.object)?;
        self.instances.push(Instance {
            exports: HashMap::new(),
            text: application.text_start..application.text_end,
            // SAFETY: the descriptor, whose magic was checked, points to that many sites.
            traps: unsafe { read_array(application.traps, application.traps_len) },
            counters: (application.counters, application.counters_len),
        });
        let at = self.instances.len() - 1;
        self.instances[at].exports = exports(&placed, &application, &interface)?;
        self.open_memories(&application, &interface, reservation)?;
        // SAFETY: `instantiate` is a function without parameters and results, and its memories are reserved.
        unsafe { self.call(application.instantiate, &[], "") }?;
        Ok(at)
    }

    fn options(&self, memory_base: MemoryBase) -> Options {
        Options {
            memory_base,
            ..self.options.clone()
        }
    }

    /// Holds the imports against what is registered, and remembers their addresses.
    fn bind_imports(&mut self, interface: &Interface) -> Result<(), LoadError> {
        for (module, field, wanted) in &interface.imports {
            let export = self
                .registered(module)
                .and_then(|instance| instance.exports.get(field));
            let kind = export.map(InstanceExport::current_kind);
            let address = export.map_or(0, |export| export.address);
            if kind.as_ref().is_some_and(|kind| kind.serves(wanted)) {
                let symbol = wanted.import_symbol(module, field);
                self.symbols.insert(symbol, address);
            } else {
                return Err(LoadError::Unlinkable {
                    module: module.clone(),
                    why: format!("{field}: {kind:?} for {wanted:?}"),
                });
            }
        }
        Ok(())
    }

    fn reserve_memory(&mut self, interface: &Interface) -> Option<Reservation> {
        if !interface.has_own_memory {
            return None;
        }
        let reservation = if self.bases == Bases::Zero {
            // The module before gives address 0 up: the tests of this mode don't come back to it.
            self.memories.retain(|memory| memory.base() != 0);
            Reservation::at(0, MEMORY_RESERVATION_BYTES)
        } else {
            Reservation::new(MEMORY_RESERVATION_BYTES)
        };
        Some(reservation.expect("room for a memory"))
    }

    fn memory_base(&self, interface: &Interface, own: Option<&Reservation>) -> MemoryBase {
        if self.bases == Bases::Instance {
            return MemoryBase::Instance;
        }
        let imported = interface.imports.iter().find_map(|(module, field, kind)| {
            let is_memory = matches!(kind, External::Memory { .. });
            is_memory.then(|| self.registered(module)?.exports.get(field))?
        });
        let imported_base = imported.map(|export| {
            // SAFETY: the address of an exported memory is that of its instance.
            let memory: MemoryInstance = unsafe { read(export.address) };
            memory.base
        });
        let base = own.map(Reservation::base).or(imported_base);
        base.map_or(MemoryBase::Instance, MemoryBase::Constant)
    }

    /// Places the object into the arena; answers with its descriptor.
    fn place<'a>(&mut self, object: &'a [u8]) -> Result<(Placed<'a>, Application), LoadError> {
        let mut inputs = Inputs::new();
        inputs.add(object)?;
        let room = Room {
            base: self.next,
            bytes_max: self.arena.end() - self.next,
        };
        let placed = place(&inputs, room, |name| self.resolve(name))?;
        let arena = &self.arena;
        arena.open(placed.base, placed.zero_end, Access::Write);
        arena.write(placed.base, &placed.bytes);
        arena.open(placed.base, placed.text_start, Access::Read);
        arena.open(placed.text_start, placed.data_start, Access::Execute);
        self.next = placed.zero_end.next_multiple_of(PAGE_BYTES);
        for symbol in &placed.symbols {
            let is_shared =
                symbol.name.starts_with(symbol::TYPE_PREFIX) || symbol.name == symbol::EXCEPTIONS;
            if symbol.global && is_shared {
                self.remember(symbol.name, symbol.address);
            }
        }
        let address = placed.address(symbol::APPLICATION);
        let address = address.ok_or(LinkError::NotAnApplication)?;
        // SAFETY: the object defines the descriptor there, and it is placed.
        let application: Application = unsafe { read(address) };
        if application.magic != APPLICATION_MAGIC || application.version != APPLICATION_VERSION {
            return Err(LoadError::Contract("the descriptor has no magic".into()));
        }
        Ok((placed, application))
    }

    /// Gives the module's own memories their addresses and first pages.
    fn open_memories(
        &mut self,
        application: &Application,
        interface: &Interface,
        mut reservation: Option<Reservation>,
    ) -> Result<(), LoadError> {
        let is_memory = |(_, _, kind): &&(_, _, External)| matches!(kind, External::Memory { .. });
        let imported = interface.imports.iter().filter(is_memory).count();
        // SAFETY: the descriptor points to that many pointers.
        let memories: Vec<u64> =
            unsafe { read_array(application.memories, application.memories_len) };
        for address in memories.into_iter().skip(imported) {
            let reservation = reservation.take().unwrap_or_else(|| {
                Reservation::new(MEMORY_RESERVATION_BYTES).expect("room for a memory")
            });
            // SAFETY: the pointer is that of a memory of the object, and only compiled code refers to it, later.
            let memory = unsafe { &mut *(address as *mut MemoryInstance) };
            if memory.bytes > MEMORY_BYTES_MAX {
                return Err(LoadError::TooLarge(memory.bytes));
            }
            memory.base = reservation.base();
            reservation.open(memory.base, memory.base + memory.bytes, Access::Write);
            self.memories.push(reservation);
        }
        Ok(())
    }
}

/// Reads `len` structures.
///
/// # Safety
///
/// There are as many at `address`.
unsafe fn read_array<T: Copy>(address: u64, len: u64) -> Vec<T> {
    // SAFETY: the caller's promise, for each of them.
    let one = |at: u64| unsafe { read(address + at * size_of::<T>() as u64) };
    (0..len).map(one).collect()
}

/// Reads the export rows and holds them against the module's own words.
fn exports(
    placed: &Placed<'_>,
    application: &Application,
    interface: &Interface,
) -> Result<HashMap<String, InstanceExport>, LoadError> {
    // SAFETY: the descriptor points to that many rows.
    let rows: Vec<Export> = unsafe { read_array(application.exports, application.exports_len) };
    if rows.len() != interface.exports.len() {
        return Err(LoadError::Contract(format!("{} export rows", rows.len())));
    }
    let mut exports = HashMap::new();
    for (row, (name, kind)) in rows.iter().zip(&interface.exports) {
        // SAFETY: a row points to that many bytes.
        let row_name = unsafe { read_bytes(row.name, row.name_len.into()) };
        // SAFETY: as above.
        let row_text = unsafe { read_bytes(row.type_text, row.type_text_len) };
        let number = match kind {
            External::Function { .. } => export_kind::FUNCTION,
            External::Table { .. } => export_kind::TABLE,
            External::Memory { .. } => export_kind::MEMORY,
            External::Global { .. } => export_kind::GLOBAL,
            External::Tag { .. } => export_kind::TAG,
        };
        let mut symbol = String::new();
        symbol::write_export(&mut symbol, name).expect("strings take all text");
        let text_fits = kind.text().is_none_or(|text| text.as_bytes() == row_text);
        // A symbol can't stand for what another object has: an import that is exported again has only its row.
        let own = (placed.base..placed.zero_end).contains(&row.address);
        let symbol_fits = match placed.address(&symbol) {
            Some(address) => address == row.address,
            None => !own && !matches!(kind, External::Function { .. }),
        };
        let fits = row.kind == number && row_name == name.as_bytes() && text_fits && symbol_fits;
        if !fits {
            let text = String::from_utf8_lossy(&row_text);
            return Err(LoadError::Contract(format!(
                "export `{name}`, {kind:?}: its row says kind {}, `{text}`, {:#x}; `{symbol}` is {:x?}",
                row.kind,
                row.address,
                placed.address(&symbol)
            )));
        }
        let export = InstanceExport {
            kind: kind.clone(),
            address: row.address,
        };
        exports.insert(name.clone(), export);
    }
    Ok(exports)
}
