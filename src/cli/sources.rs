//! Where a module's code stands in its sources, by the debug information that its compiler left in it (DWARF 4 and 5).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::Context;
use gimli::{Dwarf, EndianArcSlice, LittleEndian, SectionId};
use object::{Object as _, ObjectSection as _};
use wasmparser::{Parser, Payload};

use super::words;
use crate::compile::is_of_library;

/// Lines of a file that are shown around the one that is meant.
const LINES_AROUND: usize = 1;

/// Longest line that is shown.
const LINE_LEN_MAX: usize = 160;

type Slice = EndianArcSlice<LittleEndian>;

/// A module's debug information.
pub(super) struct Sources {
    context: Context<Slice>,
    /// Where the content of the code section begins in the module: addresses count from there.
    code_start: u64,
}

/// A place in the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourcePlace {
    /// The function, as people write it.
    pub(super) function: Option<String>,
    /// The file, from where this program runs if it is below that.
    pub(super) file: PathBuf,
    pub(super) line: u32,
    pub(super) column: Option<u32>,
}

/// A function, or a body that became part of one.
pub(super) struct SourceFrame {
    /// The function, as people write it; `None` where it has a line alone.
    pub(super) function: Option<String>,
    /// Where in it; `None` for what has no line, as what a compiler adds.
    pub(super) source: Option<SourcePlace>,
}

impl SourcePlace {
    /// Whether it belongs to what a compiler brings along, and not to the program's own sources.
    pub(super) fn is_of_library(&self) -> bool {
        is_of_library(self.file.as_os_str().as_encoded_bytes())
    }

    /// The lines around the place with a mark below its column; nothing where the file is gone.
    pub(super) fn excerpt(&self) -> Vec<String> {
        let Ok(text) = std::fs::read_to_string(&self.file) else {
            return Vec::new();
        };
        let at = self.line as usize;
        let first = at.saturating_sub(LINES_AROUND).max(1);
        let width = (at + LINES_AROUND).to_string().len();
        let lines = text.lines().enumerate().skip(first - 1);
        let mut shown = vec![format!("{:width$} |", "")];
        for (index, line) in lines.take(at + LINES_AROUND + 1 - first) {
            let line: String = line
                .replace('\t', "    ")
                .chars()
                .take(LINE_LEN_MAX)
                .collect();
            let line = words::name(&line).into_owned();
            shown.push(
                format!("{:width$} | {line}", index + 1)
                    .trim_end()
                    .to_owned(),
            );
            if index + 1 == at
                && let Some(column) = self.column
            {
                let before = self.columns_before(&text, column);
                shown.push(format!("{:width$} | {:before$}^", "", ""));
            }
        }
        shown
    }

    /// Characters that stand before the column as they are shown.
    fn columns_before(&self, text: &str, column: u32) -> usize {
        let line = text.lines().nth(self.line as usize - 1).unwrap_or_default();
        let before = line.bytes().take(column.saturating_sub(1) as usize);
        before.map(|byte| if byte == b'\t' { 4 } else { 1 }).sum()
    }
}

impl std::fmt::Display for SourcePlace {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.to_string_lossy();
        write!(out, "{}:{}", words::name(&file), self.line)?;
        match self.column {
            Some(column) => write!(out, ":{column}"),
            None => Ok(()),
        }
    }
}

impl Sources {
    /// Reads the debug information of `module`; `None` where it has none, or none that can be read.
    pub(super) fn read(module: &[u8]) -> Option<Self> {
        let mut sections: HashMap<&str, Arc<[u8]>> = HashMap::new();
        let mut code_start = None;
        for payload in Parser::new(0).parse_all(module) {
            match payload.ok()? {
                Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                    sections.insert(section.name(), section.data().into());
                }
                Payload::CodeSectionStart {
                    unchecked_range, ..
                } => code_start = Some(unchecked_range.start),
                _ => {}
            }
        }
        if !sections.contains_key(SectionId::DebugInfo.name()) {
            return None;
        }
        let load = |id: SectionId| {
            let bytes = sections.get(id.name()).cloned().unwrap_or_default();
            Ok::<_, gimli::Error>(Slice::new(bytes, LittleEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(load).ok()?).ok()?;
        Some(Self {
            context,
            code_start: code_start?,
        })
    }

    /// Reads the debug information of an executable.
    pub(super) fn of_elf(image: &object::File<'_>) -> Option<Self> {
        let load = |id: SectionId| {
            let section = image.section_by_name(id.name());
            let bytes = section.and_then(|section| section.data().ok());
            let bytes: Arc<[u8]> = bytes.unwrap_or_default().into();
            Ok::<_, gimli::Error>(Slice::new(bytes, LittleEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(load).ok()?).ok()?;
        Some(Self {
            context,
            code_start: 0,
        })
    }

    /// The places of the operator at `wasm_offset` of the module, innermost first: more than one where the compiler made
    /// calls the bodies that they call.
    pub(super) fn places(&self, wasm_offset: u32) -> Vec<SourcePlace> {
        let address = u64::from(wasm_offset).checked_sub(self.code_start);
        address.map_or_else(Vec::new, |address| self.at(address))
    }

    /// As [`Sources::places`], by address; a frame without a line ends what can be told.
    pub(super) fn at(&self, address: u64) -> Vec<SourcePlace> {
        let frames = self.frames(address).into_iter();
        frames.map_while(|frame| frame.source).collect()
    }

    /// The function whose code is at `address`, behind the bodies that are part of it, innermost first.
    pub(super) fn frames(&self, address: u64) -> Vec<SourceFrame> {
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else {
            return Vec::new();
        };
        let mut all = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let function = frame
                .function
                .and_then(|function| Some(function.demangle().ok()?.into_owned()));
            let place = frame.location.as_ref();
            let line = place.and_then(|place| place.file.zip(place.line));
            let source = line.filter(|(_, line)| *line > 0);
            let source = source.map(|(file, line)| SourcePlace {
                function: function.clone(),
                file: shortened(Path::new(file)),
                line,
                column: place
                    .and_then(|place| place.column)
                    .filter(|column| *column > 0),
            });
            all.push(SourceFrame { function, source });
        }
        all
    }
}

/// The path from where this program runs, if it is below that.
fn shortened(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{SourcePlace, Sources};

    fn place(file: PathBuf, line: u32) -> SourcePlace {
        SourcePlace {
            function: None,
            file,
            line,
            column: Some(2),
        }
    }

    #[test]
    fn excerpts_show_the_neighbours_and_the_column() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.c");
        std::fs::write(&file, "one\n\ttwo\n\nfour\n\x1b[31m").unwrap();
        assert_eq!(
            place(file.clone(), 2).excerpt(),
            ["  |", "1 | one", "2 |     two", "  |     ^", "3 |"]
        );
        assert_eq!(place(file.clone(), 1).excerpt().len(), 4);
        assert_eq!(place(file.clone(), 5).excerpt()[2], "5 | \u{fffd}[31m");
        assert_eq!(place(file, 4_000_000_000).excerpt().len(), 1);
        assert!(place("/nonexistent".into(), 1).excerpt().is_empty());
    }

    #[test]
    fn modules_without_debug_information_have_no_places() {
        assert!(Sources::read(b"\0asm\x01\0\0\0").is_none());
        assert!(Sources::read(b"garbage").is_none());
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(*b"\0\x10\x0b.debug_info\xff\xff\xff\xff");
        assert!(Sources::read(&module).is_none());
    }
}
