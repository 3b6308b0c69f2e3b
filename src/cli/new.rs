//! `mewz new`: begins a project from a template.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Begin a project from a template
#[derive(Debug, clap::Args)]
pub(super) struct NewArguments {
    /// The folder to make
    path: Option<PathBuf>,
}

/// Makes the project.
pub(super) fn run(arguments: NewArguments) -> Outcome {
    let _ = arguments.path;
    Err(Failure::new("`mewz new` is not there yet"))
}
