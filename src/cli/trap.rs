//! A trap in words: its name, the function, the place in the module, and how the program got there.

use std::collections::HashMap;

use mewz_abi::address::WINDOW_BASE;
use mewz_abi::application::MissingImport;
use mewz_abi::exception::Tag;
use mewz_abi::record::TrapReport;
use mewz_abi::symbol::ADDRESS_SECTION;
use mewz_abi::trap::TrapKind;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use serde_json::{Value, json};

use super::failure::Failure;
use super::module::Module;
use super::sources::{SourcePlace, Sources};
use super::words;
use crate::compile::debug;

/// Lines of calls that a message shows; equal ones in a row are one line.
const CALL_LINES_MAX: usize = 12;

/// How names of functions begin that are not the module's: entries and the like.
const OWN_PREFIX: &str = "mewz_";

/// The linker's section of stubs for imports that nobody answers.
const MISSING_SECTION: &str = ".mewz.missing";

/// A trap, and where in the module and its sources it happened.
#[derive(Debug)]
pub(super) struct Crash {
    kind: Option<TrapKind>,
    /// The cause in words, with the name of what it is about.
    cause: String,
    wasm_offset: Option<u32>,
    /// Innermost first.
    places: Vec<Place>,
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
        let mut places: Vec<Place> = std::iter::once(report.instruction)
            .chain(returns.map(|address| address.saturating_sub(1)))
            .flat_map(|address| map.places(address))
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
        }
    }

    /// The crash as a person reads it.
    pub(super) fn failure(self) -> Failure {
        let mut text = format!("trap: {}", self.cause);
        // What the program did wrong stands in its own sources, and shows in a library's.
        let shown = self.places.iter().find_map(Place::own_source);
        let excerpt = shown.map_or_else(Vec::new, |source| {
            let mut lines = vec![format!("--> {source}")];
            lines.extend(source.excerpt());
            lines
        });
        let mut calls = self.places.into_iter();
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
        let frames = self.places.iter().map(|place| {
            let source = place.source.as_ref();
            json!({
                "function": place.function,
                "wasm_offset": place.wasm_offset,
                "file": source.map(|source| source.file.display().to_string()),
                "line": source.map(|source| source.line),
                "column": source.and_then(|source| source.column),
                "is_library": place.is_of_library(),
            })
        });
        json!({
            "trap": self.cause,
            "kind": self.kind.map(|kind| kind as u32),
            "wasm_offset": self.wasm_offset,
            "frames": frames.collect::<Vec<_>>(),
        })
    }
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

/// A place in the module, and in its sources where these are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    function: String,
    wasm_offset: Option<u32>,
    source: Option<SourcePlace>,
}

impl Place {
    fn new(name: &str, wasm_offset: Option<u32>) -> Self {
        let function = words::name(&format!("{:#}", rustc_demangle::demangle(name))).into_owned();
        Self {
            function,
            wasm_offset,
            source: None,
        }
    }

    /// The place in the sources, and those of the bodies that it stands in, if they are known.
    fn with_sources(self, sources: &Sources) -> Vec<Self> {
        let found = self.wasm_offset.map(|offset| sources.places(offset));
        let found = found.unwrap_or_default();
        if found.is_empty() {
            return vec![self];
        }
        let places = found.into_iter().map(|source| Self {
            function: match &source.function {
                // What C compilers call it where it has arguments.
                Some(function) if function == "__main_argc_argv" => "main".to_owned(),
                Some(function) => words::name(function).into_owned(),
                None => self.function.clone(),
            },
            wasm_offset: self.wasm_offset,
            source: Some(source),
        });
        places.collect()
    }

    fn own_source(&self) -> Option<&SourcePlace> {
        self.source
            .as_ref()
            .filter(|source| !source.is_of_library())
    }

    fn is_of_library(&self) -> bool {
        self.source.as_ref().is_some_and(SourcePlace::is_of_library)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "`{}`", self.function)?;
        match (&self.source, self.wasm_offset) {
            (Some(source), _) => write!(out, " at {source}"),
            (None, Some(offset)) => write!(out, " at wasm offset {offset:#x}"),
            (None, None) => Ok(()),
        }
    }
}

