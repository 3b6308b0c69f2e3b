//! From a module to an image: compiled, linked with the kernel, kept for the next time.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

use super::cache::{Cache, Entry, Found};
use super::debug_file::{self, BuildId};
use super::failure::Failure;
use super::function_store::FunctionStore;
use super::kernel::{self, KernelChoice};
use super::module::{Module, listed};
use super::{progress, words};
use crate::compile::{self, Assembled, Compiled, Counts};
use crate::link::error::LinkError;
use crate::link::image::{Image, ImageContent, ImageOptions};
use crate::qemu::machine::memory_file;
use crate::relocatable::Object;

/// Names that a warning lists before it counts the rest.
const MISSING_LISTED: usize = 8;

/// What images are made with, beside the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Making {
    /// Choices of the code generator.
    pub(super) options: compile::Options,
    /// Its kernel.
    pub(super) kernel: KernelChoice,
    /// What the image carries along: the parts of a pack, or nothing. The cache knows images without one alone.
    pub(super) pack: Vec<Vec<u8>>,
}

/// What is remembered of an image.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// Imports that the kernel does not answer.
    missing: Vec<String>,
}

/// An image that can be booted.
#[derive(Debug)]
pub(super) struct BootImage<'a> {
    /// The ELF file, without what only people read: QEMU would read it through at every start. More may follow it.
    pub(super) file: File,
    /// Imports that the kernel does not answer.
    pub(super) missing: Vec<String>,
    /// How much was compiled; `None` where the image was there.
    pub(super) counts: Option<Counts>,
    source: Source<'a>,
    symbols: Symbols,
}

/// What an image is made of.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    module: &'a Module,
    making: &'a Making,
    cache: Option<&'a Cache>,
}

/// Where the same image with symbols is.
#[derive(Debug)]
enum Symbols {
    /// It is to be linked of this.
    Object(Object),
    /// In the cache.
    Kept(blake3::Hash),
    /// Nowhere: it is quick to make.
    Nowhere,
    /// It was built before: in these bytes, or not to be found.
    Built(BuildId, Option<Vec<u8>>),
}

impl BootImage<'_> {
    /// The module that it is made of.
    pub(super) fn module(&self) -> &Module {
        self.source.module
    }

    /// The same image with symbols and sections for debuggers; `None` where it can't be made any more.
    pub(super) fn with_symbols(&self) -> Option<Vec<u8>> {
        let Source {
            module,
            making,
            cache,
        } = self.source;
        match &self.symbols {
            Symbols::Object(object) => Some(link(module, object, making, false).ok()?.bytes),
            Symbols::Kept(key) => match cache?.find(key) {
                Found::Entry(mut entry) => {
                    let mut bytes = Vec::new();
                    entry.file.read_to_end(&mut bytes).ok()?;
                    Some(bytes)
                }
                Found::Nothing | Found::Damaged => None,
            },
            Symbols::Nowhere => Some(make(module, making, cache, false).ok()?.0.bytes),
            Symbols::Built(_, found) => found.clone(),
        }
    }

    /// What to do for a crash to be told with functions and lines, where these are not known.
    pub(super) fn symbols_hint(&self) -> Option<String> {
        match &self.symbols {
            Symbols::Built(id, None) => Some(debug_file::hint(id)),
            _ => None,
        }
    }
}

/// The image `bytes` that was built before, which stands for `module`.
pub(super) fn built<'a>(
    module: &'a Module,
    making: &'a Making,
    bytes: Vec<u8>,
) -> Result<BootImage<'a>, Failure> {
    let unusable = || Failure::new(format!("cannot boot `{}`", module.path.display()));
    let id = BuildId::of(&bytes).ok_or_else(|| unusable().cause("it is no image of mewz"))?;
    let file = File::open(&module.path).map_err(|problem| unusable().cause(problem))?;
    if debug_file::is_one(&bytes) {
        return Err(unusable()
            .cause("it is a debug file: what boots is in the image beside it")
            .hint("name the image"));
    }
    let symbols = debug_file::symbols(&module.path, &id, bytes);
    Ok(BootImage {
        file,
        missing: Vec::new(),
        counts: None,
        source: Source {
            module,
            making,
            cache: None,
        },
        symbols: Symbols::Built(id, symbols),
    })
}

/// Compiles `module`.
pub(super) fn compile(module: &Module, options: &compile::Options) -> Result<Compiled, Failure> {
    let name = module.name().display();
    progress::during(format!("compiling {name}"), || {
        compile::compile(&module.bytes, options)
    })
    .map_err(|problem| module.refused(&problem))
}

