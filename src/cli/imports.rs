//! `mewz imports`: what a module wants from outside, and whether the kernel has it.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::Outcome;
use super::failure::Failure;
use super::kernel::KernelChoice;
use super::module::Module;
use super::words;
use crate::compile;

/// List what a module imports, and whether the kernel answers it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz imports app.wasm
  mewz imports app.wasm --json | jq '.[] | select(.answered | not)'")]
pub(super) struct ImportsArguments {
    /// The module: `.wasm` or `.wat`
    file: PathBuf,
    /// Print one JSON array instead of lines
    #[arg(long)]
    json: bool,
    /// A kernel other than the one inside
    #[arg(long, value_name = "FILE", hide = true)]
    kernel: Option<PathBuf>,
}

/// An import, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    module: &'a str,
    field: &'a str,
    #[serde(rename = "type")]
    description: &'a str,
    symbol: &'a str,
    answered: bool,
}

/// Lists the imports.
pub(super) fn run(arguments: ImportsArguments) -> Outcome {
    let module = Module::read(&arguments.file)?;
    let interface =
        compile::interface(&module.bytes).map_err(|problem| module.refused(&problem))?;
    let kernel = KernelChoice {
        file: arguments.kernel,
        ..KernelChoice::default()
    };
    let answered: HashSet<String> =
        kernel.with(|kernel| Ok(kernel.imports().into_iter().map(str::to_owned).collect()))?;
    let lines: Vec<Line<'_>> = interface
        .imports
        .iter()
        .map(|import| Line {
            module: &import.module,
            field: &import.field,
            description: &import.description,
            symbol: &import.symbol,
            answered: answered.contains(&import.symbol),
        })
        .collect();
    let text = if arguments.json {
        json(&lines)?
    } else {
        table(&lines)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write the list").cause(problem))
        }
        _ => Ok(0),
    }
}

fn json(lines: &[Line<'_>]) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(lines);
    text.map(|text| text + "\n")
        .map_err(|problem| Failure::new("cannot write the list").cause(problem))
}

fn table(lines: &[Line<'_>]) -> String {
    let names: Vec<String> = lines
        .iter()
        .map(|line| format!("{}.{}", words::name(line.module), words::name(line.field)))
        .collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    lines
        .iter()
        .zip(&names)
        .map(|(line, name)| {
            let answer = if line.answered {
                "answered"
            } else {
                "missing "
            };
            format!("{answer}  {name:width$}  {}\n", line.description)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Line, table};

    #[test]
    fn columns_line_up() {
        let line = |field, answered| Line {
            module: "env",
            field,
            description: "func () -> i32",
            symbol: "",
            answered,
        };
        assert_eq!(
            table(&[line("a", true), line("long", false)]),
            "answered  env.a     func () -> i32\nmissing   env.long  func () -> i32\n"
        );
        assert_eq!(table(&[]), "");
        // `--json` has the whole name.
        let long = "\n".repeat(99_000);
        assert_eq!(table(&[line(&long, true)]).lines().count(), 1);
    }
}
