//! Sections that are made of code and of what is known of it: text, trap table, clauses of calls, address map and unwind
//! tables.

use cranelift_codegen::isa::TargetIsa;
use mewz_abi::exception::Handler;
use mewz_abi::symbol;

use super::assemble::Parts;
use super::codegen::Task;
use super::debug::{self, FunctionRows};
use super::names;
use super::pieces::Piece;
use super::symbol_table::SymbolTable;
use super::symbols::{Single, SymbolId};
use super::unwind;
use crate::relocatable::{Relocation, RelocationKind, Section, SectionKind};

/// Bytes of a `TrapSite`.
pub(super) const TRAP_SITE_BYTES: usize = 12;

/// What was compiled, and where it lies.
pub(super) struct PlacedCode<'p, 'a> {
    /// What goes into the object.
    pub(super) parts: &'p Parts<'a>,
    /// Where each task's code lies in the code section.
    pub(super) starts: &'p [u64],
    /// Bytes of all code.
    pub(super) text_bytes: u64,
}

impl<'p, 'a> PlacedCode<'p, 'a> {
    /// Each task with its code, and where that lies.
    fn all(&self) -> impl Iterator<Item = (&'p Task<'a>, &'p Piece, u64)> {
        let tasks = self.parts.tasks.iter().zip(&self.parts.pieces);
        let placed = tasks.zip(self.starts);
        placed.map(|((task, piece), start)| (task, piece, *start))
    }

    /// The code.
    pub(super) fn text(&self, symbols: &mut SymbolTable) -> Section {
        let mut bytes = vec![0; self.text_bytes as usize];
        let mut relocations = Vec::new();
        for (task, piece, start) in self.all() {
            let code = &piece.code;
            bytes[start as usize..][..code.bytes.len()].copy_from_slice(&code.bytes);
            for relocation in &code.relocations {
                if let Some(SymbolId::Constant(slot)) = relocation.target {
                    let value = piece.constant(relocation, slot).to_le_bytes();
                    let at = start as usize + relocation.offset as usize;
                    bytes[at..][..value.len()].copy_from_slice(&value);
                    continue;
                }
                let target = piece.target(relocation, &self.parts.layout.plan);
                relocations.push(Relocation {
                    offset: start + u64::from(relocation.offset),
                    kind: relocation.kind,
                    symbol: symbols.index(target.unwrap_or(task.id)),
                    addend: relocation.addend,
                });
            }
        }
        let alignments = self.parts.pieces.iter().map(|piece| piece.code.alignment);
        Section {
            align: alignments.max().unwrap_or(1).into(),
            relocations,
            ..section(".text", SectionKind::Text, bytes)
        }
    }

    /// The instructions that trap.
    pub(super) fn traps(&self) -> Section {
        let mut sites: Vec<[u32; 3]> = Vec::new();
        for (task, piece, start) in self.all() {
            let body = task.work.wasm_offset();
            sites.extend(piece.code.traps.iter().map(|trap| {
                let wasm_offset = match trap.wasm_offset {
                    0 => 0,
                    offset => body.wrapping_add(offset),
                };
                [
                    start as u32 + trap.code_offset,
                    wasm_offset,
                    trap.kind as u32,
                ]
            }));
        }
        sites.sort_unstable();
        sites.dedup_by_key(|site| site[0]);
        let mut bytes = Vec::with_capacity(sites.len() * TRAP_SITE_BYTES);
        for field in sites.iter().flatten() {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        Section {
            align: 4,
            ..section(symbol::TRAP_SECTION, SectionKind::ReadOnly, bytes)
        }
    }

    /// The clauses of all calls, by return address.
    pub(super) fn handlers(&self) -> Section {
        let mut rows: Vec<Handler> = Vec::new();
        for (_, piece, start) in self.all() {
            let start = start as u32;
            rows.extend(piece.handlers().map(|handler| Handler {
                return_offset: start + handler.return_offset,
                handler_offset: start + handler.handler_offset,
                ..handler
            }));
        }
        // Those of one call stay in the order of trying.
        rows.sort_by_key(|handler| handler.return_offset);
        let fields = rows.iter().flat_map(|handler| {
            [
                handler.return_offset,
                handler.handler_offset,
                handler.frame_bytes,
                handler.clause,
            ]
        });
        let bytes = fields.flat_map(u32::to_le_bytes).collect();
        section(symbol::HANDLER_SECTION, SectionKind::ReadOnly, bytes)
    }

    /// What each piece of code comes from.
    pub(super) fn addresses(&self) -> Section {
        let functions = self.all().map(|(task, piece, start)| FunctionRows {
            start,
            len: piece.code.bytes.len() as u64,
            wasm_index: task.wasm_index,
            wasm_offset: task.work.wasm_offset(),
            rows: &piece.code.locations,
        });
        let functions: Vec<FunctionRows<'_>> = functions.collect();
        let bytes = debug::encode(&functions, || names::functions(self.parts.module));
        Section {
            align: 1,
            ..section(symbol::ADDRESS_SECTION, SectionKind::Unloaded, bytes)
        }
    }

    /// How frames are left.
    pub(super) fn unwind(&self, isa: &dyn TargetIsa, symbols: &mut SymbolTable) -> Section {
        let mut table = unwind::Section::new(isa);
        let mut relocations = Vec::new();
        let text = symbols.index(Single::Text);
        for (_, piece, start) in self.all() {
            let code = &piece.code;
            if !code.unwind.is_empty() {
                relocations.push(Relocation {
                    offset: table.append(&code.unwind) as u64,
                    kind: RelocationKind::Relative32,
                    symbol: text,
                    addend: start as i64,
                });
            }
        }
        Section {
            align: 8,
            relocations,
            ..section(".eh_frame", SectionKind::Unwind, table.bytes)
        }
    }
}

/// A section without relocations, on 16 bytes.
pub(super) fn section(name: &'static str, kind: SectionKind, bytes: Vec<u8>) -> Section {
    Section {
        name,
        kind,
        align: 16,
        size: bytes.len() as u64,
        bytes,
        relocations: Vec::new(),
    }
}
