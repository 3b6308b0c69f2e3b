//! Every byte of an object or image, and of the module that it was made of, with what it belongs to.

use std::collections::{BTreeMap, HashMap};

use mewz_abi::address::{KERNEL_BASE, WINDOW_BASE};
use mewz_abi::symbol::ADDRESS_SECTION;
use object::elf::FileHeader64;
use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection, ObjectSymbol as _, SectionKind, SymbolKind};
use wasmparser::{Name, Parser, Payload};

use crate::compile::debug;

/// Section of code.
const TEXT_SECTION: &str = ".text";

/// Sections of the module and what they become; others become nothing.
const COUNTERPARTS: [(&str, &str); 2] = [("code", TEXT_SECTION), ("data", ".rodata")];

/// An ELF file of either byte order.
type Elf<'data> = ElfFile64<'data, Endianness>;

/// What a file consists of.
#[derive(Debug, Default)]
pub(in crate::cli) struct Measured {
    /// Every part, in no order.
    pub(super) parts: Vec<Part>,
}

impl Measured {
    /// Whether any bytes are known to be of a function.
    pub(super) fn has_functions(&self) -> bool {
        self.parts.iter().any(|part| part.function.is_some())
    }
}

/// Some bytes that belong to one thing.
#[derive(Debug)]
pub(super) struct Part {
    /// The section that they lie in.
    pub(super) section: String,
    /// Whether they are in memory when the program runs.
    pub(super) is_loaded: bool,
    /// The function's name as its symbol has it, and its index in the module.
    pub(super) function: Option<(String, Option<u32>)>,
    /// Bytes in the object or image.
    pub(super) native: u64,
    /// Bytes in the module.
    pub(super) wasm: u64,
}

/// Bytes of the header of an ELF file of 64 bits.
const HEADER_BYTES: usize = size_of::<FileHeader64<Endianness>>();

/// Measures `elf`; and `wasm`, of which it was made.
///
/// # Errors
///
/// Words on what of the two is broken.
pub(in crate::cli) fn measure(elf: &[u8], wasm: Option<&[u8]>) -> Result<Measured, String> {
    let file = parse(elf)?;
    let mut measured = Measured::default();
    let module = wasm.map(ModuleSizes::of).transpose()?;
    let mut indices = HashMap::new();
    if module.is_some()
        && let Some(section) = file.section_by_name(ADDRESS_SECTION)
    {
        let content = section.data().map_err(|problem| problem.to_string())?;
        for function in debug::functions(content) {
            indices.extend(
                function
                    .function_index
                    .map(|index| (function.code.start, index)),
            );
        }
    }
    let functions = functions(&file);
    let mut known = 0;
    for section in file.sections() {
        let name = section.name().unwrap_or_default();
        let bytes = match section.kind() {
            SectionKind::UninitializedData => 0,
            _ => bytes_in_file(&section, elf.len() as u64)
                .ok_or_else(|| format!("section `{name}` lies outside of the file"))?,
        };
        known += bytes;
        let shown = match (KERNEL_BASE..WINDOW_BASE).contains(&section.address()) {
            true => format!("kernel {name}"),
            false => name.to_owned(),
        };
        let mut rest = bytes;
        for (address, (symbol, size)) in functions.get(&section.index()).into_iter().flatten() {
            let index = indices.get(address).copied();
            // No more than the section has, whatever the symbol says.
            let size = rest.min(*size);
            rest -= size;
            measured.parts.push(Part {
                section: shown.clone(),
                is_loaded: true,
                function: Some(((*symbol).to_owned(), index)),
                native: size,
                wasm: 0,
            });
        }
        measured.add(&shown, is_loaded(&section), rest, 0);
    }
    let rest = (elf.len() as u64).saturating_sub(known);
    measured.add("headers and padding", false, rest, 0);
    if let Some(module) = module {
        module.add_to(&mut measured);
    }
    Ok(measured)
}

fn parse(elf: &[u8]) -> Result<Elf<'_>, String> {
    let len = elf.len();
    if len < HEADER_BYTES {
        return Err(format!(
            "it begins as an ELF file and ends after {len} bytes, inside its header of {HEADER_BYTES}"
        ));
    }
    Elf::parse(elf).map_err(|problem| format!("it is no whole ELF file of 64 bits: {problem}"))
}

impl Measured {
    /// Adds bytes that are of no function.
    fn add(&mut self, section: &str, is_loaded: bool, native: u64, wasm: u64) {
        if native != 0 || wasm != 0 {
            self.parts.push(Part {
                section: section.to_owned(),
                is_loaded,
                function: None,
                native,
                wasm,
            });
        }
    }
}

fn is_loaded<'data>(section: &impl ObjectSection<'data>) -> bool {
    let object::SectionFlags::Elf { sh_flags, .. } = section.flags() else {
        return false;
    };
    sh_flags & u64::from(object::elf::SHF_ALLOC) != 0
}

