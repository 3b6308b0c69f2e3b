//! `mewz doctor`: looks at what mewz and its projects need, and says, or runs, what mends it.

mod finding;
mod languages;
mod machine;
mod system;
mod tool;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use self::finding::{Finding, Group, Status, report};
use super::Outcome;
use super::cache::Cache;
use super::failure::{Failure, STATUS_FAILURE};
use super::interrupt::{self, Holding, hold};
use super::project::Project;
use super::words;

/// Look at what mewz needs on this machine, and at what would mend it
///
/// QEMU, its accelerators (each boots a machine and is timed; `--accel auto` takes the fastest from then on), gdb, the
/// toolchains of languages, limits of the system, and the ports of the project here. What a project here does not use may
/// be absent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz doctor
  mewz doctor --fix                             run what mends, each after a question
  mewz doctor --json | jq '.findings[] | select(.status == \"problem\")'

Exit status: 1 if something that is needed is missing, else 0.")]
pub(super) struct DoctorArguments {
    /// Run the commands that mend what was found, each after a question
    #[arg(long)]
    fix: bool,
    /// With --fix: run those for problems without asking; what is absent and not needed stays so
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// The QEMU to look at, a name or a path
    #[arg(long, value_name = "FILE", env = "MEWZ_QEMU", hide_env_values = true)]
    qemu: Option<PathBuf>,
}

/// Looks, reports, mends.
pub(super) fn run(arguments: DoctorArguments) -> Outcome {
    interrupt::watch();
    let may_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if arguments.fix && !arguments.yes && !may_ask {
        return Err(
            Failure::usage("cannot ask before mending, for want of a terminal")
                .hint("`--yes` mends without asking"),
        );
    }
    let mut findings = look(&arguments);
    print(&arguments, &findings)?;
    if arguments.fix && mend(&arguments, &findings)? {
        words::plain("\nOnce more:\n");
        findings = look(&arguments);
        print(&arguments, &findings)?;
    }
    advise(&arguments, &findings);
    let is_fit = findings
        .iter()
        .all(|finding| finding.status != Status::Problem);
    Ok(if is_fit { 0 } else { STATUS_FAILURE })
}

fn look(arguments: &DoctorArguments) -> Vec<Finding> {
    let cache = Cache::of_user();
    let project = Project::find(None).ok();
    let mut findings = machine::look(arguments.qemu.as_deref(), cache.as_ref());
    findings.extend(languages::look(project.as_ref()));
    findings.extend(system::look(project.as_ref(), cache.as_ref()));
    findings
}

fn print(arguments: &DoctorArguments, findings: &[Finding]) -> Result<(), Failure> {
    let text = if arguments.json {
        finding::json(findings)?
    } else {
        report(findings)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write the findings").cause(problem))
        }
        _ => Ok(()),
    }
}

/// Runs the commands that are wanted; says whether any ran.
fn mend(arguments: &DoctorArguments, findings: &[Finding]) -> Result<bool, Failure> {
    let mut has_run = false;
    for finding in findings {
        let Some(command) = finding.mended_by.as_deref() else {
            continue;
        };
        let is_wanted = match arguments.yes {
            true => finding.status == Status::Problem,
            false => ask(finding, command)?,
        };
        if is_wanted {
            has_run = true;
            run_command(command);
        }
    }
    Ok(has_run)
}

fn ask(finding: &Finding, command: &str) -> Result<bool, Failure> {
    let _cursor = hold(Holding::HiddenCursor);
    dialoguer::Confirm::new()
        .with_prompt(format!("{}: run `{command}`?", finding.name))
        .default(finding.status == Status::Problem)
        .interact()
        .map_err(|dialoguer::Error::IO(problem)| {
            if problem.kind() == std::io::ErrorKind::Interrupted {
                return interrupt::await_end();
            }
            Failure::new("cannot ask").cause(problem)
        })
}

/// Runs one command with the terminal, which it may need for a password. That it failed is told, and ends nothing.
fn run_command(command: &str) {
    words::plain(format_args!("\n$ {command}"));
    let status = Command::new("sh")
        .args(["-c", command])
        // Its words are no data.
        .stdout(std::io::stderr())
        .stdin(Stdio::inherit())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => words::warning(format_args!("`{command}` failed ({status})")),
        Err(problem) => words::warning(format_args!("cannot run `{command}`: {problem}")),
    }
}

/// Says what to do next.
fn advise(arguments: &DoctorArguments, findings: &[Finding]) {
    let of = |status: Status| {
        findings
            .iter()
            .filter(move |finding| finding.status == status)
    };
    let can_mend = |status: Status| of(status).any(|finding| finding.mended_by.is_some());
    match of(Status::Problem).count() {
        0 => words::plain("Nothing that is needed is missing"),
        1 => words::error("one thing that is needed is missing"),
        count => words::error(format_args!("{count} things that are needed are missing")),
    }
    if !arguments.fix && (can_mend(Status::Problem) || can_mend(Status::Absent)) {
        words::hint("`mewz doctor --fix` runs the commands above, each after a question");
    }
}

/// What is found in `group`.
fn finding(group: Group, name: &'static str, status: Status, detail: impl Into<String>) -> Finding {
    Finding {
        group,
        name,
        status,
        detail: detail.into(),
        mended_by: None,
        note: None,
    }
}
