//! `mewz imports`.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Imports
#[derive(Debug, clap::Args)]
pub(super) struct ImportsArguments {
    /// The module
    file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: ImportsArguments) -> Outcome {
    let _ = arguments.file;
    Err(Failure::new("`mewz imports` is not there yet"))
}
