//! Where the operators of functions went, and where their locals are.

use std::ops::Range;
use std::sync::OnceLock;

use cranelift_codegen::CompiledCode;
use cranelift_codegen::LabelValueLoc;
use cranelift_codegen::isa::TargetIsa;
use gimli::Register;
use gimli::write::{Address, RangeList};
use rayon::prelude::*;
use wasmparser::FunctionBody;

use crate::compile::debug::Span;
use crate::compile::module::{FunctionType, Module};
use crate::compile::names;
use crate::compile::pieces::Trap;
use crate::compile::placed_code::PlacedCode;

/// What `Address::Symbol` names: the first byte of code.
pub(super) const CODE: usize = 0;
/// The first byte of the state, where globals lie.
pub(super) const STATE: usize = 1;

/// Bytes from the frame pointer to the frame's address: the pointer that it saved, and the return address.
const FRAME_ADDRESS_BYTES: i64 = 16;

/// Where a local is while code between two offsets runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct LocalPlace {
    /// The local.
    pub(in crate::compile) local: u32,
    /// Bytes from the function's start: from here on,
    pub(in crate::compile) start: u32,
    /// up to here.
    pub(in crate::compile) end: u32,
    /// The place.
    pub(in crate::compile) storage: Storage,
}

/// A place for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) enum Storage {
    /// A register, by its number in DWARF.
    Register(u16),
    /// Where the code generator put it, at so many bytes from the frame pointer.
    Spilled(i32),
    /// A copy of so many bytes, at so many bytes from the frame pointer.
    Copy(i32, u8),
}

/// Places of a function's locals, those of one local in ascending order.
pub(in crate::compile) type Places = Vec<LocalPlace>;

/// Names the stack slot in which a local of `bytes` is kept.
pub(in crate::compile) fn slot_key(local: u32, bytes: u32) -> u64 {
    u64::from(local) | u64::from(bytes) << 32
}

/// Where the code generator put the locals that are wanted.
pub(in crate::compile) fn places(isa: &dyn TargetIsa, code: &CompiledCode) -> Places {
    let mut places = Vec::new();
    let len = code.buffer.data().len() as u32;
    if let Some(layout) = code.buffer.frame_layout() {
        for slot in layout.stackslots.values() {
            let Some(key) = slot.key.map(|key| key.bits()) else {
                continue;
            };
            let offset = i64::from(slot.offset) - i64::from(layout.frame_to_fp_offset);
            places.push(LocalPlace {
                local: key as u32,
                start: 0,
                end: len,
                storage: Storage::Copy(offset as i32, (key >> 32) as u8),
            });
        }
    }
    for (label, ranges) in &code.value_labels_ranges {
        for range in ranges {
            let storage = match range.loc {
                LabelValueLoc::Reg(register) => match isa.map_regalloc_reg_to_dwarf(register) {
                    Ok(number) => Storage::Register(number),
                    Err(_) => continue,
                },
                LabelValueLoc::CFAOffset(offset) => {
                    Storage::Spilled((offset + FRAME_ADDRESS_BYTES) as i32)
                }
            };
            places.push(LocalPlace {
                local: label.as_u32(),
                start: range.start,
                end: range.end.min(len),
                storage,
            });
        }
    }
    places.sort_by_key(|place| (place.local, place.start, place.end));
    places
}

/// All bodies of the module, those without code too: what the module's DWARF calls addresses, ascending.
pub(super) struct Bodies(Vec<Range<u64>>);

impl Bodies {
    pub(super) fn of(module: &Module<'_>) -> Self {
        let at = |offset: u64| offset.saturating_sub(u64::from(module.code_offset));
        let bodies = module.bodies.iter().map(FunctionBody::range);
        Self(bodies.map(|range| at(range.start)..at(range.end)).collect())
    }

    /// The body that `address` is in, by its place among the module's.
    pub(super) fn at(&self, address: u64) -> Option<usize> {
        let after = self.0.partition_point(|body| body.start <= address);
        let index = after.checked_sub(1)?;
        self.0[index].contains(&address).then_some(index)
    }

    /// The bodies that are in `range`, by their places among the module's.
    pub(super) fn within(&self, range: Range<u64>) -> impl Iterator<Item = usize> {
        let first = self.0.partition_point(|body| body.end <= range.start);
        let bodies = self.0[first..].iter();
        let bodies = bodies.take_while(move |body| body.start < range.end);
        (first..).zip(bodies).map(|(index, _)| index)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// All functions that came of the module's.
pub(super) struct Program<'a> {
    /// By where their bodies begin in the module.
    functions: Vec<Function<'a>>,
    /// All bodies of the module.
    bodies: &'a Bodies,
    /// The place of each body's function in `functions`.
    of_bodies: Vec<Option<usize>>,
    /// Bodies that became part of other functions.
    is_part: Vec<bool>,
    module: &'a Module<'a>,
    /// The names of all functions, when one is wanted.
    names: OnceLock<Vec<String>>,
    /// Where the values of globals lie from the start of the state; `None` for those that are constant or imported.
    globals: Vec<Option<u32>>,
}

/// A body that became part of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartOf {
    /// The body, by its place among the module's.
    pub(super) body: usize,
    /// Address of the call that it replaces, as the module's DWARF has it.
    pub(super) call: u64,
    /// The number of the body that this call stands in, from 1; 0 for the function's own.
    pub(super) caller: u32,
}

