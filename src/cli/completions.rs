//! `mewz completions` and the hidden `mewz man`: the command line as shells and `man` want it.

use std::io::Write as _;
use std::path::PathBuf;

use super::Outcome;
use super::failure::Failure;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz completions bash > ~/.local/share/bash-completion/completions/mewz
  mewz completions zsh > ~/.zfunc/_mewz
  mewz completions fish > ~/.config/fish/completions/mewz.fish")]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct ManArguments {
    /// The folder; it is made if need be
    folder: PathBuf,
}

/// Prints the script.
pub(super) fn run(arguments: CompletionsArguments) -> Outcome {
    // In memory first: clap's generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut super::command_line(),
        "mewz",
        &mut script,
    );
    match std::io::stdout().write_all(&script) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::new("cannot print the completion script").cause(error)),
    }
}

/// Writes the pages.
pub(super) fn run_man(arguments: ManArguments) -> Outcome {
    let folder = arguments.folder;
    std::fs::create_dir_all(&folder)
        .and_then(|()| clap_mangen::generate_to(super::command_line(), &folder))
        .map_err(|error| {
            Failure::new(format!(
                "cannot write the manual pages into `{}`",
                folder.display()
            ))
            .cause(error)
        })?;
    Ok(0)
}
