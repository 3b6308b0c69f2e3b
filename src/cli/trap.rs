//! A trap in words: its name, the function, the place in the module, and how the program got there.

use mewz_abi::record::{REGISTER_NAMES, TrapReport};
use mewz_abi::trap::TrapKind;
use serde_json::{Value, json};

use super::failure::Failure;
use super::module::Module;
use super::places::{CodeMap, Place};
use super::sources::Sources;
use super::words;

/// Lines of calls that a message shows; equal ones in a row are one line.
const CALL_LINES_MAX: usize = 12;

/// Registers in a line of a message.
const REGISTERS_IN_LINE: usize = 4;

/// How the names of functions begin that a panic of Rust goes through.
const PANIC_PREFIXES: [&str; 8] = [
    "core::panicking::",
    "std::panicking::",
    "__rustc::",
    "rust_panic",
    "rust_begin_unwind",
    "__rust_start_panic",
    "panic_abort::",
    "std::sys::backtrace::",
];

/// How those of Rust's libraries begin, and of what ends a program.
const RUNTIME_PREFIXES: [&str; 7] = [
    "core::", "std::", "alloc::", "<core::", "<std::", "<alloc::", "abort",
];

/// A trap, and where in the module and its sources it happened.
#[derive(Debug)]
pub(super) struct Crash {
    kind: Option<TrapKind>,
    /// The cause in words, with the name of what it is about.
    cause: String,
    wasm_offset: Option<u32>,
    /// Innermost first.
    places: Vec<Place>,
    registers: [u64; REGISTER_NAMES.len()],
    instruction: u64,
}

impl Crash {
    /// Finds the places of what `report` tells of the program `module`.
    ///
    /// `symbols` is the image of `module` with symbols and sections for debuggers, where it is known; `missing` are the names
    /// of imports that nobody answers.
    pub(super) fn new(
        report: &TrapReport,
        module: &Module,
        symbols: Option<&[u8]>,
        missing: &[String],
    ) -> Self {
        let map = symbols.and_then(CodeMap::read).unwrap_or_default();
        let kind = TrapKind::from_number(report.kind);
        let mut cause = match kind {
            Some(kind) => kind.name().to_owned(),
            None => format!("cause {} that this mewz does not know", report.kind),
        };
        if kind == Some(TrapKind::MissingImport)
            && let Some(name) = map.missing_import(report.instruction, missing)
        {
            cause.push_str(&format!(" `{}`", words::name(name)));
        }
        if kind == Some(TrapKind::UncaughtException)
            && let Some(tag) = map.tags.get(&report.accessed)
        {
            cause.push_str(&format!(" `{}`", words::name(tag)));
        }
        let wasm_offset = Some(report.wasm_offset).filter(|offset| *offset != u32::MAX);
        // A return address is behind its call: the byte before belongs to it.
        let returns = report.backtrace.iter().take(report.backtrace_len);
        let native = symbols.filter(|_| module.is_image());
        let native = native.and_then(|image| Sources::of_elf(&object::File::parse(image).ok()?));
        let mut places: Vec<Place> = std::iter::once(report.instruction)
            .chain(returns.map(|address| address.saturating_sub(1)))
            .flat_map(|address| match &native {
                Some(native) => map.native_places(address, native),
                None => map.places(address),
            })
            .collect();
        if wasm_offset.is_some()
            && let Some(place) = places.first_mut()
        {
            place.wasm_offset = wasm_offset;
        }
        if let Some(sources) = Sources::read(&module.bytes) {
            places = places
                .into_iter()
                .flat_map(|place| place.with_sources(&sources))
                .collect();
        }
        // Nobody wonders who called `main`.
        let last = places
            .iter()
            .rposition(|place| place.own_source().is_some());
        if let Some(last) = last {
            places.truncate(last + 1);
        }
        Self {
            kind,
            cause,
            wasm_offset,
            places,
            registers: report.registers,
            instruction: report.instruction,
        }
    }

    /// The same with its cause in the kernel's own words.
    pub(super) fn with_cause(self, cause: String) -> Self {
        Self { cause, ..self }
    }

    /// Whether it is how a program in Rust ends that panics.
    fn is_panic(&self) -> bool {
        self.kind == Some(TrapKind::Unreachable) && self.places.iter().any(is_of_panic)
    }

