//! `mewz config`: the settings that hold here, and where each comes from; and `mewz schema`.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Outcome;
use super::failure::Failure;
use super::project::{Project, Said, Speaker, schema_text};

/// Print the settings that hold here, and where each comes from
///
/// Of each key the first of these counts: an option of the command line, an environment variable, mewz.local.toml,
/// mewz.toml, what was inferred from the folder, the default. What is printed is a project file itself, without paths made
/// whole or profiles filled in.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz config
  mewz config hello | grep run.memory
  MEWZ_KERNEL_LOG=debug mewz config --json | jq '.[] | select(.from == \"variable\")'")]
pub(super) struct ConfigArguments {
    /// The project's folder [default: the project here]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Leave out what nobody has set
    #[arg(long)]
    set: bool,
    /// Print a JSON array with key, value and place of each
    #[arg(long)]
    json: bool,
}

/// Print the JSON schema of mewz.toml
///
/// Editors find it as .mewz/schema.json, which `mewz new`, `mewz init` and `mewz dev` write and the first line of mewz.toml names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz schema > mewz.schema.json")]
pub(super) struct SchemaArguments {}

/// Prints the settings.
pub(super) fn run(arguments: ConfigArguments) -> Outcome {
    let (_, mut said) = Project::explain(arguments.folder.as_deref())?;
    if arguments.set {
        said.retain(|said| said.by != Speaker::Default);
    }
    if arguments.json {
        let all: Vec<Value> = said.iter().map(object).collect();
        return print(&format!("{:#}\n", Value::from(all)));
    }
    let settings: Vec<(String, String)> = said
        .iter()
        .map(|said| (format!("{} = {}", said.key, toml(&said.value)), place(said)))
        .collect();
    let widths = settings.iter().map(|(setting, _)| setting.chars().count());
    // A long one does not push all others away.
    let width = widths
        .filter(|width| *width <= WIDTH_MAX)
        .max()
        .unwrap_or(0);
    let line = |(setting, place): &(String, String)| format!("{setting:width$}  # {place}\n");
    print(&settings.iter().map(line).collect::<String>())
}

/// Settings up to this width stand in one column.
const WIDTH_MAX: usize = 60;

/// Prints the schema.
pub(super) fn run_schema(_: SchemaArguments) -> Outcome {
    print(&schema_text())
}

fn place(said: &Said) -> String {
    match &said.by {
        Speaker::File(path, line) => format!("{}:{line}", path.display()),
        Speaker::Variable(name) => name.clone(),
        Speaker::Inferred(file) => format!("inferred from {file}"),
        Speaker::Default => "default".to_owned(),
    }
}

fn object(said: &Said) -> Value {
    let Said { key, value, by } = said;
    match by {
        Speaker::File(path, line) => {
            json!({ "key": key, "value": value, "from": "file", "file": path, "line": line })
        }
        Speaker::Variable(name) => {
            json!({ "key": key, "value": value, "from": "variable", "variable": name })
        }
        Speaker::Inferred(file) => {
            json!({ "key": key, "value": value, "from": "inferred", "file": file })
        }
        Speaker::Default => json!({ "key": key, "value": value, "from": "default" }),
    }
}

/// The value as TOML has it, in one line.
fn toml(value: &Value) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        // TOML knows no null, and no key has one.
        Err(_) => value.to_string(),
    }
}

fn print(text: &str) -> Outcome {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot print the settings").cause(problem))
        }
        _ => Ok(0),
    }
}
