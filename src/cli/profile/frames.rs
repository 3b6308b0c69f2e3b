//! From addresses of code to functions, in the program and in the kernel.

use std::collections::HashMap;
use std::rc::Rc;

use mewz_abi::address::WINDOW_BASE;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::cli::places::CodeMap;
use crate::cli::sources::Sources;

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum World {
    /// The program's own.
    Application,
    /// What the program's compiler brought along.
    Library,
    /// A call of WASI: where the kernel begins.
    Wasi,
    /// The kernel's.
    Kernel,
}

/// A function that was under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Frame {
    pub(super) name: Rc<str>,
    pub(super) world: World,
}

/// Kernel code between a program and the call that answers it, which nobody wants to see.
const HIDDEN: [&str; 4] = [
    "application_call",
    "entry::calls::answer",
    "answer",
    "wasi::exports::Call::answer",
];

/// What stands in front of the functions of WASI.
const CALLS: &str = "<impl wasi::Wasi>::";

/// How names of the kernel's functions begin.
const OWN_CRATE: &str = "mewz_kernel::";

/// Finds functions by address.
pub(super) struct Resolver<'a> {
    map: CodeMap,
    module: Option<Sources>,
    /// Debug information of the kernel.
    kernel: Option<Sources>,
    /// Start, size and name of each function of the kernel, ascending.
    symbols: Vec<(u64, u64, &'a str)>,
    known: HashMap<u64, Rc<[Frame]>>,
}

impl<'a> Resolver<'a> {
    /// Reads an image with symbols, and the module that it was made of.
    pub(super) fn new(image: &'a [u8], module: &[u8]) -> Self {
        let file = object::File::parse(image).ok();
        let mut symbols: Vec<(u64, u64, &str)> = file
            .iter()
            .flat_map(|file| file.symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() < WINDOW_BASE)
            .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)))
            .collect();
        symbols.sort_unstable();
        Self {
            map: CodeMap::read(image).unwrap_or_default(),
            module: Sources::read(module),
            kernel: file.as_ref().and_then(Sources::of_elf),
            symbols,
            known: HashMap::new(),
        }
    }

    /// The functions of a stack of addresses, outermost first.
    pub(super) fn stack(&mut self, addresses: impl Iterator<Item = u64>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (at, address) in addresses.enumerate() {
            // A return address is behind its call: the byte before belongs to it.
            let address = if at == 0 { address } else { address - 1 };
            frames.extend_from_slice(&self.frames(address));
        }
        let is_of_kernel = |frame: &Frame| frame.world == World::Kernel;
        // What leads into the program is the same for all.
        if let Some(entry) = frames.iter().rposition(|frame| !is_of_kernel(frame)) {
            frames.truncate(entry + 1);
        }
        frames.reverse();
        frames
    }

    /// The functions at `address`, innermost first: more than one where calls became the bodies that they call.
    fn frames(&mut self, address: u64) -> Rc<[Frame]> {
        if let Some(known) = self.known.get(&address) {
            return Rc::clone(known);
        }
        let frames: Rc<[Frame]> = if address >= WINDOW_BASE {
            self.of_application(address)
        } else {
            self.of_kernel(address)
        }
        .into();
        self.known.insert(address, Rc::clone(&frames));
        frames
    }

    fn of_application(&self, address: u64) -> Vec<Frame> {
        let places = self.map.places(address).into_iter();
        let places = places.flat_map(|place| match &self.module {
            Some(sources) => place.with_sources(sources),
            None => vec![place],
        });
        let frames = places.map(|place| Frame {
            world: if place.is_of_library() {
                World::Library
            } else {
                World::Application
            },
            name: place.function.into(),
        });
        frames.collect()
    }

    fn of_kernel(&self, address: u64) -> Vec<Frame> {
        let after = self
            .symbols
            .partition_point(|(start, ..)| *start <= address);
        let symbol = after.checked_sub(1).and_then(|at| self.symbols.get(at));
        let Some((_, _, symbol)) = symbol.filter(|(start, size, _)| address - start < *size) else {
            return Vec::new();
        };
        if let Some(call) = answered_call(symbol) {
            return vec![Frame {
                name: call.into(),
                world: World::Wasi,
            }];
        }
        let found = self.kernel.as_ref().map(|sources| sources.at(address));
        let names = found.unwrap_or_default().into_iter();
        let mut names: Vec<String> = names.filter_map(|place| place.function).collect();
        // The one that the others are part of: its symbol tells more than its debug information.
        names.pop();
        let name = format!("{:#}", rustc_demangle::demangle(symbol));
        names.push(name.replace(OWN_CRATE, ""));
        names.retain(|name| !HIDDEN.contains(&name.as_str()));
        let frames = names.into_iter().map(|name| match name.split_once(CALLS) {
            Some((_, call)) => Frame {
                name: call.into(),
                world: World::Wasi,
            },
            None => Frame {
                name: name.into(),
                world: World::Kernel,
            },
        });
        frames.collect()
    }
}

/// The call that a stub of the kernel hands on: its symbol is `module$field$parameters$result`, and no name of Rust's.
fn answered_call(symbol: &str) -> Option<&str> {
    let mut parts = symbol.split('$');
    let (Some(_), Some(field), Some(_), Some(_), None) = (
        parts.next().filter(|module| !module.starts_with('_')),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return None;
    };
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::{Resolver, answered_call};

    #[test]
    fn calls_are_known_by_their_stubs() {
        let stub = "wasi_snapshot_preview1$fd_read$iiii$i";
        assert_eq!(answered_call(stub), Some("fd_read"));
        assert_eq!(answered_call("_ZN4core5slice29_$LT$impl$u20$T$GT$E"), None);
        assert_eq!(answered_call("kernel_start"), None);
    }

    #[test]
    fn nonsense_has_no_frames() {
        let mut resolver = Resolver::new(b"garbage", b"garbage");
        let addresses = [0, 1, 0xffff_ffff_a000_0000, u64::MAX];
        assert!(resolver.stack(addresses.into_iter()).is_empty());
    }
}
