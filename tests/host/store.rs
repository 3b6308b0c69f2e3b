//! All instances of one test, the names under which they are registered, and the memory they live in.

use std::collections::HashMap;

use mewz::compile::{OptLevel, Options, TargetCpu};
use mewz::link::error::LinkError;
use mewz_abi::address::PAGE_BYTES;
use mewz_abi::trap::TrapKind;

use super::call::{Stack, call};
use super::instance::{Instance, LoadError};
use super::map::{Access, Reservation};
use super::runtime;
use super::signal::Fault;
use super::value::Value;

/// Address space for the code and data of one test: calls between its instances are within reach of 32 bits.
const ARENA_BYTES: u64 = 512 << 20;

/// Bytes of a jump to a function that is out of reach.
const STUB_BYTES: usize = 16;

/// Where memories lie, as the compiler is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bases {
    /// Known when compiling.
    Constant,
    /// Read from the instance.
    Instance,
    /// At address 0, one at a time.
    Zero,
}

/// Why a call ended without results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    Trap(TrapKind),
    /// A fault that no trap explains: an error of the compiler.
    Crash(Fault),
}

/// The world of one test.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) bases: Bases,
    /// How modules are compiled, apart from where their memories lie.
    pub(crate) options: Options,
    pub(crate) arena: Reservation,
    pub(crate) next: u64,
    pub(crate) memories: Vec<Reservation>,
    pub(crate) instances: Vec<Instance>,
    stack: Stack,
    /// Runtime functions, imports that were bound, types.
    pub(crate) symbols: HashMap<String, u64>,
    registered: HashMap<String, usize>,
}

impl Store {
    /// A world whose modules are compiled for `target_cpu`, with the code generator's own checks.
    pub(crate) fn new(bases: Bases, opt_level: OptLevel, target_cpu: TargetCpu) -> Self {
        let options = Options {
            target_cpu,
            opt_level,
            verify: true,
            ..Options::default()
        };
        Self::with_options(bases, options)
    }

    /// A world whose modules are compiled with `options`; `bases` says where their memories lie.
    pub(crate) fn with_options(bases: Bases, options: Options) -> Self {
        let arena = Reservation::new(ARENA_BYTES).expect("room for code");
        let mut store = Self {
            bases,
            options,
            next: arena.base() + PAGE_BYTES,
            arena,
            memories: Vec::new(),
            instances: Vec::new(),
            stack: Stack::new(),
            symbols: HashMap::new(),
            registered: HashMap::new(),
        };
        store.place_runtime();
        store
    }

    /// Writes a jump to each runtime function to the arena's first page.
    fn place_runtime(&mut self) {
        let (start, end) = (self.arena.base(), self.arena.base() + PAGE_BYTES);
        self.arena.open(start, end, Access::Write);
        let mut address = start;
        for (name, function) in runtime::functions() {
            // movabs rax, function; jmp rax
            let mut stub = vec![0x48, 0xb8];
            stub.extend(function.to_le_bytes());
            stub.extend([0xff, 0xe0]);
            self.arena.write(address, &stub);
            self.symbols.insert(name.to_owned(), address);
            address += STUB_BYTES as u64;
        }
        self.arena.open(start, end, Access::Execute);
    }

    /// Makes the exports of `instance` importable as those of module `name`.
    pub(crate) fn register(&mut self, name: &str, instance: usize) {
        self.registered.insert(name.to_owned(), instance);
    }

    /// The instance that is registered as `name`.
    pub(crate) fn registered(&self, name: &str) -> Option<&Instance> {
        self.registered.get(name).map(|at| &self.instances[*at])
    }

    pub(crate) fn resolve(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// Remembers the symbol of a type, so that later objects share it.
    pub(crate) fn remember(&mut self, name: &str, address: u64) {
        self.symbols.entry(name.to_owned()).or_insert(address);
    }

    /// Calls the System V function at `code`.
    ///
    /// # Safety
    ///
    /// It is a function of an instance of this store, of the type of `arguments` and `results`.
    pub(crate) unsafe fn call(
        &self,
        code: u64,
        arguments: &[Value],
        results: &str,
    ) -> Result<Vec<Value>, CallError> {
        // SAFETY: the caller's promise; compiled code touches what it owns, or faults.
        let outcome = unsafe { call(code, arguments, results, &self.stack) };
        outcome.map_err(|fault| self.explain(fault))
    }

    /// Finds the trap behind a fault: the trap table goes first, then the address that was accessed.
    fn explain(&self, fault: Fault) -> CallError {
        let site = self
            .instances
            .iter()
            .find_map(|instance| instance.trap_at(fault.instruction));
        let memory_fault = fault.signal == libc::SIGSEGV || fault.signal == libc::SIGBUS;
        let memory = |reservation: &Reservation| reservation.contains(fault.accessed);
        match site {
            Some(kind) => CallError::Trap(kind),
            None if memory_fault && self.stack.is_guard(fault.accessed) => {
                CallError::Trap(TrapKind::CallStackExhausted)
            }
            None if memory_fault && self.memories.iter().any(memory) => {
                CallError::Trap(TrapKind::MemoryOutOfBounds)
            }
            None => CallError::Crash(fault),
        }
    }
}

impl From<CallError> for LoadError {
    fn from(error: CallError) -> Self {
        LoadError::Start(error)
    }
}

impl From<LinkError> for LoadError {
    fn from(error: LinkError) -> Self {
        LoadError::Link(error)
    }
}
