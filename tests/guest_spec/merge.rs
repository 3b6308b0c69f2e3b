//! Many objects in one: sections of a name behind each other, imports bound to what other objects have, one descriptor.

use std::collections::HashMap;
use std::mem::offset_of;

use mewz::relocatable::{
    Binding, Object, Relocation, RelocationKind, Section, SectionKind, Symbol,
};
use mewz_abi::application::{
    APPLICATION_MAGIC, APPLICATION_VERSION, Application, Export, MemoryInstance, TrapSite,
    export_kind, memory_flags,
};
use mewz_abi::symbol;

/// Constants with addresses, in every object.
const ADDRESSES: (&str, SectionKind) = (".data.rel.ro", SectionKind::ReadOnlyAfterRelocation);
/// What changes at run time, in every object.
const STATE: (&str, SectionKind) = (".mewz.state", SectionKind::Data);

/// Something at an offset of a section of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    section: usize,
    offset: u64,
}

impl Place {
    fn plus(self, bytes: usize) -> Self {
        Self {
            offset: self.offset + bytes as u64,
            ..self
        }
    }
}

/// What an object brought, read from its descriptor.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) instantiate: Place,
    /// In the order of the module.
    pub(crate) exports: Vec<Place>,
    /// Imported ones first.
    pub(crate) memories: Vec<Place>,
}

/// An export of the whole: what the kernel does in its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Call(Place),
    /// The memory becomes the one at address 0.
    Memory(Place),
}

/// The whole on its way.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    sections: Vec<Section>,
    /// The symbol of each section's start.
    starts: Vec<u32>,
    symbols: Vec<Symbol>,
    /// Symbols of the kernel.
    wanted: HashMap<String, u32>,
    /// What objects share: types, the list of modules with exceptions.
    shared: HashMap<String, Place>,
    memories: Vec<Place>,
    tables: Vec<Place>,
    cpu_features: u64,
}

/// What a symbol of an object is in the whole.
#[derive(Clone, Copy, Debug)]
enum Target {
    Place(Place),
    /// The symbol with this index, which the kernel has.
    Kernel(u32),
}

impl Merge {
    /// Adds `object`; `import` answers for the imports that other objects have.
    pub(crate) fn add(&mut self, object: &Object, import: impl Fn(&str) -> Option<Place>) -> Part {
        let starts = self.append_all(&object.sections);
        let targets = object
            .symbols
            .iter()
            .map(|symbol| self.target(symbol, &starts, &import));
        let targets: Vec<_> = targets.collect();
        let mut pointers = HashMap::new();
        for (section, start) in object.sections.iter().zip(&starts) {
            let Some(start) = start else { continue };
            for relocation in &section.relocations {
                let at = start.plus(relocation.offset as usize);
                let target = targets[relocation.symbol as usize];
                self.relocate(at, relocation.kind, target, relocation.addend);
                if let (Target::Place(place), RelocationKind::Absolute64) =
                    (target, relocation.kind)
                {
                    pointers.insert(at, place.plus(relocation.addend as usize));
                }
            }
        }
        let is_descriptor = |symbol: &Symbol| symbol.name == symbol::APPLICATION;
        let descriptor = object.symbols.iter().position(is_descriptor);
        let Some(Target::Place(descriptor)) = descriptor.map(|at| targets[at]) else {
            panic!("an object has a descriptor");
        };
        self.adopt(descriptor, &pointers)
    }

    /// Leaves a memory out of those that have a room of their own, because it takes its turn at address 0.
    pub(crate) fn put_at_zero(&mut self, memory: Place) {
        self.memories.retain(|other| *other != memory);
    }

