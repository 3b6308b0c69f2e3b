//! `mewz compile`: a module's object, for any operating system that answers its imports.

use std::path::PathBuf;
use std::time::Instant;

use super::Outcome;
use super::cache::write_whole;
use super::code::CodeArguments;
use super::failure::Failure;
use super::module::Module;
use super::project::Profile;
use super::values;
use super::{image, interrupt, words};
use crate::compile::{MemoryBase, Options};

/// Compile a module into an object that a linker takes
///
/// The object is a relocatable ELF file. Its imports are undefined symbols named by module, field and type;
/// `kernel/abi` describes the rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz compile app.wasm -o app.o
  mewz compile app.wasm -o app.o --target-cpu x86-64-v3 --memory-base instance")]
pub(super) struct CompileArguments {
    /// The module: `.wasm` or `.wat`
    file: PathBuf,
    /// The object to write [default: the module's name with `.o`, here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    code: CodeArguments,
    /// Where linear memory lies: an address that is known now, or `instance` to read it at run time
    #[arg(long, value_name = "0|ADDRESS|instance", default_value = "0", value_parser = values::memory_base)]
    memory_base: MemoryBase,
}

/// Compiles the module.
pub(super) fn run(arguments: CompileArguments) -> Outcome {
    interrupt::watch();
    let start = Instant::now();
    let module = Module::read(&arguments.file)?;
    let options = Options {
        memory_base: arguments.memory_base,
        ..arguments.code.options(Profile::Release, None, None)
    };
    let object = image::compile(&module, &options)?.object;
    let output = arguments
        .output
        .unwrap_or_else(|| PathBuf::from(module.name()).with_extension("o"));
    write_whole(&output, &[&object]).map_err(|problem| {
        Failure::new(format!("cannot write `{}`", output.display())).cause(problem)
    })?;
    words::made("Compiled", &output, object.len(), start);
    Ok(0)
}
