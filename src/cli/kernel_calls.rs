//! Addresses in the words of a kernel that failed, as functions and lines.

use mewz_abi::address::KERNEL_BASE;
use object::{Object as _, ObjectSymbol as _};

use super::sources::Sources;
use super::words;

/// Calls that are told of.
const CALLS_MAX: usize = 20;

/// What stands before an address in the kernel's report: of the instruction, and of one behind a call.
const MARKS: [(&str, u64); 2] = [("rip 0x", 0), ("called from 0x", 1)];

/// A line for each address of code in `text`, by the symbols of the image `elf`.
pub(super) fn lines(text: &str, elf: &[u8]) -> Vec<String> {
    let Ok(image) = object::File::parse(elf) else {
        return Vec::new();
    };
    let sources = Sources::of_elf(&image);
    let addresses = addresses(text);
    let lines = addresses.iter().take(CALLS_MAX).flat_map(|address| {
        let found = sources.as_ref().map(|sources| sources.at(*address));
        let places = found.unwrap_or_default();
        if !places.is_empty() {
            let line = |place: &super::sources::SourcePlace| {
                let function = place.function.as_deref().unwrap_or("?");
                format!("in `{}` at {place}", words::name(function))
            };
            return places.iter().map(line).collect();
        }
        let name = function(&image, *address);
        let name = name.unwrap_or_else(|| format!("{address:#x}"));
        vec![format!("in `{}`", words::name(&name))]
    });
    lines.collect()
}

/// The addresses of code in `text`, in order.
fn addresses(text: &str) -> Vec<u64> {
    let mut found: Vec<(usize, u64)> = Vec::new();
    for (mark, behind) in MARKS {
        for (at, _) in text.match_indices(mark) {
            let digits = &text[at + mark.len()..];
            let end = digits.find(|c: char| !c.is_ascii_hexdigit());
            let address = u64::from_str_radix(&digits[..end.unwrap_or(digits.len())], 16);
            if let Ok(address) = address
                && address >= KERNEL_BASE
            {
                found.push((at, address - behind));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, address)| address).collect()
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
                    called from 0xffffffff80100011, called from 0x20, called from 0xffffffffa0001001";
        assert_eq!(
            addresses(text),
            [
                0xffff_ffff_8010_0000,
                0xffff_ffff_8010_0010,
                0xffff_ffff_a000_1000
            ]
        );
        assert!(addresses("rip 0xzz").is_empty());
    }
}
