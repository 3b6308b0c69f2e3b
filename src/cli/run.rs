//! `mewz run`.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Run
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// The module
    file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: RunArguments) -> Outcome {
    let _ = arguments.file;
    Err(Failure::new("`mewz run` is not there yet"))
}