/// A function with its code.
pub(super) struct Function<'a> {
    /// The place of its body among the module's.
    pub(super) index: usize,
    /// The bodies that became part of it, numbered from 1, callers first.
    pub(super) parts: Vec<PartOf>,
    /// Its body, in bytes from the start of the code section's content: what the module's DWARF calls addresses.
    pub(super) body: Range<u64>,
    /// Its code, in bytes from the start of all code.
    pub(super) code: Range<u64>,
    /// Bytes of code before that of the first operator.
    pub(super) entry_bytes: u32,
    /// What each piece of its code comes from, in the order of the code.
    pub(super) spans: Vec<Span>,
    /// The same in the order of the function's own operators, when it is wanted.
    by_operator: OnceLock<Vec<Span>>,
    /// Where its locals are.
    places: &'a [LocalPlace],
    /// Its instructions, and which of them trap, in ascending order.
    instructions: &'a [u8],
    traps: &'a [Trap],
}

impl<'a> Program<'a> {
    pub(super) fn new(placed: &PlacedCode<'a, 'a>, bodies: &'a Bodies) -> Self {
        let parts = placed.parts;
        let module = parts.module;
        let code_offset = module.code_offset;
        let at = |offset: u64| offset.saturating_sub(u64::from(code_offset));
        let index_of = |function: u32| function.checked_sub(module.functions_imported);
        let all = parts.tasks.par_iter().zip(&parts.pieces).zip(placed.starts);
        let functions = all.filter_map(|((task, piece), start)| {
            let body = task.work.body()?;
            let index = index_of(task.wasm_index?)? as usize;
            let code = &piece.code;
            let len = code.bytes.len() as u64;
            let mut spans = code.locations.spans(body.start as u32, len as u32);
            for span in &mut spans {
                span.own = span.own.saturating_sub(code_offset);
                span.operator = span.operator.saturating_sub(code_offset);
            }
            let inlined = code.locations.bodies().into_iter().map_while(|part| {
                Some(PartOf {
                    body: index_of(part.inlined.function_index)? as usize,
                    call: at(part.inlined.call_offset.into()),
                    caller: part.caller,
                })
            });
            Some(Function {
                index,
                parts: inlined.collect(),
                body: at(body.start)..at(body.end),
                code: *start..start + len,
                entry_bytes: code.entry_bytes,
                spans,
                by_operator: OnceLock::new(),
                places: &code.places,
                instructions: &code.bytes,
                traps: &code.traps,
            })
        });
        let mut functions: Vec<_> = functions.collect();
        functions.sort_by_key(|function| function.body.start);
        let mut of_bodies = vec![None; bodies.len()];
        let mut is_part = vec![false; bodies.len()];
        for (place, function) in functions.iter().enumerate() {
            of_bodies[function.index] = Some(place);
            for part in &function.parts {
                is_part[part.body] = true;
            }
        }
        let globals = parts.layout.plan.globals.iter().map(|place| {
            let place = (*place)?;
            let is_state = place.data == crate::compile::symbols::Single::State.into();
            is_state.then_some(place.offset)
        });
        Self {
            functions,
            bodies,
            of_bodies,
            is_part,
            module,
            names: OnceLock::new(),
            globals: globals.collect(),
        }
    }

    /// The function with the code of body `index`, by its place among [`Program::functions`].
    pub(super) fn place_of(&self, index: usize) -> Option<usize> {
        self.of_bodies[index]
    }

    /// Whether body `index` became part of some function.
    pub(super) fn is_part(&self, index: usize) -> bool {
        self.is_part[index]
    }

    /// The name of the function with body `index`, as its symbol has it.
    pub(super) fn symbol_name(&self, index: usize) -> &str {
        let names = self.names.get_or_init(|| names::functions(self.module));
        &names[self.module.functions_imported as usize + index]
    }

    /// The functions, by where their bodies begin.
    pub(super) fn functions(&self) -> &[Function<'a>] {
        &self.functions
    }

    /// The function whose body holds `address`; `None` where it has no code any more.
    pub(super) fn function_at(&self, address: u64) -> Option<&Function<'a>> {
        let place = self.place_of(self.bodies.at(address)?)?;
        Some(&self.functions[place])
    }

    /// The type of a function in the module.
    pub(super) fn type_of(&self, function: &Function<'_>) -> &FunctionType {
        let imported = self.module.functions_imported;
        self.module.function_type(imported + function.index as u32)
    }

    /// Where the value of global `index` is.
    pub(super) fn global(&self, index: u32) -> Option<Address> {
        let offset = (*self.globals.get(index as usize)?)?;
        Some(Address::Symbol {
            symbol: STATE,
            addend: i64::from(offset),
        })
    }
}

