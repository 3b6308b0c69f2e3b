//! `mewz compile`: a module's object, for any operating system that answers its imports; and what the code looks like.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Outcome;
use super::cache::write_whole;
use super::code::CodeArguments;
use super::failure::Failure;
use super::module::Module;
use super::project::{Profile, Settings};
use super::{image, interrupt, pgo, values, words};
use crate::compile::dump::{self, DumpError, Look, Selection};
use crate::compile::{self, MemoryBase, OptLevel, Options};

/// Stands for standard output where a file is named.
const STANDARD_OUTPUT: &str = "-";

/// Compile a module into an object that a linker takes
///
/// The object is a relocatable ELF file. Its imports are undefined symbols named by module, field and type;
/// `kernel/abi` describes the rest, and `--emit header` says it in C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz compile app.wasm -o app.o
  mewz compile app.wasm --emit obj,header               app.o and app.h, for a program in C
  mewz compile app.wasm --emit asm -o - --function main | less -R
  mewz compile app.wasm -o app.o --target-cpu x86-64-v3 --memory-base instance")]
pub(super) struct CompileArguments {
    /// The module: `.wasm` or `.wat`
    file: PathBuf,
    /// The file to write, `-` for standard output; its ending is changed where several kinds are written
    /// [default: the module's name with the kind's ending, here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        default_value = "obj"
    )]
    emit: Vec<Kind>,
    /// Show this function only, by its name or index, in `asm` and `clif`; may be given several times
    #[arg(long, value_name = "NAME|INDEX")]
    function: Vec<String>,
    /// Show the bytes of machine code in `asm`
    #[arg(long)]
    bytes: bool,
    #[command(flatten)]
    code: CodeArguments,
    /// Where linear memory lies: an address that is known now, or `instance` to read it at run time
    #[arg(long, value_name = "0|ADDRESS|instance", default_value = "0", value_parser = values::memory_base)]
    memory_base: MemoryBase,
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// The object
    Obj,
    /// Cranelift's intermediate code, optimised, below the module's operators
    Clif,
    /// Machine code below the module's operators, in Intel's syntax
    Asm,
    /// The object's interface for C and C++
    Header,
}

impl Kind {
    fn ending(self) -> &'static str {
        match self {
            Kind::Obj => "o",
            Kind::Clif => "clif",
            Kind::Asm => "asm",
            Kind::Header => "h",
        }
    }
}

/// Compiles the module.
pub(super) fn run(arguments: CompileArguments) -> Outcome {
    interrupt::watch();
    let start = Instant::now();
    let outputs = outputs(&arguments)?;
    let module = Module::read(&arguments.file)?;
    let options = Options {
        memory_base: arguments.memory_base,
        ..arguments
            .code
            .options(Profile::Release, &Settings::default(), None)
    };
    let work = Work {
        options: arguments
            .code
            .with_profile(options, Profile::Release, &Settings::default())?,
        selection: Selection {
            wanted: arguments.function,
        },
        has_bytes: arguments.bytes,
        module: &module,
    };
    let needs_object = |(kind, _): &(Kind, PathBuf)| matches!(kind, Kind::Obj | Kind::Asm);
    let object = match outputs.iter().any(needs_object) {
        true => {
            let compiled = image::compile(&module, &work.options)?;
            pgo::tell(compiled.profile_fit);
            compiled.object
        }
        false => Vec::new(),
    };
    for (kind, output) in &outputs {
        if output == Path::new(STANDARD_OUTPUT) {
            let mut out = io::BufWriter::new(io::stdout().lock());
            let is_colored = io::stdout().is_terminal() && console::colors_enabled();
            match work.write(*kind, &object, is_colored, &mut out) {
                Err(DumpError::Output(problem)) if problem.kind() == io::ErrorKind::BrokenPipe => {}
                result => result.map_err(|problem| work.failure(output, problem))?,
            }
            continue;
        }
        let mut bytes = Vec::new();
        work.write(*kind, &object, false, &mut bytes)
            .map_err(|problem| work.failure(output, problem))?;
        write_whole(output, &[&bytes]).map_err(|problem| not_written(output, &problem))?;
        words::made("Compiled", output, bytes.len(), start);
    }
    Ok(0)
}

