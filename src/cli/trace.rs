//! `mewz trace`: runs a program and prints its calls of WASI.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use console::Style;
use mewz_abi::observe::CallReport;
use serde_json::{Value, json};

use super::boot::{self, Watched};
use super::failure::Failure;
use super::kernel::KernelChoice;
use super::nearest::nearest;
use super::run::{self, Purpose, RunArguments};
use super::{Outcome, emulator, interrupt};

/// Run a program and print its calls of WASI: arguments, results, times
///
/// Each line has the seconds since the program began, the call, what it answered, and the seconds that it took. A call that
/// sleeps, or does not come back, is printed when that is known, and once more when it is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz trace app.wasm
  mewz trace app.wasm --calls path,fd_read        files that are opened, and what is read
  mewz trace app.wasm --output calls.txt -- input
  mewz trace app.wasm --summary                   which calls cost most
  mewz trace app.wasm --json | jq .call           one object a line, on standard error

Ctrl-C ends the program, and the calls so far are told. Exit status: that of `mewz run`.")]
pub(super) struct TraceArguments {
    #[command(flatten)]
    run: RunArguments,
    /// Print these calls alone: names, or how they begin (`path`, `sock_`)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    calls: Vec<String>,
    /// Write to FILE instead of standard error
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Count calls, failures and time, and print a table at the end
    #[arg(long, conflicts_with = "json")]
    summary: bool,
}

/// The kernel's option that has it tell calls from the first one on.
pub(super) const TRACING: &str = "trace=calls";

/// Runs the command.
pub(super) fn run(arguments: TraceArguments) -> Outcome {
    interrupt::watch();
    check_names(&arguments.calls)?;
    let mut printer = Printer::new(&arguments)?;
    interrupt::spare_once();
    let subject = arguments.run.subject()?;
    let mut prepared = run::prepare(arguments.run, &subject, Purpose::Watch)?;
    prepared.wishes.options.push(TRACING.to_owned());
    let outcome = run::with_image(prepared, |program, wishes, module, image| {
        boot::watch(program, wishes, module, image, &mut |watched| {
            if let Watched::Call(report) = watched {
                printer.take(&report);
            }
        })
    });
    printer.finish()?;
    interrupt::spared().map_or(outcome, Ok)
}

/// Refuses names that no call has.
fn check_names(names: &[String]) -> Result<(), Failure> {
    KernelChoice::default().with(|kernel| {
        let imports = kernel.imports();
        // The middle of `module$field$parameters$result`.
        let fields = || imports.iter().filter_map(|symbol| symbol.split('$').nth(1));
        for name in names {
            if name.is_empty() || !fields().any(|field| field.starts_with(name.as_str())) {
                let failure = Failure::usage(format!("no call of WASI is called `{name}`"));
                return Err(match nearest(name, fields()) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("`path`, `fd_read` or `sock_` would do"),
                });
            }
        }
        Ok(())
    })
}

/// What is counted of a call's name.
#[derive(Default)]
struct Count {
    calls: u64,
    failures: u64,
    ns: u64,
}

/// Prints reports as they come.
struct Printer {
    names: Vec<String>,
    out: Box<dyn Write>,
    is_json: bool,
    is_summary: bool,
    failure: Style,
    /// The first call's start.
    start_ns: Option<u64>,
    /// The start of a call that was told unfinished.
    unfinished_ns: Option<u64>,
    counts: BTreeMap<String, Count>,
    problem: Option<std::io::Error>,
}

impl Printer {
    fn new(arguments: &TraceArguments) -> Result<Self, Failure> {
        let (out, style): (Box<dyn Write>, Style) = match &arguments.output {
            Some(path) => {
                let file = File::create(path).map_err(|problem| {
                    Failure::new(format!("cannot write to `{}`", path.display())).cause(problem)
                })?;
                (
                    Box::new(BufWriter::new(file)),
                    Style::new().force_styling(false),
                )
            }
            // Line by line, so that it stays in order with what the program writes there.
            None => (Box::new(std::io::stderr()), Style::new().for_stderr()),
        };
        Ok(Self {
            names: arguments.calls.clone(),
            out,
            is_json: arguments.run.is_json(),
            is_summary: arguments.summary,
            failure: style.red(),
            start_ns: None,
            unfinished_ns: None,
            counts: BTreeMap::new(),
            problem: None,
        })
    }

    fn take(&mut self, report: &CallReport<'_>) {
        let start_ns = *self.start_ns.get_or_insert(report.start_ns);
        let is_wanted = |name: &String| report.name.starts_with(name.as_str());
        if !self.names.is_empty() && !self.names.iter().any(is_wanted) {
            return;
        }
        if self.is_summary {
            return self.count(report);
        }
        let text = if self.is_json {
            format!("{}\n", object(report, start_ns))
        } else {
            self.line(report, start_ns)
        };
        if let Err(problem) = self.out.write_all(text.as_bytes()) {
            self.problem.get_or_insert(problem);
        }
    }