impl Function<'_> {
    /// The address of code at `offset` of the function.
    pub(super) fn address(&self, offset: u32) -> Address {
        code_address(self.code.start + u64::from(offset))
    }

    /// Bytes of code.
    pub(super) fn len(&self) -> u32 {
        (self.code.end - self.code.start) as u32
    }

    /// The code that comes from operators in `range` of the module: ranges of bytes from the function's start.
    pub(super) fn code_of(&self, range: &Range<u64>) -> Vec<Range<u32>> {
        let by_operator = self.by_operator.get_or_init(|| {
            let mut spans = self.spans.clone();
            spans.sort_by_key(|span| (span.own, span.start));
            spans
        });
        let from = |bound: u64| by_operator.partition_point(|span| u64::from(span.own) < bound);
        let first = if range.start <= self.body.start {
            0
        } else {
            from(range.start)
        };
        let (first, last) = (first, from(range.end));
        let mut ranges: Vec<Range<u32>> = match by_operator.get(first..last) {
            Some(spans) => spans.iter().map(|span| span.start..span.end).collect(),
            None => Vec::new(),
        };
        ranges.sort_unstable_by_key(|range| range.start);
        joined(ranges)
    }

    /// The code of a block, `ranges` in ascending order, as gdb shows it where the program traps.
    ///
    /// gdb takes a block for one that is still to be entered, and shows no frame of it, where a range of it begins at the very
    /// instruction. Code that traps on purpose is put behind everything else, so it begins a range of nearly all blocks that
    /// it is part of: these begin one byte before it. That byte is of the instruction before, which ends at the trap. Nothing
    /// stops in its middle, and it is no call, whose return would be looked for there. The first range is where breakpoints
    /// go, so it begins where it does.
    pub(super) fn around_traps(&self, ranges: &[Range<u32>]) -> Vec<Range<u32>> {
        let moved = |offset: u32| offset - u32::from(self.is_trap_behind_other_code(offset));
        let moved = ranges.iter().enumerate().map(|(number, range)| {
            let start = match number {
                0 => range.start,
                _ => moved(range.start),
            };
            start..moved(range.end)
        });
        moved.collect()
    }

    /// Whether an instruction that traps is at `offset`, behind a piece of other code whose last instruction is no call.
    fn is_trap_behind_other_code(&self, offset: u32) -> bool {
        let traps = self.traps;
        let is_trap = traps.binary_search_by_key(&offset, |trap| trap.code_offset);
        if is_trap.is_err() {
            return false;
        }
        let behind = self.spans.partition_point(|span| span.end <= offset);
        let before = behind.checked_sub(1).map(|at| &self.spans[at]);
        // A block of a single byte could not do without it.
        let has_room = before.is_some_and(|span| span.end == offset && span.end - span.start > 1);
        has_room && !may_end_with_call(&self.instructions[..offset as usize])
    }

    /// The list of ranges, in bytes from the function's start: one address, and numbers from there.
    pub(super) fn range_list(&self, ranges: &[Range<u32>]) -> RangeList {
        let mut list = Vec::with_capacity(ranges.len() + 1);
        let address = self.address(0);
        list.push(gimli::write::Range::BaseAddress { address });
        let pairs = ranges.iter().map(|range| gimli::write::Range::OffsetPair {
            begin: range.start.into(),
            end: range.end.into(),
        });
        list.extend(pairs);
        RangeList(list)
    }

    /// Where `local` is.
    pub(super) fn places_of(&self, local: u32) -> &[LocalPlace] {
        let start = self.places.partition_point(|place| place.local < local);
        let end = self.places.partition_point(|place| place.local <= local);
        &self.places[start..end]
    }
}

/// Whether the last of `instructions` may be a call: some that is none looks like one.
///
/// Source: Intel's manual, volume 2, `CALL`.
fn may_end_with_call(instructions: &[u8]) -> bool {
    let from_end = |bytes: usize| instructions.len().checked_sub(bytes);
    let is_direct = from_end(5).is_some_and(|at| instructions[at] == 0xe8);
    // The operation is in the middle bits of the byte behind; an address takes up to five more.
    let mut places = (2..=7).filter_map(from_end);
    is_direct || places.any(|at| instructions[at] == 0xff && instructions[at + 1] >> 3 & 7 == 2)
}

/// Ranges in order, those that touch as one.
pub(super) fn joined(ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    let mut all: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// The address of the byte of all code at `offset`.
pub(super) fn code_address(offset: u64) -> Address {
    Address::Symbol {
        symbol: CODE,
        addend: offset as i64,
    }
}

/// The frame pointer.
pub(super) const FRAME_POINTER: Register = gimli::X86_64::RBP;