/// Compiles and links `module`; functions that were compiled before come from `cache`.
pub(super) fn make(
    module: &Module,
    making: &Making,
    cache: Option<&Cache>,
    strip: bool,
) -> Result<(Image, Counts), Failure> {
    let assembled = compile_program(module, making, cache)?;
    let image = link(module, &assembled.object, making, strip)?;
    Ok((image, assembled.counts))
}

/// As [`make`], stripped, with the bytes of the debug file that belongs to it.
pub(super) fn make_release(
    module: &Module,
    making: &Making,
    cache: Option<&Cache>,
) -> Result<(Image, Counts, Vec<u8>), Failure> {
    let Assembled { object, counts, .. } = compile_program(module, making, cache)?;
    let image = link(module, &object, making, true)?;
    let debug_file = link_content(module, &object, making, ImageContent::DebugFile, None)?;
    Ok((image, counts, debug_file.bytes))
}

fn compile_program(
    module: &Module,
    making: &Making,
    cache: Option<&Cache>,
) -> Result<Assembled, Failure> {
    let mut store = function_store(module, making, cache);
    let assembled = compile_with(module, making, store.as_mut())?;
    if let Some(store) = &mut store {
        store.save();
    }
    Ok(assembled)
}

/// Where compiled functions of `module` are kept; `None` where none are.
pub(super) fn function_store(
    module: &Module,
    making: &Making,
    cache: Option<&Cache>,
) -> Option<FunctionStore> {
    cache
        .filter(|_| is_kept(&making.options))
        .map(|cache| FunctionStore::open(cache, &module.path, own_identity()))
}

/// Compiles the program `module`; functions in `store` are not compiled again. The store is not saved.
pub(super) fn compile_with(
    module: &Module,
    making: &Making,
    store: Option<&mut FunctionStore>,
) -> Result<Assembled, Failure> {
    let options = &making.options;
    let mut nothing = compile::FunctionCache::new();
    let functions = store.map_or(&mut nothing, FunctionStore::functions);
    if functions.is_empty() {
        // Asked first: compiling a large library only to refuse it would be a waste.
        let interface =
            compile::interface(&module.bytes).map_err(|problem| module.refused(&problem))?;
        if !interface.has_start {
            return Err(module.without_start());
        }
    }
    let name = module.name().display();
    let assembled = progress::during(format!("compiling {name}"), || {
        compile::compile_incremental(&module.bytes, options, functions)
    })
    .map_err(|problem| module.refused(&problem))?;
    if let Some(problem) = &assembled.debug_problem {
        words::warning(format_args!(
            "the debug information of `{}` cannot be read, so gdb will know no source lines: {problem}",
            module.path.display()
        ));
    }
    match assembled.interface.has_start {
        true => Ok(assembled),
        false => Err(module.without_start()),
    }
}

/// Whether functions are kept from one run to the next: not where code depends on more than its own function.
fn is_kept(options: &compile::Options) -> bool {
    options.opt_level < compile::OptLevel::Module && !options.counts_runs
}

/// Links `object`, which `module` became, with the kernel.
pub(super) fn link(
    module: &Module,
    object: &Object,
    making: &Making,
    strip: bool,
) -> Result<Image, Failure> {
    link_named(module, object, making, strip, None)
}

/// As [`link`], as the build that has this id already.
pub(super) fn link_named(
    module: &Module,
    object: &Object,
    making: &Making,
    strip: bool,
    build_id: Option<[u8; 16]>,
) -> Result<Image, Failure> {
    let content = match strip {
        true => ImageContent::Stripped,
        false => ImageContent::Whole,
    };
    link_content(module, object, making, content, build_id)
}

/// Links `object` as [`link_named`] does, for a file that has `content`.
fn link_content(
    module: &Module,
    object: &Object,
    making: &Making,
    content: ImageContent,
    build_id: Option<[u8; 16]>,
) -> Result<Image, Failure> {
    let options = ImageOptions {
        content,
        build_id,
        pack: &making.pack,
    };
    making.kernel.with(|kernel| {
        let linked = progress::during(format!("linking {}", module.name().display()), || {
            crate::link::image::image(kernel, object, &options)
        });
        linked.map_err(|problem| not_linked(module, &problem))
    })
}