    /// The whole; its exports are `turns`.
    pub(crate) fn finish(mut self, turns: &[Turn]) -> Object {
        let mut memories = vec![self.memory_before_the_first()];
        memories.append(&mut self.memories);
        let tables = std::mem::take(&mut self.tables);
        let memories_at = self.array(&memories);
        let tables_at = self.array(&tables);
        let exports = self.exports(turns);
        let text = self.section(".text", SectionKind::Text);
        let traps = self.section(symbol::TRAP_SECTION, SectionKind::ReadOnly);
        let [text_bytes, trap_bytes] = [text, traps].map(|section| self.sections[section].size);
        let [text, traps] = [text, traps].map(|section| Place { section, offset: 0 });
        let entry = turns.iter().find_map(|turn| match turn {
            Turn::Call(place) => Some(*place),
            Turn::Memory(_) => None,
        });

        let at = self.reserve(ADDRESSES, size_of::<Application>());
        for (field, number) in [
            (offset_of!(Application, magic), APPLICATION_MAGIC),
            (offset_of!(Application, version), APPLICATION_VERSION.into()),
            (offset_of!(Application, cpu_features), self.cpu_features),
            (offset_of!(Application, memories_len), memories.len() as u64),
            (offset_of!(Application, tables_len), tables.len() as u64),
            (offset_of!(Application, exports_len), turns.len() as u64),
            (
                offset_of!(Application, traps_len),
                trap_bytes / size_of::<TrapSite>() as u64,
            ),
        ] {
            self.store(at.plus(field), &number.to_le_bytes());
        }
        let exceptions = self.shared.get(symbol::EXCEPTIONS).copied();
        for (field, place) in [
            (
                offset_of!(Application, instantiate),
                entry.expect("something to call"),
            ),
            (offset_of!(Application, memories), memories_at),
            (offset_of!(Application, tables), tables_at),
            (offset_of!(Application, exports), exports),
            (offset_of!(Application, traps), traps),
            (offset_of!(Application, text_start), text),
            (
                offset_of!(Application, text_end),
                text.plus(text_bytes as usize),
            ),
        ] {
            self.point(at.plus(field), place);
        }
        if let Some(exceptions) = exceptions {
            self.point(at.plus(offset_of!(Application, exceptions)), exceptions);
        }
        self.symbols.push(Symbol {
            name: symbol::APPLICATION.to_owned(),
            definition: Some((at.section as u32, at.offset)),
            size: size_of::<Application>() as u64,
            is_function: false,
            binding: Binding::Global,
        });
        Object {
            sections: self.sections,
            symbols: self.symbols,
        }
    }

    /// Appends each section to that of its name; `None` for those that only debuggers read.
    fn append_all(&mut self, sections: &[Section]) -> Vec<Option<Place>> {
        let mut text_start = 0;
        let mut starts = Vec::new();
        for section in sections {
            if matches!(section.kind, SectionKind::Unwind | SectionKind::Unloaded) {
                starts.push(None);
                continue;
            }
            let start = self.append(section);
            if section.kind == SectionKind::Text {
                text_start = start.offset as u32;
            }
            if section.name == symbol::TRAP_SECTION {
                let whole = &mut self.sections[start.section].bytes;
                move_sites(&mut whole[start.offset as usize..], text_start);
            }
            starts.push(Some(start));
        }
        starts
    }

    fn append(&mut self, section: &Section) -> Place {
        let index = self.section(section.name, section.kind);
        let whole = &mut self.sections[index];
        whole.align = whole.align.max(section.align);
        let offset = whole.size.next_multiple_of(section.align);
        whole.size = offset + section.size;
        if section.kind != SectionKind::Zero {
            whole.bytes.resize(offset as usize, 0);
            whole.bytes.extend_from_slice(&section.bytes);
        }
        Place {
            section: index,
            offset,
        }
    }

    /// The section with this name, made where there is none.
    fn section(&mut self, name: &'static str, kind: SectionKind) -> usize {
        let known = self
            .sections
            .iter()
            .position(|section| section.name == name);
        if let Some(index) = known {
            return index;
        }
        let index = self.sections.len();
        self.sections.push(Section {
            name,
            kind,
            align: 1,
            size: 0,
            bytes: Vec::new(),
            relocations: Vec::new(),
        });
        self.starts.push(self.symbols.len() as u32);
        self.symbols.push(Symbol {
            name: String::new(),
            definition: Some((index as u32, 0)),
            size: 0,
            is_function: false,
            binding: Binding::Local,
        });
        index
    }

    fn target(
        &mut self,
        symbol: &Symbol,
        starts: &[Option<Place>],
        import: impl Fn(&str) -> Option<Place>,
    ) -> Target {
        let Some((section, offset)) = symbol.definition else {
            return match import(&symbol.name) {
                Some(place) => Target::Place(place),
                None => Target::Kernel(self.kernel_symbol(symbol)),
            };
        };
        let start = starts[section as usize].expect("symbols lie in sections that are loaded");
        let place = start.plus(offset as usize);
        Target::Place(match symbol.binding {
            Binding::Weak => *self.shared.entry(symbol.name.clone()).or_insert(place),
            Binding::Local | Binding::Global => place,
        })
    }

    fn kernel_symbol(&mut self, symbol: &Symbol) -> u32 {
        let next = self.symbols.len() as u32;
        let index = *self.wanted.entry(symbol.name.clone()).or_insert(next);
        if index == next {
            self.symbols.push(symbol.clone());
        }
        index
    }

