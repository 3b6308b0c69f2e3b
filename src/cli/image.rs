//! From a module to an image: compiled, linked with the kernel, kept for the next time.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::{Cache, Entry, Found};
use super::failure::Failure;
use super::module::{Module, listed};
use super::{progress, words};
use crate::compile::{self, Compiled};
use crate::link::error::LinkError;
use crate::link::image::{Image, ImageOptions};
use crate::link::kernel::Kernel;
use crate::qemu::machine::memory_file;

/// The kernel that this program carries.
static KERNEL: &[u8] = include_bytes!(env!("MEWZ_KERNEL"));

/// Names that a warning lists before it counts the rest.
const MISSING_LISTED: usize = 8;

/// What images are made with, beside the module.
#[derive(Debug, Default)]
pub(super) struct Making {
    /// Choices of the code generator.
    pub(super) options: compile::Options,
    /// A kernel other than the one inside.
    pub(super) kernel: Option<PathBuf>,
}

/// What is remembered of an image.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// Imports that the kernel does not answer.
    missing: Vec<String>,
}

/// An image that can be booted.
#[derive(Debug)]
pub(super) struct BootImage {
    /// The ELF file, without what only people read: QEMU would read it through at every start. More may follow it.
    pub(super) file: File,
    /// Imports that the kernel does not answer.
    pub(super) missing: Vec<String>,
    symbols: Symbols,
}

/// Where the same image with symbols is.
#[derive(Debug)]
enum Symbols {
    Here(Vec<u8>),
    Kept(Cache, blake3::Hash),
}

impl BootImage {
    /// The same image with symbols and sections for debuggers; `None` where it has been damaged or removed since.
    pub(super) fn with_symbols(&self) -> Option<Cow<'_, [u8]>> {
        match &self.symbols {
            Symbols::Here(bytes) => Some(bytes.into()),
            Symbols::Kept(cache, key) => match cache.find(key) {
                Found::Entry(mut entry) => {
                    let mut bytes = Vec::new();
                    entry.file.read_to_end(&mut bytes).ok()?;
                    Some(bytes.into())
                }
                Found::Nothing | Found::Damaged => None,
            },
        }
    }
}

/// The kernel's ELF file: the one inside, or that of `path`.
pub(super) fn kernel_bytes(path: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    let Some(path) = path else {
        return Ok(KERNEL.into());
    };
    let bytes = std::fs::read(path).map_err(|problem| {
        Failure::new(format!("cannot read the kernel `{}`", path.display())).cause(problem)
    })?;
    Ok(bytes.into())
}

/// Reads a kernel's symbols.
pub(super) fn parse_kernel(bytes: &[u8]) -> Result<Kernel<'_>, Failure> {
    Kernel::parse(bytes).map_err(|problem| Failure::new("the kernel cannot be used").cause(problem))
}

/// Compiles `module`.
pub(super) fn compile(module: &Module, options: &compile::Options) -> Result<Compiled, Failure> {
    let name = module.name().display();
    progress::during(format!("compiling {name}"), || {
        compile::compile(&module.bytes, options)
    })
    .map_err(|problem| module.refused(&problem))
}

/// Compiles and links `module`.
pub(super) fn make(module: &Module, making: &Making, strip: bool) -> Result<Image, Failure> {
    link(module, &compile_program(module, making)?, making, strip)
}

fn compile_program(module: &Module, making: &Making) -> Result<Compiled, Failure> {
    // Asked first: compiling a large library only to refuse it would be a waste.
    let interface =
        compile::interface(&module.bytes).map_err(|problem| module.refused(&problem))?;
    if !interface.has_start {
        return Err(module.without_start());
    }
    compile(module, &making.options)
}

fn link(
    module: &Module,
    compiled: &Compiled,
    making: &Making,
    strip: bool,
) -> Result<Image, Failure> {
    let kernel_bytes = kernel_bytes(making.kernel.as_deref())?;
    let kernel = parse_kernel(&kernel_bytes)?;
    let options = ImageOptions {
        strip,
        ..ImageOptions::default()
    };
    let linked = progress::during(format!("linking {}", module.name().display()), || {
        crate::link::image::image(&kernel, &compiled.object, &options)
    });
    linked.map_err(|problem| not_linked(module, &problem))
}

