//! A trap in words: its name, the function, the place in the module, and how the program got there.

use std::io::Read as _;

use mewz_abi::address::WINDOW_BASE;
use mewz_abi::record::TrapReport;
use mewz_abi::trap::TrapKind;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use super::failure::Failure;
use super::image::BootImage;
use super::module::Module;

/// Frames that a message shows.
const FRAMES_MAX: usize = 12;

/// The sentence for the trap that `report` describes.
pub(super) fn failure(report: &TrapReport, module: &Module, image: &BootImage) -> Failure {
    let _ = module;
    let name = TrapKind::from_number(report.kind).map_or("unknown trap", TrapKind::name);
    let functions = Functions::of(image);
    let mut text = format!("trap: {name}");
    if let Some(function) = functions.at(report.instruction) {
        text.push_str(&format!(" in `{function}`"));
    }
    if report.wasm_offset != u32::MAX {
        text.push_str(&format!(" at wasm offset {:#x}", report.wasm_offset));
    }
    let frames: Vec<String> = report
        .backtrace
        .iter()
        .take(report.backtrace_len)
        // A return address is behind its call: the byte before belongs to it.
        .filter_map(|address| functions.at(address.checked_sub(1)?))
        .collect();
    frames
        .iter()
        .take(FRAMES_MAX)
        .fold(Failure::new(text), |failure, frame| {
            failure.note(format!("called from `{frame}`"))
        })
}

/// The functions of an image, by address.
struct Functions(Vec<(u64, u64, String)>);

impl Functions {
    /// Reads them from the image's symbols; none where it has none.
    fn of(image: &BootImage) -> Self {
        let mut bytes = Vec::new();
        let functions = image
            .file
            .try_clone()
            .and_then(|mut file| {
                std::io::Seek::rewind(&mut file)?;
                file.read_to_end(&mut bytes)
            })
            .ok()
            .and_then(|_| object::File::parse(&bytes[..]).ok())
            .map(|file| {
                let mut functions: Vec<(u64, u64, String)> = file
                    .symbols()
                    .filter(|symbol| {
                        symbol.kind() == SymbolKind::Text && symbol.address() >= WINDOW_BASE
                    })
                    .filter_map(|symbol| {
                        Some((
                            symbol.address(),
                            symbol.size(),
                            symbol.name().ok()?.to_owned(),
                        ))
                    })
                    .collect();
                functions.sort();
                functions
            });
        Self(functions.unwrap_or_default())
    }

    /// The name of the function that holds `address`.
    fn at(&self, address: u64) -> Option<String> {
        let after = self.0.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = self.0.get(after.checked_sub(1)?)?;
        (address - start < *size).then(|| format!("{:#}", rustc_demangle::demangle(name)))
    }
}