/// What is written, and where.
fn outputs(arguments: &CompileArguments) -> Result<Vec<(Kind, PathBuf)>, Failure> {
    let mut kinds = arguments.emit.clone();
    kinds.dedup();
    let is_alone = kinds.len() == 1;
    let wants_stdout = arguments.output.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    if wants_stdout && !is_alone {
        return Err(
            Failure::usage("cannot write several kinds to standard output")
                .hint("name one kind with `--emit`, or a file with `-o`"),
        );
    }
    if wants_stdout && kinds == [Kind::Obj] && io::stdout().is_terminal() {
        return Err(Failure::usage("an object is nothing for a terminal")
            .hint("name a file with `-o`, or take `--emit asm`"));
    }
    let name = Path::new(arguments.file.file_name().unwrap_or_default());
    let base = arguments.output.as_deref().unwrap_or(name);
    let is_named = arguments.output.is_some();
    let is_code = |kind: &Kind| matches!(kind, Kind::Asm | Kind::Clif);
    if !arguments.function.is_empty() && !kinds.iter().any(is_code) {
        return Err(
            Failure::usage("cannot choose functions of an object or a header")
                .hint("`--function` goes with `--emit asm` or `--emit clif`"),
        );
    }
    if arguments.bytes && !kinds.contains(&Kind::Asm) {
        return Err(Failure::usage("only assembly has bytes to show")
            .hint("`--bytes` goes with `--emit asm`"));
    }
    let path = |kind: Kind| match is_named && is_alone {
        true => base.to_owned(),
        false => base.with_extension(kind.ending()),
    };
    Ok(kinds.into_iter().map(|kind| (kind, path(kind))).collect())
}

/// What everything that is written has in common.
struct Work<'a> {
    module: &'a Module,
    options: Options,
    selection: Selection,
    has_bytes: bool,
}

impl Work<'_> {
    fn write(
        &self,
        kind: Kind,
        object: &[u8],
        is_colored: bool,
        out: &mut dyn Write,
    ) -> Result<(), DumpError> {
        let wasm = &self.module.bytes;
        let look = Look {
            is_colored,
            has_bytes: self.has_bytes,
        };
        match kind {
            Kind::Obj => out.write_all(object)?,
            Kind::Asm => dump::assembly(wasm, object, &self.selection, look, out)?,
            Kind::Clif => {
                dump::intermediate(wasm, &self.options, &self.selection, look, out)?;
            }
            Kind::Header => out.write_all(compile::header(wasm)?.as_bytes())?,
        }
        Ok(out.flush()?)
    }

    fn failure(&self, output: &Path, problem: DumpError) -> Failure {
        match problem {
            DumpError::Compile(problem) => self.module.refused(&problem),
            DumpError::Output(problem) => not_written(output, &problem),
            DumpError::NoFunction(name, nearest) => {
                let path = self.module.path.display();
                let failure =
                    Failure::usage(format!("`{path}` has no function `{}`", words::name(&name)));
                let failure = match self.options.opt_level {
                    OptLevel::Module => {
                        failure.hint("it may have become part of its callers: `-O1` keeps each function by itself")
                    }
                    _ => failure,
                };
                match nearest {
                    Some(nearest) => {
                        failure.hint(format!("did you mean `{}`?", words::name(&nearest)))
                    }
                    None => failure.hint(format!(
                        "`mewz size {path} --top 0` lists functions; an index works too"
                    )),
                }
            }
            DumpError::Unreadable(_) => Failure::new("cannot show the code").cause(problem),
        }
    }
}

fn not_written(output: &Path, problem: &io::Error) -> Failure {
    Failure::new(format!("cannot write `{}`", output.display())).cause(problem)
}