fn not_linked(module: &Module, problem: &LinkError) -> Failure {
    let path = module.path.display();
    let failure = Failure::new(format!("cannot link `{path}` with the kernel")).cause(problem);
    match problem {
        LinkError::MissingImport { .. } => failure.hint(format!(
            "`mewz imports {path}` lists what it needs and what is there"
        )),
        LinkError::TooLarge { .. } => {
            failure.hint("leave parts of the program out: it must fit the kernel's window")
        }
        _ => failure.hint("this is a bug of mewz: please report it with the module"),
    }
}

/// Gives the image of `module`, from `cache` where it was made before.
pub(super) fn boot_image(
    module: &Module,
    making: &Making,
    cache: Option<&Cache>,
) -> Result<BootImage, Failure> {
    let key = key(module, making)?;
    if let Some(cache) = cache {
        match cache.find(&key) {
            Found::Entry(entry) => {
                if let Some(image) = from_entry(entry, cache, &key) {
                    return Ok(image);
                }
            }
            Found::Damaged => words::warning("the cached image was damaged: made anew"),
            Found::Nothing => {}
        }
    }
    let compiled = compile_program(module, making)?;
    let image = link(module, &compiled, making, true)?;
    let with_symbols = link(module, &compiled, making, false)?.bytes;
    let missing: Vec<String> = image.missing.iter().map(|import| import.name()).collect();
    if let Some(cache) = cache {
        match keep(&image, &with_symbols, &missing, cache, &key) {
            Ok(file) => {
                return Ok(BootImage {
                    file,
                    missing,
                    symbols: Symbols::Kept(cache.clone(), symbols_key(&key)),
                });
            }
            Err(problem) => words::warning(format_args!(
                "cannot keep the image for the next time: {problem}"
            )),
        }
    }
    Ok(BootImage {
        file: memory_file("mewz-image", &image.bytes)
            .map_err(|problem| Failure::new("cannot hold the image").cause(problem))?,
        missing,
        symbols: Symbols::Here(with_symbols),
    })
}

/// Keeps both forms of an image; opens the one to boot.
fn keep(
    image: &Image,
    with_symbols: &[u8],
    missing: &[String],
    cache: &Cache,
    key: &blake3::Hash,
) -> std::io::Result<File> {
    let note = serde_json::to_vec(&Note {
        missing: missing.to_vec(),
    })?;
    // The one to boot comes last: where it is, the other is too.
    cache.store(&symbols_key(key), with_symbols, &[])?;
    cache.store(key, &image.bytes, &note)
}

fn from_entry(entry: Entry, cache: &Cache, key: &blake3::Hash) -> Option<BootImage> {
    let note: Note = serde_json::from_slice(&entry.note).ok()?;
    let symbols_key = symbols_key(key);
    if !cache.has(&symbols_key) {
        return None;
    }
    Cache::touch(&entry);
    Some(BootImage {
        file: entry.file,
        missing: note.missing,
        symbols: Symbols::Kept(cache.clone(), symbols_key),
    })
}

/// Stands for the image of `key` with symbols.
fn symbols_key(key: &blake3::Hash) -> blake3::Hash {
    blake3::keyed_hash(key.as_bytes(), b"symbols")
}

/// Stands for all that an image depends on: module, options, kernel, and the program that makes it.
fn key(module: &Module, making: &Making) -> Result<blake3::Hash, Failure> {
    let mut hasher = blake3::Hasher::new();
    let kernel = match making.kernel.as_deref() {
        Some(_) => blake3::hash(&kernel_bytes(making.kernel.as_deref())?)
            .to_hex()
            .to_string(),
        None => own_identity(),
    };
    for part in [
        env!("CARGO_PKG_VERSION"),
        &kernel,
        &format!("{:?}", making.options),
    ] {
        hasher
            .update(&(part.len() as u64).to_le_bytes())
            .update(part.as_bytes());
    }
    Ok(hasher.update(&module.bytes).finalize())
}

/// Names this program's file, the compiler and kernel in it included: reading it through would take too long.
fn own_identity() -> String {
    match std::fs::metadata("/proc/self/exe") {
        Ok(file) => format!(
            "{}:{}:{}:{}.{}",
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime(),
            file.mtime_nsec()
        ),
        Err(_) => blake3::hash(KERNEL).to_hex().to_string(),
    }
}

/// Warns of imports that nobody answers.
pub(super) fn warn_of_missing(module: &Module, missing: &[String]) {
    if missing.is_empty() {
        return;
    }
    let imports = if missing.len() == 1 {
        "import"
    } else {
        "imports"
    };
    words::warning(format_args!(
        "`{}` has {} {imports} that the kernel does not answer, a call of which is a trap: {}",
        module.path.display(),
        missing.len(),
        listed(missing, MISSING_LISTED)
    ));
}
