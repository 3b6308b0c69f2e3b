//! From a module to an image: compiled, linked with the kernel, kept for the next time.

use std::fs::File;
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
    /// The ELF file; more may follow it.
    pub(super) file: File,
    /// Imports that the kernel does not answer.
    pub(super) missing: Vec<String>,
}

/// The kernel's ELF file: the one inside, or that of `path`.
pub(super) fn kernel_bytes(
    path: Option<&Path>,
) -> Result<std::borrow::Cow<'static, [u8]>, Failure> {
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
    let compiled = compile(module, &making.options)?;
    if !compiled.has_start {
        return Err(module.without_start());
    }
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
    match cache.map(|cache| cache.find(&key)) {
        Some(Found::Entry(entry)) => {
            if let Some(image) = from_entry(entry) {
                return Ok(image);
            }
        }
        Some(Found::Damaged) => words::warning("the cached image was damaged: made anew"),
        Some(Found::Nothing) | None => {}
    }
    let image = make(module, making, false)?;
    let missing: Vec<String> = image.missing.iter().map(|import| import.name()).collect();
    let kept = cache.map(|cache| {
        let note = serde_json::to_vec(&Note {
            missing: missing.clone(),
        });
        cache.store(&key, &image.bytes, &note.unwrap_or_default())
    });
    let file = match kept {
        Some(Ok(file)) => file,
        Some(Err(problem)) => {
            words::warning(format_args!(
                "cannot keep the image for the next time: {problem}"
            ));
            in_memory(&image)?
        }
        None => in_memory(&image)?,
    };
    Ok(BootImage { file, missing })
}

fn from_entry(entry: Entry) -> Option<BootImage> {
    let note: Note = serde_json::from_slice(&entry.note).ok()?;
    Cache::touch(&entry);
    Some(BootImage {
        file: entry.file,
        missing: note.missing,
    })
}

fn in_memory(image: &Image) -> Result<File, Failure> {
    memory_file("mewz-image", &image.bytes)
        .map_err(|problem| Failure::new("cannot hold the image").cause(problem))
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
