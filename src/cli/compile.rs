//! `mewz compile`.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Compile
#[derive(Debug, clap::Args)]
pub(super) struct CompileArguments {
    /// The module
    file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: CompileArguments) -> Outcome {
    let _ = arguments.file;
    Err(Failure::new("`mewz compile` is not there yet"))
}
