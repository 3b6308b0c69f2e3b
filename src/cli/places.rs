//! Where an image's code comes from: functions and offsets in the module, and places in its sources.

use std::collections::HashMap;

use mewz_abi::address::WINDOW_BASE;
use mewz_abi::application::MissingImport;
use mewz_abi::exception::Tag;
use mewz_abi::symbol::ADDRESS_SECTION;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use serde_json::{Value, json};

use super::sources::{SourcePlace, Sources};
use super::words;
use crate::compile::debug;

/// How names of functions begin that are not the module's: entries and the like.
const OWN_PREFIX: &str = "mewz_";

/// The linker's section of stubs for imports that nobody answers.
const MISSING_SECTION: &str = ".mewz.missing";

/// A place in the module, and in its sources where these are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) function: String,
    pub(super) wasm_offset: Option<u32>,
    pub(super) source: Option<SourcePlace>,
}

impl Place {
    pub(super) fn new(name: &str, wasm_offset: Option<u32>) -> Self {
        let function = words::name(&format!("{:#}", rustc_demangle::demangle(name))).into_owned();
        Self {
            function,
            wasm_offset,
            source: None,
        }
    }

    /// The place in the sources, and those of the bodies that it stands in, if they are known.
    pub(super) fn with_sources(self, sources: &Sources) -> Vec<Self> {
        let found = self.wasm_offset.map(|offset| sources.places(offset));
        let found = found.unwrap_or_default();
        if found.is_empty() {
            return vec![self];
        }
        let places = found.into_iter().map(|source| Self {
            function: match &source.function {
                Some(function) => function_name(function),
                None => self.function.clone(),
            },
            wasm_offset: self.wasm_offset,
            source: Some(source),
        });
        places.collect()
    }

    /// The place in the program's own sources.
    pub(super) fn own_source(&self) -> Option<&SourcePlace> {
        self.source
            .as_ref()
            .filter(|source| !source.is_of_library())
    }

    /// Whether it is in what a compiler brings along.
    pub(super) fn is_of_library(&self) -> bool {
        self.source.as_ref().is_some_and(SourcePlace::is_of_library)
    }

    /// The place as a program reads it.
    pub(super) fn json(&self) -> Value {
        let source = self.source.as_ref();
        json!({
            "function": self.function,
            "wasm_offset": self.wasm_offset,
            "file": source.map(|source| source.file.display().to_string()),
            "line": source.map(|source| source.line),
            "column": source.and_then(|source| source.column),
            "is_library": self.is_of_library(),
        })
    }
}

/// A function's name as people know it.
fn function_name(name: &str) -> String {
    match name {
        // What C compilers call it where it has arguments.
        "__main_argc_argv" => "main".to_owned(),
        name => words::name(name).into_owned(),
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
pub(super) struct CodeMap {
    /// Start, size and name of each function of the window, ascending.
    functions: Vec<(u64, u64, String)>,
    /// Names of tags of exceptions, by address.
    pub(super) tags: HashMap<u64, String>,
    /// The first byte of the module's code.
    text_start: u64,
    /// The content of the section that maps code to the module.
    addresses: Vec<u8>,
    /// The first stub of an import that nobody answers.
    missing_start: Option<u64>,
}

impl CodeMap {
    /// Reads it from an image; `None` where the bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
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
    pub(super) fn places(&self, address: u64) -> Vec<Place> {
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

    /// As [`CodeMap::places`], in the sources too, by the image's own debug information: that of the module is not needed.
    pub(super) fn native_places(&self, address: u64, native: &Sources) -> Vec<Place> {
        let mut by_map = self.places(address);
        if by_map.is_empty() {
            return by_map;
        }
        let frames = native.frames(address);
        if frames.iter().all(|frame| frame.function.is_none()) {
            // Nothing, or a line alone, as of functions of libraries in a debug build.
            by_map[0].source = frames.into_iter().next().and_then(|frame| frame.source);
            return by_map;
        }
        // The innermost stands where the instruction comes from; of the others only the line is known.
        let mut wasm_offset = by_map.swap_remove(0).wasm_offset;
        let places = frames.into_iter().map(|frame| Place {
            function: function_name(frame.function.as_deref().unwrap_or("?")),
            wasm_offset: wasm_offset.take(),
            source: frame.source,
        });
        places.collect()
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
    pub(super) fn missing_import<'a>(
        &self,
        address: u64,
        missing: &'a [String],
    ) -> Option<&'a str> {
        let offset = address.checked_sub(self.missing_start?)?;
        let index = offset / size_of::<MissingImport>() as u64;
        missing
            .get(usize::try_from(index).ok()?)
            .map(String::as_str)
    }
}
