//! The module's operators as text, by their offset in the file.

use std::io;
use std::ops::Range;

use wasmparser::{Parser, Payload};
use wasmprinter::{Config, Print};

use super::DumpError;

/// Texts of all operators of a module.
pub(super) struct Operators {
    text: String,
    /// Offset in the module of each line, and its place in `text`; ascending.
    lines: Vec<(u64, Range<usize>)>,
    /// Where the bodies lie in the module, ascending; the functions that are not imported.
    bodies: Vec<Range<u64>>,
    functions_imported: u32,
}

impl Operators {
    /// Reads a valid module.
    pub(super) fn of(wasm: &[u8]) -> Result<Self, DumpError> {
        let mut bodies = Vec::new();
        let mut functions_imported = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(unreadable)? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(unreadable)?;
                        if matches!(import.ty, wasmparser::TypeRef::Func(_)) {
                            functions_imported += 1;
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let range = body.range();
                    bodies.push(range.start..range.end);
                }
                _ => {}
            }
        }
        let code = match (bodies.first(), bodies.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        };
        let mut printer = Printer {
            code,
            text: String::new(),
            lines: Vec::new(),
            is_kept: false,
        };
        Config::new()
            .print(wasm, &mut printer)
            .map_err(|problem| DumpError::Unreadable(problem.to_string()))?;
        let text = printer.text;
        let ends = printer.lines.iter().skip(1).map(|(_, start)| *start);
        let ends = ends.chain([text.len()]);
        let lines = printer.lines.iter().zip(ends);
        let mut lines: Vec<_> = lines
            .map(|((offset, start), end)| (*offset, *start..end))
            .collect();
        lines.sort_by_key(|(offset, _)| *offset);
        Ok(Self {
            text,
            lines,
            bodies,
            functions_imported,
        })
    }

    /// The operator at `offset`.
    pub(super) fn text(&self, offset: u32) -> &str {
        let found = self
            .lines
            .binary_search_by_key(&u64::from(offset), |(offset, _)| *offset);
        match found.map_or("", |at| self.text[self.lines[at].1.clone()].trim()) {
            // The end of a function is that of a parenthesis.
            ")" => "end",
            text => text,
        }
    }

    /// The function whose body holds `offset`.
    pub(super) fn function_at(&self, offset: u32) -> Option<u32> {
        let offset = u64::from(offset);
        let after = self.bodies.partition_point(|body| body.start <= offset);
        let index = after.checked_sub(1)?;
        self.bodies[index]
            .contains(&offset)
            .then(|| index as u32 + self.functions_imported)
    }

    /// Where the body of function `index` lies in the module.
    pub(super) fn body(&self, index: u32) -> Option<Range<u64>> {
        let body = index.checked_sub(self.functions_imported)?;
        self.bodies.get(body as usize).cloned()
    }

    /// The head of function `index` as text: its name and type.
    pub(super) fn head(&self, index: u32) -> &str {
        let start = self.body(index).map(|body| body.start);
        start.map_or("", |start| {
            self.text(u32::try_from(start).unwrap_or(u32::MAX))
        })
    }
}

fn unreadable(problem: wasmparser::Error) -> DumpError {
    DumpError::Unreadable(problem.to_string())
}

/// Keeps the lines that come from function bodies.
struct Printer {
    /// Where the bodies lie.
    code: Range<u64>,
    text: String,
    /// Offset of each line that is kept, and where it begins in `text`.
    lines: Vec<(u64, usize)>,
    is_kept: bool,
}

impl Print for Printer {
    fn write_str(&mut self, text: &str) -> io::Result<()> {
        if self.is_kept {
            self.text.push_str(text);
        }
        Ok(())
    }

    fn start_line(&mut self, offset: Option<u64>) {
        let offset = offset.filter(|offset| self.code.contains(offset));
        self.is_kept = offset.is_some();
        self.lines
            .extend(offset.map(|offset| (offset, self.text.len())));
    }
}
