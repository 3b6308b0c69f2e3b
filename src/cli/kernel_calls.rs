//! Addresses in the words of a kernel that failed, as functions and lines.

use mewz_abi::address::{KERNEL_BASE, WINDOW_BASE};
use object::{Object as _, ObjectSymbol as _};
use serde_json::{Value, json};

use super::module::Module;
use super::places::{CodeMap, Place};
use super::sources::Sources;
use super::words;

/// Calls that are told of.
const CALLS_MAX: usize = 20;

/// What stands before an address in the kernel's report: of the instruction, of one behind a call, and of one that an
/// interrupt came before. Each with the bytes that lead back to the instruction, and how it is told.
const MARKS: [(&str, u64, &str); 3] = [
    ("rip 0x", 0, "in"),
    ("called from 0x", 1, "in"),
    ("interrupting 0x", 0, "interrupting"),
];

/// A call that led to a kernel's failure.
pub(super) struct KernelCall {
    /// `in`, or `interrupting`.
    how: &'static str,
    place: Place,
}

impl KernelCall {
    /// The call as a program reads it.
    pub(super) fn json(&self) -> Value {
        let mut value = self.place.json();
        value["is_interrupted"] = json!(self.how == MARKS[2].2);
        value
    }
}

impl std::fmt::Display for KernelCall {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.how, self.place)
    }
}

/// The calls that `text` tells of, by the symbols of the image `elf` of `module`: those of the kernel, and those of the program
/// that led there.
pub(super) fn calls(text: &str, elf: &[u8], module: &Module) -> Vec<KernelCall> {
    let Ok(image) = object::File::parse(elf) else {
        return Vec::new();
    };
    let kernel = Sources::of_elf(&image);
    let map = CodeMap::read(elf).unwrap_or_default();
    let program = Sources::read(&module.bytes);
    let addresses = addresses(text);
    let calls = addresses.iter().take(CALLS_MAX).flat_map(|(how, address)| {
        let mut places = match *address {
            WINDOW_BASE.. => match &kernel {
                // The image's own debug information has the program's too.
                Some(image) if module.is_image() => map.native_places(*address, image),
                _ => map.places(*address),
            },
            _ => kernel_places(kernel.as_ref(), *address),
        };
        if let Some(program) = &program
            && *address >= WINDOW_BASE
        {
            let with_sources = |place: Place| place.with_sources(program);
            places = places.into_iter().flat_map(with_sources).collect();
        }
        if places.is_empty() {
            let name = function(&image, *address);
            let name = name.unwrap_or_else(|| format!("{address:#x}"));
            places.push(Place::new(&name, None));
        }
        places.into_iter().map(|place| KernelCall { how, place })
    });
    calls.collect()
}

/// The places in the kernel's own sources.
fn kernel_places(sources: Option<&Sources>, address: u64) -> Vec<Place> {
    let found = sources.map(|sources| sources.at(address));
    let places = found.unwrap_or_default().into_iter().map(|source| Place {
        function: words::name(source.function.as_deref().unwrap_or("?")).into_owned(),
        wasm_offset: None,
        source: Some(source),
    });
    places.collect()
}

/// The addresses of code in `text`, in order, and how they are told.
fn addresses(text: &str) -> Vec<(&'static str, u64)> {
    let mut found: Vec<(usize, &str, u64)> = Vec::new();
    for (mark, behind, how) in MARKS {
        for (at, _) in text.match_indices(mark) {
            let digits = &text[at + mark.len()..];
            let end = digits.find(|c: char| !c.is_ascii_hexdigit());
            let address = u64::from_str_radix(&digits[..end.unwrap_or(digits.len())], 16);
            if let Ok(address) = address
                && address >= KERNEL_BASE
            {
                found.push((at, how, address - behind));
            }
        }
    }
    found.sort_unstable();
    let found = found.into_iter();
    found.map(|(_, how, address)| (how, address)).collect()
}

/// The name of the function at `address`.
fn function(image: &object::File<'_>, address: u64) -> Option<String> {
    let symbols = image.symbols();
    let mut holding = symbols.filter(|symbol| {
        let offset = address.checked_sub(symbol.address());
        offset.is_some_and(|offset| offset < symbol.size())
    });
    let name = holding.find_map(|symbol| Some(symbol.name().ok()?.to_owned()))?;
    Some(format!("{:#}", rustc_demangle::demangle(&name)))
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn addresses_of_code_are_found_in_order() {
        let text = "the kernel faulted: page fault at 0x10, error 0x0, rip 0xffffffff80100000, rsp 0xffffffff80200000, \
                    called from 0xffffffff80100011, called from 0x20, interrupting 0xffffffffa0001001";
        assert_eq!(
            addresses(text),
            [
                ("in", 0xffff_ffff_8010_0000),
                ("in", 0xffff_ffff_8010_0010),
                ("interrupting", 0xffff_ffff_a000_1001)
            ]
        );
        assert!(addresses("rip 0xzz").is_empty());
    }
}
