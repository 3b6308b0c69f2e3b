//! A module's file: text or binary, and what it is when it is neither.

use std::io;
use std::path::{Path, PathBuf};

use super::debug_file::BuildId;
use super::failure::Failure;
use super::words;
use crate::compile::CompileError;

/// First bytes of every WebAssembly binary, module or component.
const MAGIC: &[u8] = b"\0asm";

/// A module in the binary format.
#[derive(Debug)]
pub(super) struct Module {
    /// Where it came from.
    pub(super) path: PathBuf,
    /// Its bytes; not validated. None where [`Module::is_image`].
    pub(super) bytes: Vec<u8>,
}

impl Module {
    /// Reads `path`, which may be an image too: that stands for its module.
    pub(super) fn or_image(path: &Path) -> Result<(Self, Option<Vec<u8>>), Failure> {
        let content = std::fs::read(path).map_err(|problem| unreadable(path, &problem))?;
        if BuildId::of(&content).is_none() {
            return Ok((Self::of(path, content)?, None));
        }
        Ok((Self::of_image(path), Some(content)))
    }

    /// What the image at `path` stands for.
    pub(super) fn of_image(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: Vec::new(),
        }
    }

    /// Whether an image stands for it, whose module nobody has here.
    pub(super) fn is_image(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads `path`; translates the text format.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let content = std::fs::read(path).map_err(|problem| unreadable(path, &problem))?;
        Self::of(path, content)
    }

    fn of(path: &Path, content: Vec<u8>) -> Result<Self, Failure> {
        let bytes = if content.starts_with(MAGIC) {
            content
        } else if is_text(path, &content) {
            translate(path, &content)?
        } else {
            return Err(not_a_module(path, &content));
        };
        Ok(Self {
            path: path.to_owned(),
            bytes,
        })
    }

    /// The file's name, which the program sees as its own.
    pub(super) fn name(&self) -> &std::ffi::OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// The sentence for a module that can't be compiled.
    pub(super) fn refused(&self, problem: &CompileError) -> Failure {
        let failure =
            Failure::new(format!("cannot compile `{}`", self.path.display())).cause(problem);
        match problem {
            CompileError::NotWasm | CompileError::Codegen { .. } | CompileError::TooLarge(_) => failure,
            CompileError::Component => failure.hint(
                "mewz runs core modules of WASI preview 1: build for `wasm32-wasip1`, or take the core module out \
                 with `wasm-tools component unbundle`",
            ),
            CompileError::Invalid { offset, .. } if *offset >= self.bytes.len() => {
                failure.hint(format!("the file ends at byte {:#x}: it looks truncated", self.bytes.len()))
            }
            CompileError::Invalid { .. } => failure.hint("build it again: the file is damaged, or its maker has a bug"),
            CompileError::Unsupported { .. } => {
                failure.hint("mewz takes WebAssembly 2.0 with SIMD: turn the proposal off where the module is built")
            }
        }
    }

    /// The sentence for a module without an entry point.
    pub(super) fn without_start(&self) -> Failure {
        let exports = self.exports();
        let cause = match &exports[..] {
            [] => "it exports nothing".to_owned(),
            names => format!("it exports {}", listed(names, 8)),
        };
        let hint = if exports.iter().any(|name| name == "_initialize") {
            "it is a reactor, a library: build it as a command, with a `main`"
        } else {
            "a program is entered at an exported function `_start` without parameters and results"
        };
        Failure::new(format!(
            "`{}` has no function `_start`",
            self.path.display()
        ))
        .cause(cause)
        .hint(hint)
    }

    /// Names of all exports; of a malformed module those that can be read.
    fn exports(&self) -> Vec<String> {
        let mut names = Vec::new();
        for payload in wasmparser::Parser::new(0).parse_all(&self.bytes) {
            if let Ok(wasmparser::Payload::ExportSection(section)) = payload {
                names.extend(
                    section
                        .into_iter()
                        .flatten()
                        .map(|export| export.name.to_owned()),
                );
            }
        }
        names
    }
}

/// The first `most` of `names` in backticks, and how many more there are.
pub(super) fn listed(names: &[String], most: usize) -> String {
    let mut text = names
        .iter()
        .take(most)
        .map(|name| format!("`{}`", words::name(name)))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > most {
        text.push_str(&format!(" and {} more", names.len() - most));
    }
    text
}

/// The sentence for a file that can't be read.
pub(super) fn unreadable(path: &Path, problem: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot read `{}`", path.display()));
    match problem.kind() {
        io::ErrorKind::NotFound if path.to_string_lossy().contains("://") => failure
            .cause("it is an address, and mewz reads files alone")
            .hint("fetch it first, as by `curl -fLO`, and name the file"),
        io::ErrorKind::NotFound => failure.cause("there is no such file").hint(
            "give the path of a `.wasm` or `.wat` file, or of a project folder; `mewz new` begins one",
        ),
        io::ErrorKind::IsADirectory => failure.cause("it is a folder").hint(
            "name a `.wasm` or `.wat` file; a project's lies where `wasm` in its `mewz.toml` says",
        ),
        _ => failure.cause(problem),
    }
}

fn is_text(path: &Path, content: &[u8]) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension == "wat")
        || extension.is_none_or(|extension| extension != "wasm")
            && matches!(content.trim_ascii_start(), [b'(', ..] | [b';', b';', ..])
}

fn translate(path: &Path, content: &[u8]) -> Result<Vec<u8>, Failure> {
    wat::parse_bytes(content)
        .map(std::borrow::Cow::into_owned)
        .map_err(|mut problem| {
            problem.set_path(path);
            Failure::new(format!("cannot read the text of `{}`", path.display())).cause(problem)
        })
}

fn not_a_module(path: &Path, content: &[u8]) -> Failure {
    let is = match content {
        [] => "the file is empty".to_owned(),
        [0, ..] if MAGIC.starts_with(content) => {
            "the file ends after its first bytes: it is truncated".to_owned()
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            "it is an ELF file for a processor, not a WebAssembly module".to_owned()
        }
        [0x1f, 0x8b, ..] => "it is compressed with gzip: unpack it first".to_owned(),
        [b'P', b'K', ..] => "it is a zip archive: unpack it first".to_owned(),
        _ => "the file does not begin with `\\0asm`".to_owned(),
    };
    let failure =
        Failure::new(format!("`{}` is not a WebAssembly module", path.display())).cause(is);
    match compiled_by(path) {
        Some(command) => failure.hint(format!("build it first: `{command}`")),
        None => failure.hint("mewz takes WebAssembly modules: `.wasm`, or their text form `.wat`"),
    }
}

/// What makes a module of a source file.
fn compiled_by(path: &Path) -> Option<String> {
    let source = words::quoted(path);
    let module = words::quoted(path.with_extension("wasm"));
    Some(match path.extension()?.to_str()? {
        "c" => format!("clang --target=wasm32-wasi -o {module} {source}"),
        "cc" | "cpp" | "cxx" => {
            format!("clang++ --target=wasm32-wasi -fno-exceptions -o {module} {source}")
        }
        "rs" => format!("rustc --target wasm32-wasip1 -o {module} {source}"),
        "zig" => format!("zig build-exe -target wasm32-wasi -femit-bin={module} {source}"),
        "go" => format!("GOOS=wasip1 GOARCH=wasm go build -o {module} {source}"),
        _ => return None,
    })
}
