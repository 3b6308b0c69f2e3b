//! `mewz size`: what takes how many bytes, in one file or between two.

mod difference;
mod groups;
pub(super) mod measure;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use self::difference::Difference;
use self::groups::{By, Row, group};
use self::measure::{Measured, measure};
use super::Outcome;
use super::code::CodeArguments;
use super::failure::Failure;
use super::module::{self, Module};
use super::project::{Profile, Settings};
use super::{image, interrupt, words};

/// First bytes of an ELF file.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// Show what takes how many bytes, or what changed between two files
///
/// A module is compiled first, and its own bytes stand beside those of the code. What is inlined counts to the function
/// that it became part of. Objects and images are taken as they are; one built with `--release` has no names of functions.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz size app.wasm
  mewz size app.elf --by section
  mewz size app.wasm --by crate --top 0
  mewz size old.wasm new.wasm                   largest changes first")]
pub(super) struct SizeArguments {
    /// A module (`.wasm`, `.wat`), an object or an image
    file: PathBuf,
    /// Another one: show what changed from the first to this
    other: Option<PathBuf>,
    /// What bytes are added up by
    #[arg(long, value_enum, default_value = "function")]
    by: By,
    /// How many lines to show; 0 for all
    #[arg(long, value_name = "N", default_value = "20")]
    top: usize,
    /// Print one JSON object with all lines instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    code: CodeArguments,
}

/// Measures and prints.
pub(super) fn run(arguments: SizeArguments) -> Outcome {
    interrupt::watch();
    let old = rows(&arguments, &arguments.file)?;
    let text = match &arguments.other {
        None => {
            if arguments.json {
                table::json(&arguments.file, arguments.by, &old)?
            } else {
                table::text(arguments.by, &old, arguments.top)
            }
        }
        Some(other) => {
            let new = rows(&arguments, other)?;
            let difference = Difference::of(old, new);
            if arguments.json {
                difference.json(&arguments.file, other, arguments.by)?
            } else {
                difference.text(arguments.by, arguments.top)
            }
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write the table").cause(problem))
        }
        _ => Ok(0),
    }
}

fn rows(arguments: &SizeArguments, path: &Path) -> Result<Vec<Row>, Failure> {
    let measured = measured(arguments, path)?;
    if arguments.by != By::Section && !measured.has_functions() {
        words::hint(format_args!(
            "`{}` has no names of functions: built with `--release`, an image keeps none",
            path.display()
        ));
    }
    Ok(group(measured, arguments.by))
}

fn measured(arguments: &SizeArguments, path: &Path) -> Result<Measured, Failure> {
    let unreadable = |problem: String| {
        Failure::new(format!("cannot measure `{}`", path.display())).cause(problem)
    };
    let is_elf = is_elf(path).map_err(|problem| module::unreadable(path, &problem))?;
    if is_elf {
        let bytes = std::fs::read(path).map_err(|problem| unreadable(problem.to_string()))?;
        return measure(&bytes, None).map_err(|problem| {
            unreadable(problem).hint(
                "an object or image that was cut short or changed is made anew by `mewz compile` or `mewz build`",
            )
        });
    }
    let module = Module::read(path)?;
    let options = arguments
        .code
        .options(Profile::Release, &Settings::default(), None);
    let options = arguments
        .code
        .with_profile(options, Profile::Release, &Settings::default())?;
    let object = image::compile(&module, &options)?.object;
    measure(&object, Some(&module.bytes)).map_err(unreadable)
}

fn is_elf(path: &Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(ELF_MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head == ELF_MAGIC)
}
