//! `mewz build`.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Build
#[derive(Debug, clap::Args)]
pub(super) struct BuildArguments {
    /// The module
    file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: BuildArguments) -> Outcome {
    let _ = arguments.file;
    Err(Failure::new("`mewz build` is not there yet"))
}