/// Where an image's code comes from.
#[derive(Default)]
struct CodeMap {
    /// Start, size and name of each function of the window, ascending.
    functions: Vec<(u64, u64, String)>,
    /// Names of tags of exceptions, by address.
    tags: HashMap<u64, String>,
    /// The first byte of the module's code.
    text_start: u64,
    /// The content of the section that maps code to the module.
    addresses: Vec<u8>,
    /// The first stub of an import that nobody answers.
    missing_start: Option<u64>,
}

impl CodeMap {
    /// Reads it from an image; `None` where the bytes are none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let image = object::File::parse(bytes).ok()?;
        let is_function = |kind| kind == SymbolKind::Text;
        let mut functions: Vec<(u64, u64, String)> = image
            .symbols()
            .filter(|symbol| is_function(symbol.kind()) && symbol.address() >= WINDOW_BASE)
            .filter_map(|symbol| {
                Some((
                    symbol.address(),
                    symbol.size(),
                    symbol.name().ok()?.to_owned(),
                ))
            })
            .collect();
        functions.sort();
        let is_tag = |symbol: &object::Symbol<'_, '_>| {
            symbol.kind() == SymbolKind::Data
                && symbol.is_local()
                && symbol.size() == size_of::<Tag>() as u64
                && symbol.address() >= WINDOW_BASE
        };
        let tags = image.symbols().filter(is_tag);
        let tags = tags.filter_map(|tag| Some((tag.address(), tag.name().ok()?.to_owned())));
        let tags = tags.collect();
        let section = |name: &str| {
            let mut sections = image.sections();
            // The kernel has sections of the same names, below the window.
            sections.find(|section| {
                section.name() == Ok(name)
                    && (section.address() == 0 || section.address() >= WINDOW_BASE)
            })
        };
        Some(Self {
            functions,
            tags,
            text_start: section(".text").map_or(0, |section| section.address()),
            addresses: section(ADDRESS_SECTION)
                .and_then(|section| Some(section.data().ok()?.to_owned()))
                .unwrap_or_default(),
            missing_start: section(MISSING_SECTION).map(|section| section.address()),
        })
    }

    /// The places in the module of the code at `address`, innermost first: more than one where calls became the bodies that
    /// they call. None where it is no code of the module.
    fn places(&self, address: u64) -> Vec<Place> {
        let Some((name, location)) = self.find(address) else {
            return Vec::new();
        };
        let mut places = Vec::with_capacity(location.inlined.len() + 1);
        let mut wasm_offset = location.wasm_offset;
        for inlined in &location.inlined {
            let index = inlined.function_index;
            let name = debug::inlined_name(&self.addresses, index);
            let name = name.map_or_else(|| format!("function {index}"), str::to_owned);
            places.push(Place::new(&name, wasm_offset));
            wasm_offset = Some(inlined.call_offset);
        }
        places.push(Place::new(name, wasm_offset));
        places
    }

    /// The name of the function whose code is at `address`, and where that code comes from.
    fn find(&self, address: u64) -> Option<(&str, debug::Location)> {
        let after = self
            .functions
            .partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = self.functions.get(after.checked_sub(1)?)?;
        let location = debug::look_up(&self.addresses, address.checked_sub(self.text_start)?);
        let is_of_module = location
            .as_ref()
            .is_none_or(|location| location.function_index.is_some());
        if address - start >= *size
            || !is_of_module
            || name.starts_with(OWN_PREFIX)
            || name.contains('$')
        {
            return None;
        }
        Some((name, location.unwrap_or_default()))
    }

    /// The name of the import whose stub is at `address`; stubs have the order of `missing`.
    fn missing_import<'a>(&self, address: u64, missing: &'a [String]) -> Option<&'a str> {
        let offset = address.checked_sub(self.missing_start?)?;
        let index = offset / size_of::<MissingImport>() as u64;
        missing
            .get(usize::try_from(index).ok()?)
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, call_lines};

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
