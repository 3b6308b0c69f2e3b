//! `mewz completions` and the hidden `mewz man`: the command line as shells and `man` want it.

use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct ManArguments {
    /// The folder
    folder: PathBuf,
}

/// Prints the script.
pub(super) fn run(arguments: CompletionsArguments) -> Outcome {
    let _ = (arguments.shell, super::command_line());
    Err(Failure::new("`mewz completions` is not there yet"))
}

/// Writes the pages.
pub(super) fn run_man(arguments: ManArguments) -> Outcome {
    let _ = arguments.folder;
    Err(Failure::new("`mewz man` is not there yet"))
}