    /// The crash as a person reads it.
    pub(super) fn failure(self) -> Failure {
        let is_panic = self.is_panic();
        let mut text = match is_panic {
            true => "the program panicked".to_owned(),
            false => format!("trap: {}", self.cause),
        };
        // What the program did wrong stands in its own sources, and shows in a library's.
        let shown = self.places.iter().find_map(Place::own_source);
        let excerpt = shown.map_or_else(Vec::new, |source| {
            let mut lines = vec![format!("--> {source}")];
            lines.extend(source.excerpt());
            lines
        });
        let mut places = self.places;
        if is_panic {
            // What tells of the panic stands before what panicked, and has said its words.
            let own = places.iter().position(|place| !is_of_runtime(place));
            places.drain(..own.unwrap_or(0));
        }
        let mut calls = places.into_iter();
        match (calls.next(), self.wasm_offset) {
            (Some(place), _) => text.push_str(&format!(" in {place}")),
            (None, Some(offset)) => text.push_str(&format!(" at wasm offset {offset:#x}")),
            (None, None) => {}
        }
        let failure = excerpt
            .into_iter()
            .chain(call_lines(calls))
            .fold(Failure::new(text), Failure::note);
        match self.kind {
            Some(TrapKind::OutOfMemory) => failure.hint("`--memory SIZE` gives the machine more"),
            Some(TrapKind::EndlessWait) => {
                failure.hint("it waits for another thread, and mewz runs one")
            }
            Some(TrapKind::CallStackExhausted) => {
                failure.hint("calls without end, or more in local variables than the stack's 8 MiB")
            }
            _ => failure,
        }
    }

    /// The crash as a program reads it.
    pub(super) fn json(&self) -> Value {
        let frames = self.places.iter().map(Place::json);
        let registers = registers(&self.registers);
        let registers =
            registers.map(|(name, value)| (name.to_owned(), json!(format!("{value:#x}"))));
        json!({
            "trap": self.cause,
            "kind": self.kind.map(|kind| kind as u32),
            "wasm_offset": self.wasm_offset,
            "is_panic": self.is_panic(),
            "frames": frames.collect::<Vec<_>>(),
            "instruction": format!("{:#x}", self.instruction),
            "registers": registers.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// What the registers held, in lines.
    pub(super) fn register_lines(&self) -> Vec<String> {
        let all: Vec<String> = [("rip", self.instruction)]
            .into_iter()
            .chain(registers(&self.registers))
            .map(|(name, value)| format!("{name:6} {value:#018x}"))
            .collect();
        let lines = all.chunks(REGISTERS_IN_LINE);
        lines.map(|line| line.join("  ")).collect()
    }
}

/// Registers and their names.
fn registers(held: &[u64; REGISTER_NAMES.len()]) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    REGISTER_NAMES.into_iter().zip(held.iter().copied())
}

fn is_of_panic(place: &Place) -> bool {
    begins_with(place, &PANIC_PREFIXES)
}

/// Whether it is of what Rust brings along: by its sources, or by its name where these are not known.
fn is_of_runtime(place: &Place) -> bool {
    place.is_of_library() || is_of_panic(place) || begins_with(place, &RUNTIME_PREFIXES)
}

fn begins_with(place: &Place, prefixes: &[&str]) -> bool {
    let mut prefixes = prefixes.iter();
    prefixes.any(|prefix| place.function.starts_with(prefix))
}

/// `called from …`, innermost first.
fn call_lines(calls: impl Iterator<Item = Place>) -> Vec<String> {
    let mut counted: Vec<(Place, usize)> = Vec::new();
    for call in calls {
        match counted.last_mut() {
            Some((last, times)) if *last == call => *times += 1,
            _ => counted.push((call, 1)),
        }
    }
    let mut counted = folded(counted);
    let more = counted.len().saturating_sub(CALL_LINES_MAX);
    counted.truncate(CALL_LINES_MAX);
    let mut lines: Vec<String> = counted
        .into_iter()
        .map(|(call, times)| match times {
            1 => format!("called from {call}"),
            _ => format!("called from {call}, {times} times"),
        })
        .collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Calls with all but the first and the last of several in a row that are of a library left out.
fn folded(calls: Vec<(Place, usize)>) -> Vec<(Place, usize)> {
    let is_library: Vec<bool> = calls.iter().map(|(call, _)| call.is_of_library()).collect();
    let is_inside = |at: usize| {
        let around = is_library.get(at.wrapping_sub(1)..=at + 1);
        around.is_some_and(|around| around.iter().all(|is_library| *is_library))
    };
    let calls = calls.into_iter().enumerate();
    calls
        .filter(|(at, _)| !is_inside(*at))
        .map(|(_, call)| call)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::call_lines;
    use crate::cli::places::Place;

    fn place(function: &str) -> Place {
        Place {
            function: function.to_owned(),
            wasm_offset: Some(0x20),
            source: None,
        }
    }

    #[test]
    fn a_recursion_is_one_line() {
        let calls = std::iter::repeat_n(place("f"), 60).chain([place("main")]);
        assert_eq!(
            call_lines(calls),
            [
                "called from `f` at wasm offset 0x20, 60 times",
                "called from `main` at wasm offset 0x20"
            ]
        );
    }

    #[test]
    fn long_ways_are_cut() {
        let lines = call_lines((0..20).map(|number| place(&number.to_string())));
        assert_eq!(lines.len(), 13);
        assert_eq!(lines[12], "and 8 more");
    }
}
