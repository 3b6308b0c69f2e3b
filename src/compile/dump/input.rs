//! An object as it is read for a listing: code, names, relocations, traps.

use std::collections::BTreeMap;
use std::ops::Range;

use iced_x86::Instruction;
use mewz_abi::exception::CLAUSE_ALL;
use mewz_abi::symbol::{ADDRESS_SECTION, HANDLER_SECTION, TRAP_SECTION};
use mewz_abi::trap::TrapKind;
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionIndex, SymbolKind,
};

use super::DumpError;
use crate::compile::debug;

/// Section of code.
const TEXT_SECTION: &str = ".text";

/// Bytes of a `TrapSite`.
const TRAP_SITE_BYTES: usize = 12;

/// Bytes of a `Handler`.
const HANDLER_BYTES: usize = 16;

/// A clause that takes exceptions which pass a call.
#[derive(Clone, Copy)]
pub(super) struct Handler {
    /// Where it goes on.
    pub(super) address: u64,
    /// The tag's index in the module; `None` takes all.
    pub(super) tag: Option<u32>,
}

/// A function of the object. Addresses are bytes from the start of all code.
pub(super) struct Function {
    /// Its symbol.
    pub(super) name: String,
    /// Its index in the module; `None` for code that is not of the module.
    pub(super) wasm_index: Option<u32>,
    /// Where its code lies.
    pub(super) code: Range<u64>,
    /// Bytes from its start, and the offset in the module of the operator that the code from there on comes from.
    pub(super) rows: Vec<(u64, Option<u32>)>,
}

/// An object.
pub(super) struct Object<'a> {
    text: &'a [u8],
    /// Ascending.
    pub(super) functions: Vec<Function>,
    /// Names and what to add to them, by the address of the field that is relocated.
    relocations: BTreeMap<u64, Relocation>,
    /// Where code traps on purpose.
    pub(super) traps: BTreeMap<u64, TrapKind>,
    /// Clauses by the return address of the call that they are for, in the order of trying.
    pub(super) handlers: BTreeMap<u64, Vec<Handler>>,
    /// The content of the address map.
    addresses: &'a [u8],
}

struct Relocation {
    name: String,
    addend: i64,
    /// Whether the field holds a distance.
    is_relative: bool,
}

impl<'a> Object<'a> {
    /// Reads an object of this program's.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DumpError> {
        let unreadable = |problem: object::Error| DumpError::Unreadable(problem.to_string());
        let file = object::File::parse(bytes).map_err(unreadable)?;
        let section = |name: &str| {
            let section = file.section_by_name(name);
            section.map_or(Ok(&[][..]), |section| section.data())
        };
        let Some(text) = file.section_by_name(TEXT_SECTION) else {
            return Err(DumpError::Unreadable("it holds no code".to_owned()));
        };
        let names = names(&file, text.index());
        let addresses = section(ADDRESS_SECTION).map_err(unreadable)?;
        let functions = debug::functions(addresses);
        let functions = functions.into_iter().map(|function| Function {
            name: names
                .get(&function.code.start)
                .cloned()
                .unwrap_or_else(|| format!("code_{:x}", function.code.start)),
            wasm_index: function.function_index,
            code: function.code,
            rows: function.rows,
        });
        let text_bytes = text.data().map_err(unreadable)?;
        let len = text_bytes.len() as u64;
        Ok(Self {
            text: text_bytes,
            functions: functions
                .filter(|function| function.code.end <= len)
                .collect(),
            relocations: relocations(&file, &text),
            traps: traps(section(TRAP_SECTION).map_err(unreadable)?),
            handlers: handlers(section(HANDLER_SECTION).map_err(unreadable)?),
            addresses,
        })
    }

    /// The machine code of `function`.
    pub(super) fn code(&self, function: &Function) -> &'a [u8] {
        let Range { start, end } = function.code;
        self.bytes(start, (end - start) as usize)
    }

    /// `len` bytes of code from `address` on, which lie in a function.
    pub(super) fn bytes(&self, address: u64, len: usize) -> &'a [u8] {
        let start = address as usize;
        &self.text[start..start + len]
    }

    /// What a relocation puts into `instruction`.
    pub(super) fn relocation(&self, instruction: &Instruction) -> Option<String> {
        let fields = self
            .relocations
            .range(instruction.ip()..instruction.next_ip());
        let (field, relocation) = fields.into_iter().next()?;
        let addend = match relocation.is_relative {
            true => relocation.addend + (instruction.next_ip() - field) as i64,
            false => relocation.addend,
        };
        let name = &relocation.name;
        Some(match addend {
            0 => name.clone(),
            1.. => format!("{name}+{addend:#x}"),
            ..0 => format!("{name}-{:#x}", addend.unsigned_abs()),
        })
    }

    /// The function that begins at `address`.
    pub(super) fn name_at(&self, address: u64) -> Option<&str> {
        let found = self
            .functions
            .binary_search_by_key(&address, |function| function.code.start);
        found.ok().map(|at| self.functions[at].name.as_str())
    }

    /// The name of the module's function `index`, whose body became part of another.
    pub(super) fn inlined_name(&self, index: u32) -> String {
        debug::inlined_name(self.addresses, index)
            .map_or_else(|| format!("function {index}"), str::to_owned)
    }
}

fn names(file: &object::File<'_>, text: SectionIndex) -> BTreeMap<u64, String> {
    let functions = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.section_index() == Some(text));
    functions
        .filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?.to_owned())))
        .collect()
}

fn relocations(
    file: &object::File<'_>,
    text: &object::Section<'_, '_>,
) -> BTreeMap<u64, Relocation> {
    let name = |target: RelocationTarget| match target {
        RelocationTarget::Symbol(index) => {
            let symbol = file.symbol_by_index(index).ok()?;
            match symbol.kind() {
                SymbolKind::Section => {
                    let section = file.section_by_index(symbol.section_index()?).ok()?;
                    Some(section.name().ok()?.to_owned())
                }
                _ => Some(symbol.name().ok()?.to_owned()),
            }
        }
        _ => None,
    };
    text.relocations()
        .filter_map(|(address, relocation)| {
            let relocation = Relocation {
                name: name(relocation.target())?,
                addend: relocation.addend(),
                is_relative: relocation.kind() != object::RelocationKind::Absolute,
            };
            Some((address, relocation))
        })
        .collect()
}

fn traps(section: &[u8]) -> BTreeMap<u64, TrapKind> {
    let sites = section.as_chunks::<TRAP_SITE_BYTES>().0;
    let kind = |site: &[u8]| TrapKind::from_number(field(site, 2));
    sites
        .iter()
        .filter_map(|site| Some((u64::from(field(site, 0)), kind(site)?)))
        .collect()
}

fn handlers(section: &[u8]) -> BTreeMap<u64, Vec<Handler>> {
    let mut handlers: BTreeMap<u64, Vec<Handler>> = BTreeMap::new();
    for row in section.as_chunks::<HANDLER_BYTES>().0 {
        let tag = field(row, 3) >> 1;
        let handler = Handler {
            address: u64::from(field(row, 1)),
            tag: (tag != CLAUSE_ALL).then_some(tag),
        };
        let of_call = handlers.entry(u64::from(field(row, 0)));
        of_call.or_default().push(handler);
    }
    handlers
}

/// The u32 with this number in `row`, which is long enough.
fn field(row: &[u8], number: usize) -> u32 {
    let bytes = row.as_chunks::<4>().0;
    u32::from_le_bytes(bytes[number])
}