/// The sentence for a module that can't be linked.
pub(super) fn not_linked(module: &Module, problem: &LinkError) -> Failure {
    let path = module.path.display();
    let failure = Failure::new(format!("cannot link `{path}` with the kernel")).cause(problem);
    match problem {
        LinkError::MissingImport { kind, .. } if kind == "memory" => failure.hint(
            "programs of several threads (wasi-threads) import their memory, and mewz runs one thread: build it without them",
        ),
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
pub(super) fn boot_image<'a>(
    module: &'a Module,
    making: &'a Making,
    cache: Option<&'a Cache>,
) -> Result<BootImage<'a>, Failure> {
    let key = key(module, making)?;
    let source = Source {
        module,
        making,
        cache,
    };
    if let Some(cache) = cache {
        match cache.find(&key) {
            Found::Entry(entry) => {
                if let Some(image) = from_entry(entry, source, &key) {
                    return Ok(image);
                }
            }
            Found::Damaged => words::warning("the cached image was damaged: made anew"),
            Found::Nothing => {}
        }
    }
    let Assembled { object, counts, .. } = compile_program(module, making, cache)?;
    let image = link(module, &object, making, true)?;
    let missing: Vec<String> = image.missing.iter().map(|import| import.name()).collect();
    let kept = match cache {
        None => None,
        Some(cache) => match keep(&image, &object, &missing, source, cache, &key)? {
            Ok(file) => Some(file),
            Err(problem) => {
                words::warning(format_args!(
                    "cannot keep the image for the next time: {problem}"
                ));
                None
            }
        },
    };
    let file = match kept {
        Some(file) => file,
        None => memory_file("mewz-image", &image.bytes)
            .map_err(|problem| Failure::new("cannot hold the image").cause(problem))?,
    };
    Ok(BootImage {
        file,
        missing,
        counts: Some(counts),
        source,
        symbols: Symbols::Object(object),
    })
}

/// Keeps an image, with symbols too where these take long to make; opens the one to boot.
fn keep(
    image: &Image,
    object: &Object,
    missing: &[String],
    source: Source<'_>,
    cache: &Cache,
    key: &blake3::Hash,
) -> Result<std::io::Result<File>, Failure> {
    // The one to boot comes last: where it is, the other is too.
    if !is_kept(&source.making.options) {
        let with_symbols = link(source.module, object, source.making, false)?.bytes;
        if let Err(problem) = cache.store(&symbols_key(key), &with_symbols, &[]) {
            return Ok(Err(problem));
        }
    }
    let note = Note {
        missing: missing.to_vec(),
    };
    let note = serde_json::to_vec(&note).map_err(std::io::Error::from);
    Ok(note.and_then(|note| cache.store(key, &image.bytes, &note)))
}

fn from_entry<'a>(entry: Entry, source: Source<'a>, key: &blake3::Hash) -> Option<BootImage<'a>> {
    let note: Note = serde_json::from_slice(&entry.note).ok()?;
    let symbols = match is_kept(&source.making.options) {
        true => Symbols::Nowhere,
        false => Symbols::Kept(symbols_key(key)),
    };
    if let Symbols::Kept(key) = &symbols
        && !source.cache?.has(key)
    {
        return None;
    }
    Cache::touch(&entry);
    Some(BootImage {
        file: entry.file,
        missing: note.missing,
        counts: None,
        source,
        symbols,
    })
}

/// Stands for the image of `key` with symbols.
fn symbols_key(key: &blake3::Hash) -> blake3::Hash {
    blake3::keyed_hash(key.as_bytes(), b"symbols")
}

/// Stands for all that an image depends on: module, options, kernel, and the program that makes it.
fn key(module: &Module, making: &Making) -> Result<blake3::Hash, Failure> {
    let mut hasher = blake3::Hasher::new();
    let kernel = match making.kernel.file {
        Some(_) => blake3::hash(&making.kernel.bytes()?).to_hex().to_string(),
        None => own_identity(),
    };
    for part in [
        env!("CARGO_PKG_VERSION"),
        &kernel,
        &format!("{:?} {:?}", making.options, making.kernel),
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
        Err(_) => kernel::digest().to_hex().to_string(),
    }
}

/// Warns of imports that nobody answers.
pub(super) fn warn_of_missing(module: &Module, missing: &[String]) {
    if let Some(text) = missing_words(module, missing) {
        words::warning(text);
    }
}

/// What is to be said of imports that nobody answers, where there are any.
pub(super) fn missing_words(module: &Module, missing: &[String]) -> Option<String> {
    let imports = match missing.len() {
        0 => return None,
        1 => "import",
        _ => "imports",
    };
    Some(format!(
        "`{}` has {} {imports} that the kernel does not answer, a call of which is a trap: {}",
        module.path.display(),
        missing.len(),
        listed(missing, MISSING_LISTED)
    ))
}
