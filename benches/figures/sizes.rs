//! How large the kernel and images are.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, elf};

use super::machine::{MEWZ, Workshop};
use super::table::Table;

/// The most that the stripped kernel may have, in bytes.
const KERNEL_TARGET: u64 = 400_000;

const NOTHING: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

pub(crate) fn measure() -> Result<Table, String> {
    let words = format!(
        "In KB (1000 bytes). Stripped is what is loaded: no symbols, no debug information. Target: a stripped kernel of at \
         most {} KB.",
        KERNEL_TARGET / 1000
    );
    let mut table = Table::new("Sizes", words, &["file", "whole", "stripped"]);
    let kernel_bytes = row(&mut table, "kernel", Path::new(env!("MEWZ_KERNEL")))?;
    if kernel_bytes > KERNEL_TARGET {
        eprintln!(
            "warning: the stripped kernel has {kernel_bytes} bytes; the target is {KERNEL_TARGET}"
        );
    }
    row(
        &mut table,
        "the same with disks",
        Path::new(env!("MEWZ_DISKS_KERNEL")),
    )?;
    let workshop = Workshop::new()?;
    let module = workshop.module("nothing.wasm", NOTHING)?;
    let image = workshop.path().join("nothing.elf");
    let mut build = workshop.mewz(&["build", "--release"]);
    build.arg(&module).arg("-o").arg(&image);
    let output = build
        .stderr(Stdio::piped())
        .output()
        .map_err(|problem| format!("cannot start {build:?}: {problem}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{build:?} ended with {}: {words}", output.status));
    }
    row(&mut table, "image of an empty program", &image)?;
    row(&mut table, "`mewz` itself", Path::new(MEWZ))?;
    Ok(table)
}

fn row(table: &mut Table, name: &str, path: &Path) -> Result<u64, String> {
    let bytes = fs::read(path).map_err(|problem| format!("cannot read {path:?}: {problem}"))?;
    let loaded = loaded_bytes(&bytes).map_err(|problem| format!("{path:?}: {problem}"))?;
    let kilobytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e3);
    table.row([
        name.to_owned(),
        kilobytes(bytes.len() as u64),
        kilobytes(loaded),
    ]);
    Ok(loaded)
}

/// Bytes of the file that its segments load.
fn loaded_bytes(file: &[u8]) -> object::Result<u64> {
    let header = elf::FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, file)?;
    Ok(segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .map(|segment| segment.p_filesz(endian))
        .sum())
}
