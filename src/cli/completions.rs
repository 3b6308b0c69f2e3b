//! `mewz completions` and the hidden `mewz man`: the command line as shells and `man` want it.

use std::io::Write as _;
use std::path::PathBuf;

use super::Outcome;
use super::complete;
use super::failure::Failure;

/// Print a shell's completion script
///
/// What it completes is looked up as it is typed: templates, projects and modules, disks, machines that wait for a debugger.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Put the line of your shell into its file, and open a new one:
  bash        ~/.bashrc                   source <(mewz completions bash)
  zsh         ~/.zshrc, below compinit    source <(mewz completions zsh)
  fish        ~/.config/fish/config.fish  mewz completions fish | source
  elvish      ~/.config/elvish/rc.elv     eval (mewz completions elvish | slurp)
  powershell  $PROFILE                    mewz completions powershell | Out-String | Invoke-Expression

For a package, which knows no user: `mewz completions --static SHELL` prints a script that holds all names, and asks nobody.")]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
    /// Print one that completes names of commands and options only, without running mewz
    #[arg(long = "static")]
    is_static: bool,
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
    let mut script = Vec::new();
    if arguments.is_static {
        // In memory first: clap's generator panics when its reader goes away.
        let command = &mut super::command_line();
        clap_complete::generate(arguments.shell, command, "mewz", &mut script);
    } else {
        script = complete::script(&arguments.shell.to_string())?;
    }
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
