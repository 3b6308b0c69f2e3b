//! `mewz new`: begins a project from a template.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::Outcome;
use super::failure::Failure;
use super::interrupt::{self, Holding, hold};
use super::project;
use super::project_name::ProjectName;
use super::scaffold;
use super::template::{self, Template};
use super::words;

/// The template that needs no toolchain.
const TEMPLATE_DEFAULT: &str = "wat";

/// Begin a project from a template
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz new hello                                 the smallest one, in WebAssembly's text format
  mewz new --list                                every template, and what it is
  mewz new hello --template c                    a C program
  mewz new hello --template go-http              an HTTP server in Go
  mewz new --template ../ours hello              a folder of yours; fills in its .jinja files
  mewz new --template https://host/t.git hello   a Git repository")]
pub(super) struct NewArguments {
    /// The folder to make; an empty one may be there already
    path: Option<PathBuf>,
    /// `assemblyscript`, `c`, `cpp`, `go`, `rust`, `wat`, `zig`, with `-http` behind it for a server; a folder; or the address
    /// of a Git repository [default: wat]
    #[arg(short, long, value_name = "NAME|PATH|GIT")]
    template: Option<String>,
    /// The project's name [default: the folder's]
    #[arg(long)]
    name: Option<String>,
    /// List the templates, and make nothing
    #[arg(short, long, exclusive = true)]
    list: bool,
}

/// Makes the project.
pub(super) fn run(arguments: NewArguments) -> Outcome {
    interrupt::watch();
    if arguments.list {
        return list();
    }
    let may_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let wanted = match arguments.template {
        Some(wanted) => wanted,
        None if may_ask => ask_template()?,
        None => TEMPLATE_DEFAULT.to_owned(),
    };
    let path = match arguments.path {
        Some(path) => path,
        None if may_ask => ask_path()?,
        None => {
            return Err(
                Failure::usage("cannot make a project without a folder to make it in")
                    .hint("`mewz new hello`"),
            );
        }
    };
    scaffold::refuse_occupied(&path)?;
    let name = match arguments.name {
        Some(name) => ProjectName::new(&name).map_err(|cause| refuse_name(&name, cause))?,
        None => name_of_folder(&path, may_ask)?,
    };

    let template = Template::find(&wanted)?;
    let files = template.fill_in(&name)?;
    interrupt::uninterrupted(|| scaffold::write(&path, &files))?;
    project::refresh_schema(&path);

    words::plain(format_args!(
        "Created `{name}` in `{}` from template `{wanted}`",
        path.display()
    ));
    if path != Path::new(".") {
        let path = words::quoted(path);
        words::hint(format_args!(
            "`mewz run {path}` builds and boots it, `mewz dev {path}` at every save"
        ));
    }
    if files
        .iter()
        .any(|file| file.path == Path::new("package.json"))
    {
        words::hint("the first build fetches what `package.json` names, by `npm install`");
    }
    Ok(0)
}

fn list() -> Outcome {
    let lines: String = template_lines()
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    match io::stdout().write_all(lines.as_bytes()) {
        Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot print the list of templates").cause(problem))
        }
        _ => Ok(0),
    }
}

/// The templates with what each is for, a line for each.
fn template_lines() -> Vec<String> {
    let line = |name: &&str| {
        let purpose = template::embedded_purpose(name).unwrap_or_default();
        format!("{name:<20} {purpose}")
    };
    template::embedded_names().iter().map(line).collect()
}

fn refuse_name(name: &str, cause: impl ToString) -> Failure {
    Failure::usage(format!("cannot call a project `{}`", name.escape_debug())).cause(cause)
}

/// The folder's own name, if a project may be called so.
fn name_of_folder(path: &Path, may_ask: bool) -> Result<ProjectName, Failure> {
    let folder = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder_name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match ProjectName::new(&folder_name) {
        Ok(name) => Ok(name),
        Err(_) if may_ask => ask_name(),
        Err(cause) => Err(refuse_name(&folder_name, cause)
            .hint("`--name NAME` names it otherwise than its folder")),
    }
}

fn ask_template() -> Result<String, Failure> {
    let templates = template::embedded_names();
    let chosen = ask(|| {
        dialoguer::Select::new()
            .with_prompt("Template")
            .items(template_lines())
            .default(
                templates
                    .iter()
                    .position(|name| *name == TEMPLATE_DEFAULT)
                    .unwrap_or(0),
            )
            .interact()
    })?;
    Ok(templates[chosen].to_owned())
}

fn ask_path() -> Result<PathBuf, Failure> {
    let answer: String = ask(|| {
        dialoguer::Input::new()
            .with_prompt("Folder to make")
            .default("hello".to_owned())
            .interact_text()
    })?;
    Ok(PathBuf::from(answer))
}

fn ask_name() -> Result<ProjectName, Failure> {
    let answer: String = ask(|| {
        dialoguer::Input::new()
            .with_prompt("Project name")
            .validate_with(|answer: &String| ProjectName::new(answer).map(drop))
            .interact_text()
    })?;
    ProjectName::new(&answer).map_err(|cause| refuse_name(&answer, cause))
}

/// Asks, and shows the cursor again on every way out.
fn ask<T>(prompt: impl FnOnce() -> dialoguer::Result<T>) -> Result<T, Failure> {
    let _cursor = hold(Holding::HiddenCursor);
    prompt().map_err(|dialoguer::Error::IO(error)| {
        if error.kind() == io::ErrorKind::Interrupted {
            return interrupt::await_end();
        }
        Failure::new("cannot ask for what the command line leaves open")
            .cause(error)
            .hint("`mewz new PATH --template NAME` asks nothing")
    })
}