/// Bytes that a section has in a file of `len` bytes; `None` where it says that it goes beyond.
fn bytes_in_file<'data>(section: &impl ObjectSection<'data>, len: u64) -> Option<u64> {
    let Some((start, bytes)) = section.file_range() else {
        return Some(0);
    };
    (start.checked_add(bytes)? <= len).then_some(bytes)
}

/// Name and size of each function, by section and address.
type Functions<'a> = HashMap<object::SectionIndex, BTreeMap<u64, (&'a str, u64)>>;

fn functions<'a>(file: &Elf<'a>) -> Functions<'a> {
    let mut functions = Functions::new();
    for symbol in file.symbols() {
        let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) else {
            continue;
        };
        if symbol.kind() == SymbolKind::Text && symbol.size() != 0 {
            // Of several names of one place the first counts.
            let section = functions.entry(section).or_default();
            let place = section.entry(symbol.address());
            place.or_insert((name, symbol.size()));
        }
    }
    functions
}

/// Sizes of the module's parts.
#[derive(Default)]
struct ModuleSizes {
    /// Bytes of each function's body, by its index.
    bodies: BTreeMap<u32, u64>,
    /// Names of functions, from the name section.
    names: HashMap<u32, String>,
    /// Bytes of each section, the bodies not counted.
    sections: BTreeMap<String, u64>,
}

impl ModuleSizes {
    fn of(wasm: &[u8]) -> Result<Self, String> {
        let mut sizes = Self::default();
        let mut imported = 0;
        let mut known = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|problem| problem.to_string())?;
            if let Payload::ImportSection(imports) = &payload {
                let imports = imports.clone().into_imports().flatten();
                let functions =
                    imports.filter(|import| matches!(import.ty, wasmparser::TypeRef::Func(_)));
                imported = functions.count() as u32;
            }
            if let Payload::CodeSectionEntry(body) = &payload {
                let index = imported + sizes.bodies.len() as u32;
                let range = body.range();
                sizes.bodies.insert(index, range.end - range.start);
            }
            let name = match &payload {
                Payload::CustomSection(section) => {
                    sizes.names(section);
                    section.name().to_owned()
                }
                other => match section_name(other) {
                    Some(name) => name.to_owned(),
                    None => continue,
                },
            };
            if let Some((_, range)) = payload.as_section() {
                known += range.end - range.start;
                *sizes.sections.entry(name).or_default() += range.end - range.start;
            }
        }
        let rest = (wasm.len() as u64).saturating_sub(known);
        sizes.sections.insert("heads of sections".to_owned(), rest);
        let bodies: u64 = sizes.bodies.values().sum();
        if let Some(code) = sizes.sections.get_mut("code") {
            *code = code.saturating_sub(bodies);
        }
        Ok(sizes)
    }

    fn names(&mut self, section: &wasmparser::CustomSectionReader<'_>) {
        let wasmparser::KnownCustom::Name(names) = section.as_known() else {
            return;
        };
        for name in names.into_iter().flatten() {
            if let Name::Function(functions) = name {
                let functions = functions.into_iter().flatten();
                let functions = functions.map(|naming| (naming.index, naming.name.to_owned()));
                self.names.extend(functions);
            }
        }
    }

    /// Puts the module's bytes beside what they became.
    fn add_to(mut self, measured: &mut Measured) {
        for part in &mut measured.parts {
            if let Some((_, Some(index))) = part.function {
                part.wasm = self.bodies.remove(&index).unwrap_or(0);
            }
        }
        // What became part of its callers has no code of its own.
        for (index, wasm) in self.bodies {
            let name = self.names.remove(&index);
            let name = name.unwrap_or_else(|| format!("wasm_function_{index}"));
            measured.parts.push(Part {
                section: TEXT_SECTION.to_owned(),
                is_loaded: true,
                function: Some((name, Some(index))),
                native: 0,
                wasm,
            });
        }
        for (name, bytes) in self.sections {
            let counterpart = COUNTERPARTS.iter().find(|(section, _)| *section == name);
            match counterpart {
                Some((_, section)) => measured.add(section, true, 0, bytes),
                None => measured.add(&format!("module's {name}"), false, 0, bytes),
            }
        }
    }
}

fn section_name(payload: &Payload<'_>) -> Option<&'static str> {
    Some(match payload {
        Payload::TypeSection(_) => "types",
        Payload::ImportSection(_) => "imports",
        Payload::FunctionSection(_) => "functions",
        Payload::TableSection(_) => "tables",
        Payload::MemorySection(_) => "memories",
        Payload::TagSection(_) => "tags",
        Payload::GlobalSection(_) => "globals",
        Payload::ExportSection(_) => "exports",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "elements",
        Payload::DataCountSection { .. } => "data count",
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) => "data",
        _ => return None,
    })
}
