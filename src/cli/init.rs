//! `mewz init`: writes down how the program in a folder is built.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Outcome;
use super::failure::Failure;
use super::project::{FILE_NAME, LOCAL_FILE_NAME, Project, refresh_schema};
use super::{interrupt, words};

/// What git is to leave alone in a project.
const IGNORED: [&str; 2] = ["/.mewz/", "/mewz.local.toml"];

/// Write a mewz.toml for the program in a folder
///
/// What `mewz run` would infer there from files of Cargo, Go, Zig, AssemblyScript or C is written down, to be changed.
/// `mewz new` begins a project from nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz init
  mewz init ../server
  MEWZ_APP_NAME=worker mewz init                 one of several binaries")]
pub(super) struct InitArguments {
    /// The folder [default: this one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Writes the file.
pub(super) fn run(arguments: InitArguments) -> Outcome {
    interrupt::watch();
    let folder = arguments.folder.unwrap_or_else(|| PathBuf::from("."));
    let file = folder.join(FILE_NAME);
    let shown = file.strip_prefix(".").unwrap_or(&file).to_owned();
    let failure = || Failure::new(format!("cannot write `{}`", shown.display()));
    if file.exists() {
        return Err(failure()
            .cause("it is there already")
            .hint("`mewz config` prints what it says"));
    }
    let project = Project::find(Some(&folder))?;
    let text = project.file_text().ok_or_else(|| {
        failure()
            .cause(format!(
                "`{LOCAL_FILE_NAME}` or a variable says how the program is built"
            ))
            .hint(format!("what is for everybody belongs into `{FILE_NAME}`"))
    })?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    options
        .open(&file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|problem| failure().cause(problem))?;
    refresh_schema(&folder);
    let has_ignored = ignore(&folder).map_err(|problem| {
        Failure::new(format!(
            "cannot write `{}`",
            folder.join(".gitignore").display()
        ))
        .cause(problem)
    })?;
    words::plain(format_args!("Created `{}`", shown.display()));
    if has_ignored {
        words::plain(format_args!(
            "Added {} to `.gitignore`",
            IGNORED.map(|name| format!("`{name}`")).join(" and ")
        ));
    }
    Ok(0)
}

/// Lets git leave alone what is ours, where the folder has a list of such; whether anything was added.
fn ignore(folder: &Path) -> io::Result<bool> {
    let file = folder.join(".gitignore");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(false);
    };
    let is_there = |name: &&str| {
        let bare = name.trim_matches('/');
        text.lines()
            .any(|line| line.trim().trim_matches('/') == bare)
    };
    let missing: Vec<&str> = IGNORED.into_iter().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let mut file = fs::OpenOptions::new().append(true).open(&file)?;
    let break_before = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    file.write_all(format!("{break_before}{}\n", missing.join("\n")).as_bytes())?;
    Ok(true)
}