    fn count(&mut self, report: &CallReport<'_>) {
        let count = self.counts.entry(report.name.to_owned()).or_default();
        // One that does not come back is told but once.
        if let Some(end_ns) = report.end_ns {
            count.calls += 1;
            count.failures += u64::from(report.errno != 0);
            count.ns += end_ns.saturating_sub(report.start_ns);
        } else if report.name == "proc_exit" {
            count.calls += 1;
        }
    }

    fn line(&mut self, report: &CallReport<'_>, start_ns: u64) -> String {
        let since = seconds(report.start_ns.saturating_sub(start_ns));
        let is_known = self.unfinished_ns.take() == Some(report.start_ns);
        if report.end_ns.is_none() {
            self.unfinished_ns = Some(report.start_ns);
        }
        let call = text(report, is_known, &self.failure);
        format!("{since:>11} {call}\n")
    }

    /// Prints the table, where it was asked for, and says what could not be written.
    fn finish(mut self) -> Result<(), Failure> {
        if self.is_summary {
            let table = table(&self.counts);
            if let Err(problem) = self.out.write_all(table.as_bytes()) {
                self.problem.get_or_insert(problem);
            }
        }
        if let Err(problem) = self.out.flush() {
            self.problem.get_or_insert(problem);
        }
        match self.problem {
            Some(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::new("cannot write the calls").cause(problem))
            }
            _ => Ok(()),
        }
    }
}

/// A call in words; `is_known`: it was told when it went to sleep.
fn text(report: &CallReport<'_>, is_known: bool, failure: &Style) -> String {
    let CallReport { name, .. } = report;
    let arguments = emulator::printable(report.arguments);
    let Some(end_ns) = report.end_ns else {
        let rest = if *name == "proc_exit" { "" } else { " …" };
        return format!("{name}({arguments}){rest}");
    };
    let results = emulator::printable(report.results);
    let answer = match report.errno {
        0 if results.is_empty() => "0".to_owned(),
        0 => results,
        number => failure.apply_to(errno(number)).to_string(),
    };
    let took = seconds(end_ns.saturating_sub(report.start_ns));
    let call = if is_known {
        format!("… {name}")
    } else {
        format!("{name}({arguments})")
    };
    format!("{call} = {answer} <{took}>")
}

/// A call that was told, for those who show it later.
#[derive(Debug)]
pub(super) struct Call {
    start_ns: u64,
    end_ns: Option<u64>,
    errno: u16,
    texts: [String; 3],
}

impl Call {
    pub(super) fn of(report: &CallReport<'_>) -> Self {
        Self {
            start_ns: report.start_ns,
            end_ns: report.end_ns,
            errno: report.errno,
            texts: [report.name, report.arguments, report.results].map(str::to_owned),
        }
    }

    fn report(&self) -> CallReport<'_> {
        let [name, arguments, results] = self.texts.each_ref().map(String::as_str);
        CallReport {
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            errno: self.errno,
            name,
            arguments,
            results,
        }
    }

    /// The call in words; `failure` paints errors.
    pub(super) fn text(&self, failure: &Style) -> String {
        text(&self.report(), false, failure)
    }

    /// The same for programs; times are since the machine came up.
    pub(super) fn object(&self) -> Value {
        object(&self.report(), 0)
    }
}

/// What programs are told of a call.
fn object(report: &CallReport<'_>, start_ns: u64) -> Value {
    json!({
        "call": report.name,
        "arguments": report.arguments,
        "results": report.results,
        "errno": report.end_ns.map(|_| errno(report.errno)),
        "start_ns": report.start_ns.saturating_sub(start_ns),
        "end_ns": report.end_ns.map(|end_ns| end_ns.saturating_sub(start_ns)),
    })
}

/// Calls, those that took longest first.
fn table(counts: &BTreeMap<String, Count>) -> String {
    let all_ns: u64 = counts.values().map(|count| count.ns).sum();
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse((count.ns, count.calls)));
    let mut text = format!(
        "{:>6} {:>12} {:>12} {:>9} {:>9} call\n",
        "% time", "seconds", "µs/call", "calls", "failures"
    );
    for (name, count) in rows {
        text.push_str(&format!(
            "{:>6.1} {:>12} {:>12.1} {:>9} {:>9} {name}\n",
            100.0 * count.ns as f64 / all_ns.max(1) as f64,
            seconds(count.ns),
            count.ns as f64 / 1e3 / count.calls.max(1) as f64,
            count.calls,
            if count.failures == 0 {
                String::new()
            } else {
                count.failures.to_string()
            },
        ));
    }
    text
}

/// `0.000123`.
fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
}

fn errno(number: u16) -> String {
    match mewz_abi::observe::errno_name(number) {
        Some(name) => name.to_owned(),
        None => format!("errno {number}"),
    }
}