    fn relocate(&mut self, at: Place, kind: RelocationKind, target: Target, addend: i64) {
        let (symbol, addend) = match target {
            Target::Place(place) => (self.starts[place.section], place.offset as i64 + addend),
            Target::Kernel(symbol) => (symbol, addend),
        };
        self.sections[at.section].relocations.push(Relocation {
            offset: at.offset,
            kind,
            symbol,
            addend,
        });
    }

    /// Reads the descriptor of an object; `pointers` holds what its constants point to.
    fn adopt(&mut self, descriptor: Place, pointers: &HashMap<Place, Place>) -> Part {
        let number = |place: Place| {
            let bytes = &self.sections[place.section].bytes[place.offset as usize..][..8];
            u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
        };
        // An array's address, and its length behind it: every so many bytes of it is a pointer.
        let array = |field: usize, item_bytes: usize, offset: usize| -> Vec<Place> {
            let len = number(descriptor.plus(field + 8)) as usize;
            let start = pointers[&descriptor.plus(field)];
            let items = (0..len).map(|at| pointers[&start.plus(at * item_bytes + offset)]);
            items.collect()
        };
        let part = Part {
            instantiate: pointers[&descriptor.plus(offset_of!(Application, instantiate))],
            exports: array(
                offset_of!(Application, exports),
                size_of::<Export>(),
                offset_of!(Export, address),
            ),
            memories: array(offset_of!(Application, memories), 8, 0),
        };
        let tables = array(offset_of!(Application, tables), 8, 0);
        let cpu_features = number(descriptor.plus(offset_of!(Application, cpu_features)));
        self.cpu_features |= cpu_features;
        let new = part
            .memories
            .iter()
            .filter(|memory| !self.memories.contains(memory));
        self.memories.extend(new.copied().collect::<Vec<_>>());
        let new = tables.iter().filter(|table| !self.tables.contains(table));
        self.tables.extend(new.copied().collect::<Vec<_>>());
        part
    }

    /// An empty memory with as much room as any, for the ones that take turns.
    fn memory_before_the_first(&mut self) -> Place {
        let at = self.reserve(STATE, size_of::<MemoryInstance>());
        let flags = memory_flags::INDEX_64.to_le_bytes();
        self.store(at.plus(offset_of!(MemoryInstance, flags)), &flags);
        at
    }

    fn exports(&mut self, turns: &[Turn]) -> Place {
        let start = self.reserve(ADDRESSES, size_of::<Export>() * turns.len());
        for (index, turn) in turns.iter().enumerate() {
            let row = start.plus(index * size_of::<Export>());
            let (kind, place) = match turn {
                Turn::Call(place) => (export_kind::FUNCTION, *place),
                Turn::Memory(place) => (export_kind::MEMORY, *place),
            };
            self.store(row.plus(offset_of!(Export, kind)), &kind.to_le_bytes());
            // No name is needed, but a place for one.
            self.point(row.plus(offset_of!(Export, name)), start);
            self.point(row.plus(offset_of!(Export, address)), place);
        }
        start
    }

    fn array(&mut self, places: &[Place]) -> Place {
        let start = self.reserve(ADDRESSES, 8 * places.len());
        for (index, place) in places.iter().enumerate() {
            self.point(start.plus(8 * index), *place);
        }
        start
    }

    /// Room for `bytes` of zeros.
    fn reserve(&mut self, (name, kind): (&'static str, SectionKind), bytes: usize) -> Place {
        self.append(&Section {
            name,
            kind,
            align: 8,
            size: bytes as u64,
            bytes: vec![0; bytes],
            relocations: Vec::new(),
        })
    }

    fn store(&mut self, at: Place, bytes: &[u8]) {
        let section = &mut self.sections[at.section].bytes;
        section[at.offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn point(&mut self, at: Place, to: Place) {
        self.relocate(at, RelocationKind::Absolute64, Target::Place(to), 0);
    }
}

/// Moves trap sites with the code that they are about.
fn move_sites(sites: &mut [u8], text_start: u32) {
    for site in sites.chunks_exact_mut(size_of::<TrapSite>()) {
        let field = &mut site[offset_of!(TrapSite, code_offset)..][..4];
        let offset = u32::from_le_bytes((&*field).try_into().expect("four bytes"));
        field.copy_from_slice(&(offset + text_start).to_le_bytes());
    }
}
